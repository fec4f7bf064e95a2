import { runScenarios } from './harness.js'
import { scenarios } from './scenarios/leaving.js'

runScenarios('when a frame leaves', scenarios)
