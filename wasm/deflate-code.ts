// Length-limited Huffman codes for DEFLATE (RFC 1951 §3.2.2).

import { BUCKETS, LENGTH_COUNTS, REVERSED, SYMBOLS, UNSORTED, WEIGHTS } from './codec-memory'

/** Frequencies up to this one are sorted by counting; few symbols have a higher one. */
const LAST_BUCKET: u32 = 63

/**
 * Makes the code for `n` frequencies (u16, a multiple of eight of them readable): lengths as octets, codes as u32 with the first bit
 * lowest and the length << 16. Symbols of frequency 0 get length 0, and no code; but there are at least two codes, as in zlib:
 * not every decoder takes fewer.
 * @param limit longest code; 2^limit is not below the number of symbols
 * @returns number of lengths up to the last that is not 0
 */
export function makeCode(frequencies: usize, n: u32, limit: u32, lengths: usize, codes: usize): u32 {
  const zero = i64x2.splat(0)
  for (let i: usize = 0; i < 128; i += 16) v128.store(BUCKETS + i, zero)
  let used: u32 = 0
  for (let i: u32 = 0; i < n; i += 8) {
    let present = i16x8.bitmask(i16x8.ne(v128.load(frequencies + (i << 1)), zero))
    store<u64>(lengths + i, 0)
    while (present != 0) {
      const symbol = i + ctz(present)
      present &= present - 1
      store<u16>(UNSORTED + (used << 1), symbol)
      used++
      const bucket = BUCKETS + (min(<u32>load<u16>(frequencies + (symbol << 1)), LAST_BUCKET) << 1)
      store<u16>(bucket, load<u16>(bucket) + 1)
    }
  }

  let last: u32
  v128.store(LENGTH_COUNTS, zero)
  v128.store(LENGTH_COUNTS, zero, 16)
  v128.store(LENGTH_COUNTS, zero, 32)
  v128.store(LENGTH_COUNTS, zero, 48)
  if (used < 2) {
    const symbol = used == 0 ? 0 : <u32>load<u16>(UNSORTED)
    const other: u32 = symbol == 0 ? 1 : 0
    store<u8>(lengths + symbol, 1)
    store<u8>(lengths + other, 1)
    store<u32>(LENGTH_COUNTS, 2, 4)
    last = max(symbol, other)
  } else {
    last = load<u16>(UNSORTED + ((used - 1) << 1))
    sort(frequencies, used)
    countLengths(used, limit)
    // rarest first: they get the longest codes
    let at = SYMBOLS
    for (let length = limit; length > 0; length--) {
      for (let k = load<u32>(LENGTH_COUNTS + (length << 2)); k > 0; k--) {
        store<u8>(lengths + load<u16>(at), length)
        at += 2
      }
    }
  }

  // first code of each length, in place of the number of codes
  let code: u32 = 0
  for (let length: u32 = 1; length <= limit; length++) {
    const place = LENGTH_COUNTS + (length << 2)
    const count = load<u32>(place)
    code <<= 1
    store<u32>(place, code)
    code += count
  }
  for (let i: u32 = 0; i <= last; i += 8) {
    let word = load<u64>(lengths + i)
    while (word != 0) {
      const shift = ctz(word) & 56
      const length = (<u32>(word >> shift)) & 15
      word &= ~((<u64>0xff) << shift)
      const place = LENGTH_COUNTS + (length << 2)
      const code = load<u32>(place)
      store<u32>(place, code + 1)
      store<u32>(codes + ((i + <u32>(shift >> 3)) << 2), codeEntry(code, length))
    }
  }
  return last + 1
}

/** Sorts the `used` symbols of UNSORTED by frequency into SYMBOLS, their frequencies into WEIGHTS. */
function sort(frequencies: usize, used: u32): void {
  let place: u32 = 0
  for (let i: usize = 0; i <= <usize>LAST_BUCKET; i++) {
    const count = load<u16>(BUCKETS + (i << 1))
    store<u16>(BUCKETS + (i << 1), place)
    place += count
  }
  let many: u32 = load<u16>(BUCKETS + (LAST_BUCKET << 1))
  for (let i: u32 = 0; i < used; i++) {
    const symbol: u32 = load<u16>(UNSORTED + (i << 1))
    const frequency: u32 = load<u16>(frequencies + (symbol << 1))
    if (frequency < LAST_BUCKET) {
      const bucket = BUCKETS + (frequency << 1)
      const at: u32 = load<u16>(bucket)
      store<u16>(bucket, at + 1)
      store<u16>(SYMBOLS + (at << 1), symbol)
      store<u32>(WEIGHTS + (at << 2), frequency)
    } else {
      let at = many++
      const first: u32 = load<u16>(BUCKETS + (LAST_BUCKET << 1))
      while (at > first && load<u32>(WEIGHTS + ((at - 1) << 2)) > frequency) {
        store<u32>(WEIGHTS + (at << 2), load<u32>(WEIGHTS + ((at - 1) << 2)))
        store<u16>(SYMBOLS + (at << 1), load<u16>(SYMBOLS + ((at - 1) << 1)))
        at--
      }
      store<u16>(SYMBOLS + (at << 1), symbol)
      store<u32>(WEIGHTS + (at << 2), frequency)
    }
  }
}

/** Numbers of codes by length, to LENGTH_COUNTS, for the `n` >= 2 ascending WEIGHTS (in place: Moffat and Katajainen, 1995). */
function countLengths(n: u32, limit: u32): void {
  // Weights become those of inner nodes, and these the places of their parents
  store<u32>(WEIGHTS, load<u32>(WEIGHTS) + load<u32>(WEIGHTS, 4))
  let root: u32 = 0
  let leaf: u32 = 2
  for (let next: u32 = 1; next < n - 1; next++) {
    let weight: u32
    if (leaf >= n || load<u32>(WEIGHTS + (root << 2)) < load<u32>(WEIGHTS + (leaf << 2))) {
      weight = load<u32>(WEIGHTS + (root << 2))
      store<u32>(WEIGHTS + (root << 2), next)
      root++
    } else {
      weight = load<u32>(WEIGHTS + (leaf << 2))
      leaf++
    }
    if (leaf >= n || (root < next && load<u32>(WEIGHTS + (root << 2)) < load<u32>(WEIGHTS + (leaf << 2)))) {
      weight += load<u32>(WEIGHTS + (root << 2))
      store<u32>(WEIGHTS + (root << 2), next)
      root++
    } else {
      weight += load<u32>(WEIGHTS + (leaf << 2))
      leaf++
    }
    store<u32>(WEIGHTS + (next << 2), weight)
  }

  // From the root, the last inner node, down: an inner node at each depth turns one code into two that are longer
  store<u32>(WEIGHTS + ((n - 2) << 2), 0)
  store<u32>(LENGTH_COUNTS, 2, 4)
  for (let i = <i32>n - 3; i >= 0; i--) {
    const depth = load<u32>(WEIGHTS + (load<u32>(WEIGHTS + (i << 2)) << 2)) + 1
    store<u32>(WEIGHTS + (i << 2), depth)
    let length = depth
    if (length >= limit) {
      // too long: another code, the longest that is short enough, is split instead
      length = limit - 1
      while (load<u32>(LENGTH_COUNTS + (length << 2)) == 0) length--
    }
    const place = LENGTH_COUNTS + (length << 2)
    store<u32>(place, load<u32>(place) - 1)
    store<u32>(place, load<u32>(place, 4) + 2, 4)
  }
}

/** Entry of a code table: the code with its first bit lowest, and its length << 16. */
export function codeEntry(code: u32, length: u32): u32 {
  const octets = ((<u32>load<u8>(REVERSED + (code & 0xff))) << 8) | (<u32>load<u8>(REVERSED + (code >> 8)))
  return (octets >> (16 - length)) | (length << 16)
}
