// What one connection has to write in this turn: octets of slabs, and octets by reference.

import type { WriteCallback } from '../core/sender.js'
import { OWN_SLAB_SIZE, sharedSlab, type Slab, slabToMoveTo } from './slab.js'

/** Who wants to be told when the first `end` octets of a batch are written. */
export interface Waiting {
  callback: WriteCallback
  end: number
}

/** An idle connection has none. */
export class Gathering {
  /** The slab that has our latest octets, at [start, end). */
  region: Slab | null = null
  start = 0
  end = 0
  /** What comes before that, in order; null most of the time. */
  pieces: Uint8Array[] | null = null
  /** Octets in `pieces`. */
  piecesLength = 0
  /** Slabs that `pieces` lie in. */
  used: Slab[] | null = null
  waiting: Waiting[] | null = null

  get length(): number {
    return this.piecesLength + this.end - this.start
  }

  /** Room for `length` octets at `position` of the slab that is returned. */
  reserve(length: number): Slab {
    const slab = this.region
    if (slab !== null && this.end === slab.position && slab.position + length <= slab.octets.length) return slab
    return this.findRoom(slab, length)
  }

  /** Takes octets that lie in `slab` already, if nothing of ours is open or they follow on it; false if not. */
  adopt(slab: Slab, start: number, end: number): boolean {
    if (this.region === null) {
      slab.users++
      this.region = slab
      this.start = start
    } else if (this.region !== slab || this.end !== start) {
      return false
    }
    this.end = end
    return true
  }

  /** Goes on elsewhere: others wrote behind us, the slab is full, or there is none yet. */
  private findRoom(old: Slab | null, length: number): Slab {
    const held = this.end - this.start
    if (old !== null && held + length <= OWN_SLAB_SIZE) {
      // A few octets: have them in one piece with what follows
      const { start, end } = this
      const slab = this.openRegion(slabToMoveTo(held + length))
      slab.octets.set(old.octets.subarray(start, end), this.start)
      this.end = slab.position += held
      old.release()
      return slab
    }
    this.closeRegion()
    return this.openRegion(sharedSlab(length))
  }

  private openRegion(slab: Slab): Slab {
    slab.users++
    this.region = slab
    this.start = this.end = slab.position
    return slab
  }

  closeRegion(): void {
    const { region } = this
    if (region === null) return
    this.region = null
    this.used ??= []
    this.used.push(region)
    this.addPiece(region.view(this.start, this.end))
    this.start = this.end = 0
  }

  addPiece(octets: Uint8Array): void {
    this.pieces ??= []
    this.pieces.push(octets)
    this.piecesLength += octets.length
  }

  clear(): void {
    this.region = null
    this.start = this.end = 0
    this.pieces = null
    this.piecesLength = 0
    this.used = null
    this.waiting = null
  }
}
