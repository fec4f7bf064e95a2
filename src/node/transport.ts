// Between a socket and a connection: octets of the socket in, octets of the connection out, and the end of both.

import type { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { CLOSING } from '../core/constants.js'
import { Connection, type ConnectionHandler, type ConnectionOptions } from '../core/connection.js'
import type { MaskingKeySource } from '../core/masking-key.js'
import type { Kernels } from '../core/ports.js'
import { assemble, type BinaryType, messageOf } from './data.js'
import { beginBatch, copyToBuffer, endBatch } from './message-memory.js'
import { enterTurn, leaveTurn, rethrowLater, SocketOutput } from './output.js'
import { nodeRuntime } from './ports.js'
import { type ReceiveBufferChoice, type ReceiveRegion, shareReceiveBuffer } from './receive-buffer.js'
import { writeFirst } from './socket-order.js'
import { kTransport } from './symbols.js'

/** Octets that may be held back before the socket is told to wait; Node's own default for streams. */
const HOLD_LIMIT = 16 * 1024

/** Reads of the whole region that a socket may have in one turn of the event loop: 2 MiB, as much as with Node's own buffers. */
const MOST_FULL_READS = 8

/** Any Duplex, with what sockets have beside. */
export interface TransportSocket extends Duplex {
  [kTransport]?: Transport | undefined
  setTimeout?: (ms: number) => void
  setNoDelay?: () => void
}

/** Whose events these are: a WebSocket. */
export interface TransportOwner extends EventEmitter {
  readonly isPaused: boolean
  readonly binaryType: BinaryType
  terminate(): void
  /** Called when the socket is closed and all that came was delivered. */
  emitClose(): void
}

/** How a transport reads and ends; many share one object. */
export interface TransportOptions {
  kernels: Kernels
  /** How long the closing handshake may take before the socket is destroyed. */
  closeTimeoutMs: number
  receiveBuffer: ReceiveBufferChoice | undefined
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
  /** Whether the socket is closed, and what it left behind is still being delivered. */
  private closePending = false
  private waitsForDrain = false
  /** Reads in a row that filled the region, which libuv goes on with before anything else has its turn. */
  private fullReads = 0
  /** Whether the peer broke a rule, which is still to be said. */
  private isFailing = false
  /** Whether the peer ended its side. */
  private hasEnded = false

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
    this.output = new SocketOutput(socket)
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
    if (this.share()) socket.resume()
    else socket.on('data', onSocketData)
  }

  /** A chunk of a 'data' event. */
  receiveChunk(chunk: Buffer): void {
    this.receive(chunk, 0, chunk.length, false)
    // What kept us from it may be gone: the head that came with the handshake
    if (!this.socket.isPaused() && this.share()) this.socket.removeListener('data', onSocketData)
  }

  /** `length` octets that the socket read into the region. */
  receiveShared(length: number): void {
    const { octets, start, view } = this.region!
    const { socket } = this
    // Listeners of others get a copy, before it is unmasked
    if (socket.listenerCount('data') > 0) {
      try {
        socket.emit('data', copyToBuffer(view, 0, length))
      } catch (error) {
        rethrowLater(error)
      }
    }
    this.receive(octets, start, start + length, true)
    if (length < view.length) this.fullReads = 0
    else if (++this.fullReads === MOST_FULL_READS) this.yieldTurn()
  }

  /** Reads on in the next turn of the event loop. */
  private yieldTurn(): void {
    this.fullReads = 0
    if (this.waitsForDrain || this.socket.isPaused()) return
    this.waitsForDrain = true
    this.socket.pause()
    setImmediate(continueReading, this)
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
    enterTurn()
    try {
      receiver.receive(chunk, start, end, transient)
    } catch (error) {
      this.recover(error)
    } finally {
      leaveTurn()
    }
    if (receiver.heldLength >= HOLD_LIMIT && !this.waitsForDrain) {
      this.waitsForDrain = true
      this.socket.pause()
    }
  }

  /** What waits to be written: in the socket, and for compression, in octets. */
  get bufferedLength(): number {
    this.output.flush()
    return this.socket.writableLength + this.connection.sender.bufferedLength
  }

  setCloseTimeout(closeTimeoutMs: number): void {
    this.options = { ...this.options, closeTimeoutMs }
  }

  resume(): void {
    if (!this.waitsForDrain) this.socket.resume()
  }

  /** Drops the socket behind what was sent. */
  destroy(): void {
    this.output.abandon()
    this.socket.destroy()
  }

  onBatch(octets: Uint8Array, end: number): void {
    beginBatch(octets, end)
  }

  onBatchEnd(): void {
    endBatch()
  }

  onMessage(octets: Uint8Array, start: number, end: number, isBinary: boolean, _nonAscii: boolean): void {
    this.owner.emit('message', messageOf(octets, start, end, isBinary, this.owner.binaryType), isBinary)
  }

  onFragments(fragments: Uint8Array[], length: number, isBinary: boolean): void {
    this.owner.emit('message', assemble(fragments, length, isBinary, this.owner.binaryType), isBinary)
  }

  onPing(octets: Uint8Array, start: number, end: number): void {
    this.owner.emit('ping', copyToBuffer(octets, start, end))
  }

  onPong(octets: Uint8Array, start: number, end: number): void {
    this.owner.emit('pong', copyToBuffer(octets, start, end))
  }

  onError(error: Error): void {
    this.owner.emit('error', error)
  }

  onViolation(error: Error): void {
    this.isFailing = true
    // Behind the events of this turn, as a stream's 'error' is
    process.nextTick(failConnection, this, error)
  }

  onDefer(): void {
    setImmediate(proceed, this)
  }

  onReady(): void {
    proceed(this)
  }

  /** The turn that was given up is over; where octets are held back by then, `onDrain` has the last word. */
  continueReading(): void {
    if (this.connection.receiver.heldLength < HOLD_LIMIT) this.onDrain()
  }

  onDrain(): void {
    if (!this.waitsForDrain) return
    this.waitsForDrain = false
    if (!this.owner.isPaused) this.socket.resume()
  }

  onClosing(): void {
    this.closeTimer = setTimeout(destroySocket, this.options.closeTimeoutMs, this.socket)
  }

  onDiscard(): void {
    // A paused socket would never show its end
    process.nextTick(resumeSocket, this.socket)
  }

  onEnd(): void {
    this.end()
  }

  onTerminate(): void {
    this.owner.terminate()
  }

  /** The peer ended its side. */
  socketEnded(): void {
    this.hasEnded = true
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
    this.closePending = true
    this.finishClose()
  }

  socketFailed(): void {
    this.connection.readyState = CLOSING
    this.socket.destroy()
  }

  /** Delivers what a wait held back; then, where the socket is closed, says so. */
  proceed(): void {
    enterTurn()
    try {
      this.connection.receiver.proceed()
    } catch (error) {
      this.recover(error)
    } finally {
      leaveTurn()
    }
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
    if (!this.closePending || !connection.receiver.isIdle) return
    this.closePending = false
    const isAnnounced = this.hasEnded || connection.closeFrameReceived || connection.hasFailed
    if (isAnnounced && (connection.hasFailed || !this.isFailing)) this.owner.emitClose()
    // A violation in the last octets, say, is reported first
    else process.nextTick(emitClose, this)
  }

  emitClose(): void {
    this.owner.emitClose()
  }
}

function emitClose(transport: Transport): void {
  transport.emitClose()
}

function failConnection(transport: Transport, error: Error): void {
  transport.connection.fail(error)
}

function proceed(transport: Transport): void {
  transport.proceed()
}

function continueReading(transport: Transport): void {
  transport.continueReading()
}

function destroySocket(socket: Duplex): void {
  socket.destroy()
}

function resumeSocket(socket: Duplex): void {
  socket.resume()
}

function onSocketData(this: TransportSocket, chunk: Buffer): void {
  this[kTransport]!.receiveChunk(chunk)
}

function onSharedRead(this: Socket, length: number): boolean {
  ;(this as TransportSocket)[kTransport]?.receiveShared(length)
  return true
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
