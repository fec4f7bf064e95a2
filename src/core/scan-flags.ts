// The numbers that kernels take and give. wasm/build.mjs writes them for the WebAssembly module as well, from what it reads here: each
// stands on a line `export const NAME = number`.

/** Flags of `Kernels.scan`. */
export const SCAN_MASKED = 1 // frames carry a masking key (the server's side); without it they must not
export const SCAN_RSV1 = 2 // RSV1 is allowed on text and binary frames (permessage-deflate); such text is not validated
export const SCAN_FRAGMENTED = 4 // a fragmented message is under way: stop at any frame that is not ping or pong
export const SCAN_SKIP_UTF8 = 8 // text is not validated

/** How many numbers an entry of a `FrameTable` has. */
export const ENTRY_NUMBERS = 3
/** Frames that a table holds; a full one ends a scan. */
export const TABLE_CAPACITY = 4096
/** Flag in an entry's first number: a text payload with an octet above 0x7f in it. */
export const NON_ASCII = 0x100

/** Flag beside the state that `Kernels.validate` and `maskValidate` return: an octet above 0x7f was seen. */
export const SEEN_NON_ASCII = 0x1000000

// What follows is between the kernels in WebAssembly and their module only.

/** Flag of the module's `scan`: it ends at long text that is not ASCII, the last entry then, which is unmasked and not validated. */
export const SCAN_DEFER_UTF8 = 16
/** Verdicts of the module's `scan`, beside 0: the frame behind the entries is text that is not UTF-8; the last entry was deferred. */
export const SCAN_INVALID_UTF8 = 1
export const SCAN_DEFERRED = 2
