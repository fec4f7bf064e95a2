// What a connection is given, and what it tells.

import type { ReceiverOptions } from './intake.js'
import type { MessageEvents } from './message-events.js'
import type { WriteCallback } from './output.js'

/** What happens on a connection, and what its byte stream has to do. */
export interface ConnectionHandler extends MessageEvents {
  /** The connection failed; told once at most. */
  onError(error: Error): void
  /** The byte stream is gone and all that came was delivered; the connection is about to be CLOSED. */
  onOver?(): void
  /** The connection is CLOSED; `closeCode` and `closeReason` say how. */
  onClosed?(): void

  /** Nothing that comes matters any more, but the end of the byte stream does: keep reading. */
  discard(): void
  /** Nothing more will be sent: end our side of the byte stream behind what was written. */
  end(): void
  /** Drop the byte stream: the peer did not end it in time, or nobody wants to wait for that. */
  drop(): void
  /** More waits for compression or a Blob than before; or some of what waited for that is on its way. */
  onBuffered?(): void
  onWritable?(): void
  /** A closing handshake began with our close frame. */
  onClosing?(): void
  /** What had to wait is dealt with: octets may come again. */
  onDrain?(): void

  /** Something that was waited for is there: call `proceed`. Without it the connection does so itself. */
  onReady?(): void
  /** It is a later turn of the event loop (see `deferEvents`): call `proceed`. Without it the connection does so itself. */
  onTurn?(): void

  /** Whether the handler answers this ping itself, and calls `done` when the pong is written; else, or without this, the connection does. */
  answerPing?(octets: Uint8Array, start: number, end: number, done: WriteCallback): boolean
  /**
   * Whether the handler itself does what `close` does, with this code (undefined: none) and the reason of the peer's close frame
   * (undefined: it was no close frame); else, or without this, the connection does.
   */
  answerClose?(code: number | undefined, reason: Uint8Array | undefined): boolean
  /** Whether the handler itself does what `abort` does, with a peer that asks for more pongs than it reads. */
  answerFlood?(): boolean
}

export interface ConnectionOptions extends ReceiverOptions {
  /** Whether pings are answered without being asked (§5.5.2). */
  autoPong: boolean
  /** Most automatic pongs that may wait to be written; 0: no limit. */
  maxPendingAutoPongs: number
  /** How long the closing handshake may take, in ms, before the byte stream is dropped (§7.1.1). */
  closeTimeoutMs: number
}

/** Octets that a byte stream received and did not hand over. */
export interface Rest {
  /** Takes them; null if there are none. */
  takeRest(): Uint8Array | null
}

/**
 * What ended a connection: a closing handshake that the peer or the program began, a violation of the protocol by the peer, a message that
 * could not be sent, a closing handshake that took too long, `abort`, or a byte stream that ended or failed without one.
 */
export type ConnectionCloseCause = 'peer' | 'program' | 'violation' | 'error' | 'timeout' | 'terminate' | 'lost'
