// The kernels over what a runtime lends (`NativeHelpers`), with JavaScript for short payloads and for headers.
// Figures: `npm run bench -- kernels`, ns per call, Node 20.

import type { FrameTable, Kernels, NativeHelpers } from '../core/kernels.js'
import { ENTRY_NUMBERS, SEEN_NON_ASCII, TABLE_CAPACITY } from '../core/scan-flags.js'
import { copyOctets, hasNonAscii, maskAny, scanInJs, validate } from './js.js'
import { createTable, nestedTable } from './scan.js'
import { toUtf16 } from './utf16.js'
import { incompleteLength, validateOctets } from './utf8.js'

/** Shortest payload to be masked natively: 142 against 127 at 512 octets, 152 against 207 at 1 KiB. */
const NATIVE_MASK_FROM = 640
/** The same for text: masking in JavaScript tells along the way whether it is all ASCII, which would else take a pass of its own. */
const NATIVE_MASK_TEXT_FROM = 4096
/** Shortest text with octets above 0x7f to be validated natively: 1 to 2 ns an octet against 75 a call. */
const IS_UTF8_FROM = 96

/** The key as the natives take it. */
const keyOctets = new Uint8Array(4)

/** The natives' own `mask`, or null if they have none. */
export function nativeMask(natives: NativeHelpers): Kernels['mask'] | null {
  const { mask, unmask } = natives
  if (mask === undefined && unmask === undefined) return null
  return (source, start, end, target, targetStart, key) => {
    keyOctets[0] = key
    keyOctets[1] = key >>> 8
    keyOctets[2] = key >>> 16
    keyOctets[3] = key >>> 24
    if (mask !== undefined) {
      mask(source.subarray(start, end), keyOctets, target, targetStart, end - start)
    } else if (unmask !== undefined) {
      if (source !== target || start !== targetStart) copyOctets(source, start, end, target, targetStart)
      unmask(target.subarray(targetStart, targetStart + end - start), keyOctets)
    }
  }
}

/** `Kernels.validate` of text that is known to have an octet above 0x7f, by a native that knows whole sequences only. */
export function validateNatively(
  isUtf8: (octets: Uint8Array) => boolean,
  octets: Uint8Array,
  start: number,
  end: number,
  state: number
): number {
  let at = start
  while (state !== 0 && at < end) {
    const result = validateOctets(octets, at, at + 1, state)
    if (result < 0) return -1
    state = result & ~SEEN_NON_ASCII
    at++
  }
  const whole = end - incompleteLength(octets, at, end)
  if (!isUtf8(octets.subarray(at, whole))) return -1
  return whole === end ? state | SEEN_NON_ASCII : validateOctets(octets, whole, end, 0)
}

class NativeKernels implements Kernels {
  readonly name = 'native'
  private readonly table = createTable(new Int32Array(TABLE_CAPACITY * ENTRY_NUMBERS))
  private readonly nativeMask: Kernels['mask']
  private readonly isUtf8: ((octets: Uint8Array) => boolean) | null

  constructor(mask: Kernels['mask'], isUtf8: ((octets: Uint8Array) => boolean) | null) {
    this.nativeMask = mask
    this.isUtf8 = isUtf8
  }

  mask(source: Uint8Array, start: number, end: number, target: Uint8Array, targetStart: number, key: number): void {
    if (end - start < NATIVE_MASK_FROM) maskAny(source, start, end, target, targetStart, key)
    else this.nativeMask(source, start, end, target, targetStart, key)
  }

  validate(octets: Uint8Array, start: number, end: number, state: number): number {
    if (this.isUtf8 === null || end - start < IS_UTF8_FROM) return validate(octets, start, end, state)
    if (state === 0 && !hasNonAscii(octets, start, end)) return 0
    return validateNatively(this.isUtf8, octets, start, end, state)
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
    const targetEnd = targetStart + end - start
    if (end - start >= NATIVE_MASK_TEXT_FROM) {
      this.nativeMask(source, start, end, target, targetStart, key)
      return this.validate(target, targetStart, targetEnd, state)
    }
    if (!maskAny(source, start, end, target, targetStart, key) && state === 0) return 0
    return this.isUtf8 === null || end - start < IS_UTF8_FROM
      ? validateOctets(target, targetStart, targetEnd, state)
      : validateNatively(this.isUtf8, target, targetStart, targetEnd, state)
  }

  toUtf16(octets: Uint8Array, start: number, end: number, target: Uint8Array, targetStart: number): number {
    return toUtf16(octets, start, end, target, targetStart)
  }

  scan(chunk: Uint8Array, start: number, end: number, flags: number, maxPayload: number): FrameTable {
    return scanInJs(this, this.table.inUse ? nestedTable() : this.table, chunk, start, end, flags, maxPayload)
  }
}

/** The kernels over `natives`; null if these have no mask. */
export function createNativeKernels(natives: NativeHelpers): Kernels | null {
  const mask = nativeMask(natives)
  return mask === null ? null : new NativeKernels(mask, natives.isUtf8 ?? null)
}
