// Base64 (RFC 4648 §4) for runtimes without Buffer: masking keys, accept keys, the compiled modules.

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** Value of each ASCII code in the alphabet; 64 for those outside it. */
const VALUES = new Uint8Array(128).fill(64)
for (let i = 0; i < ALPHABET.length; i++) VALUES[ALPHABET.charCodeAt(i)] = i

/** Text of `octets` in base64, padded with `=` to a multiple of four characters. */
export function base64Encode(octets: Uint8Array): string {
  const length = octets.length
  const whole = length - (length % 3)
  let text = ''
  for (let i = 0; i < whole; i += 3) {
    const group = (octets[i] << 16) | (octets[i + 1] << 8) | octets[i + 2]
    text += ALPHABET[group >> 18] + ALPHABET[(group >> 12) & 63] + ALPHABET[(group >> 6) & 63] + ALPHABET[group & 63]
  }
  if (length - whole === 1) {
    const group = octets[whole] << 4
    text += ALPHABET[group >> 6] + ALPHABET[group & 63] + '=='
  } else if (length - whole === 2) {
    const group = ((octets[whole] << 8) | octets[whole + 1]) << 2
    text += ALPHABET[group >> 12] + ALPHABET[(group >> 6) & 63] + ALPHABET[group & 63] + '='
  }
  return text
}

/**
 * Octets of padded base64 `text`.
 * @throws {RangeError} at a character outside the alphabet, a length that is no multiple of four, or unused bits that are not zero
 * (RFC 4648 §3.5)
 */
export function base64Decode(text: string): Uint8Array {
  const length = text.length
  if (length % 4 !== 0) throw new RangeError('Invalid base64: length is not a multiple of four')
  const padding = length === 0 || text[length - 1] !== '=' ? 0 : text[length - 2] === '=' ? 2 : 1
  const octets = new Uint8Array((length / 4) * 3 - padding)
  const whole = padding === 0 ? length : length - 4

  let to = 0
  for (let from = 0; from < whole; from += 4) {
    const group = (value(text, from) << 18) | (value(text, from + 1) << 12) | (value(text, from + 2) << 6) | value(text, from + 3)
    octets[to] = group >> 16
    octets[to + 1] = group >> 8
    octets[to + 2] = group
    to += 3
  }
  if (padding !== 0) {
    const group = (value(text, whole) << 12) | (value(text, whole + 1) << 6) | (padding === 1 ? value(text, whole + 2) : 0)
    if ((group & (padding === 1 ? 0x3 : 0x3ff)) !== 0) throw new RangeError('Invalid base64: unused bits are not zero')
    octets[to] = group >> 10
    if (padding === 1) octets[to + 1] = group >> 2
  }
  return octets
}

function value(text: string, index: number): number {
  const code = text.charCodeAt(index)
  const bits = code < 128 ? VALUES[code] : 64
  if (bits === 64) throw new RangeError(`Invalid base64: unexpected character at index ${index}`)
  return bits
}
