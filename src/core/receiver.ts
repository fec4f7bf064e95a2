// Octets in, validated messages and control frames out (RFC 6455 §5, §6.2).
//
// A chunk goes through `kernels.scan` first, which takes all whole and unremarkable frames at once. What it leaves (a fragment, a close
// frame, a frame that is longer than the chunk, one that breaks a rule) is taken frame by frame here, where all verdicts are given.

import { MAX_HEADER, OPCODE_BINARY, OPCODE_BITS, OPCODE_CLOSE, OPCODE_PING, RSV1 } from './constants.js'
import { type CloseStatus, parseClosePayload } from './close.js'
import { type ProtocolError, protocolError } from './errors.js'
import { FrameHeader, type HeaderContext, parseFrameHeader } from './frame-header.js'
import { MessageAssembler } from './message-assembler.js'
import {
  type FrameTable,
  type Kernels,
  NON_ASCII,
  rotateKey,
  type Runtime,
  SCAN_FRAGMENTED,
  SCAN_MASKED,
  SCAN_RSV1,
  SCAN_SKIP_UTF8
} from './ports.js'

/** Who is told what came in. A handler may throw: the receiver goes on where it was with the next `proceed`. */
export interface ReceiverHandler {
  /** Several messages and control frames follow, all within `octets` up to `end`. */
  onBatch?(octets: Uint8Array, end: number): void
  /** The octets of that batch may change from here on. */
  onBatchEnd?(): void
  /** A message of one frame: `octets[start, end)`, valid during the call only. */
  onMessage(octets: Uint8Array, start: number, end: number, isBinary: boolean, nonAscii: boolean): void
  /** A message of any number of non-empty fragments, `length` octets together; the handler's to keep. */
  onFragments(fragments: Uint8Array[], length: number, isBinary: boolean): void
  /** A ping's or pong's application data, valid during the call only. */
  onPing(octets: Uint8Array, start: number, end: number): void
  onPong(octets: Uint8Array, start: number, end: number): void
  /** The peer's close frame; nothing is received after it. */
  onCloseFrame(status: CloseStatus): void
  /** The peer broke a rule; nothing is received after it. */
  onViolation(error: Error): void
  /** With `deferEvents`: call `proceed` in a later turn of the event loop. */
  onDefer(): void
  /** Something that was waited for is there: call `proceed`. */
  onReady(): void
  /** All that came has been dealt with, after it had to wait. */
  onDrain(): void
}

/** Decompression of one direction (see permessage-deflate.ts). */
export interface MessageInflater {
  inflate(
    octets: Uint8Array,
    fin: boolean,
    maxLength: number,
    done: (error: Error | null, octets: Uint8Array) => void
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

/** Frames up to this length get all of their memory at once, longer ones as their octets come: a header alone costs the peer nothing. */
const TRUSTED_LENGTH = 1 << 20

const NOTHING = new Uint8Array(0)

/** A frame of which not all octets are there. */
class PartialFrame {
  readonly header = new FrameHeader()
  /** Octets of a header that is incomplete; has no memory as long as there is none. */
  head: Uint8Array = NOTHING
  headLength = 0
  /** Unmasked payload, null as long as the header is incomplete. */
  payload: Uint8Array | null = null
  received = 0
  /** Chunks that hold a part of it. */
  chunks = 0
}

/** An event that waits for its turn. */
type Deferred = () => void

/** What is under way beyond one chunk; most connections have none of it most of the time. */
class Progress {
  /** Octets that came while something was waited for. */
  held: Uint8Array[] = []
  heldLength = 0
  frame: PartialFrame | null = null
  message: MessageAssembler | null = null
  /** Opcode of the fragmented message under way, 0 if there is none. */
  fragmentedOpcode = 0
  /** Payload octets of that message as they came, before inflating. */
  messageLength = 0
  deferred: Deferred | null = null

  get isOver(): boolean {
    return this.held.length === 0 && this.frame === null && this.message === null && this.deferred === null
  }
}

export class Receiver implements HeaderContext {
  /** Set by negotiation; RSV1 is allowed then. */
  inflater: MessageInflater | null = null

  /** Many connections share one object: it is replaced, not changed. */
  private options: ReceiverOptions
  private readonly kernels: Kernels
  private readonly runtime: Runtime
  private readonly handler: ReceiverHandler
  private state = RECEIVING
  private busy = false
  private chunk: Uint8Array = NOTHING
  private position = 0
  private end = 0
  /** Frames of the chunk that were scanned and not yet delivered start at entry `next`. */
  private table: FrameTable | null = null
  private next = 0
  private progress: Progress | null = null

  constructor(options: ReceiverOptions, kernels: Kernels, runtime: Runtime, handler: ReceiverHandler) {
    this.options = options
    this.kernels = kernels
    this.runtime = runtime
    this.handler = handler
  }

  get isServer(): boolean {
    return this.options.isServer
  }

  get maxPayload(): number {
    return this.options.maxPayload
  }

  set maxPayload(maxPayload: number) {
    this.options = { ...this.options, maxPayload }
  }

  get maxFragments(): number {
    return this.options.maxFragments
  }

  set maxFragments(maxFragments: number) {
    this.options = { ...this.options, maxFragments }
  }

  get maxBufferedChunks(): number {
    return this.options.maxBufferedChunks
  }

  set maxBufferedChunks(maxBufferedChunks: number) {
    this.options = { ...this.options, maxBufferedChunks }
  }

  get skipUtf8Validation(): boolean {
    return this.options.skipUtf8Validation
  }

  set skipUtf8Validation(skipUtf8Validation: boolean) {
    this.options = { ...this.options, skipUtf8Validation }
  }

  get deferEvents(): boolean {
    return this.options.deferEvents
  }

  set deferEvents(deferEvents: boolean) {
    this.options = { ...this.options, deferEvents }
  }

  get fragmentedOpcode(): number {
    return this.progress === null ? 0 : this.progress.fragmentedOpcode
  }

  get messageLength(): number {
    return this.progress === null ? 0 : this.progress.messageLength
  }

  /** Octets that are held because something is waited for. */
  get heldLength(): number {
    if (this.state !== WAITING) return 0
    let length = this.end - this.position + (this.progress === null ? 0 : this.progress.heldLength)
    const { table, next } = this
    if (table !== null && next < table.count) length += table.entries[table.count * 3 - 1] - table.entries[next * 3 + 1]
    return length
  }

  get allowsRsv1(): boolean {
    return this.inflater !== null
  }

  /** Whether all that came has been dealt with. */
  get isIdle(): boolean {
    if (this.state !== RECEIVING) return this.state === DONE
    return (
      !this.busy && this.position === this.end && this.table === null && (this.progress === null || this.progress.held.length === 0)
    )
  }

  /** Whether the peer's close frame came or it broke a rule. */
  get isDone(): boolean {
    return this.state === DONE
  }

  /** Discards whatever comes from here on. */
  stop(): void {
    this.state = DONE
    this.release()
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
      return
    }
    if (this.busy || !this.isIdle) {
      this.hold(transient ? this.runtime.copy(chunk, start, end) : chunk.subarray(start, end))
      return
    }
    this.chunk = chunk
    this.position = start
    this.end = end
    this.run(transient)
  }

  /** Goes on after a wait, or after a handler threw. */
  proceed(): void {
    if (this.state === DONE) return
    const waited = this.heldLength > 0
    this.state = RECEIVING
    this.run(false)
    if (waited && this.isIdle) this.handler.onDrain()
  }

  /** Goes on behind an event whose handler threw; does nothing where nothing is left or something is waited for. */
  recover(): void {
    if (this.state === RECEIVING && !this.isIdle) this.run(false)
  }

  private hold(octets: Uint8Array): void {
    const progress = (this.progress ??= new Progress())
    progress.held.push(octets)
    progress.heldLength += octets.length
  }

  /** Delivers until the octets are used up, something has to be waited for, or a handler throws. */
  private run(transient: boolean): void {
    this.busy = true
    try {
      this.loop()
    } finally {
      this.busy = false
      if (this.progress !== null && this.progress.isOver) this.progress = null
      if (this.state === DONE) this.release()
      else if (this.position === this.end && this.table === null) this.chunk = NOTHING
      else this.retain(transient)
    }
  }

  private loop(): void {
    if (this.progress !== null && this.progress.deferred !== null) {
      const event = this.progress.deferred
      this.progress.deferred = null
      event()
    }
    while (this.state === RECEIVING) {
      if (this.table !== null) {
        this.deliverTable(this.table)
        continue
      }
      if (this.position === this.end && !this.takeHeld()) return
      if (this.progress !== null && this.progress.frame !== null) this.continueFrame(this.progress, this.progress.frame)
      else this.scan()
    }
  }

  private takeHeld(): boolean {
    const { progress } = this
    if (progress === null || progress.held.length === 0) return false
    const chunk = progress.held.shift()!
    progress.heldLength -= chunk.length
    this.chunk = chunk
    this.position = 0
    this.end = chunk.length
    return true
  }

  private scan(): void {
    let flags = this.isServer ? SCAN_MASKED : 0
    if (this.inflater !== null) flags |= SCAN_RSV1
    if (this.fragmentedOpcode !== 0) flags |= SCAN_FRAGMENTED
    if (this.skipUtf8Validation) flags |= SCAN_SKIP_UTF8
    const table = this.kernels.scan(this.chunk, this.position, this.end, flags, this.maxPayload)
    this.position += table.consumed
    if (table.count > 0) {
      table.inUse = true
      this.table = table
      this.next = 0
      if (table.count > 1) this.handler.onBatch?.(table.octets, table.entries[table.count * 3 - 1])
    } else {
      this.afterScan(table.invalidUtf8)
    }
  }

  /** What the scan stopped at: the end, text that is not UTF-8, or a frame to be looked at here. */
  private afterScan(invalidUtf8: boolean): void {
    if (invalidUtf8) this.violate(protocolError('INVALID_UTF8'))
    else if (this.position < this.end) this.continueFrame((this.progress ??= new Progress()), new PartialFrame())
  }

  private deliverTable(table: FrameTable): void {
    const { octets, entries } = table
    while (this.next < table.count) {
      const at = this.next++ * 3
      const first = entries[at]
      const start = entries[at + 1]
      const end = entries[at + 2]
      const opcode = first & OPCODE_BITS
      if (opcode <= OPCODE_BINARY) {
        if ((first & RSV1) !== 0) {
          this.inflateMessage(opcode, octets.subarray(start, end))
        } else if (this.deferEvents) {
          const copy = this.runtime.copy(octets, start, end)
          this.deliver(() => this.handler.onMessage(copy, 0, copy.length, opcode === OPCODE_BINARY, (first & NON_ASCII) !== 0))
        } else {
          this.handler.onMessage(octets, start, end, opcode === OPCODE_BINARY, (first & NON_ASCII) !== 0)
        }
      } else {
        this.deliverControl(opcode, octets, start, end)
      }
      if (this.state !== RECEIVING) return
    }
    if (table.count > 1) this.handler.onBatchEnd?.()
    table.inUse = false
    this.table = null
    this.afterScan(table.invalidUtf8)
  }

  private deliverControl(opcode: number, octets: Uint8Array, start: number, end: number): void {
    if (this.deferEvents) {
      const copy = this.runtime.copy(octets, start, end)
      this.deliver(() => {
        if (opcode === OPCODE_PING) this.handler.onPing(copy, 0, copy.length)
        else this.handler.onPong(copy, 0, copy.length)
      })
    } else if (opcode === OPCODE_PING) {
      this.handler.onPing(octets, start, end)
    } else {
      this.handler.onPong(octets, start, end)
    }
  }

  private deliver(event: Deferred): void {
    if (!this.deferEvents) return event()
    this.progress ??= new Progress()
    this.progress.deferred = event
    this.state = WAITING
    this.handler.onDefer()
  }

  /** Begins or goes on with a frame that is taken piece by piece. */
  private continueFrame(progress: Progress, frame: PartialFrame): void {
    progress.frame = frame
    if (frame.payload === null && !this.takeHead(progress, frame)) return
    const { header } = frame
    const wanted = header.length - frame.received
    const length = Math.min(wanted, this.end - this.position)
    if (length > 0 && !this.takePayload(progress, frame, length)) return
    if (frame.received < header.length) return
    progress.frame = null
    if (header.opcode >= OPCODE_CLOSE) this.finishControl(header.opcode, frame.payload!)
    else this.finishData(progress.message!, header, frame.payload!)
  }

  /** @returns whether the header is complete; then `frame.payload` has its memory */
  private takeHead(progress: Progress, frame: PartialFrame): boolean {
    const available = this.end - this.position
    let verdict: boolean | ProtocolError
    if (frame.headLength === 0) {
      verdict = parseFrameHeader(this.chunk, this.position, this.end, this, frame.header)
      if (verdict === true) this.position += frame.header.size
    } else {
      const taken = Math.min(frame.head.length - frame.headLength, available)
      for (let i = 0; i < taken; i++) frame.head[frame.headLength + i] = this.chunk[this.position + i]
      verdict = parseFrameHeader(frame.head, 0, frame.headLength + taken, this, frame.header)
      if (verdict === true) this.position += frame.header.size - frame.headLength
    }
    if (verdict === false) {
      // Fewer than 14 octets, or the header would be complete
      if (frame.headLength === 0) {
        frame.head = new Uint8Array(MAX_HEADER)
        frame.head.set(this.chunk.subarray(this.position, this.end))
      }
      frame.headLength += available
      this.position = this.end
      frame.chunks++
      return false
    }
    if (verdict !== true) {
      this.violate(verdict)
      return false
    }
    const { header } = frame
    frame.chunks = 0
    frame.payload = header.length === 0 ? NOTHING : this.runtime.allocate(Math.min(header.length, TRUSTED_LENGTH))
    if (header.opcode < OPCODE_CLOSE) {
      progress.messageLength += header.length
      if (header.opcode !== 0) progress.message = new MessageAssembler(header.opcode, header.rsv1)
      if (!header.fin && progress.fragmentedOpcode === 0) progress.fragmentedOpcode = header.opcode
    }
    return true
  }

  /** Unmasks `length` octets of the chunk into the frame's payload, validating text as it comes (§8.1). */
  private takePayload(progress: Progress, frame: PartialFrame, length: number): boolean {
    const { header } = frame
    if (frame.received + length > frame.payload!.length && !this.growPayload(frame, frame.received + length)) return false
    const target = frame.payload!
    const from = this.position
    const key = rotateKey(header.key, frame.received)
    const { message } = progress
    if (message !== null && header.opcode < OPCODE_CLOSE && message.isText && !message.compressed && !this.skipUtf8Validation) {
      const state = this.kernels.maskValidate(this.chunk, from, from + length, target, frame.received, key, message.utf8State)
      if (state < 0) {
        this.violate(protocolError('INVALID_UTF8'))
        return false
      }
      message.utf8State = state & 0xffffff
    } else {
      this.kernels.mask(this.chunk, from, from + length, target, frame.received, key)
    }
    frame.received += length
    frame.chunks++
    this.position += length
    return true
  }

  private growPayload(frame: PartialFrame, needed: number): boolean {
    const old = frame.payload!
    let grown: Uint8Array
    try {
      grown = this.runtime.allocate(Math.min(frame.header.length, Math.max(needed, old.length * 2)))
    } catch {
      // No limit was set, and the runtime has no memory for what the peer sends
      this.violate(protocolError('UNSUPPORTED_MESSAGE_LENGTH'))
      return false
    }
    grown.set(old.subarray(0, frame.received))
    frame.payload = grown
    return true
  }

  private finishControl(opcode: number, payload: Uint8Array): void {
    if (opcode !== OPCODE_CLOSE) {
      this.deliverControl(opcode, payload, 0, payload.length)
      return
    }
    const status = parseClosePayload(payload, this.kernels, this.runtime, this.skipUtf8Validation)
    if (status instanceof Error) return this.violate(status)
    this.state = DONE
    this.handler.onCloseFrame(status)
  }

  private finishData(message: MessageAssembler, header: FrameHeader, payload: Uint8Array): void {
    const excess = message.countFrame(this.maxFragments)
    if (excess !== null) return this.violate(excess)
    if (message.compressed) this.inflate(message, header.fin, payload)
    else this.addFragment(message, header.fin, payload)
  }

  /** A compressed message in one frame, straight from the table. */
  private inflateMessage(opcode: number, payload: Uint8Array): void {
    const message = new MessageAssembler(opcode, true)
    const excess = message.countFrame(this.maxFragments)
    if (excess !== null) return this.violate(excess)
    this.inflate(message, true, payload)
  }

  private inflate(message: MessageAssembler, fin: boolean, payload: Uint8Array): void {
    const maxLength = this.maxPayload > 0 ? this.maxPayload - message.length : Infinity
    const result = this.inflater!.inflate(payload, fin, maxLength, (error, octets) => {
      if (this.state === DONE) return
      this.progress ??= new Progress()
      this.progress.deferred = () => this.inflated(message, fin, error ?? octets, true)
      this.handler.onReady()
    })
    if (result === null) this.state = WAITING
    else this.inflated(message, fin, result, false)
  }

  private inflated(message: MessageAssembler, fin: boolean, result: Uint8Array | Error, later: boolean): void {
    if (!ArrayBuffer.isView(result)) return this.violate(result)
    if (message.isText && !this.skipUtf8Validation) {
      const invalid = message.validate(this.kernels, result)
      if (invalid !== null) return this.violate(invalid)
    }
    this.addFragment(message, fin, result, later)
  }

  private addFragment(message: MessageAssembler, fin: boolean, payload: Uint8Array, later = false): void {
    message.add(payload)
    if (!fin) return
    // §8.1: text that ends inside a sequence is not UTF-8
    if (message.utf8State !== 0) return this.violate(protocolError('INVALID_UTF8'))
    if (this.progress !== null) {
      this.progress.message = null
      this.progress.fragmentedOpcode = 0
      this.progress.messageLength = 0
    }
    const event = () => this.handler.onFragments(message.fragments, message.length, !message.isText)
    // As in ws, text that was inflated in a turn of its own need not wait for another one
    if (later && message.isText) event()
    else this.deliver(event)
  }

  private violate(error: Error): void {
    this.state = DONE
    this.handler.onViolation(error)
  }

  /** Keeps what is left of a chunk that the caller will reuse, or that kernels hold in memory of their own. */
  private retain(transient: boolean): void {
    const table = this.table
    if (table !== null && table.count > 1) this.handler.onBatchEnd?.()
    if (table !== null && (transient || table.octets !== this.chunk)) this.table = this.keepTable(table)
    else if (table !== null && table.inUse) this.table = { ...table, entries: table.entries.slice(0, table.count * 3) }
    if (table !== null) table.inUse = false
    if (transient && this.position < this.end) {
      this.chunk = this.runtime.copy(this.chunk, this.position, this.end)
      this.end -= this.position
      this.position = 0
    }
  }

  private keepTable(table: FrameTable): FrameTable {
    const { entries, count } = table
    const from = this.next * 3
    const kept = entries.slice(from, count * 3)
    this.next = 0
    if (kept.length === 0) return { ...table, octets: NOTHING, entries: kept, count: 0, inUse: false }
    const base = kept[1]
    const octets = this.runtime.copy(table.octets, base, kept[kept.length - 1])
    for (let i = 0; i < kept.length; i += 3) {
      kept[i + 1] -= base
      kept[i + 2] -= base
    }
    return { ...table, octets, entries: kept, count: kept.length / 3, inUse: false }
  }

  private release(): void {
    if (this.table !== null) {
      this.handler.onBatchEnd?.()
      this.table.inUse = false
    }
    this.table = null
    this.chunk = NOTHING
    this.position = 0
    this.end = 0
    this.progress = null
  }
}
