// Turns of connections that have more to deliver than the event loop should wait for: each goes on for a while, then the next one does.
//
// What is measured is time, as listeners may do anything with a message; who asks does so every few messages only, a look at the clock
// being 60 ns.

import { performance } from 'node:perf_hooks'
import { setImmediate } from './ticks.js'

/** How long deliveries may take in a turn of the event loop before they have to wait, in ms: those of all reads, and each one that waited. */
const TURN_MS = 2
/** When none of those who waited begins any more, in ms. */
const WAITED_MS = 3

/** Who had to stop. */
export interface TurnTaker {
  takeTurn(): void
}

const now = performance.now.bind(performance)

/** When deliveries have to stop; 0 as long as nobody has asked in this turn of the event loop. */
let deadline = 0
let lastAsker: TurnTaker | null = null
let lastAsked = 0
let elapsed = 0
let scheduled = false

/** Those who wait, from entry `next` on. */
let waiting: TurnTaker[] = []
let next = 0
let serving = false

/** Whether those who waited have their turns now. */
export function isServing(): boolean {
  return serving
}

/** Whether deliveries have to stop for now. */
export function isTurnOver(asker: TurnTaker): boolean {
  const time = now()
  if (deadline === 0) {
    deadline = time + TURN_MS
    lastAsker = null
    schedule()
  }
  elapsed = lastAsker === asker ? time - lastAsked : 0
  lastAsker = asker
  lastAsked = time
  return time >= deadline
}

/** Between the last two times that somebody asked, in ms, if it was the same one in the same turn of the event loop; else 0. */
export function timeTaken(): number {
  return elapsed
}

/** `taker` goes on behind those who wait already. */
export function waitForTurn(taker: TurnTaker): void {
  waiting.push(taker)
  schedule()
}

function schedule(): void {
  if (scheduled) return
  scheduled = true
  setImmediate(serve)
}

function serve(): void {
  scheduled = false
  deadline = 0
  if (next === waiting.length) return
  const end = now() + WAITED_MS
  serving = true
  // Who has to wait again does so for the next turn of the event loop
  for (let left = waiting.length - next; left > 0; left--) {
    const time = now()
    if (time >= end) break
    const taker = takeNext()
    // Somebody else's turn may come in a nested event loop
    if (next < waiting.length) schedule()
    deadline = time + TURN_MS
    lastAsker = null
    taker.takeTurn()
  }
  serving = false
  deadline = 0
  if (next < waiting.length) schedule()
}

function takeNext(): TurnTaker {
  const taker = waiting[next++]
  if (next === waiting.length) {
    waiting = []
    next = 0
  } else if (next === 1024) {
    waiting.splice(0, next)
    next = 0
  }
  return taker
}
