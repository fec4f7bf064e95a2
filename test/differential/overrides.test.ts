import { runScenarios } from './harness.js'
import { scenarios } from './scenarios/overrides.js'

runScenarios('methods of the program', scenarios)
