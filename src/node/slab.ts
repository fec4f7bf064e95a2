// Memory that frames are written to: many outputs share a slab, and it is used again when all of them are through with it.

import { Buffer } from 'node:buffer'

/** Octets of a slab that outputs share. */
export const SLAB_SIZE = 256 * 1024
/** Octets of a slab that one output has to itself, because others write between what it writes. */
export const OWN_SLAB_SIZE = 8 * 1024
/** Slabs of either size that are kept for reuse, in octets; what a larger burst needs is left to the garbage collector. */
const POOL_LIMIT = 2 * 1024 * 1024

const FastBuffer = (Buffer as unknown as { [Symbol.species]: new (memory: ArrayBuffer, offset: number, length: number) => Buffer })[
  Symbol.species
]

export class Slab {
  readonly octets: Buffer
  /** That of `octets`, whose getter takes longer than the rest of `view`. */
  private readonly memory: ArrayBuffer
  /** Where the next octets go. */
  position = 0
  /** How often it was used again: octets noted at one time are there as long as this stays the same. */
  epoch = 0
  users = 0
  private readonly pool: Slab[]
  private lastView: Buffer | null = null
  private lastViewStart = 0

  constructor(size: number, pool: Slab[]) {
    this.octets = Buffer.allocUnsafeSlow(size)
    this.memory = this.octets.buffer as ArrayBuffer
    this.pool = pool
  }

  /** The callback of a write that used it: the kernel may read it until then. */
  readonly release = (): void => {
    if (--this.users > 0) return
    this.position = 0
    this.epoch++
    if (this !== shared && (this.pool.length + 1) * this.octets.length <= POOL_LIMIT) this.pool.push(this)
  }

  /** `octets[start, end)`; the same object as long as the same is asked for. */
  view(start: number, end: number): Buffer {
    const last = this.lastView
    if (last !== null && this.lastViewStart === start && last.length === end - start) return last
    this.lastViewStart = start
    return (this.lastView = new FastBuffer(this.memory, start, end - start))
  }
}

const sharedSlabs: Slab[] = []
const ownSlabs: Slab[] = []
/** The one that outputs begin to write to. */
let shared: Slab | null = null

/**
 * The shared slab, with room for `length` octets.
 * @throws {RangeError} where no slab is that large
 */
export function sharedSlab(length: number): Slab {
  if (shared === null || shared.position + length > SLAB_SIZE) {
    if (length > SLAB_SIZE) throw new RangeError(`A slab has no room for ${length} octets`)
    shared = sharedSlabs.pop() ?? new Slab(SLAB_SIZE, sharedSlabs)
  }
  return shared
}

/** A slab of `OWN_SLAB_SIZE` that nobody else writes to. */
export function ownSlab(): Slab {
  return ownSlabs.pop() ?? new Slab(OWN_SLAB_SIZE, ownSlabs)
}
