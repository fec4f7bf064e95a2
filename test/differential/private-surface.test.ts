import { runScenarios } from './harness.js'
import { scenarios } from './scenarios/private-surface.js'

runScenarios('private-surface', scenarios)
