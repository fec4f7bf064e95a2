// UTF-8 validation in JavaScript (RFC 3629 §4), octet by octet; states are those of src/core/ports.ts.

/** Flag beside a state: an octet above 0x7f was seen. */
export const SEEN_NON_ASCII = 1 << 24

/** The state after `octet`, or -1 where it can neither continue nor begin a sequence. */
export function stateAfter(state: number, octet: number): number {
  if (state === 0) {
    if (octet < 0x80) return 0
    return octet >= 0xc2 && octet <= 0xf4 ? octet : -1
  }
  if ((octet & 0xc0) !== 0x80) return -1
  if (state > 0xffff) return 0
  if (state > 0xff) return state >= 0xf000 ? (state << 8) | octet : 0
  if (state < 0xe0) return 0
  // the second octet's range keeps out overlong forms, surrogates, and what lies above U+10FFFF
  if (
    (state === 0xe0 && octet < 0xa0) ||
    (state === 0xed && octet > 0x9f) ||
    (state === 0xf0 && octet < 0x90) ||
    (state === 0xf4 && octet > 0x8f)
  ) {
    return -1
  }
  return (state << 8) | octet
}

/** Where behind `start`, in steps of 8, the next 8 octets are not all ASCII or not all there. */
function skipAscii(octets: Uint8Array, start: number, end: number): number {
  let at = start
  for (const last = end - 8; at <= last; at += 8) {
    const all =
      octets[at] |
      octets[at + 1] |
      octets[at + 2] |
      octets[at + 3] |
      octets[at + 4] |
      octets[at + 5] |
      octets[at + 6] |
      octets[at + 7]
    if (all > 0x7f) break
  }
  return at
}

/** `Kernels.validate`. */
export function validateOctets(octets: Uint8Array, start: number, end: number, state: number): number {
  let at = start
  let seen = 0
  while (state !== 0 && at < end) {
    state = stateAfter(state, octets[at++])
    if (state < 0) return -1
    seen = SEEN_NON_ASCII
  }
  // whole sequences, as long as the longest surely fits
  const last = end - 4
  while (at <= last) {
    const first = octets[at]
    const second = octets[at + 1]
    if (first < 0x80) {
      // a run of ASCII is looked for behind four only: at once it costs 3 ns an octet in German text, so 1.2
      if (second > 0x7f) at++
      else if ((octets[at + 2] | octets[at + 3]) > 0x7f) at += 2
      else at = skipAscii(octets, at + 4, end)
      continue
    }
    seen = SEEN_NON_ASCII
    if ((second & 0xc0) !== 0x80) return -1
    if (first < 0xe0) {
      if (first < 0xc2) return -1
      at += 2
    } else if (first < 0xf0) {
      if ((octets[at + 2] & 0xc0) !== 0x80 || (first === 0xe0 && second < 0xa0) || (first === 0xed && second > 0x9f)) return -1
      at += 3
    } else {
      if (
        first > 0xf4 ||
        ((octets[at + 2] & 0xc0) ^ 0x80) | ((octets[at + 3] & 0xc0) ^ 0x80) ||
        (first === 0xf0 && second < 0x90) ||
        (first === 0xf4 && second > 0x8f)
      ) {
        return -1
      }
      at += 4
    }
  }
  while (at < end) {
    const octet = octets[at++]
    if (octet > 0x7f) seen = SEEN_NON_ASCII
    state = stateAfter(state, octet)
    if (state < 0) return -1
  }
  return state | seen
}

/** Length of the sequence at the end of `octets[start, end)` that may not be complete, 0 to 3. */
export function incompleteLength(octets: Uint8Array, start: number, end: number): number {
  for (let length = 1; length <= 3 && end - length >= start; length++) {
    const octet = octets[end - length]
    if (octet < 0x80) return 0
    if (octet >= 0xc0) return octet >= 0xf0 || (octet >= 0xe0 && length < 3) || length < 2 ? length : 0
  }
  return 0
}
