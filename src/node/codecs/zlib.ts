// Raw DEFLATE by node:zlib in the thread pool (RFC 7692 §7.2): never at once, and off the event loop.

import { constants, createDeflateRaw, createInflateRaw } from 'node:zlib'
import type { DeflateRaw, InflateRaw, ZlibOptions } from 'node:zlib'
import { CLOSE_INVALID_PAYLOAD } from '../../core/constants.js'
import { codecClosedError, detachedError, protocolError, withCloseCode } from '../../core/errors.js'
import type { CodecCallback, DeflateCodec, Deflater, DeflaterOptions, Inflater, InflaterOptions } from '../../core/codec.js'
import { NOTHING } from '../../core/octets.js'
import { deflatedNothing, TRAILER } from '../../codecs/stored-blocks.js'
import type { Limiter } from './limiter.js'

/** Up to this size input is copied, as its owner may change it after the call, in octets. */
const MAX_COPIED = 4096

/**
 * Larger input is copied piece by piece as zlib comes to it, in octets: its owner may transfer the memory away, and whoever has it then may
 * free it under the hands of the thread that reads it; and Node.js aborts the process if it is gone between two chunks of output. Costs a
 * hundredth of the time that zlib takes.
 */
const PIECE = 256 * 1024

/** A codec on node:zlib. All its streams' jobs go through `limiter`. */
export function createZlibCodec(limiter: Limiter): DeflateCodec {
  return {
    name: 'zlib',
    createDeflater: (options) => new ZlibDeflater(options, limiter),
    createInflater: (options) => new ZlibInflater(options, limiter)
  }
}

class ZlibDeflater implements Deflater {
  private readonly stream: ZlibStream
  private readonly noContextTakeover: boolean

  constructor(options: DeflaterOptions, limiter: Limiter) {
    const zlibOptions = streamOptions(options)
    const withoutDictionary = { ...zlibOptions, dictionary: undefined }
    const create = (isLate: boolean): DeflateRaw => createDeflateRaw(isLate ? withoutDictionary : zlibOptions)
    this.stream = new ZlibStream(limiter, create, options.zlib?.flush !== undefined)
    this.noContextTakeover = options.noContextTakeover
  }

  deflate(octets: Uint8Array, fin: boolean, done: CodecCallback): Uint8Array | null {
    const forget = fin && this.noContextTakeover
    if (octets.length === 0) {
      // zlib emits nothing for a flush without new input
      if (forget) this.stream.reset()
      return deflatedNothing(fin)
    }
    const isOwn = octets.length <= MAX_COPIED
    const input = isOwn ? Buffer.from(octets) : octets
    const trimmed = fin ? TRAILER.length : 0
    this.stream.run({ input, length: input.length, isOwn, taken: 0, trimmed, maxLength: Infinity, forget, release: null, done })
    return null
  }

  close(): void {
    this.stream.close()
  }
}

class ZlibInflater implements Inflater {
  private readonly stream: ZlibStream
  private readonly noContextTakeover: boolean

  constructor(options: InflaterOptions, limiter: Limiter) {
    const zlibOptions = streamOptions(options)
    this.stream = new ZlibStream(limiter, () => createInflateRaw(zlibOptions), options.zlib?.flush !== undefined)
    this.noContextTakeover = options.noContextTakeover
  }

  inflate(octets: Uint8Array, fin: boolean, maxLength: number, done: CodecCallback): Uint8Array | null {
    if (octets.length === 0 && !fin) return new Uint8Array(0)
    // One write with the trailer behind: each write is a way to the thread pool and back.
    const input = Buffer.allocUnsafe(octets.length + (fin ? TRAILER.length : 0))
    input.set(octets)
    if (fin) input.set(TRAILER, octets.length)
    const forget = fin && this.noContextTakeover
    this.stream.run({ input, length: input.length, isOwn: true, taken: 0, trimmed: 0, maxLength, forget, release: null, done })
    return null
  }

  close(): void {
    this.stream.close()
  }
}

/** The user's options for a stream; the window is the negotiated one, and each write is flushed by itself. */
function streamOptions(options: DeflaterOptions): ZlibOptions {
  return { flush: constants.Z_SYNC_FLUSH, ...options.zlib, windowBits: options.windowBits }
}

interface Task {
  input: Uint8Array
  /** Its length when it was given. */
  length: number
  /** Whether nobody else has its memory. */
  isOwn: boolean
  /** How much of it zlib was given. */
  taken: number
  /** Octets to cut from the end of the output. */
  trimmed: number
  /** Most octets of output. */
  maxLength: number
  /** Whether the history is forgotten after this task. */
  forget: boolean
  /** Gives back the task's place in the limiter; null while it has none. */
  release: (() => void) | null
  done: CodecCallback
}

/** One zlib stream, replaced after an error or a final block, and the one task that it may have at a time. */
class ZlibStream {
  private stream: DeflateRaw | InflateRaw | null
  /** Whether the next stream is one that comes late: the peer has more history than a dictionary. */
  private isLate = false
  private task: Task | null
  private chunks: Buffer[]
  private length: number

  constructor(
    private readonly limiter: Limiter,
    private readonly create: (isLate: boolean) => DeflateRaw | InflateRaw,
    /** Whether writes are not flushed to the last octet, as the user set the way they are. */
    private readonly needsFlush: boolean
  ) {
    this.stream = null
    this.task = null
    this.chunks = []
    this.length = 0
  }

  /** Begins `task`; options that zlib refuses throw here. */
  run(task: Task): void {
    this.stream ??= this.open()
    this.task = task
    this.limiter.add((release) => {
      if (this.task !== task) {
        release() // closed while it was waiting
        return
      }
      task.release = release
      this.write(task)
    })
  }

  reset(): void {
    this.stream?.reset()
  }

  close(): void {
    this.drop()
    this.settle(codecClosedError())
  }

  private open(): DeflateRaw | InflateRaw {
    const stream = this.create(this.isLate)
    stream.on('data', (chunk: Buffer) => {
      if (stream === this.stream) this.receive(chunk)
    })
    stream.on('end', () => {
      // The stream read a block with BFINAL set: what follows in this input is left unread, and the next begins anew (§7.2.3.4).
      if (stream !== this.stream) return
      this.stream = null
      this.settle(null)
    })
    stream.on('error', (error) => {
      if (stream !== this.stream) return
      this.stream = null
      this.settle(withCloseCode(error, CLOSE_INVALID_PAYLOAD))
    })
    return stream
  }

  private write(task: Task): void {
    const stream = this.stream as DeflateRaw | InflateRaw
    if (task.input.length !== task.length) {
      this.lose(task)
      return
    }
    const piece = task.isOwn ? task.input : Buffer.from(task.input.subarray(task.taken, task.taken + PIECE))
    task.taken += piece.length
    const isLast = task.taken === task.length
    const onWritten = (error?: Error | null): void => {
      // A write that fails because its stream failed or ended has been, or will be, settled by that event.
      if (error || this.task !== task) return
      if (isLast) this.settle(null)
      else this.write(task)
    }
    if (this.needsFlush && isLast) {
      stream.write(piece)
      stream.flush(constants.Z_SYNC_FLUSH, onWritten)
    } else {
      stream.write(piece, onWritten)
    }
  }

  /** Gives up on input that is gone: the peer gets nothing of it, so that nothing may refer to what was compressed. */
  private lose(task: Task): void {
    if (task.taken > 0) {
      this.drop()
      this.isLate = !task.forget
    }
    this.settle(detachedError())
  }

  private receive(chunk: Buffer): void {
    const task = this.task
    if (task === null) return
    this.length += chunk.length
    if (this.length <= task.maxLength) {
      this.chunks.push(chunk)
    } else {
      this.drop()
      this.settle(protocolError('UNSUPPORTED_MESSAGE_LENGTH'))
    }
  }

  private drop(): void {
    const stream = this.stream
    this.stream = null
    stream?.destroy()
  }

  private settle(error: Error | null): void {
    const { task, chunks, length } = this
    if (task === null) return
    this.task = null
    this.chunks = []
    this.length = 0

    let output = NOTHING
    if (error === null) {
      if (task.forget) this.reset()
      // Copied even if there is one chunk only: it is a part of a buffer of `chunkSize` octets, which it would keep alive.
      output = Buffer.concat(chunks, length).subarray(0, length - task.trimmed)
    }
    // First, so that nothing that `done` does or throws can hold up other connections.
    task.release?.()
    task.done(error, output)
  }
}
