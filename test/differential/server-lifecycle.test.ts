import { runScenarios } from './harness.js'
import { scenarios } from './scenarios/server-lifecycle.js'

runScenarios('server-lifecycle', scenarios)
