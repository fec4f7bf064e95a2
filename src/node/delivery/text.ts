// Strings of received text, made in the fastest of the ways there are: `npm run bench -- kernels`, "string of text".

import { Buffer } from 'node:buffer'
import process from 'node:process'
import type { Kernels } from '../../core/kernels.js'
import { latin1Slice, ucs2Slice, utf8Slice } from '../runtime/internals.js'

const [major] = process.versions.node.split('.')
/**
 * Longest text that is not ASCII, in octets, to become UTF-16 in WebAssembly first. Node decodes UTF-8 with SIMD since 24, from 32 octets on:
 * it takes 635 ns for 2 KiB of Cyrillic then, where Node 22 takes 11,000 and this way 1,700. Beyond 1 MiB, memory for the UTF-16 costs more than that saves.
 */
const TO_UTF16_UP_TO = Number(major) < 24 ? 1 << 20 : 31

/** Octets that `toUtf16` may write behind the UTF-16. */
const EXCESS = 16

/**
 * The text in `octets[start, end)`.
 * @param nonAscii whether an octet may be above 0x7f
 * @param kernels null if it may be no UTF-8, because nobody validated it
 */
export function textOf(octets: Uint8Array, start: number, end: number, nonAscii: boolean, kernels: Kernels | null): string {
  // 230 ns against 340 at 2 KiB
  if (!nonAscii) return latin1Slice.call(octets, start, end)
  const memory = kernels?.memory
  if (!kernels || memory === undefined || end - start > TO_UTF16_UP_TO) return utf8Slice.call(octets, start, end)
  const size = (end - start) * 2
  const { octets: target, textRegion: region } = memory
  if (size <= region.end - region.start) {
    const length = kernels.toUtf16(octets, start, end, target, region.start)
    return ucs2Slice.call(target, region.start, region.start + length)
  }
  const own = Buffer.allocUnsafeSlow(size + EXCESS)
  return ucs2Slice.call(own, 0, kernels.toUtf16(octets, start, end, own, 0))
}
