// Runs workloads one after the other within a time limit.

import { measure } from './measure.mjs'

/**
 * @param options workloads, peers, limit (seconds for all), and what `measure` takes
 * @param onProgress called with a line of text, often
 * @returns the results in order; a workload for which no time was left has `error`
 */
export async function runSuite({ workloads, peers, limit, level, ...options }, onProgress) {
  const end = performance.now() + limit * 1000
  const results = []
  let weight = workloads.reduce((sum, workload) => sum + (workload.weight ?? 1), 0)
  for (const [index, workload] of workloads.entries()) {
    const own = workload.weight ?? 1
    const left = end - performance.now()
    const until = performance.now() + (left * own) / weight
    weight -= own
    const { id, area, title } = workload
    const where = `[${index + 1}/${workloads.length}] ${area}: ${title}`
    if (left <= 0) {
      results.push({ id, area, title, kind: 'skipped', error: 'no time was left' })
      continue
    }
    onProgress(where)
    const started = performance.now()
    const result = await measure(workload, peers, {
      ...options,
      quick: level !== 'full',
      until,
      onRound: (round) => onProgress(`${where}, round ${round + 1} of ${options.rounds}`),
      onProgress: (text) => onProgress(`${where}: ${text}`)
    }).catch((error) => ({ id, area, title, kind: 'skipped', error: error.message }))
    results.push({ ...result, seconds: Math.round((performance.now() - started) / 100) / 10 })
  }
  return results
}

/** Writes one line over and over on a terminal, else a line each time the workload changes. */
export function progressLine(stream) {
  if (!stream.isTTY) {
    let last = ''
    return {
      show(text) {
        const workload = text.replace(/, round .*|: [^:]*$/, '')
        if (last.startsWith(workload)) return
        last = text
        stream.write(`${text}\n`)
      },
      clear() {}
    }
  }
  return {
    show: (text) => stream.write(`\r\u001b[K${text.slice(0, (stream.columns ?? 80) - 1)}`),
    clear: () => stream.write('\r\u001b[K')
  }
}
