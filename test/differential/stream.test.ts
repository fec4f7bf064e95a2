import { runScenarios } from './harness.js'
import { scenarios } from './scenarios/stream.js'

runScenarios('stream', scenarios)
