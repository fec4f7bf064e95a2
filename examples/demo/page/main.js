// Wires the page's parts together.

import { startChat } from './chat.js'
import { startKernelBenchmark } from './kernel-benchmark.js'
import { startRoundTrips } from './round-trips.js'

startChat()
startRoundTrips()
startKernelBenchmark()
