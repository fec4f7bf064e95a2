// All options of clients, servers and connections: their types, what holds if they are not given, their checks; and the settings of a
// connection that are made of them.

import type { Buffer } from 'node:buffer'
import type { EventEmitter } from 'node:events'
import type * as http from 'node:http'
import type * as https from 'node:https'
import type { ConnectionOptions } from '../core/connection-handler.js'
import {
  DEFAULT_CLOSE_TIMEOUT_MS,
  DEFAULT_MAX_BUFFERED_CHUNKS,
  DEFAULT_MAX_FRAGMENTS,
  DEFAULT_MAX_PAYLOAD,
  DEFAULT_MAX_PENDING_AUTO_PONGS,
  PROTOCOL_VERSIONS
} from '../core/constants.js'
import type { Platform } from '../core/platform.js'
import type { RateLimitOptions } from '../services/rate-limit.js'
import { type WatchOptions, watchRules } from '../services/watch-options.js'
import { PerMessageDeflate, type PerMessageDeflateOptions } from './compat/permessage-deflate.js'
import { maskingKeysFor } from './compat/sender.js'
import { nodeRuntime } from './delivery/node-runtime.js'
import { checkCoalesce, coalesces } from './links/departure.js'
import { checkDirect, type DirectChoice } from './links/direct-socket.js'
import { checkHandleWrites } from './links/handle-write.js'
import type { LinkOptions } from './links/open.js'
import { checkReceiveBuffer, type ReceiveBufferChoice } from './links/receive-buffer.js'
import { checkKernels, kernelsFor, type KernelsChoice } from './runtime/kernels.js'
import { checkServiceOptions, type ConnectionServiceOptions } from '../services/connection-options.js'
import { nodeClock } from './runtime/node-clock.js'

/** What both roles read of their options when a WebSocket is made. */
export interface CommonOptions {
  autoPong?: boolean
  maxPendingAutoPongs?: number
  closeTimeout?: number
  kernels?: KernelsChoice
  receiveBuffer?: ReceiveBufferChoice
  coalesce?: boolean
}

/** What `setSocket` is told; limits that are left out do not apply. */
export interface SocketOptions {
  allowSynchronousEvents?: boolean
  generateMask?: (mask: Buffer) => void
  maxBufferedChunks?: number
  maxFragments?: number
  maxPayload?: number
  skipUTF8Validation?: boolean
}

/** Options of a client, beside all of `http.request`; see doc/api.md. `Socket` is its WebSocket. */
export interface ClientOptions<Socket = EventEmitter>
  extends CommonOptions, SocketOptions, ConnectionServiceOptions, WatchOptions, Omit<https.RequestOptions, 'protocol' | 'headers'> {
  finishRequest?: (request: http.ClientRequest, websocket: Socket) => void
  followRedirects?: boolean
  handshakeTimeout?: number
  headers?: Record<string, string | number | readonly string[] | undefined>
  maxRedirects?: number
  origin?: string
  perMessageDeflate?: boolean | PerMessageDeflateOptions
  protocolVersion?: number
  protocols?: string | string[]
}

/** What `verifyClient` gets to know. */
export interface ClientInfo {
  origin: string | undefined
  /** Whether the connection is encrypted. */
  secure: boolean
  req: http.IncomingMessage
}

export type VerifyClient =
  | ((info: ClientInfo) => boolean)
  | ((
      info: ClientInfo,
      callback: (verified: boolean, status?: number, message?: string, headers?: http.OutgoingHttpHeaders) => void
    ) => void)

/** Options of a server; see doc/api.md. `SocketClass` is the class of its WebSockets. */
export interface ServerOptions<SocketClass = unknown>
  extends CommonOptions, ConnectionServiceOptions, WatchOptions, Omit<SocketOptions, 'generateMask'> {
  backlog?: number | null
  clientTracking?: boolean
  direct?: DirectChoice
  handleProtocols?: ((protocols: Set<string>, request: http.IncomingMessage) => string | false) | null
  host?: string | null
  noServer?: boolean
  path?: string | null
  perMessageDeflate?: boolean | PerMessageDeflateOptions
  port?: number | null
  server?: http.Server | null
  verifyClient?: VerifyClient | null
  WebSocket?: SocketClass
  // See services/
  addressOf?: ((request: http.IncomingMessage) => string | undefined) | null
  authenticate?: ((request: http.IncomingMessage, options: { signal: AbortSignal }) => unknown) | null
  handshakeTimeout?: number
  maxConnections?: number | null
  maxConnectionsPerAddress?: number | null
  origins?: 'same-origin' | readonly string[] | ((origin: string, request: http.IncomingMessage) => boolean) | null
  rateLimit?: RateLimitOptions | null
  requireOrigin?: boolean | null
}

const DEFAULTS = {
  allowSynchronousEvents: true,
  autoPong: true,
  closeTimeout: DEFAULT_CLOSE_TIMEOUT_MS,
  maxBufferedChunks: DEFAULT_MAX_BUFFERED_CHUNKS,
  maxFragments: DEFAULT_MAX_FRAGMENTS,
  maxPayload: DEFAULT_MAX_PAYLOAD,
  maxPendingAutoPongs: DEFAULT_MAX_PENDING_AUTO_PONGS,
  skipUTF8Validation: false
}

const CLIENT_DEFAULTS = {
  ...DEFAULTS,
  protocolVersion: 13,
  perMessageDeflate: true,
  followRedirects: false,
  maxRedirects: 10
} satisfies ClientOptions

const SERVER_DEFAULTS = {
  ...DEFAULTS,
  perMessageDeflate: false,
  handleProtocols: null,
  clientTracking: true,
  verifyClient: null,
  noServer: false,
  backlog: null,
  server: null,
  host: null,
  path: null,
  port: null
} satisfies ServerOptions

/** Options of a client with the defaults. */
export type CompleteClientOptions<Socket = EventEmitter> = Omit<ClientOptions<Socket>, keyof typeof CLIENT_DEFAULTS | 'protocols'> &
  Omit<typeof CLIENT_DEFAULTS, 'perMessageDeflate'> & {
    perMessageDeflate: boolean | PerMessageDeflateOptions
    /** Subprotocols to offer, unchecked. */
    protocols: unknown[]
  }

/** Options of a server with the defaults. */
export type CompleteServerOptions<SocketClass = unknown> = ServerOptions<SocketClass> & { WebSocket: SocketClass }

/**
 * What a client is called with, as options with the defaults; `protocols` may be the options.
 * @throws {RangeError} for an unknown protocol version; what `checkOptions` throws
 */
export function clientOptions<Socket>(
  protocols: string | string[] | ClientOptions<Socket> | undefined,
  options: ClientOptions<Socket> | undefined
): CompleteClientOptions<Socket> {
  let offers: unknown = protocols
  if (protocols !== undefined && protocols !== null && typeof protocols === 'object' && !Array.isArray(protocols)) {
    options = protocols
    offers = undefined
  }
  if (offers === undefined) offers = options?.protocols
  if (offers === undefined) offers = []
  const complete = { ...CLIENT_DEFAULTS, ...options, protocols: Array.isArray(offers) ? offers : [offers] }
  const { protocolVersion } = complete
  if (!PROTOCOL_VERSIONS.includes(protocolVersion)) {
    throw new RangeError(`Unsupported protocol version: ${protocolVersion} (supported versions: ${PROTOCOL_VERSIONS.join(', ')})`)
  }
  checkOptions(complete)
  return complete as CompleteClientOptions<Socket>
}

/**
 * What a server is called with, as options with the defaults; `socketClass` is the default of `WebSocket`.
 * @throws {TypeError} unless it listens in exactly one way, and for an unknown codec; what `checkOptions` throws
 */
export function serverOptions<SocketClass>(
  options: ServerOptions<SocketClass>,
  socketClass: SocketClass
): CompleteServerOptions<SocketClass> {
  const complete = { ...SERVER_DEFAULTS, WebSocket: socketClass, ...options } as CompleteServerOptions<SocketClass>
  const ways = Number(complete.port != null) + Number(Boolean(complete.server)) + Number(Boolean(complete.noServer))
  if (ways !== 1) throw new TypeError('One and only one of the "port", "server", or "noServer" options must be specified')
  checkOptions(complete)
  checkDirect(complete.direct)
  watchRules(complete, true)
  if (complete.perMessageDeflate === true) complete.perMessageDeflate = {}
  // An unknown codec is said now, not with the first connection
  if (complete.perMessageDeflate) new PerMessageDeflate(complete.perMessageDeflate)
  return complete
}

/**
 * Checks what can be wrong in the options of any WebSocket, and in the environment variables that stand for them.
 * @throws {TypeError} for a value that is no choice; {Error} for one that is named but cannot be had here
 */
export function checkOptions(options: CommonOptions & ConnectionServiceOptions): void {
  checkServiceOptions(options)
  checkKernels(options.kernels)
  checkReceiveBuffer(options.receiveBuffer)
  checkHandleWrites()
  checkCoalesce()
}

/** What a connection needs of its options. All connections of a server that are alike share one object: it is replaced, not changed. */
export type ConnectionSettings = ConnectionOptions & Platform & LinkOptions

/**
 * The settings of a connection.
 * @param last settings that are given again if nothing in them is different: those of the server's last connection
 */
export function connectionSettings(
  isServer: boolean,
  common: CommonOptions,
  options: SocketOptions,
  generateMask: SocketOptions['generateMask'],
  last: ConnectionSettings | null
): ConnectionSettings {
  const maxPayload = (options.maxPayload as number) | 0
  const maxFragments = (options.maxFragments as number) | 0
  const maxBufferedChunks = (options.maxBufferedChunks as number) | 0
  const skipUtf8Validation = Boolean(options.skipUTF8Validation)
  const deferEvents = options.allowSynchronousEvents !== undefined && !options.allowSynchronousEvents
  const autoPong = Boolean(common.autoPong)
  const maxPendingAutoPongs = (common.maxPendingAutoPongs as number) | 0
  const kernels = kernelsFor(common.kernels)
  const closeTimeoutMs = common.closeTimeout ?? DEFAULT_CLOSE_TIMEOUT_MS
  const { receiveBuffer } = common
  const mayCoalesce = coalesces(common.coalesce)
  const maskingKeys = maskingKeysFor(generateMask)
  if (
    last !== null &&
    last.isServer === isServer &&
    last.maxPayload === maxPayload &&
    last.maxFragments === maxFragments &&
    last.maxBufferedChunks === maxBufferedChunks &&
    last.skipUtf8Validation === skipUtf8Validation &&
    last.deferEvents === deferEvents &&
    last.autoPong === autoPong &&
    last.maxPendingAutoPongs === maxPendingAutoPongs &&
    last.kernels === kernels &&
    last.closeTimeoutMs === closeTimeoutMs &&
    last.receiveBuffer === receiveBuffer &&
    last.coalesces === mayCoalesce &&
    last.maskingKeys === maskingKeys
  ) {
    return last
  }
  return {
    isServer,
    maxPayload,
    maxFragments,
    maxBufferedChunks,
    skipUtf8Validation,
    deferEvents,
    autoPong,
    maxPendingAutoPongs,
    kernels,
    closeTimeoutMs,
    receiveBuffer,
    coalesces: mayCoalesce,
    maskingKeys,
    runtime: nodeRuntime,
    clock: nodeClock
  }
}
