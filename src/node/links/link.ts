// What a connection reads from and writes to. There is an implementation for any Duplex, and one for Node's sockets.

import type { Duplex } from 'node:stream'
import type { Rest } from '../../core/connection-handler.js'
import type { SocketOutput } from './output.js'

/** Why reading is held; more than one may hold at a time. */
export const HELD_FOR_DRAIN = 1
export const HELD_FOR_TURN = 2
export const HELD_WHILE_GOING_ON = 4
/** The program takes messages one by one, and has enough of them for now. */
export const HELD_FOR_LOOP = 16

/** Who is told what happens on a link. */
export interface LinkHandler {
  /**
   * `octets[start, end)` came; they may be modified.
   * @param transient whether their memory is used again after the call
   * @param isFull whether more may be there at once
   */
  onOctets(octets: Uint8Array, start: number, end: number, transient: boolean, isFull: boolean): void
  /** The peer ended its side. */
  onEnd(): void
  /** The system did not take all of a write at once. */
  onBuffered(): void
  /** Some of what waited to be written was; told once for each `tellWhenWritable` that returned true. */
  onWritable(): void
  /** Something went wrong; the link is destroyed, and `onClose` follows. */
  onFailure(): void
  /** The link is gone; `takeRest` gives what it received and did not hand over. */
  onClose(): void
}

/** The outside of a connection. */
export interface Link extends Rest {
  /** What `ws._socket` shows. */
  readonly stream: Duplex
  readonly output: SocketOutput
  /** Octets that the system has not taken yet. */
  readonly bufferedLength: number
  /** Whether nothing comes or goes any more. */
  readonly isDestroyed: boolean
  /** Whether our side goes on when the peer has ended its own. */
  readonly canBeHalfOpen: boolean
  /** The same, except that looking at it writes nothing: octets that were gathered count as if the system had not taken them. */
  readonly heldLength: number
  /** Has `onWritable` called when some of what waits was written; false if nothing waits. */
  tellWhenWritable(): boolean
  /** Whether `hold` stopped it for this reason. */
  isHeldFor(reason: number): boolean
  /** Takes over the stream; `head` is what it received already. */
  start(head: Uint8Array, handler: LinkHandler): void
  /** The program's to call: reads nothing more, as far as it is not read already. */
  pause(): void
  resume(): void
  /** Ours: reads nothing more until it is released for all reasons. */
  hold(reason: number): void
  release(reason: number): void
  /** Reads on even if the program has paused the stream: nothing but its end matters any more. */
  discard(): void
  /**
   * Ends our side behind what was written.
   * @param isOver whether the peer has said that it sends nothing more
   */
  end(isOver: boolean): void
  /** Drops the stream behind what was sent. */
  destroy(): void
}
