// The async context of a callback that has to wait: what AsyncLocalStorage gives in it is to be what it gave where it was handed over.
//
// `AsyncResource.bind` takes 5 to 25 us (Node 24 to 20). Here one snapshot serves all that follow one another in the same context, and one
// serves all without a store that are called together.

import { AsyncLocalStorage, executionAsyncResource } from 'node:async_hooks'
import { nextTick } from './ticks.js'
import { isOwnTick } from './ticks.js'

/** Runs a function, with one argument, in the context in which it was made. */
export type AsyncContext = <Argument>(run: (argument: Argument) => void, argument: Argument) => void

/** What ticks of the event loop carry beside their context. */
const IDS: readonly unknown[] = ['async_id_symbol', 'trigger_async_id_symbol']

/** What the last snapshot was made with: keys of the tick and their values. */
const keys: symbol[] = []
const values: unknown[] = []
let snapshot: AsyncContext | null = null

/** A snapshot without any store, in which nobody else's code runs: it could enter one, for good. */
let empty: AsyncContext | null = null
/** The same for callbacks that are called together. */
let storeless: AsyncContext | null = null

/** The context of the running tick, in which it was asked for; null if no store is in use. To be called in a callback of `nextTick` only. */
export function contextOfTick(): AsyncContext | null {
  if (!isOwnTick) return AsyncLocalStorage.snapshot() as AsyncContext
  // Node keeps the stores, or the frame of them, under symbols of the tick's object
  const tick = executionAsyncResource() as Record<symbol, unknown>
  let count = 0
  let isSame = true
  for (const key of Object.getOwnPropertySymbols(tick)) {
    const value = tick[key]
    if (value === undefined || IDS.includes(key.description)) continue
    if (keys[count] !== key || values[count] !== value) isSame = false
    keys[count] = key
    values[count] = value
    count++
  }
  if (count === 0) {
    empty ??= AsyncLocalStorage.snapshot() as AsyncContext
    return null
  }
  if (!isSame || keys.length !== count || snapshot === null) snapshot = AsyncLocalStorage.snapshot() as AsyncContext
  keys.length = values.length = count
  return snapshot
}

/** Runs a function whose context has no store, as `contextOfTick` said, wherever we are. */
export function runStoreless<Argument>(run: (argument: Argument) => void, argument: Argument): void {
  if (storeless === null) {
    empty!(takeStoreless, undefined)
    // Not sooner: each of many writes that are done together calls back
    nextTick(forgetStoreless)
  }
  storeless!(run, argument)
}

function takeStoreless(): void {
  storeless = AsyncLocalStorage.snapshot() as AsyncContext
}

/** Those that were called together are through. */
function forgetStoreless(): void {
  storeless = null
}
