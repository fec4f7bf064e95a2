// Frames of a chunk (RFC 6455 §5.2): what is whole and beyond doubt is unmasked, validated and listed; see `Kernels.scan` in
// src/core/kernels.ts; the flags are those of src/core/scan-flags.ts.

import { mask } from './mask'
import { ENTRY_SIZE, SCAN_RESULT, TABLE } from './memory'
import {
  NON_ASCII,
  SCAN_DEFER_UTF8,
  SCAN_DEFERRED,
  SCAN_FRAGMENTED,
  SCAN_INVALID_UTF8,
  SCAN_MASKED,
  SCAN_RSV1,
  SCAN_SKIP_UTF8,
  SEEN_NON_ASCII,
  TABLE_CAPACITY
} from './scan-flags'
import { maskValidate } from './utf8'

/** Shortest text worth the way back to the caller, in octets. */
const DEFER_FROM: u32 = 512

/**
 * Lists the frames of `chunk[0, length)` behind the `count` that the table holds already.
 * @returns the number of frames in the table; octets consumed and the verdict stand at `SCAN_RESULT`
 */
export function scan(chunk: usize, length: usize, count: i32, flags: u32, maxPayload: u32): i32 {
  const end = chunk + length
  // products, which are shifts: with conditions a chunk of small frames takes a tenth longer
  const maskBit = (flags & SCAN_MASKED) * (0x8000 / SCAN_MASKED)
  const keySize = <usize>((flags & SCAN_MASKED) * (4 / SCAN_MASKED))
  // §5.4: inside a fragmented message there may only be control frames and continuations
  const smallestOpcode: u32 = flags & SCAN_FRAGMENTED ? 9 : 1
  let entry = TABLE + <usize>count * ENTRY_SIZE
  let p = chunk
  let verdict: u32 = 0
  while (count < <i32>TABLE_CAPACITY && p + 2 <= end) {
    const head = <u32>load<u16>(p)
    if ((head & 0x8000) != maskBit) break
    const first = head & 0xff
    const opcode = first & 0x0f
    if (opcode < smallestOpcode) break
    let size = (head >> 8) & 0x7f
    let payload = p + 2
    if (opcode >= 9) {
      // §5.5: ping and pong, whole, at most 125 octets, no extension
      if (opcode > 10 || (first & 0xf0) != 0x80 || size > 125) break
    } else {
      if (opcode > 2 || ((first & 0xf0) != 0x80 && ((first & 0xf0) != 0xc0 || !(flags & SCAN_RSV1)))) break
      if (size == 126) {
        size = bswap<u16>(load<u16>(p, 2))
        payload = p + 4
      } else if (size == 127) {
        if (load<u32>(p, 2)) break
        size = bswap<u32>(load<u32>(p, 6))
        payload = p + 10
      }
    }
    if (size > maxPayload) break
    payload += keySize
    // here ends, too, a header that the chunk's end cuts: what was read behind that end decides nothing else
    if (payload > end || size > <u32>(end - payload)) break

    const key = keySize ? load<u32>(payload - 4) : 0
    let nonAscii: u32 = 0
    if (first == 0x81) {
      if (flags & SCAN_SKIP_UTF8) {
        nonAscii = mask(payload, payload, size, key) ? NON_ASCII : 0
      } else if (flags & SCAN_DEFER_UTF8 && size >= DEFER_FROM) {
        if (mask(payload, payload, size, key)) {
          nonAscii = NON_ASCII
          verdict = SCAN_DEFERRED
        }
      } else {
        const result = maskValidate(payload, payload, size, key, 0)
        // §8.1: a frame that is a whole message ends between sequences, so -1 and a state are equally wrong
        if (result & ~(<i32>SEEN_NON_ASCII)) {
          verdict = SCAN_INVALID_UTF8
          break
        }
        nonAscii = <u32>result / (SEEN_NON_ASCII / NON_ASCII)
      }
    } else if (key) mask(payload, payload, size, key)

    store<u32>(entry, first | nonAscii)
    store<u32>(entry, <u32>payload, 4)
    p = payload + size
    store<u32>(entry, <u32>p, 8)
    entry += ENTRY_SIZE
    count++
    if (verdict) break
  }
  store<u32>(SCAN_RESULT, <u32>(p - chunk))
  store<u32>(SCAN_RESULT, verdict, 4)
  return count
}
