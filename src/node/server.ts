// WebSocketServer: listens itself, or beside an HTTP server, or has requests handed to it.

import { EventEmitter } from 'node:events'
import * as http from 'node:http'
import type { AddressInfo } from 'node:net'
import process from 'node:process'
import type { Duplex } from 'node:stream'
import type { Extensions } from './compat/sender.js'
import { acceptorFor } from './direct/acceptor.js'
import { acceptanceFor, chooseSubprotocol, isAcceptable, sendAcceptance } from './handshake/acceptance.js'
import { isPathOf, verify } from './handshake/admission.js'
import { refuse, reject, watchErrors } from './handshake/refusal.js'
import { UpgradeRequest } from './handshake/request.js'
import {
  type CompleteServerOptions,
  type ConnectionSettings,
  type ServerOptions,
  serverOptions,
  type VerifyClient
} from './options.js'
import { kObservers, NO_OBSERVERS, observe, type Observers } from './delivery/observer.js'
import { defineStats } from './observation.js'
import type { ServerStats } from '../services/counters.js'
import {
  CLOSED,
  CLOSING,
  defineServerServices,
  kServices,
  RUNNING,
  type ServerMethods,
  type ServerServices,
  servicesOf,
  type UpgradeCallback
} from './server-services.js'
import { kTakeOver, ownSend, ownSetSocket, WebSocket } from './websocket.js'

export type { UpgradeCallback }

const kSettings = Symbol('hybi.settings')

export class WebSocketServer extends EventEmitter {
  /** Those of the last connection. */
  [kSettings]: ConnectionSettings | null = null;
  /** Told of each connection. */
  [kObservers]: Observers<WebSocket> = NO_OBSERVERS
  readonly options: CompleteServerOptions<typeof WebSocket>
  /** Connections that are open; undefined with `clientTracking: false`. */
  declare clients: Set<WebSocket> | undefined
  declare stats: () => ServerStats
  _server: http.Server | null | undefined
  _state: number
  _shouldEmitClose = false
  _removeListeners: (() => void) | null = null;
  // See server-services.ts
  declare [kServices]: ServerServices | null
  declare broadcast: ServerMethods['broadcast']
  declare shutdown: ServerMethods['shutdown'];
  declare [Symbol.asyncDispose]: ServerMethods[typeof Symbol.asyncDispose]

  constructor(options: ServerOptions<typeof WebSocket>, callback?: () => void) {
    super()
    const settings = serverOptions(options, WebSocket)
    const services = servicesOf(settings)
    if (services !== null) this[kServices] = services
    if (settings.port != null) {
      this._server = http.createServer(requireUpgrade)
      // As positional arguments, where null is no value
      const { port, host, backlog } = settings as unknown as { port: number; host: string; backlog: number }
      this._server.listen(port, host, backlog, callback)
    } else if (settings.server) {
      this._server = settings.server
    }
    if (settings.clientTracking) {
      this.clients = new Set()
      this[kObservers] = [{ closed: (websocket) => leave(this, websocket) }]
    }
    this.options = settings
    this._state = RUNNING
    if (this._server) this._removeListeners = this.#listen(this._server)
  }

  /**
   * Where the HTTP server listens: as `net.Server.address()`, null once it is closed.
   * @throws {Error} with `noServer`
   */
  address(): AddressInfo | string | null {
    if (this.options.noServer) throw new Error('The server is operating in "noServer" mode')
    return this._server ? this._server.address() : null
  }

  /**
   * Stops accepting connections; those that are open stay. 'close' follows when the last of them is closed.
   * @param callback called with the next 'close', with an error if the server was closed already
   */
  close(callback?: (error?: Error) => void): void {
    if (this._state === CLOSED) {
      if (callback) this.once('close', () => callback(new Error('The server is not running')))
      process.nextTick(emitClose, this)
      return
    }
    if (callback) this.once('close', callback)
    if (this._state === CLOSING) return
    this._state = CLOSING

    const server = this._server
    if (server) {
      this._removeListeners!()
      this._removeListeners = this._server = null
    }
    if (server && !this.options.server) server.close(() => emitClose(this))
    else if (this.clients && this.clients.size > 0) this._shouldEmitClose = true
    else process.nextTick(emitClose, this)
  }

  /** Whether this server is meant: the request's path is that of the options. To be overridden if that is not enough. */
  shouldHandle(request: http.IncomingMessage): boolean {
    return isPathOf(this.options.path, request)
  }

  /** Answers a request to upgrade; `callback` gets the WebSocket, which in the other modes is 'connection's argument. */
  handleUpgrade(request: http.IncomingMessage, socket: Duplex, head: Buffer, callback: UpgradeCallback): void {
    watchErrors(socket)
    const asked = new UpgradeRequest(request)
    let refusal = asked.check()
    if (refusal !== null) return reject(this, request, socket, refusal)
    if (!this.shouldHandle(request)) return refuse(socket, { status: 400 }, request)
    // Ours changes nothing that it is given
    refusal = asked.readOffers(this.options, this.completeUpgrade === ownCompleteUpgrade)
    if (refusal !== null) return reject(this, request, socket, refusal)
    if (this[kServices] !== null) return this[kServices].admit(this, asked, request, socket, head, callback)
    const { verifyClient } = this.options
    if (verifyClient) ask(this, verifyClient, asked, request, socket, head, callback)
    // Nothing here is captured by a closure: that would be 160 octets of garbage for each handshake
    else this.completeUpgrade(asked.extensions, asked.key, asked.subprotocols, request, socket, head, callback)
  }

  /** Sends the 101 response and hands over the socket. */
  completeUpgrade(
    extensions: Extensions,
    key: string,
    protocols: Set<string>,
    request: http.IncomingMessage,
    socket: Duplex,
    head: Buffer,
    callback: UpgradeCallback
  ): void {
    if (!isAcceptable(socket)) return
    if (this._state > RUNNING) return refuse(socket, { status: 503 }, request)

    const { options } = this
    const websocket = new options.WebSocket(null, undefined, options)
    const subprotocol = chooseSubprotocol(options, protocols, request)
    if (subprotocol) websocket._protocol = subprotocol
    const deflate = extensions['permessage-deflate']
    if (deflate) websocket._extensions = extensions
    sendAcceptance(this, request, socket, acceptanceFor(socket, key, subprotocol, deflate))
    handOver(this, websocket, socket, head, request)
    if (this[kServices] !== null) this[kServices].opened(websocket)
    if (this.clients) this.clients.add(websocket)
    if (this[kObservers].length > 0) observe(websocket, this[kObservers])
    callback(websocket, request)
  }

  #listen(server: http.Server): () => void {
    const connected: UpgradeCallback = (...args) => this.emit('connection', ...args)
    const listeners: Record<string, (...args: any[]) => void> = {
      listening: () => this.emit('listening'),
      error: (error: Error) => this.emit('error', error),
      upgrade: (request: http.IncomingMessage, socket: Duplex, head: Buffer) => this.handleUpgrade(request, socket, head, connected)
    }
    const acceptor = acceptorFor(server, this.options, listeners.upgrade)
    if (acceptor !== null) {
      const { listening } = listeners
      listeners.listening = () => {
        acceptor.attach()
        listening()
      }
      if (server.listening) acceptor.attach()
    }
    for (const event of Object.keys(listeners)) server.on(event, listeners[event])
    return () => {
      acceptor?.detach()
      for (const event of Object.keys(listeners)) server.removeListener(event, listeners[event])
    }
  }
}

/** A program that has put its own in place of it may change what it is given. */
const { completeUpgrade: ownCompleteUpgrade } = WebSocketServer.prototype

defineServerServices(WebSocketServer.prototype, ownSend)

/** Lets the program decide. */
function ask(
  server: WebSocketServer,
  verifyClient: VerifyClient,
  asked: UpgradeRequest,
  request: http.IncomingMessage,
  socket: Duplex,
  head: Buffer,
  callback: UpgradeCallback
): void {
  verify(verifyClient, request, asked, (refusal) => {
    if (refusal !== null) refuse(socket, refusal, request)
    else server.completeUpgrade(asked.extensions, asked.key, asked.subprotocols, request, socket, head, callback)
  })
}

/** Gives the WebSocket its socket, and its settings, which are those of the connection before it as long as the options say the same. */
function handOver(
  server: WebSocketServer,
  websocket: WebSocket,
  socket: Duplex,
  head: Buffer,
  request: http.IncomingMessage
): void {
  const { options } = server
  if (websocket.setSocket === ownSetSocket) {
    server[kSettings] = websocket[kTakeOver](socket, head, options, undefined, server[kSettings], server, request)
    return
  }
  const { allowSynchronousEvents, maxBufferedChunks, maxFragments, maxPayload, skipUTF8Validation } = options
  websocket.setSocket(socket, head, { allowSynchronousEvents, maxBufferedChunks, maxFragments, maxPayload, skipUTF8Validation })
}

/** Answers requests that are not for a WebSocket (RFC 7231 §6.5.15). */
function requireUpgrade(_request: http.IncomingMessage, response: http.ServerResponse): void {
  const body = http.STATUS_CODES[426]!
  response.writeHead(426, { 'Content-Length': body.length, 'Content-Type': 'text/plain' })
  response.end(body)
}

function leave(server: WebSocketServer, websocket: WebSocket): void {
  server.clients!.delete(websocket)
  if (server._shouldEmitClose && server.clients!.size === 0) process.nextTick(emitClose, server)
}

function emitClose(server: WebSocketServer): void {
  server._state = CLOSED
  server.emit('close')
}

defineStats(WebSocketServer.prototype)
