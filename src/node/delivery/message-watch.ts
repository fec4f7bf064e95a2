// Tells of messages, both ways: observers of their connections, and subscribers of diagnostics channels. As long as nobody has asked for
// that, no message pays for it, not even by a look at who has: methods on its way are replaced when somebody asks for the first time.

import { Connection } from '../../core/connection.js'
import { SEND_BINARY, SEND_MORE } from '../../core/send-flags.js'
import { type Payload, Sender } from '../../core/sender.js'
import type { WriteCallback } from '../../core/output.js'
import { messageChannel, sendChannel, whenSubscribed } from '../runtime/channels.js'
import { Delivery, type DeliveryOwner } from './delivery.js'
import { kObservers, tellMessageReceived, tellMessageSent } from './observer.js'

let watches = false

/** From here on, observers are told of messages. */
export function watchMessages(): void {
  if (watches) return
  watches = true
  const { emitMessage } = Delivery.prototype
  Delivery.prototype.emitMessage = function (data, isBinary, length) {
    noteReceived(this.owner, data, isBinary, length)
    emitMessage.call(this, data, isBinary, length)
  }
  const { sendMessage } = Sender.prototype
  Sender.prototype.sendMessage = function (payload, flags, callback) {
    const owner = ownerOf(this)
    if (owner === null) sendMessage.call(this, payload, flags, callback)
    else sendAndNote(sendMessage, this, owner, payload, flags, callback)
  }
}

whenSubscribed(messageChannel, watchMessages)
whenSubscribed(sendChannel, watchMessages)

function noteReceived(owner: DeliveryOwner, data: unknown, isBinary: boolean, length: number): void {
  const isObserved = owner[kObservers].length > 0
  if (!isObserved && !messageChannel.hasSubscribers) return
  const octets = length < 0 ? lengthOf(data) : length
  if (isObserved) tellMessageReceived(owner, octets)
  if (messageChannel.hasSubscribers) messageChannel.publish({ websocket: owner, data, isBinary, length: octets })
}

function sendAndNote(
  sendMessage: Sender['sendMessage'],
  sender: Sender,
  owner: DeliveryOwner,
  payload: Payload,
  flags: number,
  callback: WriteCallback | undefined
): void {
  const isObserved = owner[kObservers].length > 0
  if (!isObserved && !sendChannel.hasSubscribers) return sendMessage.call(sender, payload, flags, callback)
  // Before, as its memory may be gone afterwards
  const length = sender.lengthOf(payload)
  sendMessage.call(sender, payload, flags, callback)
  const fin = (flags & SEND_MORE) === 0
  if (isObserved) tellMessageSent(owner, length, fin)
  if (sendChannel.hasSubscribers) {
    sendChannel.publish({ websocket: owner, data: payload, isBinary: (flags & SEND_BINARY) !== 0, length, fin })
  }
}

/** Whose messages a sender sends; null if it is none of a WebSocket. */
function ownerOf({ errorHandler: connection }: Sender): DeliveryOwner | null {
  if (!(connection instanceof Connection)) return null
  const { handler } = connection
  return handler instanceof Delivery ? handler.owner : null
}

/** Octets of a message in whichever form. */
function lengthOf(data: unknown): number {
  if (Array.isArray(data)) return (data as Uint8Array[]).reduce((sum, { length }) => sum + length, 0)
  return (data as Uint8Array).byteLength ?? (data as Blob).size
}
