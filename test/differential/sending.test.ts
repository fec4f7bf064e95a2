import { runScenarios } from './harness.js'
import { scenarios } from './scenarios/sending.js'

runScenarios('sending', scenarios)
