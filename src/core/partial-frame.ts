// A frame that comes piece by piece: its header octet by octet, its payload unmasked and, if it is text, validated as it arrives.

import { MAX_HEADER } from './constants.js'
import { type ProtocolError, protocolError } from './errors.js'
import { FrameHeader, type HeaderContext, parseFrameHeader } from './frame-header.js'
import type { MessageAssembler } from './message-assembler.js'
import type { Kernels } from './kernels.js'
import { rotateKey } from './masking-key.js'
import type { Runtime } from './runtime.js'
import { NOTHING } from './octets.js'

/** A frame gets memory for as many octets as are there of it once more, and for this many at least: announcing a frame must not cost us more than it costs the peer. */
const LEAST_PIECE = 16 * 1024
/** What it gets at a time beyond that, in octets. */
const LARGEST_PIECE = 4 * 1024 * 1024

const NO_PIECES: Uint8Array[] = []

export class PartialFrame {
  readonly header = new FrameHeader()
  hasHead = false
  /** Payload octets so far. */
  received = 0
  /** Chunks that hold a part of it. */
  chunks = 0
  /** Octets of a header that is incomplete; has no memory as long as there is none. */
  private head: Uint8Array = NOTHING
  private headLength = 0
  /** The payload so far, unmasked: full pieces, and the first `filled` octets of `piece`. */
  private pieces: Uint8Array[] = NO_PIECES
  private piece: Uint8Array = NOTHING
  private filled = 0

  /** Whether all of its octets are there. */
  get isComplete(): boolean {
    return this.hasHead && this.received === this.header.length
  }

  /**
   * Takes header octets from `chunk[at, end)`.
   * @returns the number of octets it took, or the rule that the header breaks
   */
  takeHead(chunk: Uint8Array, at: number, end: number, context: HeaderContext): number | ProtocolError {
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
      this.hasHead = true
      return header.size - headLength
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
   * @param text the message whose UTF-8 is validated on the way (§8.1); null if it is not text, or must not be looked at
   * @param trusted payload octets that are believed to come
   * @returns a violation, or null
   */
  takePayload(
    chunk: Uint8Array,
    at: number,
    length: number,
    text: MessageAssembler | null,
    kernels: Kernels,
    runtime: Runtime,
    trusted: number
  ): ProtocolError | null {
    const end = at + length
    while (at < end) {
      if (this.filled === this.piece.length && !this.addPiece(end - at, runtime, trusted)) {
        // No limit was set, and the runtime has no memory for what the peer sends
        return protocolError('UNSUPPORTED_MESSAGE_LENGTH')
      }
      const { piece, filled } = this
      const next = Math.min(end, at + piece.length - filled)
      const key = rotateKey(this.header.key, this.received)
      if (text === null) {
        kernels.mask(chunk, at, next, piece, filled, key)
      } else {
        const violation = text.validated(kernels.maskValidate(chunk, at, next, piece, filled, key, text.utf8State))
        if (violation !== null) return violation
      }
      this.filled += next - at
      this.received += next - at
      at = next
    }
    this.chunks++
    return null
  }

  /** The payload of a frame that is complete; null if there is no memory for it. */
  payload(runtime: Runtime): Uint8Array | null {
    if (this.pieces.length === 0) return this.piece
    let whole: Uint8Array
    try {
      whole = runtime.allocate(this.header.length)
    } catch {
      return null
    }
    let at = 0
    for (const piece of this.pieces) {
      whole.set(piece, at)
      at += piece.length
    }
    whole.set(this.piece, at)
    return whole
  }

  /** Makes room for some of the `coming` octets at least; false if there is no memory. */
  private addPiece(coming: number, runtime: Runtime, trusted: number): boolean {
    const { received, piece } = this
    const left = this.header.length - received
    let size = Math.max(LEAST_PIECE, Math.min(received + 2 * coming, Math.max(coming, LARGEST_PIECE)))
    if (received < trusted) size = Math.max(size, trusted - received)
    try {
      this.piece = runtime.allocate(Math.min(left, size))
    } catch {
      return false
    }
    if (piece.length > 0) {
      if (this.pieces === NO_PIECES) this.pieces = []
      this.pieces.push(piece)
    }
    this.filled = 0
    return true
  }
}
