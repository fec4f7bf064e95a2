// Frames of a chunk, in JavaScript (RFC 6455 §5.2). What is done to payloads is the caller's choice of kernels, so this serves every set.

import {
  FIN,
  MASK,
  MAX_CONTROL_PAYLOAD,
  OPCODE_BINARY,
  OPCODE_BITS,
  OPCODE_PING,
  OPCODE_PONG,
  OPCODE_TEXT,
  PAYLOAD_LENGTH_BITS,
  RSV1
} from '../core/constants.js'
import type { FrameTable, Kernels } from '../core/kernels.js'
import { NOTHING } from '../core/octets.js'
import {
  ENTRY_NUMBERS,
  NON_ASCII,
  SCAN_FRAGMENTED,
  SCAN_MASKED,
  SCAN_RSV1,
  SCAN_SKIP_UTF8,
  SEEN_NON_ASCII
} from '../core/scan-flags.js'

/** Frames that a table for scans from inside a handler holds: such scans are rare, and theirs is made anew. */
const NESTED_CAPACITY = 256

export function createTable(entries: Int32Array): FrameTable {
  return {
    octets: NOTHING,
    entries,
    count: 0,
    consumed: 0,
    invalidUtf8: false,
    inUse: false,
    kept: false,
    until: 0,
    shift: 0,
    more: null
  }
}

/** Tables for scans that happen while the first one is being walked. */
const nestedTables: FrameTable[] = []

/** A table that nobody is walking, of `NESTED_CAPACITY`. */
export function nestedTable(): FrameTable {
  for (const table of nestedTables) if (!table.inUse) return table
  const table = createTable(new Int32Array(NESTED_CAPACITY * ENTRY_NUMBERS))
  nestedTables.push(table)
  return table
}

/** Octets above 0x7f in `octets[start, end)`? */
export type NonAsciiTest = (octets: Uint8Array, start: number, end: number) => boolean

/** `Kernels.scan` in place, with `kernels` for the payloads; fills `table`. */
export function scanFrames(
  kernels: Pick<Kernels, 'mask' | 'validate' | 'maskValidate'>,
  hasNonAscii: NonAsciiTest,
  table: FrameTable,
  chunk: Uint8Array,
  start: number,
  end: number,
  flags: number,
  maxPayload: number
): FrameTable {
  const { entries } = table
  const maskBit = (flags & SCAN_MASKED) !== 0 ? MASK : 0
  const keySize = (flags & SCAN_MASKED) !== 0 ? 4 : 0
  const limit = maxPayload > 0 ? maxPayload : Infinity
  let entry = 0
  let at = start
  let invalidUtf8 = false

  while (entry < entries.length && at + 2 <= end) {
    const first = chunk[at]
    const second = chunk[at + 1]
    if ((second & MASK) !== maskBit) break
    let length = second & PAYLOAD_LENGTH_BITS
    let payload = at + 2
    const opcode = first & OPCODE_BITS
    if (opcode === OPCODE_PING || opcode === OPCODE_PONG) {
      // §5.5: whole, without an extension, at most 125 octets
      if ((first & ~OPCODE_BITS) !== FIN || length > MAX_CONTROL_PAYLOAD) break
    } else {
      if (opcode !== OPCODE_TEXT && opcode !== OPCODE_BINARY) break
      // §5.4: inside a fragmented message only control frames and continuations may come
      if ((flags & SCAN_FRAGMENTED) !== 0) break
      const bits = first & ~OPCODE_BITS
      if (bits !== FIN && (bits !== (FIN | RSV1) || (flags & SCAN_RSV1) === 0)) break
      if (length === 126) {
        if (at + 4 > end) break
        length = (chunk[at + 2] << 8) | chunk[at + 3]
        payload = at + 4
      } else if (length === 127) {
        if (at + 10 > end || (chunk[at + 2] | chunk[at + 3] | chunk[at + 4] | chunk[at + 5]) !== 0) break
        length = chunk[at + 6] * 0x1000000 + ((chunk[at + 7] << 16) | (chunk[at + 8] << 8) | chunk[at + 9])
        payload = at + 10
      }
    }
    payload += keySize
    const next = payload + length
    if (length > limit || next > end) break

    const key =
      keySize === 0 ? 0 : chunk[payload - 4] | (chunk[payload - 3] << 8) | (chunk[payload - 2] << 16) | (chunk[payload - 1] << 24)
    let nonAscii = 0
    if (first === (FIN | OPCODE_TEXT) && (flags & SCAN_SKIP_UTF8) === 0) {
      const result =
        key === 0 ? kernels.validate(chunk, payload, next, 0) : kernels.maskValidate(chunk, payload, next, chunk, payload, key, 0)
      // §8.1: a frame that is a whole message ends between sequences, so -1 and a state are equally wrong
      if ((result & ~SEEN_NON_ASCII) !== 0) {
        invalidUtf8 = true
        break
      }
      nonAscii = result === 0 ? 0 : NON_ASCII
    } else {
      if (key !== 0) kernels.mask(chunk, payload, next, chunk, payload, key)
      if (first === (FIN | OPCODE_TEXT) && hasNonAscii(chunk, payload, next)) nonAscii = NON_ASCII
    }
    entries[entry] = first | nonAscii
    entries[entry + 1] = payload
    entries[entry + 2] = next
    entry += ENTRY_NUMBERS
    at = next
  }

  table.octets = chunk
  table.count = entry / ENTRY_NUMBERS
  table.consumed = at - start
  table.invalidUtf8 = invalidUtf8
  return table
}
