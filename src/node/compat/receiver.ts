// The exported Receiver: a Writable that takes octets and emits what they say, with ws's options and events.

import { Writable } from 'node:stream'
import type { CloseStatus } from '../../core/close.js'
import type { MessageInflater } from '../../core/message-codec.js'
import type { ReceiverHandler } from '../../core/message-events.js'
import { Receiver as FrameReceiver } from '../../core/receiver.js'
import { assemble, type BinaryType, EMPTY_BUFFER, honest, messageOf } from '../delivery/data.js'
import { copyToBuffer } from '../delivery/message-memory.js'
import { kernelsFor } from '../runtime/kernels.js'
import { nodeRuntime } from '../delivery/node-runtime.js'
import type { Extensions } from './sender.js'
import { setImmediate } from '../runtime/ticks.js'

/** Limits that are left out do not apply. */
export interface ReceiverOptions {
  allowSynchronousEvents?: boolean
  binaryType?: BinaryType
  extensions?: Extensions
  isServer?: boolean
  maxBufferedChunks?: number
  maxFragments?: number
  maxPayload?: number
  skipUTF8Validation?: boolean
}

type WriteDone = (error?: Error | null) => void

/** Emits 'message', 'ping', 'pong' and, for a close frame, 'conclude'; a violation is its 'error'. */
export class Receiver extends Writable {
  _binaryType: BinaryType
  readonly _extensions: Extensions
  readonly _isServer: boolean
  readonly #frames: FrameReceiver
  /** The callback of a write that is not through. */
  #done: WriteDone | null = null
  #violation: Error | null = null

  constructor(options: ReceiverOptions = {}) {
    super()
    this._binaryType = options.binaryType || 'nodebuffer'
    this._extensions = options.extensions ?? {}
    this._isServer = Boolean(options.isServer)
    this.#frames = new FrameReceiver(
      {
        isServer: this._isServer,
        maxPayload: (options.maxPayload as number) | 0,
        maxFragments: (options.maxFragments as number) | 0,
        maxBufferedChunks: (options.maxBufferedChunks as number) | 0,
        skipUtf8Validation: Boolean(options.skipUTF8Validation),
        deferEvents: options.allowSynchronousEvents === undefined ? false : !options.allowSynchronousEvents
      },
      { kernels: kernelsFor(undefined), runtime: nodeRuntime },
      this.#handler()
    )
  }

  get _maxPayload(): number {
    return this.#frames.maxPayload
  }

  set _maxPayload(maxPayload: number) {
    this.#frames.options = { ...this.#frames.options, maxPayload }
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: WriteDone): void {
    this.#done = done
    const octets = honest(chunk)
    this.#frames.inflater ??= inflaterOf(this._extensions)
    this.#frames.receive(octets, 0, octets.length, false)
    this.#settle()
  }

  /** Ends the write once all of it is delivered. */
  #settle(): void {
    const done = this.#done
    if (done === null || !this.#frames.isIdle) return
    this.#done = null
    done(this.#violation)
  }

  #proceed(): void {
    this.#frames.proceed()
    this.#settle()
  }

  #handler(): ReceiverHandler {
    return {
      onMessage: (octets, start, end, isBinary, _nonAscii, kept) => {
        this.emit('message', messageOf(octets, start, end, isBinary, this._binaryType, kept), isBinary)
      },
      onFragments: (fragments, length, isBinary) => {
        this.emit('message', assemble(fragments, length, isBinary, this._binaryType), isBinary)
      },
      onPing: (octets, start, end) => {
        this.emit('ping', copyToBuffer(octets, start, end))
      },
      onPong: (octets, start, end) => {
        this.emit('pong', copyToBuffer(octets, start, end))
      },
      onCloseFrame: ({ code, reason }: CloseStatus) => {
        this.emit('conclude', code, reason.length === 0 ? EMPTY_BUFFER : reason)
        this.end()
      },
      onViolation: (error) => {
        this.#violation = error
      },
      onDefer: () => {
        setImmediate(() => this.#proceed())
      },
      onReady: () => this.#proceed(),
      onDrain: () => {}
    }
  }
}

/**
 * What inflates, asked for its transform when that is needed: the extension may still have to be accepted. One of another make has
 * `decompress` only, which is always done later.
 */
function inflaterOf(extensions: Extensions): MessageInflater | null {
  const extension = extensions['permessage-deflate']
  if (!extension) return null
  if (Reflect.has(extension, 'transform')) {
    return { inflate: (octets, fin, maxLength, done, kept) => extension.transform.inflate(octets, fin, maxLength, done, kept) }
  }
  return {
    inflate: (octets, fin, _maxLength, done) => {
      extension.decompress(copyToBuffer(octets, 0, octets.length), fin, (error, result) => done(error, result ?? EMPTY_BUFFER))
      return null
    }
  }
}
