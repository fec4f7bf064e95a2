// Keeping scanned frames beyond the scan: their octets if the chunk's memory will be used again, their entries if the kernels' table will.

import type { Fifo } from './fifo.js'
import type { FrameTable, MovedFrames } from './kernels.js'
import { NOTHING } from './octets.js'
import type { Runtime } from './runtime.js'
import { ENTRY_NUMBERS } from './scan-flags.js'

/** Takes a table that the kernels have just filled. */
export function takeTable(table: FrameTable): void {
  table.inUse = true
  table.kept = false
  table.until = table.count
  table.shift = 0
}

/** Gives a table back to the kernels. */
export function releaseTable(table: FrameTable): void {
  table.inUse = false
  if (!table.kept) return
  table.octets = NOTHING
  table.more = null
}

/** Notes that the frames from `first` on were moved. */
export function moveFrames(table: FrameTable, moved: Fifo<MovedFrames>): void {
  table.kept = true
  table.more = moved
  nextFrames(table)
}

/** Goes on to the frames behind `until`. */
export function nextFrames(table: FrameTable): void {
  const moved = table.more?.shift()
  if (moved === undefined) return
  table.octets = moved.octets
  table.until = moved.until
  table.shift = moved.shift
}

/** Moves the frames from entry `first` on to one memory of their own. */
export function copyFrames(table: FrameTable, first: number, runtime: Runtime): void {
  const { octets, entries, count } = table
  table.kept = true
  if (first === count) return
  const base = entries[first * ENTRY_NUMBERS + 1]
  table.octets = runtime.copy(octets, base, entries[count * ENTRY_NUMBERS - 1])
  table.shift = -base
}

/** The frames from entry `first` on of a table that is kept, in one that is nobody else's. */
export function detachTable(table: FrameTable, first: number): FrameTable {
  const { octets, consumed, count, invalidUtf8, until, shift, more } = table
  for (let i = 0; more !== null && i < more.length; i++) (more.at(i) as MovedFrames).until -= first
  return {
    octets,
    entries: table.entries.slice(first * ENTRY_NUMBERS, count * ENTRY_NUMBERS),
    count: count - first,
    consumed,
    invalidUtf8,
    inUse: false,
    kept: true,
    until: until - first,
    shift,
    more
  }
}
