// Frames to an output (RFC 6455 §5.2): header, masking key and payload, in as few copies as their length allows.

import { headerSize, serializeFrameHeader, serializeMaskingKey } from './frame-header.js'
import type { Output, PreparedMessage, WriteCallback } from './output.js'
import type { SenderPlatform } from './platform.js'
import { SEND_MASK, SEND_OWNED } from './send-flags.js'

/** Payloads that are ours are copied next to their header up to this length; above, two pieces are cheaper than a copy. */
export const COPY_LIMIT = 4096
/**
 * The same for payloads that are the caller's, who may change them when `send` has returned: above, they are written at once, which
 * costs a write each. 64 KiB take 12.5 us so, and 18.8 if this limit is 128 KiB (`npm run bench -- send-64k`, Node 20).
 */
export const CALLERS_COPY_LIMIT = 32 * 1024
/** The same for those that are masked, for which there has to be a copy anyway: above, it has memory of its own. */
const MASKED_COPY_LIMIT = 128 * 1024

/**
 * Appends one frame to the output: small ones as a whole, large payloads by reference behind their header.
 * @param first FIN bit, RSV bits and opcode
 * @param flags SEND_MASK and SEND_OWNED
 * @param callback called when it is written
 */
export function writeFrame(
  platform: SenderPlatform,
  output: Output,
  first: number,
  payload: string | Uint8Array,
  flags: number,
  callback: WriteCallback | undefined
): void {
  let isBorrowed = false
  // A masked frame has a key of its own
  const prepared = (flags & SEND_MASK) !== 0 || output.repeats === undefined ? null : output.repeats.find(payload)
  if (prepared === null || !prepared.repeat(output, first)) {
    if (typeof payload !== 'string') isBorrowed = writeOctets(platform, output, first, payload, flags, prepared, false)
    // UTF-8 takes at most three octets for a UTF-16 unit
    else if (payload.length * 3 <= COPY_LIMIT) writeText(platform, output, first, payload, flags, prepared)
    else writeOctets(platform, output, first, encode(platform, payload), flags | SEND_OWNED, prepared, true)
  }
  output.leave(isBorrowed, callback)
}

/** `text` in UTF-8. */
export function encode({ runtime }: SenderPlatform, text: string, length = runtime.utf8Length(text)): Uint8Array {
  const octets = runtime.allocate(length)
  runtime.utf8Write(text, octets, 0)
  return octets
}

function writeText(
  { maskingKeys, runtime, kernels }: SenderPlatform,
  output: Output,
  first: number,
  text: string,
  flags: number,
  prepared: PreparedMessage | null
): void {
  const mask = (flags & SEND_MASK) !== 0
  // Before the room is reserved: a user's generator may send, too
  const key = mask ? maskingKeys() : 0
  output.reserve(text.length * 3 + headerSize(text.length * 3, mask))
  const { slab, at } = output
  // Most text is ASCII: write behind a header of the size that it would have, and move the rest
  const guess = at + headerSize(text.length, mask)
  const length = runtime.utf8Write(text, slab, guess)
  const start = at + headerSize(length, mask)
  if (start !== guess) slab.copyWithin(start, guess, guess + length)
  serializeFrameHeader(slab, at, first, length, mask)
  if (mask) serializeMaskingKey(slab, start - 4, key)
  if (key !== 0 && length > 0) kernels.mask(slab, start, start + length, slab, start, key)
  output.commit(start + length - at)
  if (prepared !== null) prepared.keep(output, first, start + length - at, null)
}

/**
 * @param prepared where the frame is kept; null if it need not be
 * @param isEncoded whether `payload` is a string's, which nobody else has
 * @returns whether the output refers to octets that the caller may change
 */
function writeOctets(
  { maskingKeys, runtime, kernels }: SenderPlatform,
  output: Output,
  first: number,
  payload: Uint8Array,
  flags: number,
  prepared: PreparedMessage | null,
  isEncoded: boolean
): boolean {
  const mask = (flags & SEND_MASK) !== 0
  const owned = (flags & SEND_OWNED) !== 0
  const length = payload.length
  const size = headerSize(length, mask)
  const key = mask ? maskingKeys() : 0
  const copied = length <= (owned ? COPY_LIMIT : mask ? MASKED_COPY_LIMIT : CALLERS_COPY_LIMIT)
  output.reserve(copied ? size + length : size)
  const { slab, at } = output
  serializeFrameHeader(slab, at, first, length, mask)
  if (mask) serializeMaskingKey(slab, at + size - 4, key)
  if (copied) {
    // §5.3; a zero key changes nothing
    if (key === 0) slab.set(payload, at + size)
    else kernels.mask(payload, 0, length, slab, at + size, key)
    output.commit(size + length)
    if (prepared !== null) prepared.keep(output, first, size + length, null)
    return false
  }
  output.commit(size)
  if (key === 0) {
    if (prepared !== null && isEncoded) prepared.keep(output, first, size, payload)
    output.append(payload)
    return !owned
  }
  // The caller's octets are never modified
  const target = owned ? payload : runtime.allocate(length)
  kernels.mask(payload, 0, length, target, 0, key)
  output.append(target)
  return false
}
