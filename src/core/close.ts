// The close frame's payload: a close code and a reason (RFC 6455 §5.5.1, §7.4).

import { CLOSE_NO_STATUS, MAX_CLOSE_REASON } from './constants.js'
import { type ProtocolError, protocolError } from './errors.js'
import type { Kernels } from './kernels.js'
import type { Runtime } from './runtime.js'
import { NOTHING } from './octets.js'

/** What a close frame said; code 1005 stands for an empty payload (§7.1.5). */
export interface CloseStatus {
  code: number
  /** UTF-8 text, the connection's own copy. */
  reason: Uint8Array
}

/** Whether `code` may stand in a close frame (§7.4): 1004 to 1006 and 1015 are reserved, 3000 to 4999 free for use. */
export function isValidCloseCode(code: number): boolean {
  if (!Number.isInteger(code)) return false
  return (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006) || (code >= 3000 && code <= 4999)
}

/** Reads the unmasked payload of a close frame; the header's rules have seen to it that it is not one octet long. */
export function parseClosePayload(
  payload: Uint8Array,
  kernels: Kernels,
  runtime: Runtime,
  skipUtf8Validation: boolean
): CloseStatus | ProtocolError {
  if (payload.length === 0) return { code: CLOSE_NO_STATUS, reason: NOTHING }
  const code = (payload[0] << 8) | payload[1]
  if (!isValidCloseCode(code)) return protocolError('INVALID_CLOSE_CODE', code)
  if (payload.length === 2) return { code, reason: NOTHING }
  if (!skipUtf8Validation) {
    const state = kernels.validate(payload, 2, payload.length, 0)
    // §8.1: a reason that is not UTF-8, or ends inside a sequence, fails the connection
    if (state < 0 || (state & 0xffffff) !== 0) return protocolError('INVALID_UTF8')
  }
  return { code, reason: runtime.copy(payload, 2, payload.length) }
}

/**
 * The payload of a close frame.
 * @param code undefined for an empty payload; else 1000 to 1003, 1007 to 1014 or 3000 to 4999 (§7.4), or a TypeError
 * @param reason UTF-8 text of at most 123 octets (§5.5.1), or a RangeError
 */
export function serializeClosePayload(code: number | undefined, reason: Uint8Array = NOTHING): Uint8Array {
  if (code === undefined) return NOTHING
  if (typeof code !== 'number' || !isValidCloseCode(code)) {
    throw new TypeError('First argument must be a valid error code number')
  }
  if (reason.length > MAX_CLOSE_REASON) throw new RangeError('The message must not be greater than 123 bytes')
  const payload = new Uint8Array(2 + reason.length)
  payload[0] = code >>> 8
  payload[1] = code
  payload.set(reason, 2)
  return payload
}
