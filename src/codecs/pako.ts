// Raw DEFLATE by pako, in plain JavaScript (RFC 7692 §7.2): for runtimes with neither WebAssembly nor zlib.

import type { ZStream } from 'pako'
import { CLOSE_INVALID_PAYLOAD } from '../core/constants.js'
import { protocolError, withCloseCode } from '../core/errors.js'
import type { CodecCallback, DeflateCodec, Deflater, DeflaterOptions, Inflater, InflaterOptions } from '../core/codec.js'
import { NOTHING, octetsOf } from '../core/octets.js'
import { joinLater, type OutputHelpers } from './output.js'
import { closePending, finishLater, type Owner } from './pauses.js'
import { deflatedNothing, TRAILER } from './stored-blocks.js'

/** What the codec uses of the module pako. */
export type PakoModule = Pick<
  typeof import('pako'),
  | 'ZStream'
  | 'zlibDeflate'
  | 'zlibDeflateInit2'
  | 'zlibDeflateReset'
  | 'zlibDeflateSetDictionary'
  | 'zlibInflate'
  | 'zlibInflateInit2'
  | 'zlibInflateReset'
  | 'zlibInflateSetDictionary'
>

const Z_SYNC_FLUSH = 2
const Z_OK = 0
const Z_STREAM_END = 1
const Z_NEED_DICT = 2
const Z_STREAM_ERROR = -2
const Z_DATA_ERROR = -3
const Z_DEFLATED = 8

/** Output of one step before it is copied out: no state lives here between calls, so all streams share it. */
const scratch = new Uint8Array(16 * 1024)

/** Input and output of an inflater between two pauses, in octets: together 2 ms if every few octets begin a block with new codes. */
const SLICE = 8 * 1024
const SLICE_INFLATED = 64 * 1024

/** What a runtime may lend the codec. */
export interface PakoCodecOptions {
  /**
   * Calls back after other events had their turn. With it, input over 8 KiB or output over 64 KiB is inflated in slices with pauses
   * between; without it, and whatever is deflated, all is done at once.
   */
  defer?: ((callback: () => void) => void) | undefined
  /** Memory of results, which may be uninitialized; default: `new Uint8Array(length)`. */
  allocate?: ((length: number) => Uint8Array) | undefined
}

/** A codec on the module that `load` gives, which is called when the codec is first needed. */
export function createPakoCodec(load: () => PakoModule, options: PakoCodecOptions = {}): DeflateCodec {
  let pako: PakoModule | null = null
  const loaded = (): PakoModule => (pako ??= load())
  const helpers: OutputHelpers = { defer: options.defer, allocate: options.allocate ?? ((length) => new Uint8Array(length)) }
  return {
    name: 'pako',
    createDeflater: (deflaterOptions) => new PakoDeflater(loaded(), helpers, deflaterOptions),
    createInflater: (inflaterOptions) => new PakoInflater(loaded(), helpers, inflaterOptions)
  }
}

class PakoDeflater implements Deflater {
  private readonly stream: ZStream
  private readonly dictionary: Uint8Array | null

  constructor(
    private readonly pako: PakoModule,
    private readonly helpers: OutputHelpers,
    private readonly options: DeflaterOptions
  ) {
    const { level = -1, memLevel = 8, strategy = 0 } = (options.zlib ?? {}) as Record<string, number | undefined>
    // Raw deflate with a window of 8 bits is refused. One of 9 bits makes no distance above 250, as zlib keeps 262 octets of lookahead.
    const windowBits = Math.max(options.windowBits, 9)
    this.dictionary = octetsOf(options.zlib?.dictionary)
    this.stream = new pako.ZStream()
    const status = pako.zlibDeflateInit2(this.stream, level, Z_DEFLATED, -windowBits, memLevel, strategy as 0)
    if (status !== Z_OK) throw new RangeError('The zlibDeflateOptions "level", "memLevel" or "strategy" are out of range')
    this.setDictionary()
  }

  deflate(octets: Uint8Array, fin: boolean, _done: CodecCallback): Uint8Array {
    let output: Uint8Array
    if (octets.length === 0) {
      // A flush without new input emits nothing
      output = deflatedNothing(fin)
    } else {
      output = this.step(octets)
      if (fin) output = output.subarray(0, output.length - TRAILER.length)
    }
    if (fin && this.options.noContextTakeover) {
      this.pako.zlibDeflateReset(this.stream)
      this.setDictionary()
    }
    return output
  }

  close(): void {
    forget(this.stream)
  }

  private step(octets: Uint8Array): Uint8Array {
    const { stream } = this
    const output = new Output(this.helpers)
    feed(stream, octets, 0, octets.length)
    // Output that just fills the buffer brings an empty stored block more than is needed, which inflates to nothing.
    do {
      offerRoom(stream, scratch.length)
      this.pako.zlibDeflate(stream, Z_SYNC_FLUSH)
      output.append(stream.next_out)
    } while (stream.avail_out === 0)
    feed(stream, NOTHING, 0, 0)
    return joinLater(output.chunks, this.helpers, null)
  }

  private setDictionary(): void {
    if (this.dictionary !== null) this.pako.zlibDeflateSetDictionary(this.stream, this.dictionary)
  }
}

/** A message or fragment that is inflated. */
interface Job {
  octets: Uint8Array
  readonly fin: boolean
  readonly maxLength: number
  /** Whether all of `octets` was read, and the trailer is next. */
  inTrailer: boolean
  /** How much was read of `octets`, or of the trailer. */
  taken: number
  readonly output: Output
}

class PakoInflater implements Inflater, Owner {
  pending: Owner['pending'] = null
  private readonly stream: ZStream
  private readonly dictionary: Uint8Array | null

  constructor(
    private readonly pako: PakoModule,
    private readonly helpers: OutputHelpers,
    private readonly options: InflaterOptions
  ) {
    this.dictionary = octetsOf(options.zlib?.dictionary)
    this.stream = new pako.ZStream()
    pako.zlibInflateInit2(this.stream, -options.windowBits)
    this.setDictionary()
  }

  inflate(octets: Uint8Array, fin: boolean, maxLength: number, done: CodecCallback, kept = false): Uint8Array | Error | null {
    if (octets.length === 0 && !fin) return new Uint8Array(0)
    const job: Job = { octets, fin, maxLength, inTrailer: false, taken: 0, output: new Output(this.helpers) }
    const { defer } = this.helpers
    let finished = this.step(job)
    if (defer === undefined) while (finished === false) finished = this.step(job)
    if (finished instanceof Error) return finished
    if (finished || defer === undefined) return joinLater(job.output.chunks, this.helpers, null)

    if (!kept && !job.inTrailer) {
      job.octets = Uint8Array.prototype.slice.call(octets, job.taken)
      job.taken = 0
    }
    finishLater(this, () => this.step(job), job.output.chunks, this.helpers, defer, done)
    return null
  }

  close(): void {
    forget(this.stream)
    closePending(this)
  }

  /** Inflates a slice; returns whether that was the last one. */
  private step(job: Job): boolean | Error {
    const { stream } = this
    const { output, maxLength } = job
    const slice = output.length + SLICE_INFLATED
    let inputLeft = SLICE
    while (output.length < slice && inputLeft > 0) {
      const input = job.inTrailer ? TRAILER : job.octets
      feed(stream, input, job.taken, Math.min(input.length - job.taken, inputLeft))
      // One octet more than is allowed, to see whether there is one: nothing beyond that is ever decompressed.
      offerRoom(stream, Math.min(scratch.length, maxLength - output.length + 1))
      const status = this.pako.zlibInflate(stream, Z_SYNC_FLUSH)
      const taken = stream.next_in - job.taken
      job.taken += taken
      inputLeft -= taken
      feed(stream, NOTHING, 0, 0)
      if (output.length + stream.next_out > maxLength) return this.fail(protocolError('UNSUPPORTED_MESSAGE_LENGTH'))
      output.append(stream.next_out)

      if (status === Z_DATA_ERROR || status === Z_NEED_DICT || status === Z_STREAM_ERROR) {
        return this.fail(dataError(stream.msg || 'invalid data'))
      }
      if (status === Z_STREAM_END) {
        // §7.2.3.4: a block with BFINAL set ends the stream. What follows in this input is left unread, and the next begins anew. Where
        // nothing follows, as the trailer, too, was taken for a part of the block, the end shows with the next input, which is lost: so
        // do zlib's streams.
        const followed = job.taken < input.length || (job.fin && !job.inTrailer)
        if (followed || (job.fin && this.options.noContextTakeover)) this.reset()
        return true
      }
      // Full output may not be all of it
      if (stream.avail_out === 0 || job.taken < input.length) continue
      if (!job.fin || job.inTrailer) {
        if (job.fin && this.options.noContextTakeover) this.reset()
        return true
      }
      job.inTrailer = true
      job.taken = 0
    }
    return false
  }

  private fail(error: Error): Error {
    this.reset()
    return error
  }

  private reset(): void {
    this.pako.zlibInflateReset(this.stream)
    this.setDictionary()
  }

  private setDictionary(): void {
    if (this.dictionary !== null) this.pako.zlibInflateSetDictionary(this.stream, this.dictionary)
  }
}

/** Collects copies of what comes out in `scratch`. */
class Output {
  length = 0
  readonly chunks: Uint8Array[] = []

  constructor(private readonly helpers: OutputHelpers) {}

  append(length: number): void {
    if (length === 0) return
    const chunk = this.helpers.allocate(length)
    chunk.set(scratch.subarray(0, length))
    this.chunks.push(chunk)
    this.length += length
  }
}

function feed(stream: ZStream, octets: Uint8Array, start: number, length: number): void {
  stream.input = octets
  stream.next_in = start
  stream.avail_in = length
}

function offerRoom(stream: ZStream, length: number): void {
  stream.output = scratch
  stream.next_out = 0
  stream.avail_out = length
}

function forget(stream: ZStream): void {
  stream.state = null
  feed(stream, NOTHING, 0, 0)
}

/** An error with the properties of zlib's own. */
function dataError(message: string): Error {
  return withCloseCode(Object.assign(new Error(message), { code: 'Z_DATA_ERROR', errno: Z_DATA_ERROR }), CLOSE_INVALID_PAYLOAD)
}
