// The numbers that `Kernels.scan` takes and gives.

/** Flag in a table entry's first number: a text payload with an octet above 0x7f in it. */
export const NON_ASCII = 0x100

/** Flags of `scan`. */
export const SCAN_MASKED = 1 // frames carry a masking key (the server's side); without it they must not
export const SCAN_RSV1 = 2 // RSV1 is allowed on text and binary frames (permessage-deflate); such text is not validated
export const SCAN_FRAGMENTED = 4 // a fragmented message is under way: stop at any frame that is not ping or pong
export const SCAN_SKIP_UTF8 = 8 // text is not validated
