import { runScenarios } from './harness.js'
import { scenarios } from './scenarios/socket.js'

runScenarios('socket', scenarios)
