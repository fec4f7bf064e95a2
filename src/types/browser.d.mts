// The types of `import ... from 'hybi'` for bundlers that honour the condition "browser": the browser's own WebSocket, with ws's events.

declare namespace WebSocket {
  /** What a 'message' listener is given: a string for text; for binary messages what `binaryType` asks for. */
  type RawData = string | Uint8Array<ArrayBuffer> | ArrayBuffer | Blob
  /** 'nodebuffer' stands for a Uint8Array: browsers have no Buffer. */
  type BinaryType = 'nodebuffer' | 'arraybuffer' | 'blob'

  /** Arguments of the events' listeners. */
  interface Events {
    open: []
    message: [data: RawData, isBinary: boolean]
    /** 1005: the close frame had no code; 1006: there was no close frame (RFC 6455 §7.1.5). */
    close: [code: number, reason: string]
    /** Browsers do not tell what went wrong; 'close' follows. Nobody has to listen. */
    error: [error: Error]
  }
}

/** A client's connection. Headers, pings and limits are the browser's affair: those options and methods of Node.js are not here. */
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
  readonly protocol: string
  readonly readyState: 0 | 1 | 2 | 3
  readonly url: string

  // The browser's own events: in them binary messages are ArrayBuffers, or Blobs where `binaryType` is 'blob'
  onopen: ((event: Event) => void) | null
  onmessage: ((event: MessageEvent<string | ArrayBuffer | Blob>) => void) | null
  onclose: ((event: CloseEvent) => void) | null
  onerror: ((event: Event) => void) | null

  /** @throws SyntaxError (a DOMException) for an address or a subprotocol that cannot be used */
  constructor(address: string | URL, protocols?: string | string[])

  /**
   * Sends a message.
   * @param callback called when the browser has taken the message; with an error where the connection is closing or closed
   * @throws Error while connecting
   */
  send(data: string | ArrayBufferLike | Blob | ArrayBufferView<ArrayBufferLike>, callback?: (error?: Error) => void): void
  /**
   * Starts the closing handshake.
   * @param code 1000, or 3000 to 4999
   * @param reason 123 octets in UTF-8 at most
   */
  close(code?: number, reason?: string): void
  /** Closes: a browser cannot drop a connection. */
  terminate(): void

  on<Name extends keyof WebSocket.Events>(event: Name, listener: (this: this, ...args: WebSocket.Events[Name]) => void): this
  once<Name extends keyof WebSocket.Events>(event: Name, listener: (this: this, ...args: WebSocket.Events[Name]) => void): this
  off<Name extends keyof WebSocket.Events>(event: Name, listener: (this: this, ...args: WebSocket.Events[Name]) => void): this
  addListener<Name extends keyof WebSocket.Events>(
    event: Name,
    listener: (this: this, ...args: WebSocket.Events[Name]) => void
  ): this
  removeListener<Name extends keyof WebSocket.Events>(
    event: Name,
    listener: (this: this, ...args: WebSocket.Events[Name]) => void
  ): this
  removeAllListeners(event?: keyof WebSocket.Events): this
  listenerCount(event: keyof WebSocket.Events): number

  addEventListener<Name extends keyof WebSocketEventMap>(
    type: Name,
    listener: ((event: WebSocketEventMap[Name]) => void) | { handleEvent(event: WebSocketEventMap[Name]): void },
    options?: boolean | AddEventListenerOptions
  ): void
  removeEventListener<Name extends keyof WebSocketEventMap>(
    type: Name,
    listener: ((event: WebSocketEventMap[Name]) => void) | { handleEvent(event: WebSocketEventMap[Name]): void },
    options?: boolean | EventListenerOptions
  ): void
}

export type RawData = WebSocket.RawData
export { WebSocket, WebSocket as default }
