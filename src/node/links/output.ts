// What connections write: frames go to slabs and leave within their call, or, in a burst, in one write per connection.

import { Buffer } from 'node:buffer'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { serializeHead } from '../../core/opening-handshake.js'
import type { Output, WriteCallback } from '../../core/output.js'
import { AT_ONCE, type Departing, GATHERED, leavesNow, noteTurn, SLOW, TELLING, WATCHED, watchExit } from './departure.js'
import { Gathering, type Piece } from './gathering.js'
import { handleOf, nodeWrite } from '../runtime/internals.js'
import { DirectSocket, isDirect } from './direct-socket.js'
import { isWriting, writeDirect, writeNow, writesToHandle } from './handle-write.js'
import { InFlight } from './in-flight.js'
import { type Gatherer, repeats } from './prepared-message.js'
import { callBackNext } from './send-callbacks.js'
import { kLink } from '../runtime/symbols.js'
import type { LinkedStream } from './linked-stream.js'
import type { Slab } from './slab.js'
import { bytesWritten, lengthWaiting, watchLengths } from './socket-lengths.js'
import { writesDirectly } from './socket-order.js'
import { nextTick } from '../runtime/ticks.js'
import { NOTHING } from '../../core/octets.js'

/** Pieces that together are at most this long are joined: cheaper than a vectored write. */
const JOIN_LIMIT = 16 * 1024

/** Room for a head in `headMemory`, in octets. */
const HEAD_LIMIT = 2048

/** Some stream, which may keep what it is given. */
const STREAM = 0
/** A socket of Node's, which is through with it when it calls back. */
const SOCKET = 1
/** One that can be written to beside its stream. */
const HANDLE = 2
/** One that has no stream. */
const DIRECT = 3

function wayTo(socket: Duplex): number {
  if (isDirect(socket)) return DIRECT
  const prototype: unknown = Object.getPrototypeOf(socket)
  if (prototype !== Socket.prototype && prototype !== TLSSocket.prototype) return STREAM
  return writesToHandle(socket) ? HANDLE : SOCKET
}

/** Writes the head of a response with these lines (RFC 7230 §3), before the socket is anybody's output. */
export function writeHead(socket: Duplex, lines: readonly string[]): void {
  const head = serializeHead(lines)
  // UTF-8 has at most three octets for a UTF-16 unit
  const fits = head.length * 3 <= HEAD_LIMIT
  const way = wayTo(socket)
  if (!fits || way < HANDLE || (way === HANDLE && !writesDirectly(socket))) {
    socket.write(head)
    return
  }
  headMemory ??= Buffer.allocUnsafeSlow(HEAD_LIMIT)
  const end = headMemory.write(head)
  // Most heads are as long as the one before
  if (lastHead === null || lastHead.length !== end) lastHead = headMemory.subarray(0, end)
  // Whoever writes it later keeps the memory
  const isDone = way === DIRECT ? writeDirect(directOf(socket), lastHead, NOBODY) : writeNow(socket, lastHead, NOBODY)
  if (!isDone) headMemory = lastHead = null
}

function directOf(socket: Duplex): DirectSocket {
  return socket as unknown as DirectSocket
}

function ignore(): void {}

/** Who need not be told of a write. */
const NOBODY = { written: ignore }

/** Gatherings for reuse. */
const gatherings: Gathering[] = []
const GATHERINGS_LIMIT = 1024

/** Where heads are written before they are sent, and the view of the last one. */
let headMemory: Buffer | null = null
let lastHead: Buffer | null = null

/** Where the last `reserve` found room. */
let reservedSlab: Uint8Array = NOTHING
let reservedAt = 0

export class SocketOutput implements Output, Departing, Gatherer {
  flags: number
  turn = -1
  readonly socket: Duplex
  /** STREAM, SOCKET, HANDLE or DIRECT. */
  private way: number
  private gathering: Gathering | null = null
  /** Made when something is in flight, or waited for, for the first time. */
  private inFlight: InFlight | null = null
  private done: WriteCallback | null = null

  /** @param coalesces whether frames of a burst may leave together; else each leaves in its call */
  constructor(socket: Duplex, coalesces: boolean) {
    this.socket = socket
    this.way = wayTo(socket)
    this.flags = coalesces ? 0 : AT_ONCE
    watchExit()
  }

  get slab(): Uint8Array {
    return reservedSlab
  }

  get at(): number {
    return reservedAt
  }

  get isClosed(): boolean {
    return this.way === DIRECT ? DirectSocket.isClosed(directOf(this.socket)) : this.socket.destroyed
  }

  /** Octets that the system has not taken. */
  get waitingLength(): number {
    this.flush()
    // What waits has a stream
    if (this.way === DIRECT) return 0
    return this.way === STREAM ? this.socket.writableLength : lengthWaiting(this.socket)
  }

  /** The same without writing what was gathered, which counts as it is. */
  get heldLength(): number {
    if (this.way === DIRECT) return this.gatheredLength
    // Any other stream may have a length of its own, behind the getter that writes
    return this.way === STREAM ? this.waitingLength : this.gatheredLength + lengthWaiting(this.socket)
  }

  get gatheredLength(): number {
    return this.gathering === null ? 0 : this.gathering.length
  }

  reserve(length: number): void {
    const slab = this.gathered.reserve(length)
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
    this.gathered.append(octets)
  }

  get repeats(): typeof repeats {
    return repeats
  }

  /** What waits to be written. */
  get gathered(): Gathering {
    return this.gathering ?? this.gather()
  }

  leave(isBorrowed: boolean, callback: WriteCallback | undefined): void {
    if (this.gathering === null) {
      // Somebody only wants to know when all before is written
    } else if (isBorrowed) {
      noteTurn()
      this.flush()
    } else if (leavesNow(this)) {
      this.flush()
    } else if ((this.flags & WATCHED) === 0 && this.way !== DIRECT) {
      this.flags |= WATCHED
      watchLengths(this.socket)
    }
    if (callback === undefined) return
    const { gathering, inFlight } = this
    if (gathering === null && (inFlight === null || inFlight.isOver)) callBackNext(callback)
    else (inFlight ?? this.track()).wait(callback, gathering === null ? 0 : gathering.length)
  }

  later(callback: () => void): void {
    nextTick(callback)
  }

  /** Writes what was gathered, now. */
  flush(): void {
    const { socket, gathering } = this
    if (gathering === null) return
    if (isWriting(socket)) {
      // A hook has sent this, in the middle of a write: it comes behind that one
      nextTick(flushLater, this)
      return
    }
    this.gathering = null
    this.flags &= ~GATHERED
    if (this.way === DIRECT && !writesDirectly(socket)) DirectSocket.realise(directOf(socket))
    // Streams of others, and methods that somebody put in our place, may keep what they are given
    const returnsMemory = this.way === DIRECT || (this.way >= SOCKET && writesDirectly(socket))
    // What waits for a slow reader must not keep a slab from being used again
    const copies = !returnsMemory || (this.flags & SLOW) !== 0 || (this.way !== DIRECT && lengthWaiting(socket) > 0)
    const { region, start, end, pieces } = gathering
    if (pieces !== null || region === null) {
      this.writePieces(gathering, returnsMemory, copies)
    } else if (copies) {
      this.recycle(gathering)
      const octets = region.copy(start, end)
      region.release()
      this.write(octets, null, returnsMemory)
    } else {
      this.recycle(gathering)
      this.write(region.view(start, end), region, true)
    }
  }

  /** The socket has a stream from here on: whoever looks at it, or writes to it, finds all that was sent. */
  realised(): void {
    this.way = wayTo(this.socket)
    this.flush()
  }

  /** To be called before the socket is destroyed: writes what was gathered, and notes how much of it the system has taken. */
  abandon(): void {
    this.flush()
    const { socket, inFlight } = this
    if (inFlight === null || inFlight.isOver || this.way !== HANDLE) return
    const handle = handleOf(socket)
    const waiting = lengthWaiting(socket)
    // Octets that somebody else wrote are among those that wait: nobody knows which were taken
    if (!handle || waiting !== inFlight.length) return
    const { bytesWritten: begun, writeQueueSize: queued } = handle
    if (typeof begun !== 'number' || typeof queued !== 'number') return
    // Of what waits the handle has all but the last, and the system all of that but its queue
    inFlight.passFirst(waiting - (bytesWritten.call(socket) - begun) - queued)
  }

  /**
   * Has the link told, once, when some of what waits was written.
   * @returns whether something waits
   */
  tellWhenWritten(): boolean {
    this.flush()
    if (this.inFlight === null || this.inFlight.length === 0) return false
    this.flags |= TELLING
    return true
  }

  private tellLink(): void {
    this.flags &= ~TELLING
    ;(this.socket as LinkedStream)[kLink]?.written()
  }

  private gather(): Gathering {
    return (this.gathering = gatherings.pop() ?? new Gathering())
  }

  private recycle(gathering: Gathering): void {
    gathering.clear()
    if (gatherings.length < GATHERINGS_LIMIT) gatherings.push(gathering)
  }

  private track(): InFlight {
    return (this.inFlight ??= new InFlight())
  }

  /** Called when the first write that is under way is done, or failed. */
  get written(): WriteCallback {
    return (this.done ??= (error) => {
      // A socket that is destroyed in the middle of a write says that it succeeded
      this.inFlight!.done(error ?? (this.socket.destroyed ? destroyedError() : null))
      if ((this.flags & TELLING) !== 0) this.tellLink()
    })
  }

  /**
   * Writes octets of one piece.
   * @param slab where they lie, if that is to be given back
   * @param isDirect whether nobody is between us and Node's socket
   */
  private write(octets: Uint8Array, slab: Slab | null, isDirect: boolean): void {
    const { socket } = this
    const { length } = octets
    if (isDirect && this.way >= HANDLE) {
      if (this.way === DIRECT ? writeDirect(directOf(socket), octets, this) : writeNow(socket, octets, this)) {
        this.flags &= ~SLOW
        if (slab !== null) slab.release()
        if (this.inFlight !== null) this.inFlight.pass(length)
        return
      }
      this.track().begin(length, slab === null ? null : [slab])
    } else {
      this.track().begin(length, slab === null ? null : [slab])
      if (isDirect) nodeWrite.call(socket, octets, this.written)
      else socket.write(octets, this.written)
    }
    this.lookAtStream()
  }

  private writePieces(gathering: Gathering, isDirect: boolean, copies: boolean): void {
    gathering.closeRegion()
    const { pieces, piecesLength: length } = gathering
    this.recycle(gathering)
    if (pieces === null) return
    const { socket } = this
    const joins = !isDirect || (pieces.length > 1 && length <= JOIN_LIMIT && (this.way === DIRECT || lengthWaiting(socket) === 0))
    if (joins) {
      const joined = Buffer.concat(
        pieces.map(({ octets }) => octets),
        length
      )
      for (const { slab } of pieces) slab?.release()
      this.write(joined, null, isDirect)
      return
    }
    const slabs: Slab[] = []
    const octets = pieces.map((piece) => octetsOf(piece, copies, slabs))
    this.track().begin(length, slabs.length === 0 ? null : slabs)
    const last = octets.length - 1
    socket.cork()
    for (let i = 0; i < last; i++) nodeWrite.call(socket, octets[i], ignore)
    nodeWrite.call(socket, octets[last], this.written)
    socket.uncork()
    this.lookAtStream()
  }

  /** Notes whether the stream was through with the last write at once. */
  private lookAtStream(): void {
    const { socket } = this
    const waiting = this.way === STREAM ? socket.writableLength : lengthWaiting(socket)
    if (waiting > 0) {
      this.flags |= SLOW
      ;(socket as LinkedStream)[kLink]?.buffered?.()
    } else if (waiting === 0) {
      this.flags &= ~SLOW
      if (!socket.destroyed && !socket.errored) this.inFlight!.passWritten()
    }
  }
}

/** What is written of a piece: a copy, if its slab is to be given back at once; else the slab is one of `slabs`. */
function octetsOf({ octets, slab, start, end }: Piece, copies: boolean, slabs: Slab[]): Uint8Array {
  if (slab === null) return octets
  if (!copies) {
    slabs.push(slab)
    return octets
  }
  const copy = slab.copy(start, end)
  slab.release()
  return copy
}

/** As Node says it of writes that come after. */
function destroyedError(): Error {
  return Object.assign(new Error('Cannot call write after a stream was destroyed'), { code: 'ERR_STREAM_DESTROYED' })
}

function flushLater(output: SocketOutput): void {
  output.flush()
}
