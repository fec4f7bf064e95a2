// Runs a micro-benchmark (bench/kernels.mjs) in a process of its own.

import { serve, tellProgress } from '../lib/child.mjs'

serve({
  async run({ file, quick }) {
    const { run, format } = await import(file)
    const rows = await run({ quick, progress: tellProgress })
    return { rows, text: format(rows) }
  }
})
