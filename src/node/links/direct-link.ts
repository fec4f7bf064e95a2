// A link over a socket without a stream: it reads from the handle and writes to it, for as long as nothing happens that a stream is there
// for (pauses, writes that wait, the end of one side); from then on it is a link over one of Node's sockets.

import { kLink } from '../runtime/symbols.js'
import { type DirectReader, DirectSocket, endStream } from './direct-socket.js'
import type { LinkHandler } from './link.js'
import type { LinkedStream } from './linked-stream.js'
import { beginReading, type ReadingOptions, SocketLink } from './socket-link.js'
import { writeFirst } from './socket-order.js'

/** Flag, beside those of other links: the peer ended its side. */
const PEER_ENDED = 32

export class DirectLink extends SocketLink implements DirectReader {
  constructor(socket: DirectSocket, coalesces: boolean, options: ReadingOptions) {
    super(socket as unknown as LinkedStream, coalesces, options)
  }

  private get socket(): DirectSocket {
    return this.stream as unknown as DirectSocket
  }

  private get hasPeerEnded(): boolean {
    return (this.flags & PEER_ENDED) !== 0
  }

  private get isReal(): boolean {
    return DirectSocket.isReal(this.socket)
  }

  override get isDestroyed(): boolean {
    return DirectSocket.isClosed(this.socket)
  }

  override get canBeHalfOpen(): boolean {
    return !this.isReal || super.canBeHalfOpen
  }

  override start(head: Uint8Array, handler: LinkHandler): void {
    const { socket } = this
    if (head.length > 0) DirectSocket.realise(socket)
    if (this.isReal) return super.start(head, handler)
    this.handler = handler
    socket[kLink] = this
    // The server has done it already, unless it was told not to
    if (!DirectSocket.originOf(socket).server.noDelay) DirectSocket.handleOf(socket)?.setNoDelay?.(true)
    DirectSocket.setReader(socket, this)
  }

  override pause(): void {
    DirectSocket.realise(this.socket)
    super.pause()
  }

  override resume(): void {
    if (this.isReal) super.resume()
  }

  override discard(): void {
    if (this.isReal) super.discard()
    else if (!this.hasPeerEnded) DirectSocket.setReading(this.socket, true)
  }

  override end(isOver: boolean): void {
    const { socket } = this
    this.output.flush()
    // What the peer still sends is nothing that may be sent (RFC 6455 §5.5.1); a server is the first to close (§7.1.1)
    if ((isOver || this.hasPeerEnded) && !this.isReal) return DirectSocket.close(socket, true)
    DirectSocket.realise(socket)
    super.end(isOver)
  }

  override destroy(): void {
    this.output.abandon()
    if (this.isReal) this.stream.destroy()
    else DirectSocket.close(this.socket, false)
  }

  override takeRest(): Uint8Array | null {
    return this.isReal ? super.takeRest() : null
  }

  receiveDirect(socket: DirectSocket, length: number): void {
    const { octets, start, readSize } = DirectSocket.originOf(socket).region
    this.handler!.onOctets(octets, start, start + length, true, length === readSize)
  }

  override streamEnded(): void {
    // It is known from before there was a stream
    if (!this.hasPeerEnded) super.streamEnded()
  }

  directEnded(): void {
    this.flags |= PEER_ENDED
    this.handler!.onEnd()
  }

  directFailed(): void {
    this.handler!.onFailure()
  }

  directClosed(socket: DirectSocket): void {
    try {
      this.handler!.onClose()
    } finally {
      socket[kLink] = undefined
    }
  }

  realised(socket: DirectSocket): void {
    const { stream } = this
    writeFirst(stream)
    stream.setTimeout!(0)
    stream.setNoDelay!()
    this.listen()
    this.share()
    beginReading(stream, true)
    this.ownPause()
    this.output.realised()
    if (this.hasPeerEnded) endStream(socket)
  }

  protected override pauseReading(): void {
    if (this.isReal) super.pauseReading()
    else DirectSocket.setReading(this.socket, false)
  }

  protected override resumeReading(wasPaused: boolean): void {
    if (this.isReal) super.resumeReading(wasPaused)
    else if (!this.hasPeerEnded) DirectSocket.setReading(this.socket, true)
  }
}
