// The event loop's own ways to call back later, and its clock, as they were when the package was loaded: test runners replace them with
// fakes, and some environments have no global setImmediate.

import { AsyncLocalStorage } from 'node:async_hooks'
import { performance } from 'node:perf_hooks'
import process from 'node:process'
import * as timers from 'node:timers'
import { Fifo } from '../../core/fifo.js'
import { isNodesTick } from './internals.js'

export const { setImmediate, setTimeout, clearTimeout } = timers

/** The time in ms. Fakes and spies are put on the object, so it is asked for the method of its class. */
export const clock: () => number = (Object.getPrototypeOf(performance) as typeof performance).now.bind(performance)

const { nextTick: given } = process

/** Whether `process.nextTick` was the runtime's own when the package was loaded. */
export const isOwnTick = isNodesTick(given)

/** Calls back behind what is under way. A fake that was there before us may never call: then a promise does. */
export const nextTick = isOwnTick ? given : (callInTickOrPromise as typeof given)

/** What is still to be called, in order, by whichever of both comes first. */
const due = new Fifo<() => void>()

function callInTickOrPromise<Args extends unknown[]>(callback: (...args: Args) => void, ...args: Args): void {
  const inContext = AsyncLocalStorage.snapshot()
  due.push(() => inContext(callback, ...args))
  given(callFirst)
  void Promise.resolve().then(callFirst)
}

function callFirst(): void {
  due.shift()?.()
}

/** Lets `error` surface as an uncaught exception without disturbing what is under way. */
export function rethrowLater(error: unknown): void {
  nextTick(() => {
    throw error
  })
}
