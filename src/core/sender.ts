// Messages out as frames (RFC 6455 §5, §6.1), in the order they were given even if one has to wait for compression or a Blob.

import { FIN, OPCODE_BITS, OPCODE_BINARY, OPCODE_CONTINUATION, OPCODE_TEXT, RSV1 } from './constants.js'
import { detachedError, isDetachedError } from './errors.js'
import { Fifo } from './fifo.js'
import { CALLERS_COPY_LIMIT, COPY_LIMIT, encode, writeFrame } from './frame-writer.js'
import type { MessageDeflater } from './message-codec.js'
import type { Output, WriteCallback } from './output.js'
import type { SenderPlatform } from './platform.js'
import { SEND_BINARY, SEND_COMPRESS, SEND_MORE, SEND_OWNED } from './send-flags.js'

/** Octets that are there later, such as a Blob. */
export interface DeferredOctets {
  readonly size: number
  arrayBuffer(): Promise<ArrayBuffer | Uint8Array>
}

/** Who is told that sending cannot go on, and how much waits: the connection. */
export interface SenderErrorHandler {
  failSending(error: Error): void
  /** More waits for compression or a Blob than before. */
  onBuffered?(): void
  /** Some of what waited for that is on its way. */
  onWritable?(): void
}

export type Payload = string | Uint8Array | DeferredOctets

/** One frame that waits: what it carries and how. */
interface Pending {
  payload: Payload
  length: number
  /** FIN bit, RSV1 bit and opcode. */
  first: number
  /** SEND_COMPRESS (to be compressed), SEND_MASK and SEND_OWNED. */
  flags: number
  callback: WriteCallback | undefined
}

/** What is under way beyond one frame; most connections have none of it most of the time. */
class Backlog {
  /** Whether a message was begun with a frame without FIN; then whether it is compressed. */
  fragmented = false
  compressed = false
  /** Whether compression or a Blob is waited for, and what was given meanwhile. */
  waiting = false
  readonly queue = new Fifo<Pending>()
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

  private readonly platform: SenderPlatform
  private readonly output: Output
  private backlog: Backlog | null = null

  constructor(platform: SenderPlatform, output: Output) {
    this.platform = platform
    this.output = output
  }

  /** Octets of payload that wait for compression or a Blob, or were given after the connection was closing. */
  get bufferedLength(): number {
    return this.backlog === null ? 0 : this.backlog.bufferedLength
  }

  set bufferedLength(length: number) {
    ;(this.backlog ??= new Backlog()).bufferedLength = length
  }

  /** Whether frames given now leave at once: nothing is waited for, and nothing is queued. */
  get isReady(): boolean {
    const { backlog } = this
    return backlog === null || (!backlog.waiting && backlog.queue.length === 0)
  }

  /**
   * Sends a message, or with SEND_MORE a fragment of one; the first fragment's SEND_BINARY and SEND_COMPRESS hold for the rest (§5.4).
   * @param flags SEND_BINARY, SEND_MORE, SEND_COMPRESS, SEND_MASK and SEND_OWNED
   */
  sendMessage(payload: Payload, flags: number, callback: WriteCallback | undefined): void {
    let first = (flags & SEND_BINARY) !== 0 ? OPCODE_BINARY : OPCODE_TEXT
    const fin = (flags & SEND_MORE) === 0
    let compress = (flags & SEND_COMPRESS) !== 0
    // Without compression the length is found while writing
    let length = -1
    const { backlog } = this
    if (backlog !== null && backlog.fragmented) {
      first = OPCODE_CONTINUATION
      compress = backlog.compressed
      backlog.fragmented = !fin
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
      if (fin && first !== (FIN | OPCODE_CONTINUATION)) writeFrame(this.platform, this.output, first, payload, flags, callback)
      else this.writeFragment(first, payload, flags, callback)
      return
    }
    if (length < 0) length = this.lengthOf(payload)
    this.dispatch({ payload, length, first, flags: compress ? flags | SEND_COMPRESS : flags & ~SEND_COMPRESS, callback })
  }

  /**
   * Sends a ping, pong or close frame; the caller has checked that the payload has at most 125 octets (§5.5).
   * @param flags SEND_MASK and SEND_OWNED
   */
  sendControl(opcode: number, payload: Payload, flags: number, callback: WriteCallback | undefined): void {
    const first = FIN | opcode
    if (this.isReady && (typeof payload === 'string' || ArrayBuffer.isView(payload))) {
      writeFrame(this.platform, this.output, first, payload, flags, callback)
      return
    }
    this.dispatch({ payload, length: this.lengthOf(payload), first, flags: flags & ~SEND_COMPRESS, callback })
  }

  lengthOf(payload: Payload): number {
    if (typeof payload === 'string') return this.platform.runtime.utf8Length(payload)
    return ArrayBuffer.isView(payload) ? payload.length : payload.size
  }

  /** A fragment that could not be written, because a generator of masking keys threw, was none. */
  private writeFragment(first: number, payload: string | Uint8Array, flags: number, callback: WriteCallback | undefined): void {
    try {
      writeFrame(this.platform, this.output, first, payload, flags, callback)
    } catch (error) {
      this.backlog!.fragmented = (first & OPCODE_BITS) === OPCODE_CONTINUATION
      throw error
    }
  }

  private beginFragments(compressed: boolean): void {
    const backlog = (this.backlog ??= new Backlog())
    backlog.fragmented = true
    backlog.compressed = compressed
  }

  private dispatch(pending: Pending): void {
    if (!this.isReady) {
      const { payload } = pending
      // The caller may reuse small payloads when `send` has returned; and large ones may be gone when their turn comes, which no message
      // survives of which a part has left
      const isCopied = pending.length <= CALLERS_COPY_LIMIT || !isWhole(pending.first)
      if ((pending.flags & SEND_OWNED) === 0 && ArrayBuffer.isView(payload) && isCopied) {
        pending.payload = this.platform.runtime.copy(payload, 0, payload.length)
        pending.flags |= SEND_OWNED
      }
      this.backlog!.queue.push(pending)
      this.backlog!.bufferedLength += pending.length
      this.errorHandler?.onBuffered?.()
    } else {
      this.begin(pending)
    }
  }

  private begin(pending: Pending): void {
    const { payload } = pending
    if (typeof payload !== 'string' && !ArrayBuffer.isView(payload)) this.readBlob(payload, pending)
    else if ((pending.flags & SEND_OWNED) === 0 && typeof payload !== 'string' && payload.length !== pending.length) {
      this.skip(pending, detachedError())
    } else if ((pending.flags & SEND_COMPRESS) !== 0) this.compress(payload, pending)
    else writeFrame(this.platform, this.output, pending.first, payload, pending.flags, pending.callback)
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
        if (pending.payload === result) pending.flags &= ~SEND_OWNED
        else pending.flags |= SEND_OWNED
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
    let octets = typeof payload === 'string' ? encode(this.platform, payload, pending.length) : payload
    // As in `dispatch`: the deflater copies smaller ones
    if ((pending.flags & SEND_OWNED) === 0 && octets === payload && octets.length > COPY_LIMIT && !isWhole(pending.first)) {
      octets = this.platform.runtime.copy(octets, 0, octets.length)
    }
    const owned = (pending.flags & SEND_OWNED) !== 0 || octets !== payload
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
    const { first, flags, callback } = pending
    // What is gone by now was there while it was compressed
    const isThere = octets !== null && octets.length === pending.length
    if (isThere && compressed.length >= octets.length && isWhole(first) && this.deflater!.noContextTakeover === true) {
      const ours = owned ? flags | SEND_OWNED : flags & ~SEND_OWNED
      writeFrame(this.platform, this.output, first & ~RSV1, octets, ours, callback)
    } else {
      writeFrame(this.platform, this.output, first, compressed, flags | SEND_OWNED, callback)
    }
  }

  /** Sends nothing, and says so when what came before was written. */
  private skip({ callback }: Pending, error: Error): void {
    if (callback !== undefined) this.output.leave(false, (closed) => callback(closed ?? error))
  }

  private wait(pending: Pending): void {
    const backlog = (this.backlog ??= new Backlog())
    backlog.waiting = true
    backlog.bufferedLength += pending.length
    this.errorHandler?.onBuffered?.()
  }

  /** Sends what was waited for, then what came meanwhile, even if a generator of masking keys throws. */
  private resume(pending: Pending, send: () => void): void {
    const backlog = this.backlog!
    backlog.waiting = false
    backlog.bufferedLength -= pending.length
    try {
      send()
    } finally {
      this.dequeue()
      this.errorHandler?.onWritable?.()
    }
  }

  /** Sends what is queued, until one has to wait; what a generator of masking keys throws comes out when the others are sent. */
  private dequeue(): void {
    const backlog = this.backlog!
    let thrown: { error: unknown } | null = null
    while (!backlog.waiting && backlog.queue.length > 0) {
      const pending = backlog.queue.shift()!
      backlog.bufferedLength -= pending.length
      try {
        this.begin(pending)
      } catch (error) {
        thrown ??= { error }
      }
    }
    if (thrown !== null) throw thrown.error
  }

  /** Calls back everything that waits; one that throws does not silence the others. */
  private fail(error: Error, pending: Pending, report: boolean): void {
    const failed = [pending, ...this.backlog!.queue.clear()]
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
}

/** Whether the frame is a message, with or without RSV1, and not a fragment of one (§5.4). */
function isWhole(first: number): boolean {
  return (first & FIN) !== 0 && (first & OPCODE_BITS) !== OPCODE_CONTINUATION
}
