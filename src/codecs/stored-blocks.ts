// DEFLATE without compression: stored blocks, and the empty one that ends what is sent (RFC 1951 §3.2.4, RFC 7692 §7.2).

/**
 * The octets of an empty stored block, behind its header bits: what a message's data ends with when all of it was flushed. The sender
 * cuts them off, the receiver appends them again (RFC 7692 §7.2.1, §7.2.2).
 */
export const TRAILER = Uint8Array.of(0x00, 0x00, 0xff, 0xff)

/** Most octets of a stored block (RFC 1951 §3.2.4). */
const MAX_STORED = 65535

/** Octets of a stored block's header when it begins on an octet: BFINAL and BTYPE, then the length twice. */
const HEADER_SIZE = 5

/** What no octets are deflated to: an empty stored block, of which a message has the head only (RFC 7692 §7.2.3.6). */
export function deflatedNothing(fin: boolean): Uint8Array {
  return storeOctets(new Uint8Array(0), fin)
}

/** `octets` in stored blocks, and an empty one, without the trailer if `fin` is set. */
export function storeOctets(octets: Uint8Array, fin: boolean): Uint8Array {
  const { length } = octets
  const output = new Uint8Array(length + HEADER_SIZE * Math.ceil(length / MAX_STORED) + (fin ? 1 : HEADER_SIZE))
  let to = 0
  for (let from = 0; from < length; from += MAX_STORED) {
    const size = Math.min(MAX_STORED, length - from)
    // BFINAL and BTYPE are in the first octet, all zero
    output[to + 1] = size
    output[to + 2] = size >> 8
    output[to + 3] = ~size
    output[to + 4] = ~size >> 8
    output.set(octets.subarray(from, from + size), to + HEADER_SIZE)
    to += size + HEADER_SIZE
  }
  if (!fin) output.set(TRAILER, to + 1)
  return output
}
