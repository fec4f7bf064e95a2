// How a server accepts a request (RFC 6455 §4.2.2): the header fields that say so, and the 101 response of HTTP/1.1 with them.

import type { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { acceptanceFields, type OutgoingHeaderFields, upgradeLines } from '../../core/opening-handshake.js'
import type { PerMessageDeflate } from '../compat/permessage-deflate.js'
import { DirectSocket, isDirect } from '../links/direct-socket.js'
import { writeHead } from '../links/output.js'
import type { ServerOptions } from '../options.js'
import { kLink } from '../runtime/symbols.js'
import { acceptKey } from './accept-key.js'
import { fail, unwatchErrors } from './refusal.js'

/**
 * Whether it is not too late to accept: a socket whose peer has gone is destroyed.
 * @throws {Error} if a WebSocket has the socket already
 */
export function isAcceptable(socket: Duplex): boolean {
  const isOpen = isDirect(socket) ? !DirectSocket.isClosed(socket) : socket.readable && socket.writable
  if (!isOpen) {
    socket.destroy()
    return false
  }
  if ((socket as { [kLink]?: unknown })[kLink]) {
    throw new Error('server.handleUpgrade() was called more than once with the same socket, possibly due to a misconfiguration')
  }
  return true
}

/** One of the offered subprotocols, the program's choice or the first; no text if it shall be none. */
export function chooseSubprotocol(
  { handleProtocols }: ServerOptions,
  offers: Set<string>,
  request: IncomingMessage
): string | false | undefined {
  if (offers.size === 0) return undefined
  return handleProtocols ? handleProtocols(offers, request) : offers.values().next().value
}

/**
 * The header fields of the acceptance.
 * @throws {TypeError} for a subprotocol that cannot be sent; the client gets 500 then
 */
export function acceptanceFor(
  socket: Duplex,
  key: string,
  subprotocol: string | false | undefined,
  deflate: PerMessageDeflate | undefined
): OutgoingHeaderFields {
  try {
    return acceptanceFields({ accept: acceptKey(key), subprotocol: subprotocol || undefined, deflate: deflate?.params })
  } catch (error) {
    fail(socket)
    throw error
  }
}

/** Sends the 101 response, with what listeners of the server's event 'headers' make of its lines. */
export function sendAcceptance(server: EventEmitter, request: IncomingMessage, socket: Duplex, fields: OutgoingHeaderFields): void {
  const lines = upgradeLines(fields)
  server.emit('headers', lines, request)
  writeHead(socket, lines)
  unwatchErrors(socket)
}
