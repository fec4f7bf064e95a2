// Results that came in pieces.

import type { CodecHelpers } from './wasm.js'

export const NOTHING = new Uint8Array(0)

/** Most octets to be copied without a pause: 0.3 ms where the memory is new. */
const COPIED_AT_ONCE = 1024 * 1024

/**
 * Joins `chunks` into one array.
 * @param whenJoined is called with it later, after pauses where it is large; with null it is returned
 */
export function joinLater(chunks: Uint8Array[], helpers: CodecHelpers, whenJoined: null): Uint8Array
export function joinLater(chunks: Uint8Array[], helpers: CodecHelpers, whenJoined: (octets: Uint8Array) => void): null
export function joinLater(
  chunks: Uint8Array[],
  helpers: CodecHelpers,
  whenJoined: ((octets: Uint8Array) => void) | null
): Uint8Array | null {
  const { defer } = helpers
  let length = 0
  for (const chunk of chunks) length += chunk.length
  const joined = chunks.length === 1 ? chunks[0] : helpers.allocate(length)
  let index = chunks.length === 1 ? 1 : 0
  let at = 0
  const copy = (): boolean => {
    const pause = at + COPIED_AT_ONCE
    for (; index < chunks.length; index++) {
      if (at >= pause && whenJoined !== null && defer !== undefined) return false
      joined.set(chunks[index], at)
      at += chunks[index].length
      // all of them are as large as the result: let go of each as soon as possible
      chunks[index] = NOTHING
    }
    return true
  }
  const next = (): void => {
    if (copy()) whenJoined?.(joined)
    else defer?.(next)
  }
  if (whenJoined === null) {
    copy()
    return joined
  }
  next()
  return null
}
