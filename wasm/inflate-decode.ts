// Decoding of the symbols of a block (RFC 1951 §3.2.3), the inner loop of INFLATE.

import { REPEAT, REPEAT_STEP, STATE } from './codec-memory'
import { INVALID, SPECIAL, SUBTABLE } from './inflate-table'

// What `inflate` returns when it has not come to a clean end. That it is one for corrupt data lies above -32, for zlib's reasons.

/** All input is taken, and the block, symbol or header goes on in the next. */
export const INCOMPLETE: i32 = -32
/** The output reached its limit, or the call took long enough; input may be left. */
export const FULL: i32 = -33
/** The final block has ended; input may be left. */
export const ENDED: i32 = -34
const INVALID_LITLEN_CODE: i32 = -9
const INVALID_DISTANCE_CODE: i32 = -10
const TOO_FAR_BACK: i32 = -11

// Fields of STATE, by offset. The first two are results, the others are what a call continues from; the first four lead from one
// part of a call to the next.
export const STATE_INPUT: usize = 0 // where the input is taken up to
export const STATE_OUTPUT: usize = 4 // where the output ends
export const STATE_BITS: usize = 8 // u64: between calls fewer than 8 bits, of an octet that is taken
export const STATE_BIT_COUNT: usize = 16
export const STATE_MODE: usize = 20
export const STATE_FINAL: usize = 24 // whether the block has BFINAL set
export const STATE_STORED: usize = 28 // octets left of a stored block
export const STATE_LITLENS: usize = 32 // numbers of code lengths of a dynamic block; 0 for a fixed one
export const STATE_DISTANCES: usize = 36
export const STATE_HELD_LENGTH: usize = 40 // octets to be read again before the next input
export const STATE_LENGTHS: usize = 48 // code lengths: 316, and what a wide store may reach
export const STATE_HELD: usize = 384

/** Input octets that the fast loop may read in one turn: two loads of 8, the second up to 7 further on. */
const FAST_INPUT: usize = 16

/** Decodes from where STATE stands, with these tables, and leaves it where it ended; returns 0 at the end of the block. */
export function decode(
  end: usize,
  history: usize,
  limit: usize,
  window: usize,
  litlenTable: usize,
  litlenMask: u64,
  distanceTable: usize,
  distanceMask: u64
): i32 {
  const fastEnd = end - FAST_INPUT
  let b = load<u64>(STATE, STATE_BITS)
  let n = load<u32>(STATE, STATE_BIT_COUNT)
  let at: usize = load<u32>(STATE, STATE_INPUT)
  let to: usize = load<u32>(STATE, STATE_OUTPUT)
  let status: i32

  for (;;) {
    // Wide loads, no check but of the two limits. A refill gives 56 bits: enough for three literals of the primary table and a length
    while (at <= fastEnd && to < limit) {
      b |= load<u64>(at) << n
      at += (63 - n) >> 3
      n |= 56
      let entry = load<u32>(litlenTable + ((<usize>(b & litlenMask)) << 2))
      if (<i32>entry < 0) {
        b >>= entry
        n -= entry & 0xff
        store<u8>(to, entry >> 16)
        to++
        entry = load<u32>(litlenTable + ((<usize>(b & litlenMask)) << 2))
        if (<i32>entry < 0) {
          b >>= entry
          n -= entry & 0xff
          store<u8>(to, entry >> 16)
          to++
          entry = load<u32>(litlenTable + ((<usize>(b & litlenMask)) << 2))
          if (<i32>entry < 0) {
            b >>= entry
            n -= entry & 0xff
            store<u8>(to, entry >> 16)
            to++
            entry = load<u32>(litlenTable + ((<usize>(b & litlenMask)) << 2))
            if (<i32>entry < 0) {
              b >>= entry
              n -= entry & 0xff
              store<u8>(to, entry >> 16)
              to++
              continue
            }
          }
        }
      }
      if (entry & SPECIAL) {
        if (entry & SUBTABLE) {
          const place = (<u32>(b >> entry)) & ((1 << ((entry >> 8) & 15)) - 1)
          entry = load<u32>(litlenTable + (((entry >> 16) + place) << 2))
          if (<i32>entry < 0) {
            b >>= entry
            n -= entry & 0xff
            store<u8>(to, entry >> 16)
            to++
            continue
          }
        }
        if (entry & SPECIAL) {
          b >>= entry
          n -= entry & 0xff
          storeCursor(b & (((<u64>1) << n) - 1), n, at, to)
          return entry & INVALID ? INVALID_LITLEN_CODE : 0
        }
      }
      const length: usize = (entry >> 16) + ((<u32>(b & (((<u64>1) << entry) - 1))) >> ((entry >> 8) & 15))
      b >>= entry
      n -= entry & 0xff
      if (n < 28) {
        b |= load<u64>(at) << n
        at += (63 - n) >> 3
        n |= 56
      }
      entry = load<u32>(distanceTable + ((<usize>(b & distanceMask)) << 2))
      if (entry & SPECIAL) {
        if (entry & SUBTABLE) {
          const place = (<u32>(b >> entry)) & ((1 << ((entry >> 8) & 15)) - 1)
          entry = load<u32>(distanceTable + (((entry >> 16) + place) << 2))
        }
        if (entry & SPECIAL) return INVALID_DISTANCE_CODE
      }
      const distance: usize = (entry >> 16) + ((<u32>(b & (((<u64>1) << entry) - 1))) >> ((entry >> 8) & 15))
      b >>= entry
      n -= entry & 0xff
      if (distance > to - history || distance > window) return TOO_FAR_BACK
      let from = to - distance
      const stop = to + length
      if (distance >= 16) {
        do {
          v128.store(to, v128.load(from))
          from += 16
          to += 16
        } while (to < stop)
      } else {
        const pattern = i8x16.swizzle(v128.load(from), v128.load(REPEAT + (distance << 4)))
        const step: usize = load<u8>(REPEAT_STEP + distance)
        do {
          v128.store(to, pattern)
          to += step
        } while (to < stop)
      }
      to = stop
    }
    b &= ((<u64>1) << n) - 1
    if (to >= limit) {
      status = FULL
      break
    }

    // One symbol with every check, near the end of the input: taken whole or not at all
    while (n <= 55 && at < end) {
      b |= (<u64>load<u8>(at)) << n
      at++
      n += 8
    }
    status = INCOMPLETE
    let entry = load<u32>(litlenTable + ((<usize>(b & litlenMask)) << 2))
    if (<i32>entry >= 0 && entry & SUBTABLE) {
      const place = (<u32>(b >> entry)) & ((1 << ((entry >> 8) & 15)) - 1)
      entry = load<u32>(litlenTable + (((entry >> 16) + place) << 2))
    }
    if (((entry >> 8) & 15) > n) break
    if (<i32>entry < 0) {
      b >>= entry
      n -= entry & 0xff
      store<u8>(to, entry >> 16)
      to++
      continue
    }
    if (entry & SPECIAL) {
      b >>= entry
      n -= entry & 0xff
      status = entry & INVALID ? INVALID_LITLEN_CODE : 0
      break
    }
    if ((entry & 0xff) > n) break
    const length: usize = (entry >> 16) + ((<u32>(b & (((<u64>1) << entry) - 1))) >> ((entry >> 8) & 15))
    let rest = b >> entry
    let left = n - (entry & 0xff)
    entry = load<u32>(distanceTable + ((<usize>(rest & distanceMask)) << 2))
    if (entry & SUBTABLE) {
      const place = (<u32>(rest >> entry)) & ((1 << ((entry >> 8) & 15)) - 1)
      entry = load<u32>(distanceTable + (((entry >> 16) + place) << 2))
    }
    if (((entry >> 8) & 15) > left) break
    if (entry & SPECIAL) return INVALID_DISTANCE_CODE
    if ((entry & 0xff) > left) break
    const distance: usize = (entry >> 16) + ((<u32>(rest & (((<u64>1) << entry) - 1))) >> ((entry >> 8) & 15))
    if (distance > to - history || distance > window) return TOO_FAR_BACK
    b = rest >> entry
    n = left - (entry & 0xff)
    let from = to - distance
    const stop = to + length
    do {
      store<u8>(to, load<u8>(from))
      from++
      to++
    } while (to < stop)
  }
  storeCursor(b, n, at, to)
  return status
}

function storeCursor(bits: u64, count: u32, input: usize, output: usize): void {
  store<u64>(STATE, bits, STATE_BITS)
  store<u32>(STATE, count, STATE_BIT_COUNT)
  store<u32>(STATE, <u32>input, STATE_INPUT)
  store<u32>(STATE, <u32>output, STATE_OUTPUT)
}
