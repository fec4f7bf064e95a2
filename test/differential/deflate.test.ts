import { runScenarios } from './harness.js'
import { scenarios } from './scenarios/deflate.js'

runScenarios('deflate', scenarios)
