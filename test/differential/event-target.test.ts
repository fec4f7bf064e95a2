import { runScenarios } from './harness.js'
import { scenarios } from './scenarios/event-target.js'

runScenarios('event-target', scenarios)
