// A link over any Duplex: it reads by 'data' events.

import type { Duplex } from 'node:stream'
import { kLink } from '../runtime/symbols.js'
import { nextTick } from '../runtime/ticks.js'
import { HELD_FOR_DRAIN, HELD_FOR_LOOP, HELD_FOR_TURN, HELD_WHILE_GOING_ON, type Link, type LinkHandler } from './link.js'
import type { LinkedStream } from './linked-stream.js'
import { SocketOutput } from './output.js'
import { writeFirst } from './socket-order.js'

/** Octets of a chunk of a 'data' event if there may be more; Node's own size. */
const CHUNK_SIZE = 64 * 1024

/** Flags: all reasons to hold. */
export const HELD = HELD_FOR_DRAIN | HELD_FOR_TURN | HELD_WHILE_GOING_ON | HELD_FOR_LOOP
/** The stream is paused, and we did that. */
const PAUSED = 8

/** With the link as it is. */
type OwnStream = LinkedStream & { [kLink]?: StreamLink | undefined }

export class StreamLink implements Link {
  readonly stream: LinkedStream
  readonly output: SocketOutput
  protected handler: LinkHandler | null = null
  protected flags = 0

  /** @param coalesces whether frames of a burst may leave in one write */
  constructor(stream: LinkedStream, coalesces: boolean) {
    this.stream = stream
    this.output = new SocketOutput(stream, coalesces)
  }

  get bufferedLength(): number {
    return this.output.waitingLength
  }

  get isDestroyed(): boolean {
    return this.stream.destroyed
  }

  get canBeHalfOpen(): boolean {
    return this.stream.allowHalfOpen
  }

  get heldLength(): number {
    return this.output.heldLength
  }

  tellWhenWritable(): boolean {
    return this.output.tellWhenWritten()
  }

  /** A write has to wait. */
  buffered(): void {
    this.handler!.onBuffered()
  }

  /** A write is done. */
  written(): void {
    this.handler!.onWritable()
  }

  isHeldFor(reason: number): boolean {
    return (this.flags & reason) !== 0
  }

  start(head: Uint8Array, handler: LinkHandler): void {
    const { stream } = this
    this.handler = handler
    stream[kLink] = this
    writeFirst(stream)
    // A plain Duplex has neither
    if (stream.setTimeout) stream.setTimeout(0)
    if (stream.setNoDelay) stream.setNoDelay()
    if (head.length > 0) stream.unshift(head)
    this.listen()
    this.beginReading()
    this.ownPause()
  }

  pause(): void {
    this.stream.pause()
  }

  resume(): void {
    if ((this.flags & HELD) === 0) this.stream.resume()
    else if (this.stream.isPaused()) this.flags |= PAUSED
  }

  hold(reason: number): void {
    this.flags |= reason
    this.pauseReading()
  }

  release(reason: number): void {
    if ((this.flags & reason) === 0) return
    this.flags &= ~reason
    if ((this.flags & HELD) !== 0) return
    const wasPaused = (this.flags & PAUSED) !== 0
    this.flags &= ~PAUSED
    if (!this.isDestroyed) this.resumeReading(wasPaused)
  }

  discard(): void {
    // A paused stream would never show its end
    nextTick(resumeStream, this.stream)
  }

  end(_isOver: boolean): void {
    this.output.flush()
    // Ending once more makes Node create an error that nobody sees: 5 % of a handshake (`npm run bench -- handshake`)
    if (!this.stream.writableEnded) this.stream.end()
  }

  destroy(): void {
    this.output.abandon()
    this.stream.destroy()
  }

  takeRest(): Uint8Array | null {
    const { stream } = this
    return stream.readableEnded || stream.readableLength === 0 ? null : (stream.read(stream.readableLength) as Buffer | null)
  }

  /** A chunk of a 'data' event. */
  receiveChunk(chunk: Buffer): void {
    this.handler!.onOctets(chunk, 0, chunk.length, false, chunk.length >= CHUNK_SIZE)
    // The program may have resumed it
    if ((this.flags & HELD) !== 0) this.pauseStream()
  }

  /** The program paused the stream. */
  streamPaused(): void {
    this.flags &= ~PAUSED
  }

  streamEnded(): void {
    this.handler!.onEnd()
  }

  streamFailed(): void {
    this.handler!.onFailure()
  }

  streamClosed(): void {
    const { stream } = this
    stream.removeListener('close', onStreamClose)
    stream.removeListener('data', onStreamData)
    stream.removeListener('end', onStreamEnd)
    try {
      this.handler!.onClose()
    } finally {
      stream[kLink] = undefined
    }
  }

  protected listen(): void {
    const { stream } = this
    stream.on('close', onStreamClose)
    stream.on('end', onStreamEnd)
    stream.on('error', onStreamError)
  }

  /** Hears of it if the program pauses the stream. */
  protected ownPause(): void {
    if (!Object.hasOwn(this.stream, 'pause')) this.stream.pause = pauseStream
  }

  protected beginReading(): void {
    this.stream.on('data', onStreamData)
  }

  protected pauseReading(): void {
    this.pauseStream()
  }

  /** @param wasPaused whether we had paused the stream */
  protected resumeReading(wasPaused: boolean): void {
    if (wasPaused) this.stream.resume()
  }

  protected pauseStream(): void {
    if (this.stream.isPaused()) return
    this.flags |= PAUSED
    nodePause(this.stream)
  }
}

/** Our listener of 'data'. */
export function onStreamData(this: OwnStream, chunk: Buffer): void {
  this[kLink]!.receiveChunk(chunk)
}

function onStreamEnd(this: OwnStream): void {
  this[kLink]!.streamEnded()
}

function onStreamClose(this: OwnStream): void {
  this[kLink]!.streamClosed()
}

function onStreamError(this: OwnStream): void {
  this.removeListener('error', onStreamError)
  this.on('error', ignore)
  this[kLink]?.streamFailed()
}

function ignore(): void {}

function resumeStream(stream: Duplex): void {
  stream.resume()
}

/** The `pause` of the stream's class. */
function nodePause(stream: LinkedStream): void {
  let prototype = Object.getPrototypeOf(stream) as Duplex
  // Of an object made with the stream as its prototype
  while (prototype.pause === pauseStream) prototype = Object.getPrototypeOf(prototype) as Duplex
  prototype.pause.call(stream)
}

/** Stands before it on the stream. */
function pauseStream(this: OwnStream): OwnStream {
  nodePause(this)
  this[kLink]?.streamPaused()
  return this
}
