// What we use of Node.js without its being documented, found once. Seen on Node 20.19 to 26.10 unless a line says otherwise; the suite
// `npm run test:majors` runs on each major. If a piece is missing, its user goes the documented way.

import { Buffer } from 'node:buffer'
import { EventEmitter } from 'node:events'
import { Socket } from 'node:net'
import process from 'node:process'
import { type Duplex, Writable } from 'node:stream'

/** Whether this is Node.js, and not a runtime that stands in for it. */
export const isNode = process.versions.bun === undefined && (globalThis as { Deno?: unknown }).Deno === undefined

// Buffers

/** The class behind Buffer, with the arguments of Uint8Array. */
export const FastBuffer = (
  Buffer as unknown as { [Symbol.species]: new (memory: ArrayBufferLike, offset?: number, length?: number) => Buffer }
)[Symbol.species]

/** Decodes `this[start, end)`. */
type Slice = (this: Uint8Array, start: number, end: number) => string

/** What Buffer's `toString` and `write` come to, for any Uint8Array. */
export const { latin1Slice, ucs2Slice, utf8Slice, utf8Write } = Buffer.prototype as unknown as {
  latin1Slice: Slice
  ucs2Slice: Slice
  utf8Slice: Slice
  utf8Write(this: Uint8Array, text: string, offset: number): number
}

// Emitters

/** What the source of Node's own `emit` has: its head, and names that are known inside Node only. */
const IN_EMIT = ['function emit(type, ...args) {', 'kErrorMonitor', 'addCatch(this, result, type, args)']

/**
 * Node's own `emit`, which shows nobody what it is given but the listeners; null if somebody put another one in its place before this
 * package was loaded (to trace, say), or if it cannot be told.
 */
export const ownEmit = ((): EventEmitter['emit'] | null => {
  const { emit } = EventEmitter.prototype
  const source = Function.prototype.toString.call(emit)
  return IN_EMIT.every((name) => source.includes(name)) ? emit : null
})()

/** Where an EventEmitter keeps its listeners: one, or a list, for each event. */
export interface InternalEmitter {
  _events?: Record<string | symbol, unknown> | undefined
}

/**
 * An emitter's own place for listeners is an object without a prototype, which V8 keeps as a hash table with a hidden class of its own;
 * one made by a constructor takes 300 octets less (`npm run bench -- memory`).
 */
export const Listeners = function () {} as unknown as new () => Record<string | symbol, unknown>
Listeners.prototype = Object.create(null) as object

// Streams

/** Their states that have no public name. */
export interface StreamStates {
  _readableState: { objectMode: boolean; endEmitted: boolean; flowing: boolean | null; length: number }
  _writableState: { finished: boolean; errorEmitted: boolean }
}

/** `writableLength` of Node's streams, also if something stands before it on a socket. */
export const writableLengthOf = Object.getOwnPropertyDescriptor(Writable.prototype, 'writableLength')!.get as (
  this: Duplex
) => number

// Sockets

/** What a socket has of a connection in the system. */
export interface InternalHandle {
  /** Whether it reads. */
  reading?: boolean
  readStop?(): number
  /** Octets given to it, and those of them that the system has not taken. */
  bytesWritten?: number
  writeQueueSize?: number
  /** Makes it read into this memory from here on. */
  useUserBuffer?(view: Uint8Array): void
  writeBuffer?: WriteBuffer
}

/** What a handle needs for the part of a write that it cannot do at once: Node's WriteWrap. */
export interface WriteRequest {
  oncomplete?: (status: number, handle: unknown, error: unknown) => void
  /** -1 as long as no handle has taken it over. */
  getAsyncId(): number
}

/** Writes what can be written at once. Up to Node 26.9 it is given a request for the rest; from 26.10 on it is given null, and returns one. */
export type WriteBuffer = (request: WriteRequest | null, octets: Uint8Array) => number | WriteRequest

export type InternalSocket = Duplex & {
  _handle?: InternalHandle | null
  /** Begins the time again after which a socket is idle. */
  _unrefTimer?: () => void
  connecting?: boolean
  timeout?: number
}

/** The handle of a socket; undefined if it has none, or is no socket of Node's. */
export function handleOf(socket: Duplex): InternalHandle | null | undefined {
  return (socket as InternalSocket)._handle
}

/** A handle that does nothing, to be lent to a socket so that it shows what it does with it. */
export function idleHandle() {
  return {
    onread: undefined as unknown,
    reading: false,
    readStart: () => 0,
    readStop: () => 0,
    getAsyncId: () => 1,
    useUserBuffer() {},
    close() {},
    ref() {},
    unref() {}
  }
}

/** Whether a handle is of a class with one of these names. */
export function isHandle(handle: InternalHandle, names: readonly string[]): boolean {
  return names.includes(handle.constructor.name)
}

/** Whether this is a request for the rest of a write. */
export function isWriteRequest(value: unknown): value is WriteRequest {
  return typeof value === 'object' && value?.constructor?.name === 'WriteWrap'
}

/** `write` of Node's sockets. */
export const nodeWrite = Socket.prototype.write as (
  this: Duplex,
  octets: Uint8Array,
  callback: (error?: Error | null) => void
) => boolean

/** What `write` of a socket comes to for each chunk. */
export const nodeWriteChunk = Socket.prototype._write

/** Whether `write` of Node's sockets was somebody else's already when the package was loaded: a patch wants to see what is written. */
export const isWritePatched =
  (nodeWrite as unknown) !== Writable.prototype.write ||
  !/\b_write\(this, chunk, encoding, cb\)/.test(String(nodeWrite)) ||
  !/\b_writeGeneric\b/.test(String(nodeWriteChunk))

/** The keys under which a socket keeps the memory that it reads into, and who is told; `net.connect({ onread })` sets them. */
export interface ReceiveKeys {
  buffer: symbol
  callback: symbol
}

let receiveKeys: ReceiveKeys | null | undefined

/**
 * Those keys; null if they are missing. Only on Linux: it reads when there is something to read, whereas Windows is given the memory
 * beforehand, for many sockets at once.
 */
export function findReceiveKeys(): ReceiveKeys | null {
  if (receiveKeys !== undefined) return receiveKeys
  receiveKeys = null
  if (process.platform !== 'linux' || !isNode) return null
  const symbols = Object.getOwnPropertySymbols(new Socket())
  const [buffer, callback, generator] = ['kBuffer', 'kBufferCb', 'kBufferGen'].map((name) =>
    symbols.find(({ description }) => description === name)
  )
  if (buffer && callback && generator) receiveKeys = { buffer, callback }
  return receiveKeys
}

// Ticks

/** Whether `nextTick` is Node's own, and not a fake. */
export function isNodesTick(nextTick: unknown): boolean {
  return /\bsetHasTickScheduled\b|\[native code\]/.test(String(nextTick)) || process.versions.bun !== undefined
}
