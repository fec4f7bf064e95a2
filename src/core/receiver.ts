// Octets in, validated messages and control frames out (RFC 6455 §5, §6.2).
//
// A chunk goes through `kernels.scan` first, which takes all whole and unremarkable frames at once. What it leaves (a fragment, a close
// frame, a frame that is longer than the chunk, one that breaks a rule) is taken frame by frame here, where all verdicts are given.

import { OPCODE_BINARY, OPCODE_BITS, OPCODE_CLOSE, OPCODE_CONTINUATION, OPCODE_PING, RSV1 } from './constants.js'
import { type CloseStatus, parseClosePayload } from './close.js'
import { protocolError } from './errors.js'
import type { FrameHeader, HeaderContext } from './frame-header.js'
import { keepFrames } from './frame-table.js'
import { MessageAssembler } from './message-assembler.js'
import type { MessageEvents } from './message-events.js'
import { PartialFrame } from './partial-frame.js'
import {
  type FrameTable,
  type Kernels,
  NON_ASCII,
  type Runtime,
  SCAN_FRAGMENTED,
  SCAN_MASKED,
  SCAN_RSV1,
  SCAN_SKIP_UTF8
} from './ports.js'
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

const NOTHING = new Uint8Array(0)

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
  private busy = false
  /** Whether `onDrain` is due once all is dealt with. */
  private hasWaited = false
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

  /** Octets that are held because something is waited for. */
  get heldLength(): number {
    if (this.state !== WAITING) return 0
    let length = this.end - this.position + (this.progress === null ? 0 : this.progress.heldLength)
    const { table, next } = this
    if (table !== null && next < table.count) {
      // An empty payload has two octets of header at least
      length += 2 + table.entries[table.count * 3 - 1] - table.entries[next * 3 + 1]
    }
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
      (this.progress !== null && this.progress.held.length > 0)
    )
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
    if (this.busy || !this.isIdle) {
      this.hold(transient ? this.context.runtime.copy(chunk, start, end) : chunk.subarray(start, end))
      return
    }
    this.chunk = chunk
    this.position = start
    this.end = end
    this.run(transient)
  }

  /** Goes on after a wait. */
  proceed(): void {
    if (this.state === DONE) return
    this.state = RECEIVING
    this.run(false)
    this.drained()
  }

  /** Goes on behind an event whose handler threw; does nothing where nothing is left or something is waited for. */
  recover(): void {
    if (this.state !== RECEIVING) return
    if (!this.isIdle) this.run(false)
    this.drained()
  }

  private drained(): void {
    if (!this.hasWaited || !this.isIdle || this.state === DONE) return
    this.hasWaited = false
    this.handler.onDrain()
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
    const table = this.context.kernels.scan(this.chunk, this.position, this.end, flags, this.maxPayload)
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
          const copy = this.context.runtime.copy(octets, start, end)
          this.deliver(() => this.handler.onMessage(copy, 0, copy.length, opcode === OPCODE_BINARY, (first & NON_ASCII) !== 0))
        } else {
          this.handler.onMessage(octets, start, end, opcode === OPCODE_BINARY, (first & NON_ASCII) !== 0)
        }
      } else {
        this.deliverControl(opcode, octets, start, end)
      }
      if (this.state !== RECEIVING) return
    }
    this.endBatch(table)
    this.table = null
    this.afterScan(table.invalidUtf8)
  }

  private deliverControl(opcode: number, octets: Uint8Array, start: number, end: number): void {
    if (this.deferEvents) {
      const copy = this.context.runtime.copy(octets, start, end)
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

  private wait(): void {
    this.state = WAITING
    this.hasWaited = true
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
    if (frame.payload === null && !this.takeHead(progress, frame)) return
    const { header } = frame
    const length = Math.min(header.length - frame.received, this.end - this.position)
    if (length > 0) {
      const { message } = progress
      const isText = message !== null && header.opcode < OPCODE_CLOSE && message.isText && !message.compressed
      const text = isText && !this.skipUtf8Validation ? message : null
      const violation = frame.takePayload(this.chunk, this.position, length, text, this.context.kernels, this.context.runtime)
      if (violation !== null) return this.violate(violation)
      this.position += length
    }
    if (!frame.isComplete) return
    progress.frame = null
    if (header.opcode >= OPCODE_CLOSE) this.finishControl(header.opcode, frame.payload!)
    else this.finishData(progress.message!, header, frame.payload!)
  }

  /** @returns whether the header is complete */
  private takeHead(progress: Progress, frame: PartialFrame): boolean {
    const taken = frame.takeHead(this.chunk, this.position, this.end, this, this.context.runtime)
    if (typeof taken !== 'number') {
      this.violate(taken)
      return false
    }
    this.position += taken
    if (frame.payload === null) return false
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
  private inflateMessage(opcode: number, payload: Uint8Array): void {
    const message = new MessageAssembler(opcode, true)
    const excess = message.countFrame(this.maxFragments)
    if (excess !== null) return this.violate(excess)
    this.inflate(message, true, payload, false)
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
    if (result === null) this.wait()
    else this.inflated(message, fin, result, false)
  }

  private inflated(message: MessageAssembler, fin: boolean, result: Uint8Array | Error, later: boolean): void {
    if (!ArrayBuffer.isView(result)) return this.violate(result)
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
    if (this.progress !== null) {
      this.progress.message = null
      this.progress.fragmentedOpcode = 0
      this.progress.messageLength = 0
    }
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
  private retain(transient: boolean): void {
    const { table } = this
    if (table !== null) {
      this.table = keepFrames(table, this.next, this.context.runtime)
      this.next = 0
      this.endBatch(table)
    }
    if (transient && this.position < this.end) {
      this.chunk = this.context.runtime.copy(this.chunk, this.position, this.end)
      this.end -= this.position
      this.position = 0
    }
  }

  /** Gives a table back to the kernels; one that was kept is not theirs. */
  private endBatch(table: FrameTable): void {
    if (!table.inUse) return
    table.inUse = false
    if (table.count > 1) this.handler.onBatchEnd?.()
  }

  private release(): void {
    if (this.table !== null) this.endBatch(this.table)
    this.table = null
    this.chunk = NOTHING
    this.position = 0
    this.end = 0
    this.progress = null
  }
}
