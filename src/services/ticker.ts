// One timer for all that is done to connections by the clock, in a process.

import type { Time } from './time.js'

/** Of time it needs only this. */
export type Timing = Pick<Time, 'now' | 'setTimer' | 'clearTimer'>

/** What has something to do at times. */
export interface Ticking {
  /**
   * Does what is due; must not throw.
   * @returns when there is more to do, in ms
   */
  run(now: number): number
}

/** Has others run when they want to. Its timer keeps no process alive, and there is none as long as there is nothing to do. */
export class Ticker {
  private readonly time: Timing
  /** Each with when it is to run. */
  private readonly all = new Map<Ticking, number>()
  private timer: unknown = null
  /** When the timer is due. */
  private next = Infinity

  /** @param time whose timers must keep no process alive */
  constructor(time: Timing) {
    this.time = time
  }

  now(): number {
    return this.time.now()
  }

  /** Has it run at this time. */
  add(ticking: Ticking, at: number): void {
    this.all.set(ticking, at)
    if (at < this.next) this.set(at)
  }

  remove(ticking: Ticking): void {
    this.all.delete(ticking)
    if (this.all.size === 0) this.clear()
  }

  private static run(ticker: Ticker): void {
    ticker.timer = null
    ticker.next = Infinity
    ticker.run()
  }

  private run(): void {
    const now = this.time.now()
    for (const [ticking, at] of this.all) {
      if (at > now) continue
      const next = ticking.run(now)
      // It may have removed itself
      if (this.all.has(ticking)) this.all.set(ticking, next)
    }
    let first = Infinity
    for (const at of this.all.values()) first = Math.min(first, at)
    if (first < this.next) this.set(first)
  }

  private set(at: number): void {
    this.clear()
    this.next = at
    // Timers may be early by a fraction
    this.timer = this.time.setTimer(Ticker.run, Math.max(1, Math.ceil(at - this.time.now())), this)
  }

  private clear(): void {
    if (this.timer !== null) this.time.clearTimer(this.timer)
    this.timer = null
    this.next = Infinity
  }
}
