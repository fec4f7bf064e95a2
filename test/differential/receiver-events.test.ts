import { runScenarios } from './harness.js'
import { scenarios } from './scenarios/receiver-events.js'

runScenarios('ws._receiver', scenarios)
