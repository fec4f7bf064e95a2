// permessage-deflate as senders and receivers see it, one message at a time (see permessage-deflate.ts).

/** Called when compression or decompression that could not finish at once has finished. */
type Done = (error: Error | null, octets: Uint8Array) => void

/** Decompression of one direction. */
export interface MessageInflater {
  /**
   * Decompresses a message, or a fragment of one.
   * @param maxLength most octets that may come out
   * @param kept whether `octets` stay as they are until `done` is called
   * @returns the octets, an error, or null: `done` is called later
   */
  inflate(octets: Uint8Array, fin: boolean, maxLength: number, done: Done, kept?: boolean): Uint8Array | Error | null
}

/** Compression of one direction. */
export interface MessageDeflater {
  /** Whether each message is compressed without reference to others (RFC 7692 §7.1.1). */
  readonly noContextTakeover?: boolean
  /** Whether to compress a message whose first fragment has `length` octets. */
  worthDeflating(length: number): boolean
  deflate(octets: Uint8Array, fin: boolean, done: Done): Uint8Array | null
}

/** Both directions, as negotiated. */
export type MessageTransform = MessageInflater & MessageDeflater
