import { runScenarios } from './harness.js'
import { scenarios } from './scenarios/receiving.js'

runScenarios('receiving', scenarios)
