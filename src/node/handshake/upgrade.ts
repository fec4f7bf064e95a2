// The server's side of the opening handshake (RFC 6455 §4.2): from a request to a WebSocket, or to a refusal.

import * as http from 'node:http'
import type { Duplex } from 'node:stream'
import { types } from 'node:util'
import {
  acceptanceLines,
  acceptExtensionOffers,
  checkRequest,
  type HeaderFields,
  parseSubprotocolOffers,
  type Refusal,
  refusalResponse,
  versionOf
} from '../../core/opening-handshake.js'
import { acceptKey } from './accept-key.js'
import { writeHead } from '../links/output.js'
import { PerMessageDeflate, type PerMessageDeflateOptions } from '../compat/permessage-deflate.js'
import type { WebSocketServer } from '../server.js'
import type { VerifyClient, ClientInfo } from '../options.js'
import { kTransport } from '../runtime/symbols.js'
import type { TransportSocket } from '../links/transport.js'
import type { Extensions } from '../compat/sender.js'
import { kTakeOver, ownSetSocket, type WebSocket } from '../websocket.js'

/** State of a server that accepts connections; those of one that is closing or closed are greater. */
export const RUNNING = 0

export const kSettings = Symbol('hybi.settings')

export type UpgradeCallback = (websocket: WebSocket, request: http.IncomingMessage) => void

/** Offers of most requests. */
const NO_SUBPROTOCOLS: Set<string> = new Set()

/**
 * The header fields as the core takes them. A request that was made by hand (to test an HTTP framework's routes, say) may have numbers,
 * lists or null, which count for what they do in ws; a parser of HTTP gives strings.
 */
function fieldsOf(headers: http.IncomingHttpHeaders | undefined): HeaderFields {
  if (headers === undefined || headers === null) return {}
  const { upgrade } = headers
  const key = headers['sec-websocket-key']
  const version = headers['sec-websocket-version']
  const protocol = headers['sec-websocket-protocol']
  const extensions = headers['sec-websocket-extensions']
  if (isField(upgrade) && isField(key) && isField(version) && isField(protocol) && isField(extensions))
    return headers as HeaderFields
  return {
    upgrade: textOr(undefined, upgrade),
    'sec-websocket-key': key === undefined ? undefined : converted(String, key, ''),
    'sec-websocket-version': String(converted(Number, version, NaN)),
    // What is no text breaks the grammar, like text that is empty
    'sec-websocket-protocol': protocol === undefined ? undefined : textOr('', protocol),
    'sec-websocket-extensions': extensions === undefined ? undefined : textOr('', extensions)
  }
}

function isField(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string'
}

/** `value` where it is text, a String object included. */
function textOr<T>(otherwise: T, value: unknown): string | T {
  return typeof value === 'string' || types.isStringObject(value) ? String(value) : otherwise
}

function converted<T>(convert: (value: unknown) => T, value: unknown, otherwise: T): T {
  try {
    return convert(value)
  } catch {
    return otherwise
  }
}

/**
 * Checks a request in ws's order and completes the upgrade, or refuses it.
 * @param isOwn whether `server.completeUpgrade` is ours, which changes nothing that it is given: offers of none may be one object for all
 */
export function handleUpgrade(
  server: WebSocketServer,
  request: http.IncomingMessage,
  socket: Duplex,
  head: Buffer,
  callback: UpgradeCallback,
  isOwn: boolean
): void {
  socket.on('error', destroy)
  const headers = fieldsOf(request.headers)
  const refusal = checkRequest({ method: request.method!, headers })
  if (refusal !== null) return reject(server, request, socket, refusal)
  if (!server.shouldHandle(request)) return refuse(socket, { status: 400 })

  const offersNone = isOwn && headers['sec-websocket-protocol'] === undefined
  const protocols = offersNone ? NO_SUBPROTOCOLS : parseSubprotocolOffers(headers)
  if ('status' in protocols) return reject(server, request, socket, protocols)

  const { options } = server
  const extensions: Extensions = {}
  if (options.perMessageDeflate && headers['sec-websocket-extensions'] !== undefined) {
    const deflate = new PerMessageDeflate({
      ...(options.perMessageDeflate as PerMessageDeflateOptions),
      isServer: true,
      maxPayload: options.maxPayload
    })
    const accepted = acceptExtensionOffers(headers, (offers) => deflate.accept(offers))
    if (typeof accepted === 'object') return reject(server, request, socket, accepted)
    if (accepted) extensions['permessage-deflate'] = deflate
  }

  // Nothing here is captured by a closure: that would be 160 octets of garbage for each handshake
  const key = headers['sec-websocket-key'] as string
  if (!options.verifyClient) return server.completeUpgrade(extensions, key, protocols, request, socket, head, callback)
  verify(options.verifyClient, server, extensions, key, protocols, request, socket, head, callback)
}

/** Asks the program, which may answer later, and completes the upgrade or refuses. */
function verify(
  verifyClient: VerifyClient,
  server: WebSocketServer,
  extensions: Extensions,
  key: string,
  protocols: Set<string>,
  request: http.IncomingMessage,
  socket: Duplex,
  head: Buffer,
  callback: UpgradeCallback
): void {
  const complete = () => server.completeUpgrade(extensions, key, protocols, request, socket, head, callback)
  const { authorized, encrypted } = (request.socket ?? {}) as { authorized?: boolean; encrypted?: boolean }
  // As it is, whatever that is
  const origin = request.headers[versionOf(fieldsOf(request.headers)) === 8 ? 'sec-websocket-origin' : 'origin'] as
    string | undefined
  const info: ClientInfo = { origin, secure: Boolean(authorized || encrypted), req: request }
  if (verifyClient.length === 2) {
    verifyClient(info, (verified, status, message, extraHeaders) => {
      if (verified) complete()
      else refuse(socket, { status: status || 401, message, headers: extraHeaders })
    })
  } else if ((verifyClient as (info: ClientInfo) => boolean)(info)) {
    complete()
  } else {
    refuse(socket, { status: 401 })
  }
}

/** Answers with 101 and hands the socket to a new WebSocket; null where it is too late for that. */
export function accept(
  server: WebSocketServer,
  extensions: Extensions,
  key: string,
  protocols: Set<string>,
  request: http.IncomingMessage,
  socket: Duplex,
  head: Buffer
): WebSocket | null {
  // The client has gone already
  if (!socket.readable || !socket.writable) {
    socket.destroy()
    return null
  }
  if ((socket as TransportSocket)[kTransport]) {
    throw new Error('server.handleUpgrade() was called more than once with the same socket, possibly due to a misconfiguration')
  }
  if (server._state > RUNNING) {
    refuse(socket, { status: 503 })
    return null
  }

  const { options } = server
  const websocket = new options.WebSocket(null, undefined, options)
  if (protocols.size > 0) {
    const chosen = options.handleProtocols ? options.handleProtocols(protocols, request) : protocols.values().next().value
    if (chosen) websocket._protocol = chosen
  }
  const deflate = extensions['permessage-deflate']
  let lines: string[]
  try {
    lines = acceptanceLines({ accept: acceptKey(key), subprotocol: websocket._protocol, deflate: deflate?.params })
  } catch (error) {
    fail(socket)
    throw error
  }
  if (deflate) websocket._extensions = extensions
  server.emit('headers', lines, request)
  writeHead(socket, lines)
  socket.removeListener('error', destroy)
  if (websocket.setSocket === ownSetSocket) {
    server[kSettings] = websocket[kTakeOver](socket, head, options, undefined, server[kSettings])
  } else {
    websocket.setSocket(socket, head, {
      allowSynchronousEvents: options.allowSynchronousEvents,
      maxBufferedChunks: options.maxBufferedChunks,
      maxFragments: options.maxFragments,
      maxPayload: options.maxPayload,
      skipUTF8Validation: options.skipUTF8Validation
    })
  }
  return websocket
}

/** Refuses, or leaves that to a 'wsClientError' listener. */
function reject(server: WebSocketServer, request: http.IncomingMessage, socket: Duplex, refusal: Refusal): void {
  if (server.listenerCount('wsClientError') > 0) server.emit('wsClientError', new Error(refusal.message), socket, request)
  else refuse(socket, refusal)
}

/** Answers with a response made of what the program may have given; where that cannot be sent, with 500, and the program gets the error. */
function refuse(
  socket: Duplex,
  refusal: { status: number; message?: string | undefined; headers?: Readonly<Record<string, unknown>> | undefined }
): void {
  let response: string
  try {
    response = refusalResponse(refusal, http.STATUS_CODES[refusal.status])
  } catch (error) {
    fail(socket)
    throw error
  }
  end(socket, response)
}

/** Answers with 500: the program gave something that cannot be sent, and gets the error. */
function fail(socket: Duplex): void {
  end(socket, refusalResponse({ status: 500 }, http.STATUS_CODES[500]))
}

function end(socket: Duplex, response: string): void {
  socket.once('finish', socket.destroy)
  socket.end(response)
}

function destroy(this: Duplex): void {
  this.destroy()
}
