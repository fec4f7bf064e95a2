// What the core needs of the hot paths, whichever set of kernels serves a connection. Types only.

import type { Fifo } from './fifo.js'

/** The kernel sets there are. */
export type KernelsName = 'wasm' | 'js' | 'native'

/**
 * Frames that one `scan` found, ready to be delivered. It belongs to the kernels and is valid until their next `scan`;
 * whoever walks it sets `inUse`, so that a scan from inside a handler takes another table.
 */
export interface FrameTable {
  /** Where the payloads lie: the scanned chunk, or the WASM memory it was copied to. */
  octets: Uint8Array
  /**
   * `ENTRY_NUMBERS` numbers a frame: first octet of the header and perhaps the flag `NON_ASCII`; start and end of the unmasked payload in
   * `octets`.
   */
  entries: Int32Array
  /** Number of frames in `entries`. */
  count: number
  /** Octets of the chunk that these frames took up, headers included. */
  consumed: number
  /** Whether the frame behind these is text that is not UTF-8; its payload is unmasked then. */
  invalidUtf8: boolean
  inUse: boolean
  /** Whether the payloads were moved to memory that messages may be views of. */
  kept: boolean
  /** The entry up to which they are in `octets`, `shift` behind the places that the entries name. */
  until: number
  shift: number
  /** Where those behind are, in order; null if there are none. */
  more: Fifo<MovedFrames> | null
}

/** Frames from where the ones before end up to entry `until`: see `FrameTable`. */
export interface MovedFrames {
  octets: Uint8Array
  until: number
  shift: number
}

/** Memory that kernels work in. It never grows, so that views of it stay valid. */
export interface KernelsMemory {
  /** All of it. */
  readonly octets: Uint8Array
  /** Where sockets may read into. */
  readonly receiveRegion: Region
  /** Where text may be put in UTF-16, for use at once: other calls with text use it as well. */
  readonly textRegion: Region
}

/** `octets[start, end)` of it. */
export interface Region {
  readonly start: number
  readonly end: number
}

/**
 * The hot paths. Each works on numbers and octets, and has the same results in every set. One set serves any number of connections: of
 * what it is given it keeps nothing for a later call, and the frame table is all that a later call may find in use.
 *
 * A masking key is a u32 whose low octet masks the first octet at hand: `rotateKey` moves it on for a payload that comes in pieces.
 * A UTF-8 state is the octets of the sequence that is not yet complete, the latest in the low 8 bits; 0 between sequences.
 */
export interface Kernels {
  readonly name: KernelsName
  /** The memory of kernels that have their own: octets that lie there need not be copied. */
  readonly memory?: KernelsMemory

  /** `target[targetStart ...] = source[start, end) XOR key`. In place when both are the same place; else they must not overlap. */
  mask(source: Uint8Array, start: number, end: number, target: Uint8Array, targetStart: number, key: number): void

  /**
   * Continues UTF-8 validation over `octets[start, end)`.
   * @returns -1 at the first octet that cannot continue or begin a sequence (an impossible last octet included), else the new state,
   * plus `SEEN_NON_ASCII` if an octet above 0x7f was seen (RFC 3629 §4; RFC 6455 §8.1)
   */
  validate(octets: Uint8Array, start: number, end: number, state: number): number

  /** `mask` and `validate` of the result in one pass. When it returns -1 the target's content is undefined. */
  maskValidate(
    source: Uint8Array,
    start: number,
    end: number,
    target: Uint8Array,
    targetStart: number,
    key: number,
    state: number
  ): number

  /**
   * Writes `octets[start, end)`, which must be valid UTF-8, as UTF-16LE to `target` from `targetStart` on: room for two octets for each
   * one, and 16 that may be overwritten too. They must not overlap.
   * @returns the number of octets written (RFC 2781 §2.1)
   */
  toUtf16(octets: Uint8Array, start: number, end: number, target: Uint8Array, targetStart: number): number

  /**
   * Finds the whole frames at the head of `chunk[start, end)`, unmasks their payloads (in the chunk, or in a copy) and validates text.
   * It takes only what is beyond doubt: FIN set; text, binary, ping or pong; RSV bits as the flags allow; the mask bit as the role
   * demands; control payloads of at most 125 octets; payloads of at most `maxPayload` octets (0: no limit). It stops before any other
   * frame, at an incomplete one, or when its table is full; the receiver then judges that one frame itself.
   */
  scan(chunk: Uint8Array, start: number, end: number, flags: number, maxPayload: number): FrameTable
}

/** Natives a runtime may lend the 'native' and 'auto' sets; each is optional. */
export interface NativeHelpers {
  isUtf8?: (octets: Uint8Array) => boolean
  mask?: (source: Uint8Array, mask: Uint8Array, output: Uint8Array, offset: number, length: number) => void
  unmask?: (octets: Uint8Array, mask: Uint8Array) => void
}
