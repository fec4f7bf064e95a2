import { runScenarios } from './harness.js'
import { scenarios } from './scenarios/low-level.js'

runScenarios('low-level', scenarios)
