// Octets in, validated messages and control frames out (RFC 6455 §5, §6.2).
//
// A chunk goes through `kernels.scan` first, which takes all whole and unremarkable frames at once. What it leaves (a fragment, a close
// frame, a frame that is longer than the chunk, one that breaks a rule) is taken frame by frame here, where all verdicts are given.

import { FIN, OPCODE_BINARY, OPCODE_BITS, OPCODE_CLOSE, OPCODE_CONTINUATION, OPCODE_PING, OPCODE_TEXT, RSV1 } from './constants.js'
import { type CloseStatus, parseClosePayload } from './close.js'
import { protocolError } from './errors.js'
import { FrameHeader, type HeaderContext, parseFrameHeader } from './frame-header.js'
import { copyFrames, detachTable, nextFrames, releaseTable, takeTable } from './frame-table.js'
import { MessageAssembler } from './message-assembler.js'
import type { MessageEvents } from './message-events.js'
import { PartialFrame } from './partial-frame.js'
import type { FrameTable, Kernels } from './kernels.js'
import type { Runtime } from './runtime.js'
import { NON_ASCII, SCAN_FRAGMENTED, SCAN_MASKED, SCAN_RSV1, SCAN_SKIP_UTF8 } from './scan-flags.js'
import { sharing } from './shared-settings.js'

/** Who is told what came in. */
export interface ReceiverHandler extends MessageEvents {
  /** The peer's close frame; nothing is received after it. */
  onCloseFrame(status: CloseStatus): void
}

/** Decompression of one direction (see permessage-deflate.ts). */
export interface MessageInflater {
  inflate(
    octets: Uint8Array,
    fin: boolean,
    maxLength: number,
    done: (error: Error | null, octets: Uint8Array) => void,
    /** Whether `octets` stay as they are until `done` is called. */
    kept?: boolean
  ): Uint8Array | Error | null
}

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

const RECEIVING = 0
/** A result or a later turn is waited for; what comes meanwhile is held. */
const WAITING = 1
/** The peer's close frame came, or it broke a rule: whatever follows is discarded. */
const DONE = 2

/** Flags. */
/** Frames are being delivered: this is somewhere below a handler. */
const BUSY = 1
/** `onDrain` is due once all is dealt with. */
const WAITED = 2
/** The memory of the chunk is used again once `receive` returns, or as soon as a handler lets other sockets be read. */
const TRANSIENT = 4

/** What is done for a message that is inflated counts as one unit, and each so many octets of the result (a power of two) as one more. */
const INFLATED_UNIT_BITS = 13
/** A fragment costs as much as some small messages (`npm run bench -- fairness`). */
const FRAGMENT_UNITS = 4
/** An answer to `onWork` that is as good as none. */
export const UNLIMITED = 0x3fffffff

/** Octets that a scan is given at least. */
const LEAST_REACH = 1024

const NOTHING = new Uint8Array(0)
const NO_CHUNKS: Uint8Array[] = []

/** What a header is parsed into to have a look at it. */
const glimpse = new FrameHeader()

/** An event that waits for its turn. */
type Deferred = () => void

/** What is under way beyond one chunk; most connections have none of it most of the time. */
class Progress {
  /** Octets that came while something was waited for, from entry `nextHeld` on; `heldLength` together. */
  private held: Uint8Array[] = NO_CHUNKS
  private nextHeld = 0
  heldLength = 0
  frame: PartialFrame | null = null
  message: MessageAssembler | null = null
  /** Opcode of the fragmented message under way, 0 if there is none. */
  fragmentedOpcode = 0
  /** Payload octets of that message as they came, before inflating. */
  messageLength = 0
  deferred: Deferred | null = null

  get isOver(): boolean {
    return this.heldLength === 0 && this.frame === null && this.message === null && this.deferred === null
  }

  /** @param octets at least one */
  hold(octets: Uint8Array): void {
    if (this.held === NO_CHUNKS) this.held = []
    this.held.push(octets)
    this.heldLength += octets.length
  }

  /** The octets that came first; null if there are none. */
  takeHeld(): Uint8Array | null {
    if (this.heldLength === 0) return null
    const octets = this.held[this.nextHeld]
    this.held[this.nextHeld++] = NOTHING
    this.heldLength -= octets.length
    if (this.nextHeld === this.held.length) {
      this.held = NO_CHUNKS
      this.nextHeld = 0
    }
    return octets
  }
}

/** What is the same for many receivers: they share one object. */
interface ReceiverContext {
  readonly options: ReceiverOptions
  readonly kernels: Kernels
  readonly runtime: Runtime
}

const shareContext = sharing<ReceiverContext>()
/** What `shareContext` is asked for. */
const wanted = { options: null, kernels: null, runtime: null } as unknown as {
  -readonly [name in keyof ReceiverContext]: ReceiverContext[name]
}

export class Receiver implements HeaderContext {
  /** Set by negotiation; RSV1 is allowed then. */
  inflater: MessageInflater | null = null

  private context: ReceiverContext
  /** Who is told; somebody may put themselves in between. */
  handler: ReceiverHandler
  private state = RECEIVING
  /** BUSY, WAITED, TRANSIENT. */
  private flags = 0
  /** What may be done before the handler is asked whether to go on. */
  private credit = 0
  /** Octets of the largest frame that came piece by piece and was whole in the end: what the peer is trusted to send again. */
  private trusted = 0
  private chunk: Uint8Array = NOTHING
  private position = 0
  private end = 0
  /** Frames of the chunk that were scanned and not yet delivered start at entry `next`. */
  private table: FrameTable | null = null
  private next = 0
  private progress: Progress | null = null

  constructor(options: ReceiverOptions, kernels: Kernels, runtime: Runtime, handler: ReceiverHandler) {
    wanted.options = options
    wanted.kernels = kernels
    wanted.runtime = runtime
    this.context = shareContext(wanted)
    this.handler = handler
  }

  get isServer(): boolean {
    return this.context.options.isServer
  }

  get maxPayload(): number {
    return this.context.options.maxPayload
  }

  set maxPayload(maxPayload: number) {
    const { options, kernels, runtime } = this.context
    this.context = { options: { ...options, maxPayload }, kernels, runtime }
  }

  get maxFragments(): number {
    return this.context.options.maxFragments
  }

  get maxBufferedChunks(): number {
    return this.context.options.maxBufferedChunks
  }

  get skipUtf8Validation(): boolean {
    return this.context.options.skipUtf8Validation
  }

  get deferEvents(): boolean {
    return this.context.options.deferEvents
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
    if (frame !== null && this.maxBufferedChunks > 0 && frame.chunks >= this.maxBufferedChunks) {
      this.violate(protocolError('TOO_MANY_BUFFERED_PARTS', 'buffered chunks'))
      this.release()
      return
    }
    if (!this.isIdle) {
      this.hold(transient ? this.context.runtime.copy(chunk, start, end) : chunk.subarray(start, end))
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

  /** Goes on behind an event whose handler threw; does nothing where nothing is left or something is waited for. */
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
    if (this.skipUtf8Validation) flags |= SCAN_SKIP_UTF8
    const { chunk, position } = this
    const table = this.context.kernels.scan(chunk, position, position + length, flags, this.maxPayload)
    this.position += table.consumed
    return table
  }

  private beginTable(table: FrameTable): void {
    takeTable(table)
    this.table = table
    this.next = 0
  }

  /** What the scan stopped at: the end, text that is not UTF-8, or a frame to be looked at here. */
  private afterScan(invalidUtf8: boolean): void {
    if (invalidUtf8) this.violate(protocolError('INVALID_UTF8'))
    else if (this.position < this.end) this.continueFrame((this.progress ??= new Progress()), new PartialFrame())
  }

  private deliverTable(table: FrameTable): void {
    if (!table.kept) {
      if (this.mustKeep(table)) this.keep(table)
    } else if (this.next === table.until) {
      nextFrames(table)
    }
    const { octets, entries, shift, kept } = table
    const stop = Math.min(table.until, this.next + this.credit)
    this.credit -= stop - this.next
    while (this.next < stop) {
      const at = this.next++ * 3
      const first = entries[at]
      const start = entries[at + 1] + shift
      const end = entries[at + 2] + shift
      const opcode = first & OPCODE_BITS
      if (opcode <= OPCODE_BINARY) {
        if ((first & RSV1) !== 0) {
          this.inflateMessage(opcode, octets.subarray(start, end), kept)
        } else if (this.deferEvents) {
          this.deliver(() => this.handler.onMessage(octets, start, end, opcode === OPCODE_BINARY, (first & NON_ASCII) !== 0, kept))
        } else {
          this.handler.onMessage(octets, start, end, opcode === OPCODE_BINARY, (first & NON_ASCII) !== 0, kept)
        }
      } else {
        this.deliverControl(opcode, octets, start, end)
      }
      if (this.state !== RECEIVING) return
    }
    if (this.next < table.count) return
    this.table = null
    const { invalidUtf8 } = table
    releaseTable(table)
    this.afterScan(invalidUtf8)
  }

  /**
   * Whether octets are needed after a handler was entered. It may let a nested event loop run (as native add-ons and Electron's modal
   * dialogs do) in which other sockets read into the same memory.
   */
  private mustKeep(table: FrameTable): boolean {
    if (table.count - this.next > 1 || this.deferEvents) return true
    // A pong is sent before the event of its ping, and a write may bring a read
    return (
      (this.flags & TRANSIENT) !== 0 && (this.position < this.end || (table.entries[this.next * 3] & OPCODE_BITS) >= OPCODE_CLOSE)
    )
  }

  private keep(table: FrameTable): void {
    const { runtime } = this.context
    if (runtime.keepFrames === undefined) copyFrames(table, this.next, runtime)
    else runtime.keepFrames(table, this.next)
    this.keepRest()
  }

  /** Keeps what is behind the frames at hand, before a handler is entered. */
  private keepRest(): void {
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
    this.chunk = this.context.runtime.copy(this.chunk, this.position, this.end)
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
    if (isText && !this.skipUtf8Validation) return false
    this.continueFrame((this.progress ??= new Progress()), new PartialFrame())
    return true
  }

  private deliverControl(opcode: number, octets: Uint8Array, start: number, end: number): void {
    if (this.deferEvents) {
      this.deliver(() => {
        if (opcode === OPCODE_PING) this.handler.onPing(octets, start, end)
        else this.handler.onPong(octets, start, end)
      })
    } else if (opcode === OPCODE_PING) {
      this.handler.onPing(octets, start, end)
    } else {
      this.handler.onPong(octets, start, end)
    }
  }

  private wait(): void {
    this.state = WAITING
    this.flags |= WAITED
  }

  private deliver(event: Deferred): void {
    if (!this.deferEvents) return event()
    this.progress ??= new Progress()
    this.progress.deferred = event
    this.wait()
    this.handler.onDefer()
  }

  /** Begins or goes on with a frame that is taken piece by piece. */
  private continueFrame(progress: Progress, frame: PartialFrame): void {
    progress.frame = frame
    if (!frame.hasHead && !this.takeHead(progress, frame)) return
    const { header } = frame
    const length = Math.min(header.length - frame.received, this.end - this.position)
    if (length > 0) {
      const { message } = progress
      const isText = message !== null && header.opcode < OPCODE_CLOSE && message.isText && !message.compressed
      const text = isText && !this.skipUtf8Validation ? message : null
      const { kernels, runtime } = this.context
      const violation = frame.takePayload(this.chunk, this.position, length, text, kernels, runtime, this.trusted)
      if (violation !== null) return this.violate(violation)
      this.position += length
    }
    if (!frame.isComplete) return
    progress.frame = null
    this.credit -= FRAGMENT_UNITS
    const payload = frame.payload(this.context.runtime)
    // No limit was set, and the runtime has no memory for what the peer sent
    if (payload === null) return this.violate(protocolError('UNSUPPORTED_MESSAGE_LENGTH'))
    if (header.length > this.trusted) this.trusted = header.length
    if (header.opcode >= OPCODE_CLOSE) this.finishControl(header.opcode, payload)
    else this.finishData(progress.message!, header, payload)
  }

  /** @returns whether the header is complete */
  private takeHead(progress: Progress, frame: PartialFrame): boolean {
    const taken = frame.takeHead(this.chunk, this.position, this.end, this)
    if (typeof taken !== 'number') {
      this.violate(taken)
      return false
    }
    this.position += taken
    if (!frame.hasHead) return false
    const { opcode, length, rsv1, fin } = frame.header
    if (opcode < OPCODE_CLOSE) {
      progress.messageLength += length
      if (opcode !== OPCODE_CONTINUATION) progress.message = new MessageAssembler(opcode, rsv1)
      if (!fin && progress.fragmentedOpcode === 0) progress.fragmentedOpcode = opcode
    }
    return true
  }

  private finishControl(opcode: number, payload: Uint8Array): void {
    if (opcode !== OPCODE_CLOSE) {
      this.keepRest()
      this.deliverControl(opcode, payload, 0, payload.length)
      return
    }
    const status = parseClosePayload(payload, this.context.kernels, this.context.runtime, this.skipUtf8Validation)
    if (status instanceof Error) return this.violate(status)
    this.state = DONE
    this.handler.onCloseFrame(status)
  }

  private finishData(message: MessageAssembler, header: FrameHeader, payload: Uint8Array): void {
    const excess = message.countFrame(this.maxFragments)
    if (excess !== null) return this.violate(excess)
    if (message.compressed) this.inflate(message, header.fin, payload, true)
    else this.addFragment(message, header.fin, payload)
  }

  /** A compressed message in one frame, straight from the table. */
  private inflateMessage(opcode: number, payload: Uint8Array, kept: boolean): void {
    const message = new MessageAssembler(opcode, true)
    const excess = message.countFrame(this.maxFragments)
    if (excess !== null) return this.violate(excess)
    this.inflate(message, true, payload, kept)
  }

  private inflate(message: MessageAssembler, fin: boolean, payload: Uint8Array, kept: boolean): void {
    const maxLength = this.maxPayload > 0 ? this.maxPayload - message.length : Infinity
    const done = (error: Error | null, octets: Uint8Array): void => {
      if (this.state === DONE) return
      this.progress ??= new Progress()
      this.progress.deferred = () => this.inflated(message, fin, error ?? octets, true)
      this.handler.onReady()
    }
    const result = this.inflater!.inflate(payload, fin, maxLength, done, kept)
    if (result !== null) this.inflated(message, fin, result, false)
    // Unless somebody's extension has called back already
    else if (this.progress === null || this.progress.deferred === null) this.wait()
  }

  private inflated(message: MessageAssembler, fin: boolean, result: Uint8Array | Error, later: boolean): void {
    if (!ArrayBuffer.isView(result)) return this.violate(result)
    this.credit -= 1 + (result.length >>> INFLATED_UNIT_BITS)
    if (message.isText && !this.skipUtf8Validation) {
      const invalid = message.validate(this.context.kernels, result)
      if (invalid !== null) return this.violate(invalid)
    }
    this.addFragment(message, fin, result, later)
  }

  private addFragment(message: MessageAssembler, fin: boolean, payload: Uint8Array, later = false): void {
    message.add(payload)
    if (!fin) return
    // §8.1: text that ends inside a sequence is not UTF-8
    if (message.utf8State !== 0) return this.violate(protocolError('INVALID_UTF8'))
    if (this.progress !== null && this.progress.message === message) {
      this.progress.message = null
      this.progress.fragmentedOpcode = 0
      this.progress.messageLength = 0
    }
    this.keepRest()
    // As in ws, text that was inflated in a turn of its own need not wait for another one
    const nonAscii = message.nonAscii || this.skipUtf8Validation
    if (!this.deferEvents || (later && message.isText)) {
      this.handler.onFragments(message.fragments, message.length, !message.isText, nonAscii)
    } else {
      this.deliver(() => this.handler.onFragments(message.fragments, message.length, !message.isText, nonAscii))
    }
  }

  private violate(error: Error): void {
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
}
