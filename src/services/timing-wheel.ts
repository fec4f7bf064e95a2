// A timing wheel: places of connections, in slots by when they are to be looked at. It counts in ticks and knows no clock.
//
// A place is a number, which costs two others: there is no object for a connection, and to move it allocates nothing.

import { grown } from './numbers.js'

/** Ticks from now that a place can be put at; what is due later is looked at then, and moved on. */
export const HORIZON = 127
const SLOTS = HORIZON + 1
/** Beside the slots: those that are being looked at, and places that are free. */
const DUE = SLOTS
const NONE = -1

const FIRST_CAPACITY = 64

/** Ticks are counted in 31 bits and over again: what they are compared by is how many it was from one to another. */
const TICKS = 0x7fffffff

/** How many ticks it was from `since` to `tick`. */
export function ticksFrom(since: number, tick: number): number {
  return (tick - since) & TICKS
}

export function laterTick(tick: number, ticks: number): number {
  return (tick + ticks) & TICKS
}

export class TimingWheel {
  /** The tick that it is. */
  tick = 0
  /** How many places are taken. */
  size = 0
  /** How many there is room for. */
  capacity = FIRST_CAPACITY
  /** The first place of each slot. */
  private readonly first = new Int32Array(SLOTS + 1).fill(NONE)
  /** Those beside a place in its slot; before the first place stands its slot, as -2 - slot. */
  private next = new Int32Array(FIRST_CAPACITY)
  private previous = new Int32Array(FIRST_CAPACITY)
  /** Free places: those that were given back, joined by `next`, then all from `unused` on. */
  private free = NONE
  private unused = 0

  /** Takes a place, to be looked at after so many ticks. */
  add(ticks: number): number {
    let place = this.free
    if (place !== NONE) {
      this.free = this.next[place]
    } else {
      place = this.unused++
      if (place === this.capacity) {
        this.next = grown(this.next)
        this.previous = grown(this.previous)
        this.capacity = this.next.length
      }
    }
    this.size++
    this.put(place, ticks)
    return place
  }

  /** Gives a place back. */
  remove(place: number): void {
    this.unlink(place)
    this.next[place] = this.free
    this.free = place
    if (--this.size === 0) this.reset()
  }

  /** Has a place looked at after so many ticks, at least one, in place of when it was to be. */
  move(place: number, ticks: number): void {
    this.unlink(place)
    this.put(place, ticks)
  }

  /** Goes on to the next tick, and makes its places due behind those that still are. */
  advance(): void {
    this.tick = laterTick(this.tick, 1)
    const slot = this.tick % SLOTS
    let place = this.first[slot]
    if (place === NONE) return
    this.first[slot] = NONE
    const dueBefore = this.first[DUE]
    this.first[DUE] = place
    this.previous[place] = -2 - DUE
    if (dueBefore === NONE) return
    while (this.next[place] !== NONE) place = this.next[place]
    this.next[place] = dueBefore
    this.previous[dueBefore] = place
  }

  /** A place to be looked at now, which is to be moved or removed; -1 if there is none. */
  get due(): number {
    return this.first[DUE]
  }

  private put(place: number, ticks: number): void {
    const slot = laterTick(this.tick, ticks > HORIZON ? HORIZON : ticks) % SLOTS
    const after = this.first[slot]
    this.first[slot] = place
    this.previous[place] = -2 - slot
    this.next[place] = after
    if (after !== NONE) this.previous[after] = place
  }

  private unlink(place: number): void {
    const next = this.next[place]
    const previous = this.previous[place]
    if (previous < NONE) this.first[-2 - previous] = next
    else this.next[previous] = next
    if (next !== NONE) this.previous[next] = previous
  }

  /** What many connections took is not kept for few. */
  private reset(): void {
    this.free = NONE
    this.unused = 0
    if (this.capacity === FIRST_CAPACITY) return
    this.capacity = FIRST_CAPACITY
    this.next = new Int32Array(FIRST_CAPACITY)
    this.previous = new Int32Array(FIRST_CAPACITY)
  }
}
