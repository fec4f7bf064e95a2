// A socket without a stream: the handle of an accepted connection, which becomes one of Node's sockets, in the same object, as soon as
// somebody touches what makes it a stream. An idle connection takes 3.5 KiB instead of 6.1, and a handshake 86 µs of CPU instead of 138
// (`npm run bench -- handshake memory`, and the same with HYBI_DIRECT=off).

import { Buffer } from 'node:buffer'
import type { Server } from 'node:http'
import { Socket } from 'node:net'
import process from 'node:process'
import { inspect } from 'node:util'
import { type AddressNames, type BareHandle, END, findHandleInternals, type HandleInternals } from '../runtime/handle-internals.js'
import type { StreamStates } from '../runtime/internals.js'
import type { kLink } from '../runtime/symbols.js'
import { pushWhatComes, type ReceiveRegion } from './receive-buffer.js'

/** `'auto'`: connections that nobody else has a hand on have no socket until one is asked for; `'off'`: Node's sockets always. */
export type DirectChoice = 'auto' | 'off'

const CHOICES: readonly unknown[] = ['auto', 'off']

/** What holds if the option is not given: HYBI_DIRECT as it was when the program started. */
const DEFAULT_CHOICE = (process.env.HYBI_DIRECT || 'auto') as DirectChoice

/** Whether the option, or what stands for it, allows connections without streams. */
export function allowsDirect(option: DirectChoice | undefined): boolean {
  return (option ?? DEFAULT_CHOICE) !== 'off'
}

/** @throws {TypeError} for a value that is no choice */
export function checkDirect(option: DirectChoice | null | undefined): void {
  const choice = option ?? DEFAULT_CHOICE
  if (CHOICES.includes(choice)) return
  throw new TypeError(`Invalid value for option "direct": ${String(choice)} (must be one of "auto", "off")`)
}

/** Who reads a socket without a stream. */
export interface DirectReader {
  /** `length` octets came, which are in the region until others are read. */
  receiveDirect(socket: DirectSocket, length: number): void
  /** The peer ended its side. */
  directEnded(socket: DirectSocket): void
  /** Reading failed, most likely because the peer has reset the connection. */
  directFailed(socket: DirectSocket, error: Error): void
  /** The handle is closed. */
  directClosed(socket: DirectSocket): void
  /** The socket is a stream from here on; `socket` does not read yet, and what comes is pushed to it. */
  realised(socket: DirectSocket): void
}

/** What is looked at in a server, of which Node's types do not know all. */
export interface DirectServer {
  _connections: number
  _emitCloseIfDrained(): void
  highWaterMark: number
  noDelay?: boolean
  keepAlive?: boolean
  keepAliveInitialDelay?: number
}

/** Where it was accepted. */
export interface DirectOrigin {
  readonly server: Server & DirectServer
  readonly region: ReceiveRegion
}

/** What is known of a connection that is closed, or about to be. */
interface Past {
  readonly bytesRead: number
  readonly bytesWritten: number
  /** Whether both sides had ended what they had to say. */
  readonly hasEnded: boolean
  /** Why reading failed. */
  readonly error: Error | null
}

/** The state of a handle that has no stream. */
const OPEN = 0
const CLOSING = 1
const CLOSED = 2
/** It is one of Node's sockets, with a stream. */
const REAL = 3
/** It is one that was made when the handle was closed, or about to be. */
const REAL_CLOSING = 4

export class DirectSocket {
  declare [kLink]: unknown
  readonly #handle: BareHandle
  readonly #origin: DirectOrigin & DirectReader
  #reader: DirectReader
  #state = OPEN
  /** What a program asked for: as Node keeps it. */
  #peer: AddressNames | null = null
  #past: Past | null = null

  /** @param origin who reads it first */
  constructor(handle: BareHandle, origin: DirectOrigin & DirectReader) {
    this.#handle = handle
    this.#origin = origin
    this.#reader = origin
  }

  static is(value: object): value is DirectSocket {
    return #state in value
  }

  /** Begins to read. */
  static begin(socket: DirectSocket): void {
    const handle = socket.#handle
    ;(handle as unknown as Record<symbol, unknown>)[findHandleInternals()!.owner] = socket
    handle.onread = onRead
    handle.useUserBuffer(socket.#origin.region.view)
    handle.reading = true
    if (handle.readStart() !== 0) DirectSocket.realise(socket).destroy()
  }

  /** The handle, if there is nothing else; null once it is closed, or has a stream. */
  static handleOf(socket: DirectSocket): BareHandle | null {
    return socket.#state === OPEN ? socket.#handle : null
  }

  static originOf(socket: DirectSocket): DirectOrigin {
    return socket.#origin
  }

  static isReal(socket: DirectSocket): boolean {
    return socket.#state >= REAL
  }

  static isClosed(socket: DirectSocket): boolean {
    return socket.#state !== OPEN && (socket.#state !== REAL || asSocket(socket).destroyed)
  }

  static setReader(socket: DirectSocket, reader: DirectReader): void {
    socket.#reader = reader
  }

  /** Stops reading, or goes on. */
  static setReading(socket: DirectSocket, reading: boolean): void {
    const handle = socket.#handle
    if (socket.#state !== OPEN || handle.reading === reading) return
    handle.reading = reading
    if (!reading) handle.readStop()
    else if (handle.readStart() !== 0) DirectSocket.realise(socket).destroy()
  }

  /** Gives the handle back, as it was: nobody has seen the socket. */
  static release(socket: DirectSocket): BareHandle {
    const { server } = socket.#origin
    socket.#state = CLOSED
    server._connections--
    return socket.#handle
  }

  /**
   * Closes the handle: what the system has taken it still sends, and then the end.
   * @param hasEnded whether both sides have ended what they had to say
   */
  static close(socket: DirectSocket, hasEnded: boolean): void {
    if (socket.#state !== OPEN) return
    socket.#state = CLOSING
    const handle = socket.#handle
    const { bytesRead, bytesWritten } = handle
    socket.#past = { bytesRead, bytesWritten, hasEnded, error: socket.#past === null ? null : socket.#past.error }
    handle.close(onClosed)
    const { server } = socket.#origin
    server._connections--
    server._emitCloseIfDrained()
  }

  /** Makes it one of Node's sockets. */
  static realise(socket: DirectSocket): Socket {
    const real = asSocket(socket)
    const state = socket.#state
    if (state >= REAL) return real
    socket.#state = state === OPEN ? REAL : REAL_CLOSING
    Object.setPrototypeOf(socket, Socket.prototype)
    const { server, region } = socket.#origin
    const { highWaterMark, keepAlive = false, keepAliveInitialDelay = 0 } = server
    const internals = findHandleInternals()!
    const marks = { readableHighWaterMark: highWaterMark, writableHighWaterMark: highWaterMark, allowHalfOpen: true }
    const handle = socket.#handle
    const { reading } = handle
    // The stream is to be ready for what comes, but not to begin
    handle.reading = true
    ;(Socket as unknown as (this: Socket, options: object) => void).call(real, state === OPEN ? { ...marks, handle } : marks)
    handle.reading = reading
    const properties: Record<PropertyKey, unknown> = {
      server,
      _server: server,
      parser: null,
      _paused: false,
      [internals.noDelay]: server.noDelay === true && handle.setNoDelay !== undefined,
      [internals.keepAlive]: keepAlive && handle.setKeepAlive !== undefined,
      [internals.keepAliveInitialDelay]: keepAlive ? keepAliveInitialDelay : 0
    }
    // HTTP has yet to see one that the acceptor reads
    if (socket.#reader !== socket.#origin) Object.assign(properties, internals.leftMethods)
    if (socket.#peer !== null) properties._peername = socket.#peer
    if (state === OPEN) {
      Object.assign(real, properties)
      pushWhatComes(real, region)
      socket.#reader.realised(socket)
    } else {
      // Its connections are counted already, and 'close' comes with the handle's
      const { bytesRead, bytesWritten } = internals
      const past = socket.#past!
      properties.server = properties._server = null
      if (past.hasEnded) showEnd(real)
      if (past.error !== null) showError(real, past.error)
      properties[bytesRead] = past.bytesRead
      properties[bytesWritten] = past.bytesWritten
      properties._destroy = destroyQuietly
      Object.assign(real, properties)
      real.destroy()
      delete (real as unknown as Record<string, unknown>)._destroy
      Object.assign(real, { server, _server: server })
    }
    return real
  }

  /** In the context of its handle. */
  static read(socket: DirectSocket): void {
    const { read, readError } = findHandleInternals()!
    const length = read()
    if (length > 0) return socket.#reader.receiveDirect(socket, length)
    if (length === 0) return
    if (length === END) return socket.#reader.directEnded(socket)
    const error = readError()
    socket.#past = { bytesRead: 0, bytesWritten: 0, hasEnded: false, error }
    socket.#reader.directFailed(socket, error)
  }

  static closed(socket: DirectSocket): void {
    const isReal = socket.#state === REAL_CLOSING
    if (!isReal) socket.#state = CLOSED
    socket.#reader.directClosed(socket)
    if (isReal) asSocket(socket).emit('close', false)
  }

  static bytesRead(socket: DirectSocket): number {
    return socket.#state === OPEN ? socket.#handle.bytesRead : socket.#past!.bytesRead
  }

  /** The address of the peer. */
  static peerOf(socket: DirectSocket): AddressNames {
    if (socket.#peer !== null) return socket.#peer
    const names: AddressNames = {}
    if (socket.#state !== OPEN || socket.#handle.getpeername?.(names) !== 0) return names
    return (socket.#peer = names)
  }

  /** Octets that were read, as one of Node's sockets gets them. */
  static copyOf(socket: DirectSocket, length: number): Buffer {
    return Buffer.from(socket.#origin.region.view.subarray(0, length))
  }
}

/** Whether `stream` is one without a stream. */
export function isDirect(stream: object): stream is DirectSocket {
  return DirectSocket.is(stream) && !DirectSocket.isReal(stream)
}

/** As those see it who have no business with its handle. */
export function asSocket(socket: DirectSocket): Socket {
  return socket as unknown as Socket
}

function ownerOf(handle: object): DirectSocket {
  return (handle as Record<symbol, DirectSocket>)[findHandleInternals()!.owner]
}

function onRead(this: BareHandle): void {
  DirectSocket.read(ownerOf(this))
}

function onClosed(this: BareHandle): void {
  DirectSocket.closed(ownerOf(this))
}

/** Lets a stream that was never open look like one that was read and written to its ends. */
function showEnd(socket: Socket): void {
  const { _readableState: readable, _writableState: writable } = socket as unknown as Required<StreamStates>
  Object.assign(readable, { ended: true, endEmitted: true })
  Object.assign(writable, { ending: true, ended: true, finished: true, prefinished: true })
}

/** Lets it look like one that has emitted `error`. */
function showError(socket: Socket, error: Error): void {
  const { _readableState: readable, _writableState: writable } = socket as unknown as Required<StreamStates>
  for (const state of [readable, writable]) Object.assign(state, { errored: error, errorEmitted: true })
}

/** What an end and a failure are to a stream. */
export function endStream(socket: DirectSocket): void {
  const real = DirectSocket.realise(socket)
  real.push(null)
  real.read(0)
}

export function failStream(socket: DirectSocket, error: Error): void {
  DirectSocket.realise(socket).destroy(error)
}

function destroyQuietly(error: Error | null, callback: (error: Error | null) => void): void {
  callback(error)
}

/** What a socket shows without its stream. */
const LOOKS: Record<string, (socket: DirectSocket) => unknown> = {
  remoteAddress: (socket) => DirectSocket.peerOf(socket).address,
  remotePort: (socket) => DirectSocket.peerOf(socket).port,
  remoteFamily: (socket) => DirectSocket.peerOf(socket).family,
  destroyed: DirectSocket.isClosed,
  bytesRead: DirectSocket.bytesRead
}

/** Whether the methods that write are Node's is looked at before each write. */
const NOT_TRAPPED: readonly PropertyKey[] = ['constructor', 'write', '_write', '_writev']

/** Keys of methods that objects have of `prototype`. */
function methodsOf(prototype: object): PropertyKey[] {
  const keys = new Set<PropertyKey>()
  for (let owner = prototype; owner !== Object.prototype; owner = Object.getPrototypeOf(owner) as object) {
    const properties = Object.getOwnPropertyDescriptors(owner) as Record<PropertyKey, PropertyDescriptor>
    for (const key of Reflect.ownKeys(properties)) if (typeof properties[key as string].value === 'function') keys.add(key)
  }
  for (const key of NOT_TRAPPED) keys.delete(key)
  return [...keys]
}

/** A method that a program may put its own in place of: from then on there is a stream, which calls that. */
function defineMethod(key: PropertyKey, method: () => unknown): void {
  Object.defineProperty(DirectSocket.prototype, key, {
    configurable: true,
    get: method,
    set(this: DirectSocket, value: unknown) {
      Reflect.set(DirectSocket.realise(this), key, value, this)
    }
  })
}

/** What HTTP and timeouts put on sockets. */
const ADDED_KEYS: readonly PropertyKey[] = ['parser', '_paused', '_httpMessage', '_peername', 'timeout']

/**
 * To be called before the first is made. Has whatever touches the state of the stream find it: what a socket of Node's has of its own is
 * looked for in its prototype here.
 */
export function prepareDirectSockets({ socketKeys }: HandleInternals): void {
  const { prototype } = DirectSocket
  if (Object.getPrototypeOf(prototype) === Socket.prototype) return
  Object.setPrototypeOf(prototype, Socket.prototype)
  for (const key of [...socketKeys, ...ADDED_KEYS]) {
    Object.defineProperty(prototype, key, {
      configurable: true,
      get(this: DirectSocket) {
        return Reflect.get(DirectSocket.realise(this), key, this)
      },
      set(this: DirectSocket, value: unknown) {
        Reflect.set(DirectSocket.realise(this), key, value, this)
      }
    })
  }
  for (const [name, look] of Object.entries(LOOKS)) {
    Object.defineProperty(prototype, name, {
      configurable: true,
      get(this: DirectSocket) {
        return look(this)
      }
    })
  }
  // Its link wants to hear of the one, and HTTP has its own of the other
  const own = {
    isPaused: () => false,
    pause(this: DirectSocket) {
      return DirectSocket.realise(this).pause()
    },
    setEncoding(this: DirectSocket, encoding: BufferEncoding) {
      return DirectSocket.realise(this).setEncoding(encoding)
    }
  }
  for (const [name, method] of Object.entries(own)) defineMethod(name, () => method)
  for (const key of methodsOf(Socket.prototype)) {
    if (!Object.hasOwn(prototype, key)) defineMethod(key, () => Reflect.get(Socket.prototype, key) as unknown)
  }
  Object.defineProperty(prototype, 'constructor', { configurable: true, writable: true, value: Socket })
  Object.defineProperty(prototype, inspect.custom, {
    configurable: true,
    value(this: DirectSocket) {
      return DirectSocket.realise(this)
    }
  })
}
