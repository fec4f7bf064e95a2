import { runScenarios } from './harness.js'
import { scenarios } from './scenarios/constructor.js'

runScenarios('constructor', scenarios)
