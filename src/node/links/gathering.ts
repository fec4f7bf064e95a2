// What one connection has to write in this turn: octets of slabs, and octets by reference.

import { OWN_SLAB_SIZE, sharedSlab, type Slab, slabToMoveTo } from './slab.js'

/** Octets in order: of a slab, `slab.octets[start, end)`, or by reference. */
export interface Piece {
  octets: Uint8Array
  slab: Slab | null
  start: number
  end: number
}

/** An idle connection has none. */
export class Gathering {
  /** The slab that has our latest octets, at [start, end). */
  region: Slab | null = null
  start = 0
  end = 0
  /** What comes before that, in order; null most of the time. */
  pieces: Piece[] | null = null
  /** Octets in `pieces`. */
  piecesLength = 0

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
    const { region: slab, start, end } = this
    if (slab === null) return
    this.region = null
    this.addPiece({ octets: slab.view(start, end), slab, start, end })
    this.start = this.end = 0
  }

  /** Takes octets by reference. */
  append(octets: Uint8Array): void {
    this.closeRegion()
    this.addPiece({ octets, slab: null, start: 0, end: octets.length })
  }

  private addPiece(piece: Piece): void {
    this.pieces ??= []
    this.pieces.push(piece)
    this.piecesLength += piece.octets.length
  }

  clear(): void {
    this.region = null
    this.start = this.end = 0
    this.pieces = null
    this.piecesLength = 0
  }
}
