// What is told of a connection beside its events: diagnostics channels, and the sums of a server.

import type { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { CloseCause } from '../services/close-cause.js'
import { Counters, type Meter, type ServerStats } from '../services/counters.js'
import type { Delivery } from './delivery/delivery.js'
import { watchMessages } from './delivery/message-watch.js'
import { kCause, kObservers, observe, type Observed, type Observers, tellClosed, tellOpened } from './delivery/observer.js'
import { countOctets } from './links/octet-count.js'
import { closeChannel, connectionChannel } from './runtime/channels.js'
import { kDelivery } from './runtime/symbols.js'

/** A WebSocket. */
interface ObservedSocket extends Observed {
  readonly _closeCode: number
  readonly _closeMessage: Uint8Array
  [kDelivery]: Delivery | null
}

/** A WebSocketServer. */
interface ObservedServer {
  readonly clients: Set<ObservedSocket> | undefined
  [kObservers]: Observers<ObservedSocket>
  [kCounters]?: Counters<ObservedSocket>
}

const kCounters = Symbol('hybi.counters')

const meter: Meter<ObservedSocket> = {
  causeOf,
  countSent: (websocket, counter) => countOctets(websocket[kDelivery]!.link.output, counter)
}

/** Tells that a connection is open. */
export function noteOpened(
  websocket: ObservedSocket,
  server: EventEmitter | undefined,
  request: IncomingMessage | undefined
): void {
  if (websocket[kObservers].length > 0) tellOpened(websocket)
  if (connectionChannel.hasSubscribers) connectionChannel.publish({ websocket, request, server })
}

/** Tells that it is CLOSED, or that the attempt to open it has failed. */
export function noteClosed(websocket: ObservedSocket): void {
  tellClosed(websocket)
  if (!closeChannel.hasSubscribers || websocket[kDelivery] === null) return
  const { _closeCode: code, _closeMessage: reason } = websocket
  closeChannel.publish({ websocket, code, reason, cause: causeOf(websocket) })
}

/** Gives the prototype of servers the method `stats`. */
export function defineStats(prototype: object): void {
  Object.defineProperty(prototype, 'stats', {
    configurable: true,
    writable: true,
    value: function stats(this: ObservedServer): ServerStats {
      return (this[kCounters] ??= count(this)).read()
    }
  })
}

function causeOf(websocket: ObservedSocket): CloseCause {
  return (websocket[kCause] as CloseCause | undefined) ?? websocket[kDelivery]!.connection.closeCause
}

/** Begins to count: connections that are open, as far as they are known, and all that come. */
function count(server: ObservedServer): Counters<ObservedSocket> {
  watchMessages()
  const counters = new Counters(meter)
  const observers = [counters]
  server[kObservers] = [...server[kObservers], counters]
  for (const websocket of server.clients ?? []) observe(websocket, observers)
  return counters
}
