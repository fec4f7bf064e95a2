// Tokens of a block, and what both searches for matches have in common.

import { DISTANCE_SYMBOLS, FREQUENCIES, LENGTH_SYMBOLS } from './codec-memory'

/** Multiplier of the hash: 2^64 divided by the golden ratio. */
export const MULTIPLIER: u64 = 0x9e3779b97f4a7c15

/** Longest match (RFC 1951 §3.2.5). */
export const LONGEST: usize = 258
/** A match of so many octets is good: a longer one is looked for with a quarter of the depth. */
const GOOD: usize = 8

/** A class as `Chains` is. */
export class Matches {
  /** How many candidates are worth a look if a match of `heldLength` octets, or with 0 none, is to be surpassed. */
  @inline
  static depthFor(heldLength: usize, chain: u32): u32 {
    return heldLength == 0 ? chain : chain >> (heldLength >= GOOD ? 2 : 1)
  }

  /** How many octets are equal at `p` and `q`, of which four are known to be; at most `longest` or a little more. */
  @inline
  static lengthOf(p: usize, q: usize, longest: usize): usize {
    let length: usize = 4
    while (length < longest) {
      const different = load<u64>(q + length) ^ load<u64>(p + length)
      if (different != 0) return length + <usize>(ctz(different) >> 3)
      length += 8
    }
    return length
  }
}

/** Writes a token and counts its symbol; the next token's place is 4 further on. */
export function addLiteral(token: usize, octet: u32): void {
  store<u32>(token, octet)
  const place = FREQUENCIES + ((<usize>octet) << 1)
  store<u16>(place, load<u16>(place) + 1)
}

/** The same for a match: takes its length less 3, and its distance less 1. */
export function addMatch(token: usize, length: u32, distance: u32): void {
  store<u32>(token, 0x80000000 | (length << 16) | distance)
  const ofLength = FREQUENCIES + ((<usize>load<u8>(LENGTH_SYMBOLS + length)) << 1)
  store<u16>(ofLength, load<u16>(ofLength, 257 * 2) + 1, 257 * 2)
  const ofDistance =
    FREQUENCIES + ((<usize>load<u8>(DISTANCE_SYMBOLS + (distance < 256 ? <usize>distance : 256 + <usize>(distance >> 7)))) << 1)
  store<u16>(ofDistance, load<u16>(ofDistance, 288 * 2) + 1, 288 * 2)
}
