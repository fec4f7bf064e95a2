// Octets in, validated messages and control frames out (RFC 6455 §5, §6.2).
//
// A chunk goes through `kernels.scan` first, which takes all whole and unremarkable frames at once. What it leaves (a fragment, a close
// frame, a frame that is longer than the chunk, one that breaks a rule) is taken frame by frame here, where all verdicts are given.

import { NON_ASCII } from './scan-flags.js'
import type { FrameTable } from './kernels.js'
import { OPCODE_BINARY, OPCODE_BITS, OPCODE_CLOSE, OPCODE_PING, RSV1 } from './constants.js'
import { parseClosePayload } from './close.js'
import { protocolError } from './errors.js'
import type { FrameHeader } from './frame-header.js'
import { nextFrames, releaseTable } from './frame-table.js'
import { DONE, Intake, RECEIVING } from './intake.js'
import { MessageAssembler } from './message-assembler.js'
import type { PartialFrame } from './partial-frame.js'
import { type Deferred, Progress } from './receive-progress.js'

/** What is done for a message that is inflated counts as one unit, and each so many octets of the result (a power of two) as one more. */
const INFLATED_UNIT_BITS = 13
/** A fragment costs as much as some small messages (`npm run bench -- fairness`). */
const FRAGMENT_UNITS = 4

export class Receiver extends Intake {
  protected override deliverTable(table: FrameTable): void {
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
        } else if (this.options.deferEvents) {
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

  private deliverControl(opcode: number, octets: Uint8Array, start: number, end: number): void {
    if (this.options.deferEvents) {
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

  private deliver(event: Deferred): void {
    if (!this.options.deferEvents) return event()
    this.progress ??= new Progress()
    this.progress.deferred = event
    this.wait()
    this.handler.onDefer()
  }

  protected override continueFrame(progress: Progress, frame: PartialFrame): void {
    progress.frame = frame
    const taken = progress.takeFrame(frame, this.chunk, this.position, this.end, this)
    if (typeof taken !== 'number') return this.violate(taken)
    this.position += taken
    if (!frame.isComplete) return
    progress.frame = null
    this.credit -= FRAGMENT_UNITS
    const { header } = frame
    const payload = frame.payload(this.platform.runtime)
    // No limit was set, and the runtime has no memory for what the peer sent
    if (payload === null) return this.violate(protocolError('UNSUPPORTED_MESSAGE_LENGTH'))
    if (header.length > this.trusted) this.trusted = header.length
    if (header.opcode >= OPCODE_CLOSE) this.finishControl(header.opcode, payload)
    else this.finishData(progress.message!, header, payload)
  }

  private finishControl(opcode: number, payload: Uint8Array): void {
    if (opcode !== OPCODE_CLOSE) {
      this.keepRest()
      this.deliverControl(opcode, payload, 0, payload.length)
      return
    }
    const status = parseClosePayload(payload, this.platform.kernels, this.platform.runtime, this.options.skipUtf8Validation)
    if (status instanceof Error) return this.violate(status)
    this.state = DONE
    this.handler.onCloseFrame(status)
  }

  private finishData(message: MessageAssembler, header: FrameHeader, payload: Uint8Array): void {
    const excess = message.countFrame(this.options.maxFragments)
    if (excess !== null) return this.violate(excess)
    if (message.compressed) this.inflate(message, header.fin, payload, true)
    else this.addFragment(message, header.fin, payload)
  }

  /** A compressed message in one frame, straight from the table. */
  private inflateMessage(opcode: number, payload: Uint8Array, kept: boolean): void {
    const message = new MessageAssembler(opcode, true)
    const excess = message.countFrame(this.options.maxFragments)
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
    if (message.isText && !this.options.skipUtf8Validation) {
      const invalid = message.validate(this.platform.kernels, result)
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
    const nonAscii = message.nonAscii || this.options.skipUtf8Validation
    if (!this.options.deferEvents || (later && message.isText)) {
      this.handler.onFragments(message.fragments, message.length, !message.isText, nonAscii)
    } else {
      this.deliver(() => this.handler.onFragments(message.fragments, message.length, !message.isText, nonAscii))
    }
  }
}
