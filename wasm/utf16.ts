// UTF-8 to UTF-16 (RFC 3629 §3, RFC 2781 §2.1), eight octets a step whatever they are: each lane computes the unit that its octet would
// lead, then the lanes of octets that lead one are moved together.

import { UNIT_LANES } from './memory'

// For each set of 8 lanes, the octets of its members in order; filled in when the module starts.
for (let set: usize = 0; set < 256; set++) {
  let at = UNIT_LANES + (set << 4)
  for (let lane: usize = 0; lane < 8; lane++) {
    if (!(set & (1 << lane))) continue
    store<u16>(at, <u16>(lane * 0x0202 + 0x0100))
    at += 2
  }
}

/** The units of sequences of two octets. */
function twoOctets(first: v128, second: v128): v128 {
  return v128.or(i16x8.shl(v128.and(first, i16x8.splat(0x1f)), 6), v128.and(second, i16x8.splat(0x3f)))
}

/** The units of sequences of three octets. */
function threeOctets(first: v128, second: v128, third: v128): v128 {
  const low = i16x8.splat(0x3f)
  // the lead's upper half leaves by itself
  return v128.or(i16x8.shl(first, 12), v128.or(i16x8.shl(v128.and(second, low), 6), v128.and(third, low)))
}

/** The upper surrogates of sequences of four octets: ten bits of the code point less 0x10000. */
function upperSurrogates(first: v128, second: v128, third: v128): v128 {
  const high = i16x8.shl(v128.and(first, i16x8.splat(0x07)), 8)
  const middle = i16x8.shl(v128.and(second, i16x8.splat(0x3f)), 2)
  const bits = v128.or(v128.or(high, middle), v128.and(i16x8.shr_u(third, 4), i16x8.splat(0x03)))
  return i16x8.add(bits, i16x8.splat(<i16>(0xd800 - 0x40)))
}

/** The lower surrogates, of the last two octets. */
function lowerSurrogates(third: v128, fourth: v128): v128 {
  const bits = v128.or(i16x8.shl(v128.and(third, i16x8.splat(0x0f)), 6), v128.and(fourth, i16x8.splat(0x3f)))
  return v128.or(bits, i16x8.splat(<i16>0xdc00))
}

/**
 * Writes `length` octets of valid UTF-8 at `p` as UTF-16LE at `out`, with room for two octets for each, and 16.
 * @returns the number of octets written
 */
export function toUtf16(p: usize, length: usize, out: usize): usize {
  const begin = out
  const end = p + length
  while (p < end) {
    const v = v128.load(p)
    if (p + 16 <= end && !i8x16.bitmask(v)) {
      v128.store(out, i16x8.extend_low_i8x16_u(v))
      v128.store(out, i16x8.extend_high_i8x16_u(v), 16)
      p += 16
      out += 32
      continue
    }
    const first = v128.load8x8_u(p)
    const second = v128.load8x8_u(p, 1)
    let units = v128.bitselect(twoOctets(first, second), first, i16x8.gt_s(first, i16x8.splat(0x7f)))
    // continuations are -128 to -65
    let leads = i8x16.bitmask(i8x16.gt_s(v, i8x16.splat(-65))) & 0xff
    const previous = v128.load8x8_u(p - 1)
    const highest = i16x8.max_s(first, previous)
    if (i16x8.bitmask(i16x8.gt_s(highest, i16x8.splat(0xdf)))) {
      const third = v128.load8x8_u(p, 2)
      units = v128.bitselect(threeOctets(first, second, third), units, i16x8.gt_s(first, i16x8.splat(0xdf)))
      if (i16x8.bitmask(i16x8.gt_s(highest, i16x8.splat(0xef)))) {
        // four octets: the first leads the upper surrogate, the second the lower one; what stands before the text does not count
        const upper = i16x8.gt_s(first, i16x8.splat(0xef))
        const lower = v128.and(
          i16x8.gt_s(previous, i16x8.splat(0xef)),
          i16x8.eq(v128.and(first, i16x8.splat(0xc0)), i16x8.splat(0x80))
        )
        units = v128.bitselect(upperSurrogates(first, second, third), units, upper)
        units = v128.bitselect(lowerSurrogates(second, third), units, lower)
        leads |= i16x8.bitmask(lower)
      }
    }
    if (p + 8 > end) leads &= (1 << i32(end - p)) - 1
    v128.store(out, i8x16.swizzle(units, v128.load(UNIT_LANES + (usize(leads) << 4))))
    out += usize(popcnt(leads)) << 1
    p += 8
  }
  return out - begin
}
