// What a connection tells, to the listeners of its WebSocket; and for how long, before others have their turn.

import type { EventEmitter } from 'node:events'
import { Connection } from '../../core/connection.js'
import type { ConnectionHandler, ConnectionOptions } from '../../core/connection-handler.js'
import type { WriteCallback } from '../../core/output.js'
import type { MessageDeflate } from '../../core/permessage-deflate.js'
import type { Platform } from '../../core/platform.js'
import type { Kernels } from '../../core/kernels.js'
import { enterRead, leaveRead } from '../links/departure.js'
import { HELD_FOR_DRAIN, HELD_FOR_TURN, HELD_WHILE_GOING_ON, type Link, type LinkHandler } from '../links/link.js'
import { errorChannel } from '../runtime/channels.js'
import { kBuffered, kClose, kClosing, kPong, kTextType } from '../runtime/symbols.js'
import { assemble, type BinaryType, messageOf } from './data.js'
import { takesText } from './listeners.js'
import { copyToBuffer } from './message-memory.js'
import { kObservers, noteCause, type Observed, tellPonged, tellReceived, tellWritable } from './observer.js'
import { textOf } from './text.js'
import { keepUnheard } from './unheard.js'
import { currentTurn, isTurnOver, LAST_TURN, timeTaken, waitForTurn } from './turns.js'

/** Octets that may be held back before the link is told to wait; Node's own default for streams. */
const HOLD_LIMIT = 16 * 1024

/** Flags. */
/** The receiver goes on when it is our turn. */
const STOPPED = 1
/** The logarithm of how much is delivered between two looks at the clock: three bits. */
const PACE_SHIFT = 1
const PACE = 7 << PACE_SHIFT
const FIRST_PACE = 2 << PACE_SHIFT
/** A look at the clock, 60 ns, for every 32 of the smallest messages: 1 % (`npm run bench -- receive`). */
const MOST_PACE = 5
/** How long it should take from one look to the next, in ms. */
const PACE_MS = 0.25
/** The turn in which it asked whether that is over. */
const TURN_SHIFT = 4
const TURN = LAST_TURN << TURN_SHIFT

/** The peer ended its side, or the link is gone, which is to be noticed behind what waits for our turn. */
const ENDED_MEANWHILE = 1 << 20
const CLOSED_MEANWHILE = 1 << 21
/** What nobody listens to is not kept any more. */
const SETTLED = 1 << 22

/** Whose events these are: a WebSocket. */
export interface DeliveryOwner extends EventEmitter, Observed {
  readonly isPaused: boolean
  readonly binaryType: BinaryType
  terminate(): void
  /** Called when nothing more will come: marks it closed, and says so. */
  emitClose(): void
  /** Answers a ping by `pong`, or the peer's close frame or violation by `close`, if that is not ours; false if it is. */
  [kPong](octets: Uint8Array, start: number, end: number, mask: boolean, done: WriteCallback): boolean
  [kClose](code: number | undefined, reason: Uint8Array | undefined): boolean
  /** See runtime/symbols.ts. */
  [kBuffered]?(): void
  [kClosing]?(): void
  [kTextType]?: string
}

export class Delivery implements ConnectionHandler, LinkHandler {
  readonly link: Link
  readonly connection: Connection
  readonly owner: DeliveryOwner
  private flags = FIRST_PACE

  constructor(link: Link, owner: DeliveryOwner, settings: ConnectionOptions & Platform) {
    this.link = link
    this.owner = owner
    this.connection = new Connection(settings, settings, link.output, this)
  }

  /** Takes over the link; `head` is what it received already. */
  start(head: Uint8Array): void {
    this.link.start(head, this)
  }

  /** What waits to be written: in the link, and for compression, in octets. */
  get bufferedLength(): number {
    return this.link.bufferedLength + this.connection.sender.bufferedLength
  }

  /** The same, as the link's `heldLength`. */
  get heldLength(): number {
    return this.link.heldLength + this.connection.sender.bufferedLength
  }

  /** Octets from the link, or from who stands in for it. */
  receive(octets: Uint8Array, start: number, end: number, transient: boolean): void {
    const { connection } = this
    const outer = enterRead(connection.receiver)
    try {
      connection.receive(octets, start, end, transient)
    } finally {
      leaveRead(outer)
    }
    this.afterDelivery()
  }

  /** Delivers what had to wait. */
  proceed(): void {
    const { connection } = this
    const outer = enterRead(connection.receiver)
    try {
      connection.proceed()
    } finally {
      leaveRead(outer)
    }
    this.afterDelivery()
  }

  private afterDelivery(): void {
    const { link, connection } = this
    const { receiver } = connection
    if (receiver.isDone) {
      link.release(HELD_FOR_DRAIN)
      link.release(HELD_FOR_TURN)
    } else if (receiver.heldLength >= HOLD_LIMIT) {
      link.hold(HELD_FOR_DRAIN)
    }
  }

  onOctets(octets: Uint8Array, start: number, end: number, transient: boolean, isFull: boolean): void {
    const { owner } = this
    if (owner[kObservers].length > 0) tellReceived(owner, end - start)
    this.receive(octets, start, end, transient)
    if (isFull) this.giveWay()
  }

  onEnd(): void {
    // A stream that ends on both sides at once takes nothing more: whoever sends is to be told that we are CLOSING
    if ((this.flags & STOPPED) !== 0 && this.link.canBeHalfOpen) this.flags |= ENDED_MEANWHILE
    else this.connection.peerEnded()
  }

  onBuffered(): void {
    this.owner[kBuffered]?.()
  }

  onWritable(): void {
    tellWritable(this.owner)
  }

  onFailure(): void {
    if ((this.flags & STOPPED) !== 0) this.link.destroy()
    else this.connection.abort(true)
  }

  onClose(): void {
    if ((this.flags & STOPPED) !== 0) this.flags |= CLOSED_MEANWHILE
    else this.connection.disconnected(this.link)
  }

  // The connection tells: what its byte stream has to do

  discard(): void {
    this.link.discard()
  }

  end(): void {
    this.link.end(this.connection.closeFrameReceived)
  }

  drop(): void {
    this.link.destroy()
  }

  onClosing(): void {
    this.owner[kClosing]?.()
  }

  onDrain(): void {
    this.link.release(HELD_FOR_DRAIN)
  }

  // ... and its WebSocket

  onMessage(octets: Uint8Array, start: number, end: number, isBinary: boolean, nonAscii: boolean, kept: boolean): void {
    const { owner } = this
    const data =
      !isBinary && (owner[kTextType] === 'string' || takesText(owner))
        ? textOf(octets, start, end, nonAscii, this.textKernels)
        : messageOf(octets, start, end, isBinary, owner.binaryType, kept)
    this.emitMessage(data, isBinary, end - start)
  }

  onFragments(fragments: Uint8Array[], length: number, isBinary: boolean, nonAscii: boolean): void {
    const { owner } = this
    const data = assemble(fragments, length, isBinary, owner.binaryType)
    const isText = !isBinary && (owner[kTextType] === 'string' || takesText(owner))
    this.emitMessage(isText ? textOf(data as Buffer, 0, length, nonAscii, this.textKernels) : data, isBinary, length)
  }

  /**
   * Gives listeners a message. What nobody hears is kept for a turn, once in the life of a connection: see unheard.ts. `watchMessages`
   * puts another in its place.
   * @param _length octets of its payload; -1 if that is for `data` to say
   */
  emitMessage(data: unknown, isBinary: boolean, _length: number): void {
    if (!this.owner.emit('message', data, isBinary) && (this.flags & SETTLED) === 0) keepUnheard(this, data, isBinary)
  }

  settle(): void {
    this.flags |= SETTLED
  }

  /** What decodes text; null if that was not validated. */
  private get textKernels(): Kernels | null {
    const { options, platform } = this.connection.receiver
    return options.skipUtf8Validation ? null : platform.kernels
  }

  onPing(octets: Uint8Array, start: number, end: number): void {
    this.owner.emit('ping', copyToBuffer(octets, start, end))
  }

  onPong(octets: Uint8Array, start: number, end: number): void {
    tellPonged(this.owner, octets, start, end)
    this.owner.emit('pong', copyToBuffer(octets, start, end))
  }

  onError(error: Error): void {
    if (errorChannel.hasSubscribers) errorChannel.publish({ websocket: this.owner, error })
    this.owner.emit('error', error)
  }

  onOver(): void {
    this.owner.emitClose()
  }

  answerPing(octets: Uint8Array, start: number, end: number, done: WriteCallback): boolean {
    return this.owner[kPong](octets, start, end, !this.connection.isServer, done)
  }

  answerClose(code: number | undefined, reason: Uint8Array | undefined): boolean {
    return this.owner[kClose](code, reason)
  }

  answerFlood(): boolean {
    noteCause(this.owner, 'flood')
    this.owner.terminate()
    return true
  }

  // Whose turn it is

  onWork(): number {
    const hadTurn = this.hadTurn()
    const elapsed = timeTaken()
    let pace = (this.flags & PACE) >> PACE_SHIFT
    if (elapsed > PACE_MS) pace = Math.max(0, pace - Math.ceil(Math.log2(elapsed / PACE_MS)))
    // Nothing is known of who asks once a turn only, but that it is not much then
    else if (pace < MOST_PACE && !hadTurn) pace++
    this.flags = (this.flags & ~PACE) | (pace << PACE_SHIFT)
    if (!hadTurn) return 1 << pace
    this.goOnLater()
    return 0
  }

  onReady(): void {
    // Codecs that work here come out of an immediate, where no listener should be entered: see turns.ts
    if (this.inflatesElsewhere) this.proceed()
    else this.goOnLater()
  }

  onTurn(): void {
    this.proceed()
  }

  /** Goes on. */
  takeTurn(): void {
    const { link } = this
    if ((this.flags & STOPPED) === 0) return link.release(HELD_FOR_TURN)
    this.flags &= ~STOPPED
    // A receiver that stops again waits again, and nothing is read between
    link.hold(HELD_WHILE_GOING_ON)
    link.release(HELD_FOR_TURN)
    this.proceed()
    link.release(HELD_WHILE_GOING_ON)
    if ((this.flags & STOPPED) === 0) this.noticeEnd()
  }

  /** What happened to the link while we waited; had there been no wait, it would have come behind what was delivered since. */
  private noticeEnd(): void {
    const { flags, connection } = this
    this.flags &= ~(ENDED_MEANWHILE | CLOSED_MEANWHILE)
    if ((flags & ENDED_MEANWHILE) !== 0) connection.peerEnded()
    if ((flags & CLOSED_MEANWHILE) !== 0) connection.disconnected(this.link)
  }

  /** After a read that may be followed by another at once: if the time is over, the next waits for its turn. */
  private giveWay(): void {
    const { link } = this
    if (!link.isHeldFor(HELD_FOR_DRAIN | HELD_FOR_TURN) && !link.isDestroyed && this.hadTurn()) this.waitForTurn()
  }

  /** Reads nothing more until somebody calls `takeTurn`; with `stops`, which is for who is asked for work, nothing is delivered either. */
  waitForTokens(stops: boolean): void {
    if (stops) this.flags |= STOPPED
    this.link.hold(HELD_FOR_TURN)
  }

  /** Whether the time is over, and this is not the first that is heard of us: we may be a quiet one beside others that are not. */
  private hadTurn(): boolean {
    const isOver = isTurnOver(this)
    const turn = currentTurn() << TURN_SHIFT
    const isFirst = (this.flags & TURN) !== turn
    this.flags = (this.flags & ~TURN) | turn
    return isOver && !isFirst
  }

  /** Lets the receiver proceed when it is our turn. */
  private goOnLater(): void {
    this.flags |= STOPPED
    this.waitForTurn()
  }

  private waitForTurn(): void {
    if (this.link.isHeldFor(HELD_FOR_TURN)) return
    this.link.hold(HELD_FOR_TURN)
    waitForTurn(this)
  }

  private get inflatesElsewhere(): boolean {
    const { inflater } = this.connection.receiver
    return (inflater as Partial<MessageDeflate> | null)?.codec?.name === 'zlib'
  }
}
