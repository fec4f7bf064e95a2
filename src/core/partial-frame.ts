// A frame that comes piece by piece: its header octet by octet, its payload unmasked and, where it is text, validated as it arrives.

import { MAX_HEADER } from './constants.js'
import { type ProtocolError, protocolError } from './errors.js'
import { FrameHeader, type HeaderContext, parseFrameHeader } from './frame-header.js'
import type { MessageAssembler } from './message-assembler.js'
import { type Kernels, rotateKey, type Runtime } from './ports.js'

/** A frame gets memory for what is there of it, this many times over, and for this many octets at least: announcing a frame must not cost us more than it costs the peer. */
const TRUST = 8
const TRUSTED_LENGTH = 16 * 1024

/** A frame of which so many octets are there gets memory TRUST times more than that: of large memory, what is not used is only reserved. */
const PROVEN_LENGTH = 1024 * 1024

const NOTHING = new Uint8Array(0)

export class PartialFrame {
  readonly header = new FrameHeader()
  /** The payload so far, unmasked, in its first `received` octets; null as long as the header is incomplete. */
  payload: Uint8Array | null = null
  received = 0
  /** Chunks that hold a part of it. */
  chunks = 0
  /** Octets of a header that is incomplete; has no memory as long as there is none. */
  private head: Uint8Array = NOTHING
  private headLength = 0

  /** Whether all of its octets are there. */
  get isComplete(): boolean {
    return this.payload !== null && this.received === this.header.length
  }

  /**
   * Takes header octets from `chunk[at, end)`; once it has them all, the payload has its memory.
   * @returns the number of octets it took, or the rule that the header breaks
   */
  takeHead(chunk: Uint8Array, at: number, end: number, context: HeaderContext, runtime: Runtime): number | ProtocolError {
    const { header, headLength } = this
    const available = end - at
    let verdict: boolean | ProtocolError
    if (headLength === 0) {
      verdict = parseFrameHeader(chunk, at, end, context, header)
    } else {
      const taken = Math.min(MAX_HEADER - headLength, available)
      for (let i = 0; i < taken; i++) this.head[headLength + i] = chunk[at + i]
      verdict = parseFrameHeader(this.head, 0, headLength + taken, context, header)
    }
    if (verdict === true) {
      this.chunks = 0
      const taken = header.size - headLength
      this.payload = NOTHING
      if (header.length > 0 && !this.grow(Math.min(header.length, available - taken), runtime)) {
        return protocolError('UNSUPPORTED_MESSAGE_LENGTH')
      }
      return taken
    }
    if (verdict !== false) return verdict
    // There are fewer than MAX_HEADER octets, or it would be complete
    if (headLength === 0) {
      this.head = new Uint8Array(MAX_HEADER)
      this.head.set(chunk.subarray(at, end))
    }
    this.headLength += available
    this.chunks++
    return available
  }

  /**
   * Takes `length` payload octets at `chunk[at]`.
   * @param text the message whose UTF-8 is validated on the way (§8.1); null where it is not text, or must not be looked at
   * @returns a violation, or null
   */
  takePayload(
    chunk: Uint8Array,
    at: number,
    length: number,
    text: MessageAssembler | null,
    kernels: Kernels,
    runtime: Runtime
  ): ProtocolError | null {
    const { received } = this
    if (received + length > this.payload!.length && !this.grow(received + length, runtime)) {
      // No limit was set, and the runtime has no memory for what the peer sends
      return protocolError('UNSUPPORTED_MESSAGE_LENGTH')
    }
    const key = rotateKey(this.header.key, received)
    if (text === null) {
      kernels.mask(chunk, at, at + length, this.payload!, received, key)
    } else {
      const result = kernels.maskValidate(chunk, at, at + length, this.payload!, received, key, text.utf8State)
      const violation = text.validated(result)
      if (violation !== null) return violation
    }
    this.received += length
    this.chunks++
    return null
  }

  /** Makes room for `needed` octets and some of what follows; false where there is no memory. */
  private grow(needed: number, runtime: Runtime): boolean {
    // No more than PROVEN_LENGTH is ever copied: 8 MiB of new memory take up to 40 ms
    const size = needed <= PROVEN_LENGTH ? Math.min(needed * TRUST, PROVEN_LENGTH) : needed * TRUST * TRUST
    let grown: Uint8Array
    try {
      grown = runtime.allocate(Math.min(this.header.length, Math.max(size, TRUSTED_LENGTH)))
    } catch {
      return false
    }
    if (this.received > 0) grown.set(this.payload!.subarray(0, this.received))
    this.payload = grown
    return true
  }
}
