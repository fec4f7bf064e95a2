// What connections write: frames of one turn are gathered in slabs and leave in one write per connection.

import { Buffer } from 'node:buffer'
import { Socket } from 'node:net'
import process from 'node:process'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { serializeHead } from '../core/opening-handshake.js'
import type { Output, WriteCallback } from '../core/sender.js'
import { Gathering, type Waiting } from './gathering.js'
import { isWriting, writeAtOnce, writesToHandle, writeThroughStream } from './handle-write.js'
import { forgetFrame, isLastPayload, rememberFrame, repeatFrame } from './repeated-frame.js'
import type { Slab } from './slab.js'
import { writesDirectly } from './socket-order.js'

/** Pieces that together are at most this long are joined: cheaper than a vectored write. */
const JOIN_LIMIT = 16 * 1024

const NOTHING = new Uint8Array(0)

/** Room for a head in `headMemory`, in octets. */
const HEAD_LIMIT = 2048

/** Some stream, which may keep what it is given. */
const STREAM = 0
/** A socket of Node's, which is through with it when it calls back. */
const SOCKET = 1
/** One that can be written to beside its stream. */
const HANDLE = 2

function wayTo(socket: Duplex): number {
  const prototype: unknown = Object.getPrototypeOf(socket)
  if (prototype !== Socket.prototype && prototype !== TLSSocket.prototype) return STREAM
  return writesToHandle(socket) ? HANDLE : SOCKET
}

/** Outputs with something to write; `turns` counts the receive callbacks we are in, whose end writes them all. */
const dirty: (SocketOutput | null)[] = []
/** How many they are; the list keeps its length, as V8 lets go of the memory of one that is emptied: 150 octets of garbage a turn. */
let dirtyCount = 0
/** The first of them that is not written yet. */
let nextDirty = 0
/** A longer list is not kept. */
const DIRTY_LIMIT = 1024
let turns = 0
let scheduled = false
let hooked = false

/** Within a turn frames are only gathered; see `leaveTurn`. */
export function enterTurn(): void {
  turns++
}

/** Ends a turn; the outermost writes what was gathered. */
export function leaveTurn(): void {
  if (--turns === 0 && dirtyCount > 0) flushAll()
}

function flushAll(): void {
  scheduled = false
  // A write may make others dirty, and a callback may end a turn and so come here again: both go on with the same list
  while (nextDirty < dirtyCount) {
    const output = dirty[nextDirty]!
    dirty[nextDirty++] = null
    try {
      output.flush(true)
    } catch (error) {
      rethrowLater(error)
    }
  }
  if (dirtyCount > DIRTY_LIMIT) dirty.length = 0
  dirtyCount = nextDirty = 0
  forgetFrame()
}

/** Lets `error` surface as an uncaught exception without disturbing what is under way. */
export function rethrowLater(error: unknown): void {
  process.nextTick(() => {
    throw error
  })
}

function schedule(): void {
  scheduled = true
  process.nextTick(flushAll)
  if (hooked) return
  hooked = true
  // `send(); process.exit()` delivers, as it does where each send is a write
  process.on('exit', flushAll)
}

/** Writes the head of a response with these lines (RFC 7230 §3), before the socket is anybody's output. */
export function writeHead(socket: Duplex, lines: readonly string[]): void {
  const head = serializeHead(lines)
  // UTF-8 has at most three octets for a UTF-16 unit
  const fits = head.length * 3 <= HEAD_LIMIT
  if (!fits || wayTo(socket) < HANDLE || !writesDirectly(socket)) {
    socket.write(head)
    return
  }
  headMemory ??= Buffer.allocUnsafeSlow(HEAD_LIMIT)
  const end = headMemory.write(head)
  // Most heads are as long as the one before
  if (lastHead === null || lastHead.length !== end) lastHead = headMemory.subarray(0, end)
  const octets = lastHead
  if (writeAtOnce(socket, octets)) return
  // Whoever writes it now keeps the memory
  headMemory = lastHead = null
  writeThroughStream(socket, octets, ignore)
}

function ignore(): void {}

/** A write whose callbacks have not been called. */
interface Batch {
  waiting: Waiting[]
  length: number
  /** Octets of it that the system is known to have taken. */
  taken: number
}

/** Gatherings for reuse. */
const gatherings: Gathering[] = []
const GATHERINGS_LIMIT = 1024

/** Where heads are written before they are sent, and the view of the last one. */
let headMemory: Buffer | null = null
let lastHead: Buffer | null = null

/** Where the last `reserve` found room. */
let reservedSlab: Uint8Array = NOTHING
let reservedAt = 0

export class SocketOutput implements Output {
  private readonly socket: Duplex
  /** STREAM, SOCKET or HANDLE. */
  private readonly way: number
  private gathering: Gathering | null = null
  private inFlight: Batch[] | null = null

  constructor(socket: Duplex) {
    this.socket = socket
    this.way = wayTo(socket)
  }

  get slab(): Uint8Array {
    return reservedSlab
  }

  get at(): number {
    return reservedAt
  }

  get isClosed(): boolean {
    return this.socket.destroyed
  }

  reserve(length: number): void {
    const slab = (this.gathering ?? this.gather()).reserve(length)
    reservedSlab = slab.octets
    reservedAt = slab.position
  }

  commit(length: number): void {
    const gathering = this.gathering!
    const slab = gathering.region!
    slab.position += length
    gathering.end = slab.position
  }

  append(octets: Uint8Array): void {
    const gathering = this.gathering ?? this.gather()
    gathering.closeRegion()
    gathering.addPiece(octets)
  }

  isRepeated(payload: string | Uint8Array): boolean {
    return isLastPayload(payload)
  }

  repeat(payload: string | Uint8Array, first: number): boolean {
    return repeatFrame(payload, first, this.gathering ?? this.gather())
  }

  remember(payload: string | Uint8Array, first: number, length: number, appended: Uint8Array | null): void {
    const { region, end } = this.gathering!
    rememberFrame(payload, first, region!, end - length, end, appended)
  }

  onWritten(callback: WriteCallback): void {
    const gathering = this.gathering ?? this.gather()
    gathering.waiting ??= []
    gathering.waiting.push({ callback, end: gathering.length })
  }

  later(callback: () => void): void {
    process.nextTick(callback)
  }

  /**
   * Writes what was gathered, now.
   * @param atEndOfTurn whether callbacks may be called before it returns, the senders' turn being over
   */
  flush(atEndOfTurn = false): void {
    const { socket, gathering } = this
    if (gathering === null) return
    if (isWriting(socket)) {
      // A hook has sent this, in the middle of a write: it comes behind that one
      process.nextTick(flushLater, this)
      return
    }
    this.gathering = null
    const { region, waiting } = gathering
    const { length } = gathering
    const batch = waiting === null ? null : { waiting, length, taken: 0 }
    const returnsMemory = this.way >= SOCKET && writesDirectly(socket)
    // A few octets for a peer that does not read must not keep a slab from being used again, or each of them may keep another one
    const copies = !returnsMemory || (length <= JOIN_LIMIT && socket.writableLength > 0)
    if (gathering.pieces === null && !copies && region !== null) {
      const octets = region.view(gathering.start, gathering.end)
      this.recycle(gathering)
      if (this.way === HANDLE && writeAtOnce(socket, octets)) {
        region.release()
        if (batch !== null) this.settleWritten(batch, atEndOfTurn)
        return
      }
      writeThroughStream(socket, octets, batch === null ? region.release : this.track(batch, [region]))
    } else {
      this.writePieces(gathering, batch, copies)
    }
    if (batch !== null) this.settle(batch, atEndOfTurn)
  }

  /** To be called before the socket is destroyed: notes how much of the write that is under way the system has taken. */
  abandon(): void {
    this.flush()
    const batch = this.inFlight?.find(({ taken, length }) => taken < length)
    const queued = (this.socket as { _handle?: { writeQueueSize?: number } | null })._handle?.writeQueueSize
    if (batch && typeof queued === 'number') batch.taken = Math.max(0, batch.length - queued)
  }

  private gather(): Gathering {
    const gathering = gatherings.pop() ?? new Gathering()
    this.gathering = gathering
    dirty[dirtyCount++] = this
    if (turns === 0 && !scheduled) schedule()
    return gathering
  }

  private recycle(gathering: Gathering): void {
    gathering.clear()
    if (gatherings.length < GATHERINGS_LIMIT) gatherings.push(gathering)
  }

  private writePieces(gathering: Gathering, batch: Batch | null, copies: boolean): void {
    gathering.closeRegion()
    const { socket } = this
    const { used, piecesLength: length } = gathering
    const pieces = gathering.pieces ?? []
    this.recycle(gathering)
    if (pieces.length === 0) {
      if (batch !== null) process.nextTick(callAll, batch, 0, null)
      return
    }
    if (copies || (pieces.length > 1 && length <= JOIN_LIMIT)) {
      const joined = Buffer.concat(pieces, length)
      if (used !== null) for (const slab of used) slab.release()
      socket.write(joined, batch === null ? undefined : this.track(batch, null))
      return
    }
    const callback = batch === null && used === null ? undefined : this.track(batch, used)
    socket.cork()
    for (let i = 0; i < pieces.length - 1; i++) socket.write(pieces[i])
    socket.write(pieces[pieces.length - 1], callback)
    socket.uncork()
  }

  /** The callback of a write: gives slabs back, then calls back who asked to be told. */
  private track(batch: Batch | null, used: Slab[] | null): WriteCallback {
    if (batch !== null) {
      this.inFlight ??= []
      this.inFlight.push(batch)
    }
    return (error) => {
      if (used !== null) for (const slab of used) slab.release()
      if (batch !== null) this.finish(batch, error)
    }
  }

  /** All of `batch` was taken at once, without the stream. */
  private settleWritten(batch: Batch, atEndOfTurn: boolean): void {
    batch.taken = batch.length
    if (atEndOfTurn && this.inFlight === null) return callAll(batch, 0, null)
    this.inFlight ??= []
    this.inFlight.push(batch)
    process.nextTick(finishWritten, this, batch)
  }

  /** Notes that all of `batch` was taken at once; its callbacks need no longer wait then, as nothing before them does. */
  private settle(batch: Batch, atEndOfTurn: boolean): void {
    const { socket } = this
    if (socket.writableLength > 0 || socket.destroyed || socket.errored) return
    batch.taken = batch.length
    if (atEndOfTurn && this.inFlight?.length === 1) this.finish(batch, null)
  }

  finish(batch: Batch, error: Error | null | undefined): void {
    const at = this.inFlight?.indexOf(batch) ?? -1
    if (at < 0) return
    this.inFlight!.splice(at, 1)
    if (this.inFlight!.length === 0) this.inFlight = null
    // A socket that is destroyed in the middle of a write says that it succeeded
    if (!error && batch.taken < batch.length && this.socket.destroyed) error = destroyedError()
    callAll(batch, 0, error)
  }
}

function flushLater(output: SocketOutput): void {
  output.flush(true)
}

function finishWritten(output: SocketOutput, batch: Batch): void {
  output.finish(batch, null)
}

/** Calls back in order; a callback that throws does not keep the others from being called. */
function callAll(batch: Batch, from: number, error: Error | null | undefined): void {
  const { waiting, taken } = batch
  let i = from
  try {
    while (i < waiting.length) {
      const { callback, end } = waiting[i++]
      callback(error && end <= taken ? null : error)
    }
  } finally {
    if (i < waiting.length) process.nextTick(callAll, batch, i, error)
  }
}

/** As Node says it of writes that come after. */
function destroyedError(): Error {
  return Object.assign(new Error('Cannot call write after a stream was destroyed'), { code: 'ERR_STREAM_DESTROYED' })
}
