// The types of `import ... from 'hybi'` for bundlers that honour the condition "browser": the browser's own WebSocket, with ws's events.

declare namespace WebSocket {
  /** What a 'message' listener is given: a string for text; for binary messages what `binaryType` asks for. */
  type RawData = string | ArrayBuffer | Blob
  type BinaryType = 'arraybuffer' | 'blob'

  /** Arguments of the events' listeners. */
  interface Events {
    open: []
    message: [data: RawData, isBinary: boolean]
    /** 1005: the close frame had no code; 1006: there was no close frame (RFC 6455 §7.1.5). */
    close: [code: number, reason: string]
    /** Browsers do not tell what went wrong; 'close' follows. */
    error: [error: Error]
  }
}

/** A client's connection. Headers, pings and limits are the browser's affair: those options of Node.js are not here. */
declare class WebSocket {
  static readonly CONNECTING: 0
  static readonly OPEN: 1
  static readonly CLOSING: 2
  static readonly CLOSED: 3
  readonly CONNECTING: 0
  readonly OPEN: 1
  readonly CLOSING: 2
  readonly CLOSED: 3

  /** Form in which binary messages are delivered. */
  binaryType: WebSocket.BinaryType
  /** Octets that `send` took and that were not yet sent. */
  readonly bufferedAmount: number
  readonly extensions: string
  readonly protocol: string
  readonly readyState: 0 | 1 | 2 | 3
  readonly url: string

  onopen: ((event: Event) => void) | null
  onmessage: ((event: MessageEvent<WebSocket.RawData>) => void) | null
  onclose: ((event: CloseEvent) => void) | null
  onerror: ((event: Event) => void) | null

  /** @throws SyntaxError (a DOMException) for an address or a subprotocol that cannot be used */
  constructor(address: string | URL, protocols?: string | string[])

  /** @throws InvalidStateError (a DOMException) while connecting */
  send(data: string | ArrayBufferLike | Blob | ArrayBufferView<ArrayBufferLike>): void
  /**
   * Starts the closing handshake.
   * @param code 1000, or 3000 to 4999
   * @param reason 123 octets in UTF-8 at most
   */
  close(code?: number, reason?: string): void

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
