// A client whose request is being decided on: what it sends meanwhile is kept, within a bound, and that it goes away, or that the decision
// takes too long, is noticed.

import { Buffer } from 'node:buffer'
import type { Duplex } from 'node:stream'
import type { Clock } from '../core/clock.js'

/** Octets that a client may send before it is let in: more than a few first messages, and nothing to fill memory with. */
export const EARLY_LIMIT = 64 * 1024

/** Why nothing more is decided. */
export type Verdict = 'gone' | 'late' | 'too much'

/** Told once at most, and never after `settle`. */
export type OverCallback = (verdict: Verdict) => void

export class PendingHandshake {
  private controller: AbortController | null = null
  private readonly chunks: Buffer[]
  private length: number
  private timer: unknown = null
  private isOver = false
  private readonly wasFlowing: boolean | null

  /** @param timeoutMs how long the decision may take; 0: as long as it likes */
  constructor(
    private readonly socket: Duplex,
    head: Buffer,
    private readonly clock: Clock,
    private readonly timeoutMs: number,
    private readonly onOver: OverCallback
  ) {
    this.chunks = head.length === 0 ? [] : [head]
    this.length = head.length
    this.wasFlowing = socket.readableFlowing
  }

  /** Aborts when the client goes, or is refused while this is being decided. */
  get signal(): AbortSignal {
    return (this.controller ??= new AbortController()).signal
  }

  /** Begins to watch the socket. */
  start(): void {
    const { socket } = this
    socket.on('data', this.onData)
    socket.on('end', this.onGone)
    socket.on('close', this.onGone)
    socket.resume()
    if (this.timeoutMs > 0) this.timer = this.clock.setTimer(timeIsOver, this.timeoutMs, this)
    if (this.length > EARLY_LIMIT) this.onData(Buffer.alloc(0))
  }

  /** Ends the wait: the socket is left as it was found. Returns what came; null if it is over already. */
  settle(): Buffer | null {
    if (this.isOver) return null
    this.leave()
    // One that was never paused flows as soon as somebody listens
    if (this.wasFlowing !== false) (this.socket as { readableFlowing: boolean | null }).readableFlowing = null
    return this.chunks.length === 1 ? this.chunks[0] : Buffer.concat(this.chunks, this.length)
  }

  /** Ends the wait for whoever decides. */
  abort(reason: Error): void {
    if (this.isOver) return
    this.leave()
    this.controller?.abort(reason)
  }

  private readonly onData = (chunk: Buffer): void => {
    this.chunks.push(chunk)
    this.length += chunk.length
    if (this.length <= EARLY_LIMIT) return
    this.end('too much', new Error(`The client sent more than ${EARLY_LIMIT} octets before it was let in`))
  }

  private readonly onGone = (): void => {
    this.end('gone', new Error('The client is gone'))
  }

  /** Called by the timer. */
  expire(): void {
    this.timer = null
    this.end('late', new DOMException('The opening handshake took too long', 'TimeoutError'))
  }

  private end(verdict: Verdict, reason: Error): void {
    if (this.isOver) return
    this.leave()
    this.chunks.length = 0
    // First, so that a listener of the signal finds the client answered
    this.onOver(verdict)
    this.controller?.abort(reason)
  }

  private leave(): void {
    this.isOver = true
    const { socket } = this
    socket.removeListener('data', this.onData)
    socket.removeListener('end', this.onGone)
    socket.removeListener('close', this.onGone)
    socket.pause()
    if (this.timer !== null) this.clock.clearTimer(this.timer)
    this.timer = null
  }
}

function timeIsOver(pending: PendingHandshake): void {
  pending.expire()
}
