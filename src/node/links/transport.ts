// Between a socket and a connection: octets of the socket in, octets of the connection out, and the end of both.

import type { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { CLOSING } from '../../core/constants.js'
import { Connection, type ConnectionHandler, type ConnectionOptions } from '../../core/connection.js'
import type { MaskingKeySource } from '../../core/masking-key.js'
import type { MessageDeflate } from '../../core/permessage-deflate.js'
import type { Kernels } from '../../core/kernels.js'
import type { WriteCallback } from '../../core/sender.js'
import { assemble, type BinaryType, messageOf } from '../delivery/data.js'
import { takesText } from '../delivery/listeners.js'
import { copyToBuffer } from '../delivery/message-memory.js'
import { enterRead, leaveRead } from './departure.js'
import { SocketOutput } from './output.js'
import { nodeRuntime } from '../delivery/node-runtime.js'
import { type ReceiveBufferChoice, type ReceiveRegion, shareReceiveBuffer } from './receive-buffer.js'
import { writeFirst } from './socket-order.js'
import { kClose, kPong, kTransport } from '../runtime/symbols.js'
import { textOf } from '../delivery/text.js'
import { nextTick, rethrowLater, setImmediate } from '../runtime/ticks.js'
import { currentTurn, isTurnOver, LAST_TURN, timeTaken, waitForTurn } from '../delivery/turns.js'

/** Octets that may be held back before the socket is told to wait; Node's own default for streams. */
const HOLD_LIMIT = 16 * 1024

/** Octets of a chunk of a 'data' event if there may be more; Node's own size. */
const CHUNK_SIZE = 64 * 1024

/** Reasons not to read. */
const WAITS_FOR_DRAIN = 1
const WAITS_FOR_TURN = 2
const WAITS = WAITS_FOR_DRAIN | WAITS_FOR_TURN
/** The socket is closed, and what it left behind is still being delivered. */
const CLOSE_PENDING = 4
/** The peer broke a rule, which is still to be said. */
const FAILING = 8
/** The peer ended its side. */
const ENDED = 16

/** The receiver goes on when it is our turn. */
const STOPPED = 32
/** The socket is paused, and we did that. */
const PAUSED = 64
/** The logarithm of how much is delivered between two looks at the clock: three bits. */
const PACE_SHIFT = 8
const PACE = 7 << PACE_SHIFT
const FIRST_PACE = 2 << PACE_SHIFT
/** A look at the clock, 60 ns, for every 32 of the smallest messages: 1 % (`npm run bench -- receive`). */
const MOST_PACE = 5
/** How long it should take from one look to the next, in ms. */
const PACE_MS = 0.25
/** The turn in which it asked whether that is over. */
const TURN_SHIFT = 11
const TURN = LAST_TURN << TURN_SHIFT

/** Any Duplex, with what sockets have beside. */
export interface TransportSocket extends Duplex {
  [kTransport]?: Transport | undefined
  setTimeout?: (ms: number) => void
  setNoDelay?: () => void
}

/** What is looked at in Node's sockets for each read. */
interface SocketInternals {
  _events: { data?: unknown }
  _readableState: { flowing: boolean | null; length: number }
  _handle: { reading?: boolean; readStop(): number } | null
}

/** Whose events these are: a WebSocket. */
export interface TransportOwner extends EventEmitter {
  readonly isPaused: boolean
  readonly binaryType: BinaryType
  terminate(): void
  /** Called when the socket is closed and all that came was delivered. */
  emitClose(): void
  /** Answers a ping by `pong`, or the peer's close frame or violation by `close`, if that is not ours; false if it is. */
  [kPong](octets: Uint8Array, start: number, end: number, mask: boolean, done: WriteCallback): boolean
  [kClose](code: number | undefined, reason: Uint8Array | undefined): boolean
}

/** How a transport reads and ends; many share one object. */
export interface TransportOptions {
  kernels: Kernels
  /** How long the closing handshake may take before the socket is destroyed. */
  closeTimeoutMs: number
  receiveBuffer: ReceiveBufferChoice | undefined
  /** Whether frames of a burst may leave in one write. */
  coalesces: boolean
}

export class Transport implements ConnectionHandler {
  readonly socket: TransportSocket
  readonly output: SocketOutput
  readonly connection: Connection
  private readonly owner: TransportOwner
  private options: TransportOptions
  /** Where the socket reads into; null as long as it emits 'data'. */
  private region: ReceiveRegion | null = null
  private closeTimer: NodeJS.Timeout | null = null
  /** Why the socket is paused, as far as that is our doing, and what has happened to it: one field of many connections for all. */
  private flags = FIRST_PACE

  constructor(
    socket: TransportSocket,
    owner: TransportOwner,
    options: ConnectionOptions,
    maskingKeys: MaskingKeySource,
    transportOptions: TransportOptions
  ) {
    this.socket = socket
    this.owner = owner
    this.options = transportOptions
    this.output = new SocketOutput(socket, transportOptions.coalesces)
    this.connection = new Connection(options, transportOptions.kernels, nodeRuntime, this.output, maskingKeys, this)
  }

  /** Takes over the socket; `head` is what it received already. */
  start(head: Uint8Array): void {
    const { socket } = this
    socket[kTransport] = this
    writeFirst(socket)
    // A plain Duplex has neither
    if (socket.setTimeout) socket.setTimeout(0)
    if (socket.setNoDelay) socket.setNoDelay()
    if (head.length > 0) socket.unshift(head)
    socket.on('close', onSocketClose)
    socket.on('end', onSocketEnd)
    socket.on('error', onSocketError)
    if (this.share()) beginReading(socket)
    else socket.on('data', onSocketData)
    if (!Object.hasOwn(socket, 'pause')) socket.pause = pauseSocket
  }

  /** A chunk of a 'data' event. */
  receiveChunk(chunk: Buffer): void {
    const { socket } = this
    this.receive(chunk, 0, chunk.length, false)
    if (this.region !== null) return
    if (chunk.length >= CHUNK_SIZE) this.giveWay()
    // The program may have resumed it
    if ((this.flags & WAITS) !== 0) this.pauseSocket()
    // What kept us from it may be gone: the head that came with the handshake
    else if (!socket.isPaused()) this.share()
  }

  /**
   * `length` octets that the socket read into the region.
   * @returns whether it shall read on
   */
  receiveShared(length: number): boolean {
    const { octets, start, view, readSize } = this.region!
    const { _events: events, _readableState: state } = this.socket as unknown as SocketInternals
    if (events.data !== onSocketData || state.flowing !== true || state.length !== 0) {
      // Somebody else listens as well, or instead of us, or it is paused: it goes the way it would go anyway
      return this.push(copyToBuffer(view, 0, length))
    }
    this.receive(octets, start, start + length, true)
    if (length === readSize) this.giveWay()
    return (this.flags & WAITS) === 0
  }

  private push(chunk: Buffer): boolean {
    try {
      return this.socket.push(chunk) && (this.flags & WAITS) === 0
    } catch (error) {
      // A listener's
      rethrowLater(error)
      return true
    }
  }

  /** After a read that may be followed by another at once: if the time is over, the next waits for its turn. */
  private giveWay(): void {
    if ((this.flags & WAITS) === 0 && !this.socket.destroyed && this.hadTurn()) this.waitForTurn()
  }

  /** Whether the time is over, and this is not the first that is heard of us: we may be a quiet one beside others that are not. */
  private hadTurn(): boolean {
    const isOver = isTurnOver(this)
    const turn = currentTurn() << TURN_SHIFT
    const isFirst = (this.flags & TURN) !== turn
    this.flags = (this.flags & ~TURN) | turn
    return isOver && !isFirst
  }

  /** See `MessageEvents`. */
  onWork(): number {
    const hadTurn = this.hadTurn()
    const elapsed = timeTaken()
    let pace = (this.flags & PACE) >> PACE_SHIFT
    if (elapsed > PACE_MS) pace = Math.max(0, pace - Math.ceil(Math.log2(elapsed / PACE_MS)))
    // Nothing is known of who asks once a turn only, but that it is not much then
    else if (pace < MOST_PACE && !hadTurn) pace++
    this.flags = (this.flags & ~PACE) | (pace << PACE_SHIFT)
    if (!hadTurn) return 1 << pace
    this.goOnLater()
    return 0
  }

  /** Lets the receiver proceed when it is our turn. */
  private goOnLater(): void {
    this.flags |= STOPPED
    this.waitForTurn()
  }

  private waitForTurn(): void {
    if ((this.flags & WAITS_FOR_TURN) !== 0) return
    this.stopReading(WAITS_FOR_TURN)
    waitForTurn(this)
  }

  /** Goes on. */
  takeTurn(): void {
    if ((this.flags & STOPPED) !== 0) {
      // A receiver that stops again does not wait twice
      this.flags &= ~(STOPPED | WAITS_FOR_TURN)
      this.proceed()
      if ((this.flags & WAITS) === 0) this.startReading()
    } else {
      this.stopWaiting(WAITS_FOR_TURN)
    }
  }

  private stopReading(reason: number): void {
    this.flags |= reason
    if (this.region === null) return this.pauseSocket()
    // Beneath the stream, which is the program's to pause
    const { _handle: handle } = this.socket as unknown as SocketInternals
    if (!handle?.reading) return
    handle.reading = false
    handle.readStop()
  }

  private pauseSocket(): void {
    if (this.socket.isPaused()) return
    this.flags |= PAUSED
    nodePause(this.socket)
  }

  private stopWaiting(reason: number): void {
    if ((this.flags & reason) === 0) return
    this.flags &= ~reason
    if ((this.flags & WAITS) === 0) this.startReading()
  }

  private startReading(): void {
    const isPaused = (this.flags & PAUSED) !== 0
    this.flags &= ~PAUSED
    if (this.socket.destroyed) return
    if (this.region !== null) this.readAhead()
    else if (isPaused) this.socket.resume()
  }

  /** Lets the handle read, whether or not the stream is paused, as long as that has room. */
  private readAhead(): void {
    const { socket } = this
    if (socket.readableLength < socket.readableHighWaterMark) socket.read(0)
  }

  /** The program paused the socket. */
  socketPaused(): void {
    this.flags &= ~PAUSED
    // As Node does with a socket that fills buffers of its own: the end of a peer that has nothing more to say is noticed
    if (this.region !== null && (this.flags & WAITS) === 0 && !this.socket.destroyed) this.readAhead()
  }

  private share(): boolean {
    if (this.region !== null) return false
    const { receiveBuffer, kernels } = this.options
    this.region = shareReceiveBuffer(this.socket, receiveBuffer, kernels, onSharedRead)
    return this.region !== null
  }

  /** Octets from the socket; `transient` where their memory is used again after the call. */
  receive(chunk: Uint8Array, start: number, end: number, transient: boolean): void {
    const { receiver } = this.connection
    const outer = enterRead(receiver)
    try {
      receiver.receive(chunk, start, end, transient)
    } catch (error) {
      this.recover(error)
    } finally {
      leaveRead(outer)
    }
    this.afterDelivery()
  }

  private afterDelivery(): void {
    const { receiver } = this.connection
    if (receiver.isDone) this.stopWaiting(WAITS)
    else if (receiver.heldLength >= HOLD_LIMIT) this.stopReading(WAITS_FOR_DRAIN)
  }

  /** What waits to be written: in the socket, and for compression, in octets. */
  get bufferedLength(): number {
    return this.output.waitingLength + this.connection.sender.bufferedLength
  }

  setCloseTimeout(closeTimeoutMs: number): void {
    this.options = { ...this.options, closeTimeoutMs }
  }

  resume(): void {
    if ((this.flags & WAITS) === 0 || this.region !== null) this.socket.resume()
    else if (this.socket.isPaused()) this.flags |= PAUSED
  }

  /** Drops the socket behind what was sent. */
  destroy(): void {
    this.output.abandon()
    this.socket.destroy()
  }

  onMessage(octets: Uint8Array, start: number, end: number, isBinary: boolean, nonAscii: boolean, kept: boolean): void {
    const { owner } = this
    const data =
      !isBinary && takesText(owner)
        ? textOf(octets, start, end, nonAscii, this.textKernels)
        : messageOf(octets, start, end, isBinary, owner.binaryType, kept)
    owner.emit('message', data, isBinary)
  }

  onFragments(fragments: Uint8Array[], length: number, isBinary: boolean, nonAscii: boolean): void {
    const { owner } = this
    const data = assemble(fragments, length, isBinary, owner.binaryType)
    const isText = !isBinary && takesText(owner)
    owner.emit('message', isText ? textOf(data as Buffer, 0, length, nonAscii, this.textKernels) : data, isBinary)
  }

  /** What decodes text; null where that was not validated. */
  private get textKernels(): Kernels | null {
    return this.connection.receiver.skipUtf8Validation ? null : this.options.kernels
  }

  onPing(octets: Uint8Array, start: number, end: number): void {
    this.owner.emit('ping', copyToBuffer(octets, start, end))
  }

  onPong(octets: Uint8Array, start: number, end: number): void {
    this.owner.emit('pong', copyToBuffer(octets, start, end))
  }

  answerPing(octets: Uint8Array, start: number, end: number, done: WriteCallback): boolean {
    return this.owner[kPong](octets, start, end, !this.connection.isServer, done)
  }

  answerClose(code: number | undefined, reason: Uint8Array | undefined): boolean {
    return this.owner[kClose](code, reason)
  }

  onError(error: Error): void {
    this.owner.emit('error', error)
  }

  onViolation(error: Error): void {
    this.flags |= FAILING
    // Behind the events of this turn, as a stream's 'error' is
    nextTick(failConnection, this, error)
  }

  onDefer(): void {
    setImmediate(proceed, this)
  }

  onReady(): void {
    // Codecs that work here come out of an immediate, where no listener should be entered: see turns.ts
    if (this.inflatesElsewhere) proceed(this)
    else this.goOnLater()
  }

  private get inflatesElsewhere(): boolean {
    const { inflater } = this.connection.receiver
    return (inflater as Partial<MessageDeflate> | null)?.codec?.name === 'zlib'
  }

  /** Whether the socket is paused until what is held is delivered. */
  get waitsForDrain(): boolean {
    return (this.flags & WAITS_FOR_DRAIN) !== 0
  }

  onDrain(): void {
    this.stopWaiting(WAITS_FOR_DRAIN)
  }

  onClosing(): void {
    this.closeTimer = setTimeout(destroySocket, this.options.closeTimeoutMs, this.socket)
  }

  onDiscard(): void {
    // A paused socket would never show its end
    nextTick(resumeSocket, this.socket)
  }

  onEnd(): void {
    this.end()
  }

  onTerminate(): void {
    this.owner.terminate()
  }

  /** The peer ended its side. */
  socketEnded(): void {
    this.flags |= ENDED
    this.connection.readyState = CLOSING
    this.end()
  }

  private end(): void {
    this.output.flush()
    // Ending once more makes Node create an error that nobody sees: 5 % of a handshake (`npm run bench -- handshake`)
    if (!this.socket.writableEnded) this.socket.end()
  }

  socketClosed(): void {
    const { socket, connection } = this
    socket.removeListener('close', onSocketClose)
    socket.removeListener('data', onSocketData)
    socket.removeListener('end', onSocketEnd)
    connection.readyState = CLOSING
    // A paused socket may have kept the peer's last words
    if (!socket.readableEnded && !connection.closeFrameReceived && !connection.receiver.isDone && socket.readableLength > 0) {
      const chunk = socket.read(socket.readableLength) as Buffer | null
      if (chunk !== null) this.receive(chunk, 0, chunk.length, false)
    }
    connection.isDisconnected = true
    socket[kTransport] = undefined
    if (this.closeTimer !== null) clearTimeout(this.closeTimer)
    this.flags |= CLOSE_PENDING
    this.finishClose()
  }

  socketFailed(): void {
    this.connection.readyState = CLOSING
    this.socket.destroy()
  }

  /** Delivers what a wait held back; then, where the socket is closed, says so. */
  proceed(): void {
    const outer = enterRead(this.connection.receiver)
    try {
      this.connection.receiver.proceed()
    } catch (error) {
      this.recover(error)
    } finally {
      leaveRead(outer)
    }
    this.afterDelivery()
    this.finishClose()
  }

  /** A listener threw: the error surfaces as it would anyway, and everything else is delivered all the same. */
  private recover(error: unknown): void {
    rethrowLater(error)
    for (;;) {
      try {
        this.connection.receiver.recover()
        return
      } catch (next) {
        rethrowLater(next)
      }
    }
  }

  private finishClose(): void {
    const { connection } = this
    if ((this.flags & CLOSE_PENDING) === 0 || !connection.receiver.isIdle) return
    this.flags &= ~CLOSE_PENDING
    const isAnnounced = (this.flags & ENDED) !== 0 || connection.closeFrameReceived || connection.hasFailed
    if (isAnnounced && (connection.hasFailed || (this.flags & FAILING) === 0)) this.owner.emitClose()
    // A violation in the last octets, say, is reported first
    else nextTick(emitClose, this)
  }

  emitClose(): void {
    this.owner.emitClose()
  }
}

function emitClose(transport: Transport): void {
  transport.emitClose()
}

function failConnection(transport: Transport, error: Error): void {
  // The connection, or who put themselves in between (receiver-view.ts)
  ;(transport.connection.receiver.handler as Connection).fail(error)
}

function proceed(transport: Transport): void {
  transport.proceed()
}

function destroySocket(socket: Duplex): void {
  socket.destroy()
}

/** Listens to 'data' and resumes the socket, without the way by the next tick if the handle is reading already. */
function beginReading(socket: TransportSocket): void {
  const { _handle: handle } = socket as unknown as SocketInternals
  if (handle?.reading && socket.readableFlowing === null) {
    const stream = socket as { readableFlowing: boolean }
    stream.readableFlowing = false
    socket.on('data', onSocketData)
    stream.readableFlowing = true
  } else {
    socket.on('data', onSocketData)
    socket.resume()
  }
}

function resumeSocket(socket: Duplex): void {
  socket.resume()
}

function onSocketData(this: TransportSocket, chunk: Buffer): void {
  this[kTransport]!.receiveChunk(chunk)
}

function onSharedRead(this: Socket, length: number): boolean {
  const transport = (this as TransportSocket)[kTransport]
  return transport === undefined || transport === null || transport.receiveShared(length)
}

/** The `pause` of the socket's class. */
function nodePause(socket: TransportSocket): void {
  let prototype = Object.getPrototypeOf(socket) as Duplex
  // Of an object made with the socket as its prototype
  while (prototype.pause === pauseSocket) prototype = Object.getPrototypeOf(prototype) as Duplex
  prototype.pause.call(socket)
}

/** Stands before it on the socket. */
function pauseSocket(this: TransportSocket): TransportSocket {
  nodePause(this)
  this[kTransport]?.socketPaused()
  return this
}

function onSocketEnd(this: TransportSocket): void {
  this[kTransport]!.socketEnded()
}

function onSocketClose(this: TransportSocket): void {
  this[kTransport]!.socketClosed()
}

function onSocketError(this: TransportSocket): void {
  this.removeListener('error', onSocketError)
  this.on('error', ignore)
  this[kTransport]?.socketFailed()
}

function ignore(): void {}
