import { runScenarios } from './harness.js'
import { scenarios } from './scenarios/redirects.js'

runScenarios('redirects', scenarios)
