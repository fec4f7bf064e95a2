// Frames built and parsed for tests, octet by octet from RFC 6455 §5.2, without any code of the library under test.

export const CONTINUATION = 0
export const TEXT = 1
export const BINARY = 2
export const CLOSE = 8
export const PING = 9
export const PONG = 10

/** The masking key of every frame a test sends, unless it says otherwise: the one of the examples in RFC 6455 §5.7. */
export const TEST_KEY = Buffer.from([0x37, 0xfa, 0x21, 0x3d])

export interface FrameFields {
  fin?: boolean
  /** RSV1 to RSV3 as the three bits 4, 2, 1. */
  rsv?: number
  opcode?: number
  /** A masking key of 4 octets, or null for an unmasked frame. */
  key?: Buffer | null
  payload?: Buffer | string
  /** The length the header claims, where it is to differ from the payload's. */
  claim?: number | bigint
  /** Octets of the extended payload length: 0, 2 or 8; the minimum unless given. */
  lengthOctets?: 0 | 2 | 8
}

/** Octets of one frame; nothing is checked, so that wrong frames can be built. */
export function buildFrame(fields: FrameFields): Buffer {
  const { fin = true, rsv = 0, opcode = TEXT, key = null } = fields
  const payload = Buffer.from(fields.payload ?? '')
  const claim = BigInt(fields.claim ?? payload.length)
  const lengthOctets = fields.lengthOctets ?? (claim < 126n ? 0 : claim < 65536n ? 2 : 8)
  const header = [(fin ? 0x80 : 0) | (rsv << 4) | opcode]
  const maskBit = key ? 0x80 : 0
  if (lengthOctets === 0) header.push(maskBit | Number(claim))
  else {
    header.push(maskBit | (lengthOctets === 2 ? 126 : 127))
    for (let i = lengthOctets - 1; i >= 0; i--) header.push(Number((claim >> BigInt(8 * i)) & 255n))
  }
  if (key === null) return Buffer.concat([Buffer.from(header), payload])
  return Buffer.concat([Buffer.from(header), key, applyMask(payload, key)])
}

export function applyMask(octets: Buffer, key: Buffer): Buffer {
  const result = Buffer.alloc(octets.length)
  const [a, b, c, d] = key
  const whole = octets.length & ~3
  for (let i = 0; i < whole; i += 4) {
    result[i] = octets[i] ^ a
    result[i + 1] = octets[i + 1] ^ b
    result[i + 2] = octets[i + 2] ^ c
    result[i + 3] = octets[i + 3] ^ d
  }
  for (let i = whole; i < octets.length; i++) result[i] = octets[i] ^ key[i & 3]
  return result
}

/** Payload of a close frame (RFC 6455 §5.5.1). */
export function closePayload(code?: number, reason: string | Buffer = ''): Buffer {
  if (code === undefined) return Buffer.alloc(0)
  return Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)])
}

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
  #chunks: Buffer[] = []
  #length = 0
  /** Octets that must be there before it is worth looking again. */
  #needed = 2

  /** Octets of a frame that is not complete yet. */
  get rest(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  push(chunk: Buffer): ParsedFrame[] {
    this.#chunks.push(chunk)
    this.#length += chunk.length
    const frames: ParsedFrame[] = []
    if (this.#length < this.#needed) return frames
    let octets = Buffer.concat(this.#chunks)
    for (;;) {
      const frame = parseOne(octets)
      if (typeof frame === 'number') {
        this.#needed = frame
        break
      }
      frames.push(frame)
      octets = octets.subarray(frame.size)
    }
    this.#chunks = [Buffer.from(octets)]
    this.#length = octets.length
    return frames
  }
}

/** The frame at the head of `octets`, or how many octets are needed to tell more. */
function parseOne(octets: Buffer): (ParsedFrame & { size: number }) | number {
  if (octets.length < 2) return 2
  const short = octets[1] & 0x7f
  const lengthOctets = short === 126 ? 2 : short === 127 ? 8 : 0
  const masked = (octets[1] & 0x80) !== 0
  let offset = 2 + lengthOctets
  if (octets.length < offset + (masked ? 4 : 0)) return offset + (masked ? 4 : 0)
  const length = lengthOctets === 0 ? short : lengthOctets === 2 ? octets.readUInt16BE(2) : Number(octets.readBigUInt64BE(2))
  const key = masked ? Buffer.from(octets.subarray(offset, offset + 4)) : null
  offset += masked ? 4 : 0
  if (octets.length < offset + length) return offset + length
  const payload = octets.subarray(offset, offset + length)
  return {
    fin: (octets[0] & 0x80) !== 0,
    rsv: (octets[0] >> 4) & 7,
    opcode: octets[0] & 15,
    key,
    payload: key ? applyMask(payload, key) : Buffer.from(payload),
    lengthOctets,
    size: offset + length
  }
}

const NAMES: Record<number, string> = { 0: 'continuation', 1: 'text', 2: 'binary', 8: 'close', 9: 'ping', 10: 'pong' }

/** One line that says all a frame holds but its masking key. */
export function describeFrame(frame: ParsedFrame): string {
  const parts = [NAMES[frame.opcode] ?? `opcode ${frame.opcode}`]
  if (!frame.fin) parts.push('no-fin')
  if (frame.rsv) parts.push(`rsv=${frame.rsv}`)
  parts.push(frame.key ? 'masked' : 'unmasked')
  if (frame.lengthOctets) parts.push(`length-octets=${frame.lengthOctets}`)
  if (frame.opcode === CLOSE && frame.payload.length >= 2) {
    parts.push(String(frame.payload.readUInt16BE(0)), describeOctets(frame.payload.subarray(2)))
  } else parts.push(describeOctets(frame.payload))
  return parts.join(' ')
}

/** Octets as quoted text where all are printable ASCII, else in hexadecimal; long ones by length and a checksum. */
export function describeOctets(octets: Uint8Array): string {
  const buffer = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength)
  if (buffer.length > 200) {
    let sum = 0
    for (let i = 0; i < buffer.length; i++) sum = (Math.imul(sum, 31) + buffer[i]) >>> 0
    return `<${buffer.length} octets, sum ${sum.toString(16)}, begin ${describeOctets(buffer.subarray(0, 16))}>`
  }
  return /^[\x20-\x7e]*$/.test(buffer.toString('latin1'))
    ? JSON.stringify(buffer.toString('latin1'))
    : `0x${buffer.toString('hex')}`
}
