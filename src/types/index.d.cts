/// <reference types="node" />

// The public types of hybi. Every name that @types/ws declares is here under the same name and accepts the same code; what that
// package lacks is added. Where a truer type would stop working code from compiling, the old type stays and the comment tells the truth.

import type { Blob as NodeBlob } from 'buffer'
import { EventEmitter } from 'events'
import { Agent, ClientRequest, ClientRequestArgs, IncomingMessage, OutgoingHttpHeaders, Server as HTTPServer } from 'http'
import { Server as HTTPSServer } from 'https'
import { TcpNetConnectOpts } from 'net'
import { Duplex, DuplexOptions, Writable } from 'stream'
import { ConnectionOptions, PeerCertificate, SecureContextOptions } from 'tls'
import { URL } from 'url'
import { ZlibOptions } from 'zlib'

/** What `send` takes: text, octets, or whatever `Buffer.from` turns into octets. */
type BufferLike =
  | string
  | number
  | Buffer
  | ArrayBufferView
  | ArrayBuffer
  | SharedArrayBuffer
  | Blob
  | NodeBlob
  | readonly any[]
  | { valueOf(): ArrayBuffer | SharedArrayBuffer | Uint8Array | readonly number[] | string }
  | { [Symbol.toPrimitive](hint: string): string }

/**
 * Options of `http.request` and `tls.connect` in their own types (`agent: false`, say, or headers with several values) together with
 * this library's; those that `ClientOptions` shares with `http.request` keep their type there.
 */
type RequestOptions = Omit<ClientRequestArgs, 'createConnection'> &
  Omit<WebSocket.ClientOptions, Exclude<keyof ClientRequestArgs, 'createConnection'>>

/** Called when a ping or pong was handed to the kernel, or with what prevented that. A callback that demands an `Error` is taken too. */
type ControlCallback = { callback(error?: Error): void }['callback']

/**
 * A WebSocket connection, of a client or of one of a server's clients (RFC 6455).
 *
 * It is an `EventEmitter`, and has the `on...` attributes and `addEventListener` of the WHATWG WebSocket beside.
 */
declare class WebSocket extends EventEmitter {
  /** The opening handshake is under way. */
  static readonly CONNECTING: 0
  /** Messages can be sent. */
  static readonly OPEN: 1
  /** The closing handshake is under way. */
  static readonly CLOSING: 2
  /** The connection is closed, or could not be opened. */
  static readonly CLOSED: 3

  /** The opening handshake is under way. */
  readonly CONNECTING: 0
  /** Messages can be sent. */
  readonly OPEN: 1
  /** The closing handshake is under way. */
  readonly CLOSING: 2
  /** The connection is closed, or could not be opened. */
  readonly CLOSED: 3

  /**
   * Form in which binary messages are delivered; `'nodebuffer'` by default, other values are ignored. It may change at any time.
   * Text comes as `Buffer` to 'message' listeners, as string to `onmessage`, whatever this is.
   *
   * What is read may be `'blob'` too, where that was set; the type leaves it out, so that a connection is one of @types/ws as well.
   */
  get binaryType(): Exclude<WebSocket.BinaryType, 'blob'>
  set binaryType(type: WebSocket.BinaryType)
  /** Octets that were given to `send`, `ping` or `pong` and not yet to the kernel, frame headers included; it goes on growing after `close`. */
  readonly bufferedAmount: number
  /** Names of the negotiated extensions, separated by commas: `'permessage-deflate'`, or `''` (RFC 6455 §9.1). */
  readonly extensions: string
  /** Whether `pause` is in effect. */
  readonly isPaused: boolean
  /**
   * The kernels that mask and validate this connection's frames; see the option of that name. Always there: optional so that a
   * connection whose type is that of @types/ws, as libraries give it, is one of ours as well.
   */
  readonly kernels?: WebSocket.KernelsName
  /**
   * Whether to wait for 'drain' before more is sent: from when `bufferedAmount` reaches the option `highWaterMark` until it is below a
   * quarter of that. Always there: optional for the same reason as `kernels`, as all that `WebSocket.Connection` has is.
   */
  readonly writableNeedDrain?: boolean
  /** Messages that were not sent because more than the option `maxBufferedAmount` would have waited. */
  readonly droppedMessages?: number
  /** Form in which 'message' listeners get text: `'buffer'`, the default, or `'string'`. It may change at any time. */
  textType?: WebSocket.TextType
  /**
   * How long the last ping of the heartbeat that was answered took to be, in milliseconds; undefined before, without a heartbeat, and
   * once closed. A program may have a property of its own of that name.
   */
  readonly latency?: number | undefined
  /** The negotiated subprotocol, `''` if none (RFC 6455 §1.9). */
  readonly protocol: string
  readonly readyState: typeof WebSocket.CONNECTING | typeof WebSocket.OPEN | typeof WebSocket.CLOSING | typeof WebSocket.CLOSED
  /** The URL a client connected to, normalised. Undefined on a server's connections, although the type, kept from @types/ws, denies it. */
  readonly url: string

  onopen: ((event: WebSocket.Event) => void) | null
  onerror: ((event: WebSocket.ErrorEvent) => void) | null
  onclose: ((event: WebSocket.CloseEvent) => void) | null
  onmessage: ((event: WebSocket.MessageEvent) => void) | null

  /** A server's side of a connection, to be given its stream by `setSocket`. */
  constructor(address: null, protocols?: undefined, options?: WebSocket.ServerSideOptions)
  /**
   * Connects to a server.
   * @param address `ws:`, `wss:`, `http:`, `https:`, or `ws+unix:` followed by a socket's path, `:` and the request's path
   * @throws SyntaxError for an address that cannot be used, RangeError for an unknown `protocolVersion`
   */
  constructor(address: string | URL, options?: WebSocket.ClientOptions | RequestOptions)
  /** @param protocols subprotocols to offer, the preferred first; SyntaxError where one is not a token or comes twice (RFC 6455 §4.1) */
  constructor(address: string | URL, protocols?: string | string[], options?: WebSocket.ClientOptions | RequestOptions)

  /**
   * Starts the closing handshake; while still connecting, gives up with 'error' and 'close' (RFC 6455 §7.1.2).
   * @param code 1000 to 1003, 1007 to 1014 or 3000 to 4999 (RFC 6455 §7.4); others are a TypeError
   * @param data the reason, 123 octets in UTF-8 at most, more is a RangeError; ignored without a code
   * @param options `signal`: drops the connection, as `closeTimeout` does, when it aborts before the peer has answered
   */
  close(code?: number, data?: string | Uint8Array, options?: WebSocket.AbortOptions): void
  /**
   * Sends a ping (RFC 6455 §5.5.2).
   * @param data 125 octets at most, more is a RangeError
   * @param mask whether to mask it; by default as the role demands
   * @throws Error while connecting
   */
  ping(callback: ControlCallback): void
  ping(data?: any, mask?: boolean | ControlCallback, cb?: ControlCallback): void
  /** Sends a pong, asked for or not (RFC 6455 §5.5.3); as `ping` otherwise. */
  pong(callback: ControlCallback): void
  pong(data?: any, mask?: boolean | ControlCallback, cb?: ControlCallback): void
  /**
   * Sends a message, or a fragment of one (RFC 6455 §5.4, §6.1).
   * @param cb called when it was handed to the kernel, or with what prevented that: so too when the connection is closing or closed
   * @throws Error while connecting, TypeError for data of another kind
   */
  send(data: BufferLike, cb?: (err?: Error) => void): void
  send(data: BufferLike, options: WebSocket.SendOptions, cb?: (err?: Error) => void): void
  /** Destroys the socket at once, without a closing handshake; 'close' then tells code 1006. */
  terminate(): void
  /** Stops reading; what was read already may still be delivered. Nothing happens while connecting or once closed. */
  pause(): void
  /** Goes on reading. Nothing happens while connecting or once closed. */
  resume(): void
  /**
   * Opens a connection made with a null address over a stream whose opening handshake is done, one of HTTP/2 for instance (RFC 8441).
   * @param head what was read beyond the handshake
   * Always there: optional for the same reason as `kernels`.
   * @param options limits that are left out do not apply
   */
  setSocket?(socket: Duplex, head: Buffer, options: WebSocket.SocketOptions): void
  /**
   * Resolves when there is no need to wait before more is sent: at once, or with the next 'drain'. Rejects with an Error when the
   * connection ends before, and with the signal's reason when that aborts.
   */
  drained?(options?: WebSocket.AbortOptions): Promise<void>
  /**
   * The messages one by one, text as strings, binary ones as Buffers; it ends with the connection, and throws its error. Nothing more is
   * read while `highWaterMark` octets or 64 messages wait.
   */
  [Symbol.asyncIterator]?(): AsyncIterableIterator<string | Buffer, undefined>
  /** Closes with 1000, and waits until the connection is closed, for `closeTimeout` milliseconds at most before it is dropped. */
  [Symbol.asyncDispose]?(): Promise<void>

  addEventListener<K extends keyof WebSocket.WebSocketEventMap>(
    type: K,
    listener: ((event: WebSocket.WebSocketEventMap[K]) => void) | { handleEvent(event: WebSocket.WebSocketEventMap[K]): void },
    options?: WebSocket.EventListenerOptions
  ): void
  removeEventListener<K extends keyof WebSocket.WebSocketEventMap>(
    type: K,
    listener: ((event: WebSocket.WebSocketEventMap[K]) => void) | { handleEvent(event: WebSocket.WebSocketEventMap[K]): void }
  ): void

  // Overloads are spelled out: a generic signature could not be called on a union of this class and a subclass.
  on(event: 'close', listener: (this: WebSocket, code: number, reason: Buffer) => void): this
  on(event: 'drain', listener: (this: WebSocket) => void): this
  on(event: 'error', listener: (this: WebSocket, error: WebSocket.CodedError) => void): this
  on(event: 'upgrade', listener: (this: WebSocket, response: IncomingMessage) => void): this
  on(event: 'message', listener: (this: WebSocket, data: WebSocket.RawData, isBinary: boolean) => void): this
  on(event: 'open', listener: (this: WebSocket) => void): this
  on(event: 'ping' | 'pong', listener: (this: WebSocket, data: Buffer) => void): this
  on(event: 'redirect', listener: (this: WebSocket, url: string, request: ClientRequest) => void): this
  on(event: 'unexpected-response', listener: (this: WebSocket, request: ClientRequest, response: IncomingMessage) => void): this
  on(event: string | symbol, listener: (this: WebSocket, ...args: any[]) => void): this

  once(event: 'close', listener: (this: WebSocket, code: number, reason: Buffer) => void): this
  once(event: 'drain', listener: (this: WebSocket) => void): this
  once(event: 'error', listener: (this: WebSocket, error: WebSocket.CodedError) => void): this
  once(event: 'upgrade', listener: (this: WebSocket, response: IncomingMessage) => void): this
  once(event: 'message', listener: (this: WebSocket, data: WebSocket.RawData, isBinary: boolean) => void): this
  once(event: 'open', listener: (this: WebSocket) => void): this
  once(event: 'ping' | 'pong', listener: (this: WebSocket, data: Buffer) => void): this
  once(event: 'redirect', listener: (this: WebSocket, url: string, request: ClientRequest) => void): this
  once(event: 'unexpected-response', listener: (this: WebSocket, request: ClientRequest, response: IncomingMessage) => void): this
  once(event: string | symbol, listener: (this: WebSocket, ...args: any[]) => void): this

  off(event: 'close', listener: (this: WebSocket, code: number, reason: Buffer) => void): this
  off(event: 'drain', listener: (this: WebSocket) => void): this
  off(event: 'error', listener: (this: WebSocket, error: WebSocket.CodedError) => void): this
  off(event: 'upgrade', listener: (this: WebSocket, response: IncomingMessage) => void): this
  off(event: 'message', listener: (this: WebSocket, data: WebSocket.RawData, isBinary: boolean) => void): this
  off(event: 'open', listener: (this: WebSocket) => void): this
  off(event: 'ping' | 'pong', listener: (this: WebSocket, data: Buffer) => void): this
  off(event: 'redirect', listener: (this: WebSocket, url: string, request: ClientRequest) => void): this
  off(event: 'unexpected-response', listener: (this: WebSocket, request: ClientRequest, response: IncomingMessage) => void): this
  off(event: string | symbol, listener: (this: WebSocket, ...args: any[]) => void): this

  addListener(event: 'close', listener: (code: number, reason: Buffer) => void): this
  addListener(event: 'drain', listener: () => void): this
  addListener(event: 'error', listener: (error: WebSocket.CodedError) => void): this
  addListener(event: 'upgrade', listener: (response: IncomingMessage) => void): this
  addListener(event: 'message', listener: (data: WebSocket.RawData, isBinary: boolean) => void): this
  addListener(event: 'open', listener: () => void): this
  addListener(event: 'ping' | 'pong', listener: (data: Buffer) => void): this
  addListener(event: 'redirect', listener: (url: string, request: ClientRequest) => void): this
  addListener(event: 'unexpected-response', listener: (request: ClientRequest, response: IncomingMessage) => void): this
  addListener(event: string | symbol, listener: (...args: any[]) => void): this

  removeListener(event: 'close', listener: (code: number, reason: Buffer) => void): this
  removeListener(event: 'drain', listener: () => void): this
  removeListener(event: 'error', listener: (error: WebSocket.CodedError) => void): this
  removeListener(event: 'upgrade', listener: (response: IncomingMessage) => void): this
  removeListener(event: 'message', listener: (data: WebSocket.RawData, isBinary: boolean) => void): this
  removeListener(event: 'open', listener: () => void): this
  removeListener(event: 'ping' | 'pong', listener: (data: Buffer) => void): this
  removeListener(event: 'redirect', listener: (url: string, request: ClientRequest) => void): this
  removeListener(event: 'unexpected-response', listener: (request: ClientRequest, response: IncomingMessage) => void): this
  removeListener(event: string | symbol, listener: (...args: any[]) => void): this
}

// The class's own name means the namespace's member inside the namespace, hence another name for it.
declare const WebSocketAlias: typeof WebSocket
interface WebSocketAlias extends WebSocket {}

declare namespace WebSocket {
  /**
   * What a 'message' listener is given: a `Buffer` for text; for binary messages what `binaryType` asks for.
   *
   * It leaves out the `Blob` of `binaryType = 'blob'`, which has no octets to read at once and would stop code that tells the other
   * three apart from compiling. Such a listener names the type itself: `(data: Buffer | Blob, isBinary: boolean) => ...`.
   */
  type RawData = Buffer | ArrayBuffer | Buffer[]

  /** What an `onmessage` event carries: a string for text; for binary messages as `RawData`. */
  type Data = string | Buffer | ArrayBuffer | Buffer[]

  /** `'fragments'` gives the parts in which the message was read; `'blob'` needs a runtime with a global `Blob`. */
  type BinaryType = keyof BinaryTypeMap

  /** Form of binary messages by `binaryType`. */
  interface BinaryTypeMap {
    nodebuffer: Buffer
    arraybuffer: ArrayBuffer
    fragments: Buffer[]
    blob: Blob
  }

  /** How text is given to listeners: as octets in UTF-8, or as a string. */
  type TextType = 'buffer' | 'string'

  /** What ends a wait. */
  interface AbortOptions {
    signal?: AbortSignal | undefined
  }

  /**
   * A connection of this package, with what it has beyond those that @types/ws declares. The class leaves these members optional, so
   * that a connection typed by @types/ws is one of it; this type, which every `new WebSocket` really is of, has them.
   */
  interface Connection extends WebSocketAlias {
    readonly writableNeedDrain: boolean
    readonly droppedMessages: number
    textType: TextType
    drained(options?: AbortOptions): Promise<void>
    [Symbol.asyncIterator](): AsyncIterableIterator<string | Buffer, undefined>
    [Symbol.asyncDispose](): Promise<void>
  }

  /** Certificates or keys, PEM or DER. */
  type CertMeta = string | string[] | Buffer | Buffer[]

  /**
   * `code` of an error by which a peer broke the protocol; the close code sent in answer follows from it (RFC 6455 §7.4.1). With
   * 'WS_ERR_BUFFER_OVERFLOW' it reads too slowly, see `maxBufferedAmount`.
   */
  type ErrorCode =
    | 'WS_ERR_BUFFER_OVERFLOW'
    | 'WS_ERR_EXPECTED_FIN'
    | 'WS_ERR_EXPECTED_MASK'
    | 'WS_ERR_INVALID_CLOSE_CODE'
    | 'WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH'
    | 'WS_ERR_INVALID_OPCODE'
    | 'WS_ERR_INVALID_UTF8'
    | 'WS_ERR_TOO_MANY_BUFFERED_PARTS'
    | 'WS_ERR_UNEXPECTED_MASK'
    | 'WS_ERR_UNEXPECTED_RSV_1'
    | 'WS_ERR_UNEXPECTED_RSV_2_3'
    | 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH'
    | 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'

  /** What an 'error' listener is given. `code` may also be the network's (`ECONNREFUSED`) or zlib's; a failed handshake has none. */
  interface CodedError extends Error {
    code?: ErrorCode | (string & {}) | undefined
  }

  /** What masks, unmasks and validates frames. */
  type KernelsName = 'wasm' | 'js' | 'native'
  type KernelsOption = 'auto' | KernelsName

  /** The kernels of this process. */
  interface Kernels {
    /** What connections use whose `kernels` option is not given: the environment's `HYBI_KERNELS`, else `'auto'`. */
    readonly default: KernelsOption
    /** Those that work here: `'wasm'` needs WebAssembly SIMD, `'native'` a mask of the runtime's own or the package bufferutil. */
    readonly available: ReadonlyArray<KernelsName>
  }
  const kernels: Kernels

  interface SendOptions {
    /** Whether the message is binary. Default: whether `data` is neither a string nor a number. */
    binary?: boolean | undefined
    /** Whether to compress it, where permessage-deflate was negotiated. Default: true. */
    compress?: boolean | undefined
    /** Whether this is the last fragment. Default: true. */
    fin?: boolean | undefined
    /** Whether to mask it. Default: as the role demands, clients do and servers do not (RFC 6455 §5.3). */
    mask?: boolean | undefined
  }

  /** Decides whether the opening handshake goes on, at once. `info.origin` is undefined where the request has no such header. */
  type VerifyClientCallbackSync<Request extends IncomingMessage = IncomingMessage> = (info: {
    origin: string
    secure: boolean
    req: Request
  }) => boolean

  /**
   * Decides, through its callback, whether the opening handshake goes on. `info.origin` is undefined where the request has no such header.
   * It must name both parameters: a function of one is taken for a synchronous one, whose promise would mean yes.
   */
  type VerifyClientCallbackAsync<Request extends IncomingMessage = IncomingMessage> = (
    info: { origin: string; secure: boolean; req: Request },
    /** `code`: of the refusal's status line, 401 by default; `message`: its body, by default what the status means. */
    callback: (res: boolean, code?: number, message?: string, headers?: OutgoingHttpHeaders) => void
  ) => void

  /** Completes the request of the opening handshake: it must call `request.end()`. */
  type FinishRequestCallback = (request: ClientRequest, websocket: WebSocket) => void

  /** Options of a client's connection and of each of a server's, that a server-side `new WebSocket(null, ...)` reads. */
  interface ServerSideOptions {
    /** Whether a ping is answered with a pong. Default: true. */
    autoPong?: boolean | undefined
    /** How long, in milliseconds, the closing handshake may take before the socket is destroyed. Default: 30,000. */
    closeTimeout?: number | undefined
    /**
     * Whether the frames of a burst may be gathered and leave in one write. Default: true; false: each frame leaves in its own write,
     * within the call.
     */
    coalesce?: boolean | undefined
    /**
     * Octets that may wait to be sent before `writableNeedDrain` is true; and, of messages received, before a `for await` has the reading
     * stopped. An integer of at least 1, or Infinity; others are a RangeError. Default: 65,536.
     */
    highWaterMark?: number | undefined
    /**
     * What masks and validates frames: `'wasm'`, `'js'`, `'native'`, or by `'auto'` what is fastest for each size.
     * Default: the environment's `HYBI_KERNELS`, else `'auto'`. An unknown name is a TypeError, one not available here an Error.
     */
    kernels?: KernelsOption | undefined
    /**
     * Automatic pongs that may await being written; at the next ping the connection is terminated, since the peer reads none.
     * Default: 60; 0: no limit.
     */
    maxPendingAutoPongs?: number | undefined
    /**
     * Octets that may wait to be sent, those of the next message included: what happens to one that would pass it says `overflow`. Pings,
     * pongs and close frames always pass. An integer of at least 0, or Infinity; others are a RangeError. Default: 0, no bound.
     */
    maxBufferedAmount?: number | undefined
    /**
     * What happens to a message beyond `maxBufferedAmount`: `'terminate'`, the connection is dropped, with an 'error' whose code is
     * 'WS_ERR_BUFFER_OVERFLOW'; `'drop'`, the message is, and its callback gets that error. A message in fragments that was begun is
     * sent to its end. Others are a TypeError. Default: `'terminate'`.
     */
    overflow?: 'terminate' | 'drop' | undefined
    /**
     * Whether sockets read straight into memory that all connections share: `'auto'`, where that is known to work, else by 'data'
     * events; `'shared'`, the same, but an Error where this runtime cannot; `'off'`, never. Nothing else differs. Default: the
     * environment's `HYBI_RECEIVE_BUFFER`, else `'auto'`.
     */
    receiveBuffer?: 'auto' | 'shared' | 'off' | undefined
    /** Form in which 'message' listeners get text; other names are a TypeError. Default: `'buffer'`. */
    textType?: TextType | undefined
  }

  /** Options that apply once a connection is open. */
  interface SocketOptions {
    /**
     * Whether several 'message', 'ping' and 'pong' events may come in one turn of the event loop. Default: true.
     * False is nearer to browsers, and slower.
     */
    allowSynchronousEvents?: boolean | undefined
    /** Fills the 4 octets of a frame's masking key, in place. Default: from a cryptographically secure generator (RFC 6455 §10.3). */
    generateMask?(mask: Buffer): void
    /** Chunks read from the socket that may be held while a frame is incomplete; more close with 1008. Default: 262,144; 0: no limit. */
    maxBufferedChunks?: number | undefined
    /** Frames of one message, empty ones included; more close with 1008. Default: 16,384; 0: no limit. */
    maxFragments?: number | undefined
    /** Largest message, in octets, after decompression; a larger one closes with 1009. Default: 104,857,600 (100 MiB); 0: no limit. */
    maxPayload?: number | undefined
    /** Whether text and close reasons go unchecked. Default: false, text that is not UTF-8 closes with 1007 (RFC 6455 §8.1). */
    skipUTF8Validation?: boolean | undefined
  }

  /**
   * A heartbeat: a connection that received nothing for `interval` milliseconds is pinged; one that then receives nothing for `timeout` is
   * dropped, and 'close' tells 1006. Both from 1 to 2,147,483,647. `true` is for the defaults.
   */
  interface HeartbeatOptions {
    /** Default: 30,000. */
    interval?: number | undefined
    /** Default: 10,000. */
    timeout?: number | undefined
  }

  /** A heartbeat that only listens: a connection that received nothing for so many milliseconds is dropped. For clients of servers that ping. */
  interface HeartbeatExpectation {
    expect: number
  }

  /** A lifetime, in milliseconds: it ends up to `spread` before `limit`, so that connections that began together do not end together. */
  interface LifetimeOptions {
    limit: number
    /** Default: a tenth of `limit`. */
    spread?: number | undefined
  }

  /** What client and server have in common beside. */
  interface CommonOptions extends ServerSideOptions, Omit<SocketOptions, 'generateMask'> {
    /** Whether and how silent connections are pinged, and dropped. Default: false. A wrong value is a TypeError or RangeError. */
    heartbeat?: boolean | HeartbeatOptions | undefined
    /**
     * How long, in milliseconds, there may be no message either way before the connection is closed with 1001; pings and pongs are no
     * messages. Default: 0, no limit. A wrong value is a TypeError or RangeError.
     */
    idleTimeout?: number | undefined
    /**
     * How long, in milliseconds, a connection may last before it is closed with 1001; a number has a tenth of it as `spread`. Default: 0, no
     * limit. A wrong value is a TypeError or RangeError.
     */
    maxLifetime?: number | LifetimeOptions | undefined
    /** Whether messages may be compressed (RFC 7692), and how. Default: true for clients, false for servers. */
    perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined
  }

  /**
   * Options of a client: these, and all others of `http.request` and `tls.connect`, which are passed on; but `hostname`, `method`, `path`,
   * `port`, `socketPath` and `timeout` come from the address and from `handshakeTimeout`.
   */
  interface ClientOptions
    extends
      Omit<CommonOptions, 'heartbeat'>,
      SecureContextOptions,
      Pick<
        ClientRequestArgs,
        | 'auth'
        | 'defaultPort'
        | 'hints'
        | 'insecureHTTPParser'
        | 'joinDuplicateHeaders'
        | 'localPort'
        | 'lookup'
        | 'maxHeaderSize'
        | 'setHost'
        | 'signal'
        | 'uniqueHeaders'
      >,
      Pick<ConnectionOptions, 'ALPNProtocols' | 'enableTrace' | 'minDHSize' | 'pskCallback' | 'servername' | 'session'> {
    agent?: Agent | undefined
    /** Verifies a server's certificate, in place of `tls.checkServerIdentity`; an Error refuses it. */
    checkServerIdentity?(servername: string, cert: PeerCertificate & CertMeta): Error | boolean | undefined
    /** Makes the socket, in place of `net.connect` or `tls.connect`. Ignored where there is an agent. */
    createConnection?:
      | ((
          options: ClientRequestArgs & TcpNetConnectOpts & ConnectionOptions,
          oncreate: (error?: Error | null, socket?: Duplex) => void
        ) => Duplex | null | undefined)
      | undefined
    family?: number | undefined
    /** Called with each request of the opening handshake, redirected ones included; it must end it. */
    finishRequest?: FinishRequestCallback | undefined
    /** Whether to follow responses of status 3xx. Default: false. */
    followRedirects?: boolean | undefined
    generateMask?(mask: Buffer): void
    /** As of a server; or `{ expect }`, for a server that pings. */
    heartbeat?: boolean | HeartbeatOptions | HeartbeatExpectation | undefined
    /** How long, in milliseconds, the socket may be silent during the opening handshake. Default: no limit. */
    handshakeTimeout?: number | undefined
    /** Fields to add to the request; those of the handshake itself cannot be replaced. */
    headers?: { [key: string]: string } | undefined
    host?: string | undefined
    localAddress?: string | undefined
    /** Redirects to follow; one more is an error. Default: 10. */
    maxRedirects?: number | undefined
    /** Value of the `Origin` field (RFC 6455 §10.2). Default: none. */
    origin?: string | undefined
    protocol?: string | undefined
    /** Subprotocols to offer where the constructor's argument is left out. SyntaxError as there. */
    protocols?: string | string[] | undefined
    /** Version of the protocol, 13 or 8; others are a RangeError. Default: 13 (RFC 6455 §4.1). */
    protocolVersion?: number | undefined
    /** Whether a certificate must be valid. Default: true. */
    rejectUnauthorized?: boolean | undefined
  }

  /** Options of permessage-deflate (RFC 7692). */
  interface PerMessageDeflateOptions {
    /** Whether the client forgets its history after each message (§7.1.1.2). Default: what the peer asks for; on a server, false refuses that. */
    clientNoContextTakeover?: boolean | undefined
    /**
     * Base-two logarithm of the client's window, 8 to 15 (§7.1.2.2): a client says that it can limit it (true), to what, or that it cannot
     * (false); a server demands a limit, or refuses offers that give one (false). Default: the client says it can.
     */
    clientMaxWindowBits?: number | boolean | undefined
    /**
     * What compresses: `'wasm'`, this library's own; `'zlib'`, Node's, in its thread pool; `'pako'`, JavaScript; or by `'auto'` the
     * first of these that is there, but zlib where options ask for what only that has. Default: `'auto'`. An unknown name is a TypeError.
     */
    codec?: 'auto' | 'wasm' | 'zlib' | 'pako' | undefined
    /** Messages that zlib's thread pool may work on at once, for the whole process: the first connection's value counts. Default: 10. */
    concurrencyLimit?: number | undefined
    /** Whether the server forgets its history after each message (§7.1.1.1). Default: what the peer asks for; on a server, false refuses that. */
    serverNoContextTakeover?: boolean | undefined
    /**
     * Base-two logarithm of the server's window, 8 to 15 (§7.1.2.1): what a client asks for, what a server limits itself to. False: a server
     * refuses offers that ask for a limit; a client asks for none.
     */
    serverMaxWindowBits?: number | false | undefined
    /** Size, in octets, below which messages go uncompressed where there is no context takeover. Default: 1,024. */
    threshold?: number | undefined
    /** As for `zlib.createDeflateRaw`; `windowBits` is what was negotiated. */
    zlibDeflateOptions?: DeflateOptions | undefined
    /** As for `zlib.createInflateRaw`; `windowBits` is what was negotiated. */
    zlibInflateOptions?: ZlibOptions | undefined
  }

  interface DeflateOptions extends Omit<ZlibOptions, 'dictionary'> {
    dictionary?: ZlibOptions['dictionary'] | Buffer[] | undefined
  }

  interface Event {
    type: string
    target: WebSocket
  }

  interface ErrorEvent {
    error: any
    message: string
    type: string
    target: WebSocket
  }

  interface CloseEvent {
    /** Whether both close frames were exchanged. */
    wasClean: boolean
    /** 1005: the close frame had none; 1006: there was no close frame (RFC 6455 §7.1.5). */
    code: number
    reason: string
    type: string
    target: WebSocket
  }

  interface MessageEvent {
    data: Data
    type: string
    target: WebSocket
  }

  interface WebSocketEventMap {
    open: Event
    error: ErrorEvent
    close: CloseEvent
    message: MessageEvent
  }

  interface EventListenerOptions {
    /** Whether the listener is removed after its first call. Default: false. */
    once?: boolean | undefined
  }

  /** A class of connections: `WebSocket` or a subclass, of this package or as @types/ws declares it. */
  type Connections = new (...args: any[]) => WebSocketAlias

  /**
   * Options of a server. Exactly one of `port`, `server` and `noServer` must be given, else a TypeError is thrown.
   * `Context` is what `authenticate` gives.
   */
  interface ServerOptions<
    U extends Connections = typeof WebSocket.WebSocket,
    V extends typeof IncomingMessage = typeof IncomingMessage,
    Context = unknown
  > extends CommonOptions {
    /** Connections the kernel may hold before they are accepted; with `port`. Default: Node's, 511. */
    backlog?: number | undefined
    /** Whether `clients` is kept. Default: true. */
    clientTracking?: boolean | undefined
    /**
     * Whether connections that nobody else has a hand on do without a `net.Socket` until it is touched: `'auto'`, where that is known to
     * work; `'off'`, never. Default: the environment's `HYBI_DIRECT`, else `'auto'`.
     */
    direct?: 'auto' | 'off' | undefined
    /** Chooses among the subprotocols a client offers, or none by false. Default: the first. Not called where none are offered. */
    handleProtocols?: (protocols: Set<string>, request: InstanceType<V>) => string | false
    /** Address to listen at; with `port`. Default: all. */
    host?: string | undefined
    /** Whether the caller calls `handleUpgrade` itself. Default: false. */
    noServer?: boolean | undefined
    /** The only path to accept, without its query; others are refused with status 400. Default: any. */
    path?: string | undefined
    /** Port at which an HTTP server of its own listens; 0: any free one. */
    port?: number | undefined
    /** An HTTP server of the caller's, whose upgrade requests are handled. */
    server?: HTTPServer<V> | HTTPSServer<V> | undefined
    /** Decides whether the opening handshake goes on. One parameter: at once; two: through a callback. Default: it goes on. */
    verifyClient?: VerifyClientCallbackAsync<InstanceType<V>> | VerifyClientCallbackSync<InstanceType<V>> | undefined
    /** Class of the connections, called as `new WebSocket(null, undefined, options)`. Default: `WebSocket`. */
    WebSocket?: U | undefined
    /**
     * The address that a client is counted under by `maxConnectionsPerAddress`; undefined: under none. Behind a proxy it is in a header
     * that the proxy sets. Default: that of the socket. What it throws is a refusal with status 500.
     */
    addressOf?: ((request: InstanceType<V>) => string | undefined) | undefined
    /**
     * Says who a client is, at once or by a promise, before it is let in: what it gives is the third argument of 'connection', and false,
     * null or undefined a refusal with status 401. It may throw a `Refusal`; whatever else it throws is a refusal with status 500.
     * `signal` aborts when the client goes or `handshakeTimeout` is over. Frames that come meanwhile, 65,536 octets at most, are kept;
     * more are a refusal with status 413. Asked behind `verifyClient`. Default: everybody is let in.
     */
    authenticate?: ((request: InstanceType<V>, options: { signal: AbortSignal }) => Authenticated<Context>) | undefined
    /**
     * How long, in milliseconds from the request on, `verifyClient` and `authenticate` may take together; then the client is refused with
     * status 408. 0 to 2,147,483,647; 0: no limit. Default: 10,000 with `authenticate`, else 0.
     */
    handshakeTimeout?: number | undefined
    /** Connections at a time, those included that are being decided on; one more is refused with status 503 and `Retry-After`. At least 1. Default: no limit. */
    maxConnections?: number | undefined
    /** Connections at a time from one address; one more is refused with status 429. At least 1. Default: no limit. */
    maxConnectionsPerAddress?: number | undefined
    /**
     * The origins of pages that may connect (RFC 6455 §10.2): `'same-origin'`, that of the address that the page connects to; a list of
     * them, as browsers write them; or a function, whose `true` is yes. Others are refused with status 403. Requests without an origin are
     * not from browsers, and pass. Default: all.
     */
    origins?: 'same-origin' | readonly string[] | ((origin: string, request: InstanceType<V>) => boolean) | undefined
    /** How much each client may send. Default: no limit. */
    rateLimit?: RateLimitOptions | undefined
    /** Whether requests without an origin are refused as well, with status 403. Default: false. */
    requireOrigin?: boolean | undefined
  }

  /** What `authenticate` gives, or promises. */
  type Authenticated<Context> = Context | false | null | undefined | PromiseLike<Context | false | null | undefined>

  /** What a client may send, with at least one of `messages` and `octets`. Wrong values are a TypeError or RangeError in the server's constructor. */
  interface RateLimitOptions {
    /** Messages, pings and pongs in each interval. At least 1. Default: no limit. */
    messages?: number | undefined
    /** Octets in each interval, as they are on the wire. At least 1. Default: no limit. */
    octets?: number | undefined
    /** In milliseconds, 1 to 2,147,483,647. Default: 1,000. */
    interval?: number | undefined
    /** How many intervals' worth a client may send at once after a silence. At least 1. Default: 1. */
    burst?: number | undefined
    /**
     * What happens to who sends more. `'pause'`: it is not read from until it may go on, so that TCP makes it wait; `'close'`: the
     * connection is closed with 1008, and delivers nothing more. Default: `'pause'`.
     */
    action?: 'pause' | 'close' | undefined
  }

  interface BroadcastOptions<Client> {
    /** Whether the message is binary. Default: whether `data` is neither a string nor a number. */
    binary?: boolean | undefined
    /** Whether to compress it, where permessage-deflate was negotiated. Default: true. */
    compress?: boolean | undefined
    /** Who does not get it: a client, or several. Default: nobody. */
    except?: WebSocketAlias | Iterable<WebSocketAlias> | null | undefined
    /** Who gets it: called once for each client that is open and not excepted. Default: all. */
    filter?(client: Client): boolean
  }

  interface ShutdownOptions {
    /** Close code. Default: 1001, going away. */
    code?: number | undefined
    /** Close reason, 123 octets in UTF-8 at most. Default: none. */
    reason?: string | undefined
    /** How long, in milliseconds, clients may take to close after the last was asked to; then they are terminated. Default: 10,000. */
    timeout?: number | undefined
    /** Time, in milliseconds, over which the clients are asked to close, so that they do not all reconnect at once. Default: 0. */
    spread?: number | undefined
  }

  interface ShutdownResult {
    /** Clients that closed in time. */
    closed: number
    /** Clients that were terminated. */
    terminated: number
  }

  /** Refuses a client with this response where `authenticate` throws it. */
  class Refusal extends Error {
    /**
     * @param status 300 to 599, others are a RangeError
     * @param options.headers header fields; TypeError for those that cannot be sent
     * @param options.body text, plain unless a field says otherwise; by default what the status means
     */
    constructor(
      status: number,
      options?: { headers?: Readonly<Record<string, string | number>> | undefined; body?: string | undefined }
    )
    readonly status: number
    readonly headers: Readonly<Record<string, string | number>>
    readonly body: string
  }

  /**
   * What 'connection' listeners of a server are given behind the request: what `authenticate` said, or nothing without it, which undefined
   * and unknown stand for.
   */
  type ContextArguments<Context> = 0 extends 1 & Context
    ? [context: Context]
    : unknown extends Context
      ? []
      : [Context] extends [undefined]
        ? []
        : [context: Context]

  /**
   * Options of a server as they are read. Those of permessage-deflate may be booleans too, where they were given so; the type leaves
   * that out, and does not say of which class `WebSocket` is, so that a server is one of @types/ws as well, and the other way round.
   */
  interface EffectiveOptions<
    U extends Connections = typeof WebSocket.WebSocket,
    V extends typeof IncomingMessage = typeof IncomingMessage
  > extends Omit<ServerOptions<U, V>, 'perMessageDeflate' | 'WebSocket'> {
    perMessageDeflate?: boolean | EffectiveDeflateOptions | undefined
    WebSocket?: any
  }

  interface EffectiveDeflateOptions extends Omit<
    PerMessageDeflateOptions,
    'clientMaxWindowBits' | 'serverMaxWindowBits' | 'zlibDeflateOptions'
  > {
    clientMaxWindowBits?: number | undefined
    serverMaxWindowBits?: number | undefined
    zlibDeflateOptions?: (Omit<ZlibOptions, 'dictionary'> & { dictionary?: any }) | undefined
  }

  /** What ended a connection; see the reference. */
  type CloseCause =
    | 'peer'
    | 'program'
    | 'violation'
    | 'error'
    | 'timeout'
    | 'terminate'
    | 'lost'
    | 'heartbeat'
    | 'idle'
    | 'lifetime'
    | 'flood'
    | 'overflow'
    | 'rate'

  /** What `stats` gives. */
  interface ServerStats {
    /** Connections that are open. */
    connections: number
    /** How many there have been. */
    opened: number
    /** How many were closed, by cause. */
    closed: { [cause in CloseCause]?: number }
    messagesReceived: number
    messagesSent: number
    /** Messages that were not sent because too much waited. */
    messagesDropped: number
    /** Octets of messages, before compression. */
    payloadReceived: number
    payloadSent: number
    /** Octets of frames of any kind, after compression. */
    octetsReceived: number
    octetsSent: number
  }

  /** Messages of the channels of `node:diagnostics_channel`, by name. */
  interface DiagnosticsMessages {
    /** A connection is open; `request` and `server` if a server has accepted it. */
    'hybi:connection': { websocket: WebSocket; request?: IncomingMessage | undefined; server?: Server | undefined }
    /** A server has refused a request to upgrade. */
    'hybi:refused': { request?: IncomingMessage | undefined; socket: Duplex; status: number; message?: string | undefined }
    /** A connection is closed. */
    'hybi:close': { websocket: WebSocket; code: number; reason: Buffer; cause: CloseCause }
    /** A message is about to be delivered: `data` as listeners get it, and the octets of its payload. */
    'hybi:message': { websocket: WebSocket; data: string | RawData | Blob; isBinary: boolean; length: number }
    /** A message was given to be sent, or a fragment of one, the last if `fin`; `length` in octets, before compression. */
    'hybi:send': { websocket: WebSocket; data: string | Uint8Array | Blob; isBinary: boolean; length: number; fin: boolean }
    /** A connection, or the attempt to open one, has failed. */
    'hybi:error': { websocket: WebSocket; error: CodedError }
  }

  interface AddressInfo {
    address: string
    family: string
    port: number
  }

  /** Accepts WebSocket connections (RFC 6455 §4.2). `Context` is what `authenticate` gives, undefined for a server without it. */
  class Server<
    T extends Connections = typeof WebSocket.WebSocket,
    U extends typeof IncomingMessage = typeof IncomingMessage,
    Context = undefined
  > extends EventEmitter {
    /** The options given, with the defaults of those left out. */
    options: EffectiveOptions<T, U>
    /** @deprecated never set; it is `options.path` */
    path: string
    /** The connections that are not closed. Undefined with `clientTracking: false`, although the type, kept from @types/ws, denies it. */
    clients: Set<InstanceType<T>>

    /** @param callback called once the server of its own listens */
    constructor(options?: ServerOptions<T, U>, callback?: () => void)

    /**
     * Where the server listens: a string for a pipe, null once closed.
     * @throws Error with `noServer`
     */
    address(): AddressInfo | string | null
    /**
     * Sums over all connections since they are counted: from the first call on, which has those that are open by then. Always there: optional
     * so that a server whose type is that of @types/ws is one of ours as well.
     */
    stats?(): ServerStats
    /** Stops accepting connections, and leaves those there are alone. `cb` is called when they are gone, or with an error where closed already. */
    close(cb?: (err?: Error) => void): void
    /**
     * Handles an upgrade request: refuses it, or accepts it and calls back. The caller then emits 'connection' itself.
     * @throws Error when called twice with one socket
     */
    handleUpgrade(
      request: InstanceType<U>,
      socket: Duplex,
      upgradeHead: Buffer,
      callback: (client: InstanceType<T>, request: InstanceType<U>, ...context: ContextArguments<Context>) => void
    ): void
    /**
     * Whether a request is for this server, by its path; meant to be overridden. It must answer at once: the type allows a promise, as
     * @types/ws does, but nothing awaits it, and a promise means yes.
     */
    shouldHandle(request: InstanceType<U>): boolean | Promise<boolean>

    on(
      event: 'connection',
      cb: (this: Server<T>, websocket: InstanceType<T>, request: InstanceType<U>, ...context: ContextArguments<Context>) => void
    ): this
    on(event: 'error', cb: (this: Server<T>, error: Error) => void): this
    on(event: 'headers', cb: (this: Server<T>, headers: string[], request: InstanceType<U>) => void): this
    on(event: 'close' | 'listening', cb: (this: Server<T>) => void): this
    on(event: 'wsClientError', cb: (this: Server<T>, error: Error, socket: Duplex, request: InstanceType<U>) => void): this
    on(event: string | symbol, listener: (this: Server<T>, ...args: any[]) => void): this

    once(
      event: 'connection',
      cb: (this: Server<T>, websocket: InstanceType<T>, request: InstanceType<U>, ...context: ContextArguments<Context>) => void
    ): this
    once(event: 'error', cb: (this: Server<T>, error: Error) => void): this
    once(event: 'headers', cb: (this: Server<T>, headers: string[], request: InstanceType<U>) => void): this
    once(event: 'close' | 'listening', cb: (this: Server<T>) => void): this
    once(event: 'wsClientError', cb: (this: Server<T>, error: Error, socket: Duplex, request: InstanceType<U>) => void): this
    once(event: string | symbol, listener: (this: Server<T>, ...args: any[]) => void): this

    off(
      event: 'connection',
      cb: (this: Server<T>, websocket: InstanceType<T>, request: InstanceType<U>, ...context: ContextArguments<Context>) => void
    ): this
    off(event: 'error', cb: (this: Server<T>, error: Error) => void): this
    off(event: 'headers', cb: (this: Server<T>, headers: string[], request: InstanceType<U>) => void): this
    off(event: 'close' | 'listening', cb: (this: Server<T>) => void): this
    off(event: 'wsClientError', cb: (this: Server<T>, error: Error, socket: Duplex, request: InstanceType<U>) => void): this
    off(event: string | symbol, listener: (this: Server<T>, ...args: any[]) => void): this

    addListener(
      event: 'connection',
      cb: (websocket: InstanceType<T>, request: InstanceType<U>, ...context: ContextArguments<Context>) => void
    ): this
    addListener(event: 'error', cb: (error: Error) => void): this
    addListener(event: 'headers', cb: (headers: string[], request: InstanceType<U>) => void): this
    addListener(event: 'close' | 'listening', cb: () => void): this
    addListener(event: 'wsClientError', cb: (error: Error, socket: Duplex, request: InstanceType<U>) => void): this
    addListener(event: string | symbol, listener: (...args: any[]) => void): this

    removeListener(
      event: 'connection',
      cb: (websocket: InstanceType<T>, request: InstanceType<U>, ...context: ContextArguments<Context>) => void
    ): this
    removeListener(event: 'error', cb: (error: Error) => void): this
    removeListener(event: 'headers', cb: (headers: string[], request: InstanceType<U>) => void): this
    removeListener(event: 'close' | 'listening', cb: () => void): this
    removeListener(event: 'wsClientError', cb: (error: Error, socket: Duplex, request: InstanceType<U>) => void): this
    removeListener(event: string | symbol, listener: (...args: any[]) => void): this
  }

  /**
   * What servers do beyond ws. It is no part of the class `Server`, so that subclasses may go on to have methods of their own by these names;
   * those that use ours declare them: `declare broadcast: ServerServices['broadcast']`. `Client` is what `clients` has.
   */
  interface ServerServices<Client = WebSocketAlias> {
    /**
     * Sends a message to all clients that are open, as their `send` would; it is framed once, and compressed once for all that can share
     * that. `data` may be changed when it returns.
     * @returns how many clients it was handed to
     * @throws Error with `clientTracking: false`, TypeError for data and options of another kind
     */
    broadcast(data: BufferLike, options?: BroadcastOptions<Client>): number
    /**
     * Ends the server: accepts nothing more, closes every client, waits for them, and terminates those that take too long. A second call
     * waits for the first. Rejects, and does nothing, with a TypeError or RangeError for options that are none.
     */
    shutdown(options?: ShutdownOptions): Promise<ShutdownResult>
    /** Does what `shutdown` does. */
    [Symbol.asyncDispose](): Promise<void>
  }

  /** The class that was chosen, or the one that is if none was. */
  type ChosenClass<T, Default> = Connections extends T ? Default : T

  interface WebSocketServerConstructor extends Omit<typeof Server, 'prototype'> {
    readonly prototype: Server<any, any>
    /** @param callback called once the server of its own listens */
    new <T extends Connections, U extends typeof IncomingMessage, Context>(
      options?: ServerOptions<T, U, Context>,
      callback?: () => void
    ): Server<ChosenClass<T, typeof WebSocket.WebSocket>, U, Context> &
      ServerServices<InstanceType<ChosenClass<T, typeof WebSocket.WebSocket>>>
    new <T extends Connections = typeof WebSocket.WebSocket, U extends typeof IncomingMessage = typeof IncomingMessage>(
      options?: ServerOptions<T, U>,
      callback?: () => void
    ): Server<T, U>
  }

  const WebSocketServer: WebSocketServerConstructor
  /** `Context` is what `authenticate` gives. */
  interface WebSocketServer<Context = undefined>
    extends Server<typeof WebSocket, typeof IncomingMessage, Context>, ServerServices<WebSocket> {}
  const WebSocket: typeof WebSocketAlias
  interface WebSocket extends WebSocketAlias {}

  /**
   * A stream of a connection's messages: each chunk written is sent as a message, each message received is read as a chunk.
   * @param options as for `stream.Duplex`; with `readableObjectMode` each read gives one message, text as a string
   */
  function createWebSocketStream(websocket: WebSocket, options?: DuplexOptions): Duplex

  interface ReceiverOptions extends Pick<
    SocketOptions,
    'allowSynchronousEvents' | 'maxBufferedChunks' | 'maxFragments' | 'maxPayload' | 'skipUTF8Validation'
  > {
    /** Default: `'nodebuffer'`. */
    binaryType?: BinaryType | undefined
    /** Negotiated extensions by name. Default: none. */
    extensions?: { [name: string]: PerMessageDeflate } | undefined
    /** Whether frames must be masked (true), or must not be. Default: false. */
    isServer?: boolean | undefined
  }

  /** Reads frames: what is written to it comes out as events. Its limits are off by default. */
  class Receiver extends Writable {
    constructor(options?: ReceiverOptions)

    on(event: 'conclude', listener: (code: number, reason: Buffer) => void): this
    on(event: 'error', listener: (error: CodedError) => void): this
    on(event: 'message', listener: (data: RawData, isBinary: boolean) => void): this
    on(event: 'ping' | 'pong', listener: (data: Buffer) => void): this
    on(event: string | symbol, listener: (...args: any[]) => void): this

    once(event: 'conclude', listener: (code: number, reason: Buffer) => void): this
    once(event: 'error', listener: (error: CodedError) => void): this
    once(event: 'message', listener: (data: RawData, isBinary: boolean) => void): this
    once(event: 'ping' | 'pong', listener: (data: Buffer) => void): this
    once(event: string | symbol, listener: (...args: any[]) => void): this
  }

  interface FrameOptions {
    /** RFC 6455 §5.2, 0 to 15. */
    opcode: number
    /** Default: false. */
    fin?: boolean | undefined
    /** Fills `maskBuffer` with a masking key. Default: a cryptographically secure generator. */
    generateMask?: ((mask: Buffer) => void) | undefined
    /** Whether to mask the payload. Default: false. */
    mask?: boolean | undefined
    /** Holds the masking key, 4 octets. */
    maskBuffer?: Buffer | undefined
    /** Whether `data` must stay as it is; else it is masked in place. Default: false. */
    readOnly?: boolean | undefined
    /** Whether the payload is compressed. Default: false (RFC 7692 §6). */
    rsv1?: boolean | undefined
  }

  /** Writes frames to a stream. */
  class Sender {
    constructor(socket: Duplex, extensions?: { [name: string]: PerMessageDeflate }, generateMask?: (mask: Buffer) => void)
    /** A frame: its header and its payload, or both in one Buffer. */
    static frame(data: Buffer | string, options: FrameOptions): Buffer[]
    close(code?: number, data?: string | Uint8Array, mask?: boolean, cb?: (err?: Error | null) => void): void
    ping(data: any, mask?: boolean, cb?: (err?: Error | null) => void): void
    pong(data: any, mask?: boolean, cb?: (err?: Error | null) => void): void
    send(data: BufferLike, options: SendOptions, cb?: (err?: Error | null) => void): void
  }

  /** permessage-deflate of one connection (RFC 7692). */
  class PerMessageDeflate {
    /** `'permessage-deflate'`. */
    static readonly extensionName: string
    constructor(
      options?: PerMessageDeflateOptions & {
        /** Default: false. */
        isServer?: boolean | undefined
        /** Largest message, in octets, after decompression. Default: 0, no limit. */
        maxPayload?: number | undefined
      }
    )
    /** What was negotiated; null before. */
    params: DeflateParameters | null
    /** The parameters of a client's offer. */
    offer(): DeflateParameters
    /**
     * Accepts one of a client's offers, or a server's answer, as `extension.parse` gives them.
     * @throws Error where none can be accepted
     */
    accept(configurations: ExtensionParameters[]): DeflateParameters
    /** Frees what it holds. */
    cleanup(): void
    /** @param fin whether this is the message's last fragment */
    compress(data: Uint8Array | string, fin: boolean, callback: (err: Error | null, result?: Buffer) => void): void
    /** @param fin whether this is the message's last fragment */
    decompress(data: Uint8Array, fin: boolean, callback: (err: Error | null, result?: Buffer) => void): void
  }

  /** Parameters of permessage-deflate, offered or negotiated (RFC 7692 §7.1). */
  interface DeflateParameters {
    client_max_window_bits?: number | true
    client_no_context_takeover?: true
    server_max_window_bits?: number
    server_no_context_takeover?: true
  }

  /** Parameters of an extension by name, each with its values: one may come several times, and true is for none (RFC 6455 §9.1). */
  interface ExtensionParameters {
    [name: string]: Array<string | true>
  }

  /** The field `Sec-WebSocket-Extensions` (RFC 6455 §9.1). */
  const extension: {
    /** The field's value for parameters, or lists of them, by extension name. */
    format(extensions: { [name: string]: object }): string
    /** Lists of parameters by extension name; SyntaxError, with the index of the character, where the field is malformed. */
    parse(header: string): { [name: string]: ExtensionParameters[] }
  }

  /** The field `Sec-WebSocket-Protocol` (RFC 6455 §4.1). */
  const subprotocol: {
    /** The names in their order; SyntaxError where the field is malformed or a name comes twice. */
    parse(header: string): Set<string>
  }
}

export = WebSocket
