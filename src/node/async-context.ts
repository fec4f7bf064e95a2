// The async context of a callback that has to wait: what AsyncLocalStorage gives in it is to be what it gave where it was handed over.
//
// `AsyncResource.bind` takes 5 to 25 us (Node 24 to 20). Here nothing is made for callbacks without a store, and one snapshot serves all
// that follow one another in the same context.

import { AsyncLocalStorage, executionAsyncResource } from 'node:async_hooks'

/** Runs a function, with one argument, in the context in which it was made. */
export type AsyncContext = <Argument>(run: (argument: Argument) => void, argument: Argument) => void

/** What ticks of the event loop carry beside their context. */
const IDS: readonly unknown[] = ['async_id_symbol', 'trigger_async_id_symbol']

/** What the last snapshot was made with: keys of the tick and their values. */
const keys: symbol[] = []
const values: unknown[] = []
let snapshot: AsyncContext | null = null

/** The context of the running tick, in which it was asked for; null if no store is in use. To be called in a callback of `nextTick` only. */
export function contextOfTick(): AsyncContext | null {
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
  if (count === 0) return null
  if (!isSame || keys.length !== count || snapshot === null) snapshot = AsyncLocalStorage.snapshot() as AsyncContext
  keys.length = values.length = count
  return snapshot
}
