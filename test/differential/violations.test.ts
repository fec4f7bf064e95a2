import { runScenarios } from './harness.js'
import { scenarios } from './scenarios/violations.js'

runScenarios('protocol violations', scenarios)
