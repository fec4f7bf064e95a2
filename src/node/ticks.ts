// The event loop's own ways to call back later, as they were when the package was loaded: test runners replace them with fakes, and some
// environments have no global setImmediate.

import process from 'node:process'
import * as timers from 'node:timers'

export const { nextTick } = process
export const { setImmediate } = timers

/** Lets `error` surface as an uncaught exception without disturbing what is under way. */
export function rethrowLater(error: unknown): void {
  nextTick(() => {
    throw error
  })
}
