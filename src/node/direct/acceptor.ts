// Takes the connections of an HTTP server before they become sockets, as long as nobody else has a hand on them, and gives those back to
// Node.js that do not begin with a plain request to upgrade: with what they sent, and as if nothing had been.

import { AsyncResource } from 'node:async_hooks'
import type { Buffer } from 'node:buffer'
import { channel } from 'node:diagnostics_channel'
import * as http from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { UpgradeHead } from '../../core/upgrade-head.js'
import { EMPTY_BUFFER } from '../delivery/data.js'
import { DirectRequest, prepareDirectRequests } from '../handshake/direct-request.js'
import { UNWATCHED } from '../handshake/refusal.js'
import {
  allowsDirect,
  asSocket,
  type DirectChoice,
  type DirectOrigin,
  type DirectReader,
  type DirectServer,
  DirectSocket,
  endStream,
  failStream,
  prepareDirectSockets
} from '../links/direct-socket.js'
import { canWriteDirectly } from '../links/handle-write.js'
import { directRegion, pushWhatComes, type ReceiveBufferChoice, type ReceiveRegion } from '../links/receive-buffer.js'
import {
  type BareHandle,
  type ConnectionListener,
  findHandleInternals,
  type HandleInternals,
  isKnownConnectionListener
} from '../runtime/handle-internals.js'
import { type InternalEmitter, isWritePatched, latin1Slice, ownEmit } from '../runtime/internals.js'
import { areWritesNodes } from '../links/socket-order.js'
import { type KernelsChoice, kernelsFor } from '../runtime/kernels.js'
import { startWaiting, stopWaiting, type Waiting } from './waiting.js'

/** What is looked at in an HTTP server, of which Node's types do not know all. */
type HttpServer = http.Server &
  DirectServer & {
    _handle: { onconnection?: ConnectionListener } | null
    blockList?: unknown
    pauseOnConnect?: boolean
    maxHeaderSize?: number
    insecureHTTPParser?: boolean
    joinDuplicateHeaders?: boolean
    requireHostHeader?: boolean
    shouldUpgradeCallback?: unknown
    httpValidation?: unknown
  }

/** What of a server's options matters. */
export interface DirectOptions {
  direct?: DirectChoice
  kernels?: KernelsChoice
  receiveBuffer?: ReceiveBufferChoice
}

/** Who is told of the requests to upgrade. */
export type UpgradeListener = (request: http.IncomingMessage, socket: Duplex, head: Buffer) => void

/** Node's own limit of a head, above which ours lies nowhere. */
const LEAST_HEADER_SIZE = 8192

/** Methods of a server that look at the connections that have sent no request. */
const CLOSING_METHODS = ['closeAllConnections', 'closeIdleConnections'] as const

const socketChannel = channel('net.server.socket')

const found = new UpgradeHead()

export class Acceptor implements DirectOrigin, DirectReader, Waiting {
  readonly server: HttpServer
  readonly region: ReceiveRegion
  private readonly listener: UpgradeListener
  private readonly internals: HandleInternals
  private listening: HttpServer['_handle'] = null
  private original: ConnectionListener | null = null
  private own: ConnectionListener | null = null
  /** That of the listening handle, in which Node has all that it does with a new connection. */
  private context: AsyncResource | null = null
  private readonly shouldUpgrade: unknown
  /** What stands before the server's methods. */
  private readonly closing: Partial<Record<(typeof CLOSING_METHODS)[number], () => void>> = {}

  constructor(server: HttpServer, region: ReceiveRegion, listener: UpgradeListener, internals: HandleInternals) {
    this.server = server
    this.region = region
    this.listener = listener
    this.internals = internals
    this.shouldUpgrade = server.shouldUpgradeCallback
  }

  /** To be called whenever the server begins to listen. */
  attach(): void {
    const { _handle: listening } = this.server
    if (!listening || listening === this.listening || !isKnownConnectionListener(listening.onconnection)) return
    const original = listening.onconnection
    const own: ConnectionListener = (error, handle) => this.accept(error, handle)
    this.listening = listening
    this.context = null
    this.original = original
    this.own = own
    listening.onconnection = own
    for (const name of CLOSING_METHODS) this.closeWith(name)
  }

  /** Leaves the server's connections to Node, those that have yet to send a request included. */
  detach(): void {
    stopWaiting(this)
    // Somebody else may have come since
    if (this.listening !== null && this.listening.onconnection === this.own) this.listening.onconnection = this.original!
    this.listening = null
    for (const name of CLOSING_METHODS) {
      if (this.server[name] === this.closing[name]) delete (this.server as Partial<HttpServer>)[name]
    }
  }

  /** Lets the server find all connections when it is to close them. */
  private closeWith(name: (typeof CLOSING_METHODS)[number]): void {
    const { server } = this
    if (Object.hasOwn(server, name)) return
    const value = (): void => {
      stopWaiting(this)
      http.Server.prototype[name].call(server)
    }
    this.closing[name] = value
    Object.defineProperty(server, name, { configurable: true, writable: true, value })
  }

  private accept(error: unknown, handle: BareHandle | undefined): void {
    const { server } = this
    if (error || handle === undefined || !this.mayTake(handle)) {
      this.original!.call(this.listening, error, handle)
      return
    }
    if (server.noDelay) handle.setNoDelay?.(true)
    if (server.keepAlive) handle.setKeepAlive?.(true, server.keepAliveInitialDelay!)
    server._connections++
    this.context ??= new AsyncResource('HybiAcceptor', { requireManualDestroy: true })
    const socket = new DirectSocket(handle, this)
    startWaiting(socket, this)
    DirectSocket.begin(socket)
  }

  /** Whether nobody but us would see the socket, or wants to. */
  private mayTake(handle: BareHandle): boolean {
    const { server } = this
    return (
      this.hasOnlyUs() &&
      listenersOf(server).connection === this.internals.httpConnection &&
      this.readsPlainly() &&
      server.emit === ownEmit &&
      server.maxConnections == null &&
      !server.blockList &&
      !server.pauseOnConnect &&
      !server.timeout &&
      !socketChannel.hasSubscribers &&
      canWriteDirectly() &&
      areWritesNodes() &&
      typeof handle.useUserBuffer === 'function'
    )
  }

  private hasOnlyUs(): boolean {
    return listenersOf(this.server).upgrade === this.listener
  }

  /** Whether heads are read as Node does without further options, which may be set at any time. */
  private readsPlainly(): boolean {
    const { server } = this
    return (
      (server as unknown as Record<symbol, unknown>)[this.internals.requestClass] === http.IncomingMessage &&
      server.maxHeaderSize === undefined &&
      server.maxHeadersCount === null &&
      !server.insecureHTTPParser &&
      !server.joinDuplicateHeaders &&
      server.shouldUpgradeCallback === this.shouldUpgrade
    )
  }

  /** The first that comes: the head of a request to upgrade, or something for Node. */
  receiveDirect(socket: DirectSocket, length: number): void {
    const { octets, start } = this.region
    if (!this.hasOnlyUs() || !found.find(octets, start, start + length)) return this.giveBack(socket, length)
    stopWaiting(this, socket)
    DirectSocket.setReader(socket, UNWATCHED)
    // All of it, before anybody else reads
    const request = new DirectRequest(latin1Slice.call(octets, start, start + length), found, socket)
    this.context!.runInAsyncScope(this.upgrade, this, request, socket)
  }

  private upgrade(request: DirectRequest, socket: DirectSocket): void {
    // As Node's parser has it, whose listeners do not share the context of the socket
    const resource = new AsyncResource('HTTPINCOMINGMESSAGE', { requireManualDestroy: true })
    resource.runInAsyncScope(emitUpgrade, this.server, request, socket)
    resource.emitDestroy()
  }

  directEnded(socket: DirectSocket): void {
    endStream(socket)
  }

  directFailed(socket: DirectSocket, error: Error): void {
    failStream(socket, error)
  }

  directClosed(): void {}

  /** Ended, or failed, before it said anything; or somebody found it among the open handles. */
  realised(socket: DirectSocket): void {
    stopWaiting(this, socket)
    this.context!.runInAsyncScope(() => this.server.emit('connection', asSocket(socket)))
  }

  /** Nothing came for a while: it is Node's to wait for it. */
  giveBackSilent(socket: DirectSocket): void {
    this.giveBack(socket, 0)
  }

  private giveBack(socket: DirectSocket, length: number): void {
    stopWaiting(this, socket)
    const octets = length === 0 ? null : DirectSocket.copyOf(socket, length)
    const handle = DirectSocket.release(socket)
    this.context!.runInAsyncScope(this.original!, this.listening, undefined, handle)
    const given = (handle as unknown as Record<symbol, unknown>)[this.internals.owner]
    // Refused, and closed
    if (!(given instanceof Socket)) return
    pushWhatComes(given, this.region)
    if (octets !== null) given.unshift(octets)
  }
}

/**
 * An acceptor for `server`; null if this server's connections, or those of this Node, are not to be taken.
 * @param listener the server's only listener of 'upgrade'
 */
export function acceptorFor(server: http.Server, options: DirectOptions, listener: UpgradeListener): Acceptor | null {
  if (!allowsDirect(options.direct) || isWritePatched || ownEmit === null || !canWriteDirectly()) return null
  const internals = findHandleInternals()
  const region = directRegion(options.receiveBuffer, kernelsFor(options.kernels))
  if (internals === null || region === null || !isPlainServer(server as HttpServer)) return null
  prepareDirectSockets(internals)
  prepareDirectRequests(internals)
  return new Acceptor(server as HttpServer, region, listener, internals)
}

function emitUpgrade(this: HttpServer, request: DirectRequest, socket: DirectSocket): void {
  this.emit('upgrade', request, socket, EMPTY_BUFFER)
}

/** One listener, or a list, for each event. */
function listenersOf(server: HttpServer): Record<string, unknown> {
  return (server as unknown as Required<InternalEmitter>)._events
}

/** Whether it is a server of Node's own, without options that say which heads are right. */
function isPlainServer(server: HttpServer): boolean {
  const plain = http.createServer() as HttpServer
  return (
    Object.getPrototypeOf(server) === http.Server.prototype &&
    http.maxHeaderSize >= LEAST_HEADER_SIZE &&
    server.requireHostHeader !== false &&
    server.httpValidation === plain.httpValidation &&
    String(server.shouldUpgradeCallback) === String(plain.shouldUpgradeCallback)
  )
}
