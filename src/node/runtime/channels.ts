// The diagnostics channels, which tell whoever subscribes what happens on connections.

import { channel, type Channel } from 'node:diagnostics_channel'

/** A connection is open: `{ websocket, request, server }`, the latter two if a server has accepted it. */
export const connectionChannel = channel('hybi:connection')
/** A server has refused a request: `{ request, socket, status, message }`. */
export const refusedChannel = channel('hybi:refused')
/** A connection is CLOSED: `{ websocket, code, reason, cause }`. */
export const closeChannel = channel('hybi:close')
/** A message is about to be delivered: `{ websocket, data, isBinary, length }`. */
export const messageChannel = channel('hybi:message')
/** A message was given to be sent: `{ websocket, data, isBinary, length, fin }`. */
export const sendChannel = channel('hybi:send')
/** A connection, or the attempt to open one, has failed: `{ websocket, error }`. */
export const errorChannel = channel('hybi:error')

/**
 * Calls `prepare` when somebody subscribes to a channel for the first time, so that what is published often need not ask each time whether
 * anybody did: at once, if somebody has.
 */
export function whenSubscribed(channel: Channel, prepare: () => void): void {
  if (channel.hasSubscribers) return prepare()
  for (const method of ['subscribe', 'bindStore'] as const) {
    Object.defineProperty(channel, method, {
      configurable: true,
      writable: true,
      // Node gives a channel another prototype when it gets its first subscriber, and calls this again
      value(this: Channel, ...args: unknown[]) {
        prepare()
        return (Object.getPrototypeOf(this)[method] as (...args: unknown[]) => unknown).apply(this, args)
      }
    })
  }
}
