// Keeping scanned frames beyond the scan: their octets where the chunk's memory is used again, their entries where the kernels' table is.

import type { FrameTable, Runtime } from './ports.js'

/** In the first number of an entry of a table with `memories`: which of them its octets are in. */
export const MEMORY_SHIFT = 16

const NOTHING = new Uint8Array(0)

/** Moves the frames from entry `first` on to one memory of their own. */
export function copyFrames(table: FrameTable, first: number, runtime: Runtime): void {
  const { octets, entries, count } = table
  const base = first < count ? entries[first * 3 + 1] : 0
  table.memories = [first < count ? runtime.copy(octets, base, entries[count * 3 - 1]) : NOTHING]
  for (let i = first * 3; i < count * 3; i += 3) {
    entries[i + 1] -= base
    entries[i + 2] -= base
  }
}

/** The frames of a table with `memories` from entry `first` on, in a table that is nobody else's. */
export function detachTable(table: FrameTable, first: number): FrameTable {
  const { memories, consumed, count, invalidUtf8 } = table
  const entries = table.entries.slice(first * 3, count * 3)
  return { octets: NOTHING, entries, count: count - first, consumed, invalidUtf8, inUse: false, memories }
}

/** Gives a table back to the kernels. */
export function releaseTable(table: FrameTable): void {
  table.inUse = false
  table.memories = null
}

/** Octets of the frames from entry `first` on; the headers count where they lie between them. */
export function octetsFrom({ entries, count, memories }: FrameTable, first: number): number {
  if (memories === null) return entries[count * 3 - 1] - entries[first * 3 + 1]
  let length = 0
  for (let i = first * 3; i < count * 3; i += 3) length += entries[i + 2] - entries[i + 1]
  return length
}
