// What a server does beyond ws: whom it lets in, how much each client may send, broadcasting and shutting down. A server whose options ask
// for none of it has none of it.

import { Buffer } from 'node:buffer'
import type { EventEmitter } from 'node:events'
import type * as http from 'node:http'
import type { Duplex } from 'node:stream'
import { SEND_OWNED } from '../core/send-flags.js'
import { Admission, ADMISSION_OPTIONS, type RefusalResponse, type Verify } from '../services/admission.js'
import { broadcast, type BroadcastMessage, type BroadcastOptions } from '../services/broadcast.js'
import { RateLimit } from '../services/rate-limit.js'
import { shutDown, type ShutdownOptions, shutdownOptions, type ShutdownResult, type ShutdownServer } from '../services/shutdown.js'
import type { Time } from '../services/time.js'
import { payloadOf } from './compat/sender.js'
import { originOf, verify } from './handshake/admission.js'
import { refuse, watchErrors } from './handshake/refusal.js'
import type { UpgradeRequest } from './handshake/request.js'
import type { ServerOptions } from './options.js'
import { nodeClock } from './runtime/node-clock.js'
import { kDelivery } from './runtime/symbols.js'
import { nextTick } from './runtime/ticks.js'
import type { WebSocket } from './websocket.js'

/** Called with the connection of a client that was let in, and with what `authenticate` gave, if there is one. */
export type UpgradeCallback = (websocket: WebSocket, request: http.IncomingMessage, context?: unknown) => void

/** States of a server. */
export const RUNNING = 0
export const CLOSING = 1
export const CLOSED = 2

/** Up to this length senders copy what is theirs; what is longer is copied once for all. */
const COPIED_LENGTH = 32 * 1024

// As it is at the time: a program with fake timers expects those of its server to be among them
const time: Time = { ...nodeClock, now: () => performance.now() }

export const kServices = Symbol('hybi.services')

/** What is asked of a server. */
export interface ServedServer extends EventEmitter {
  readonly options: ServerOptions
  readonly clients: Set<WebSocket> | undefined
  _state: number
  _server: http.Server | null | undefined
  close(callback?: () => void): void
  completeUpgrade(
    extensions: UpgradeRequest['extensions'],
    key: string,
    subprotocols: Set<string>,
    request: http.IncomingMessage,
    socket: Duplex,
    head: Buffer,
    callback: UpgradeCallback
  ): void
  [kServices]: ServerServices | null
}

/** The methods of a server that ws does not have. */
export interface ServerMethods {
  broadcast(data: unknown, options?: BroadcastOptions<WebSocket>): number
  shutdown(options?: ShutdownOptions): Promise<ShutdownResult>
  [Symbol.asyncDispose](): Promise<void>
}

/** The services of one server, as its options ask for them. */
export class ServerServices {
  private readonly admission: Admission<http.IncomingMessage>
  private readonly rateLimit: RateLimit | null

  /** @throws {TypeError} or {RangeError} for an option that is none */
  constructor(options: ServerOptions) {
    this.admission = new Admission<http.IncomingMessage>(options, time)
    this.rateLimit = options.rateLimit == null ? null : new RateLimit(options.rateLimit, time)
  }

  /** Lets a client in whose request is right, or refuses it. */
  admit(
    server: ServedServer,
    asked: UpgradeRequest,
    request: http.IncomingMessage,
    socket: Duplex,
    head: Buffer,
    callback: UpgradeCallback
  ): void {
    if (server._state > RUNNING) return refuse(socket, { status: 503 }, request)
    const { verifyClient } = server.options
    const ask: Verify | null = verifyClient ? (done) => verify(verifyClient, request, asked, done) : null
    this.admission.admit({ request, socket, head, origin: originOf(request, asked) }, ask, {
      refuse: (refusal: RefusalResponse) => refuse(socket, refusal, request),
      accept: (rest, context) => {
        const { extensions, key, subprotocols } = asked
        const done: UpgradeCallback = context === undefined ? callback : (websocket) => callback(websocket, request, context)
        server.completeUpgrade(extensions, key, subprotocols, request, socket, rest, done)
      }
    })
  }

  /** A connection is open. */
  opened(websocket: WebSocket): void {
    const delivery = websocket[kDelivery]
    // A class of the program's may have it open later
    if (this.rateLimit !== null && delivery !== null) this.rateLimit.limit(delivery)
  }

  /** The server closes: who is not let in yet will not be. */
  close(): void {
    this.admission.close()
  }
}

/**
 * The services that `options` ask for; null for those of ws.
 * @throws {TypeError} or {RangeError} for an option that is none
 */
export function servicesOf(options: ServerOptions): ServerServices | null {
  const asks = options.rateLimit != null || ADMISSION_OPTIONS.some((name) => options[name] != null)
  return asks ? new ServerServices(options) : null
}

/**
 * Gives a prototype of servers the methods. Programs may have their own of these names: nothing here calls them by name.
 * @param ownSend the `send` of connections
 */
export function defineServerServices(prototype: Omit<ServedServer, typeof kServices>, ownSend: unknown): void {
  const { close } = prototype
  const methods: ServerMethods & ThisType<ServedServer> = {
    broadcast(data, options) {
      const { clients } = this
      if (clients === undefined) throw new Error('The server knows no clients: its option "clientTracking" is false')
      return broadcast(clients, messageOf(data), options ?? {}, ownSend)
    },

    async shutdown(options) {
      return shutDownOnce(this, shutdownOptions(options), close)
    },

    async [Symbol.asyncDispose]() {
      await shutDownOnce(this, shutdownOptions(), close)
    }
  }
  const descriptors = Object.getOwnPropertyDescriptors(methods)
  for (const key of Reflect.ownKeys(descriptors)) {
    Object.defineProperty(prototype, key, { ...descriptors[key as keyof ServerMethods], enumerable: false })
  }
  Object.defineProperty(prototype, kServices, { value: null, writable: true })
}

function messageOf(data: unknown): BroadcastMessage {
  const { payload, owned } = payloadOf(typeof data === 'number' ? data.toString() : data || '')
  const isLarge = ArrayBuffer.isView(payload) && !owned && payload.length > COPIED_LENGTH
  return {
    data,
    // The caller's again when this returns, however long some clients take
    payload: isLarge ? Buffer.from(payload) : payload,
    flags: owned || isLarge ? SEND_OWNED : 0,
    encode: (text) => Buffer.from(text)
  }
}

const shutdowns = new WeakMap<ServedServer, Promise<ShutdownResult>>()

/** Shuts a server down; what is called once more waits for what is under way. */
function shutDownOnce(
  server: ServedServer,
  options: Required<ShutdownOptions>,
  close: ServedServer['close']
): Promise<ShutdownResult> {
  let shutdown = shutdowns.get(server)
  if (shutdown === undefined) {
    // Noted before any program's method can call us again
    let begin: (result: Promise<ShutdownResult>) => void
    shutdowns.set(server, (shutdown = new Promise<ShutdownResult>((resolve) => (begin = resolve))))
    begin!(shutDown(new Ending(server, close), options, time))
  }
  return shutdown
}

/** A server that is being shut down. */
class Ending implements ShutdownServer {
  /** Its own, where it listens itself. */
  private readonly httpServer: http.Server | null

  constructor(
    private readonly server: ServedServer,
    private readonly close: ServedServer['close']
  ) {
    this.httpServer = server.options.server ? null : (server._server ?? null)
  }

  get clients(): ReadonlySet<WebSocket> | undefined {
    return this.server.clients
  }

  stop(closed: () => void): void {
    const { server } = this
    if (server._state === CLOSED) {
      nextTick(closed)
    } else {
      server.once('close', closed)
      this.close.call(server)
    }
    // Of connections that were made before, requests may still come
    this.httpServer?.on('upgrade', refuseLate)
    server[kServices]?.close()
  }

  drop(): void {
    this.httpServer?.closeAllConnections()
  }
}

function refuseLate(request: http.IncomingMessage, socket: Duplex): void {
  watchErrors(socket)
  refuse(socket, { status: 503 }, request)
}
