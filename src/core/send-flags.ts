// How a message or control frame is sent, as bits of one number.

/** A binary message; else text. */
export const SEND_BINARY = 1
/** A fragment that is not the last one of its message (§5.4). */
export const SEND_MORE = 2
/** Compressed, if compression was negotiated and the message is long enough. */
export const SEND_COMPRESS = 4
/** With a masking key (§5.3): all that a client sends. */
export const SEND_MASK = 8
/** The octets are ours to modify, and stay as they are until they are written. */
export const SEND_OWNED = 16
