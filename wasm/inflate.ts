// Raw INFLATE (RFC 1951), with the verdicts of zlib. All state between two calls lies in STATE: its owner carries it.

import {
  DISTANCE_TABLE,
  DISTANCE_TEMPLATES,
  FIXED_DISTANCE_TABLE,
  FIXED_LITLEN_TABLE,
  LITLEN_TABLE,
  LITLEN_TEMPLATES,
  PRECODE_ORDER,
  PRECODE_TABLE,
  PRECODE_TEMPLATES,
  STATE
} from './codec-memory'
import {
  decode,
  ENDED,
  FULL,
  INCOMPLETE,
  STATE_BIT_COUNT,
  STATE_BITS,
  STATE_DISTANCES,
  STATE_FINAL,
  STATE_HELD,
  STATE_HELD_LENGTH,
  STATE_INPUT,
  STATE_LENGTHS,
  STATE_LITLENS,
  STATE_MODE,
  STATE_OUTPUT,
  STATE_STORED
} from './inflate-decode'
import { build, DISTANCE_BITS, LITLEN_BITS, PRECODE_BITS } from './inflate-table'

// More of what `inflate` returns for corrupt data.

const INVALID_BLOCK_TYPE: i32 = -1
const INVALID_STORED_LENGTHS: i32 = -2
const TOO_MANY_SYMBOLS: i32 = -3
const INVALID_CODE_LENGTHS_SET: i32 = -4
const INVALID_REPEAT: i32 = -5
const MISSING_END_OF_BLOCK: i32 = -6
const INVALID_LITLEN_SET: i32 = -7
const INVALID_DISTANCES_SET: i32 = -8

const MODE_HEADER: u32 = 0
const MODE_STORED: u32 = 1
const MODE_CODES: u32 = 2
const MODE_ENDED: u32 = 3

// What `inflate` is told about the state it continues from.

/** None: a block begins. */
const NOTHING_LEFT: i32 = 0
/** It is in STATE, and its tables are to be made again. */
const WITHOUT_TABLES: i32 = 1

/**
 * Most blocks with codes of their own in one call: 1.2 ms if each holds nothing else (64 KiB of the worst would take 3.3 ms). Those
 * of compressors hold thousands of symbols.
 */
const MOST_TABLES: u32 = 512

// Where a call stands. `bits` may hold more than `count` bits: these are of the octets at `input`, and are or-ed in again unchanged.
let bits: u64
let count: u32
let input: usize
let output: usize

let mode: u32
let final: u32
let stored: usize
/** Blocks with codes of their own that this call may still read. */
let tablesLeft: u32
let litlens: u32
let distances: u32

let litlenTable: usize
let litlenMask: u64
let distanceTable: usize
let distanceMask: u64

/**
 * Inflates the octets from `from` to `end` into memory at `to`.
 * @param history first octet that a distance may reach; those from it to `to` came out before
 * @param limit where to stop: at most 260 octets may come out behind it
 * @param window largest distance, in octets
 * @param resume 0: a block begins; 1: it continues from STATE; 2: the same, and nobody else has been here since
 * @returns how many octets came out, when the input ended with a block and an octet; else a negative number, and STATE is filled
 * if the data are not corrupt
 */
export function inflate(from: usize, end: usize, history: usize, to: usize, limit: usize, window: usize, resume: i32): i32 {
  input = from
  output = to
  bits = 0
  count = 0
  mode = MODE_HEADER
  final = 0
  tablesLeft = MOST_TABLES
  if (resume != NOTHING_LEFT) restore(resume == WITHOUT_TABLES)

  let status: i32 = 0
  for (;;) {
    if (mode == MODE_CODES) {
      storeCursor()
      status = decode(end, history, limit, window, litlenTable, litlenMask, distanceTable, distanceMask)
      loadCursor()
      if (status < 0) break
      mode = MODE_HEADER
    } else if (mode == MODE_STORED) {
      const length = min(min(stored, end - input), limit > output ? limit - output : 0)
      memory.copy(output, input, length)
      input += length
      output += length
      stored -= length
      if (stored != 0) {
        status = input == end ? INCOMPLETE : FULL
        break
      }
      mode = MODE_HEADER
    }

    // A block has ended; the next begins with its header, which is read whole or not at all
    if (final != 0 || mode == MODE_ENDED) {
      final = 0
      mode = MODE_ENDED
      status = ENDED
      break
    }
    if (count == 0 && input == end) return <i32>(output - to)
    if (tablesLeft == 0) {
      status = FULL
      break
    }
    const headerInput = input
    const headerBits = bits
    const headerCount = count
    status = readHeader(end)
    if (status < 0) {
      input = headerInput
      bits = headerBits
      count = headerCount
      final = 0
      break
    }
  }
  if (status > INCOMPLETE) return status
  save(status, end)
  return status
}

function restore(withoutTables: bool): void {
  bits = load<u64>(STATE, STATE_BITS)
  count = load<u32>(STATE, STATE_BIT_COUNT)
  mode = load<u32>(STATE, STATE_MODE)
  final = load<u32>(STATE, STATE_FINAL)
  stored = load<u32>(STATE, STATE_STORED)
  litlens = load<u32>(STATE, STATE_LITLENS)
  distances = load<u32>(STATE, STATE_DISTANCES)
  const held: usize = load<u32>(STATE, STATE_HELD_LENGTH)
  input -= held
  memory.copy(input, STATE + STATE_HELD, held)
  // the code lengths were found valid before
  if (withoutTables && mode == MODE_CODES) useTables()
}

/** Lets `decode` go on from here. */
function storeCursor(): void {
  store<u32>(STATE, <u32>input, STATE_INPUT)
  store<u32>(STATE, <u32>output, STATE_OUTPUT)
  store<u64>(STATE, bits, STATE_BITS)
  store<u32>(STATE, count, STATE_BIT_COUNT)
}

/** Goes on from where `decode` ended. */
function loadCursor(): void {
  input = load<u32>(STATE, STATE_INPUT)
  output = load<u32>(STATE, STATE_OUTPUT)
  bits = load<u64>(STATE, STATE_BITS)
  count = load<u32>(STATE, STATE_BIT_COUNT)
}

function save(status: i32, end: usize): void {
  // Whole octets go back to the input, to be read again
  input -= count >> 3
  count &= 7
  if (status == ENDED) count = 0
  bits &= ((<u64>1) << count) - 1
  storeCursor()
  store<u32>(STATE, mode, STATE_MODE)
  store<u32>(STATE, final, STATE_FINAL)
  store<u32>(STATE, <u32>stored, STATE_STORED)
  store<u32>(STATE, litlens, STATE_LITLENS)
  store<u32>(STATE, distances, STATE_DISTANCES)
  const held = status == INCOMPLETE ? end - input : 0
  memory.copy(STATE + STATE_HELD, input, held)
  store<u32>(STATE, <u32>held, STATE_HELD_LENGTH)
}

/** Adds whole octets to `bits` until it has 56 or the input ends. */
function refill(end: usize): void {
  while (count <= 55 && input < end) {
    bits |= (<u64>load<u8>(input)) << count
    input++
    count += 8
  }
}

/** Reads the header of a block (RFC 1951 §3.2.3); returns 0 or what `inflate` is to return. */
function readHeader(end: usize): i32 {
  refill(end)
  if (count < 3) return INCOMPLETE
  final = (<u32>bits) & 1
  const type = ((<u32>bits) >> 1) & 3
  bits >>= 3
  count -= 3
  if (type == 0) {
    bits >>= count & 7
    count &= ~7
    if (count < 32) return INCOMPLETE
    stored = (<u32>bits) & 0xffff
    if (stored != ~(<u32>bits) >> 16) return INVALID_STORED_LENGTHS
    input -= (count - 32) >> 3
    bits = 0
    count = 0
    mode = MODE_STORED
    return 0
  }
  if (type == 3) return INVALID_BLOCK_TYPE
  if (type == 1) {
    litlens = 0
  } else {
    tablesLeft--
    const status = readCodeLengths(end)
    if (status < 0) return status
  }
  mode = MODE_CODES
  return useTables()
}

/** Reads the code lengths of a dynamic block (RFC 1951 §3.2.7). */
function readCodeLengths(end: usize): i32 {
  if (count < 14) return INCOMPLETE
  litlens = ((<u32>bits) & 31) + 257
  distances = ((<u32>(bits >> 5)) & 31) + 1
  const precodes = ((<u32>(bits >> 10)) & 15) + 4
  if (litlens > 286 || distances > 30) return TOO_MANY_SYMBOLS
  bits >>= 14
  count -= 14
  const lengths = STATE + STATE_LENGTHS
  store<u64>(lengths, 0)
  store<u64>(lengths, 0, 8)
  store<u64>(lengths, 0, 16)
  for (let i: u32 = 0; i < precodes; i++) {
    if (count < 3) {
      refill(end)
      if (count < 3) return INCOMPLETE
    }
    store<u8>(lengths + load<u8>(PRECODE_ORDER + i), (<u8>bits) & 7)
    bits >>= 3
    count -= 3
  }
  const precodeBits = build(lengths, 19, PRECODE_TABLE, PRECODE_TEMPLATES, PRECODE_BITS)
  if (precodeBits < 0) return INVALID_CODE_LENGTHS_SET

  const mask: u64 = (1 << precodeBits) - 1
  const all = litlens + distances
  let i: u32 = 0
  let last: u64 = 0
  let b = bits
  let n = count
  let at = input
  while (i < all) {
    if (n < 14) {
      if (at + 8 <= end) {
        b |= load<u64>(at) << n
        at += (63 - n) >> 3
        n |= 56
      } else {
        while (n <= 55 && at < end) {
          b |= (<u64>load<u8>(at)) << n
          at++
          n += 8
        }
      }
    }
    const entry = load<u32>(PRECODE_TABLE + ((<usize>(b & mask)) << 2))
    let taken = entry & 0xff
    if (taken > n) return INCOMPLETE
    const symbol = entry >> 16
    if (symbol < 16) {
      last = symbol
      store<u8>(lengths + i, <u8>symbol)
      i++
    } else {
      const extra: u32 = symbol == 16 ? 2 : symbol == 17 ? 3 : 7
      if (taken + extra > n) return INCOMPLETE
      if (symbol != 16) last = 0
      else if (i == 0) return INVALID_REPEAT
      const stop = i + ((<u32>(b >> taken)) & ((1 << extra) - 1)) + (symbol == 18 ? 11 : 3)
      if (stop > all) return INVALID_REPEAT
      taken += extra
      const word = last * 0x0101010101010101
      for (; i < stop; i += 8) store<u64>(lengths + i, word)
      i = stop
    }
    b >>= taken
    n -= taken
  }
  bits = b
  count = n
  input = at
  return load<u8>(lengths, 256) == 0 ? MISSING_END_OF_BLOCK : 0
}

/** Makes ready the tables of the block: the fixed ones, or those of the code lengths in STATE. */
function useTables(): i32 {
  if (litlens == 0) {
    litlenTable = FIXED_LITLEN_TABLE
    litlenMask = 511
    distanceTable = FIXED_DISTANCE_TABLE
    distanceMask = 31
    return 0
  }
  const lengths = STATE + STATE_LENGTHS
  const litlenBits = build(lengths, litlens, LITLEN_TABLE, LITLEN_TEMPLATES, LITLEN_BITS)
  if (litlenBits < 0) return INVALID_LITLEN_SET
  const distanceBits = build(lengths + litlens, distances, DISTANCE_TABLE, DISTANCE_TEMPLATES, DISTANCE_BITS)
  if (distanceBits < 0) return INVALID_DISTANCES_SET
  litlenTable = LITLEN_TABLE
  litlenMask = (1 << litlenBits) - 1
  distanceTable = DISTANCE_TABLE
  distanceMask = (1 << distanceBits) - 1
  return 0
}
