// Fragments to messages (RFC 6455 §5.4): what a message has so far, its budget, and UTF-8 across its frames (§8.1).

import { OPCODE_TEXT } from './constants.js'
import { type ProtocolError, protocolError } from './errors.js'
import type { Kernels } from './kernels.js'

/** A message that comes in several frames, or in one that the scan does not take. */
export class MessageAssembler {
  /** Whether the message is compressed (RSV1 on its first frame, RFC 7692 §6). */
  readonly compressed: boolean
  readonly isText: boolean
  /** Payloads so far, inflated; empty ones are left out. */
  readonly fragments: Uint8Array[] = []
  /** Octets in `fragments`. */
  length = 0
  /** UTF-8 state behind the last fragment; see `Kernels`. */
  utf8State = 0
  /** Whether an octet above 0x7f was found so far. */
  nonAscii = false
  private frames = 0

  constructor(opcode: number, compressed: boolean) {
    this.compressed = compressed
    this.isText = opcode === OPCODE_TEXT
  }

  /** Counts a frame, empty ones too; more than `maxFragments` (0: no limit) is a violation. */
  countFrame(maxFragments: number): ProtocolError | null {
    this.frames++
    return maxFragments > 0 && this.frames > maxFragments ? protocolError('TOO_MANY_BUFFERED_PARTS', 'message fragments') : null
  }

  /** Adds a payload that is the assembler's to keep; the caller has validated text on the way. */
  add(payload: Uint8Array): void {
    if (payload.length === 0) return
    this.length += payload.length
    this.fragments.push(payload)
  }

  /** Continues validation over `octets`, at once, so that an impossible octet fails the connection as soon as it is there. */
  validate(kernels: Kernels, octets: Uint8Array): ProtocolError | null {
    return this.validated(kernels.validate(octets, 0, octets.length, this.utf8State))
  }

  /** Takes what the kernels found in the octets that follow. */
  validated(result: number): ProtocolError | null {
    if (result < 0) return protocolError('INVALID_UTF8')
    this.utf8State = result & 0xffffff
    if (result > 0xffffff) this.nonAscii = true
    return null
  }
}
