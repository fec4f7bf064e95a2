// Memory map of the kernels module. The memory never grows (growing would detach every view of it), so all places are fixed;
// the exported numbers are read by src/kernels/wasm.ts and wasm/build.mjs.

import { ENTRY_NUMBERS, TABLE_CAPACITY } from './scan-flags'

/** Octets behind a region that a 128-bit load at its end may touch; they are read at most, and never decide anything. */
const SLACK: usize = 64

/** Octets of an entry of the frame table. */
export const ENTRY_SIZE: usize = <usize>ENTRY_NUMBERS * 4

/** Where `scan` leaves what it has to say beside its return value: octets consumed, then the verdict. */
export const SCAN_RESULT: usize = 1024
export const TABLE: usize = 1088

/** Where `mask` and `validate` work on pieces of octets that lie elsewhere. Not the arena: that may hold frames being delivered. */
export const SCRATCH: usize = TABLE + <usize>TABLE_CAPACITY * ENTRY_SIZE
export const SCRATCH_SIZE: usize = 16384

/** Where `scan` works on chunks that lie elsewhere. */
export const ARENA: usize = SCRATCH + SCRATCH_SIZE + SLACK
export const ARENA_SIZE: usize = 65536

/** Where sockets may read into. */
export const RECEIVE: usize = (ARENA + ARENA_SIZE + SLACK + 4095) & ~4095
export const RECEIVE_SIZE: usize = 262144

/** Where `toUtf16` looks up which lanes to move; see utf16.ts. */
export const UNIT_LANES: usize = RECEIVE + RECEIVE_SIZE + SLACK

/** Where text may be put in UTF-16; what is behind it may be overwritten. */
export const TEXT: usize = UNIT_LANES + 256 * 16
export const TEXT_SIZE: usize = 524288

/** Pages of 64 KiB that all this takes. */
export const MEMORY_PAGES: usize = (TEXT + TEXT_SIZE + SLACK + 65535) >> 16
