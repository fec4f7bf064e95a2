// The life of an open connection: OPEN -> CLOSING -> CLOSED, and the rules of ping, pong and close (RFC 6455 §5.5, §7).
// It never sets a timer and never touches a socket: it says when one is due, and its handler acts.

import { CLOSE_ABNORMAL, CLOSE_NO_STATUS, CLOSED, CLOSING, OPCODE_CLOSE, OPCODE_PONG, OPEN } from './constants.js'
import { type CloseStatus, serializeClosePayload } from './close.js'
import { closeCodeOf } from './errors.js'
import type { MaskingKeySource } from './masking-key.js'
import type { MessageEvents } from './message-events.js'
import type { Kernels } from './kernels.js'
import type { Runtime } from './runtime.js'
import { type MessageInflater, Receiver, type ReceiverHandler, type ReceiverOptions, UNLIMITED } from './receiver.js'
import { type MessageDeflater, type Output, Sender, type WriteCallback } from './sender.js'

/** What happens on a connection, and what its byte stream has to do. */
export interface ConnectionHandler extends MessageEvents {
  /** The connection failed; told once at most. */
  onError(error: Error): void
  /** The closing handshake has begun: drop the byte stream when it has not ended in time. */
  onClosing(): void
  /** Nothing that comes matters any more, but the end of the byte stream does: keep reading. */
  onDiscard(): void
  /** All is said: end our side of the byte stream behind what was written. */
  onEnd(): void
  /** The peer asks for more pongs than it reads: drop the byte stream. */
  onTerminate(): void
  /** Whether the handler answers this ping itself, and calls `done` when the pong is written; else, or without this, the connection does. */
  answerPing?(octets: Uint8Array, start: number, end: number, done: WriteCallback): boolean
  /**
   * Whether the handler itself does what `close` does, with this code (undefined: none) and the reason of the peer's close frame
   * (undefined: it was no close frame); else, or without this, the connection does.
   */
  answerClose?(code: number | undefined, reason: Uint8Array | undefined): boolean
}

export interface ConnectionOptions extends ReceiverOptions {
  /** Whether pings are answered without being asked (§5.5.2). */
  autoPong: boolean
  /** Most automatic pongs that may wait to be written; 0: no limit. */
  maxPendingAutoPongs: number
}

/** permessage-deflate as negotiated, both directions. */
export type MessageTransform = MessageInflater & MessageDeflater

const NO_REASON = new Uint8Array(0)

export class Connection implements ReceiverHandler {
  readyState = OPEN
  closeFrameSent = false
  /** What the peer's close frame said; null as long as there is none. */
  closeStatus: CloseStatus | null = null
  /** Whether the byte stream is gone. */
  isDisconnected = false
  /** Whether the peer broke a rule and was told so. */
  hasFailed = false
  errorReported = false
  readonly receiver: Receiver
  readonly sender: Sender
  pendingAutoPongs = 0

  /** Many connections share one object: it is replaced, not changed. */
  private options: ConnectionOptions
  private readonly handler: ConnectionHandler
  private pongWritten: WriteCallback | null = null

  constructor(
    options: ConnectionOptions,
    kernels: Kernels,
    runtime: Runtime,
    output: Output,
    maskingKeys: MaskingKeySource,
    handler: ConnectionHandler
  ) {
    this.options = options
    this.handler = handler
    this.receiver = new Receiver(options, kernels, runtime, this)
    this.sender = new Sender(kernels, runtime, output, maskingKeys)
    this.sender.errorHandler = this
  }

  get isServer(): boolean {
    return this.options.isServer
  }

  set isServer(isServer: boolean) {
    this.options = { ...this.options, isServer }
  }

  get autoPong(): boolean {
    return this.options.autoPong
  }

  set autoPong(autoPong: boolean) {
    this.options = { ...this.options, autoPong }
  }

  get maxPendingAutoPongs(): number {
    return this.options.maxPendingAutoPongs
  }

  set maxPendingAutoPongs(maxPendingAutoPongs: number) {
    this.options = { ...this.options, maxPendingAutoPongs }
  }

  get closeFrameReceived(): boolean {
    return this.closeStatus !== null
  }

  set closeFrameReceived(received: boolean) {
    this.closeStatus = received ? { code: CLOSE_NO_STATUS, reason: NO_REASON } : null
  }

  /** Close code of the peer's close frame; 1006 as long as there is none (§7.1.5). */
  get closeCode(): number {
    return this.closeStatus === null ? CLOSE_ABNORMAL : this.closeStatus.code
  }

  /** Close reason of the peer's close frame. */
  get closeReason(): Uint8Array {
    return this.closeStatus === null ? NO_REASON : this.closeStatus.reason
  }

  /** Compresses and decompresses with `transform` from here on; to be called before anything is sent or received. */
  useDeflate(transform: MessageTransform): void {
    this.receiver.inflater = transform
    this.sender.deflater = transform
  }

  /**
   * Begins the closing handshake (§7.1.2), or answers the peer's; once both close frames are through, ends the byte stream.
   * @param payload see `serializeClosePayload`
   */
  close(payload: Uint8Array): void {
    if (this.readyState === CLOSED) return
    if (this.readyState === CLOSING) {
      if (this.closeFrameSent) this.endWhenDone()
      return
    }
    // First, since sending may bring us here again; restored where a generator of masking keys throws
    this.readyState = CLOSING
    try {
      this.sender.sendControl(OPCODE_CLOSE, payload, !this.isServer, true, (error) => {
        // The byte stream reports the error itself
        if (error) return
        this.closeFrameSent = true
        this.endWhenDone()
      })
    } catch (error) {
      this.readyState = OPEN
      throw error
    }
    this.handler.onClosing()
  }

  /** Answers what the peer did wrong with the close code it has earned (§7.1.7), and reports it. */
  fail(error: Error): void {
    this.hasFailed = true
    if (!this.isDisconnected) {
      this.handler.onDiscard()
      this.answerClose(closeCodeOf(error), undefined)
    }
    this.report(error)
  }

  /** Gives up sending because of `error`, without a close frame; what was sent before still leaves. */
  failSending(error: Error): void {
    if (this.readyState === CLOSED) return
    if (this.readyState === OPEN) {
      this.readyState = CLOSING
      this.handler.onClosing()
    }
    this.handler.onEnd()
    this.report(error)
  }

  onMessage(octets: Uint8Array, start: number, end: number, isBinary: boolean, nonAscii: boolean, kept: boolean): void {
    this.handler.onMessage(octets, start, end, isBinary, nonAscii, kept)
  }

  onFragments(fragments: Uint8Array[], length: number, isBinary: boolean, nonAscii: boolean): void {
    this.handler.onFragments(fragments, length, isBinary, nonAscii)
  }

  onPing(octets: Uint8Array, start: number, end: number): void {
    if (this.autoPong && this.readyState === OPEN) {
      if (this.maxPendingAutoPongs > 0 && this.pendingAutoPongs >= this.maxPendingAutoPongs) {
        this.handler.onTerminate()
      } else {
        this.pendingAutoPongs++
        this.pongWritten ??= () => {
          this.pendingAutoPongs--
        }
        // §5.5.3: a pong carries the application data of its ping
        if (this.handler.answerPing?.(octets, start, end, this.pongWritten) !== true) {
          this.sender.sendControl(OPCODE_PONG, octets.subarray(start, end), !this.isServer, false, this.pongWritten)
        }
      }
    }
    this.handler.onPing(octets, start, end)
  }

  onPong(octets: Uint8Array, start: number, end: number): void {
    this.handler.onPong(octets, start, end)
  }

  onCloseFrame(status: CloseStatus): void {
    this.closeStatus = status
    if (this.isDisconnected) return
    this.handler.onDiscard()
    // §5.5.1: an endpoint answers a close frame with one that usually echoes the close code
    this.answerClose(status.code === CLOSE_NO_STATUS ? undefined : status.code, status.reason)
  }

  onViolation(error: Error): void {
    this.handler.onViolation(error)
  }

  onWork(): number {
    return this.handler.onWork === undefined ? UNLIMITED : this.handler.onWork()
  }

  onDefer(): void {
    this.handler.onDefer()
  }

  onReady(): void {
    this.handler.onReady()
  }

  onDrain(): void {
    this.handler.onDrain()
  }

  private answerClose(code: number | undefined, reason: Uint8Array | undefined): void {
    if (this.handler.answerClose?.(code, reason) !== true) this.close(serializeClosePayload(code, reason))
  }

  private endWhenDone(): void {
    if (this.closeFrameReceived || this.hasFailed) this.handler.onEnd()
  }

  private report(error: Error): void {
    if (this.errorReported) return
    this.errorReported = true
    this.handler.onError(error)
  }
}
