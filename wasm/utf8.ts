// UTF-8 validation (RFC 3629 §4) after Keiser and Lemire, "Validating UTF-8 In Less Than One Instruction Per Byte" (2021):
// the high half of an octet and both halves of the one before it each look up a set of possible faults; a fault is what all three have.
// States are those of `Kernels` in src/core/kernels.ts: the octets of the sequence that is not yet complete, the latest in the low 8 bits.

import { headLanes, mask } from './mask'
import { SEEN_NON_ASCII } from './scan-flags'

// The faults, one bit each:
//   0x01 a lead octet without its continuation      0x02 a continuation after ASCII
//   0x04 overlong in 3 octets (E0 80..9F)           0x08 above U+10FFFF (F4 90..BF, F5..FF 90..BF)
//   0x10 surrogate (ED A0..BF)                      0x20 overlong in 2 octets (C0, C1)
//   0x40 overlong in 4 octets (F0 80..8F), or F5..FF 80..8F
//   0x80 two continuations in a row: a fault unless a lead of 3 or 4 octets stands before them
// The tables are functions because asc 0.28 fails on a constant of type v128.

function faultsOfPreviousHigh(): v128 {
  return i8x16(2, 2, 2, 2, 2, 2, 2, 2, <i8>0x80, <i8>0x80, <i8>0x80, <i8>0x80, 0x21, 0x01, 0x15, 0x49)
}

function faultsOfPreviousLow(): v128 {
  // prettier-ignore
  return i8x16(
    <i8>0xe7, <i8>0xa3, <i8>0x83, <i8>0x83, <i8>0x8b, <i8>0xcb, <i8>0xcb, <i8>0xcb,
    <i8>0xcb, <i8>0xcb, <i8>0xcb, <i8>0xcb, <i8>0xcb, <i8>0xdb, <i8>0xcb, <i8>0xcb
  )
}

function faultsOfHigh(): v128 {
  return i8x16(1, 1, 1, 1, 1, 1, 1, 1, <i8>0xe6, <i8>0xae, <i8>0xba, <i8>0xba, 1, 1, 1, 1)
}

/** Not zero in each lane of `v` whose octet cannot stand where it does; `previous` are the 16 octets before it. */
function faults(v: v128, previous: v128): v128 {
  const back1 = i8x16.shuffle(previous, v, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30)
  const back2 = i8x16.shuffle(previous, v, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29)
  const back3 = i8x16.shuffle(previous, v, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28)
  const pairs = v128.and(
    v128.and(
      i8x16.swizzle(faultsOfPreviousHigh(), i8x16.shr_u(back1, 4)),
      i8x16.swizzle(faultsOfPreviousLow(), v128.and(back1, i8x16.splat(0x0f)))
    ),
    i8x16.swizzle(faultsOfHigh(), i8x16.shr_u(v, 4))
  )
  // The high bit stays if a lead of at least 3 octets is two back (0xe0 - 0x60), or one of 4 octets three back (0xf0 - 0x70).
  const third = i8x16.sub_sat_u(back2, i8x16.splat(0x60))
  const fourth = i8x16.sub_sat_u(back3, i8x16.splat(0x70))
  return v128.xor(v128.and(v128.or(third, fourth), i8x16.splat(<i8>0x80)), pairs)
}

/** The octets of `state` as the last of 16. */
function stateLanes(state: u32): v128 {
  return i32x4.replace_lane(i32x4.splat(0), 3, bswap<u32>(state))
}

/**
 * The state after octets in which nothing impossible was found, given the last 4 of them, the latest in the low 8 bits;
 * -1 if the latest is a lead octet that no sequence has.
 */
function stateAfter(latest: u32): i32 {
  const last = latest & 0xff
  if (last < 0x80) return 0
  // C0, C1 and F5 to FF: the vectors would only see it in the octet that follows
  if (last >= 0xc0) return last - 0xc2 <= 0xf4 - 0xc2 ? last : -1
  const second = (latest >> 8) & 0xff
  if (second >= 0xe0) return latest & 0xffff
  return ((latest >> 16) & 0xff) >= 0xf0 ? latest & 0xffffff : 0
}

/** `stateAfter` for `length` octets at `p` that follow `state`. */
function stateAt(p: usize, length: usize, state: u32): i32 {
  if (length >= 4) return stateAfter(bswap<u32>(load<u32>(p + length - 4)))
  for (let i: usize = 0; i < length; i++) state = (state << 8) | load<u8>(p + i)
  return stateAfter(state)
}

/** Validates fewer than 64 octets; `seen` are the high bits of those before. */
function validateRest(p: usize, length: usize, previous: v128, seen: v128): i32 {
  let fault = i8x16.splat(0)
  let rest = length
  while (rest >= 16) {
    const v = v128.load(p)
    if (i8x16.bitmask(v128.or(v, previous))) {
      seen = v128.or(seen, v)
      fault = v128.or(fault, faults(v, previous))
    }
    previous = v
    p += 16
    rest -= 16
  }
  if (rest) {
    // what lies behind the end counts as zeros, and their faults not at all
    const lanes = headLanes(rest)
    const v = v128.and(v128.load(p), lanes)
    seen = v128.or(seen, v)
    fault = v128.or(fault, v128.and(faults(v, previous), lanes))
  }
  if (v128.any_true(fault)) return -1
  return i8x16.bitmask(seen) ? <i32>SEEN_NON_ASCII : 0
}

/** Continues validation over `length` octets: -1, or the new state plus `SEEN_NON_ASCII`. */
export function validate(p: usize, length: usize, state: u32): i32 {
  let previous = stateLanes(state)
  let seen = i8x16.splat(0)
  let q = p
  const end = p + (length & ~63)
  while (q < end) {
    const a = v128.load(q)
    const b = v128.load(q, 16)
    const c = v128.load(q, 32)
    const d = v128.load(q, 48)
    const all = v128.or(v128.or(a, b), v128.or(c, d))
    q += 64
    if (i8x16.bitmask(v128.or(all, previous))) {
      seen = v128.or(seen, all)
      const fault = v128.or(v128.or(faults(a, previous), faults(b, a)), v128.or(faults(c, b), faults(d, c)))
      if (v128.any_true(fault)) return -1
    }
    previous = d
  }
  const flags = validateRest(q, length & 63, previous, seen)
  if (flags < 0) return -1
  const next = stateAt(p, length, state)
  return next < 0 ? -1 : next | flags
}

/** `mask` and `validate` of the result in one pass; the target's content is undefined when it returns -1. */
export function maskValidate(source: usize, target: usize, length: usize, key: u32, state: u32): i32 {
  let previous = stateLanes(state)
  let seen = i8x16.splat(0)
  const keys = i32x4.splat(key)
  let q = target
  const end = target + (length & ~63)
  while (q < end) {
    const a = v128.xor(v128.load(source), keys)
    const b = v128.xor(v128.load(source, 16), keys)
    const c = v128.xor(v128.load(source, 32), keys)
    const d = v128.xor(v128.load(source, 48), keys)
    v128.store(q, a)
    v128.store(q, b, 16)
    v128.store(q, c, 32)
    v128.store(q, d, 48)
    const all = v128.or(v128.or(a, b), v128.or(c, d))
    source += 64
    q += 64
    if (i8x16.bitmask(v128.or(all, previous))) {
      seen = v128.or(seen, all)
      const fault = v128.or(v128.or(faults(a, previous), faults(b, a)), v128.or(faults(c, b), faults(d, c)))
      if (v128.any_true(fault)) return -1
    }
    previous = d
  }
  const rest = length & 63
  let flags = i8x16.bitmask(seen) ? <i32>SEEN_NON_ASCII : 0
  // short ASCII text, the commonest there is, ends here
  if (mask(source, q, rest, key) || i8x16.bitmask(previous)) {
    flags = validateRest(q, rest, previous, seen)
    if (flags < 0) return -1
  } else return flags
  const next = stateAt(target, length, state)
  return next < 0 ? -1 : next | flags
}

/** Whether an octet of `length` at `p` is above 0x7f. */
export function hasNonAscii(p: usize, length: usize): bool {
  const end = p + (length & ~63)
  for (; p < end; p += 64) {
    const all = v128.or(v128.or(v128.load(p), v128.load(p, 16)), v128.or(v128.load(p, 32), v128.load(p, 48)))
    if (i8x16.bitmask(all)) return true
  }
  for (length &= 63; length >= 16; length -= 16, p += 16) if (i8x16.bitmask(v128.load(p))) return true
  return i8x16.bitmask(v128.and(v128.load(p), headLanes(length))) != 0
}
