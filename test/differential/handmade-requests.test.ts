import { runScenarios } from './harness.js'
import { scenarios } from './scenarios/handmade-requests.js'

runScenarios('requests made by hand', scenarios)
