// Frames built and parsed octet by octet from RFC 6455 §5.2, without any code of the library under test. Programs that no test runner
// compiles use it too, on any Node.

export const CONTINUATION = 0
export const TEXT = 1
export const BINARY = 2
export const CLOSE = 8
export const PING = 9
export const PONG = 10

export const TEST_KEY = Buffer.from([0x37, 0xfa, 0x21, 0x3d])

export function buildFrame(fields) {
  const { fin = true, rsv = 0, opcode = TEXT, key = null } = fields
  const payload = Buffer.from(fields.payload ?? '')
  const claim = BigInt(fields.claim ?? payload.length)
  const lengthOctets = fields.lengthOctets ?? (claim < 126n ? 0 : claim < 65536n ? 2 : 8)
  const header = [fields.first ?? (fin ? 0x80 : 0) | (rsv << 4) | opcode]
  const maskBit = key ? 0x80 : 0
  if (lengthOctets === 0) header.push(maskBit | Number(claim))
  else {
    header.push(maskBit | (lengthOctets === 2 ? 126 : 127))
    for (let i = lengthOctets - 1; i >= 0; i--) header.push(Number((claim >> BigInt(8 * i)) & 255n))
  }
  if (key === null) return Buffer.concat([Buffer.from(header), payload])
  return Buffer.concat([Buffer.from(header), key, applyMask(payload, key)])
}

export function applyMask(octets, key) {
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

export function closePayload(code, reason = '') {
  if (code === undefined) return Buffer.alloc(0)
  return Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)])
}

export class FrameParser {
  #chunks = []
  #length = 0
  /** Octets that must be there before it is worth looking again. */
  #needed = 2

  get rest() {
    return Buffer.concat(this.#chunks)
  }

  push(chunk) {
    this.#chunks.push(chunk)
    this.#length += chunk.length
    const frames = []
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
function parseOne(octets) {
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
