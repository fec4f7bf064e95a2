// The search for matches in hash chains: the latest position of each hash, and of each position the one before it with the same hash.

import { LONGEST, Matches, MULTIPLIER } from './deflate-tokens'

/** A class for `@inline`, which TypeScript lets stand before methods only: without it the search takes 15 % longer. */
export class Chains {
  /** Where the latest position stands that has the hash of the octets at `p`; of these `shift` says how many, of it `down`. */
  @inline
  static headOf(heads: usize, p: usize, shift: u64, down: u64): usize {
    return heads + ((<usize>(((load<u64>(p) << shift) * MULTIPLIER) >> down)) << 1)
  }

  /** Enters the octets at `p` as number `at`. */
  @inline
  static enter(heads: usize, shift: u64, down: u64, previous: usize, mask: u32, p: usize, at: u32): void {
    const head = Chains.headOf(heads, p, shift, down)
    store<u16>(previous + ((at & mask) << 1), load<u16>(head))
    store<u16>(head, at)
  }

  /**
   * The same, and looks for a match there that is longer than `heldLength`; the parameters are those of `deflate`.
   * @param limit largest distance
   * @returns its distance << 16 and its length; 0 if there is none
   */
  @inline
  static search(
    heads: usize,
    shift: u64,
    down: u64,
    previous: usize,
    mask: u32,
    p: usize,
    at: u32,
    end: usize,
    limit: u32,
    shortest: usize,
    heldLength: usize,
    chain: u32,
    lazy: usize,
    nice: usize
  ): u32 {
    const head = Chains.headOf(heads, p, shift, down)
    let candidate: u32 = load<u16>(head)
    store<u16>(previous + ((at & mask) << 1), candidate)
    store<u16>(head, at)
    if (heldLength >= lazy) return 0

    let best = heldLength != 0 ? heldLength : shortest - 1
    const longest = min(LONGEST, end - p)
    let distance = (at - candidate) & 0xffff
    // `distance - 1`: a distance of 0 is one of 2^16
    if (distance - 1 >= limit || best >= longest) return 0
    let depth = Matches.depthFor(heldLength, chain)
    let found: u32 = 0
    const first = load<u32>(p)
    let last = load<u32>(p + best - 3)
    let before: u32
    do {
      const q = p - distance
      if (load<u32>(q + best - 3) == last && load<u32>(q) == first) {
        const length = Matches.lengthOf(p, q, longest)
        if (length > best) {
          best = min(length, longest)
          found = (distance << 16) | (<u32>best)
          if (best >= nice || best == longest) break
          last = load<u32>(p + best - 3)
        }
      }
      if (--depth == 0) break
      before = distance
      candidate = load<u16>(previous + ((candidate & mask) << 1))
      distance = (at - candidate) & 0xffff
    } while (distance > before && distance <= limit)
    return found
  }
}
