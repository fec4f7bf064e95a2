// UTF-8 to UTF-16 in JavaScript (RFC 3629 §3, RFC 2781 §2.1).

/** `Kernels.toUtf16`. */
export function toUtf16(octets: Uint8Array, start: number, end: number, target: Uint8Array, targetStart: number): number {
  let to = targetStart
  let at = start
  while (at < end) {
    const first = octets[at++]
    let unit = first
    if (first >= 0xf0) {
      const bits = ((first & 0x07) << 18) | ((octets[at] & 0x3f) << 12) | ((octets[at + 1] & 0x3f) << 6) | (octets[at + 2] & 0x3f)
      at += 3
      const upper = 0xd800 - 0x40 + (bits >> 10)
      target[to++] = upper
      target[to++] = upper >> 8
      unit = 0xdc00 | (bits & 0x3ff)
    } else if (first >= 0xe0) {
      unit = ((first & 0x0f) << 12) | ((octets[at] & 0x3f) << 6) | (octets[at + 1] & 0x3f)
      at += 2
    } else if (first >= 0x80) {
      unit = ((first & 0x1f) << 6) | (octets[at++] & 0x3f)
    }
    target[to++] = unit
    target[to++] = unit >> 8
  }
  return to - targetStart
}
