// Raw DEFLATE (RFC 1951) of small messages behind a small window: finds matches in sets of recent positions.
//
// A set is one cache line: 16 positions as u16, a check octet of the hash for each, and which of them is the latest. All candidates are
// there at once, with no chain to follow, and the table takes half of what chains take. With 64 connections in turns that is 12 µs for
// 1 KiB of JSON where chains of 16 took 17, for 1 % more octets (Node 20); it is the caches that tell.
// As with chains, positions are numbered modulo 2^16, and an entry is a hint at most.

import { SET_COUNT, TOKENS } from './codec-memory'
import { closeOutput, openOutput, syncFlush, writeBlock } from './deflate-block'
import { addLiteral, addMatch, GOOD, LONGEST, MULTIPLIER } from './deflate-tokens'

// Places in a set, by offset.
const CHECKS: usize = 32
const LATEST: usize = 48

/** Octets that are hashed: no shorter match is found. */
const HASHED: usize = 5

/** Enters the octets at `p` as number `at`. */
function enter(table: usize, p: usize, at: u32): void {
  const hash = (load<u64>(p) << 24) * MULTIPLIER
  const set = table + ((<usize>(((hash >> 32) * SET_COUNT) >> 32)) << 6)
  const latest = (<usize>load<u8>(set, LATEST) - 1) & 15
  store<u8>(set, <u8>latest, LATEST)
  store<u8>(set + latest, <u8>(hash >> 47), CHECKS)
  store<u16>(set + (latest << 1), <u16>at)
}

/**
 * Deflates the octets from `start` to `end`, at most ROOM of them, to OUTPUT, with an empty stored block at the end. The parameters are
 * those of `deflate`.
 * @param table SET_COUNT sets of 64 octets
 * @returns number of octets at OUTPUT
 */
export function deflateSets(
  table: usize,
  history: usize,
  unhashed: usize,
  start: usize,
  end: usize,
  position: u32,
  window: u32,
  chain: u32,
  lazy: usize,
  nice: usize
): i32 {
  // behind this one, too few octets are left to be hashed; the next call comes back to them
  const hashEnd = end + 1 > history + HASHED ? end + 1 - HASHED : history
  for (let p = unhashed; p < hashEnd && p < start; p++) enter(table, p, <u32>p + position)

  openOutput()
  let p = start
  let token = TOKENS
  /** Match at the octet before `p`: 0 where there is none; `waiting` tells whether that octet is still to be written. */
  let heldLength: usize = 0
  let heldDistance: u32 = 0
  let waiting = false

  while (p < hashEnd) {
    const at = <u32>p + position
    const hash = (load<u64>(p) << 24) * MULTIPLIER
    const set = table + ((<usize>(((hash >> 32) * SET_COUNT) >> 32)) << 6)
    const check = <u8>(hash >> 47)
    const latest = <u32>load<u8>(set, LATEST)

    let best = HASHED - 1
    let bestDistance: u32 = 0
    let candidates = <u32>i8x16.bitmask(i8x16.eq(v128.load(set, CHECKS), i8x16.splat(<i8>check)))
    if (candidates != 0 && heldLength < lazy) {
      let depth = chain
      if (heldLength != 0) {
        best = heldLength
        depth >>= heldLength >= GOOD ? 2 : 1
      }
      const longest = min(LONGEST, end - p)
      if (best < longest) {
        // the latest first, in the lowest bit
        candidates = ((candidates | (candidates << 16)) >> latest) & 0xffff
        const reach = min(<u32>(p - history), window)
        const first = load<u32>(p)
        let last = load<u32>(p + best - 3)
        do {
          const entry = <usize>((ctz(candidates) + latest) & 15)
          candidates &= candidates - 1
          const distance = (at - <u32>load<u16>(set + (entry << 1))) & 0xffff
          // `distance - 1`: a distance of 0 is one of 2^16. What comes behind is older still
          if (distance - 1 >= reach) break
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
        } while (candidates != 0 && --depth != 0)
      }
    }
    const next = (<usize>latest - 1) & 15
    store<u8>(set, <u8>next, LATEST)
    store<u8>(set + next, check, CHECKS)
    store<u16>(set + (next << 1), <u16>at)

    if (bestDistance == 0 && heldLength != 0) {
      // the match held is the better one: it began at the octet before
      addMatch(token, <u32>heldLength - 3, heldDistance - 1)
      token += 4
      const stop = p + heldLength - 1
      const hashStop = min(stop, hashEnd)
      for (p++; p < hashStop; p++) enter(table, p, <u32>p + position)
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
  if (token > TOKENS) writeBlock(start, end, token)
  syncFlush()
  return closeOutput()
}
