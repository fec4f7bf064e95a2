// What a receiver has under way beyond one chunk: octets that are held, a frame that came in part, a message in fragments.

import { OPCODE_CLOSE, OPCODE_CONTINUATION } from './constants.js'
import type { ProtocolError } from './errors.js'
import { Fifo } from './fifo.js'
import type { FrameHeader, HeaderContext } from './frame-header.js'
import { MessageAssembler } from './message-assembler.js'
import type { PartialFrame } from './partial-frame.js'
import type { ReceiverPlatform } from './platform.js'

/** What a frame is held against. */
export interface FrameRules extends HeaderContext {
  readonly options: { readonly skipUtf8Validation: boolean }
  readonly platform: ReceiverPlatform
  /** Payload octets that the peer is trusted to send. */
  readonly trusted: number
}

/** An event that waits for its turn. */
export type Deferred = () => void

/** What is under way beyond one chunk; most connections have none of it most of the time. */
export class Progress {
  /** Octets that came while something was waited for, `heldLength` together; null as long as nothing had to. */
  private held: Fifo<Uint8Array> | null = null
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
    this.held ??= new Fifo()
    this.held.push(octets)
    this.heldLength += octets.length
  }

  /** The octets that came first; null if there are none. */
  takeHeld(): Uint8Array | null {
    const octets = this.held === null ? undefined : this.held.shift()
    if (octets === undefined) return null
    this.heldLength -= octets.length
    return octets
  }

  /**
   * Takes octets of the frame under way from `chunk[at, end)`: of its header, and of its payload, which is unmasked and, if it is text,
   * validated on the way.
   * @returns the number of octets it took, or the rule that the frame breaks
   */
  takeFrame(frame: PartialFrame, chunk: Uint8Array, at: number, end: number, rules: FrameRules): number | ProtocolError {
    const begin = at
    if (!frame.hasHead) {
      const taken = frame.takeHead(chunk, at, end, rules)
      if (typeof taken !== 'number') return taken
      at += taken
      if (!frame.hasHead) return at - begin
      this.beginFrame(frame.header)
    }
    const { header } = frame
    const length = Math.min(header.length - frame.received, end - at)
    if (length > 0) {
      const { message } = this
      const isText = message !== null && header.opcode < OPCODE_CLOSE && message.isText && !message.compressed
      const text = isText && !rules.options.skipUtf8Validation ? message : null
      const { kernels, runtime } = rules.platform
      const violation = frame.takePayload(chunk, at, length, text, kernels, runtime, rules.trusted)
      if (violation !== null) return violation
    }
    return at + length - begin
  }

  private beginFrame({ opcode, length, rsv1, fin }: FrameHeader): void {
    if (opcode >= OPCODE_CLOSE) return
    this.messageLength += length
    if (opcode !== OPCODE_CONTINUATION) this.message = new MessageAssembler(opcode, rsv1)
    if (!fin && this.fragmentedOpcode === 0) this.fragmentedOpcode = opcode
  }
}
