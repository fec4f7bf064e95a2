import { runScenarios } from './harness.js'
import { scenarios } from './scenarios/exports.js'

runScenarios('exports', scenarios)
