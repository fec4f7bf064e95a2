// Decoding tables of INFLATE: made from code lengths (RFC 1951 §3.2.2), and the constant ones.

import {
  BUILD_COUNTS,
  BUILD_PLACES,
  BUILD_SYMBOLS,
  DISTANCE_TEMPLATES,
  FIXED_DISTANCE_TABLE,
  FIXED_LITLEN_TABLE,
  LITLEN_TEMPLATES,
  PRECODE_ORDER,
  PRECODE_TEMPLATES,
  REPEAT,
  REPEAT_STEP,
  STATE
} from './codec-memory'

// An entry of a decoding table. Bits 0-7: how many bits it takes, extra bits included; 8-11: how many of these are the code;
// 12-15: none for a length or distance, else what it is; 16-30: literal, base of a length or distance, or place of a subtable,
// whose entry then has its own number of bits in 8-11 and that of the primary table in 0-7.
export const LITERAL: u32 = 0x80000000
export const SPECIAL: u32 = 0x8000
export const SUBTABLE: u32 = 0x4000
export const END_OF_BLOCK: u32 = 0x2000
export const INVALID: u32 = 0x1000

export const LITLEN_BITS: u32 = 10
export const DISTANCE_BITS: u32 = 9
export const PRECODE_BITS: u32 = 7

/**
 * Makes the decoding table of a canonical code (§3.2.2).
 * @param lengths `n` code lengths, an octet each
 * @param templates entries of the symbols, to which code lengths are added
 * @param most bits that the primary table is looked up by, at most
 * @returns number of bits that it is looked up by; -1 if zlib calls the lengths invalid: too many codes, or too few except a single
 * one of one bit, or none at all. The code length code (`most` 7) has no such exception for the single one
 */
export function build(lengths: usize, n: u32, table: usize, templates: usize, most: u32): i32 {
  const zero = i32x4.splat(0)
  v128.store(BUILD_COUNTS, zero)
  v128.store(BUILD_COUNTS, zero, 16)
  v128.store(BUILD_COUNTS, zero, 32)
  v128.store(BUILD_COUNTS, zero, 48)
  for (let i: u32 = 0; i < n; i += 8) {
    let word = load<u64>(lengths + i)
    if (n - i < 8) word &= ((<u64>1) << ((n - i) << 3)) - 1
    while (word != 0) {
      const shift = ctz(word) & 56
      const place = BUILD_COUNTS + (((<usize>(word >> shift)) & 15) << 2)
      store<u32>(place, load<u32>(place) + 1)
      word &= ~((<u64>0xff) << shift)
    }
  }
  let longest: u32 = 15
  while (longest > 0 && load<u32>(BUILD_COUNTS + (longest << 2)) == 0) longest--
  if (longest == 0) {
    // no codes: an error only if one is looked for; a code length code decodes to zeros then
    const entry = most == PRECODE_BITS ? <u32>0x101 : SPECIAL | INVALID | 0x101
    store<u32>(table, entry)
    store<u32>(table, entry, 4)
    return 1
  }
  let left: i32 = 1
  let place: u32 = 0
  for (let length: u32 = 1; length <= longest; length++) {
    const codes = load<u32>(BUILD_COUNTS + (length << 2))
    store<u32>(BUILD_PLACES + (length << 2), place)
    place += codes
    left = (left << 1) - <i32>codes
    if (left < 0) return -1
  }
  if (left > 0 && (most == PRECODE_BITS || longest != 1)) return -1

  for (let i: u32 = 0; i < n; i += 8) {
    let word = load<u64>(lengths + i)
    if (n - i < 8) word &= ((<u64>1) << ((n - i) << 3)) - 1
    while (word != 0) {
      const shift = ctz(word) & 56
      const at = BUILD_PLACES + (((<usize>(word >> shift)) & 15) << 2)
      const index = load<u32>(at)
      store<u32>(at, index + 1)
      store<u16>(BUILD_SYMBOLS + (index << 1), i + <u32>(shift >> 3))
      word &= ~((<u64>0xff) << shift)
    }
  }
  if (left > 0) {
    store<u32>(table, load<u32>(templates + ((<usize>load<u16>(BUILD_SYMBOLS)) << 2)) + 0x101)
    store<u32>(table, SPECIAL | INVALID | 0x101, 4)
    return 1
  }

  // Codes in order, bits reversed; the table doubles with each bit of length (as libdeflate does it)
  const primary = min(most, longest)
  const whole: u32 = 1 << primary
  let code: u32 = 0
  let length: u32 = 1
  let codes = load<u32>(BUILD_COUNTS, 4)
  let size: u32 = 2
  let symbols = BUILD_SYMBOLS
  for (;;) {
    const added = length * 0x101
    for (; codes > 0; codes--) {
      store<u32>(table + (code << 2), load<u32>(templates + ((<usize>load<u16>(symbols)) << 2)) + added)
      symbols += 2
      const zeros = code ^ (size - 1)
      if (zeros == 0) {
        while (size < whole) {
          double(table, size)
          size <<= 1
        }
        return primary
      }
      const bit: u32 = 1 << (31 - clz(zeros))
      code = (code & (bit - 1)) | bit
    }
    if (length == primary) break
    length++
    codes = load<u32>(BUILD_COUNTS + (length << 2))
    double(table, size)
    size <<= 1
  }

  let prefix: u32 = 0xffffffff
  let from: u32 = 0
  let end: u32 = size
  while (length < longest) {
    length++
    codes = load<u32>(BUILD_COUNTS + (length << 2))
    const all: u32 = (1 << length) - 1
    const added = length * 0x101
    for (; codes > 0; codes--) {
      if ((code & (whole - 1)) != prefix) {
        prefix = code & (whole - 1)
        from = end
        let bits = length - primary
        let space = codes
        while (space < <u32>(1 << bits)) {
          bits++
          space = (space << 1) + load<u32>(BUILD_COUNTS + ((primary + bits) << 2))
        }
        end = from + (1 << bits)
        store<u32>(table + (prefix << 2), (from << 16) | SPECIAL | SUBTABLE | (bits << 8) | primary)
      }
      const entry = load<u32>(templates + ((<usize>load<u16>(symbols)) << 2)) + added
      symbols += 2
      const stride: u32 = 1 << (length - primary)
      for (let i = from + (code >> primary); i < end; i += stride) store<u32>(table + (i << 2), entry)
      const zeros = code ^ all
      if (zeros == 0) return primary
      const bit: u32 = 1 << (31 - clz(zeros))
      code = (code & (bit - 1)) | bit
    }
  }
  return primary
}

/** Repeats the first `size` entries of a table behind themselves; what it writes beyond is written again later. */
function double(table: usize, size: u32): void {
  const stop = table + (size << 2)
  for (let from = table, to = stop; from < stop; from += 16, to += 16) v128.store(to, v128.load(from))
}

export function initializeInflate(): void {
  for (let i: u32 = 0; i < 256; i++) store<u32>(LITLEN_TEMPLATES + (i << 2), LITERAL | (i << 16))
  store<u32>(LITLEN_TEMPLATES + 256 * 4, SPECIAL | END_OF_BLOCK)
  let base: u32 = 3
  for (let i: u32 = 0; i < 28; i++) {
    const extra: u32 = i < 8 ? 0 : (i >> 2) - 1
    store<u32>(LITLEN_TEMPLATES + ((257 + i) << 2), (base << 16) | extra)
    base += 1 << extra
  }
  store<u32>(LITLEN_TEMPLATES + 285 * 4, 258 << 16)
  store<u32>(LITLEN_TEMPLATES + 286 * 4, SPECIAL | INVALID)
  store<u32>(LITLEN_TEMPLATES + 287 * 4, SPECIAL | INVALID)
  base = 1
  for (let i: u32 = 0; i < 30; i++) {
    const extra: u32 = i < 4 ? 0 : (i >> 1) - 1
    store<u32>(DISTANCE_TEMPLATES + (i << 2), (base << 16) | extra)
    base += 1 << extra
  }
  store<u32>(DISTANCE_TEMPLATES + 30 * 4, SPECIAL | INVALID)
  store<u32>(DISTANCE_TEMPLATES + 31 * 4, SPECIAL | INVALID)

  for (let i: u32 = 0; i < 19; i++) store<u32>(PRECODE_TEMPLATES + (i << 2), i << 16)
  // 16 17 18 0 8 7 9 6 10 5 11 4 12 3 13 2 14 1 15
  store<u8>(PRECODE_ORDER, 16)
  store<u8>(PRECODE_ORDER, 17, 1)
  store<u8>(PRECODE_ORDER, 18, 2)
  store<u8>(PRECODE_ORDER, 0, 3)
  for (let i: u32 = 0; i < 15; i++) store<u8>(PRECODE_ORDER + 4 + i, i & 1 ? 7 - (i >> 1) : 8 + (i >> 1))

  for (let distance: u32 = 1; distance < 16; distance++) {
    for (let i: u32 = 0; i < 16; i++) store<u8>(REPEAT + (distance << 4) + i, i % distance)
    store<u8>(REPEAT_STEP + distance, 16 - (16 % distance))
  }

  const lengths = STATE
  for (let i: u32 = 0; i < 288; i++) store<u8>(lengths + i, i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8)
  build(lengths, 288, FIXED_LITLEN_TABLE, LITLEN_TEMPLATES, 9)
  memory.fill(lengths, 5, 32)
  build(lengths, 32, FIXED_DISTANCE_TABLE, DISTANCE_TEMPLATES, 5)
}
