// The life of an open connection: OPEN -> CLOSING -> CLOSED, and the rules of ping, pong and close (RFC 6455 §5.5, §7).
//
// It is told what happens (`receive`, `proceed`, `peerEnded`, `disconnected`, `abort`), and tells its handler what there is to know and
// what the byte stream has to do. Nobody else changes its state, but by the methods at the end.

import { type CloseStatus, serializeClosePayload } from './close.js'
import { CLOSE_ABNORMAL, CLOSE_NO_STATUS, CLOSED, CLOSING, OPCODE_CLOSE, OPCODE_PONG, OPEN } from './constants.js'
import { closeCodeOf } from './errors.js'
import type { Clock } from './clock.js'
import type { ConnectionCloseCause, ConnectionHandler, ConnectionOptions, Rest } from './connection-handler.js'
import { UNLIMITED } from './intake.js'
import type { MessageTransform } from './message-codec.js'
import type { ReceiverHandler } from './message-events.js'
import type { Output, WriteCallback } from './output.js'
import type { Platform } from './platform.js'
import { Receiver } from './receiver.js'
import { SEND_MASK, SEND_OWNED } from './send-flags.js'
import { type Payload, Sender } from './sender.js'
import { NOTHING } from './octets.js'

/** Flags. */
/** Our close frame is written. */
const CLOSE_FRAME_SENT = 1
/** The byte stream is gone. */
const DISCONNECTED = 2
/** The peer broke a rule, and was told so. */
const FAILED = 4
/** The handler was told of an error. */
const REPORTED = 8
/** The peer ended its side of the byte stream. */
const PEER_ENDED = 16
/** The peer broke a rule, which is still to be said. */
const FAILING = 32
/** The byte stream is gone, and what it left behind is still being delivered. */
const CLOSE_PENDING = 64
/** The closing handshake was begun here. */
const CLOSED_HERE = 128
/** It was dropped on purpose, or because the closing handshake took too long. */
const ABORTED = 256
const TIMED_OUT = 512

export class Connection implements ReceiverHandler {
  readonly receiver: Receiver
  sender: Sender
  private state = OPEN
  private flags = 0
  /** What the peer's close frame said; null as long as there is none. */
  private status: CloseStatus | null = null
  private pendingAutoPongs = 0
  /** Many connections share one object: it is replaced, not changed. */
  private options: ConnectionOptions
  readonly handler: ConnectionHandler
  private closeTimer: unknown = null
  private pongWritten: WriteCallback | null = null

  constructor(options: ConnectionOptions, platform: Platform, output: Output, handler: ConnectionHandler) {
    this.options = options
    this.handler = handler
    this.receiver = new Receiver(options, platform, this)
    this.sender = new Sender(platform, output)
    this.sender.errorHandler = this
  }

  /** OPEN, CLOSING or CLOSED. */
  get readyState(): number {
    return this.state
  }

  get isServer(): boolean {
    return this.options.isServer
  }

  get autoPong(): boolean {
    return this.options.autoPong
  }

  /** Whether our close frame is written. */
  get closeFrameSent(): boolean {
    return (this.flags & CLOSE_FRAME_SENT) !== 0
  }

  get closeFrameReceived(): boolean {
    return this.status !== null
  }

  /** Whether the handler was told of an error. */
  get errorReported(): boolean {
    return (this.flags & REPORTED) !== 0
  }

  /** Close code of the peer's close frame; 1006 as long as there is none (§7.1.5). */
  get closeCode(): number {
    return this.status === null ? CLOSE_ABNORMAL : this.status.code
  }

  /** Close reason of the peer's close frame. */
  get closeReason(): Uint8Array {
    return this.status === null ? NOTHING : this.status.reason
  }

  /** What ended it, or what would be said to have if it ended now. */
  get closeCause(): ConnectionCloseCause {
    const { flags } = this
    if ((flags & FAILED) !== 0) return 'violation'
    if ((flags & REPORTED) !== 0) return 'error'
    if (this.status !== null) return (flags & CLOSED_HERE) !== 0 ? 'program' : 'peer'
    if ((flags & TIMED_OUT) !== 0) return 'timeout'
    return (flags & ABORTED) !== 0 ? 'terminate' : 'lost'
  }

  /** Compresses and decompresses with `transform` from here on; to be called before anything is sent or received. */
  useDeflate(transform: MessageTransform): void {
    this.receiver.inflater = transform
    this.sender.deflater = transform
  }

  /** Sends by `sender` from here on; to be called before anything is sent. */
  useSender(sender: Sender): void {
    sender.errorHandler = this
    this.sender = sender
  }

  /**
   * Sends a message, or with SEND_MORE a fragment of one, masked as the role demands (§5.1).
   * @param flags SEND_BINARY, SEND_MORE, SEND_COMPRESS and SEND_OWNED
   * @param callback called when it is written, or with why it was not
   */
  send(payload: Payload, flags = 0, callback?: WriteCallback): void {
    this.sender.sendMessage(payload, this.isServer ? flags : flags | SEND_MASK, callback)
  }

  /**
   * Sends a ping or pong (§5.5.2, §5.5.3).
   * @param opcode OPCODE_PING or OPCODE_PONG
   * @param payload of at most 125 octets
   */
  sendControl(opcode: number, payload: Payload, flags = 0, callback?: WriteCallback): void {
    this.sender.sendControl(opcode, payload, this.isServer ? flags : flags | SEND_MASK, callback)
  }

  /**
   * Begins the closing handshake (§7.1.2), or answers the peer's; once both close frames are through, ends the byte stream.
   * @param payload see `serializeClosePayload`
   */
  close(payload: Uint8Array): void {
    if (this.state === CLOSED) return
    if (this.state === CLOSING) {
      if (this.closeFrameSent) this.endWhenDone()
      return
    }
    // First, since sending may bring us here again; restored if a generator of masking keys throws
    this.state = CLOSING
    try {
      this.sendControl(OPCODE_CLOSE, payload, SEND_OWNED, (error) => {
        // The byte stream reports the error itself
        if (error) return
        this.flags |= CLOSE_FRAME_SENT
        this.endWhenDone()
      })
    } catch (error) {
      this.state = OPEN
      throw error
    }
    if (this.status === null && (this.flags & FAILED) === 0) this.flags |= CLOSED_HERE
    this.startTimer()
    this.handler.onClosing?.()
  }

  /** Takes `chunk[start, end)`, which it may modify; see `Receiver`. What a handler throws surfaces later, and stops nothing. */
  receive(chunk: Uint8Array, start: number, end: number, transient: boolean): void {
    try {
      this.receiver.receive(chunk, start, end, transient)
    } catch (error) {
      this.recover(error)
    }
  }

  /** Goes on after a wait. */
  proceed(): void {
    try {
      this.receiver.proceed()
    } catch (error) {
      this.recover(error)
    }
    this.finishWhenDelivered()
  }

  /** The peer ended its side of the byte stream. */
  peerEnded(): void {
    this.flags |= PEER_ENDED
    this.state = CLOSING
    this.handler.end()
  }

  /** The byte stream is gone; what is in `rest` is still received. */
  disconnected(rest: Rest | null): void {
    this.state = CLOSING
    if (rest !== null && this.status === null && !this.receiver.isDone) {
      const octets = rest.takeRest()
      if (octets !== null) this.receive(octets, 0, octets.length, false)
    }
    if (this.closeTimer !== null) this.clock.clearTimer(this.closeTimer)
    this.flags |= DISCONNECTED | CLOSE_PENDING
    this.finishWhenDelivered()
  }

  /**
   * Drops the byte stream, without a closing handshake or in the middle of one.
   * @param isLost whether that is because it does not work any more
   */
  abort(isLost = false): void {
    if (this.state === CLOSED) return
    this.state = CLOSING
    if (!isLost) this.flags |= ABORTED
    this.handler.drop()
  }

  /** Drops the byte stream because of `error`, which is reported behind what is under way. */
  abortWith(error: Error): void {
    if (this.state === CLOSED) return
    this.state = CLOSING
    this.clock.defer((reason: Error) => this.report(reason), error)
    this.handler.drop()
  }

  /** Answers what the peer did wrong with the close code it has earned (§7.1.7), and reports it. */
  fail(error: Error): void {
    this.flags |= FAILED
    if ((this.flags & DISCONNECTED) === 0) {
      this.handler.discard()
      this.answerClose(closeCodeOf(error), undefined)
    }
    this.report(error)
  }

  /** Gives up sending because of `error`, without a close frame; what was sent before still leaves. */
  failSending(error: Error): void {
    if (this.state === CLOSED) return
    if (this.state === OPEN) {
      this.state = CLOSING
      this.startTimer()
    }
    this.handler.end()
    this.report(error)
  }

  onBuffered(): void {
    this.handler.onBuffered?.()
  }

  onWritable(): void {
    this.handler.onWritable?.()
  }

  onMessage(octets: Uint8Array, start: number, end: number, isBinary: boolean, nonAscii: boolean, kept: boolean): void {
    this.handler.onMessage(octets, start, end, isBinary, nonAscii, kept)
  }

  onFragments(fragments: Uint8Array[], length: number, isBinary: boolean, nonAscii: boolean): void {
    this.handler.onFragments(fragments, length, isBinary, nonAscii)
  }

  onPing(octets: Uint8Array, start: number, end: number): void {
    if (this.autoPong && this.state === OPEN) this.answerPing(octets, start, end)
    this.handler.onPing(octets, start, end)
  }

  onPong(octets: Uint8Array, start: number, end: number): void {
    this.handler.onPong(octets, start, end)
  }

  onCloseFrame(status: CloseStatus): void {
    this.status = status
    if ((this.flags & DISCONNECTED) !== 0) return
    this.handler.discard()
    // §5.5.1: an endpoint answers a close frame with one that usually echoes the close code
    this.answerClose(status.code === CLOSE_NO_STATUS ? undefined : status.code, status.reason)
  }

  onViolation(error: Error): void {
    this.flags |= FAILING
    const { receiver } = this
    // Behind the events of this turn; and by who stands between the receiver and us, if somebody does
    this.clock.defer((reason: Error) => (receiver.handler as Connection).fail(reason), error)
  }

  onWork(): number {
    return this.handler.onWork === undefined ? UNLIMITED : this.handler.onWork()
  }

  onDefer(): void {
    this.clock.deferTurn(Connection.goOn, this)
  }

  onReady(): void {
    if (this.handler.onReady !== undefined) this.handler.onReady()
    else this.proceed()
  }

  onDrain(): void {
    this.handler.onDrain?.()
  }

  // For programs that set what is private in ws

  setReadyState(state: number): void {
    this.state = state
  }

  setServer(isServer: boolean): void {
    this.options = { ...this.options, isServer }
  }

  setAutoPong(autoPong: boolean): void {
    this.options = { ...this.options, autoPong }
  }

  /** For closing handshakes that begin from here on. */
  setCloseTimeout(closeTimeoutMs: number): void {
    this.options = { ...this.options, closeTimeoutMs }
  }

  setCloseFrameSent(sent: boolean): void {
    if (sent) this.flags |= CLOSE_FRAME_SENT
    else this.flags &= ~CLOSE_FRAME_SENT
  }

  setCloseFrameReceived(received: boolean): void {
    this.status = received ? { code: CLOSE_NO_STATUS, reason: NOTHING } : null
  }

  /** The receiver keeps it for us. */
  private get clock(): Clock {
    return (this.receiver.platform as Platform).clock
  }

  private static goOn(connection: Connection): void {
    if (connection.handler.onTurn !== undefined) connection.handler.onTurn()
    else connection.proceed()
  }

  private static finish(connection: Connection): void {
    connection.finish()
  }

  private static dropLate(connection: Connection): void {
    connection.flags |= TIMED_OUT
    connection.handler.drop()
  }

  private finish(): void {
    this.handler.onOver?.()
    this.state = CLOSED
    this.handler.onClosed?.()
  }

  private answerPing(octets: Uint8Array, start: number, end: number): void {
    const { maxPendingAutoPongs } = this.options
    if (maxPendingAutoPongs > 0 && this.pendingAutoPongs >= maxPendingAutoPongs) {
      if (this.handler.answerFlood?.() !== true) this.abort()
      return
    }
    this.pendingAutoPongs++
    this.pongWritten ??= () => {
      this.pendingAutoPongs--
    }
    if (this.handler.answerPing?.(octets, start, end, this.pongWritten) === true) return
    // §5.5.3: a pong carries the application data of its ping
    this.sendControl(OPCODE_PONG, octets.subarray(start, end), 0, this.pongWritten)
  }

  private answerClose(code: number | undefined, reason: Uint8Array | undefined): void {
    if (this.handler.answerClose?.(code, reason) !== true) this.close(serializeClosePayload(code, reason))
  }

  private startTimer(): void {
    this.closeTimer = this.clock.setTimer(Connection.dropLate, this.options.closeTimeoutMs, this)
  }

  private endWhenDone(): void {
    if (this.closeFrameReceived || (this.flags & FAILED) !== 0) this.handler.end()
  }

  /** A handler threw: the error surfaces as it would anyway, and everything else is delivered all the same. */
  private recover(error: unknown): void {
    const { receiver } = this
    for (;;) {
      this.clock.defer(rethrow, error)
      try {
        receiver.recover()
        return
      } catch (next) {
        error = next
      }
    }
  }

  private finishWhenDelivered(): void {
    if ((this.flags & CLOSE_PENDING) === 0 || !this.receiver.isIdle) return
    this.flags &= ~CLOSE_PENDING
    const hasFailed = (this.flags & FAILED) !== 0
    const isAnnounced = hasFailed || this.status !== null || (this.flags & PEER_ENDED) !== 0
    if (isAnnounced && (hasFailed || (this.flags & FAILING) === 0)) this.finish()
    // A violation in the last octets, say, is reported first
    else this.clock.defer(Connection.finish, this)
  }

  private report(error: Error): void {
    if (this.errorReported) return
    this.flags |= REPORTED
    this.handler.onError(error)
  }
}

function rethrow(error: unknown): void {
  throw error
}
