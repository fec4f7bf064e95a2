// Memory map of the codec module. The memory never grows, so all places are fixed; the exported numbers are read by src/codecs.
// Regions are apart by at least GUARD octets that nothing writes to: a test fills them and looks after every run.

export const GUARD: usize = 64

/** What wide loads and copies may touch behind the end of a region. */
const SLACK: usize = 64
/** A DEFLATE match, in octets, at most (RFC 1951 §3.2.5): decoding runs over its limit by less than this, and three literals. */
const MATCH: usize = 258

// Constant tables, written by `initialize`.

/** Decoding table entries without code lengths: literals and lengths, distances, code lengths. */
export const LITLEN_TEMPLATES: usize = 1024
export const DISTANCE_TEMPLATES: usize = LITLEN_TEMPLATES + 288 * 4
export const PRECODE_TEMPLATES: usize = DISTANCE_TEMPLATES + 32 * 4
/** Order of the code length code's lengths (RFC 1951 §3.2.7). */
export const PRECODE_ORDER: usize = PRECODE_TEMPLATES + 20 * 4
/** For each distance below 16: which octets of the source make 16 of the copy, and how many of these are whole repetitions. */
export const REPEAT: usize = PRECODE_ORDER + 32
export const REPEAT_STEP: usize = REPEAT + 16 * 16
/** Decoding tables of the fixed codes (RFC 1951 §3.2.6), of 9 and 5 bits. */
export const FIXED_LITLEN_TABLE: usize = REPEAT_STEP + 16
export const FIXED_DISTANCE_TABLE: usize = FIXED_LITLEN_TABLE + 512 * 4
/** Symbol of each match length less 3, and of each distance less 1: below 256 as it is, above by its upper bits. */
export const LENGTH_SYMBOLS: usize = FIXED_DISTANCE_TABLE + 32 * 4
export const DISTANCE_SYMBOLS: usize = LENGTH_SYMBOLS + 256
/** Shortest length of each length symbol, less 3. */
export const LENGTH_BASES: usize = DISTANCE_SYMBOLS + 512
/** The fixed codes as the encoder wants them, and the lengths of both as u16. */
export const FIXED_LITLEN_CODES: usize = LENGTH_BASES + 32
export const FIXED_DISTANCE_CODES: usize = FIXED_LITLEN_CODES + 288 * 4
export const FIXED_LENGTHS: usize = FIXED_DISTANCE_CODES + 32 * 4
/** Number of extra bits of each symbol as u16: 288 of literals and lengths, 32 of distances. */
export const EXTRA_BITS: usize = FIXED_LENGTHS + 320 * 2
/** Each octet with its bits in reverse. */
export const REVERSED: usize = EXTRA_BITS + 320 * 2

// Inflate. The state is what has to outlive a call that ended within a block; its owner takes a copy.

export const STATE: usize = REVERSED + 256 + GUARD
export const STATE_SIZE: usize = 1152
/** Octets of an unfinished block header that fit into the state; the longest header has 563. */
export const HELD_SIZE: usize = 640

export const LITLEN_TABLE: usize = STATE + STATE_SIZE + GUARD
export const DISTANCE_TABLE: usize = LITLEN_TABLE + 2048 * 4 + GUARD
export const PRECODE_TABLE: usize = DISTANCE_TABLE + 1024 * 4 + GUARD
/** Numbers of codes by length and places of their symbols, u32 each; symbols by code. */
export const BUILD_COUNTS: usize = PRECODE_TABLE + 128 * 4 + GUARD
export const BUILD_PLACES: usize = BUILD_COUNTS + 16 * 4
export const BUILD_SYMBOLS: usize = BUILD_PLACES + 16 * 4

// Deflate.

/** Frequencies as u16: 288 of literals and lengths, 32 of distances; then 32 of the code length code. */
export const FREQUENCIES: usize = BUILD_SYMBOLS + 320 * 2 + GUARD
export const PRECODE_FREQUENCIES: usize = FREQUENCIES + 320 * 2
/** Code lengths as octets: literals and lengths, distances, code length code, and the first two behind one another. */
export const LITLEN_LENGTHS: usize = PRECODE_FREQUENCIES + 32 * 2 + GUARD
export const DISTANCE_LENGTHS: usize = LITLEN_LENGTHS + 288
export const PRECODE_LENGTHS: usize = DISTANCE_LENGTHS + 32
export const ALL_LENGTHS: usize = PRECODE_LENGTHS + 32
/** Codes as u32: the code, its first bit lowest, and its length << 16. */
export const LITLEN_CODES: usize = ALL_LENGTHS + 336 + GUARD
export const DISTANCE_CODES: usize = LITLEN_CODES + 288 * 4
export const PRECODE_CODES: usize = DISTANCE_CODES + 32 * 4
/** Code lengths after run-length encoding as u16: symbol, and extra bits << 8. */
export const RUNS: usize = PRECODE_CODES + 32 * 4 + GUARD
/** Work space of the code builder. */
export const BUCKETS: usize = RUNS + 320 * 2 + GUARD
export const WEIGHTS: usize = BUCKETS + 64 * 2 + 64
export const SYMBOLS: usize = WEIGHTS + 320 * 4
export const UNSORTED: usize = SYMBOLS + 320 * 2
export const LENGTH_COUNTS: usize = UNSORTED + 320 * 2
/** Bits that `deflate` could not yet write: u32 of them, and how many. */
export const PENDING_BITS: usize = LENGTH_COUNTS + 32 * 4 + GUARD

/** Tokens of a block: a literal, or 1 << 31 | length - 3 << 16 | distance - 1. */
export const TOKENS_CAPACITY: u32 = 16384
/** Tokens that may come behind a full block's before it is written: the last octets, where no search begins. */
const MORE_TOKENS: u32 = 8
export const TOKENS: usize = PENDING_BITS + 16 + GUARD

// Input and output.

/** Most octets that one call takes. */
export const SLICE: usize = 65536
/** Compressed octets to inflate; room before them for those held back, and for the trailer behind. */
export const INPUT: usize = (TOKENS + <usize>(TOKENS_CAPACITY + MORE_TOKENS) * 4 + GUARD + HELD_SIZE + 63) & ~63
/** Compressed octets that `deflate` made; more than the input by what the headers of stored blocks take. */
export const OUTPUT: usize = INPUT + SLICE + SLACK + GUARD
export const OUTPUT_SIZE: usize = SLICE + 1024

/** The message that was deflated last, if it fits into a slice, to know it again. */
export const KEPT: usize = OUTPUT + OUTPUT_SIZE + SLACK + GUARD
export const KEPT_SIZE: usize = SLICE

/** Largest window (RFC 1951 §3.2.5). */
export const WINDOW: usize = 32768

/** Where large messages are inflated: history, then at most LARGE_INFLATED octets. */
export const LARGE_INFLATE: usize = KEPT + KEPT_SIZE + SLACK + GUARD
export const LARGE_INFLATED: usize = 262144
/** Where large messages are deflated: history, then at most SLICE octets; their match tables. */
export const LARGE_DEFLATE: usize = LARGE_INFLATE + WINDOW + LARGE_INFLATED + MATCH + SLACK + GUARD
export const LARGE_HEADS: usize = (LARGE_DEFLATE + WINDOW + SLICE + SLACK + GUARD + 63) & ~63
export const LARGE_PREVIOUS: usize = LARGE_HEADS + 32768 * 2 + GUARD

// Slots of recently active connections. Their number of KiB is odd: with a power of two all would compete for the same cache lines.

/** How far the window of a deflater may fill beyond its size before it is moved to the front of its place: its largest small message. */
export const ROOM: usize = 8192
/** The same for an inflater, whose window is mostly larger, so that it is worth moving less often. */
export const INFLATE_ROOM: usize = 20480

export const INFLATE_SLOTS: usize = (LARGE_PREVIOUS + 32768 * 2 + GUARD + 1023) & ~1023
export const INFLATE_SLOT_SIZE: usize = 53 * 1024
export const INFLATE_SLOT_COUNT: usize = 128

/**
 * Number of sets of the table of `deflateSets`, 64 octets each, at most 512. Not a power of two: tables in slots would then compete for
 * the same cache lines.
 */
export const SET_COUNT: u64 = 500

/** In each: sets, or heads of the hash chains and links of the chains; window. */
export const DEFLATE_SLOTS: usize = INFLATE_SLOTS + INFLATE_SLOT_SIZE * INFLATE_SLOT_COUNT + GUARD
export const SLOT_HEADS: usize = 0
export const SLOT_PREVIOUS: usize = 16384 * 2
export const SLOT_WINDOW: usize = SLOT_PREVIOUS + 32768 * 2
export const DEFLATE_SLOT_SIZE: usize = 137 * 1024
export const DEFLATE_SLOT_COUNT: usize = 128

/** Pages of 64 KiB that all this takes. */
export const MEMORY_PAGES: usize = (DEFLATE_SLOTS + DEFLATE_SLOT_SIZE * DEFLATE_SLOT_COUNT + GUARD + 65535) >> 16
