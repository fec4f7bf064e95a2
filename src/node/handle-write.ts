// Writes that go straight to a socket's handle: most are taken by the system at once, and then the writable stream need not know of them.
// Its bookkeeping is 0.5 of the 3.1 us that a write takes (`npm run bench -- w8`, and the same with HYBI_HANDLE_WRITES=off).
//
// This is internal API of Node: every piece is looked for, and where one is missing all writes go through the stream, as does the rest of
// one that the system did not take.

import { Socket } from 'node:net'
import process from 'node:process'
import type { Duplex } from 'node:stream'
import type { WriteCallback } from '../core/sender.js'

/** What holds: HYBI_HANDLE_WRITES as it was when the program started. */
const CHOICE = process.env.HYBI_HANDLE_WRITES || 'auto'
const CHOICES: readonly string[] = ['auto', 'off']

/** Handles that write to a file descriptor. */
const HANDLES: readonly string[] = ['TCP', 'Pipe']

/** What a request says of itself as long as no handle has taken it over. */
const UNUSED = -1

/** What a handle needs for the part of a write that it cannot do at once. */
interface WriteRequest {
  oncomplete?: (status: number, handle: unknown, error: unknown) => void
  getAsyncId(): number
}

/** Where the request is null, it makes one if need be, and returns it. */
type WriteBuffer = (request: WriteRequest | null, octets: Uint8Array) => number | WriteRequest
type Handle = { writeBuffer: WriteBuffer }
type InternalSocket = Duplex & {
  _handle?: Handle | null
  _unrefTimer?: () => void
  connecting?: boolean
  timeout?: number
}

/** `write` of Node's sockets. */
export const nodeWrite = Socket.prototype.write as (this: Duplex, octets: Uint8Array, callback: WriteCallback) => boolean

/** Whether Node gives the handle a request, or has one returned (26.10): undefined until a write has shown it, null where it will not. */
let style: 'given' | 'returned' | null | undefined =
  CHOICE === 'off' || process.platform !== 'linux' || process.versions.bun !== undefined ? null : undefined
/** The class of Node's requests, where they are given. */
let Request: new () => WriteRequest
/** For the next write, where it is given; one that was done at once leaves it as it was. */
let request: WriteRequest | null = null
/** What was begun and not done at once. */
let begun: { handle: Handle; request: WriteRequest | null; status: number | WriteRequest } | null = null
/** Whose handle is at work. */
let writing: Duplex | null = null

/** @throws {TypeError} where HYBI_HANDLE_WRITES has another value */
export function checkHandleWrites(): void {
  if (CHOICES.includes(CHOICE)) return
  throw new TypeError(`Invalid value of the environment variable HYBI_HANDLE_WRITES: ${CHOICE} (must be one of "auto", "off")`)
}

/** Whether `writeAtOnce` may be tried on `socket`, one of Node's. */
export function writesToHandle(socket: Duplex): boolean {
  const { _handle: handle } = socket as InternalSocket
  return style !== null && !!handle && HANDLES.includes(handle.constructor.name)
}

/** Whether `socket` is in the middle of `writeAtOnce`; only hooks of async_hooks run there, told of what was not done at once. */
export function isWriting(socket: Duplex): boolean {
  return writing === socket
}

/**
 * Writes all of `octets`, if that can be done at once and in order; it may have begun where the answer is false: `writeThroughStream` with
 * the same octets is to follow, before anything else.
 */
export function writeAtOnce(socket: Duplex, octets: Uint8Array): boolean {
  const { _handle: handle, connecting } = socket as InternalSocket
  // Up to the mark the stream would answer true and emit no 'drain'
  if (
    style === undefined ||
    writing !== null ||
    !handle ||
    connecting ||
    !socket.writable ||
    socket.writableLength > 0 ||
    socket.writableCorked > 0 ||
    octets.length >= socket.writableHighWaterMark
  )
    return false
  if ((socket as InternalSocket).timeout) (socket as InternalSocket)._unrefTimer?.()
  let status
  writing = socket
  try {
    status = handle.writeBuffer(request, octets)
  } finally {
    writing = null
  }
  if (status === 0 && (request === null || request.getAsyncId() === UNUSED)) return true
  begun = { handle, request, status }
  if (request !== null) request = new Request()
  return false
}

/** Writes as `socket.write` does, or, where `writeAtOnce` has begun to, lets the stream go on with it. */
export function writeThroughStream(socket: Duplex, octets: Uint8Array, callback: WriteCallback): void {
  const { _handle: handle } = socket as InternalSocket
  if (begun !== null) {
    const { request: taken, status } = begun
    const begunAt = begun.handle
    begun = null
    // The stream, which may make a request of its own, looks at what the handle said of the write before: ours
    writeWith(begunAt, socket, octets, callback, (own) => {
      if (taken !== null) taken.oncomplete = (...result) => own!.oncomplete!(...result)
      return status
    })
  } else if (style === undefined && handle && socket.writable && socket.writableLength === 0) {
    const { writeBuffer } = handle
    writeWith(handle, socket, octets, callback, (own, data) => {
      const status = writeBuffer.call(handle, own, data)
      learn(own, status)
      return status
    })
  } else {
    nodeWrite.call(socket, octets, callback)
  }
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
    if (typeof status === 'number' || isRequest(status)) style = 'returned'
  } else if (isRequest(own)) {
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

function isRequest(value: unknown): boolean {
  return typeof value === 'object' && value?.constructor?.name === 'WriteWrap'
}
