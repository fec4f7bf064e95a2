// Node's ways to call back later, for connections.

import type { Clock } from '../../core/clock.js'
import { nextTick, setImmediate } from './ticks.js'

export const nodeClock: Clock = {
  defer: nextTick as Clock['defer'],
  deferTurn: setImmediate as unknown as Clock['deferTurn'],
  // As it is at the time: a program with fake timers expects that of the closing handshake to be one
  setTimer: (callback, ms, argument) => setTimeout(callback, ms, argument),
  clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout)
}
