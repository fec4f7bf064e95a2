// The kernels in JavaScript: reference for the other sets, what they use if a call is not worth it, and the set of runtimes without
// WebAssembly. Figures: `npm run bench -- kernels`, ns per call, Node 20.

import type { FrameTable, Kernels } from '../core/kernels.js'
import { LITTLE_ENDIAN } from '../core/octets.js'
import { ENTRY_NUMBERS, TABLE_CAPACITY } from '../core/scan-flags.js'
import { createTable, nestedTable, scanFrames } from './scan.js'
import { toUtf16 } from './utf16.js'
import { validateOctets } from './utf8.js'

// A pass over words takes 0.17 ns an octet and one over octets 0.85, but a view of words costs 15 ns if the memory is that of the
// last call, else 60. A masking key fits over words only if their first octet is the lowest: big endian machines stay with octets.
const WORDS_FROM = LITTLE_ENDIAN ? 64 : Infinity
/** The same if the view is there already. */
const WORDS_FROM_IN_SCAN = LITTLE_ENDIAN ? 16 : Infinity
/** Shortest payload to be copied first and masked in place then: words need the same alignment on both sides. */
const COPY_FROM = LITTLE_ENDIAN ? 96 : Infinity
/** Memory above this is not remembered, so that it can be collected. */
const REMEMBER_UP_TO = 1 << 20

let lastMemory: ArrayBufferLike = new ArrayBuffer(0)
let lastWords: Int32Array = new Int32Array(0)

/** All whole words of the memory that `octets` is a view of. */
function wordsOf(octets: Uint8Array): Int32Array {
  const memory = octets.buffer
  if (memory === lastMemory) return lastWords
  const words = new Int32Array(memory, 0, memory.byteLength >> 2)
  if (memory.byteLength <= REMEMBER_UP_TO) {
    lastMemory = memory
    lastWords = words
  }
  return words
}

/** The chunk that is being scanned, and its words once they were needed: a scan asks for them per frame. */
let scanned: Uint8Array | null = null
let scannedWords: Int32Array | null = null

function wordsInScan(octets: Uint8Array): Int32Array {
  return (scannedWords ??= wordsOf(octets))
}

/** `mask` by octets; returns whether one of the result is above 0x7f. */
function maskOctets(source: Uint8Array, start: number, end: number, target: Uint8Array, targetStart: number, key: number): boolean {
  const key0 = key & 0xff
  const key1 = (key >>> 8) & 0xff
  const key2 = (key >>> 16) & 0xff
  const key3 = key >>> 24
  const last = end - 4
  let from = start
  let to = targetStart
  let seen = 0
  for (; from <= last; from += 4, to += 4) {
    const a = source[from] ^ key0
    const b = source[from + 1] ^ key1
    const c = source[from + 2] ^ key2
    const d = source[from + 3] ^ key3
    target[to] = a
    target[to + 1] = b
    target[to + 2] = c
    target[to + 3] = d
    seen |= a | b | c | d
  }
  for (let rest = key; from < end; from++, to++, rest >>>= 8) {
    const a = source[from] ^ (rest & 0xff)
    target[to] = a
    seen |= a
  }
  return (seen & 0x80) !== 0
}

/** `mask` in place by words, for at least 3 octets; returns whether an octet of the result is above 0x7f. */
function maskWords(octets: Uint8Array, start: number, end: number, key: number, words: Int32Array): boolean {
  const base = octets.byteOffset
  const firstWord = (base + start + 3) >> 2
  const endWord = (base + end) >> 2
  let seen = 0
  let at = start
  for (const stop = (firstWord << 2) - base; at < stop; at++) {
    const a = octets[at] ^ (key & 0xff)
    octets[at] = a
    seen |= a
    key = (key >>> 8) | (key << 24)
  }
  let word = firstWord
  for (const last = endWord - 4; word <= last; word += 4) {
    const a = words[word] ^ key
    const b = words[word + 1] ^ key
    const c = words[word + 2] ^ key
    const d = words[word + 3] ^ key
    words[word] = a
    words[word + 1] = b
    words[word + 2] = c
    words[word + 3] = d
    seen |= a | b | c | d
  }
  for (; word < endWord; word++) {
    const a = words[word] ^ key
    words[word] = a
    seen |= a
  }
  for (at = (endWord << 2) - base; at < end; at++) {
    const a = octets[at] ^ (key & 0xff)
    octets[at] = a
    seen |= a
    key >>>= 8
  }
  return (seen & 0x80808080) !== 0
}

/** Copies `source[start, end)`. */
export function copyOctets(source: Uint8Array, start: number, end: number, target: Uint8Array, targetStart: number): void {
  // a view costs 45 ns
  target.set(start === 0 && end === source.length ? source : source.subarray(start, end), targetStart)
}

/** `Kernels.mask`; returns whether an octet of the result is above 0x7f. */
export function maskAny(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  targetStart: number,
  key: number
): boolean {
  const length = end - start
  if (source === target && start === targetStart) {
    if (source === scanned) {
      if (length >= WORDS_FROM_IN_SCAN) return maskWords(source, start, end, key, wordsInScan(source))
    } else if (length >= WORDS_FROM) return maskWords(source, start, end, key, wordsOf(source))
  } else if (length >= COPY_FROM) {
    copyOctets(source, start, end, target, targetStart)
    return maskWords(target, targetStart, targetStart + length, key, wordsOf(target))
  }
  return maskOctets(source, start, end, target, targetStart, key)
}

/** Whether an octet of `octets[start, end)` is above 0x7f. */
export function hasNonAscii(octets: Uint8Array, start: number, end: number): boolean {
  let at = start
  if (end - start >= WORDS_FROM) {
    const words = octets === scanned ? wordsInScan(octets) : wordsOf(octets)
    const base = octets.byteOffset
    let word = (base + start + 3) >> 2
    for (const stop = (word << 2) - base; at < stop; at++) if (octets[at] > 0x7f) return true
    for (const last = ((base + end) >> 2) - 8; word <= last; word += 8) {
      const all =
        words[word] |
        words[word + 1] |
        words[word + 2] |
        words[word + 3] |
        words[word + 4] |
        words[word + 5] |
        words[word + 6] |
        words[word + 7]
      if ((all & 0x80808080) !== 0) return true
    }
    at = (word << 2) - base
  }
  for (; at < end; at++) if (octets[at] > 0x7f) return true
  return false
}

/** `Kernels.validate`. */
export function validate(octets: Uint8Array, start: number, end: number, state: number): number {
  // 0.15 ns an octet by words against 0.5 by octets; text with an octet above 0x7f has most often one near its beginning
  if (state === 0 && end - start >= 2 * WORDS_FROM && !hasNonAscii(octets, start, end)) return 0
  return validateOctets(octets, start, end, state)
}

/** `Kernels.maskValidate`. */
export function maskValidate(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  targetStart: number,
  key: number,
  state: number
): number {
  if (!maskAny(source, start, end, target, targetStart, key) && state === 0) return 0
  return validateOctets(target, targetStart, targetStart + end - start, state)
}

class JsKernels implements Kernels {
  readonly name = 'js'
  private readonly table = createTable(new Int32Array(TABLE_CAPACITY * ENTRY_NUMBERS))

  mask(source: Uint8Array, start: number, end: number, target: Uint8Array, targetStart: number, key: number): void {
    maskAny(source, start, end, target, targetStart, key)
  }

  validate(octets: Uint8Array, start: number, end: number, state: number): number {
    return validate(octets, start, end, state)
  }

  maskValidate(
    source: Uint8Array,
    start: number,
    end: number,
    target: Uint8Array,
    targetStart: number,
    key: number,
    state: number
  ): number {
    return maskValidate(source, start, end, target, targetStart, key, state)
  }

  toUtf16(octets: Uint8Array, start: number, end: number, target: Uint8Array, targetStart: number): number {
    return toUtf16(octets, start, end, target, targetStart)
  }

  scan(chunk: Uint8Array, start: number, end: number, flags: number, maxPayload: number): FrameTable {
    return scanInJs(this, this.table.inUse ? nestedTable() : this.table, chunk, start, end, flags, maxPayload)
  }
}

/** `Kernels.scan` in place; `kernels` are JavaScript, or use it for short payloads. */
export function scanInJs(
  kernels: Kernels,
  table: FrameTable,
  chunk: Uint8Array,
  start: number,
  end: number,
  flags: number,
  maxPayload: number
): FrameTable {
  if (end - start >= WORDS_FROM) scanned = chunk
  scanFrames(kernels, hasNonAscii, table, chunk, start, end, flags, maxPayload)
  scanned = null
  scannedWords = null
  return table
}

/** The kernels in JavaScript, for any runtime. */
export function createJsKernels(): Kernels {
  return new JsKernels()
}
