// Which octets are next: a receiver's side towards the byte stream. It hands over frames, one after another, as long as nothing has to be
// waited for, and keeps what is left when the caller's memory is used again.

import { FIN, OPCODE_BITS, OPCODE_CLOSE, OPCODE_CONTINUATION, OPCODE_TEXT } from './constants.js'
import { protocolError } from './errors.js'
import { FrameHeader, parseFrameHeader } from './frame-header.js'
import { copyFrames, detachTable, releaseTable, takeTable } from './frame-table.js'
import type { MessageInflater } from './message-codec.js'
import type { ReceiverHandler } from './message-events.js'
import { PartialFrame } from './partial-frame.js'
import type { ReceiverPlatform } from './platform.js'
import type { FrameTable } from './kernels.js'
import { SCAN_FRAGMENTED, SCAN_MASKED, SCAN_RSV1, SCAN_SKIP_UTF8 } from './scan-flags.js'
import { type FrameRules, Progress } from './receive-progress.js'
import { NOTHING } from './octets.js'

export interface ReceiverOptions {
  isServer: boolean
  /** Most octets of a message, inflated too; 0: no limit. */
  maxPayload: number
  /** Most frames of a message, empty ones counted; 0: no limit. */
  maxFragments: number
  /** Most chunks that an incomplete frame may be spread over; 0: no limit. */
  maxBufferedChunks: number
  skipUtf8Validation: boolean
  /** At most one event a turn of the event loop (`allowSynchronousEvents: false`). */
  deferEvents: boolean
}

export const RECEIVING = 0
/** A result or a later turn is waited for; what comes meanwhile is held. */
export const WAITING = 1
/** The peer's close frame came, or it broke a rule: whatever follows is discarded. */
export const DONE = 2

/** Flags. */
/** Frames are being delivered: this is somewhere below a handler. */
const BUSY = 1
/** `onDrain` is due once all is dealt with. */
const WAITED = 2
/** The memory of the chunk is used again once `receive` returns, or as soon as a handler lets other sockets be read. */
export const TRANSIENT = 4

/** An answer to `onWork` that is as good as none. */
export const UNLIMITED = 0x3fffffff

/** Octets that a scan is given at least. */
const LEAST_REACH = 1024

/** What a header is parsed into to have a look at it. */
const glimpse = new FrameHeader()

export abstract class Intake implements FrameRules {
  /** Set by negotiation; RSV1 is allowed then. */
  inflater: MessageInflater | null = null

  /** What holds; many receivers share one object, which is replaced to be changed. */
  options: ReceiverOptions
  readonly platform: ReceiverPlatform
  /** Who is told; somebody may put themselves in between. */
  handler: ReceiverHandler
  protected state = RECEIVING
  /** BUSY, WAITED, TRANSIENT. */
  protected flags = 0
  /** What may be done before the handler is asked whether to go on. */
  protected credit = 0
  /** Octets of the largest frame that came piece by piece and was whole in the end: what the peer is trusted to send again. */
  trusted = 0
  protected chunk: Uint8Array = NOTHING
  protected position = 0
  protected end = 0
  /** Frames of the chunk that were scanned and not yet delivered start at entry `next`. */
  protected table: FrameTable | null = null
  protected next = 0
  protected progress: Progress | null = null

  constructor(options: ReceiverOptions, platform: ReceiverPlatform, handler: ReceiverHandler) {
    this.options = options
    this.platform = platform
    this.handler = handler
  }

  get isServer(): boolean {
    return this.options.isServer
  }

  get maxPayload(): number {
    return this.options.maxPayload
  }

  get fragmentedOpcode(): number {
    return this.progress === null ? 0 : this.progress.fragmentedOpcode
  }

  get messageLength(): number {
    return this.progress === null ? 0 : this.progress.messageLength
  }

  /** Octets that are held because something is waited for, or because they came in the middle of a delivery. */
  get heldLength(): number {
    const held = this.progress === null ? 0 : this.progress.heldLength
    if (this.state !== WAITING) return held
    let length = held + this.end - this.position
    const { table, next } = this
    // An empty payload has two octets of header at least
    if (table !== null && next < table.count) length += 2 + table.entries[table.count * 3 - 1] - table.entries[next * 3 + 1]
    return length
  }

  get allowsRsv1(): boolean {
    return this.inflater !== null
  }

  /** Whether more of what is being received is about to be delivered. */
  get hasMore(): boolean {
    if (this.state !== RECEIVING) return false
    const { table } = this
    return (
      (table !== null && this.next < table.count) ||
      this.position < this.end ||
      (this.progress !== null && this.progress.heldLength > 0)
    )
  }

  /** Whether all that came has been dealt with. */
  get isIdle(): boolean {
    if (this.state !== RECEIVING) return this.state === DONE
    if ((this.flags & BUSY) !== 0 || this.position !== this.end || this.table !== null) return false
    return this.progress === null || (this.progress.heldLength === 0 && this.progress.deferred === null)
  }

  /** Whether the peer's close frame came or it broke a rule. */
  get isDone(): boolean {
    return this.state === DONE
  }

  /**
   * Takes `chunk[start, end)`, which it may modify.
   * @param transient whether the chunk is reused after the call, so that what has to wait must be copied
   */
  receive(chunk: Uint8Array, start: number, end: number, transient: boolean): void {
    if (this.state === DONE || start === end) return
    const frame = this.progress === null ? null : this.progress.frame
    if (frame !== null && this.options.maxBufferedChunks > 0 && frame.chunks >= this.options.maxBufferedChunks) {
      this.violate(protocolError('TOO_MANY_BUFFERED_PARTS', 'buffered chunks'))
      this.release()
      return
    }
    if (!this.isIdle) {
      this.hold(transient ? this.platform.runtime.copy(chunk, start, end) : chunk.subarray(start, end))
      return
    }
    this.chunk = chunk
    this.position = start
    this.end = end
    if (transient) this.flags |= TRANSIENT
    this.run()
    if ((this.flags & WAITED) !== 0) this.drained()
  }

  /** Goes on after a wait. */
  proceed(): void {
    if (this.state === DONE || (this.flags & BUSY) !== 0) return
    this.state = RECEIVING
    this.run()
    this.drained()
  }

  /** Goes on behind an event whose handler threw; does nothing if nothing is left or something is waited for. */
  recover(): void {
    if (this.state !== RECEIVING || (this.flags & BUSY) !== 0) return
    if (!this.isIdle) this.run()
    this.drained()
  }

  private drained(): void {
    if ((this.flags & WAITED) === 0 || !this.isIdle || this.state === DONE) return
    this.flags &= ~WAITED
    this.handler.onDrain()
  }

  private hold(octets: Uint8Array): void {
    this.flags |= WAITED
    this.progress ??= new Progress()
    this.progress.hold(octets)
  }

  /** Delivers until the octets are used up, something has to be waited for, or a handler throws. */
  private run(): void {
    this.flags |= BUSY
    try {
      this.loop()
    } finally {
      this.flags &= ~BUSY
      if (this.progress !== null && this.progress.isOver) this.progress = null
      if (this.state === DONE) this.release()
      else if (this.position === this.end && this.table === null) this.chunk = NOTHING
      else this.retain()
      this.flags &= ~TRANSIENT
    }
  }

  private loop(): void {
    let reach = UNLIMITED
    while (this.state === RECEIVING) {
      if (this.progress !== null && this.progress.deferred !== null) {
        const event = this.progress.deferred
        this.progress.deferred = null
        event()
        continue
      }
      if (this.table === null && this.position === this.end && !this.takeHeld()) return
      if (this.credit <= 0 && this.givesWay()) return
      if (this.table !== null) this.deliverTable(this.table)
      else if (this.progress !== null && this.progress.frame !== null) this.continueFrame(this.progress, this.progress.frame)
      else if (this.isRemarkable()) this.continueFrame((this.progress ??= new Progress()), new PartialFrame())
      else reach = this.scan(reach)
    }
  }

  /** Whether enough was done for now. */
  private givesWay(): boolean {
    const { handler } = this
    this.credit = handler.onWork === undefined ? UNLIMITED : handler.onWork()
    if (this.credit > 0) return false
    this.wait()
    return true
  }

  private takeHeld(): boolean {
    const chunk = this.progress === null ? null : this.progress.takeHeld()
    if (chunk === null) return false
    this.chunk = chunk
    this.position = 0
    this.end = chunk.length
    return true
  }

  /** Whether the scan would stop at the frame at hand, for what its first octet says. */
  private isRemarkable(): boolean {
    const first = this.chunk[this.position]
    if ((first & FIN) === 0) return true
    const opcode = first & OPCODE_BITS
    return opcode === OPCODE_CONTINUATION || opcode === OPCODE_CLOSE || (opcode < OPCODE_CLOSE && this.fragmentedOpcode !== 0)
  }

  /**
   * Takes all whole and unremarkable frames among the next `reach` octets.
   * @returns how far the next one should reach: kernels may copy what they scan, and must not do so for a few octets each time
   */
  private scan(reach: number): number {
    const length = Math.min(reach, this.end - this.position)
    const table = this.scanFrames(length)
    const { consumed } = table
    if (table.count > 0) this.beginTable(table)
    else this.afterScan(table.invalidUtf8)
    return consumed > length >> 3 ? Math.max(reach, 2 * length) : Math.max(LEAST_REACH, length >> 2)
  }

  private scanFrames(length: number): FrameTable {
    let flags = this.isServer ? SCAN_MASKED : 0
    if (this.inflater !== null) flags |= SCAN_RSV1
    if (this.fragmentedOpcode !== 0) flags |= SCAN_FRAGMENTED
    if (this.options.skipUtf8Validation) flags |= SCAN_SKIP_UTF8
    const { chunk, position } = this
    const table = this.platform.kernels.scan(chunk, position, position + length, flags, this.maxPayload)
    this.position += table.consumed
    return table
  }

  private beginTable(table: FrameTable): void {
    takeTable(table)
    this.table = table
    this.next = 0
  }

  /** What the scan stopped at: the end, text that is not UTF-8, or a frame to be looked at here. */
  protected afterScan(invalidUtf8: boolean): void {
    if (invalidUtf8) this.violate(protocolError('INVALID_UTF8'))
    else if (this.position < this.end) this.continueFrame((this.progress ??= new Progress()), new PartialFrame())
  }

  /**
   * Whether octets are needed after a handler was entered. It may let a nested event loop run (as native add-ons and Electron's modal
   * dialogs do) in which other sockets read into the same memory.
   */
  protected mustKeep(table: FrameTable): boolean {
    if (table.count - this.next > 1 || this.options.deferEvents) return true
    // A pong is sent before the event of its ping, and a write may bring a read
    return (
      (this.flags & TRANSIENT) !== 0 && (this.position < this.end || (table.entries[this.next * 3] & OPCODE_BITS) >= OPCODE_CLOSE)
    )
  }

  protected keep(table: FrameTable): void {
    const { runtime } = this.platform
    if (runtime.keepFrames === undefined) copyFrames(table, this.next, runtime)
    else runtime.keepFrames(table, this.next)
    this.keepRest()
  }

  /** Keeps what is behind the frames at hand, before a handler is entered. */
  protected keepRest(): void {
    if ((this.flags & TRANSIENT) === 0) return
    this.flags &= ~TRANSIENT
    if (this.position === this.end) return
    const hasFrame = this.progress !== null && this.progress.frame !== null
    if (this.table === null && !hasFrame && !this.isRemarkable()) {
      // Whole messages go to where they will be needed
      this.beginTable(this.scanFrames(this.end - this.position))
      this.keep(this.table!)
    }
    if (this.position === this.end || (!hasFrame && this.beginAhead())) return
    this.chunk = this.platform.runtime.copy(this.chunk, this.position, this.end)
    this.end -= this.position
    this.position = 0
  }

  /** Takes the beginning of a frame, if that is all there is, to where it belongs: it need not be copied twice. */
  private beginAhead(): boolean {
    const message = this.progress === null ? null : this.progress.message
    if (parseFrameHeader(this.chunk, this.position, this.end, this, glimpse) !== true) return false
    const { opcode, rsv1, length, size } = glimpse
    if (opcode >= OPCODE_CLOSE || length <= this.end - this.position - size) return false
    // Text may turn out to be none, which must not be said before all that came earlier is delivered
    const isText = opcode === OPCODE_CONTINUATION ? message!.isText && !message!.compressed : opcode === OPCODE_TEXT && !rsv1
    if (isText && !this.options.skipUtf8Validation) return false
    this.continueFrame((this.progress ??= new Progress()), new PartialFrame())
    return true
  }

  protected wait(): void {
    this.state = WAITING
    this.flags |= WAITED
  }

  protected violate(error: Error): void {
    this.state = DONE
    this.handler.onViolation(error)
  }

  /** Keeps what is left of a chunk that the caller will reuse, or that kernels hold in memory of their own. */
  private retain(): void {
    const { table } = this
    if (table !== null && table.inUse) {
      if (!table.kept) this.keep(table)
      this.table = detachTable(table, this.next)
      this.next = 0
      releaseTable(table)
    }
    this.keepRest()
  }

  private release(): void {
    if (this.table !== null) releaseTable(this.table)
    this.table = null
    this.chunk = NOTHING
    this.position = 0
    this.end = 0
    this.progress = null
  }

  /** Delivers frames that the scan found, from entry `next` on, as many as the credit allows. */
  protected abstract deliverTable(table: FrameTable): void
  /** Begins or goes on with a frame that is taken piece by piece. */
  protected abstract continueFrame(progress: Progress, frame: PartialFrame): void
}
