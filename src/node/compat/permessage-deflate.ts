// The exported class PerMessageDeflate: negotiation and transform behind the names that ws gives them.

import { Buffer } from 'node:buffer'
import process from 'node:process'
import { checkCodec, chooseCodec } from '../codecs/choice.js'
import type { CodecChoice } from '../codecs/choice.js'
import type { CodecCallback } from '../../core/codec.js'
import { codecClosedError } from '../../core/errors.js'
import type { ExtensionParameters } from '../../core/extension.js'
import { Fifo } from '../../core/fifo.js'
import {
  acceptAsClient,
  acceptAsServer,
  DEFAULT_THRESHOLD,
  MessageDeflate,
  normalizeParameters,
  offer,
  PERMESSAGE_DEFLATE
} from '../../core/permessage-deflate.js'
import type { DeflateParameters, NegotiationOptions } from '../../core/permessage-deflate.js'
import { honest } from '../delivery/data.js'
import { processWide } from '../runtime/process-wide.js'

export interface PerMessageDeflateOptions extends NegotiationOptions {
  codec?: CodecChoice | undefined
  concurrencyLimit?: number | null | undefined
  isServer?: boolean | undefined
  maxPayload?: number | undefined
  threshold?: number | undefined
  zlibDeflateOptions?: object | undefined
  zlibInflateOptions?: object | undefined
}

export type TransformCallback = (error: Error | null, octets?: Buffer) => void

interface Job {
  data: Uint8Array
  fin: boolean
  callback: TransformCallback
}

/** What one direction has to do, one job after the other. */
interface Direction {
  current: Job | null
  readonly waiting: Fifo<Job>
  readonly begin: (data: Uint8Array, fin: boolean, done: CodecCallback) => Uint8Array | Error | null
}

/** Where codecs come from: the copy of this package that came first, whose memory serves the others as well. */
const codecs = (): { check: typeof checkCodec; choose: typeof chooseCodec } =>
  processWide('codecs.1', () => ({ check: checkCodec, choose: chooseCodec }))

/** The extension permessage-deflate of one connection (RFC 7692 §7). */
export class PerMessageDeflate {
  readonly _options: PerMessageDeflateOptions
  /** In octets. */
  readonly _threshold: number
  /** Most octets that `decompress` gives; less than 1: no limit. */
  readonly _maxPayload: number
  readonly _isServer: boolean
  /** What was agreed on; null before. */
  params: DeflateParameters | null

  private transformInUse: MessageDeflate | null
  /** Made when they are first needed: connections use `transform` instead. */
  private deflating: Direction | null
  private inflating: Direction | null

  /** @throws {TypeError} for a `codec` that does not exist */
  constructor(options?: PerMessageDeflateOptions) {
    this._options = options || {}
    this._threshold = this._options.threshold !== undefined ? this._options.threshold : DEFAULT_THRESHOLD
    this._maxPayload = (this._options.maxPayload as number) | 0
    this._isServer = !!this._options.isServer
    this.params = null
    codecs().check(this._options)
    this.transformInUse = null
    this.deflating = null
    this.inflating = null
  }

  static get extensionName(): string {
    return PERMESSAGE_DEFLATE
  }

  /** What a connection uses, with the parameters agreed on: it keeps the order of its messages itself. To be read after `accept`. */
  get transform(): MessageDeflate {
    return (this.transformInUse ??= new MessageDeflate({
      codec: codecs().choose(this._options),
      isServer: this._isServer,
      params: this.params as DeflateParameters,
      threshold: this._threshold,
      zlibDeflateOptions: this._options.zlibDeflateOptions as Record<string, unknown> | undefined,
      zlibInflateOptions: this._options.zlibInflateOptions as Record<string, unknown> | undefined
    }))
  }

  /** Parameters of a client's offer, for `extension.format`. */
  offer(): DeflateParameters {
    return offer(this._options)
  }

  /**
   * Takes what `extension.parse` gave for this extension: offers on a server, the response on a client.
   * @returns what was agreed on, which is `params` from then on
   * @throws {Error} and {TypeError} for parameters that are invalid or cannot be agreed to (RFC 7692 §7.1)
   */
  accept(configurations: ExtensionParameters[]): DeflateParameters {
    const normal = this.normalizeParams(configurations)
    this.params = this._isServer ? this.acceptAsServer(normal) : this.acceptAsClient(normal)
    return this.params
  }

  acceptAsServer(offers: DeflateParameters[]): DeflateParameters {
    return acceptAsServer(this._options, offers)
  }

  acceptAsClient(response: DeflateParameters[]): DeflateParameters {
    return acceptAsClient(this._options, response)
  }

  normalizeParams(configurations: ExtensionParameters[]): DeflateParameters[] {
    return normalizeParameters(configurations, this._isServer)
  }

  /** Compresses a message, or with `fin` false a fragment of one; `callback` is called later, in the order of the calls. */
  compress(data: Uint8Array | string, fin: boolean, callback: TransformCallback): void {
    this.deflating ??= newDirection((octets, isLast, done) => this.transform.deflate(octets, isLast, done))
    add(this.deflating, { data: typeof data === 'string' ? Buffer.from(data) : honest(data), fin, callback })
  }

  /** Decompresses a message, or with `fin` false a fragment of one; `callback` is called later, in the order of the calls. */
  decompress(data: Uint8Array, fin: boolean, callback: TransformCallback): void {
    this.inflating ??= newDirection((octets, isLast, done) => {
      const maxLength = this._maxPayload < 1 ? Infinity : this._maxPayload
      return this.transform.inflate(octets, isLast, maxLength, done)
    })
    add(this.inflating, { data: honest(data), fin, callback })
  }

  /** Frees the codec's memory; callbacks of what is under way, or waits, are called with an error. */
  cleanup(): void {
    const waiting: Job[] = []
    for (const direction of [this.inflating, this.deflating]) {
      for (let job = direction?.waiting.shift(); job !== undefined; job = direction?.waiting.shift()) waiting.push(job)
    }
    const transform = this.transformInUse
    this.transformInUse = null
    transform?.close()
    for (const { callback } of waiting) callback(codecClosedError())
  }
}

function newDirection(begin: Direction['begin']): Direction {
  return { current: null, waiting: new Fifo(), begin }
}

function add(direction: Direction, job: Job): void {
  if (direction.current === null) start(direction, job)
  else direction.waiting.push(job)
}

function start(direction: Direction, job: Job): void {
  const settle = (error: Error | null, octets: Uint8Array | null): void => {
    direction.current = null
    // Before the callback, which may throw: what it throws must not hold up the others.
    const next = direction.waiting.shift()
    if (next !== undefined) start(direction, next)
    if (error !== null) job.callback(error)
    else job.callback(null, bufferOf(octets as Uint8Array))
  }

  let result: Uint8Array | Error | null
  direction.current = job
  try {
    result = direction.begin(job.data, job.fin, settle)
  } catch (error) {
    direction.current = null
    throw error
  }
  // A codec that is done at once must not call back at once.
  if (result instanceof Error) process.nextTick(settle, result, null)
  else if (result !== null) process.nextTick(settle, null, result)
}

function bufferOf(octets: Uint8Array): Buffer {
  return Buffer.isBuffer(octets) ? octets : Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength)
}
