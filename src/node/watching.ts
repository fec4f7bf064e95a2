// Heartbeat, idleTimeout and maxLifetime of WebSockets: the watches of this process, and what they do to connections.

import { AsyncResource } from 'node:async_hooks'
import { serializeClosePayload } from '../core/close.js'
import { OPCODE_PING, OPEN } from '../core/constants.js'
import { Ticker, type Timing } from '../services/ticker.js'
import { type Keeper, Watch, type Watchable } from '../services/watch.js'
import { type WatchOptions, watchRules } from '../services/watch-options.js'
import { toBuffer } from './delivery/data.js'
import type { Delivery } from './delivery/delivery.js'
import { watchMessages } from './delivery/message-watch.js'
import { kObservers, NO_OBSERVERS, noteCause, type Observed, type Observers } from './delivery/observer.js'
import { processWide } from './runtime/process-wide.js'
import { kDelivery } from './runtime/symbols.js'
import { clearTimeout, clock, rethrowLater, setTimeout } from './runtime/ticks.js'

/** A WebSocket. */
interface WatchedSocket extends Observed, Watchable {
  readonly _paused: boolean
  [kDelivery]: Delivery | null
}

/** Any reason to hold. */
const ANY_REASON = -1

/** Watches without connections, those of clients that could not connect, are looked for when there are so many. */
const WATCHES_LIMIT = 64

/** The connections of a timer are none of whoever opened the first of them. */
const outside = new AsyncResource('HYBI_TICKER')

/** As it was before anybody faked it: a peer is no less alive because the time of a test goes on. */
const time: Timing = {
  now: clock,
  setTimer: (callback, ms, argument) => outside.runInAsyncScope(setTimeout, undefined, callback, ms, argument).unref(),
  clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout)
}

const keeper: Keeper<WatchedSocket> = {
  isOpen: (websocket) => websocket[kDelivery]!.connection.readyState === OPEN,
  isReading(websocket) {
    const { link } = websocket[kDelivery]!
    return !websocket._paused && !link.isHeldFor(ANY_REASON) && !link.stream.isPaused()
  },
  ping: (websocket, payload) => websocket[kDelivery]!.connection.sendControl(OPCODE_PING, payload),
  terminate(websocket, cause) {
    noteCause(websocket, cause)
    websocket[kDelivery]!.connection.abort()
  },
  close(websocket, code, reason, cause) {
    noteCause(websocket, cause)
    websocket[kDelivery]!.connection.close(serializeClosePayload(code, toBuffer(reason)))
  },
  report: rethrowLater
}

/** By what holds for their connections. */
const watches = new Map<string, { watch: Watch<WatchedSocket>; observers: Observers<WatchedSocket> }>()

/**
 * The observers that do what the options ask for: one list for all connections with the same.
 * @throws what `watchRules` throws
 */
export function watchersFor(options: WatchOptions, isServer: boolean): Observers<never> {
  const rules = watchRules(options, isServer)
  if (rules === null) return NO_OBSERVERS
  const key = Object.values(rules).join()
  const known = watches.get(key)
  if (known !== undefined) return known.observers
  for (const [other, { watch }] of watches.size < WATCHES_LIMIT ? [] : watches) {
    if (watch.size === 0) watches.delete(other)
  }
  if (rules.idle > 0) watchMessages()
  const ticker = processWide('ticker.1', () => new Ticker(time))
  const watch = new Watch<WatchedSocket>(rules, ticker, keeper, Math.random, () => watches.delete(key))
  const observers = [watch]
  watches.set(key, { watch, observers })
  return observers
}

/** Gives a prototype the accessor `latency`. Whoever sets it gives the WebSocket a property of its own. */
export function defineLatency(prototype: object): void {
  Object.defineProperty(prototype, 'latency', {
    configurable: true,
    get(this: WatchedSocket) {
      // Of a prototype, too
      for (const observer of this[kObservers] ?? NO_OBSERVERS) {
        if (observer instanceof Watch) return (observer as Watch<WatchedSocket>).latencyOf(this)
      }
      return undefined
    },
    set(this: WatchedSocket, value: unknown) {
      Object.defineProperty(this, 'latency', { configurable: true, enumerable: true, writable: true, value })
    }
  })
}
