import { runScenarios } from './harness.js'
import { scenarios } from './scenarios/leaving-children.js'

runScenarios('when a frame leaves, before a process blocks or ends', scenarios)
