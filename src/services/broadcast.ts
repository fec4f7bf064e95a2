// One message to many connections: looked at once, framed once, compressed once for all that have the same history.

import type { Buffer } from 'node:buffer'
import { OPEN } from '../core/constants.js'
import { SEND_BINARY, SEND_COMPRESS } from '../core/send-flags.js'
import type { Payload, Sender } from '../core/sender.js'
import { kDelivery } from '../node/runtime/symbols.js'
import { booleanOption, functionOption, wrongType } from './option-checks.js'

/** Whom a message may be for. */
export interface Recipient {
  send: unknown
  [kDelivery]: { connection: { readonly readyState: number; readonly sender: Sender } } | null
}

export interface BroadcastOptions<Client> {
  binary?: boolean | undefined
  compress?: boolean | undefined
  except?: Client | Iterable<Client> | null | undefined
  filter?: ((client: Client) => boolean) | null | undefined
}

/** A message as senders take it. */
export interface BroadcastMessage {
  data: unknown
  payload: Payload
  /** SEND_OWNED, or 0. */
  flags: number
  /** The octets of text. */
  encode(text: string): Buffer
}

/** The `send` of connections that is theirs; whoever has another is sent the message by that. */
type Send = (data: unknown, options: { binary: boolean; compress: boolean }) => void

/**
 * Sends a message to all clients that are open, but for those that the options leave out. Returns how many they were.
 * @throws {TypeError} for options that are none; what a `filter` or a program's own `send` throws, when all others have been sent it
 */
export function broadcast<Client extends Recipient>(
  clients: Iterable<Client>,
  message: BroadcastMessage,
  options: BroadcastOptions<Client>,
  ownSend: unknown
): number {
  const { data, payload } = message
  const isText = typeof data === 'string' || typeof data === 'number'
  const binary = options.binary === undefined ? !isText : booleanOption('binary', options.binary)
  const compress = options.compress === undefined || booleanOption('compress', options.compress)
  const filter = functionOption('filter', options.filter)
  const excepted = exceptionsOf(options.except)
  const flags = message.flags | (binary ? SEND_BINARY : 0)
  /** Text is the same octets for all that compress it. */
  let octets: Payload | null = typeof payload === 'string' ? null : payload
  let thrown: { error: unknown } | null = null
  let count = 0
  for (const client of clients) {
    const delivery = client[kDelivery]
    if (delivery == null || delivery.connection.readyState !== OPEN) continue
    if (excepted !== null && excepted.has(client)) continue
    try {
      if (filter !== null && !filter(client)) continue
      const { sender } = delivery.connection
      if (client.send !== ownSend) (client.send as Send)(data, { binary, compress })
      else if (!compress || sender.deflater === null) sender.sendMessage(payload, flags, undefined)
      else sender.sendMessage((octets ??= message.encode(payload as string)), flags | SEND_COMPRESS, undefined)
      count++
    } catch (error) {
      thrown ??= { error }
    }
  }
  if (thrown !== null) throw thrown.error
  return count
}

/** Those that are left out; null for nobody. */
function exceptionsOf<Client extends Recipient>(except: BroadcastOptions<Client>['except']): ReadonlySet<Client> | null {
  if (except == null) return null
  if (typeof except !== 'object') return wrongType('except', except, 'a WebSocket, or several')
  if (kDelivery in except) return new Set([except])
  if (Symbol.iterator in except) return new Set(except)
  return wrongType('except', except, 'a WebSocket, or several')
}
