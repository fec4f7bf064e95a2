import { runScenarios } from './harness.js'
import { scenarios } from './scenarios/server-handshake.js'

runScenarios('server-handshake', scenarios)
