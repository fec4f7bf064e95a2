import { runScenarios } from './harness.js'
import { scenarios } from './scenarios/client-handshake.js'

runScenarios('client-handshake', scenarios)
