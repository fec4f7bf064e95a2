// Numbers and names that RFC 6455 fixes, and the limits this library sets itself.

/** Frame opcodes (RFC 6455 §5.2, §11.8). */
export const OPCODE_CONTINUATION = 0x0
export const OPCODE_TEXT = 0x1
export const OPCODE_BINARY = 0x2
export const OPCODE_CLOSE = 0x8
export const OPCODE_PING = 0x9
export const OPCODE_PONG = 0xa

/** Bits of the first octet of a frame header (RFC 6455 §5.2). */
export const FIN = 0x80
export const RSV1 = 0x40
export const RSV2_RSV3 = 0x30
export const OPCODE_BITS = 0x0f

/** Bits of the second octet of a frame header (RFC 6455 §5.2). */
export const MASK = 0x80
export const PAYLOAD_LENGTH_BITS = 0x7f

/** Close codes (RFC 6455 §7.4.1). */
export const CLOSE_NORMAL = 1000
export const CLOSE_GOING_AWAY = 1001
export const CLOSE_PROTOCOL_ERROR = 1002
export const CLOSE_NO_STATUS = 1005
export const CLOSE_ABNORMAL = 1006
export const CLOSE_INVALID_PAYLOAD = 1007
export const CLOSE_POLICY_VIOLATION = 1008
export const CLOSE_MESSAGE_TOO_BIG = 1009

/** Largest payload of a control frame, in octets (RFC 6455 §5.5). */
export const MAX_CONTROL_PAYLOAD = 125
/** Largest close reason, in octets: a control payload without the two of the close code (RFC 6455 §5.5.1). */
export const MAX_CLOSE_REASON = 123
/** Largest frame header, in octets: 2, an extended length of 8, a masking key of 4 (RFC 6455 §5.2). */
export const MAX_HEADER = 14

/** What both sides append to `Sec-WebSocket-Key` before hashing it (RFC 6455 §1.3). */
export const HANDSHAKE_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
/** Versions of the protocol that the opening handshake accepts (RFC 6455 §4.4; 8 is HyBi drafts 07 to 12). */
export const PROTOCOL_VERSIONS: readonly number[] = [8, 13]

/** Connection states, with the numbers of the WHATWG `readyState` attribute. */
export const CONNECTING = 0
export const OPEN = 1
export const CLOSING = 2
export const CLOSED = 3
export const READY_STATES: readonly string[] = ['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED']

/** Defaults of the options of both roles. */
export const DEFAULT_MAX_PAYLOAD = 100 * 1024 * 1024
export const DEFAULT_MAX_FRAGMENTS = 16 * 1024
export const DEFAULT_MAX_BUFFERED_CHUNKS = 256 * 1024
export const DEFAULT_MAX_PENDING_AUTO_PONGS = 60
export const DEFAULT_CLOSE_TIMEOUT_MS = 30_000
