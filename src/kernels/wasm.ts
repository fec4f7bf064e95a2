// The kernels in WebAssembly (wasm/kernels.ts). The module is instantiated once for all connections, on first use, and keeps nothing
// between calls but what a scan found. Octets in its memory are worked on where they are; others are copied if that pays.
// Figures: `npm run bench -- kernels`, ns per call, Node 20.

import { base64Decode } from '../core/base64.js'
import { LITTLE_ENDIAN } from '../core/octets.js'
import type { FrameTable, Kernels, KernelsMemory, NativeHelpers } from '../core/kernels.js'
import {
  ENTRY_NUMBERS,
  SCAN_DEFER_UTF8,
  SCAN_DEFERRED,
  SCAN_INVALID_UTF8,
  SCAN_MASKED,
  SEEN_NON_ASCII,
  TABLE_CAPACITY
} from '../core/scan-flags.js'
import base64, { pages } from '../wasm/kernels.js'
import * as js from './js.js'
import { nativeMask, validateNatively } from './native.js'
import { createTable, nestedTable } from './scan.js'
import { toUtf16 } from './utf16.js'
import { incompleteLength } from './utf8.js'

/** Kernels that have a memory of their own for certain. */
export interface WasmKernels extends Kernels {
  readonly memory: KernelsMemory
}

/** Shortest payload for which a look at where it lies (15 ns) is worth it, unless it lies where the last one did. */
const LOOK_FROM = 32
/** Shortest chunk to be copied in for a scan: 57 against 86 with 64 octets of payload; 45 more if it is not all of its view. */
const COPY_IN_FROM = 40
const COPY_IN_PART_FROM = 100
/** Shortest text to be copied in for validation: 60 against 42 (all ASCII) or 90 (else) at 64 octets, 52 against 85 or 300 at 256. */
const COPY_IN_TEXT_FROM = 96
/** Shortest payload to be copied in and out again: 139 against 127 at 512 octets, 133 against 207 at 1 KiB. */
const COPY_IN_OUT_FROM = 600
/** Shortest text to be copied in to become UTF-16: 177 against 152 ns at 16 octets, 215 against 300 at 64. */
const COPY_IN_UTF16_FROM = 32
/** The same if it is copied out as well: 280 against 270 ns at 64 octets, 600 against 950 at 128. */
const COPY_IN_OUT_UTF16_FROM = 96
/** Shortest payload for a native mask, if it need not be copied: 170 against 133 at 1 KiB, 216 against 255 at 4 KiB. */
const NATIVE_MASK_FROM = 2048
/** Shortest text with octets above 0x7f for a native validation: 92 against 115 at 512 octets, 271 against 833 at 4 KiB. */
const IS_UTF8_FROM = 512

interface KernelsModule {
  mask(source: number, target: number, length: number, key: number): number
  validate(octets: number, length: number, state: number): number
  maskValidate(source: number, target: number, length: number, key: number, state: number): number
  hasNonAscii(octets: number, length: number): number
  toUtf16(octets: number, length: number, target: number): number
  scan(chunk: number, length: number, count: number, flags: number, maxPayload: number): number
}

/** The instantiated module and the views of its memory. */
class ModuleInstance {
  readonly module: KernelsModule
  readonly buffer: ArrayBuffer
  readonly memory: KernelsMemory
  readonly scratchStart: number
  readonly scratch: Uint8Array
  readonly arenaStart: number
  readonly arenaSize: number
  /** Octets consumed and the verdict of the last scan. */
  readonly scanResult: Int32Array
  readonly table: FrameTable

  constructor() {
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(base64Decode(base64)), { env: { memory } })
    const at = (name: string): number => (exports[name] as WebAssembly.Global).value
    this.module = exports as unknown as KernelsModule
    this.buffer = memory.buffer
    this.memory = {
      octets: new Uint8Array(memory.buffer),
      receiveRegion: { start: at('RECEIVE'), end: at('RECEIVE') + at('RECEIVE_SIZE') },
      textRegion: { start: at('TEXT'), end: at('TEXT') + at('TEXT_SIZE') }
    }
    this.scratchStart = at('SCRATCH')
    this.scratch = new Uint8Array(memory.buffer, at('SCRATCH'), at('SCRATCH_SIZE'))
    this.arenaStart = at('ARENA')
    this.arenaSize = at('ARENA_SIZE')
    this.scanResult = new Int32Array(memory.buffer, at('SCAN_RESULT'), 2)
    this.table = createTable(new Int32Array(memory.buffer, at('TABLE'), TABLE_CAPACITY * ENTRY_NUMBERS))
    this.table.octets = this.memory.octets
  }
}

let shared: ModuleInstance | null | undefined

/** The module, made on first use; null if there is no WebAssembly with SIMD, or it may not compile or reserve its memory. */
function instantiate(): ModuleInstance | null {
  if (shared === undefined) {
    try {
      shared = LITTLE_ENDIAN ? new ModuleInstance() : null
    } catch {
      // no `WebAssembly` (`--jitless`), no SIMD, a Content-Security-Policy without 'wasm-unsafe-eval', `ulimit -v`
      shared = null
    }
  }
  return shared
}

class WasmKernelSet implements WasmKernels {
  readonly name = 'wasm'
  readonly memory: KernelsMemory
  private readonly octets: Uint8Array
  private readonly instance: ModuleInstance
  private readonly module: KernelsModule
  private readonly nativeMask: Kernels['mask'] | null
  private readonly isUtf8: ((octets: Uint8Array) => boolean) | null
  /** The view of our memory that was last used, and where it begins: `.buffer` costs 15 ns, as much as the rest of a short call. */
  private inside: Uint8Array
  private insideStart = 0
  /** A chunk that is not in our memory, while it is scanned. */
  private outside: Uint8Array | null = null

  constructor(instance: ModuleInstance, natives: NativeHelpers | undefined) {
    this.instance = instance
    this.module = instance.module
    this.memory = instance.memory
    this.octets = instance.memory.octets
    this.nativeMask = natives === undefined ? null : nativeMask(natives)
    this.isUtf8 = natives?.isUtf8 ?? null
    this.inside = this.octets
  }

  /** Where `view` begins in our memory, or -1; not looked for if `length` octets are too few. */
  private startOf(view: Uint8Array, length: number): number {
    if (view === this.inside) return this.insideStart
    if (length < LOOK_FROM || view === this.outside || view.buffer !== this.instance.buffer) return -1
    this.inside = view
    this.insideStart = view.byteOffset
    return this.insideStart
  }

  mask(source: Uint8Array, start: number, end: number, target: Uint8Array, targetStart: number, key: number): void {
    const length = end - start
    const to = this.startOf(target, length)
    if (to >= 0) {
      const from = source === target ? to : this.startOf(source, Infinity)
      if (from < 0) js.copyOctets(source, start, end, target, targetStart)
      this.module.mask(from < 0 ? to + targetStart : from + start, to + targetStart, length, key)
    } else if (this.nativeMask !== null && length >= NATIVE_MASK_FROM) {
      this.nativeMask(source, start, end, target, targetStart, key)
    } else if (length >= COPY_IN_OUT_FROM) {
      this.maskCopied(source, start, end, target, targetStart, key, 0, false)
    } else js.maskAny(source, start, end, target, targetStart, key)
  }

  validate(octets: Uint8Array, start: number, end: number, state: number): number {
    const length = end - start
    const { module, isUtf8 } = this
    const { scratch, scratchStart } = this.instance
    const from = this.startOf(octets, length)
    if (from >= 0) {
      if (isUtf8 === null || length < IS_UTF8_FROM) return module.validate(from + start, length, state)
      if (state === 0 && module.hasNonAscii(from + start, length) === 0) return 0
      return validateNatively(isUtf8, octets, start, end, state)
    }
    if (length < COPY_IN_TEXT_FROM) return js.validate(octets, start, end, state)
    let result = state
    let seen = 0
    for (let at = start; at < end; at += scratch.length) {
      const size = Math.min(scratch.length, end - at)
      js.copyOctets(octets, at, at + size, scratch, 0)
      if (isUtf8 !== null && end - at >= IS_UTF8_FROM) {
        if (result === 0 && module.hasNonAscii(scratchStart, size) === 0) continue
        return validateNatively(isUtf8, octets, at, end, result)
      }
      result = module.validate(scratchStart, size, result)
      if (result < 0) return -1
      seen |= result & SEEN_NON_ASCII
      result &= ~SEEN_NON_ASCII
    }
    return result | seen
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
    const length = end - start
    const to = this.startOf(target, length)
    if (to >= 0) {
      let from = source === target ? to : this.startOf(source, Infinity)
      if (from >= 0) from += start
      else {
        js.copyOctets(source, start, end, target, targetStart)
        from = to + targetStart
      }
      if (this.isUtf8 === null || length < IS_UTF8_FROM) {
        return this.module.maskValidate(from, to + targetStart, length, key, state)
      }
      if (this.module.mask(from, to + targetStart, length, key) === 0 && state === 0) return 0
      return validateNatively(this.isUtf8, target, targetStart, targetStart + length, state)
    }
    if (length >= COPY_IN_OUT_FROM) return this.maskCopied(source, start, end, target, targetStart, key, state, true)
    if (!js.maskAny(source, start, end, target, targetStart, key) && state === 0) return 0
    return this.validate(target, targetStart, targetStart + length, state)
  }

  /** `mask`, or `maskValidate` with `text`, by way of the scratch memory, to a target outside ours. */
  private maskCopied(
    source: Uint8Array,
    start: number,
    end: number,
    target: Uint8Array,
    targetStart: number,
    key: number,
    state: number,
    text: boolean
  ): number {
    const { module } = this
    const { scratch, scratchStart } = this.instance
    const from = this.startOf(source, Infinity)
    let result = state
    let seen = 0
    // how far the text is validated here; what follows is done natively
    let validated = text ? end : start
    for (let at = start; at < end; at += scratch.length) {
      const size = Math.min(scratch.length, end - at)
      let piece = scratchStart
      if (from < 0) js.copyOctets(source, at, at + size, scratch, 0)
      else piece = from + at
      if (at >= validated) module.mask(piece, scratchStart, size, key)
      else if (this.isUtf8 !== null) {
        if (module.mask(piece, scratchStart, size, key) !== 0 || result !== 0) validated = at
      } else {
        result = module.maskValidate(piece, scratchStart, size, key, result)
        if (result < 0) return -1
        seen |= result & SEEN_NON_ASCII
        result &= ~SEEN_NON_ASCII
      }
      js.copyOctets(scratch, 0, size, target, targetStart + at - start)
    }
    if (!text || this.isUtf8 === null || validated === end) return result | seen
    return validateNatively(this.isUtf8, target, targetStart + validated - start, targetStart + end - start, result)
  }

  toUtf16(octets: Uint8Array, start: number, end: number, target: Uint8Array, targetStart: number): number {
    const to = this.startOf(target, Infinity)
    const from = this.startOf(octets, Infinity)
    if (to >= 0 && from >= 0) return this.module.toUtf16(from + start, end - start, to + targetStart)
    const copyFrom = from < 0 ? (to < 0 ? COPY_IN_OUT_UTF16_FROM : COPY_IN_UTF16_FROM) : 0
    if (end - start < copyFrom) return toUtf16(octets, start, end, target, targetStart)
    return this.toUtf16Copied(octets, from, start, end, target, to, targetStart)
  }

  /** `toUtf16` by way of the scratch memory, the text region or both; `from` and `to` are where the octets and the target begin in our memory, or -1. */
  private toUtf16Copied(
    octets: Uint8Array,
    from: number,
    start: number,
    end: number,
    target: Uint8Array,
    to: number,
    targetStart: number
  ): number {
    const { scratch, scratchStart, memory } = this.instance
    const { start: text } = memory.textRegion
    let written = targetStart
    for (let at = start; at < end;) {
      let size = Math.min(scratch.length, end - at)
      if (at + size < end) size -= incompleteLength(octets, at, at + size)
      if (from < 0) js.copyOctets(octets, at, at + size, scratch, 0)
      const piece = from < 0 ? scratchStart : from + at
      if (to >= 0) written += this.module.toUtf16(piece, size, to + written)
      else {
        const length = this.module.toUtf16(piece, size, text)
        js.copyOctets(this.octets, text, text + length, target, written)
        written += length
      }
      at += size
    }
    return written - targetStart
  }

  scan(chunk: Uint8Array, start: number, end: number, flags: number, maxPayload: number): FrameTable {
    const { instance } = this
    const { table } = instance
    // who walks the table still needs it, and the arena
    if (table.inUse) return js.scanInJs(this, nestedTable(), chunk, start, end, flags, maxPayload)
    const length = end - start
    let first = this.startOf(chunk, length) + start
    if (chunk !== this.inside) {
      const copyFrom = length === chunk.length ? COPY_IN_FROM : COPY_IN_PART_FROM
      // a chunk without keys has nothing to be unmasked in a copy; and in one longer than the arena a frame may be
      if (length < copyFrom || (flags & SCAN_MASKED) === 0 || length > instance.arenaSize) {
        return this.scanOutside(chunk, start, end, flags, maxPayload)
      }
      first = instance.arenaStart
      js.copyOctets(chunk, start, end, this.octets, first)
    }

    const limit = maxPayload > 0 && maxPayload < 0xffffffff ? maxPayload : 0xffffffff
    if (this.isUtf8 !== null) return this.scanDeferring(first, length, flags | SCAN_DEFER_UTF8, limit, this.isUtf8)
    table.octets = this.octets
    table.count = this.module.scan(first, length, 0, flags, limit)
    table.consumed = instance.scanResult[0]
    table.invalidUtf8 = instance.scanResult[1] === SCAN_INVALID_UTF8
    return table
  }

  /** The module's scan, which comes back at each long text that is not ASCII to have it validated natively. */
  private scanDeferring(
    first: number,
    length: number,
    flags: number,
    limit: number,
    isUtf8: (octets: Uint8Array) => boolean
  ): FrameTable {
    const { module, octets } = this
    const { scanResult, table } = this.instance
    const { entries } = table
    let count = module.scan(first, length, 0, flags, limit)
    let consumed = scanResult[0]
    while (scanResult[1] === SCAN_DEFERRED) {
      const entry = (count - 1) * ENTRY_NUMBERS
      if (!isUtf8(octets.subarray(entries[entry + 1], entries[entry + 2]))) {
        // this frame's header begins where the frame before it ends
        count--
        consumed = count === 0 ? 0 : entries[entry - 1] - first
        break
      }
      count = module.scan(first + consumed, length - consumed, count, flags, limit)
      consumed += scanResult[0]
    }
    table.octets = octets
    table.count = count
    table.consumed = consumed
    table.invalidUtf8 = scanResult[1] !== 0
    return table
  }

  private scanOutside(chunk: Uint8Array, start: number, end: number, flags: number, maxPayload: number): FrameTable {
    this.outside = chunk
    const table = js.scanInJs(this, this.instance.table, chunk, start, end, flags, maxPayload)
    this.outside = null
    return table
  }
}

/**
 * The kernels in WebAssembly, or null if they cannot be had. All sets share one module and its memory.
 * @param natives what to use where it is faster; nothing by default
 */
export function createWasmKernels(natives?: NativeHelpers): WasmKernels | null {
  const instance = instantiate()
  return instance === null ? null : new WasmKernelSet(instance, natives)
}
