// What the core needs of the runtime. Types only.

import type { FrameTable } from './kernels.js'

/** What only a runtime has. */
export interface Runtime {
  /** A new array for `length` octets, content undefined: the caller fills all of it. */
  allocate(length: number): Uint8Array
  /** A copy of `octets[start, end)`. It should not keep much more than itself alive: small ones may share some KiB. */
  copy(octets: Uint8Array, start: number, end: number): Uint8Array
  /**
   * Moves the payloads of the frames from entry `first` on to memory that messages may be views of; none keeps much more than itself alive.
   * Without it they all go to one copy.
   */
  keepFrames?(table: FrameTable, first: number): void
  /** Length of `text` in UTF-8, in octets; lone surrogates count as U+FFFD. */
  utf8Length(text: string): number
  /** Writes `text` in UTF-8 at `offset`, which must leave room for it; returns the number of octets. */
  utf8Write(text: string, target: Uint8Array, offset: number): number
  sha1(octets: Uint8Array): Uint8Array
  /** Fills `target` from a cryptographically secure generator (RFC 6455 §10.3). */
  fillRandom(target: Uint8Array): void
}
