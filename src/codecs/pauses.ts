// Work that is done in steps with pauses between them, so that other events have their turn.

import type { CodecCallback } from '../core/codec.js'
import { codecClosedError } from '../core/errors.js'
import { NOTHING } from '../core/octets.js'
import { joinLater, type OutputHelpers } from './output.js'

/** A direction of a connection, which has at most one call under way. */
export interface Owner {
  /** The call that is under way; null if none is. */
  pending: { readonly done: CodecCallback } | null
}

/**
 * Calls `step` after a pause, and after another as long as it returns false; then `done` with what it left in `chunks`, or its error.
 * `closePending` ends that.
 */
export function finishLater(
  owner: Owner,
  step: () => boolean | Error,
  chunks: Uint8Array[],
  helpers: OutputHelpers,
  defer: (callback: () => void) => void,
  done: CodecCallback
): void {
  const pending = { done }
  owner.pending = pending
  const end = (error: Error | null, octets: Uint8Array): void => {
    if (owner.pending !== pending) return
    owner.pending = null
    done(error, octets)
  }
  const next = (): void => {
    if (owner.pending !== pending) return
    const finished = step()
    if (finished instanceof Error) end(finished, NOTHING)
    else if (finished) joinLater(chunks, helpers, (octets) => end(null, octets))
    else defer(next)
  }
  defer(next)
}

/** The call that is under way gets no result, but an error. */
export function closePending(owner: Owner): void {
  const { pending } = owner
  owner.pending = null
  pending?.done(codecClosedError(), NOTHING)
}
