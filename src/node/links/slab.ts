// Memory that frames are written to: many outputs share a slab, and it is used again when all of them are through with it.

import { Buffer } from 'node:buffer'
import { FastBuffer } from '../runtime/internals.js'

/** Octets of a slab that outputs share. */
export const SLAB_SIZE = 256 * 1024
/** Octets of a slab that one output has to itself, because others write between what it writes. */
export const OWN_SLAB_SIZE = 8 * 1024
/** Slabs of either size that are kept for reuse, in octets; what a larger burst needs is left to the garbage collector. */
const POOL_LIMIT = 2 * 1024 * 1024
/** Own slabs that may be in use before less than `OWN_SLAB_FROM` octets do without: they are moved within shared slabs, again and again. */
const OWN_SLABS = POOL_LIMIT / OWN_SLAB_SIZE
const OWN_SLAB_FROM = 2048

export class Slab {
  readonly octets: Buffer
  /** That of `octets`, whose getter takes longer than the rest of `view`. */
  private readonly memory: ArrayBuffer
  /** Where the next octets go. */
  position = 0
  users = 0
  private readonly pool: Slab[]
  private lastView: Buffer | null = null
  private lastViewStart = 0
  private lastCopy: Buffer | null = null
  private lastCopyStart = 0

  constructor(size: number, pool: Slab[]) {
    this.octets = Buffer.allocUnsafeSlow(size)
    this.memory = this.octets.buffer as ArrayBuffer
    this.pool = pool
  }

  /** The callback of a write that used it: the kernel may read it until then. */
  readonly release = (): void => {
    if (--this.users > 0) return
    this.position = 0
    this.lastCopy = null
    if (this === shared) return
    if ((this.pool.length + 1) * this.octets.length <= POOL_LIMIT) this.pool.push(this)
    else if (this.pool === ownSlabs) ownSlabCount--
  }

  /** `octets[start, end)`; the same object as long as the same is asked for. */
  view(start: number, end: number): Buffer {
    const last = this.lastView
    if (last !== null && this.lastViewStart === start && last.length === end - start) return last
    this.lastViewStart = start
    return (this.lastView = new FastBuffer(this.memory, start, end - start))
  }

  /**
   * `octets[start, end)`, which are not written to any more, in memory of their own; the same object as long as the same is asked for:
   * slow readers of one message share a copy.
   */
  copy(start: number, end: number): Buffer {
    const last = this.lastCopy
    if (last !== null && this.lastCopyStart === start && last.length === end - start) return last
    this.lastCopyStart = start
    const copy = Buffer.allocUnsafe(end - start)
    copy.set(this.octets.subarray(start, end))
    return (this.lastCopy = copy)
  }
}

const sharedSlabs: Slab[] = []
const ownSlabs: Slab[] = []
/** Own slabs in use and in the pool. */
let ownSlabCount = 0
/** The one that outputs begin to write to. */
let shared: Slab | null = null

/**
 * The shared slab, with room for `length` octets.
 * @throws {RangeError} if no slab is that large
 */
export function sharedSlab(length: number): Slab {
  if (shared === null || shared.position + length > SLAB_SIZE) {
    if (length > SLAB_SIZE) throw new RangeError(`A slab has no room for ${length} octets`)
    shared = sharedSlabs.pop() ?? new Slab(SLAB_SIZE, sharedSlabs)
  }
  return shared
}

/**
 * Where an output goes on that others wrote behind: a slab that nobody else writes to, or the shared one. A new slab for each of 10,000
 * connections that are sent two small messages in a turn would be 80 MiB.
 * @param length octets that it moves there, and room for those that follow; at most `OWN_SLAB_SIZE`
 */
export function slabToMoveTo(length: number): Slab {
  const pooled = ownSlabs.pop()
  if (pooled !== undefined) return pooled
  if (length < OWN_SLAB_FROM && ownSlabCount >= OWN_SLABS) return sharedSlab(length)
  ownSlabCount++
  return new Slab(OWN_SLAB_SIZE, ownSlabs)
}
