// Results that came in pieces.

import { NOTHING } from '../core/octets.js'

/** What joining takes from the runtime. */
export interface OutputHelpers {
  /** Calls back after other events had their turn; undefined if nothing does. */
  readonly defer: ((callback: () => void) => void) | undefined
  readonly allocate: (length: number) => Uint8Array
}

/** What a codec takes from it: `WasmCodecOptions` with the defaults. */
export interface CodecHelpers extends OutputHelpers {
  readonly copy: (octets: Uint8Array, start: number, end: number) => Uint8Array
}

/** Most octets to be copied without a pause: 0.2 ms if the memory is new. */
const COPIED_AT_ONCE = 512 * 1024

/**
 * Joins `chunks` into one array.
 * @param whenJoined is called with it later, after pauses if it is large; with null it is returned
 */
export function joinLater(chunks: Uint8Array[], helpers: OutputHelpers, whenJoined: null): Uint8Array
export function joinLater(chunks: Uint8Array[], helpers: OutputHelpers, whenJoined: (octets: Uint8Array) => void): null
export function joinLater(
  chunks: Uint8Array[],
  helpers: OutputHelpers,
  whenJoined: ((octets: Uint8Array) => void) | null
): Uint8Array | null {
  const { defer } = helpers
  const single = chunks.length === 1 ? chunks[0] : null
  let joined = single
  let index = single === null ? 0 : 1
  let at = 0
  const copy = (): boolean => {
    joined ??= helpers.allocate(chunks.reduce((length, chunk) => length + chunk.length, 0))
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
    if (copy()) whenJoined?.(joined as Uint8Array)
    else defer?.(next)
  }
  if (whenJoined === null) {
    copy()
    return joined
  }
  // Not in the turn that the last piece took
  if (single === null && defer !== undefined) defer(next)
  else next()
  return null
}
