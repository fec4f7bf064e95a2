// Calling back who sent: each callback in the async context of its own `send`, in order, and never for so long that the event loop stands.

import { Fifo } from '../../core/fifo.js'
import type { WriteCallback } from '../../core/output.js'
import { type AsyncContext, contextOfTick, runStoreless } from '../runtime/async-context.js'
import { clock, nextTick, rethrowLater, setImmediate } from '../runtime/ticks.js'

/** How many callbacks are called before the clock is looked at: a callback that sends again is called again before the loop turns. */
const UNTIMED = 64
/** Callbacks between two looks at the clock. */
const LOOK_EVERY = 16
/** How long callbacks may follow one another before the event loop has its turn, in ms. */
const TURN_MS = 5

interface Postponed {
  callback: WriteCallback
  error: Error | null
  context: AsyncContext | null
}

/** Callbacks of sends that were made before the same ones were called are one generation; those that these send are the next. */
let generation = 0
/** The generation that was under way when they began to be counted: all of it is called, however many they are. */
let first = -1
/** Callbacks of other generations since the event loop turned. */
let called = 0
/** Whether the next turn of the loop will be noticed. */
let isMarked = false
let since = 0
/** What waits for the next turn, in order; nothing may overtake it. */
const postponed = new Fifo<Postponed>()

function mark(): void {
  isMarked = false
  called = 0
}

/** Whether callbacks that send, and are called for that, have gone on for long enough. */
function isOverdue(ofGeneration: number): boolean {
  if (ofGeneration === generation) generation = (generation + 1) & 0x3fffffff
  if (ofGeneration === first || ++called < UNTIMED) return false
  if (!isMarked) {
    isMarked = true
    first = ofGeneration
    since = clock()
    setImmediate(mark)
    return false
  }
  return called % LOOK_EVERY === 0 && clock() - since >= TURN_MS
}

/** The generation of what is sent now. */
export function currentGeneration(): number {
  return generation
}

/** Calls `callback` in the running tick, which is one of its `send`, of that generation. */
export function callBackInTick(callback: WriteCallback, error: Error | null, ofGeneration: number): void {
  if (isOverdue(ofGeneration) || postponed.length > 0) postpone({ callback, error, context: contextOfTick() })
  else callback(error)
}

/**
 * Calls `callback` later than that, in `context`.
 * @returns false if it threw: the error surfaces in the next tick, and those that follow are to be called in another one
 */
export function callBackLater(callback: WriteCallback, error: Error | null, context: AsyncContext | null): boolean {
  const call = { callback, error, context }
  if (postponed.length === 0) return callBack(call)
  postpone(call)
  return true
}

/** Calls `callback` without an error, in a tick of its own, whose context is that of the caller. */
export function callBackNext(callback: WriteCallback): void {
  nextTick(callBackInTick, callback, null, generation)
}

function callBack({ callback, error, context }: Postponed): boolean {
  try {
    if (context === null) runStoreless(callback, error)
    else context(callback, error)
    return true
  } catch (thrown) {
    rethrowLater(thrown)
    return false
  }
}

function postpone(call: Postponed): void {
  postponed.push(call)
  if (postponed.length === 1) setImmediate(callPostponed)
}

function callPostponed(): void {
  mark()
  const start = clock()
  for (let i = 1; postponed.length > 0; i++) {
    callBack(postponed.first!)
    // Not before, or others could come between
    postponed.shift()
    if (i % LOOK_EVERY === 0 && clock() - start >= TURN_MS) {
      if (postponed.length > 0) setImmediate(callPostponed)
      return
    }
  }
}
