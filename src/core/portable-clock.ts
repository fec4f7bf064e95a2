// A clock of nothing but what every runtime has.

import type { Clock } from './clock.js'

interface Timers {
  queueMicrotask(callback: () => void): void
  setTimeout(callback: () => void, ms: number): unknown
  clearTimeout(timer: unknown): void
}

/** The runtime's timers, as they are when they are needed. */
const timers = globalThis as unknown as Timers

export const portableClock: Clock = {
  defer: (callback, argument) => timers.queueMicrotask(() => callback(argument)),
  deferTurn: (callback, argument) => void timers.setTimeout(() => callback(argument), 0),
  setTimer: (callback, ms, argument) => timers.setTimeout(() => callback(argument), ms),
  clearTimer: (timer) => timers.clearTimeout(timer)
}
