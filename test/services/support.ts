// A clock that stands still until it is told to go on, and what timers did.

import type { Timing as Time } from '../../src/services/ticker.js'

interface Timer {
  at: number
  run: () => void
}

export class VirtualTime implements Time {
  /** Timers that are set. */
  readonly timers = new Set<Timer>()
  /** How often a timer was due. */
  runs = 0
  private time: number

  constructor(time = 12_345.678) {
    this.time = time
  }

  now(): number {
    return this.time
  }

  setTimer<T>(callback: (argument: T) => void, ms: number, argument: T): unknown {
    const timer = { at: this.time + ms, run: () => callback(argument) }
    this.timers.add(timer)
    return timer
  }

  clearTimer(timer: unknown): void {
    this.timers.delete(timer as Timer)
  }

  /** Goes on for so long, and runs timers when they are due. */
  pass(ms: number): void {
    const end = this.time + ms
    for (;;) {
      const timer = [...this.timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
      if (timer === undefined) break
      this.time = Math.max(this.time, timer.at)
      this.timers.delete(timer)
      this.runs++
      timer.run()
    }
    this.time = end
  }

  /** Goes on, or back, while no timer runs; those that are due then run with the next `pass`. */
  jump(ms: number): void {
    this.time += ms
  }
}
