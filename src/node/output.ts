// What connections write: frames of one turn are gathered in slabs and leave in one write per connection.

import type { Duplex } from 'node:stream'
import type { Output, WriteCallback } from '../core/sender.js'

const SLAB_SIZE = 64 * 1024
/** Slabs kept for reuse; more than a burst to many connections needs are left to the garbage collector. */
const POOL_LIMIT = 16
/** Pieces that together are at most this long are joined: cheaper than a vectored write. */
const JOIN_LIMIT = 16 * 1024

/** Memory that several connections write their frames to; it is used again when all of them are through with it. */
class Slab {
  readonly octets = Buffer.allocUnsafeSlow(SLAB_SIZE)
  position = 0
  users = 0
  /** The callback of a write that used it: the kernel may read it until then. */
  readonly release = (): void => {
    if (--this.users > 0) return
    this.position = 0
    if (this !== current && pool.length < POOL_LIMIT) pool.push(this)
  }
}

const pool: Slab[] = []
let current: Slab | null = null

/** Outputs with something to write; `turns` counts the receive callbacks we are in, whose end writes them all. */
const dirty: SocketOutput[] = []
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
  // A write may make others dirty, with streams that are not sockets
  for (let i = 0; i < dirty.length; i++) {
    try {
      dirty[i].flush()
    } catch (error) {
      rethrowLater(error)
    }
  }
  dirty.length = 0
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

export class SocketOutput implements Output {
  slab: Buffer = current?.octets as Buffer
  at = 0

  private readonly socket: Duplex
  private isDirty = false
  /** The slab that has our latest octets, at [start, end). */
  private region: Slab | null = null
  private start = 0
  private end = 0
  /** What comes before that, in order; null most of the time. */
  private pieces: Uint8Array[] | null = null
  /** Slabs that `pieces` lie in. */
  private used: Slab[] | null = null
  private callbacks: WriteCallback[] | null = null

  constructor(socket: Duplex) {
    this.socket = socket
  }

  get isClosed(): boolean {
    return this.socket.destroyed
  }

  reserve(length: number): void {
    let slab = current
    if (slab === null || slab.position + length > SLAB_SIZE) {
      slab = current = pool.pop() ?? new Slab()
      if (length > SLAB_SIZE) throw new RangeError(`A slab has no room for ${length} octets`)
    }
    if (this.region !== slab || this.end !== slab.position) this.openRegion(slab)
    this.slab = slab.octets
    this.at = slab.position
  }

  commit(length: number): void {
    const slab = this.region!
    slab.position += length
    this.end = slab.position
    if (!this.isDirty) this.markDirty()
  }

  append(octets: Uint8Array): void {
    this.closeRegion()
    this.pieces ??= []
    this.pieces.push(octets)
    if (!this.isDirty) this.markDirty()
  }

  onWritten(callback: WriteCallback): void {
    this.callbacks ??= []
    this.callbacks.push(callback)
    if (!this.isDirty) this.markDirty()
  }

  later(callback: () => void): void {
    process.nextTick(callback)
  }

  /** Writes what was gathered, now. */
  flush(): void {
    if (!this.isDirty) return
    this.isDirty = false
    const { region, pieces, callbacks } = this
    this.callbacks = null
    if (pieces === null) {
      if (region === null) return
      const octets = region.octets.subarray(this.start, this.end)
      this.region = null
      this.socket.write(octets, callbacks === null ? region.release : finished([region], callbacks))
      return
    }
    this.closeRegion()
    const used = this.used
    this.pieces = null
    this.used = null
    this.writePieces(pieces, callbacks === null && used === null ? undefined : finished(used, callbacks))
  }

  private writePieces(pieces: Uint8Array[], callback: WriteCallback | undefined): void {
    const { socket } = this
    let length = 0
    for (const piece of pieces) length += piece.length
    if (pieces.length > 1 && length <= JOIN_LIMIT) {
      socket.write(Buffer.concat(pieces, length), callback)
      return
    }
    socket.cork()
    for (let i = 0; i < pieces.length - 1; i++) socket.write(pieces[i])
    socket.write(pieces[pieces.length - 1], callback)
    socket.uncork()
  }

  private markDirty(): void {
    this.isDirty = true
    dirty.push(this)
    if (turns === 0 && !scheduled) schedule()
  }

  private openRegion(slab: Slab): void {
    if (this.region !== null) this.closeRegion()
    slab.users++
    this.region = slab
    this.start = slab.position
    this.end = slab.position
  }

  private closeRegion(): void {
    const { region } = this
    if (region === null) return
    this.region = null
    this.pieces ??= []
    this.used ??= []
    this.used.push(region)
    if (this.end > this.start) this.pieces.push(region.octets.subarray(this.start, this.end))
  }
}

/** The callback of a write: gives slabs back, then calls back who asked to be told, in order. */
function finished(used: Slab[] | null, callbacks: WriteCallback[] | null): WriteCallback {
  return (error) => {
    if (used !== null) for (const slab of used) slab.release()
    if (callbacks !== null) callAll(callbacks, 0, error)
  }
}

/** A callback that throws does not keep the others from being called. */
function callAll(callbacks: WriteCallback[], from: number, error: Error | null | undefined): void {
  let i = from
  try {
    while (i < callbacks.length) callbacks[i++](error)
  } finally {
    if (i < callbacks.length) process.nextTick(callAll, callbacks, i, error)
  }
}
