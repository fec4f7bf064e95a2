// Messages out as frames (RFC 6455 §5, §6.1), in the order they were given even where one has to wait for compression or a Blob.

import { FIN, OPCODE_BITS, OPCODE_BINARY, OPCODE_CONTINUATION, OPCODE_TEXT, RSV1 } from './constants.js'
import { detachedError, isDetachedError } from './errors.js'
import { headerSize, serializeFrameHeader, serializeMaskingKey } from './frame-header.js'
import type { MaskingKeySource } from './masking-key.js'
import type { Kernels } from './kernels.js'
import type { Runtime } from './runtime.js'
import { sharing } from './shared-settings.js'

/** Told when what was sent has been written (null or undefined), or why it was not. */
export type WriteCallback = (error?: Error | null) => void

/** Where frames go: octets of one turn are gathered and leave together. */
export interface Output {
  /** Memory for the octets that come next, and where in it they begin; both change with every `reserve`. */
  slab: Uint8Array
  at: number
  /** Makes room for `length` octets at `slab[at]`. */
  reserve(length: number): void
  /** Takes the first `length` of the octets that were reserved. */
  commit(length: number): void
  /** Takes octets by reference; they must not change until they are written. */
  append(octets: Uint8Array): void
  /** Whether this payload was the last that any output was asked about, a moment ago: one message to many connections. */
  isRepeated(payload: string | Uint8Array): boolean
  /**
   * Takes once more the unmasked frame that was remembered for this payload; false where there is none, its octets are gone or the payload
   * is not what it was.
   * @param first FIN bit, RSV bits and opcode
   */
  repeat(payload: string | Uint8Array, first: number): boolean
  /**
   * Remembers, for a moment, the frame of this payload: the last `length` octets that were taken, and `appended` where that is about to
   * follow.
   */
  remember(payload: string | Uint8Array, first: number, length: number, appended: Uint8Array | null): void
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
}

/** Compression of one direction (see permessage-deflate.ts). */
export interface MessageDeflater {
  /** Whether each message is compressed without reference to others (RFC 7692 §7.1.1). */
  readonly noContextTakeover?: boolean
  /** Whether to compress a message whose first fragment has `length` octets. */
  worthDeflating(length: number): boolean
  deflate(octets: Uint8Array, fin: boolean, done: (error: Error | null, octets: Uint8Array) => void): Uint8Array | null
}

/** Octets that are there later, such as a Blob. */
export interface DeferredOctets {
  readonly size: number
  arrayBuffer(): Promise<ArrayBuffer | Uint8Array>
}

/** Who is told that sending cannot go on: the connection. */
export interface SenderErrorHandler {
  failSending(error: Error): void
}

export type Payload = string | Uint8Array | DeferredOctets

/** Payloads that are ours are copied next to their header up to this length; above, two pieces are cheaper than a copy. */
export const COPY_LIMIT = 4096
/**
 * The same for payloads that are the caller's, who may change them when `send` has returned: above, they are written at once, which
 * costs a write each. 64 KiB take 12.5 us so, and 18.8 where this limit is 128 KiB (`npm run bench -- send-64k`, Node 20).
 */
const CALLERS_COPY_LIMIT = 32 * 1024
/** The same for those that are masked, for which there has to be a copy anyway: above, it has memory of its own. */
const MASKED_COPY_LIMIT = 128 * 1024

/** Entries that are done and still in the queue. */
const QUEUE_SLACK = 4096

/** One frame that waits: what it carries and how. */
interface Pending {
  payload: Payload
  length: number
  /** FIN bit, RSV1 bit and opcode. */
  first: number
  compress: boolean
  mask: boolean
  /** Whether the payload is ours to modify. */
  owned: boolean
  callback: WriteCallback | undefined
}

/** What is the same for many senders: they share one object. */
interface SenderContext {
  kernels: Kernels
  runtime: Runtime
  maskingKeys: MaskingKeySource
}

const shareContext = sharing<SenderContext>()
/** What `shareContext` is asked for. */
const wanted = { kernels: null, runtime: null, maskingKeys: null } as unknown as SenderContext

/** What is under way beyond one frame; most connections have none of it most of the time. */
class Progress {
  /** Whether a message was begun with a frame without FIN; then whether it is compressed. */
  fragmented = false
  compressed = false
  /** Whether compression or a Blob is waited for, and what was given meanwhile. */
  waiting = false
  queue: Pending[] = []
  /** Entries of the queue before this one are done. */
  next = 0
  bufferedLength = 0
}

const lengthOfMemory = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, 'byteLength')!.get!

/** What a Blob gave; of a number, say, `Uint8Array` would make so many zeros. */
function octetsOf(result: ArrayBuffer | Uint8Array): Uint8Array {
  if (ArrayBuffer.isView(result)) return result
  lengthOfMemory.call(result)
  return new Uint8Array(result)
}

export class Sender {
  /** Set by negotiation. */
  deflater: MessageDeflater | null = null
  /** Told when a Blob cannot be read. */
  errorHandler: SenderErrorHandler | null = null

  private readonly context: SenderContext
  private readonly output: Output
  private progress: Progress | null = null

  constructor(kernels: Kernels, runtime: Runtime, output: Output, maskingKeys: MaskingKeySource) {
    wanted.kernels = kernels
    wanted.runtime = runtime
    wanted.maskingKeys = maskingKeys
    this.context = shareContext(wanted)
    this.output = output
  }

  /** Octets of payload that wait for compression or a Blob, or were given after the connection was closing. */
  get bufferedLength(): number {
    return this.progress === null ? 0 : this.progress.bufferedLength
  }

  set bufferedLength(length: number) {
    ;(this.progress ??= new Progress()).bufferedLength = length
  }

  /** Whether frames given now leave at once: nothing is waited for, and nothing is queued. */
  get isReady(): boolean {
    const { progress } = this
    return progress === null || (!progress.waiting && progress.next === progress.queue.length)
  }

  /**
   * Sends a message, or with `fin` false a fragment of one; the first fragment's `isBinary` and `compress` hold for the rest (§5.4).
   * @param owned whether `payload` is ours to modify
   */
  sendMessage(
    payload: Payload,
    isBinary: boolean,
    fin: boolean,
    compress: boolean,
    mask: boolean,
    owned: boolean,
    callback: WriteCallback | undefined
  ): void {
    let first = isBinary ? OPCODE_BINARY : OPCODE_TEXT
    // Without compression the length is found while writing
    let length = -1
    const { progress } = this
    if (progress !== null && progress.fragmented) {
      first = OPCODE_CONTINUATION
      compress = progress.compressed
      progress.fragmented = !fin
    } else {
      if (compress) {
        length = this.lengthOf(payload)
        compress = this.deflater !== null && this.deflater.worthDeflating(length)
      }
      if (compress) first |= RSV1
      if (!fin) this.beginFragments(compress)
    }
    if (fin) first |= FIN
    if (!compress && this.isReady && (typeof payload === 'string' || ArrayBuffer.isView(payload))) {
      if (fin && first !== (FIN | OPCODE_CONTINUATION)) this.writeFrame(first, payload, mask, owned, callback)
      else this.writeFragment(first, payload, mask, owned, callback)
      return
    }
    if (length < 0) length = this.lengthOf(payload)
    this.dispatch({ payload, length, first, compress, mask, owned, callback })
  }

  /** Sends a ping, pong or close frame; the caller has checked that the payload has at most 125 octets (§5.5). */
  sendControl(opcode: number, payload: Payload, mask: boolean, owned: boolean, callback: WriteCallback | undefined): void {
    const first = FIN | opcode
    if (this.isReady && (typeof payload === 'string' || ArrayBuffer.isView(payload))) {
      this.writeFrame(first, payload, mask, owned, callback)
      return
    }
    this.dispatch({ payload, length: this.lengthOf(payload), first, compress: false, mask, owned, callback })
  }

  lengthOf(payload: Payload): number {
    if (typeof payload === 'string') return this.context.runtime.utf8Length(payload)
    return ArrayBuffer.isView(payload) ? payload.length : payload.size
  }

  /** A fragment that could not be written, because a generator of masking keys threw, was none. */
  private writeFragment(
    first: number,
    payload: string | Uint8Array,
    mask: boolean,
    owned: boolean,
    callback: WriteCallback | undefined
  ): void {
    try {
      this.writeFrame(first, payload, mask, owned, callback)
    } catch (error) {
      this.progress!.fragmented = (first & OPCODE_BITS) === OPCODE_CONTINUATION
      throw error
    }
  }

  private beginFragments(compressed: boolean): void {
    const progress = (this.progress ??= new Progress())
    progress.fragmented = true
    progress.compressed = compressed
  }

  private dispatch(pending: Pending): void {
    if (!this.isReady) {
      const { payload } = pending
      // The caller may reuse small payloads when `send` has returned; and large ones may be gone when their turn comes, which no message
      // survives of which a part has left
      const isCopied = pending.length <= CALLERS_COPY_LIMIT || !isWhole(pending.first)
      if (!pending.owned && ArrayBuffer.isView(payload) && isCopied) {
        pending.payload = this.context.runtime.copy(payload, 0, payload.length)
        pending.owned = true
      }
      this.progress!.queue.push(pending)
      this.progress!.bufferedLength += pending.length
    } else {
      this.begin(pending)
    }
  }

  private begin(pending: Pending): void {
    const { payload } = pending
    if (typeof payload !== 'string' && !ArrayBuffer.isView(payload)) this.readBlob(payload, pending)
    else if (!pending.owned && typeof payload !== 'string' && this.lengthOf(payload) !== pending.length) {
      this.skip(pending, detachedError())
    } else if (pending.compress) this.compress(payload, pending)
    else this.writeFrame(pending.first, payload, pending.mask, pending.owned, pending.callback)
  }

  private readBlob(blob: DeferredOctets, pending: Pending): void {
    // First, since it may throw
    const octets = blob.arrayBuffer()
    this.wait(pending)
    octets
      .then((result) => {
        if (this.output.isClosed) throw new Error('The socket was closed while the blob was being read')
        pending.payload = octetsOf(result)
        // A view may be of somebody's memory
        pending.owned = pending.payload !== result
        this.resume(pending, () => {
          // Whatever its size said
          pending.length = this.lengthOf(pending.payload)
          this.begin(pending)
        })
      })
      .catch((error) => {
        // Outside of the promise, so that what a callback throws is an ordinary exception
        this.output.later(() => this.fail(error as Error, pending, !this.output.isClosed))
      })
  }

  private compress(payload: string | Uint8Array, pending: Pending): void {
    let octets = typeof payload === 'string' ? this.encode(payload, pending.length) : payload
    // As in `dispatch`: the deflater copies smaller ones
    if (!pending.owned && octets === payload && octets.length > COPY_LIMIT && !isWhole(pending.first)) {
      octets = this.context.runtime.copy(octets, 0, octets.length)
    }
    const owned = pending.owned || octets !== payload
    const fin = (pending.first & FIN) !== 0
    const result = this.deflater!.deflate(octets, fin, (error, compressed) => {
      if (this.output.isClosed) this.fail(new Error('The socket was closed while data was being compressed'), pending, false)
      else if (error && isDetachedError(error)) this.resume(pending, () => this.skip(pending, error))
      else if (error) this.fail(error, pending, true)
      // Small octets of the caller's may be others by now
      else
        this.resume(pending, () =>
          this.writeSmaller(pending, compressed, owned || octets.length > COPY_LIMIT ? octets : null, owned)
        )
    })
    if (result !== null) this.writeSmaller(pending, result, octets, owned)
    else this.wait(pending)
  }

  /** Writes what was compressed, or as it is what that did not make smaller, if it is still there and no later message refers to it. */
  private writeSmaller(pending: Pending, compressed: Uint8Array, octets: Uint8Array | null, owned: boolean): void {
    const { first, mask, callback } = pending
    // What is gone by now was there while it was compressed
    const isThere = octets !== null && octets.length === pending.length
    if (isThere && compressed.length >= octets.length && isWhole(first) && this.deflater!.noContextTakeover === true) {
      this.writeFrame(first & ~RSV1, octets, mask, owned, callback)
    } else {
      this.writeFrame(first, compressed, mask, true, callback)
    }
  }

  /** Sends nothing, and says so when what came before was written. */
  private skip({ callback }: Pending, error: Error): void {
    if (callback !== undefined) this.output.leave(false, (closed) => callback(closed ?? error))
  }

  private wait(pending: Pending): void {
    const progress = (this.progress ??= new Progress())
    progress.waiting = true
    progress.bufferedLength += pending.length
  }

  /** Sends what was waited for, then what came meanwhile, even where a generator of masking keys throws. */
  private resume(pending: Pending, send: () => void): void {
    const progress = this.progress!
    progress.waiting = false
    progress.bufferedLength -= pending.length
    try {
      send()
    } finally {
      this.dequeue()
    }
  }

  /** Sends what is queued, until one has to wait; what a generator of masking keys throws comes out when the others are sent. */
  private dequeue(): void {
    const progress = this.progress!
    let thrown: { error: unknown } | null = null
    while (!progress.waiting && progress.next < progress.queue.length) {
      const pending = progress.queue[progress.next++]
      progress.bufferedLength -= pending.length
      try {
        this.begin(pending)
      } catch (error) {
        thrown ??= { error }
      }
    }
    // Not one by one from the front, which would take time that grows with the square of the length
    if (progress.next === progress.queue.length || progress.next >= QUEUE_SLACK) {
      progress.queue.splice(0, progress.next)
      progress.next = 0
    }
    if (thrown !== null) throw thrown.error
  }

  /** Calls back everything that waits; one that throws does not silence the others. */
  private fail(error: Error, pending: Pending, report: boolean): void {
    const { queue, next } = this.progress!
    const failed = [pending, ...queue.splice(0).slice(next)]
    this.progress!.next = 0
    let i = 0
    const callNext = (): void => {
      try {
        while (i < failed.length) failed[i++].callback?.(error)
      } finally {
        if (i < failed.length) this.output.later(callNext)
        else if (report) this.errorHandler?.failSending(error)
      }
    }
    callNext()
  }

  private encode(text: string, length: number): Uint8Array {
    const octets = this.context.runtime.allocate(length)
    this.context.runtime.utf8Write(text, octets, 0)
    return octets
  }

  /** Appends one frame to the output: small ones as a whole, large payloads by reference behind their header. */
  private writeFrame(
    first: number,
    payload: string | Uint8Array,
    mask: boolean,
    owned: boolean,
    callback: WriteCallback | undefined
  ): void {
    const { output } = this
    let isBorrowed = false
    // A masked frame has a key of its own
    const isRepeated = !mask && output.isRepeated(payload)
    if (!isRepeated || !output.repeat(payload, first)) {
      const source = isRepeated ? payload : null
      if (typeof payload !== 'string') isBorrowed = this.writeOctets(first, payload, mask, owned, source)
      // UTF-8 takes at most three octets for a UTF-16 unit
      else if (payload.length * 3 <= COPY_LIMIT) this.writeText(first, payload, mask, isRepeated)
      else this.writeOctets(first, this.encode(payload, this.context.runtime.utf8Length(payload)), mask, true, source)
    }
    output.leave(isBorrowed, callback)
  }

  private writeText(first: number, text: string, mask: boolean, isRepeated: boolean): void {
    const { output } = this
    // Before the room is reserved: a user's generator may send, too
    const key = mask ? this.context.maskingKeys() : 0
    output.reserve(text.length * 3 + headerSize(text.length * 3, mask))
    const { slab, at } = output
    // Most text is ASCII: write behind a header of the size that it would have, and move the rest
    const guess = at + headerSize(text.length, mask)
    const length = this.context.runtime.utf8Write(text, slab, guess)
    const start = at + headerSize(length, mask)
    if (start !== guess) slab.copyWithin(start, guess, guess + length)
    serializeFrameHeader(slab, at, first, length, mask)
    if (mask) serializeMaskingKey(slab, start - 4, key)
    if (key !== 0 && length > 0) this.context.kernels.mask(slab, start, start + length, slab, start, key)
    output.commit(start + length - at)
    if (isRepeated) output.remember(text, first, start + length - at, null)
  }

  /**
   * @param source what the frame is remembered by: what the user gave; null where it is not
   * @returns whether the output refers to octets that the caller may change
   */
  private writeOctets(
    first: number,
    payload: Uint8Array,
    mask: boolean,
    owned: boolean,
    source: string | Uint8Array | null
  ): boolean {
    const { output } = this
    const length = payload.length
    const size = headerSize(length, mask)
    const key = mask ? this.context.maskingKeys() : 0
    const copied = length <= (owned ? COPY_LIMIT : mask ? MASKED_COPY_LIMIT : CALLERS_COPY_LIMIT)
    output.reserve(copied ? size + length : size)
    const { slab, at } = output
    serializeFrameHeader(slab, at, first, length, mask)
    if (mask) serializeMaskingKey(slab, at + size - 4, key)
    if (copied) {
      // §5.3; a zero key changes nothing
      if (key === 0) slab.set(payload, at + size)
      else this.context.kernels.mask(payload, 0, length, slab, at + size, key)
      output.commit(size + length)
      if (source !== null) output.remember(source, first, size + length, null)
      return false
    }
    output.commit(size)
    if (key === 0) {
      if (typeof source === 'string') output.remember(source, first, size, payload)
      output.append(payload)
      return !owned
    }
    // The caller's octets are never modified
    const target = owned ? payload : this.context.runtime.allocate(length)
    this.context.kernels.mask(payload, 0, length, target, 0, key)
    output.append(target)
    return false
  }
}

/** Whether the frame is a message, with or without RSV1, and not a fragment of one (§5.4). */
function isWhole(first: number): boolean {
  return (first & FIN) !== 0 && (first & OPCODE_BITS) !== OPCODE_CONTINUATION
}
