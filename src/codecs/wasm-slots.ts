// Places in WASM memory, lent to recently active connections.

/** Who holds a slot. It writes `slot` only through `Slots`. */
export interface SlotHolder {
  /** Number of the slot; -1 for none. */
  slot: number
  /** Carries what it needs out of its slot, which is given to another right after. */
  evict(): void
}

export class Slots {
  private readonly holders: (SlotHolder | null)[]
  /** When each slot was last used, as a count of uses. */
  private readonly used: Float64Array
  private clock = 0
  private held = 0
  private seed = 1

  constructor(
    private readonly start: number,
    private readonly size: number,
    count: number
  ) {
    this.holders = new Array<SlotHolder | null>(count).fill(null)
    this.used = new Float64Array(count)
  }

  /** Notes a use of `slot`. */
  touch(slot: number): void {
    this.used[slot] = ++this.clock
  }

  /** Gives `holder`, which has none, a slot; returns its address. */
  acquire(holder: SlotHolder): number {
    const slot = this.held < this.holders.length ? this.holders.indexOf(null) : this.evictOne()
    this.holders[slot] = holder
    this.held++
    holder.slot = slot
    this.touch(slot)
    return this.start + slot * this.size
  }

  release(holder: SlotHolder): void {
    if (holder.slot < 0) return
    this.holders[holder.slot] = null
    this.held--
    holder.slot = -1
  }

  private evictOne(): number {
    // The older of two random ones: if connections take turns, and there are more of them than slots, the oldest one is the next to be used
    const one = this.random()
    const other = this.random()
    const slot = this.used[one] < this.used[other] ? one : other
    const holder = this.holders[slot] as SlotHolder
    holder.evict()
    this.release(holder)
    return slot
  }

  private random(): number {
    this.seed = (Math.imul(this.seed, 1664525) + 1013904223) >>> 0
    return Math.floor((this.seed / 4294967296) * this.holders.length)
  }
}
