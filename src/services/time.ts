// Time as services need it: a port, so that they run in virtual time.

import type { Clock } from '../core/clock.js'

export interface Time extends Clock {
  /** In ms, from some point in time on; it is never set. */
  now(): number
}
