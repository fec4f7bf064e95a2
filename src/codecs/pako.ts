// Raw DEFLATE by pako, in plain JavaScript and at once (RFC 7692 §7.2): for runtimes with neither WebAssembly nor zlib.

import type { ZStream } from 'pako'
import { CLOSE_INVALID_PAYLOAD } from '../core/constants.js'
import { protocolError, withCloseCode } from '../core/errors.js'
import type { CodecCallback, DeflateCodec, Deflater, DeflaterOptions, Inflater, InflaterOptions } from '../core/ports.js'

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
const Z_BUF_ERROR = -5
const Z_DEFLATED = 8

/** What ends a message's data on the way in, and is cut on the way out (RFC 7692 §7.2.1). */
const TRAILER = Uint8Array.of(0x00, 0x00, 0xff, 0xff)

const NOTHING = new Uint8Array(0)

/** Output of one step before it is copied out: no state lives here between calls, so all streams share it. */
const scratch = new Uint8Array(16 * 1024)

/** A codec on the module that `load` gives, which is called when the codec is first needed. */
export function createPakoCodec(load: () => PakoModule): DeflateCodec {
  let pako: PakoModule | null = null
  const loaded = (): PakoModule => (pako ??= load())
  return {
    name: 'pako',
    createDeflater: (options) => new PakoDeflater(loaded(), options),
    createInflater: (options) => new PakoInflater(loaded(), options)
  }
}

class PakoDeflater implements Deflater {
  private readonly stream: ZStream
  private readonly dictionary: Uint8Array | null

  constructor(
    private readonly pako: PakoModule,
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
      // A flush without new input emits nothing; §7.2.3.6: an empty message is the head of an empty stored block
      output = fin ? Uint8Array.of(0) : Uint8Array.of(0, 0, 0, 0xff, 0xff)
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
    const output = new Output()
    feed(stream, octets)
    // Output that just fills the buffer brings an empty stored block more than is needed, which inflates to nothing.
    do {
      offerRoom(stream, scratch.length)
      this.pako.zlibDeflate(stream, Z_SYNC_FLUSH)
      output.append(stream.next_out)
    } while (stream.avail_out === 0)
    feed(stream, NOTHING)
    return output.take()
  }

  private setDictionary(): void {
    if (this.dictionary !== null) this.pako.zlibDeflateSetDictionary(this.stream, this.dictionary)
  }
}

class PakoInflater implements Inflater {
  private readonly stream: ZStream
  private readonly dictionary: Uint8Array | null
  /** Whether the last step met the end of the stream with input left. */
  private ended: boolean

  constructor(
    private readonly pako: PakoModule,
    private readonly options: InflaterOptions
  ) {
    this.ended = false
    this.dictionary = octetsOf(options.zlib?.dictionary)
    this.stream = new pako.ZStream()
    pako.zlibInflateInit2(this.stream, -options.windowBits)
    this.setDictionary()
  }

  inflate(octets: Uint8Array, fin: boolean, maxLength: number, _done: CodecCallback): Uint8Array | Error {
    const output = new Output()
    this.ended = false
    let error = this.step(octets, output, maxLength)
    if (error === null && fin && !this.ended) error = this.finish(output, maxLength)
    feed(this.stream, NOTHING)
    if (this.ended || error !== null || (fin && this.options.noContextTakeover)) this.reset()
    return error ?? output.take()
  }

  close(): void {
    forget(this.stream)
  }

  private step(octets: Uint8Array, output: Output, maxLength: number): Error | null {
    const { stream } = this
    feed(stream, octets)
    do {
      // One octet more than is allowed, to see whether there is one: nothing beyond that is ever decompressed.
      offerRoom(stream, Math.min(scratch.length, maxLength - output.length + 1))
      const status = this.pako.zlibInflate(stream, Z_SYNC_FLUSH)
      if (output.length + stream.next_out > maxLength) return protocolError('UNSUPPORTED_MESSAGE_LENGTH')
      output.append(stream.next_out)

      if (status === Z_STREAM_END) {
        // §7.2.3.4: a block with BFINAL set ends the stream. What follows in this input is left unread, and the next begins anew.
        if (stream.avail_in !== 0) this.ended = true
        return null
      }
      if (status === Z_DATA_ERROR || status === Z_NEED_DICT || status === Z_STREAM_ERROR) {
        return dataError(stream.msg || 'invalid data', Z_DATA_ERROR)
      }
    } while (stream.avail_out === 0)
    return null
  }

  /** Supplies the trailer, and sees whether the message is whole: pako takes the end of its input for a pause. */
  private finish(output: Output, maxLength: number): Error | null {
    // Before the trailer, too: a sender that did not cut its own has ended all blocks. Other receivers let such messages pass.
    const whole = isBetweenBlocks(this.pako, this.stream)
    const error = this.step(TRAILER, output, maxLength)
    if (error !== null || this.ended || whole || isBetweenBlocks(this.pako, this.stream)) return error
    return dataError('unexpected end of file', Z_BUF_ERROR)
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
  private readonly chunks: Uint8Array[] = []

  append(length: number): void {
    if (length === 0) return
    this.chunks.push(scratch.slice(0, length))
    this.length += length
  }

  take(): Uint8Array {
    if (this.chunks.length === 1) return this.chunks[0]
    const octets = new Uint8Array(this.length)
    let at = 0
    for (const chunk of this.chunks) {
      octets.set(chunk, at)
      at += chunk.length
    }
    return octets
  }
}

function feed(stream: ZStream, octets: Uint8Array): void {
  stream.input = octets
  stream.next_in = 0
  stream.avail_in = octets.length
}

function offerRoom(stream: ZStream, length: number): void {
  stream.output = scratch
  stream.next_out = 0
  stream.avail_out = length
}

function forget(stream: ZStream): void {
  stream.state = null
  feed(stream, NOTHING)
}

/** The modes of an inflater between two blocks and before the first, by module, as pako does not name them. */
const boundaryModes = new WeakMap<PakoModule, readonly unknown[]>()

function isBetweenBlocks(pako: PakoModule, stream: ZStream): boolean {
  let modes = boundaryModes.get(pako)
  if (modes === undefined) {
    modes = [modeAfter(pako, Uint8Array.of(0x00, 0x00, 0x00, 0xff, 0xff)), modeAfter(pako, NOTHING)]
    boundaryModes.set(pako, modes)
  }
  return modes.includes(stream.state.mode)
}

function modeAfter(pako: PakoModule, octets: Uint8Array): unknown {
  const stream = new pako.ZStream()
  pako.zlibInflateInit2(stream, -15)
  feed(stream, octets)
  offerRoom(stream, scratch.length)
  pako.zlibInflate(stream, Z_SYNC_FLUSH)
  return stream.state.mode
}

/** An error with the properties of zlib's own. */
function dataError(message: string, errno: number): Error {
  const code = errno === Z_BUF_ERROR ? 'Z_BUF_ERROR' : 'Z_DATA_ERROR'
  return withCloseCode(Object.assign(new Error(message), { code, errno }), CLOSE_INVALID_PAYLOAD)
}

function octetsOf(dictionary: unknown): Uint8Array | null {
  if (dictionary instanceof Uint8Array) return dictionary
  if (dictionary instanceof ArrayBuffer) return new Uint8Array(dictionary)
  if (ArrayBuffer.isView(dictionary)) return new Uint8Array(dictionary.buffer, dictionary.byteOffset, dictionary.byteLength)
  return null
}
