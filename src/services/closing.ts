// Waiting for the end of a connection: `await using`, and an AbortSignal that ends the closing handshake.

import { DEFAULT_CLOSE_TIMEOUT_MS, CLOSE_NORMAL, CLOSED, CONNECTING } from '../core/constants.js'
import type { Connection } from '../core/connection.js'
import type { Platform } from '../core/platform.js'
import { observe } from '../node/delivery/observer.js'
import { kClose, kDelivery, kSettings } from '../node/runtime/symbols.js'
import { type Abortable, signalOf } from './abort.js'
import { type Served, stateOf } from './served.js'

interface Closable extends Served {
  [kSettings]: { closeTimeout?: number }
  [kClose](code: number | undefined, reason: Uint8Array | undefined): boolean
}

/**
 * The signal in what `close` was given behind code and reason.
 * @throws {TypeError} if it is something else
 */
export function closeSignal(options: unknown): AbortSignal | undefined {
  return typeof options === 'object' && options !== null ? signalOf(options as Abortable) : undefined
}

/** Drops a connection that is closing when `signal` says so, as its close timer would. */
export function dropWhenAborted(ws: Served, connection: Connection, signal: AbortSignal): void {
  if (signal.aborted) return connection.abort()
  const drop = (): void => connection.abort()
  signal.addEventListener('abort', drop, { once: true })
  observe(ws, [{ closed: () => signal.removeEventListener('abort', drop) }])
}

/**
 * Members of WebSockets.
 * @param close the method of WebSockets, which a program may have replaced by now
 */
export function closingMembers(close: (this: never, code: number) => void): object {
  // Where there is no such symbol there is no `await using`
  if (Symbol.asyncDispose === undefined) return {}
  return {
    async [Symbol.asyncDispose](this: Closable): Promise<void> {
      if (stateOf(this) === CLOSED) return
      const closed = new Promise<void>((resolve) => observe(this, [{ closed: () => resolve() }]))
      // To give up connecting is what was asked for, and no error
      if (stateOf(this) === CONNECTING) this.on('error', ignore)
      if (!this[kClose](CLOSE_NORMAL, undefined)) close.call(this as never, CLOSE_NORMAL)
      const connection = this[kDelivery]?.connection
      if (connection === undefined) return closed
      // The peer may have ended its side without a close frame: then no closing handshake has a timer
      const { clock } = connection.receiver.platform as Platform
      const timeout = this[kSettings].closeTimeout ?? DEFAULT_CLOSE_TIMEOUT_MS
      const timer = clock.setTimer((late: Connection) => late.abort(), timeout, connection)
      await closed
      clock.clearTimer(timer)
    }
  }
}

function ignore(): void {}
