// Keeping scanned frames that cannot be delivered at once, when the memory they lie in will be used again.

import type { FrameTable, Runtime } from './ports.js'

const NOTHING = new Uint8Array(0)

/** The frames of `table` from entry `next` on, and their octets, in memory of their own. */
export function keepFrames(table: FrameTable, next: number, runtime: Runtime): FrameTable {
  const entries = table.entries.slice(next * 3, table.count * 3)
  const { consumed, invalidUtf8 } = table
  const count = entries.length / 3
  if (count === 0) return { octets: NOTHING, entries, count, consumed, invalidUtf8, inUse: false }
  const base = entries[1]
  const octets = runtime.copy(table.octets, base, entries[entries.length - 1])
  for (let i = 0; i < entries.length; i += 3) {
    entries[i + 1] -= base
    entries[i + 2] -= base
  }
  return { octets, entries, count, consumed, invalidUtf8, inUse: false }
}
