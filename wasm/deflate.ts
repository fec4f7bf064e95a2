// Raw DEFLATE (RFC 1951): finds matches with hash chains and lazily, and hands tokens to the block writer.
//
// Positions are numbered modulo 2^16 and go on from message to message, so that tables need no clearing: an entry is a hint at most.
// It is taken where the octets are equal, its distance is within the history, and distances rise along the chain.

import { TOKENS, TOKENS_CAPACITY } from './codec-memory'
import { closeOutput, openOutput, syncFlush, writeBlock } from './deflate-block'
import { addLiteral, addMatch, GOOD, LONGEST, MULTIPLIER } from './deflate-tokens'

/**
 * Deflates the octets from `start` to `end`, to OUTPUT.
 * @param heads positions by hash, 2^`hashBits` of them as u16
 * @param previous links of the chains as u16; `mask` + 1 of them, a power of two and not below `window`
 * @param history where the octets begin that matches may refer to
 * @param unhashed first octet that is not in the tables yet
 * @param position number of the octet at address 0
 * @param window largest distance, in octets
 * @param shortest length of the shortest match and of what is hashed, 4 or 5 octets
 * @param chain how many earlier positions are looked at
 * @param lazy a match of so many octets is taken without looking for a better one at the next
 * @param nice a match of so many octets ends the search
 * @param flush whether to end with an empty stored block; else up to 7 bits stay in PENDING_BITS for the next call
 * @returns number of octets at OUTPUT
 */
export function deflate(
  heads: usize,
  hashBits: u32,
  previous: usize,
  mask: u32,
  history: usize,
  unhashed: usize,
  start: usize,
  end: usize,
  position: u32,
  window: u32,
  shortest: usize,
  chain: u32,
  lazy: usize,
  nice: usize,
  flush: bool
): i32 {
  const shift: u64 = 64 - (shortest << 3)
  const down: u64 = 64 - hashBits
  // behind this one, too few octets are left to be hashed; the next call comes back to them
  const hashEnd = end + 1 > history + shortest ? end + 1 - shortest : history

  for (let p = unhashed; p < hashEnd && p < start; p++) {
    const head = heads + ((<usize>(((load<u64>(p) << shift) * MULTIPLIER) >> down)) << 1)
    const at = <u32>p + position
    store<u16>(previous + ((at & mask) << 1), load<u16>(head))
    store<u16>(head, at)
  }

  openOutput()
  let p = start
  let blockStart = start
  let token = TOKENS
  const tokensEnd = TOKENS + ((<usize>TOKENS_CAPACITY) << 2)
  /** Match at the octet before `p`: 0 where there is none; `waiting` tells whether that octet is still to be written. */
  let heldLength: usize = 0
  let heldDistance: u32 = 0
  let waiting = false

  while (p < hashEnd) {
    const at = <u32>p + position
    const head = heads + ((<usize>(((load<u64>(p) << shift) * MULTIPLIER) >> down)) << 1)
    let candidate: u32 = load<u16>(head)
    store<u16>(previous + ((at & mask) << 1), candidate)
    store<u16>(head, at)

    let best = shortest - 1
    let bestDistance: u32 = 0
    if (heldLength < lazy) {
      let depth = chain
      if (heldLength != 0) {
        best = heldLength
        depth >>= heldLength >= GOOD ? 2 : 1
      }
      const longest = min(LONGEST, end - p)
      const reach = min(<u32>(p - history), window)
      let distance = (at - candidate) & 0xffff
      // `distance - 1`: a distance of 0 is one of 2^16
      if (distance - 1 < reach && best < longest) {
        const first = load<u32>(p)
        let last = load<u32>(p + best - 3)
        let before: u32
        do {
          const q = p - distance
          if (load<u32>(q + best - 3) == last && load<u32>(q) == first) {
            let length: usize = 4
            let different: u64 = 0
            while (length < longest) {
              different = load<u64>(q + length) ^ load<u64>(p + length)
              if (different != 0) {
                length += <usize>(ctz(different) >> 3)
                break
              }
              length += 8
            }
            if (length > best) {
              bestDistance = distance
              if (length >= longest) {
                best = longest
                break
              }
              best = length
              if (length >= nice) break
              last = load<u32>(p + best - 3)
            }
          }
          if (--depth == 0) break
          before = distance
          candidate = load<u16>(previous + ((candidate & mask) << 1))
          distance = (at - candidate) & 0xffff
        } while (distance > before && distance <= reach)
      }
    }

    if (bestDistance == 0 && heldLength != 0) {
      // the match held is the better one: it began at the octet before
      addMatch(token, <u32>heldLength - 3, heldDistance - 1)
      token += 4
      const stop = p + heldLength - 1
      const hashStop = min(stop, hashEnd)
      for (p++; p < hashStop; p++) {
        const head = heads + ((<usize>(((load<u64>(p) << shift) * MULTIPLIER) >> down)) << 1)
        const at = <u32>p + position
        store<u16>(previous + ((at & mask) << 1), load<u16>(head))
        store<u16>(head, at)
      }
      p = stop
      heldLength = 0
      waiting = false
    } else {
      if (waiting) {
        addLiteral(token, load<u8>(p - 1))
        token += 4
      }
      waiting = true
      heldLength = bestDistance != 0 ? best : 0
      heldDistance = bestDistance
      p++
    }

    if (token >= tokensEnd) {
      const written = waiting ? p - 1 : p
      writeBlock(blockStart, written, token)
      blockStart = written
      token = TOKENS
    }
  }

  // The last octets: no search begins there, but a match held may reach over them
  if (heldLength != 0) {
    addMatch(token, <u32>heldLength - 3, heldDistance - 1)
    token += 4
    p += heldLength - 1
  } else if (waiting) p--
  for (; p < end; p++) {
    addLiteral(token, load<u8>(p))
    token += 4
  }
  if (token > TOKENS) writeBlock(blockStart, end, token)
  if (flush) syncFlush()
  return closeOutput()
}
