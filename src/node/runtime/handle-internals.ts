// What is used of Node.js beneath its sockets, for connections that have none, without its being documented; found once. Seen on Node
// 20.20, 22.23, 24.21 and 26.12. A Node whose functions have another source than those gives its own sockets, as ever.

import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import * as http from 'node:http'
import { Socket } from 'node:net'
import process from 'node:process'
import { idleHandle, type InternalHandle, isNode } from './internals.js'

/** A connection in the system: Node's TCP or Pipe. */
export interface BareHandle extends InternalHandle {
  /** Called for each read, its end and its failure, with the handle as `this`. */
  onread: (this: BareHandle) => void
  reading: boolean
  readonly bytesRead: number
  readonly bytesWritten: number
  readStart(): number
  readStop(): number
  useUserBuffer(view: Uint8Array): void
  close(closed: () => void): void
  getpeername?(names: AddressNames): number
  getsockname?(names: AddressNames): number
  setNoDelay?(on: boolean): number
  setKeepAlive?(on: boolean, delay: number): number
}

/** What a handle says of an end of its connection. */
export interface AddressNames {
  address?: string
  port?: number
  family?: string
}

/** Called with each connection that a listening handle accepts. */
export type ConnectionListener = (this: unknown, error: unknown, handle: BareHandle | undefined) => void

/** What beneath sockets is used. */
export interface HandleInternals {
  /** Where a handle keeps the socket that owns it. */
  readonly owner: symbol
  /** Reads of the handle that calls `onread`: octets, or 0 for none, END, or FAILED, of which `readError` tells. */
  read(): number
  readError(): Error
  /** Properties that a socket and a request have of their own when a program gets hold of them. */
  readonly socketKeys: readonly PropertyKey[]
  readonly requestKeys: readonly PropertyKey[]
  /** What a socket keeps of a connection that is gone. */
  readonly bytesRead: symbol
  readonly bytesWritten: symbol
  /** What a socket notes of what was set on its handle. */
  readonly noDelay: symbol
  readonly keepAlive: symbol
  readonly keepAliveInitialDelay: symbol
  /** Methods that HTTP leaves on a socket that was upgraded. */
  readonly leftMethods: Readonly<Record<string, unknown>>
  /** Node's own listener of 'connection' of an HTTP server. */
  readonly httpConnection: (...args: any[]) => void
  /** Where an HTTP server keeps the class of its requests. */
  readonly requestClass: symbol
}

export const END = -1
export const FAILED = -2

/** SHA-1 of the source of `onStreamRead`, which says what was read, and of `onconnection`, which is to be stood in for. */
const READS: readonly string[] = ['c68562ff']
const CONNECTIONS: readonly string[] = ['97d74f68', 'bba73ac0']

function fingerprint(value: unknown): string {
  return createHash('sha1').update(String(value)).digest('hex').slice(0, 8)
}

/** Whether this is the function that is called with each connection in a Node that we know. */
export function isKnownConnectionListener(value: unknown): value is ConnectionListener {
  return typeof value === 'function' && CONNECTIONS.includes(fingerprint(value))
}

let found: HandleInternals | null | undefined

/** All of it; null if a piece is missing, or is not as we know it. */
export function findHandleInternals(): HandleInternals | null {
  if (found === undefined) found = process.platform === 'linux' && isNode ? find() : null
  return found
}

/** Lends a handle that does nothing to a socket of Node's, and looks at what that does with it. */
function find(): HandleInternals | null {
  const handle = idleHandle()
  try {
    const socket = new Socket({ handle, allowHalfOpen: true, manualStart: true } as ConstructorParameters<typeof Socket>[0])
    const owner = Object.getOwnPropertySymbols(handle).find((key) => (handle as Record<symbol, unknown>)[key] === socket)
    const { onread } = handle
    const socketKeys = Reflect.ownKeys(socket)
    const named = (name: string) =>
      socketKeys.find((key) => typeof key === 'symbol' && key.description === name) as symbol | undefined
    const bytesRead = named('kBytesRead')
    const bytesWritten = named('kBytesWritten')
    const noDelay = named('kSetNoDelay')
    const keepAlive = named('kSetKeepAlive')
    const keepAliveInitialDelay = named('kSetKeepAliveInitialDelay')
    const requestKeys = Reflect.ownKeys(new http.IncomingMessage(socket))
    const server = http.createServer()
    const requestClass = Object.getOwnPropertySymbols(server).find(({ description }) => description === 'IncomingMessage')
    const [httpConnection] = server.listeners('connection') as ((...args: any[]) => void)[]
    if (!owner || !bytesRead || !bytesWritten || !requestClass || !httpConnection || !READS.includes(fingerprint(onread)))
      return null
    if (!noDelay || !keepAlive || !keepAliveInitialDelay) return null
    const reads = readerOf(onread as () => void, owner, named)
    const leftMethods = methodsLeftBy(server, httpConnection, socket)
    socket.destroy()
    return (
      reads && {
        owner,
        ...reads,
        socketKeys,
        requestKeys,
        bytesRead,
        bytesWritten,
        noDelay,
        keepAlive,
        keepAliveInitialDelay,
        leftMethods,
        httpConnection,
        requestClass
      }
    )
  } catch {
    return null
  }
}

/** Shows a socket to an HTTP server, and looks at what of that stays on one that is upgraded. */
function methodsLeftBy(server: http.Server, httpConnection: (...args: any[]) => void, socket: Socket): Record<string, unknown> {
  httpConnection.call(server, socket)
  const { on, addListener, prependListener } = Socket.prototype
  // The others are replaced by the socket's when they are called for the first time
  return { on, addListener, prependListener, setEncoding: socket.setEncoding }
}

/**
 * Node keeps what a read gave where only its own function can see it: that is called with something that it takes for a handle with its
 * socket.
 */
function readerOf(
  onStreamRead: () => void,
  owner: symbol,
  named: (name: string) => symbol | undefined
): Pick<HandleInternals, 'read' | 'readError'> | null {
  const [buffer, callback, generator] = ['kBuffer', 'kBufferCb', 'kBufferGen'].map(named)
  const updateTimer = Object.getOwnPropertySymbols(Socket.prototype).find(({ description }) => description === 'kUpdateTimer')
  if (!buffer || !callback || !generator || !updateTimer) return null
  let result = 0
  let error: Error | null = null
  const socket = {
    destroyed: false,
    _readableState: { endEmitted: false },
    [buffer]: Buffer.alloc(1),
    [generator]: null,
    [updateTimer]() {},
    [callback](length: number) {
      result = length
    },
    push() {
      result = END
    },
    read() {},
    destroy(reason: Error) {
      result = FAILED
      error = reason
    }
  }
  const shown = { [owner]: socket, reading: true, readStop: () => 0 }
  return {
    read() {
      result = 0
      onStreamRead.call(shown)
      return result
    },
    readError() {
      return error!
    }
  }
}
