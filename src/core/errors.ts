// What a peer can do wrong: one table of error code, message and the close code that answers it.

import { CLOSE_INVALID_PAYLOAD, CLOSE_MESSAGE_TOO_BIG, CLOSE_POLICY_VIOLATION, CLOSE_PROTOCOL_ERROR } from './constants.js'

const FRAME = 'Invalid WebSocket frame: '

/** Violations by name; `{}` in a message takes the offending value. Messages and codes are those of `ws`. */
const VIOLATIONS = {
  EXPECTED_FIN: [CLOSE_PROTOCOL_ERROR, FRAME + 'FIN must be set'],
  EXPECTED_MASK: [CLOSE_PROTOCOL_ERROR, FRAME + 'MASK must be set'],
  UNEXPECTED_MASK: [CLOSE_PROTOCOL_ERROR, FRAME + 'MASK must be clear'],
  INVALID_CLOSE_CODE: [CLOSE_PROTOCOL_ERROR, FRAME + 'invalid status code {}'],
  INVALID_CONTROL_PAYLOAD_LENGTH: [CLOSE_PROTOCOL_ERROR, FRAME + 'invalid payload length {}'],
  INVALID_OPCODE: [CLOSE_PROTOCOL_ERROR, FRAME + 'invalid opcode {}'],
  INVALID_UTF8: [CLOSE_INVALID_PAYLOAD, FRAME + 'invalid UTF-8 sequence'],
  UNEXPECTED_RSV_1: [CLOSE_PROTOCOL_ERROR, FRAME + 'RSV1 must be clear'],
  UNEXPECTED_RSV_2_3: [CLOSE_PROTOCOL_ERROR, FRAME + 'RSV2 and RSV3 must be clear'],
  TOO_MANY_BUFFERED_PARTS: [CLOSE_POLICY_VIOLATION, 'Too many {}'],
  UNSUPPORTED_DATA_PAYLOAD_LENGTH: [CLOSE_MESSAGE_TOO_BIG, 'Unsupported WebSocket frame: payload length > 2^53 - 1'],
  UNSUPPORTED_MESSAGE_LENGTH: [CLOSE_MESSAGE_TOO_BIG, 'Max payload size exceeded']
} as const

export type Violation = keyof typeof VIOLATIONS

/** What a `ProtocolError` is, beside an `Error` or `RangeError`: an error code and the close code it is answered with. */
export interface ProtocolError extends Error {
  /** `WS_ERR_*`, or the code of the inflater that refused the data. */
  code: string
}

/** The close code stays out of sight of users, as in ws: it is ours to send, not theirs to read. */
const closeCodes = new WeakMap<Error, number>()

/** The error for a violation; `value` fills the message's blank. Invalid UTF-8 is an `Error`, all others are `RangeError`s. */
export function protocolError(violation: Violation, value: string | number = ''): ProtocolError {
  const [closeCode, message] = VIOLATIONS[violation]
  const text = message.replace('{}', String(value))
  const error = (violation === 'INVALID_UTF8' ? new Error(text) : new RangeError(text)) as ProtocolError
  error.code = `WS_ERR_${violation}`
  closeCodes.set(error, closeCode)
  return error
}

const PAYLOAD_DETACHED = 'WS_ERR_PAYLOAD_DETACHED'

/** The error for a message whose memory was transferred away, or resized, before it was sent. It is alone in that: others are sent. */
export function detachedError(): Error {
  const error = new Error('The memory of the message was transferred or resized before it was sent')
  return Object.assign(error, { code: PAYLOAD_DETACHED })
}

export function isDetachedError(error: Error): boolean {
  return (error as { code?: unknown }).code === PAYLOAD_DETACHED
}

/** The error for what a codec had under way, or waiting, when it was closed. */
export function codecClosedError(): Error {
  return new Error('The deflate stream was closed while data was being processed')
}

/** Marks `error` (of an inflater, say) as one to be answered with `closeCode`. */
export function withCloseCode<E extends Error>(error: E, closeCode: number): E {
  closeCodes.set(error, closeCode)
  return error
}

/** The close code that answers `error`; 1002 if none was set. */
export function closeCodeOf(error: Error): number {
  return closeCodes.get(error) ?? CLOSE_PROTOCOL_ERROR
}
