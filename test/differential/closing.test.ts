import { runScenarios } from './harness.js'
import { scenarios } from './scenarios/closing.js'

runScenarios('closing', scenarios)
