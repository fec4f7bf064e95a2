// Writes that go straight to a socket's handle: most are taken by the system at once, and then the writable stream need not know of them.
// Its bookkeeping is 0.5 of the 3.1 us that a write takes (`npm run bench -- w8`, and the same with HYBI_HANDLE_WRITES=off).
//
// This is internal API of Node: every piece is looked for, and if one is missing all writes go through the stream, as does the rest of
// one that the system did not take.

import { Buffer } from 'node:buffer'
import { Socket } from 'node:net'
import process from 'node:process'
import type { Duplex } from 'node:stream'
import type { WriteCallback } from '../../core/output.js'
import {
  handleOf,
  idleHandle,
  type InternalSocket,
  isHandle,
  isNode,
  isWritePatched,
  isWriteRequest,
  nodeWrite,
  type WriteBuffer,
  type WriteRequest
} from '../runtime/internals.js'
import { asSocket, DirectSocket } from './direct-socket.js'
import { lengthWaiting } from './socket-lengths.js'

/** What holds: HYBI_HANDLE_WRITES as it was when the program started. */
const CHOICE = process.env.HYBI_HANDLE_WRITES || 'auto'
const CHOICES: readonly string[] = ['auto', 'off']

/** Handles that write to a file descriptor. */
const HANDLES: readonly string[] = ['TCP', 'Pipe']

/** What a request says of itself as long as no handle has taken it over. */
const UNUSED = -1

type Handle = { writeBuffer: WriteBuffer }

/** Who writes. */
export interface Writer {
  /** Called when a write that was not done at once is done, or why it could not be. */
  readonly written: WriteCallback
}

/** Whether Node gives the handle a request, or has one returned (26.10): undefined until a write has shown it, null if it will not. */
let style: 'given' | 'returned' | null | undefined =
  CHOICE === 'off' || isWritePatched || process.platform !== 'linux' || !isNode ? null : undefined
/** The class of Node's requests, if they are given. */
let Request: new () => WriteRequest
/** For the next write, if it is given; one that was done at once leaves it as it was. */
let request: WriteRequest | null = null
/** The socket whose handle is in the middle of a write. */
let writing: Duplex | null = null

/** @throws {TypeError} if HYBI_HANDLE_WRITES has another value */
export function checkHandleWrites(): void {
  if (CHOICES.includes(CHOICE)) return
  throw new TypeError(`Invalid value of the environment variable HYBI_HANDLE_WRITES: ${CHOICE} (must be one of "auto", "off")`)
}

/** Whether `writeNow` may be used on `socket`, one of Node's. */
export function writesToHandle(socket: Duplex): boolean {
  const handle = handleOf(socket)
  return style !== null && !!handle && isHandle(handle, HANDLES)
}

/** Whether sockets without a stream can be written to. */
export function canWriteDirectly(): boolean {
  if (style === undefined) {
    const handle = idleHandle()
    const socket = new Socket({ handle, manualStart: true } as ConstructorParameters<typeof Socket>[0])
    writeFirst(Object.assign(handle, { writeBuffer: () => 0 }), socket, Buffer.alloc(1), () => {})
    socket.destroy()
  }
  return style !== null
}

/** Whether `socket` is in the middle of a write; only hooks of async_hooks run there, told of what was not done at once. */
export function isWriting(socket: Duplex): boolean {
  return writing === socket
}

/**
 * Writes `octets` past the stream of `socket`, if all of them can be written at once and in order; else its stream writes them, or what
 * is left of them.
 * @returns whether all was taken at once; else `writer.written` is called when it is
 */
export function writeNow(socket: Duplex, octets: Uint8Array, writer: Writer): boolean {
  const { _handle: handle, connecting } = socket as InternalSocket
  if (!handle || connecting || !socket.writable || writing !== null || lengthWaiting(socket) > 0) {
    nodeWrite.call(socket, octets, writer.written)
    return false
  }
  if (style === undefined) {
    writeFirst(handle as Handle, socket, octets, writer.written)
    return false
  }
  // Up to the mark the stream would answer true and emit no 'drain'
  if (socket.writableCorked > 0 || octets.length >= socket.writableHighWaterMark) {
    nodeWrite.call(socket, octets, writer.written)
    return false
  }
  if ((socket as InternalSocket).timeout) (socket as InternalSocket)._unrefTimer?.()
  const status = writeTo(handle as Handle, socket, octets)
  if (isDone(status)) return true
  finish(handle as Handle, socket, octets, writer, status)
  return false
}

/**
 * Writes `octets` to a socket without a stream; if not all of them can be written at once, that gets one, which writes what is left.
 * @returns whether all was taken at once; else `writer.written` is called when it is
 */
export function writeDirect(direct: DirectSocket, octets: Uint8Array, writer: Writer): boolean {
  const handle = DirectSocket.handleOf(direct)
  const socket = asSocket(direct)
  if (handle === null || writing !== null || style === undefined) {
    DirectSocket.realise(direct)
    return writeNow(socket, octets, writer)
  }
  const status = writeTo(handle as Handle, socket, octets)
  if (isDone(status)) return true
  const taken = takeRequest()
  DirectSocket.realise(direct)
  finish(handle as Handle, socket, octets, writer, status, taken)
  return false
}

function writeTo(handle: Handle, socket: Duplex, octets: Uint8Array): number | WriteRequest {
  writing = socket
  try {
    return handle.writeBuffer(request, octets)
  } finally {
    writing = null
  }
}

/** Whether the write that was just answered so took all. */
function isDone(status: number | WriteRequest): boolean {
  return status === 0 && (request === null || request.getAsyncId() === UNUSED)
}

/** The request of a write that is not done. */
function takeRequest(): WriteRequest | null {
  const taken = request
  if (taken !== null) request = new Request()
  return taken
}

/** Has the stream, which may make a request of its own, finish a write that was answered with `status`. */
function finish(
  handle: Handle,
  socket: Duplex,
  octets: Uint8Array,
  writer: Writer,
  status: number | WriteRequest,
  taken = takeRequest()
): void {
  // It looks at what the handle said of the write before: ours
  writeWith(handle, socket, octets, writer.written, (own) => {
    if (taken !== null) taken.oncomplete = (...result) => own!.oncomplete!(...result)
    return status
  })
}

/** The first write of all, by the stream: shows how this Node writes. */
function writeFirst(handle: Handle, socket: Duplex, octets: Uint8Array, done: WriteCallback): void {
  const { writeBuffer } = handle
  writeWith(handle, socket, octets, done, (own, data) => {
    const status = writeBuffer.call(handle, own, data)
    learn(own, status)
    return status
  })
}

/** Has the stream write with `writeBuffer` in place of the handle's. */
function writeWith(handle: Handle, socket: Duplex, octets: Uint8Array, callback: WriteCallback, writeBuffer: WriteBuffer): void {
  const others = Object.getOwnPropertyDescriptor(handle, 'writeBuffer')
  handle.writeBuffer = writeBuffer
  try {
    nodeWrite.call(socket, octets, callback)
  } finally {
    if (others === undefined) delete (handle as Partial<Handle>).writeBuffer
    else Object.defineProperty(handle, 'writeBuffer', others)
  }
}

/** Notes how the stream wrote: with `own` as the request, and `status` as the answer. */
function learn(own: WriteRequest | null, status: number | WriteRequest): void {
  style = null
  if (own === null) {
    if (typeof status === 'number' || isWriteRequest(status)) style = 'returned'
  } else if (isWriteRequest(own)) {
    const OwnRequest = own.constructor as new () => WriteRequest
    try {
      const first = new OwnRequest()
      if (first.getAsyncId() !== UNUSED) return
      request = first
    } catch {
      // A Node that makes them otherwise
      return
    }
    style = 'given'
    Request = OwnRequest
  }
}
