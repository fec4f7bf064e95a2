import { runScenarios } from './harness.js'
import { scenarios } from './scenarios/timing.js'

runScenarios('timing', scenarios)
