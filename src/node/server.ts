// WebSocketServer: listens itself, or beside an HTTP server, or has requests handed to it.

import { EventEmitter } from 'node:events'
import * as http from 'node:http'
import type { AddressInfo } from 'node:net'
import process from 'node:process'
import type { Duplex } from 'node:stream'
import { accept, handleUpgrade, kSettings, RUNNING, type UpgradeCallback } from './handshake/upgrade.js'
import type { Extensions } from './compat/sender.js'
import { type CompleteServerOptions, type ConnectionSettings, type ServerOptions, serverOptions } from './options.js'
import { kOnClosed, WebSocket } from './websocket.js'

const CLOSING = 1
const CLOSED = 2

export class WebSocketServer extends EventEmitter {
  /** Those of the last connection, which the next one shares as long as the options stay what they are. */
  [kSettings]: ConnectionSettings | null = null
  readonly options: CompleteServerOptions<typeof WebSocket>
  /** Connections that are open; undefined with `clientTracking: false`. */
  declare clients: Set<WebSocket> | undefined
  _server: http.Server | null | undefined
  _state: number
  _shouldEmitClose = false
  _removeListeners: (() => void) | null = null
  readonly #forget = (websocket: WebSocket): void => {
    this.clients!.delete(websocket)
    if (this._shouldEmitClose && this.clients!.size === 0) process.nextTick(emitClose, this)
  }

  constructor(options: ServerOptions<typeof WebSocket>, callback?: () => void) {
    super()
    const settings = serverOptions(options, WebSocket)
    if (settings.port != null) {
      this._server = http.createServer(requireUpgrade)
      // As positional arguments, where null is no value
      const { port, host, backlog } = settings as unknown as { port: number; host: string; backlog: number }
      this._server.listen(port, host, backlog, callback)
    } else if (settings.server) {
      this._server = settings.server
    }
    if (this._server) this._removeListeners = this.#listen(this._server)
    if (settings.clientTracking) this.clients = new Set()
    this.options = settings
    this._state = RUNNING
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
   * @param callback called with the next 'close', with an error where the server was closed already
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

  /** Whether this server is meant: the request's path is that of the options. To be overridden where that is not enough. */
  shouldHandle(request: http.IncomingMessage): boolean {
    const { path } = this.options
    if (!path) return true
    const url = String(request.url)
    const query = url.indexOf('?')
    return (query < 0 ? url : url.slice(0, query)) === path
  }

  /** Answers a request to upgrade; `callback` gets the WebSocket, which in the other modes is 'connection's argument. */
  handleUpgrade(request: http.IncomingMessage, socket: Duplex, head: Buffer, callback: UpgradeCallback): void {
    const isOwn = this.completeUpgrade === WebSocketServer.prototype.completeUpgrade
    handleUpgrade(this, request, socket, head, callback, isOwn)
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
    const websocket = accept(this, extensions, key, protocols, request, socket, head)
    if (websocket === null) return
    if (this.clients) {
      this.clients.add(websocket)
      websocket[kOnClosed] = this.#forget
    }
    callback(websocket, request)
  }

  #listen(server: http.Server): () => void {
    const connected: UpgradeCallback = (websocket, request) => this.emit('connection', websocket, request)
    const listeners: Record<string, (...args: any[]) => void> = {
      listening: () => this.emit('listening'),
      error: (error: Error) => this.emit('error', error),
      upgrade: (request: http.IncomingMessage, socket: Duplex, head: Buffer) => this.handleUpgrade(request, socket, head, connected)
    }
    for (const event of Object.keys(listeners)) server.on(event, listeners[event])
    return () => {
      for (const event of Object.keys(listeners)) server.removeListener(event, listeners[event])
    }
  }
}

/** Answers requests that are not for a WebSocket (RFC 7231 §6.5.15). */
function requireUpgrade(_request: http.IncomingMessage, response: http.ServerResponse): void {
  const body = http.STATUS_CODES[426]!
  response.writeHead(426, { 'Content-Length': body.length, 'Content-Type': 'text/plain' })
  response.end(body)
}

function emitClose(server: WebSocketServer): void {
  server._state = CLOSED
  server.emit('close')
}
