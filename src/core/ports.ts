// What the core needs from outside: kernels, a DEFLATE codec, and what only a runtime has. Types only.

/** The kernel sets there are. */
export type KernelsName = 'wasm' | 'js' | 'native'

/**
 * Frames that one `scan` found, ready to be delivered. It belongs to the kernels and is valid until their next `scan`;
 * who walks it sets `inUse`, so that a scan from inside a handler takes another table.
 */
export interface FrameTable {
  /** Where the payloads lie: the scanned chunk, or the WASM memory it was copied to. */
  octets: Uint8Array
  /** Three numbers a frame: first octet of the header | `NON_ASCII` flag, start and end of the unmasked payload in `octets`. */
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
  more: MovedFrames[] | null
}

/** Frames from where the ones before end up to entry `until`: see `FrameTable`. */
export interface MovedFrames {
  octets: Uint8Array
  until: number
  shift: number
}

/** Flag in a table entry's first number: a text payload with an octet above 0x7f in it. */
export const NON_ASCII = 0x100

/** Flags of `scan`. */
export const SCAN_MASKED = 1 // frames carry a masking key (the server's side); without it they must not
export const SCAN_RSV1 = 2 // RSV1 is allowed on text and binary frames (permessage-deflate); such text is not validated
export const SCAN_FRAGMENTED = 4 // a fragmented message is under way: stop at any frame that is not ping or pong
export const SCAN_SKIP_UTF8 = 8 // text is not validated

/**
 * The hot paths. Each works on numbers and octets, keeps nothing between calls and has the same results in every set.
 *
 * A masking key is a u32 whose low octet masks the first octet at hand: `rotateKey` moves it on for a payload that comes in pieces.
 * A UTF-8 state is the octets of the sequence that is not yet complete, the latest in the low 8 bits; 0 between sequences.
 */
export interface Kernels {
  readonly name: KernelsName

  /** `target[targetStart ...] = source[start, end) XOR key`. In place when both are the same place; else they must not overlap. */
  mask(source: Uint8Array, start: number, end: number, target: Uint8Array, targetStart: number, key: number): void

  /**
   * Continues UTF-8 validation over `octets[start, end)`.
   * @returns -1 at the first octet that cannot continue or begin a sequence (an impossible last octet included), else the new state,
   * plus `1 << 24` where an octet above 0x7f was seen (RFC 3629 §4; RFC 6455 §8.1)
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

/** `key` for the octets that follow `length` masked ones (RFC 6455 §5.3: octet i is masked with octet i mod 4 of the key). */
export function rotateKey(key: number, length: number): number {
  const bits = (length & 3) << 3
  return bits === 0 ? key : (key >>> bits) | (key << (32 - bits))
}

/** Natives a runtime may lend the 'native' and 'auto' sets; each is optional. */
export interface NativeHelpers {
  isUtf8?: (octets: Uint8Array) => boolean
  mask?: (source: Uint8Array, mask: Uint8Array, output: Uint8Array, offset: number, length: number) => void
  unmask?: (octets: Uint8Array, mask: Uint8Array) => void
}

/** Called when a codec that could not finish at once has finished. */
export type CodecCallback = (error: Error | null, octets: Uint8Array) => void

/** Raw DEFLATE of one direction of one connection (RFC 7692 §7.2.1). */
export interface Deflater {
  /**
   * Compresses a message, or a fragment of one. With `fin` the result lacks the trailing `00 00 ff ff` and, without context takeover,
   * the history is forgotten. One call at a time: the next only after the result of this one.
   * @param octets not modified; where the codec needs them after the call and they are at most 4 KiB, it copies them. Larger ones may be
   * gone by then (detached, or resized): `done` is called with a `detachedError`, and what is compressed later does not refer to them
   * @returns the compressed octets, the caller's to keep; or null: `done` is called later, once
   */
  deflate(octets: Uint8Array, fin: boolean, done: CodecCallback): Uint8Array | null
  /** Frees what it holds; a pending `done` is then called with an error. */
  close(): void
}

/** Raw INFLATE of one direction of one connection (RFC 7692 §7.2.2). */
export interface Inflater {
  /**
   * Decompresses a message, or a fragment of one; with `fin` the trailing `00 00 ff ff` is supplied.
   * @param octets valid only during the call, or with `kept` until the result is there
   * @param maxLength most octets that may come out (Infinity: no limit); one more is an error, and nothing beyond is allocated
   * @returns the octets, the caller's to keep; an error (with the close code to answer with); or null: `done` is called later, once
   */
  inflate(octets: Uint8Array, fin: boolean, maxLength: number, done: CodecCallback, kept?: boolean): Uint8Array | Error | null
  close(): void
}

export interface DeflaterOptions {
  /** Base-two logarithm of the window, 8 to 15 (RFC 7692 §7.1.2). */
  windowBits: number
  /** Whether the history is forgotten after each message (RFC 7692 §7.1.1). */
  noContextTakeover: boolean
  /** What the user gave as `zlibDeflateOptions` or `zlibInflateOptions`; a codec honours what it can. */
  zlib: Readonly<Record<string, unknown>> | undefined
}
export type InflaterOptions = DeflaterOptions

export type CodecName = 'wasm' | 'zlib' | 'pako'

/** A raw DEFLATE implementation. It may finish at once or later; who calls it keeps the order. */
export interface DeflateCodec {
  readonly name: CodecName
  createDeflater(options: DeflaterOptions): Deflater
  createInflater(options: InflaterOptions): Inflater
}

/** What only a runtime has. */
export interface Runtime {
  /** A new array for `length` octets, content undefined: who asks for it fills it. */
  allocate(length: number): Uint8Array
  /** A copy of `octets[start, end)` that keeps no larger memory alive. */
  copy(octets: Uint8Array, start: number, end: number): Uint8Array
  /**
   * Moves the payloads of the frames from entry `first` on to memory that messages may be views of; none keeps much more than itself alive.
   * Without it they all go to one copy.
   */
  keepFrames?(table: FrameTable, first: number): void
  /** Length of `text` in UTF-8, in octets; lone surrogates count as U+FFFD. */
  utf8Length(text: string): number
  /** Writes `text` in UTF-8 at `offset`, where there is room for it; returns the number of octets. */
  utf8Write(text: string, target: Uint8Array, offset: number): number
  sha1(octets: Uint8Array): Uint8Array
  /** Fills `target` from a cryptographically secure generator (RFC 6455 §10.3). */
  fillRandom(target: Uint8Array): void
}
