// SHA-1 (FIPS 180-4 §6.1), for Sec-WebSocket-Accept if a runtime has no synchronous one. It secures nothing there (RFC 6455 §10.8).

/** Digest of `octets`: 20 octets. */
export function sha1(octets: Uint8Array): Uint8Array {
  const padded = pad(octets)
  const view = new DataView(padded.buffer)
  const schedule = new Uint32Array(80)
  let h0 = 0x67452301
  let h1 = 0xefcdab89
  let h2 = 0x98badcfe
  let h3 = 0x10325476
  let h4 = 0xc3d2e1f0

  for (let block = 0; block < padded.length; block += 64) {
    for (let t = 0; t < 16; t++) schedule[t] = view.getUint32(block + t * 4)
    for (let t = 16; t < 80; t++) {
      schedule[t] = rotateLeft(schedule[t - 3] ^ schedule[t - 8] ^ schedule[t - 14] ^ schedule[t - 16], 1)
    }

    let a = h0
    let b = h1
    let c = h2
    let d = h3
    let e = h4
    for (let t = 0; t < 80; t++) {
      const next = (rotateLeft(a, 5) + round(t, b, c, d) + e + schedule[t]) | 0
      e = d
      d = c
      c = rotateLeft(b, 30)
      b = a
      a = next
    }
    h0 = (h0 + a) | 0
    h1 = (h1 + b) | 0
    h2 = (h2 + c) | 0
    h3 = (h3 + d) | 0
    h4 = (h4 + e) | 0
  }

  const digest = new Uint8Array(20)
  const words = new DataView(digest.buffer)
  words.setInt32(0, h0)
  words.setInt32(4, h1)
  words.setInt32(8, h2)
  words.setInt32(12, h3)
  words.setInt32(16, h4)
  return digest
}

/** The message, a one bit, zeros, and the length in bits, to a multiple of 64 octets (FIPS 180-4 §5.1.1). */
function pad(octets: Uint8Array): Uint8Array<ArrayBuffer> {
  const length = octets.length
  const padded = new Uint8Array((length + 9 + 63) & ~63)
  padded.set(octets)
  padded[length] = 0x80
  const view = new DataView(padded.buffer)
  view.setUint32(padded.length - 8, Math.floor(length / 0x20000000))
  view.setUint32(padded.length - 4, length << 3)
  return padded
}

/** Function and constant of round `t` (FIPS 180-4 §4.1.1, §4.2.1). */
function round(t: number, b: number, c: number, d: number): number {
  if (t < 20) return ((b & c) | (~b & d)) + 0x5a827999
  if (t < 40) return (b ^ c ^ d) + 0x6ed9eba1
  if (t < 60) return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
  return (b ^ c ^ d) + 0xca62c1d6
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}
