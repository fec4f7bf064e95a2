import { runScenarios } from './harness.js'
import { scenarios } from './scenarios/children.js'

runScenarios('child processes', scenarios)
