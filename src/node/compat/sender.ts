// The exported Sender: frames to a stream, with ws's signatures, and the same thing as a view of an open connection (`ws._sender`).

import { AsyncResource } from 'node:async_hooks'
import { Buffer } from 'node:buffer'
import type { Duplex } from 'node:stream'
import { types } from 'node:util'
import { serializeClosePayload } from '../../core/close.js'
import { FIN, MAX_CLOSE_REASON, MAX_CONTROL_PAYLOAD, OPCODE_CLOSE, OPCODE_PING, OPCODE_PONG, RSV1 } from '../../core/constants.js'
import { headerSize, serializeFrameHeader, serializeMaskingKey } from '../../core/frame-header.js'
import { type MaskingKeySource, secureMaskingKeys, userMaskingKeys } from '../../core/masking-key.js'
import { COPY_LIMIT } from '../../core/frame-writer.js'
import type { WriteCallback } from '../../core/output.js'
import { SEND_BINARY, SEND_COMPRESS, SEND_MASK, SEND_MORE, SEND_OWNED } from '../../core/send-flags.js'
import { type Payload, Sender as FrameSender } from '../../core/sender.js'
import { deferredOctets, EMPTY_BUFFER, honest, isBlob, isCopied, toBuffer } from '../delivery/data.js'
import { kernelsFor } from '../runtime/kernels.js'
import { SocketOutput } from '../links/output.js'
import type { PerMessageDeflate } from './permessage-deflate.js'
import { nodeRuntime } from '../delivery/node-runtime.js'
import { Delivery } from '../delivery/delivery.js'

/** Negotiated extensions by name. */
export interface Extensions {
  'permessage-deflate'?: PerMessageDeflate
}

/** How `Sender.frame` frames. */
export interface FrameOptions {
  opcode: number
  fin?: boolean
  rsv1?: boolean
  mask?: boolean
  /** Where the masking key is put, four octets. */
  maskBuffer?: Buffer
  generateMask?: (mask: Buffer) => void
  /** Whether the data must not be masked in place. */
  readOnly?: boolean
}

export interface SendOptions {
  binary?: boolean
  compress?: boolean
  fin?: boolean
  mask?: boolean
}

type Callback = WriteCallback

/** `callback` for a frame that cannot be written yet: it is called in the async context of its own `send`, not of what is waited for. */
export function bound(callback: ((error?: Error) => void) | WriteCallback): WriteCallback {
  return AsyncResource.bind(callback as WriteCallback)
}

/** One source of masking keys serves all connections that bring none of their own. */
const sharedMaskingKeys = secureMaskingKeys(nodeRuntime)

export function maskingKeysFor(generateMask: ((mask: Buffer) => void) | undefined): MaskingKeySource {
  return generateMask ? userMaskingKeys(generateMask as (target: Uint8Array) => void, Buffer.alloc(4)) : sharedMaskingKeys
}

/** The payload of a close frame, checked in the order in which ws does. */
export function closePayload(code: number | undefined, reason: string | Uint8Array | undefined): Uint8Array {
  if (code === undefined) return EMPTY_BUFFER
  // ws takes 1000.5 for 1000
  if (typeof code === 'number') code = Math.trunc(code)
  const payload = serializeClosePayload(code)
  if (types.isUint8Array(reason)) reason = toBuffer(reason)
  if (reason === undefined || !reason.length) return payload
  if (Buffer.byteLength(reason) > MAX_CLOSE_REASON) throw new RangeError('The message must not be greater than 123 bytes')
  if (typeof reason === 'string') return serializeClosePayload(code, Buffer.from(reason))
  if (!types.isUint8Array(reason)) throw new TypeError('Second argument must be a string or a Uint8Array')
  return serializeClosePayload(code, reason)
}

/** What `send`, `ping` and `pong` take as a payload; `owned` says whether its memory is ours. */
export function payloadOf(data: unknown): { payload: Payload; owned: boolean } {
  if (typeof data === 'string') return { payload: data, owned: false }
  if (isBlob(data)) return { payload: deferredOctets(data), owned: false }
  return { payload: toBuffer(data), owned: isCopied(data) }
}

/** As `payloadOf`, for a control frame, which has room for 125 octets (RFC 6455 §5.5). */
export function controlPayloadOf(data: unknown): { payload: Payload; owned: boolean } {
  const result = payloadOf(data)
  const { payload } = result
  const length =
    typeof payload === 'string' ? Buffer.byteLength(payload) : ArrayBuffer.isView(payload) ? payload.length : payload.size
  if (length > MAX_CONTROL_PAYLOAD) throw new RangeError('The data size must not be greater than 125 bytes')
  return result
}

export class Sender {
  readonly _extensions: Extensions
  readonly _socket: Duplex
  /** Told when a Blob cannot be read. */
  onerror: (error: Error) => void = () => {}

  readonly #frames: FrameSender
  readonly #output: SocketOutput

  /** @param socket a stream; or a connection, whose queue it then shares, so that all that is sent keeps its place */
  constructor(socket: Duplex | Delivery, extensions?: Extensions, generateMask?: (mask: Buffer) => void) {
    this._extensions = extensions ?? {}
    if (!(socket instanceof Delivery)) {
      this._socket = socket
      this.#output = new SocketOutput(socket, false)
      this.#frames = new FrameSender(
        { kernels: kernelsFor(undefined), runtime: nodeRuntime, maskingKeys: maskingKeysFor(generateMask) },
        this.#output
      )
      this.#frames.errorHandler = { failSending: (error) => this.onerror(error) }
    } else {
      this._socket = socket.link.stream
      this.#output = socket.link.output
      this.#frames = socket.connection.sender
    }
  }

  /**
   * One frame as a list of Buffers: header and payload, or one Buffer if the payload is empty or was masked into a copy.
   * With `mask` and without `readOnly` the data is masked in place.
   */
  static frame(data: Buffer | string, options: FrameOptions): Buffer[] {
    let payload = typeof data === 'string' ? Buffer.from(data) : (honest(data) as Buffer)
    const { length } = payload
    const masked = Boolean(options.mask)
    let key = 0
    if (masked) {
      const target = options.maskBuffer ?? Buffer.alloc(4)
      key = options.generateMask
        ? userMaskingKeys(options.generateMask as (target: Uint8Array) => void, target)()
        : sharedMaskingKeys()
      serializeMaskingKey(target, 0, key)
    }
    const size = headerSize(length, masked)
    const merge = masked && key !== 0 && Boolean(options.readOnly) && typeof data !== 'string' && length > 0
    const header = Buffer.allocUnsafe(merge ? size + length : size)
    const first = (options.fin ? FIN : 0) | (options.rsv1 ? RSV1 : 0) | options.opcode
    const end = serializeFrameHeader(header, 0, first, length, masked)
    if (masked) serializeMaskingKey(header, end, key)
    if (length === 0) return [header]
    if (masked && key !== 0) {
      const target = merge ? header : payload
      kernelsFor(undefined).mask(payload, 0, length, target, merge ? size : 0, key)
      payload = target
    }
    return merge ? [header] : [header, payload]
  }

  /** Octets that wait for compression or a Blob. */
  get _bufferedBytes(): number {
    return this.#frames.bufferedLength
  }

  set _bufferedBytes(length: number) {
    this.#frames.bufferedLength = length
  }

  close(code?: number, data?: string | Uint8Array, mask?: boolean, callback?: Callback): void {
    this.#control(OPCODE_CLOSE, closePayload(code, data), true, mask, callback)
  }

  ping(data: unknown, mask?: boolean, callback?: Callback): void {
    const { payload, owned } = controlPayloadOf(data)
    this.#control(OPCODE_PING, payload, owned, mask, callback)
  }

  pong(data: unknown, mask?: boolean, callback?: Callback): void {
    const { payload, owned } = controlPayloadOf(data)
    this.#control(OPCODE_PONG, payload, owned, mask, callback)
  }

  send(data: unknown, options: SendOptions, callback?: Callback): void {
    const { payload, owned } = payloadOf(data)
    const { binary, fin, compress, mask } = options
    // Not before: the extension may be given, and accepted, when the Sender is there already
    if (compress) this.#frames.deflater ??= this._extensions['permessage-deflate']?.transform ?? null
    const flags =
      (binary ? SEND_BINARY : 0) |
      (fin ? 0 : SEND_MORE) |
      (compress ? SEND_COMPRESS : 0) |
      (mask ? SEND_MASK : 0) |
      (owned ? SEND_OWNED : 0)
    this.#frames.sendMessage(payload, flags, callback && this.#bound(callback))
  }

  /** Sends a list that `Sender.frame` made, as it is: small pieces are copied, larger ones written where they are. */
  sendFrame(list: (Buffer | string)[], callback?: Callback): void {
    const output = this.#output
    let isBorrowed = false
    for (const piece of list) {
      const octets = toBuffer(piece)
      if (octets.length === 0) continue
      if (octets.length > COPY_LIMIT) {
        output.append(octets)
        isBorrowed = true
      } else {
        output.reserve(octets.length)
        output.slab.set(octets, output.at)
        output.commit(octets.length)
      }
    }
    // Its octets are the caller's, as in `send`
    output.leave(isBorrowed, callback)
  }

  #control(opcode: number, payload: Payload, owned: boolean, mask: boolean | undefined, callback: Callback | undefined): void {
    this.#frames.sendControl(opcode, payload, (mask ? SEND_MASK : 0) | (owned ? SEND_OWNED : 0), callback && this.#bound(callback))
  }

  #bound(callback: Callback): Callback {
    return this.#frames.isReady ? callback : bound(callback)
  }
}

const views = new WeakMap<Delivery, Sender>()

/** The Sender that stands for a connection: `ws._sender`. */
export function senderOf(delivery: Delivery, extensions: Extensions): Sender {
  let view = views.get(delivery)
  if (view === undefined) views.set(delivery, (view = new Sender(delivery, extensions)))
  return view
}
