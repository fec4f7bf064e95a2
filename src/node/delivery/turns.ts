// Turns of connections that have more to deliver than the event loop should wait for: each goes on for a while, then the next one does.
//
// What is measured is time, as listeners may do anything with a message; who asks does so every few messages only, a look at the clock
// being 60 ns. Those who waited go on where a message arrives at a port, as a listener may let a nested event loop run: in one of several
// immediates Node does not survive that, and below a timer no other timer would come.

import { AsyncResource } from 'node:async_hooks'
import { performance } from 'node:perf_hooks'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { Fifo } from '../../core/fifo.js'
import { setImmediate } from '../runtime/ticks.js'

/** How long deliveries may take in a turn of the event loop before they have to wait, in ms: those of all reads, and each one that waited. */
const TURN_MS = 2
/** When none of those who waited begins any more, in ms. */
const WAITED_MS = 3

/** Turns are counted up to this number and over again. */
export const LAST_TURN = 0xffff

/** Who had to stop. */
export interface TurnTaker {
  takeTurn(): void
}

const now = performance.now.bind(performance)

let turn = 0
/** When deliveries have to stop; 0 as long as nobody has asked in this turn. */
let deadline = 0
let lastAsker: TurnTaker | null = null
let lastAsked = 0
let elapsed = 0

let scheduled = false
/** Where a message makes for the turns of those who wait. */
let sender: MessagePort | null = null
let receiver: MessagePort | null = null
let posted = false

/** Those who wait, each with the context that it stopped in. */
const waiting = new Fifo<{ taker: TurnTaker; context: AsyncResource }>()

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

/** Between the last two times that somebody asked, in ms, if it was the same one in the same turn; else 0. */
export function timeTaken(): number {
  return elapsed
}

/** Which turn it is. */
export function currentTurn(): number {
  return turn
}

/** `taker` goes on behind those who wait already. */
export function waitForTurn(taker: TurnTaker): void {
  waiting.push({ taker, context: new AsyncResource('HYBI_TURN') })
  schedule()
}

function schedule(): void {
  if (scheduled) return
  scheduled = true
  setImmediate(endTurn)
}

function beginTurn(end: number): void {
  turn = turn === LAST_TURN ? 1 : turn + 1
  deadline = end
  lastAsker = null
}

function endTurn(): void {
  scheduled = false
  beginTurn(0)
  if (waiting.length > 0) post()
}

/** Not from within `serve`: messages that are posted there would be received without a turn of the event loop between. */
function post(): void {
  if (posted) return
  posted = true
  if (sender === null) {
    const { port1, port2 } = new MessageChannel()
    sender = port1
    receiver = port2
    receiver.on('message', serve)
    sender.unref()
  }
  receiver!.ref()
  sender.postMessage(null)
}

function serve(): void {
  posted = false
  receiver!.unref()
  const end = now() + WAITED_MS
  // Who has to wait again does so for the next time
  for (let left = waiting.length; left > 0 && waiting.length > 0; left--) {
    const time = now()
    if (time >= end) break
    const { taker, context } = waiting.shift()!
    // Somebody else's turn may come in a nested event loop
    if (waiting.length > 0) schedule()
    beginTurn(time + TURN_MS)
    context.runInAsyncScope(takeTurn, undefined, taker)
  }
  beginTurn(0)
  if (waiting.length > 0) schedule()
}

function takeTurn(taker: TurnTaker): void {
  taker.takeTurn()
}
