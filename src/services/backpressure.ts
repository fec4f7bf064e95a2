// Backpressure: who sends is told when so much waits that he should, and when that is over.
//
// Nothing is looked at when a message is sent. That the mark is reached is noticed where the system did not take a write at once, where a
// message has to wait for compression, and when somebody looks; and that the time to wait is over, when a write is done, or a message
// compressed.

import { CLOSED, OPEN } from '../core/constants.js'
import { type Observer, observe } from '../node/delivery/observer.js'
import { kBuffered, kDelivery } from '../node/runtime/symbols.js'
import { type Abortable, signalOf, untilAborted } from './abort.js'
import { kHighWaterMark, type ServiceSettings } from './connection-options.js'
import { notOpen, type Served, type ServedDelivery, stateOf } from './served.js'

const kBackpressure = Symbol('hybi.backpressure')

/** Of a connection on which so much waited once. */
interface Backpressure {
  /** From when the mark was reached until what waits has fallen below a quarter of it. */
  isNeeded: boolean
  /** What those wait for who asked to be told; one for all of them. */
  drained: Drained | null
}

interface Drained {
  promise: Promise<void>
  resolve(): void
  reject(error: Error): void
}

export interface PressedSocket extends Served, ServiceSettings {
  [kBackpressure]?: Backpressure
}

const observers: readonly Observer<PressedSocket>[] = [
  {
    writable: lookIfDrained,
    closed: (ws) => {
      const state = ws[kBackpressure]!
      state.isNeeded = false
      state.drained?.reject(notOpen(CLOSED))
      state.drained = null
    }
  }
]

/** Members of WebSockets. */
export const backpressureMembers: object & ThisType<PressedSocket> = {
  /** Whether who sends should wait for 'drain'. */
  get writableNeedDrain(): boolean {
    return needsDrain(this)
  },

  /**
   * Resolves when `writableNeedDrain` is false: at once, or with the next 'drain'; rejects if the connection ends before.
   * @param options `signal`: ends the waiting with its reason
   */
  async drained(options?: Abortable): Promise<void> {
    const signal = signalOf(options)
    signal?.throwIfAborted()
    const state = stateOf(this)
    if (state > OPEN) throw notOpen(state)
    if (!needsDrain(this)) return
    const { promise } = (this[kBackpressure]!.drained ??= newDrained())
    await (signal === undefined ? promise : untilAborted(promise, signal))
  },

  [kBuffered](): void {
    lookIfReached(this)
  }
}

function newDrained(): Drained {
  let resolve!: () => void
  let reject!: (error: Error) => void
  const promise = new Promise<void>((resolved, rejected) => {
    resolve = resolved
    reject = rejected
  })
  return { promise, resolve, reject }
}

function needsDrain(ws: PressedSocket): boolean {
  lookIfReached(ws)
  return ws[kBackpressure]?.isNeeded === true && ws[kDelivery]!.connection.readyState === OPEN
}

function lookIfReached(ws: PressedSocket): void {
  const delivery = ws[kDelivery]
  const state = ws[kBackpressure]
  if (delivery === null || state?.isNeeded === true || delivery.connection.readyState !== OPEN) return
  // First without writing what was gathered: who looks for each message shall not have each written by itself
  if (delivery.heldLength < ws[kHighWaterMark] || delivery.bufferedLength < ws[kHighWaterMark] || !willTell(delivery)) return
  if (state !== undefined) {
    state.isNeeded = true
    return
  }
  ws[kBackpressure] = { isNeeded: true, drained: null }
  observe(ws, observers)
}

/** Sees to it that we are told when less waits; false if nothing does but what the program wrote to the socket itself, which is its affair. */
function willTell({ link, connection }: ServedDelivery): boolean {
  return link.tellWhenWritable() || connection.sender.bufferedLength > 0
}

/** Less waits than before. */
function lookIfDrained(ws: PressedSocket): void {
  const state = ws[kBackpressure]!
  const delivery = ws[kDelivery]!
  // Nobody can go on where nothing can be sent any more
  if (!state.isNeeded || delivery.connection.readyState !== OPEN) return
  if (delivery.bufferedLength >= ws[kHighWaterMark] / 4 && willTell(delivery)) return
  state.isNeeded = false
  state.drained?.resolve()
  state.drained = null
  // A program that replaced `emit` hears of nothing that it did not ask for
  if (ws.listenerCount('drain') > 0) ws.emit('drain')
}
