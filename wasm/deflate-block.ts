// Blocks of DEFLATE (RFC 1951 §3.2.3): stored, fixed or dynamic, whichever is smallest to the bit.

import {
  ALL_LENGTHS,
  DISTANCE_CODES,
  DISTANCE_LENGTHS,
  DISTANCE_SYMBOLS,
  EXTRA_BITS,
  FIXED_DISTANCE_CODES,
  FIXED_LENGTHS,
  FIXED_LITLEN_CODES,
  FREQUENCIES,
  LENGTH_BASES,
  LENGTH_SYMBOLS,
  LITLEN_CODES,
  LITLEN_LENGTHS,
  OUTPUT,
  PENDING_BITS,
  PRECODE_CODES,
  PRECODE_FREQUENCIES,
  PRECODE_LENGTHS,
  PRECODE_ORDER,
  REVERSED,
  RUNS,
  TOKENS
} from './codec-memory'
import { codeEntry, makeCode } from './deflate-code'

/** Bits of tokens in the fixed code below which a dynamic code is not tried: its description alone would be about as long. */
const NOT_DYNAMIC: u32 = 200

let bits: u64
let count: u32
let output: usize

/** Begins an output, with the bits that the call before left. */
export function openOutput(): void {
  bits = load<u32>(PENDING_BITS)
  count = load<u32>(PENDING_BITS, 4)
  output = OUTPUT
  clearFrequencies()
}

/** Ends an output; returns its length in octets. Up to 7 bits are left to the next. */
export function closeOutput(): i32 {
  store<u32>(PENDING_BITS, <u32>bits)
  store<u32>(PENDING_BITS, count, 4)
  return <i32>(output - OUTPUT)
}

function clearFrequencies(): void {
  const zero = i64x2.splat(0)
  for (let i: usize = 0; i < 640; i += 64) {
    v128.store(FREQUENCIES + i, zero)
    v128.store(FREQUENCIES + i, zero, 16)
    v128.store(FREQUENCIES + i, zero, 32)
    v128.store(FREQUENCIES + i, zero, 48)
  }
}

/** Adds the lowest `n` bits of `value`, at most 32; the others are zero. */
function put(value: u32, n: u32): void {
  bits |= (<u64>value) << count
  count += n
  store<u64>(output, bits)
  output += count >> 3
  bits >>= count & 0x38
  count &= 7
}

/** Ends the output on an octet, with an empty stored block: 00 00 ff ff (RFC 7692 §7.2.1). */
export function syncFlush(): void {
  put(0, 3)
  if (count > 0) output++
  bits = 0
  count = 0
  store<u32>(output, 0xffff0000)
  output += 4
}

/** Sum of the products of `n` u16 each, a multiple of eight. */
function dot(a: usize, b: usize, n: usize): u32 {
  let sum = i32x4.splat(0)
  for (let i: usize = 0; i < n << 1; i += 16) sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.load(a + i), v128.load(b + i)))
  return i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1) + i32x4.extract_lane(sum, 2) + i32x4.extract_lane(sum, 3)
}

/** The same with `n` octets in place of the second u16. */
function dotOctets(a: usize, b: usize, n: usize): u32 {
  let sum = i32x4.splat(0)
  for (let i: usize = 0; i < n; i += 8) sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.load(a + (i << 1)), v128.load8x8_u(b + i)))
  return i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1) + i32x4.extract_lane(sum, 2) + i32x4.extract_lane(sum, 3)
}

/**
 * Writes a block of the octets from `start` to `end`, whose tokens are those up to `tokensEnd`, and clears the frequencies.
 */
export function writeBlock(start: usize, end: usize, tokensEnd: usize): void {
  store<u16>(FREQUENCIES, 1, 256 * 2)
  const extra = dot(FREQUENCIES, EXTRA_BITS, 320)
  const fixed = dot(FREQUENCIES, FIXED_LENGTHS, 320)
  let best = fixed
  let litlens: u32 = 0
  let distances: u32 = 0
  let precodes: u32 = 0
  let runs: usize = 0
  if (fixed > NOT_DYNAMIC) {
    litlens = makeCode(FREQUENCIES, 286, 15, LITLEN_LENGTHS, LITLEN_CODES)
    distances = makeCode(FREQUENCIES + 288 * 2, 30, 15, DISTANCE_LENGTHS, DISTANCE_CODES)
    runs = encodeRuns(litlens, distances)
    makeCode(PRECODE_FREQUENCIES, 19, 7, PRECODE_LENGTHS, PRECODE_CODES)
    precodes = 19
    while (precodes > 4 && load<u8>(PRECODE_LENGTHS + load<u8>(PRECODE_ORDER + precodes - 1)) == 0) precodes--
    const dynamic =
      dotOctets(FREQUENCIES, LITLEN_LENGTHS, 320) +
      dotOctets(PRECODE_FREQUENCIES, PRECODE_LENGTHS, 24) +
      (<u32>load<u16>(PRECODE_FREQUENCIES, 16 * 2) * 2 +
        <u32>load<u16>(PRECODE_FREQUENCIES, 17 * 2) * 3 +
        <u32>load<u16>(PRECODE_FREQUENCIES, 18 * 2) * 7) +
      14 +
      precodes * 3
    if (dynamic < fixed) best = dynamic
    else precodes = 0
  }

  const length = <u32>(end - start)
  const padding: u32 = (8 - ((count + 3) & 7)) & 7
  if (padding + 32 + (length << 3) <= best + extra && length <= 65535) writeStored(start, length)
  else if (precodes == 0) {
    put(2, 3)
    writeTokens(tokensEnd, FIXED_LITLEN_CODES, FIXED_DISTANCE_CODES)
  } else {
    put(4, 3)
    writeCodeLengths(litlens, distances, precodes, runs)
    writeTokens(tokensEnd, LITLEN_CODES, DISTANCE_CODES)
  }
  clearFrequencies()
}

function writeStored(start: usize, length: u32): void {
  put(0, 3)
  if (count > 0) output++
  bits = 0
  count = 0
  store<u32>(output, length | (~length << 16))
  memory.copy(output + 4, start, length)
  output += length + 4
}

/** Encodes the code lengths of a dynamic block into RUNS (§3.2.7), counting frequencies; returns their end. */
function encodeRuns(litlens: u32, distances: u32): usize {
  memory.copy(ALL_LENGTHS, LITLEN_LENGTHS, litlens)
  memory.copy(ALL_LENGTHS + litlens, DISTANCE_LENGTHS, distances)
  const end = ALL_LENGTHS + litlens + distances
  // no length: it ends the last run
  store<u8>(end, 0xff)
  const zero = i64x2.splat(0)
  v128.store(PRECODE_FREQUENCIES, zero)
  v128.store(PRECODE_FREQUENCIES, zero, 16)
  v128.store(PRECODE_FREQUENCIES, zero, 32)

  let at = ALL_LENGTHS
  let runs = RUNS
  while (at < end) {
    const length: u32 = load<u8>(at)
    const first = at
    do at++
    while (load<u8>(at) == length)
    let run = <u32>(at - first)
    if (length == 0) {
      while (run >= 11) {
        const n = min(run, 138)
        runs = addRun(runs, 18, n - 11)
        run -= n
      }
      if (run >= 3) {
        runs = addRun(runs, 17, run - 3)
        run = 0
      }
    } else if (run >= 4) {
      runs = addRun(runs, length, 0)
      run--
      while (run >= 3) {
        const n = min(run, 6)
        runs = addRun(runs, 16, n - 3)
        run -= n
      }
    }
    for (; run > 0; run--) runs = addRun(runs, length, 0)
  }
  return runs
}

function addRun(runs: usize, symbol: u32, extra: u32): usize {
  store<u16>(runs, symbol | (extra << 8))
  const place = PRECODE_FREQUENCIES + (symbol << 1)
  store<u16>(place, load<u16>(place) + 1)
  return runs + 2
}

function writeCodeLengths(litlens: u32, distances: u32, precodes: u32, runsEnd: usize): void {
  put((litlens - 257) | ((distances - 1) << 5) | ((precodes - 4) << 10), 14)
  for (let i: u32 = 0; i < precodes; i++) put(load<u8>(PRECODE_LENGTHS + load<u8>(PRECODE_ORDER + i)), 3)
  let b = bits
  let n = count
  let to = output
  for (let run = RUNS; run < runsEnd; run += 2) {
    const symbol: u32 = load<u8>(run)
    const code = load<u32>(PRECODE_CODES + (symbol << 2))
    b |= (<u64>(code & 0xffff)) << n
    n += code >> 16
    if (symbol >= 16) {
      b |= (<u64>load<u8>(run, 1)) << n
      n += symbol == 16 ? 2 : symbol == 17 ? 3 : 7
    }
    store<u64>(to, b)
    to += n >> 3
    b >>= n & 0x38
    n &= 7
  }
  bits = b
  count = n
  output = to
}

function writeTokens(tokensEnd: usize, litlenCodes: usize, distanceCodes: usize): void {
  let b = bits
  let n = count
  let to = output
  for (let token = TOKENS; token < tokensEnd; token += 4) {
    const value = load<u32>(token)
    if (<i32>value >= 0) {
      const code = load<u32>(litlenCodes + (value << 2))
      b |= (<u64>(code & 0xffff)) << n
      n += code >> 16
    } else {
      const length = (value >> 16) & 0xff
      const lengthSymbol: usize = load<u8>(LENGTH_SYMBOLS + length)
      let code = load<u32>(litlenCodes + (lengthSymbol << 2), 257 * 4)
      b |= (<u64>(code & 0xffff)) << n
      n += code >> 16
      b |= (<u64>(length - <u32>load<u8>(LENGTH_BASES + lengthSymbol))) << n
      n += load<u16>(EXTRA_BITS + (lengthSymbol << 1), 257 * 2)
      const distance = value & 0xffff
      const distanceSymbol: usize = load<u8>(DISTANCE_SYMBOLS + (distance < 256 ? <usize>distance : 256 + <usize>(distance >> 7)))
      code = load<u32>(distanceCodes + (distanceSymbol << 2))
      b |= (<u64>(code & 0xffff)) << n
      n += code >> 16
      // less 1, the smallest distance of a symbol is 2 or 3 followed by as many zero bits as the symbol has extra bits
      const extra: u32 = load<u16>(EXTRA_BITS + (distanceSymbol << 1), 288 * 2)
      b |= (<u64>(distance & ((1 << extra) - 1))) << n
      n += extra
    }
    store<u64>(to, b)
    to += n >> 3
    b >>= n & 0x38
    n &= 7
  }
  bits = b
  count = n
  output = to
  const code = load<u32>(litlenCodes, 256 * 4)
  put(code & 0xffff, code >> 16)
}

export function initializeDeflate(): void {
  let base: u32 = 0
  for (let i: u32 = 0; i < 28; i++) {
    const extra: u32 = i < 8 ? 0 : (i >> 2) - 1
    store<u16>(EXTRA_BITS + (i << 1), extra, 257 * 2)
    store<u8>(LENGTH_BASES + i, base)
    memory.fill(LENGTH_SYMBOLS + base, <u8>i, 1 << extra)
    base += 1 << extra
  }
  // length 258 has a symbol of its own, without extra bits
  store<u8>(LENGTH_SYMBOLS + 255, 28)
  store<u8>(LENGTH_BASES + 28, 255)

  base = 0
  for (let i: u32 = 0; i < 30; i++) {
    const extra: u32 = i < 4 ? 0 : (i >> 1) - 1
    store<u16>(EXTRA_BITS + (i << 1), extra, 288 * 2)
    if (base < 256) memory.fill(DISTANCE_SYMBOLS + base, <u8>i, 1 << extra)
    else memory.fill(DISTANCE_SYMBOLS + 256 + (base >> 7), <u8>i, 1 << (extra - 7))
    base += 1 << extra
  }
  for (let i: u32 = 0; i < 256; i++) {
    let reversed: u32 = 0
    for (let bit: u32 = 0; bit < 8; bit++) reversed |= ((i >> bit) & 1) << (7 - bit)
    store<u8>(REVERSED + i, reversed)
  }

  for (let i: u32 = 0; i < 288; i++) {
    const length: u32 = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8
    const code: u32 = i < 144 ? 48 + i : i < 256 ? 400 + i - 144 : i < 280 ? i - 256 : 192 + i - 280
    store<u16>(FIXED_LENGTHS + (i << 1), length)
    store<u32>(FIXED_LITLEN_CODES + (i << 2), codeEntry(code, length))
  }
  for (let i: u32 = 0; i < 30; i++) {
    store<u16>(FIXED_LENGTHS + ((288 + i) << 1), 5)
    store<u32>(FIXED_DISTANCE_CODES + (i << 2), codeEntry(i, 5))
  }
}
