// What a WebSocket has under names with an underscore, because programs written for ws look at it, and set it.

import type { Buffer } from 'node:buffer'
import type { Duplex } from 'node:stream'
import { CLOSE_ABNORMAL, DEFAULT_CLOSE_TIMEOUT_MS } from '../../core/constants.js'
import { EMPTY_BUFFER } from '../delivery/data.js'
import type { Delivery } from '../delivery/delivery.js'
import { kDelivery, kExtensions, kIsServer, kReadyState, kSettings } from '../runtime/symbols.js'
import { receiverOf, type ReceiverOwner, type ReceiverView } from './receiver-view.js'
import { type Extensions, type Sender, senderOf } from './sender.js'

/** The state of a WebSocket that stands behind it. */
export interface WebSocketState extends ReceiverOwner {
  readonly readyState: number
  [kDelivery]: Delivery | null
  [kExtensions]: Extensions | null
  [kSettings]: { autoPong?: boolean; closeTimeout?: number }
  [kReadyState]: number
  [kIsServer]: boolean
}

/** The names. */
export interface PrivateSurface {
  _readyState: number
  _isServer: boolean
  _extensions: Extensions
  /** The socket. What was sent is written first, so that it may be used directly. */
  readonly _socket: Duplex | null
  readonly _sender: Sender | null
  readonly _receiver: ReceiverView | null
  _closeFrameSent: boolean
  _closeFrameReceived: boolean
  readonly _closeCode: number
  readonly _closeMessage: Buffer
  readonly _errorEmitted: boolean
  _autoPong: boolean
  /** In ms. */
  _closeTimeout: number
}

const accessors: PrivateSurface & ThisType<WebSocketState> = {
  get _readyState(): number {
    return this.readyState
  },

  set _readyState(state: number) {
    if (this[kDelivery] === null) this[kReadyState] = state
    else this[kDelivery].connection.setReadyState(state)
  },

  get _isServer(): boolean {
    return this[kDelivery] === null ? this[kIsServer] : this[kDelivery].connection.isServer
  },

  set _isServer(isServer: boolean) {
    this[kIsServer] = isServer
    this[kDelivery]?.connection.setServer(isServer)
  },

  get _extensions(): Extensions {
    return (this[kExtensions] ??= {})
  },

  set _extensions(extensions: Extensions) {
    this[kExtensions] = extensions
  },

  /** The socket. What was sent is written first, so that it may be used directly. */
  get _socket(): Duplex | null {
    if (this[kDelivery] === null) return null
    const { link } = this[kDelivery]
    link.output.flush()
    return link.stream
  },

  get _sender(): Sender | null {
    return this[kDelivery] === null ? null : senderOf(this[kDelivery], this._extensions)
  },

  get _receiver(): ReceiverView | null {
    return this[kDelivery] === null ? null : receiverOf(this[kDelivery], this)
  },

  get _closeFrameSent(): boolean {
    return this[kDelivery] !== null && this[kDelivery].connection.closeFrameSent
  },

  set _closeFrameSent(sent: boolean) {
    this[kDelivery]?.connection.setCloseFrameSent(sent)
  },

  get _closeFrameReceived(): boolean {
    return this[kDelivery] !== null && this[kDelivery].connection.closeFrameReceived
  },

  set _closeFrameReceived(received: boolean) {
    this[kDelivery]?.connection.setCloseFrameReceived(received)
  },

  get _closeCode(): number {
    return this[kDelivery] === null ? CLOSE_ABNORMAL : this[kDelivery].connection.closeCode
  },

  get _closeMessage(): Buffer {
    const reason = this[kDelivery]?.connection.closeReason
    return reason === undefined || reason.length === 0 ? EMPTY_BUFFER : (reason as Buffer)
  },

  get _errorEmitted(): boolean {
    return this[kDelivery] !== null && this[kDelivery].connection.errorReported
  },

  get _autoPong(): boolean {
    return this[kDelivery] === null ? Boolean(this[kSettings].autoPong) : this[kDelivery].connection.autoPong
  },

  set _autoPong(autoPong: boolean) {
    this[kSettings] = { ...this[kSettings], autoPong }
    this[kDelivery]?.connection.setAutoPong(autoPong)
  },

  get _closeTimeout(): number {
    return this[kSettings].closeTimeout ?? DEFAULT_CLOSE_TIMEOUT_MS
  },

  set _closeTimeout(closeTimeout: number) {
    this[kSettings] = { ...this[kSettings], closeTimeout }
    this[kDelivery]?.connection.setCloseTimeout(closeTimeout)
  }
}

/** Gives a prototype these names, as the accessors of a class are: not enumerable. */
export function definePrivateSurface(prototype: object): void {
  for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(accessors))) {
    Object.defineProperty(prototype, name, { ...descriptor, enumerable: false })
  }
}
