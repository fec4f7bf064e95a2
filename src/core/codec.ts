// What permessage-deflate needs of a DEFLATE implementation. Types only.

/** Called when a codec that could not finish at once has finished. */
export type CodecCallback = (error: Error | null, octets: Uint8Array) => void

/** Raw DEFLATE of one direction of one connection (RFC 7692 §7.2.1). */
export interface Deflater {
  /**
   * Compresses a message, or a fragment of one. With `fin` the result lacks the trailing `00 00 ff ff` and, without context takeover,
   * the history is forgotten. One call at a time: the next only after the result of this one.
   * @param octets not modified; if the codec needs them after the call and they are at most 4 KiB, it copies them. Larger ones may be
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

/** A raw DEFLATE implementation. It may finish at once or later; the caller keeps the order. */
export interface DeflateCodec {
  readonly name: CodecName
  createDeflater(options: DeflaterOptions): Deflater
  createInflater(options: InflaterOptions): Inflater
}
