// One frame header (RFC 6455 §5.2): reading it octet by octet with every rule it can break, and writing it.

import {
  FIN,
  MASK,
  MAX_CONTROL_PAYLOAD,
  OPCODE_BINARY,
  OPCODE_BITS,
  OPCODE_CLOSE,
  OPCODE_CONTINUATION,
  OPCODE_PONG,
  OPCODE_TEXT,
  PAYLOAD_LENGTH_BITS,
  RSV1,
  RSV2_RSV3
} from './constants.js'
import { type ProtocolError, protocolError } from './errors.js'

/** What a header has to agree with: the receiver's role and limits, and the message that is under way. */
export interface HeaderContext {
  isServer: boolean
  /** Whether permessage-deflate was negotiated, so that RSV1 may be set on the first frame of a message. */
  allowsRsv1: boolean
  /** Opcode of the fragmented message under way, 0 if there is none. */
  fragmentedOpcode: number
  /** Payload octets of the message's earlier frames. */
  messageLength: number
  /** Most octets a message may have; 0: no limit. */
  maxPayload: number
}

/** A parsed header. One instance serves a receiver for all its frames. */
export class FrameHeader {
  fin = false
  rsv1 = false
  opcode = 0
  /** Payload length in octets. */
  length = 0
  /** Masking key as a little-endian u32; 0 without one. */
  key = 0
  /** Length of the header itself, in octets. */
  size = 0
}

/** Largest high half of a 64-bit length that still is a safe integer. */
const MAX_HIGH = 2 ** 21 - 1

/**
 * Reads the header at `octets[start, end)` into `header`.
 * From two octets on, each rule is checked as soon as what it is about is there; it may be called again whenever more have come.
 * @returns true when the header is complete, false when octets are missing, or the first rule it breaks (in ws's order)
 */
export function parseFrameHeader(
  octets: Uint8Array,
  start: number,
  end: number,
  context: HeaderContext,
  header: FrameHeader
): boolean | ProtocolError {
  if (end - start < 2) return false
  const first = octets[start]
  const second = octets[start + 1]
  const opcode = first & OPCODE_BITS
  const rsv1 = (first & RSV1) !== 0
  const fin = (first & FIN) !== 0
  let length = second & PAYLOAD_LENGTH_BITS

  // §5.2: reserved bits MUST be 0 unless an extension defines them
  if ((first & RSV2_RSV3) !== 0) return protocolError('UNEXPECTED_RSV_2_3')
  if (rsv1 && !context.allowsRsv1) return protocolError('UNEXPECTED_RSV_1')

  if (opcode === OPCODE_CONTINUATION) {
    // RFC 7692 §6.1: RSV1 is set on the first frame of a message only
    if (rsv1) return protocolError('UNEXPECTED_RSV_1')
    if (context.fragmentedOpcode === 0) return protocolError('INVALID_OPCODE', opcode)
  } else if (opcode === OPCODE_TEXT || opcode === OPCODE_BINARY) {
    // §5.4: the fragments of one message MUST NOT be interleaved with those of another
    if (context.fragmentedOpcode !== 0) return protocolError('INVALID_OPCODE', opcode)
  } else if (opcode >= OPCODE_CLOSE && opcode <= OPCODE_PONG) {
    // §5.5: control frames MUST NOT be fragmented and have at most 125 octets
    if (!fin) return protocolError('EXPECTED_FIN')
    if (rsv1) return protocolError('UNEXPECTED_RSV_1')
    // §5.5.1: a close frame with a body has the two octets of a close code at least
    if (length > MAX_CONTROL_PAYLOAD || (opcode === OPCODE_CLOSE && length === 1)) {
      return protocolError('INVALID_CONTROL_PAYLOAD_LENGTH', length)
    }
  } else {
    return protocolError('INVALID_OPCODE', opcode)
  }

  // §5.1: a server fails an unmasked frame, a client a masked one
  const masked = (second & MASK) !== 0
  if (context.isServer && !masked) return protocolError('EXPECTED_MASK')
  if (!context.isServer && masked) return protocolError('UNEXPECTED_MASK')

  let size = 2
  if (length === 126) {
    if (end - start < 4) return false
    length = (octets[start + 2] << 8) | octets[start + 3]
    size = 4
  } else if (length === 127) {
    if (end - start < 10) return false
    const high = readU32(octets, start + 2)
    if (high > MAX_HIGH) return protocolError('UNSUPPORTED_DATA_PAYLOAD_LENGTH')
    length = high * 2 ** 32 + readU32(octets, start + 6)
    size = 10
  }

  // Before the payload comes, so that nothing of it is ever held
  if (opcode < OPCODE_CLOSE && length > 0 && context.maxPayload > 0 && context.messageLength + length > context.maxPayload) {
    return protocolError('UNSUPPORTED_MESSAGE_LENGTH')
  }

  let key = 0
  if (masked) {
    if (end - start < size + 4) return false
    const at = start + size
    key = octets[at] | (octets[at + 1] << 8) | (octets[at + 2] << 16) | (octets[at + 3] << 24)
    size += 4
  }

  header.fin = fin
  header.rsv1 = rsv1
  header.opcode = opcode
  header.length = length
  header.key = key
  header.size = size
  return true
}

/** Length of the header of a frame with `length` octets of payload, in octets. */
export function headerSize(length: number, masked: boolean): number {
  return (length < 126 ? 2 : length < 65536 ? 4 : 10) + (masked ? 4 : 0)
}

/**
 * Writes a header at `offset` of `target`, where there is room for `headerSize`; the masking key is not written.
 * @param first FIN and RSV bits and the opcode
 * @returns the offset behind what was written
 */
export function serializeFrameHeader(target: Uint8Array, offset: number, first: number, length: number, masked: boolean): number {
  const mask = masked ? MASK : 0
  target[offset] = first
  if (length < 126) {
    target[offset + 1] = mask | length
    return offset + 2
  }
  if (length < 65536) {
    target[offset + 1] = mask | 126
    target[offset + 2] = length >>> 8
    target[offset + 3] = length
    return offset + 4
  }
  target[offset + 1] = mask | 127
  writeU32(target, offset + 2, Math.floor(length / 2 ** 32))
  writeU32(target, offset + 6, length >>> 0)
  return offset + 10
}

/** Writes the masking key `key` (a little-endian u32) at `offset`; returns the offset behind it. */
export function serializeMaskingKey(target: Uint8Array, offset: number, key: number): number {
  target[offset] = key
  target[offset + 1] = key >>> 8
  target[offset + 2] = key >>> 16
  target[offset + 3] = key >>> 24
  return offset + 4
}

function readU32(octets: Uint8Array, at: number): number {
  return ((octets[at] << 24) | (octets[at + 1] << 16) | (octets[at + 2] << 8) | octets[at + 3]) >>> 0
}

function writeU32(target: Uint8Array, offset: number, value: number): void {
  target[offset] = value >>> 24
  target[offset + 1] = value >>> 16
  target[offset + 2] = value >>> 8
  target[offset + 3] = value
}
