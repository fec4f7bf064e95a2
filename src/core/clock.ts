// Time as the runtime keeps it, so that a connection can be run in virtual time.

/** Ways to call back later; none calls back before it returns, unless a test wants it so. */
export interface Clock {
  /** Calls `callback(argument)` when what is under way is done, before anything else that happens. */
  defer<T>(callback: (argument: T) => void, argument: T): void
  /** Calls `callback(argument)` in a later turn of the event loop. */
  deferTurn<T>(callback: (argument: T) => void, argument: T): void
  /** Calls `callback(argument)` after `ms` milliseconds, once; returns what `clearTimer` takes. */
  setTimer<T>(callback: (argument: T) => void, ms: number, argument: T): unknown
  clearTimer(timer: unknown): void
}
