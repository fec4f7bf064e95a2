// The types of `require('hybi')` for bundlers that honour the condition "browser": the browser's own WebSocket, with ws's events.
//
// Code for both sides compiles: every name that index.d.cts has is here. What needs Node.js throws here, and is marked as deprecated, so that
// editors strike it out. Types of Node.js are `any`, as they cannot be named here.

/** A stream or the like of Node.js, which a browser has none of. */
type OfNode = any

/**
 * A client's connection. Headers, pings and limits are the browser's affair: those options are ignored, and those methods throw.
 */
declare class WebSocket {
  static readonly CONNECTING: 0
  static readonly OPEN: 1
  static readonly CLOSING: 2
  static readonly CLOSED: 3
  readonly CONNECTING: 0
  readonly OPEN: 1
  readonly CLOSING: 2
  readonly CLOSED: 3

  /** Form in which 'message' listeners get binary messages; others are ignored. Default: 'nodebuffer'. */
  binaryType: WebSocket.BinaryType
  /** Octets that `send` took and that were not yet sent. */
  readonly bufferedAmount: number
  readonly extensions: string
  /** False: a browser cannot pause. */
  readonly isPaused: boolean
  readonly protocol: string
  readonly readyState: 0 | 1 | 2 | 3
  readonly url: string

  // The browser's own events: in them binary messages are ArrayBuffers, or Blobs where `binaryType` is 'blob'
  onopen: ((event: WebSocket.Event) => void) | null
  onmessage: ((event: WebSocket.MessageEvent) => void) | null
  onclose: ((event: WebSocket.CloseEvent) => void) | null
  onerror: ((event: WebSocket.ErrorEvent) => void) | null

  /** @throws SyntaxError (a DOMException) for an address or a subprotocol that cannot be used */
  constructor(address: string | URL, protocols?: string | string[])
  /** @param options for Node.js, and ignored: a browser does not let a page choose headers, limits or extensions */
  constructor(address: string | URL, options: WebSocket.ClientOptions)
  /** @param options for Node.js, and ignored: a browser does not let a page choose headers, limits or extensions */
  constructor(address: string | URL, protocols: string | string[] | undefined, options: WebSocket.ClientOptions | undefined)

  /**
   * Sends a message.
   * @param callback called when the browser has taken the message; with an error where the connection is closing or closed
   * @throws Error while connecting
   */
  send(data: WebSocket.Sendable, callback?: (error?: Error) => void): void
  /** @param options for Node.js, and ignored: a browser frames and compresses as it likes */
  send(data: WebSocket.Sendable, options: WebSocket.SendOptions, callback?: (error?: Error) => void): void
  /**
   * Starts the closing handshake.
   * @param code 1000, or 3000 to 4999
   * @param reason 123 octets in UTF-8 at most
   */
  close(code?: number, reason?: string): void
  /** Closes: a browser cannot drop a connection. */
  terminate(): void

  /** @deprecated needs Node.js: throws in a browser */
  ping(data?: any, mask?: any, callback?: any): void
  /** @deprecated needs Node.js: throws in a browser */
  pong(data?: any, mask?: any, callback?: any): void
  /** @deprecated needs Node.js: throws in a browser */
  pause(): void
  /** @deprecated needs Node.js: throws in a browser */
  resume(): void
  /** @deprecated needs Node.js: throws in a browser */
  setSocket(socket: OfNode, head: OfNode, options: WebSocket.SocketOptions): void

  on<Name extends keyof WebSocket.Events>(event: Name, listener: (this: this, ...args: WebSocket.Events[Name]) => void): this
  on(event: string | symbol, listener: (this: this, ...args: any[]) => void): this
  once<Name extends keyof WebSocket.Events>(event: Name, listener: (this: this, ...args: WebSocket.Events[Name]) => void): this
  once(event: string | symbol, listener: (this: this, ...args: any[]) => void): this
  off<Name extends keyof WebSocket.Events>(event: Name, listener: (this: this, ...args: WebSocket.Events[Name]) => void): this
  off(event: string | symbol, listener: (this: this, ...args: any[]) => void): this
  addListener<Name extends keyof WebSocket.Events>(
    event: Name,
    listener: (this: this, ...args: WebSocket.Events[Name]) => void
  ): this
  addListener(event: string | symbol, listener: (this: this, ...args: any[]) => void): this
  removeListener<Name extends keyof WebSocket.Events>(
    event: Name,
    listener: (this: this, ...args: WebSocket.Events[Name]) => void
  ): this
  removeListener(event: string | symbol, listener: (this: this, ...args: any[]) => void): this
  removeAllListeners(event?: string | symbol): this
  listenerCount(event: string | symbol): number
  emit(event: string | symbol, ...args: any[]): boolean

  addEventListener<Name extends keyof WebSocket.WebSocketEventMap>(
    type: Name,
    listener:
      ((event: WebSocket.WebSocketEventMap[Name]) => void) | { handleEvent(event: WebSocket.WebSocketEventMap[Name]): void },
    options?: boolean | AddEventListenerOptions
  ): void
  removeEventListener<Name extends keyof WebSocket.WebSocketEventMap>(
    type: Name,
    listener:
      ((event: WebSocket.WebSocketEventMap[Name]) => void) | { handleEvent(event: WebSocket.WebSocketEventMap[Name]): void },
    options?: boolean | globalThis.EventListenerOptions
  ): void
}

// The class's own name means the namespace's member inside the namespace, hence another name for it.
declare const WebSocketAlias: typeof WebSocket
interface WebSocketAlias extends WebSocket {}

declare namespace WebSocket {
  /** What a browser sends. */
  type Sendable = string | ArrayBufferLike | Blob | ArrayBufferView<ArrayBufferLike>
  /** What a 'message' listener is given: a string for text; for binary messages what `binaryType` asks for. */
  type RawData = string | Uint8Array<ArrayBuffer> | ArrayBuffer | Blob
  /** What an `onmessage` event carries. */
  type Data = string | ArrayBuffer | Blob
  /** 'nodebuffer' stands for a Uint8Array: browsers have no Buffer. */
  type BinaryType = keyof BinaryTypeMap

  /** Form of binary messages by `binaryType`. */
  interface BinaryTypeMap {
    nodebuffer: Uint8Array<ArrayBuffer>
    arraybuffer: ArrayBuffer
    blob: Blob
  }

  /** Arguments of the events' listeners. */
  interface Events {
    open: []
    message: [data: RawData, isBinary: boolean]
    /** 1005: the close frame had no code; 1006: there was no close frame (RFC 6455 §7.1.5). */
    close: [code: number, reason: string]
    /** Browsers do not tell what went wrong; 'close' follows. Nobody has to listen. */
    error: [error: CodedError]
    /** Never: a browser answers pings by itself. */
    ping: [data: Uint8Array]
    /** Never. */
    pong: [data: Uint8Array]
    /** Never, and neither are the other events of the opening handshake. */
    upgrade: [response: OfNode]
    redirect: [url: string, request: OfNode]
    'unexpected-response': [request: OfNode, response: OfNode]
  }

  type Event = globalThis.Event
  interface ErrorEvent extends globalThis.Event {
    /** Not there: a browser does not tell what went wrong. */
    readonly error?: any
    readonly message?: string
  }
  type CloseEvent = globalThis.CloseEvent
  type MessageEvent = globalThis.MessageEvent<Data>

  interface WebSocketEventMap {
    open: Event
    error: ErrorEvent
    close: CloseEvent
    message: MessageEvent
  }

  type EventListenerOptions = AddEventListenerOptions

  type TextType = 'buffer' | 'string'

  interface AbortOptions {
    signal?: AbortSignal | undefined
  }

  /** A browser's has no more than `WebSocket`. */
  interface Connection extends WebSocketAlias {}

  type CertMeta = string | string[] | Uint8Array | Uint8Array[]

  /** `code` of an error by which a peer broke the protocol. A browser does not tell. */
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

  interface CodedError extends Error {
    code?: ErrorCode | (string & {}) | undefined
  }

  type KernelsName = 'wasm' | 'js' | 'native'
  type KernelsOption = 'auto' | KernelsName

  interface Kernels {
    readonly default: KernelsOption
    /** None: a browser masks and validates by itself. */
    readonly available: ReadonlyArray<KernelsName>
  }
  const kernels: Kernels

  /** Options of Node.js, and ignored. */
  interface SendOptions {
    binary?: boolean | undefined
    compress?: boolean | undefined
    fin?: boolean | undefined
    mask?: boolean | undefined
  }

  type VerifyClientCallbackSync<Request = OfNode> = (info: { origin: string; secure: boolean; req: Request }) => boolean
  type VerifyClientCallbackAsync<Request = OfNode> = (
    info: { origin: string; secure: boolean; req: Request },
    callback: (res: boolean, code?: number, message?: string, headers?: { [name: string]: OfNode }) => void
  ) => void
  type FinishRequestCallback = (request: OfNode, websocket: WebSocket) => void

  /** Options of Node.js, and ignored. */
  interface ServerSideOptions {
    autoPong?: boolean | undefined
    closeTimeout?: number | undefined
    coalesce?: boolean | undefined
    highWaterMark?: number | undefined
    kernels?: KernelsOption | undefined
    maxBufferedAmount?: number | undefined
    maxPendingAutoPongs?: number | undefined
    overflow?: 'terminate' | 'drop' | undefined
    receiveBuffer?: 'auto' | 'shared' | 'off' | undefined
    textType?: TextType | undefined
  }

  /** Options of Node.js, and ignored. */
  interface SocketOptions {
    allowSynchronousEvents?: boolean | undefined
    generateMask?(mask: OfNode): void
    maxBufferedChunks?: number | undefined
    maxFragments?: number | undefined
    maxPayload?: number | undefined
    skipUTF8Validation?: boolean | undefined
  }

  /** Options of Node.js, and ignored. */
  interface HeartbeatOptions {
    interval?: number | undefined
    timeout?: number | undefined
  }

  /** Options of Node.js, and ignored. */
  interface HeartbeatExpectation {
    expect: number
  }

  /** Options of Node.js, and ignored. */
  interface LifetimeOptions {
    limit: number
    spread?: number | undefined
  }

  /** Options of Node.js, and ignored. */
  interface CommonOptions extends ServerSideOptions, Omit<SocketOptions, 'generateMask'> {
    heartbeat?: boolean | HeartbeatOptions | HeartbeatExpectation | undefined
    idleTimeout?: number | undefined
    maxLifetime?: number | LifetimeOptions | undefined
    perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined
  }

  /** Options of Node.js, those of `http.request` and `tls.connect` included, and ignored. */
  interface ClientOptions extends CommonOptions {
    followRedirects?: boolean | undefined
    generateMask?(mask: OfNode): void
    handshakeTimeout?: number | undefined
    maxRedirects?: number | undefined
    origin?: string | undefined
    protocols?: string | string[] | undefined
    protocolVersion?: number | undefined
    [option: string]: any
  }

  /** Options of Node.js, and ignored. */
  interface PerMessageDeflateOptions {
    clientNoContextTakeover?: boolean | undefined
    clientMaxWindowBits?: number | boolean | undefined
    codec?: 'auto' | 'wasm' | 'zlib' | 'pako' | undefined
    concurrencyLimit?: number | undefined
    serverNoContextTakeover?: boolean | undefined
    serverMaxWindowBits?: number | false | undefined
    threshold?: number | undefined
    zlibDeflateOptions?: DeflateOptions | undefined
    zlibInflateOptions?: { [option: string]: any } | undefined
  }

  interface DeflateOptions {
    [option: string]: any
  }

  /** Options of a server, which needs Node.js. */
  interface ServerOptions<U = typeof WebSocket.WebSocket, V = OfNode, Context = unknown> extends CommonOptions {
    backlog?: number | undefined
    clientTracking?: boolean | undefined
    direct?: 'auto' | 'off' | undefined
    handleProtocols?: (
      protocols: Set<string>,
      request: V extends abstract new (...args: any) => infer R ? R : OfNode
    ) => string | false
    host?: string | undefined
    noServer?: boolean | undefined
    path?: string | undefined
    port?: number | undefined
    server?: OfNode
    verifyClient?: VerifyClientCallbackAsync | VerifyClientCallbackSync | undefined
    WebSocket?: U | undefined
    addressOf?: ((request: OfNode) => string | undefined) | undefined
    authenticate?: ((request: OfNode, options: { signal: OfNode }) => Authenticated<Context>) | undefined
    handshakeTimeout?: number | undefined
    maxConnections?: number | undefined
    maxConnectionsPerAddress?: number | undefined
    origins?: 'same-origin' | readonly string[] | ((origin: string, request: OfNode) => boolean) | undefined
    rateLimit?: RateLimitOptions | undefined
    requireOrigin?: boolean | undefined
  }

  type Authenticated<Context> = Context | false | null | undefined | PromiseLike<Context | false | null | undefined>

  interface RateLimitOptions {
    messages?: number | undefined
    octets?: number | undefined
    interval?: number | undefined
    burst?: number | undefined
    action?: 'pause' | 'close' | undefined
  }

  interface BroadcastOptions<Client> {
    binary?: boolean | undefined
    compress?: boolean | undefined
    except?: WebSocketAlias | Iterable<WebSocketAlias> | null | undefined
    filter?(client: Client): boolean
  }

  interface ShutdownOptions {
    code?: number | undefined
    reason?: string | undefined
    timeout?: number | undefined
    spread?: number | undefined
  }

  interface ShutdownResult {
    closed: number
    terminated: number
  }

  /** @deprecated needs Node.js: its constructor throws in a browser */
  class Refusal extends Error {
    /** @deprecated needs Node.js: throws in a browser */
    constructor(
      status: number,
      options?: { headers?: Readonly<Record<string, string | number>> | undefined; body?: string | undefined }
    )
    readonly status: number
    readonly headers: Readonly<Record<string, string | number>>
    readonly body: string
  }

  type ContextArguments<Context> = 0 extends 1 & Context
    ? [context: Context]
    : unknown extends Context
      ? []
      : [Context] extends [undefined]
        ? []
        : [context: Context]

  interface ServerServices<Client = WebSocketAlias> {
    broadcast(data: OfNode, options?: BroadcastOptions<Client>): number
    shutdown(options?: ShutdownOptions): Promise<ShutdownResult>
  }

  type Connections = new (...args: any[]) => WebSocketAlias

  type ChosenClass<T, Default> = Connections extends T ? Default : T

  interface WebSocketServerConstructor extends Omit<typeof Server, 'prototype'> {
    readonly prototype: Server<any, any>
    /** @deprecated needs Node.js: throws in a browser */
    new <T extends Connections, U, Context>(
      options?: ServerOptions<T, U, Context>,
      callback?: () => void
    ): Server<ChosenClass<T, typeof WebSocket.WebSocket>, OfNode, Context> &
      ServerServices<InstanceType<ChosenClass<T, typeof WebSocket.WebSocket>>>
    /** @deprecated needs Node.js: throws in a browser */
    new <T extends Connections = typeof WebSocket.WebSocket, U = OfNode>(
      options?: ServerOptions<T, U>,
      callback?: () => void
    ): Server<T, U>
  }

  interface AddressInfo {
    address: string
    family: string
    port: number
  }

  /** @deprecated needs Node.js: its constructor throws in a browser */
  class Server<T extends abstract new (...args: any) => any = typeof WebSocket.WebSocket, U = OfNode, Context = undefined> {
    options: ServerOptions<T, U>
    path: string
    clients: Set<InstanceType<T>>
    /** @deprecated needs Node.js: throws in a browser */
    constructor(options?: ServerOptions<T, U>, callback?: () => void)
    address(): AddressInfo | string | null
    close(cb?: (err?: Error) => void): void
    handleUpgrade(
      request: OfNode,
      socket: OfNode,
      upgradeHead: OfNode,
      callback: (client: InstanceType<T>, request: OfNode, ...context: ContextArguments<Context>) => void
    ): void
    shouldHandle(request: OfNode): boolean | Promise<boolean>
    on(
      event: 'connection',
      cb: (this: this, websocket: InstanceType<T>, request: OfNode, ...context: ContextArguments<Context>) => void
    ): this
    on(event: string | symbol, listener: (this: this, ...args: any[]) => void): this
    once(
      event: 'connection',
      cb: (this: this, websocket: InstanceType<T>, request: OfNode, ...context: ContextArguments<Context>) => void
    ): this
    once(event: string | symbol, listener: (this: this, ...args: any[]) => void): this
    off(event: string | symbol, listener: (this: this, ...args: any[]) => void): this
    addListener(
      event: 'connection',
      cb: (websocket: InstanceType<T>, request: OfNode, ...context: ContextArguments<Context>) => void
    ): this
    addListener(event: string | symbol, listener: (...args: any[]) => void): this
    removeListener(event: string | symbol, listener: (...args: any[]) => void): this
    removeAllListeners(event?: string | symbol): this
    emit(event: string | symbol, ...args: any[]): boolean
  }

  /** @deprecated needs Node.js: its constructor throws in a browser */
  const WebSocketServer: WebSocketServerConstructor
  interface WebSocketServer<Context = undefined> extends Server<typeof WebSocket, OfNode, Context>, ServerServices<WebSocket> {}
  const WebSocket: typeof WebSocketAlias
  interface WebSocket extends WebSocketAlias {}

  /** @deprecated needs Node.js: throws in a browser */
  function createWebSocketStream(websocket: WebSocket, options?: OfNode): OfNode

  interface ReceiverOptions extends Pick<
    SocketOptions,
    'allowSynchronousEvents' | 'maxBufferedChunks' | 'maxFragments' | 'maxPayload' | 'skipUTF8Validation'
  > {
    binaryType?: BinaryType | 'fragments' | undefined
    extensions?: { [name: string]: PerMessageDeflate } | undefined
    isServer?: boolean | undefined
  }

  /** @deprecated needs Node.js: its constructor throws in a browser */
  class Receiver {
    /** @deprecated needs Node.js: throws in a browser */
    constructor(options?: ReceiverOptions)
    on(event: string | symbol, listener: (...args: any[]) => void): this
    once(event: string | symbol, listener: (...args: any[]) => void): this
    write(chunk: OfNode, callback?: (error?: Error | null) => void): boolean
    end(): this
  }

  /** Of Node.js. */
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

  /** Of Node.js. */
  interface ServerStats {
    connections: number
    opened: number
    closed: { [cause in CloseCause]?: number }
    messagesReceived: number
    messagesSent: number
    messagesDropped: number
    payloadReceived: number
    payloadSent: number
    octetsReceived: number
    octetsSent: number
  }

  /** Of Node.js. */
  interface DiagnosticsMessages {
    'hybi:connection': { websocket: WebSocket; request?: OfNode; server?: OfNode }
    'hybi:refused': { request?: OfNode; socket: OfNode; status: number; message?: string | undefined }
    'hybi:close': { websocket: WebSocket; code: number; reason: OfNode; cause: CloseCause }
    'hybi:message': { websocket: WebSocket; data: OfNode; isBinary: boolean; length: number }
    'hybi:send': { websocket: WebSocket; data: OfNode; isBinary: boolean; length: number; fin: boolean }
    'hybi:error': { websocket: WebSocket; error: CodedError }
  }

  interface FrameOptions {
    opcode: number
    fin?: boolean | undefined
    generateMask?: ((mask: OfNode) => void) | undefined
    mask?: boolean | undefined
    maskBuffer?: OfNode
    readOnly?: boolean | undefined
    rsv1?: boolean | undefined
  }

  /** @deprecated needs Node.js: its constructor throws in a browser */
  class Sender {
    /** @deprecated needs Node.js: throws in a browser */
    constructor(socket: OfNode, extensions?: { [name: string]: PerMessageDeflate }, generateMask?: (mask: OfNode) => void)
    /** @deprecated needs Node.js: throws in a browser */
    static frame(data: OfNode, options: FrameOptions): OfNode[]
    close(code?: number, data?: string | Uint8Array, mask?: boolean, cb?: (err?: Error | null) => void): void
    ping(data: any, mask?: boolean, cb?: (err?: Error | null) => void): void
    pong(data: any, mask?: boolean, cb?: (err?: Error | null) => void): void
    send(data: any, options: SendOptions, cb?: (err?: Error | null) => void): void
  }

  /** @deprecated needs Node.js: its constructor throws in a browser */
  class PerMessageDeflate {
    static readonly extensionName: string
    /** @deprecated needs Node.js: throws in a browser */
    constructor(options?: PerMessageDeflateOptions & { isServer?: boolean | undefined; maxPayload?: number | undefined })
    params: DeflateParameters | null
    offer(): DeflateParameters
    accept(configurations: ExtensionParameters[]): DeflateParameters
    cleanup(): void
    compress(data: Uint8Array | string, fin: boolean, callback: (err: Error | null, result?: OfNode) => void): void
    decompress(data: Uint8Array, fin: boolean, callback: (err: Error | null, result?: OfNode) => void): void
  }

  interface DeflateParameters {
    client_max_window_bits?: number | true
    client_no_context_takeover?: true
    server_max_window_bits?: number
    server_no_context_takeover?: true
  }

  interface ExtensionParameters {
    [name: string]: Array<string | true>
  }

  /** @deprecated needs Node.js: its functions throw in a browser */
  const extension: {
    format(extensions: { [name: string]: object }): string
    parse(header: string): { [name: string]: ExtensionParameters[] }
  }

  /** @deprecated needs Node.js: its function throws in a browser */
  const subprotocol: {
    parse(header: string): Set<string>
  }
}

export = WebSocket
