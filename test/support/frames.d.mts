export const CONTINUATION: number
export const TEXT: number
export const BINARY: number
export const CLOSE: number
export const PING: number
export const PONG: number

/** The masking key of every frame a test sends, unless it says otherwise: the one of the examples in RFC 6455 §5.7. */
export const TEST_KEY: Buffer

export interface FrameFields {
  fin?: boolean
  /** RSV1 to RSV3 as the three bits 4, 2, 1. */
  rsv?: number
  opcode?: number
  /** The octet of FIN, RSV1 to RSV3 and the opcode, in place of the three. */
  first?: number
  /** A masking key of 4 octets, or null for an unmasked frame. */
  key?: Buffer | null
  payload?: Uint8Array | string
  /** The length the header claims, where it is to differ from the payload's. */
  claim?: number | bigint
  /** Octets of the extended payload length: 0, 2 or 8; the minimum unless given. */
  lengthOctets?: 0 | 2 | 8
}

/** Octets of one frame; nothing is checked, so that wrong frames can be built. */
export function buildFrame(fields: FrameFields): Buffer

export function applyMask(octets: Uint8Array, key: Uint8Array): Buffer

/** Payload of a close frame (RFC 6455 §5.5.1). */
export function closePayload(code?: number, reason?: string | Buffer): Buffer

export interface ParsedFrame {
  fin: boolean
  rsv: number
  opcode: number
  key: Buffer | null
  /** Unmasked. */
  payload: Buffer
  /** Octets of the extended payload length. */
  lengthOctets: number
}

/** Cuts a stream of octets into frames, whatever they hold. */
export class FrameParser {
  /** Octets of a frame that is not complete yet. */
  get rest(): Buffer
  /** The frames that `chunk` completes. */
  push(chunk: Buffer): ParsedFrame[]
}
