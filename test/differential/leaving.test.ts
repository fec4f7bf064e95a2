import { runScenarios } from './harness.js'
import { processScenarios, scenarios } from './scenarios/leaving.js'

runScenarios('when a frame leaves', scenarios)
// They take a process each, and no kernels
if (process.env.HYBI_KERNELS !== 'js') runScenarios('when a frame leaves, before a process blocks or ends', processScenarios)
