// Where frames go.

/** Told when what was sent has been written (null or undefined), or why it was not. */
export type WriteCallback = (error?: Error | null) => void

/** Where frames go: octets of one turn may be gathered and leave together. */
export interface Output {
  /** Memory for the octets that come next, and where in it they begin; `reserve` may change both. */
  slab: Uint8Array
  at: number
  /** Makes room for `length` octets at `slab[at]`. */
  reserve(length: number): void
  /** Takes the first `length` of the octets that were reserved. */
  commit(length: number): void
  /** Takes octets by reference; they must not change until they are written. */
  append(octets: Uint8Array): void
  /**
   * A frame is complete: it leaves now, or soon with those that follow.
   * @param isBorrowed whether what was appended last is the caller's again when this returns, as far as the byte stream lets go of it
   * @param callback called when all that was taken so far is written
   */
  leave(isBorrowed: boolean, callback: WriteCallback | undefined): void
  /** Whether nothing can be written any more. */
  readonly isClosed: boolean
  /** Calls `callback` outside of the promise that brought us here, so that what it throws is an ordinary exception. */
  later(callback: () => void): void
  /** The frames of messages that many are sent; an output without one frames each message anew. */
  readonly repeats?: Repeats
}

/** Frames of messages that are sent to many connections in a row: `for (const client of clients) client.send(message)`. */
export interface Repeats {
  /**
   * Notes that `payload` is about to be sent, unmasked.
   * @returns its prepared message, if it was the last that was noted; null the first time: few messages are sent twice
   */
  find(payload: string | Uint8Array): PreparedMessage | null
}

/** A message with its frames, one for each first octet (FIN, RSV bits and opcode) that it was sent with. */
export interface PreparedMessage {
  /** Gives `output` the frame once more; false if there is none, its memory is gone, or the payload is not what it was. */
  repeat(output: Output, first: number): boolean
  /** Keeps the last `length` octets that `output` took as the frame, and `appended`, if that is about to follow. */
  keep(output: Output, first: number, length: number, appended: Uint8Array | null): void
}
