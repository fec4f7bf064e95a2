// Windows of connections that have no slot, in ordinary memory.

import { octetsOf } from '../core/octets.js'

/** Smallest window that is allocated, in octets. */
const SMALLEST = 256

/**
 * Keeps the last `size` of the `filled` octets at `place`; returns where: in `window` if they fit, else in one twice the size or more,
 * so that it grows with use and never beyond `size`, which is a power of two.
 */
export function keepWindow(window: Uint8Array | null, octets: Uint8Array, place: number, filled: number, size: number): Uint8Array {
  const kept = Math.min(filled, size)
  let target = window
  if (target === null || target.length < kept) {
    let length = SMALLEST
    while (length < kept) length *= 2
    target = new Uint8Array(length)
  }
  target.set(octets.subarray(place + filled - kept, place + filled))
  return target
}

/** The last `size` octets of a dictionary as zlib takes it, copied; null if there is none. */
export function dictionaryOf(dictionary: unknown, size: number): Uint8Array | null {
  const octets = octetsOf(dictionary)
  // Not its own `slice`, which a Buffer understands otherwise
  return octets === null ? null : Uint8Array.prototype.slice.call(octets, Math.max(0, octets.length - size))
}
