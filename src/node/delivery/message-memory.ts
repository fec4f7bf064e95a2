// Memory of delivered messages. Small messages of one read are copied together, a few KiB at a time, and get views of that copy:
// a fourth of the time of a copy each (64 octets: 45 against 170 ns, `npm run bench -- receive`), and half of the garbage.

import { Buffer } from 'node:buffer'
import { markAsUntransferable } from 'node:worker_threads'
import { Fifo } from '../../core/fifo.js'
import { moveFrames } from '../../core/frame-table.js'
import type { FrameTable, MovedFrames } from '../../core/kernels.js'
import { FastBuffer } from '../runtime/internals.js'

/** Size of a piece of memory that small messages share, as in Node's own pool: what one of them may keep alive. */
const POOL_SIZE = 8192
/** Messages above this length get memory of their own. */
const POOLED_LIMIT = 4096
/** Below this length a loop beats `set` with a view of the source. */
const LOOP_LIMIT = 64

let pool: Uint8Array = new Uint8Array(0)
let poolUsed = 0

/** The memory that was last made a Buffer of, and its buffer, whose getter is slow. */
let viewed = pool
let viewedBuffer = pool.buffer as ArrayBuffer

/** A Buffer with a copy of `octets[start, end)`. */
export function copyToBuffer(octets: Uint8Array, start: number, end: number): Buffer {
  const length = end - start
  const target = Buffer.allocUnsafe(length)
  if (length <= LOOP_LIMIT) for (let i = 0; i < length; i++) target[i] = octets[start + i]
  else target.set(octets.subarray(start, end))
  return target
}

/** A Buffer over `octets[start, end)`, which is memory that `keepFrames` gave. */
export function keptBuffer(octets: Uint8Array, start: number, end: number): Buffer {
  // One that has its memory alone
  if (end - start === octets.length) return octets as Buffer
  if (octets !== viewed) {
    viewed = octets
    viewedBuffer = octets.buffer as ArrayBuffer
  }
  return new FastBuffer(viewedBuffer, start, end - start)
}

/** See `Runtime`: each large payload to a Buffer of its own, small ones together. */
export function keepFrames(table: FrameTable, first: number): void {
  const { octets, entries, count } = table
  table.kept = true
  if (first === count) return
  const start = entries[first * 3 + 1]
  const end = entries[count * 3 - 1]
  if (end - start > POOLED_LIMIT) return keepApart(table, first)
  // Most reads are as short
  roomFor(end - start, end - start)
  table.octets = pool
  table.shift = copyToPool(octets, start, end)
}

/** Frames that do not go to the pool all together. */
function keepApart(table: FrameTable, first: number): void {
  const { octets, entries, count } = table
  const moved = new Fifo<MovedFrames>()
  for (let next = first; next < count;) {
    const start = entries[next * 3 + 1]
    let end = entries[next * 3 + 2]
    if (end - start > POOLED_LIMIT) {
      moved.push({ octets: copyToBuffer(octets, start, end), until: ++next, shift: -start })
      continue
    }
    const room = roomFor(end - start, entries[count * 3 - 1] - start)
    for (; next < count; next++) {
      const last = entries[next * 3 + 2]
      if (last - start > room || last - entries[next * 3 + 1] > POOLED_LIMIT) break
      end = last
    }
    moved.push({ octets: pool, until: next, shift: copyToPool(octets, start, end) })
  }
  moveFrames(table, moved)
}

/** Copies `octets[start, end)` to the pool, the octets of headers between payloads, too; returns how far. */
function copyToPool(octets: Uint8Array, start: number, end: number): number {
  const shift = poolUsed - start
  pool.set(octets.subarray(start, end), poolUsed)
  // Views for words of eight octets stay possible
  poolUsed = (end + shift + 7) & ~7
  return shift
}

/** Sees to it that the pool has room for `length` octets at least; for all that is `wanted` unless there is much room already. */
function roomFor(length: number, wanted: number): number {
  let room = POOL_SIZE - poolUsed
  if (pool.length === 0 || room < length || (room < wanted && room < POOLED_LIMIT)) {
    pool = Buffer.allocUnsafeSlow(POOL_SIZE)
    // As Node does with its own: who transfers one message must not empty the others
    markAsUntransferable(pool.buffer as ArrayBuffer)
    poolUsed = 0
    room = POOL_SIZE
  }
  return room
}
