// A link over one of Node's sockets: it reads into the shared region, if it can.

import type { Socket } from 'node:net'
import type { Kernels } from '../../core/kernels.js'
import { handleOf, type InternalEmitter, type StreamStates } from '../runtime/internals.js'
import { kLink } from '../runtime/symbols.js'
import { rethrowLater } from '../runtime/ticks.js'
import { type ReceiveBufferChoice, type ReceiveRegion, shareReceiveBuffer } from './receive-buffer.js'
import type { LinkedStream } from './linked-stream.js'
import { HELD, onStreamData, StreamLink } from './stream-link.js'

/** How sockets read; many links share one object. */
export interface ReadingOptions {
  kernels: Kernels
  receiveBuffer: ReceiveBufferChoice | undefined
}

/** What is looked at in Node's sockets for each read. */
type Internals = StreamStates & Required<InternalEmitter>

export class SocketLink extends StreamLink {
  protected readonly options: ReadingOptions
  /** Where the socket reads into; null as long as it emits 'data'. */
  protected region: ReceiveRegion | null = null

  constructor(socket: LinkedStream, coalesces: boolean, options: ReadingOptions) {
    super(socket, coalesces)
    this.options = options
  }

  override receiveChunk(chunk: Buffer): void {
    if (this.region !== null) {
      // Read into the region, and pushed to the stream: what holds us holds there
      this.handler!.onOctets(chunk, 0, chunk.length, false, false)
      return
    }
    super.receiveChunk(chunk)
    // What kept us from it may be gone: the head that came with the handshake
    if ((this.flags & HELD) === 0 && !this.stream.isPaused()) this.share()
  }

  override resume(): void {
    if (this.region !== null) this.stream.resume()
    else super.resume()
  }

  override streamPaused(): void {
    super.streamPaused()
    // As Node does with a socket that fills buffers of its own: the end of a peer that has nothing more to say is noticed
    if (this.region !== null && (this.flags & HELD) === 0 && !this.stream.destroyed) this.readAhead()
  }

  /**
   * `length` octets that the socket read into the region.
   * @returns whether it shall read on
   */
  receiveShared(length: number): boolean {
    const { octets, start, view, readSize } = this.region!
    const { _events: events, _readableState: state } = this.stream as unknown as Internals
    if (events!.data !== onStreamData || state.flowing !== true || state.length !== 0) {
      // Somebody else listens as well, or instead of us, or it is paused: it goes the way it would go anyway
      return this.push(Buffer.from(view.subarray(0, length)))
    }
    this.handler!.onOctets(octets, start, start + length, true, length === readSize)
    return (this.flags & HELD) === 0
  }

  protected override beginReading(): void {
    if (this.share()) beginReading(this.stream, handleOf(this.stream)?.reading === true)
    else super.beginReading()
  }

  protected override pauseReading(): void {
    if (this.region === null) return super.pauseReading()
    // Beneath the stream, which is the program's to pause
    const handle = handleOf(this.stream)
    if (!handle?.reading) return
    handle.reading = false
    handle.readStop!()
  }

  protected override resumeReading(wasPaused: boolean): void {
    if (this.region === null) super.resumeReading(wasPaused)
    else this.readAhead()
  }

  private push(chunk: Buffer): boolean {
    try {
      return this.stream.push(chunk) && (this.flags & HELD) === 0
    } catch (error) {
      // A listener's
      rethrowLater(error)
      return true
    }
  }

  /** Lets the handle read, whether or not the stream is paused, as long as that has room. */
  private readAhead(): void {
    const { stream } = this
    if (stream.readableLength < stream.readableHighWaterMark) stream.read(0)
  }

  protected share(): boolean {
    if (this.region !== null) return false
    const { receiveBuffer, kernels } = this.options
    this.region = shareReceiveBuffer(this.stream, receiveBuffer, kernels, onSharedRead)
    return this.region !== null
  }
}

/** Listens to 'data' and resumes the socket, without the way by the next tick if the handle is reading already, or shall not yet. */
export function beginReading(socket: LinkedStream, isAtOnce: boolean): void {
  if (isAtOnce && socket.readableFlowing === null) {
    const stream = socket as { readableFlowing: boolean }
    stream.readableFlowing = false
    socket.on('data', onStreamData)
    stream.readableFlowing = true
  } else {
    socket.on('data', onStreamData)
    socket.resume()
  }
}

function onSharedRead(this: Socket, length: number): boolean {
  const link = (this as LinkedStream)[kLink] as SocketLink | undefined
  return link === undefined || link === null || link.receiveShared(length)
}
