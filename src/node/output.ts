// What connections write: frames of one turn are gathered in slabs and leave in one write per connection.

import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Output, WriteCallback } from '../core/sender.js'

const SLAB_SIZE = 256 * 1024
/** Size of a slab that one output has to itself, because others write between what it writes. */
const OWN_SLAB_SIZE = 8 * 1024
/** Slabs of either size that are kept for reuse, in octets; what a larger burst needs is left to the garbage collector. */
const POOL_LIMIT = 2 * 1024 * 1024
/** Pieces that together are at most this long are joined: cheaper than a vectored write. */
const JOIN_LIMIT = 16 * 1024

/** Memory that frames are written to; it is used again when all who wrote there are through with it. */
class Slab {
  readonly octets: Buffer
  readonly pool: Slab[]
  position = 0
  users = 0
  /** The callback of a write that used it: the kernel may read it until then. */
  readonly release = (): void => {
    if (--this.users > 0) return
    this.position = 0
    if (this !== current && (this.pool.length + 1) * this.octets.length <= POOL_LIMIT) this.pool.push(this)
  }

  constructor(size: number, pool: Slab[]) {
    this.octets = Buffer.allocUnsafeSlow(size)
    this.pool = pool
  }
}

const sharedSlabs: Slab[] = []
const ownSlabs: Slab[] = []
/** The one that outputs begin to write to. */
let current: Slab | null = null
const NOTHING = new Uint8Array(0)

/** Outputs with something to write; `turns` counts the receive callbacks we are in, whose end writes them all. */
const dirty: SocketOutput[] = []
/** The first of them that is not written yet. */
let nextDirty = 0
let turns = 0
let scheduled = false
let hooked = false

/** Within a turn frames are only gathered; see `leaveTurn`. */
export function enterTurn(): void {
  turns++
}

/** Ends a turn; the outermost writes what was gathered. */
export function leaveTurn(): void {
  if (--turns === 0 && dirty.length > 0) flushAll()
}

function flushAll(): void {
  scheduled = false
  // A write may make others dirty, and a callback may end a turn and so come here again: both go on with the same list
  while (nextDirty < dirty.length) {
    const output = dirty[nextDirty++]
    try {
      output.flush(true)
    } catch (error) {
      rethrowLater(error)
    }
  }
  dirty.length = 0
  nextDirty = 0
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

/** Who wants to be told when the first `end` octets of a batch are written. */
interface Waiting {
  callback: WriteCallback
  end: number
}

/** A write whose callbacks have not been called. */
interface Batch {
  waiting: Waiting[]
  length: number
  /** Octets of it that the system is known to have taken. */
  taken: number
}

/** What an output has to write in this turn; an idle connection has none. */
class Gathering {
  /** The slab that has our latest octets, at [start, end). */
  region: Slab | null = null
  start = 0
  end = 0
  /** What comes before that, in order; null most of the time. */
  pieces: Uint8Array[] | null = null
  /** Octets in `pieces`. */
  piecesLength = 0
  /** Slabs that `pieces` lie in. */
  used: Slab[] | null = null
  waiting: Waiting[] | null = null

  get length(): number {
    return this.piecesLength + this.end - this.start
  }

  /** Room for `length` octets at `position` of the slab that is returned. */
  reserve(length: number): Slab {
    const slab = this.region
    if (slab !== null && this.end === slab.position && slab.position + length <= slab.octets.length) return slab
    return this.findRoom(slab, length)
  }

  /** Goes on elsewhere: others wrote behind us, the slab is full, or there is none yet. */
  private findRoom(old: Slab | null, length: number): Slab {
    const held = this.end - this.start
    if (old !== null && held + length <= OWN_SLAB_SIZE) {
      // A few octets: have them in one piece with what follows
      const own = ownSlabs.pop() ?? new Slab(OWN_SLAB_SIZE, ownSlabs)
      own.octets.set(old.octets.subarray(this.start, this.end))
      own.position = held
      old.release()
      return this.openRegion(own, 0)
    }
    this.closeRegion()
    if (current === null || current.position + length > SLAB_SIZE) {
      if (length > SLAB_SIZE) throw new RangeError(`A slab has no room for ${length} octets`)
      current = sharedSlabs.pop() ?? new Slab(SLAB_SIZE, sharedSlabs)
    }
    return this.openRegion(current, current.position)
  }

  private openRegion(slab: Slab, start: number): Slab {
    slab.users++
    this.region = slab
    this.start = start
    this.end = slab.position
    return slab
  }

  closeRegion(): void {
    const { region } = this
    if (region === null) return
    this.region = null
    this.used ??= []
    this.used.push(region)
    this.addPiece(region.octets.subarray(this.start, this.end))
    this.start = this.end = 0
  }

  addPiece(octets: Uint8Array): void {
    this.pieces ??= []
    this.pieces.push(octets)
    this.piecesLength += octets.length
  }

  clear(): void {
    this.region = null
    this.start = this.end = 0
    this.pieces = null
    this.piecesLength = 0
    this.used = null
    this.waiting = null
  }
}

/** Gatherings for reuse. */
const gatherings: Gathering[] = []
const GATHERINGS_LIMIT = 1024

/** Where the last `reserve` found room. */
let reservedSlab: Uint8Array = NOTHING
let reservedAt = 0

export class SocketOutput implements Output {
  private readonly socket: Duplex
  /** Whether it is a socket, which is through with what it was given when it calls back; other streams may keep it. */
  private readonly returnsMemory: boolean
  private gathering: Gathering | null = null
  private inFlight: Batch[] | null = null

  constructor(socket: Duplex) {
    this.socket = socket
    this.returnsMemory = socket instanceof Socket
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
    this.gathering = null
    const { region, waiting } = gathering
    const batch = waiting === null ? null : { waiting, length: gathering.length, taken: 0 }
    if (gathering.pieces === null && this.returnsMemory && region !== null) {
      const octets = region.octets.subarray(gathering.start, gathering.end)
      this.recycle(gathering)
      socket.write(octets, batch === null ? region.release : this.track(batch, [region]))
    } else {
      this.writePieces(gathering, batch)
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
    dirty.push(this)
    if (turns === 0 && !scheduled) schedule()
    return gathering
  }

  private recycle(gathering: Gathering): void {
    gathering.clear()
    if (gatherings.length < GATHERINGS_LIMIT) gatherings.push(gathering)
  }

  private writePieces(gathering: Gathering, batch: Batch | null): void {
    gathering.closeRegion()
    const { socket } = this
    const { used, piecesLength: length } = gathering
    const pieces = gathering.pieces ?? []
    this.recycle(gathering)
    if (pieces.length === 0) {
      if (batch !== null) process.nextTick(callAll, batch, 0, null)
      return
    }
    if (!this.returnsMemory || (pieces.length > 1 && length <= JOIN_LIMIT)) {
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

  /** Notes that all of `batch` was taken at once; its callbacks need no longer wait then, as nothing before them does. */
  private settle(batch: Batch, atEndOfTurn: boolean): void {
    const { socket } = this
    if (socket.writableLength > 0 || socket.destroyed || socket.errored) return
    batch.taken = batch.length
    if (atEndOfTurn && this.inFlight?.length === 1) this.finish(batch, null)
  }

  private finish(batch: Batch, error: Error | null | undefined): void {
    const at = this.inFlight?.indexOf(batch) ?? -1
    if (at < 0) return
    this.inFlight!.splice(at, 1)
    if (this.inFlight!.length === 0) this.inFlight = null
    // A socket that is destroyed in the middle of a write says that it succeeded
    if (!error && batch.taken < batch.length && this.socket.destroyed) error = destroyedError()
    callAll(batch, 0, error)
  }
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
