// The event loop's own ways to call back later, and its clock, as they were when the package was loaded: test runners replace them with fakes, and some
// environments have no global setImmediate.

import { performance } from 'node:perf_hooks'
import process from 'node:process'
import * as timers from 'node:timers'

export const { nextTick } = process
export const { setImmediate } = timers

/** The time in ms. Fakes and spies are put on the object, so it is asked for the method of its class. */
export const clock: () => number = (Object.getPrototypeOf(performance) as typeof performance).now.bind(performance)

/** Lets `error` surface as an uncaught exception without disturbing what is under way. */
export function rethrowLater(error: unknown): void {
  nextTick(() => {
    throw error
  })
}
