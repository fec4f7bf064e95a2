// A WebSocket as a stream: each chunk a message, each message a chunk.

import process from 'node:process'
import { Duplex, type DuplexOptions } from 'node:stream'
import { CLOSED, CONNECTING } from '../core/constants.js'
import type { StreamStates } from './runtime/internals.js'
import { takingText } from './delivery/listeners.js'
import type { WebSocket } from './websocket.js'

type Done = (error?: Error | null) => void

class WebSocketStream extends Duplex {
  readonly #ws: WebSocket
  /** Whether destroying the stream drops the connection; after an error its close frame is to be let through. */
  #terminates = true

  constructor(ws: WebSocket, options: DuplexOptions | undefined) {
    super({ ...options, autoDestroy: false, emitClose: false, objectMode: false, writableObjectMode: false })
    this.#ws = ws

    const onMessage = (data: Buffer | string, isBinary: boolean): void => {
      const chunk = !isBinary && this.readableObjectMode ? data.toString() : data
      if (!this.push(chunk)) ws.pause()
    }
    ws.on('message', this.readableObjectMode ? takingText(onMessage) : onMessage)
    ws.once('error', (error: Error) => {
      if (this.destroyed) return
      this.#terminates = false
      this.destroy(error)
    })
    ws.once('close', () => {
      if (!this.destroyed) this.push(null)
    })
    this.on('end', onEnd)
    this.on('error', onError)
  }

  override _read(): void {
    if (this.#ws.isPaused) this.#ws.resume()
  }

  override _write(chunk: unknown, encoding: BufferEncoding, done: Done): void {
    if (this.#ws.readyState === CONNECTING) {
      this.#ws.once('open', () => this._write(chunk, encoding, done))
    } else {
      this.#ws.send(chunk, done as (error?: Error) => void)
    }
  }

  override _final(done: Done): void {
    const ws = this.#ws
    if (ws.readyState === CONNECTING) {
      ws.once('open', () => this._final(done))
      return
    }
    const socket = ws._socket
    // The handshake failed: the 'error' that follows ends the stream
    if (socket === null) return
    if ((socket as unknown as StreamStates)._writableState.finished) {
      done()
      if ((this as unknown as StreamStates)._readableState.endEmitted) this.destroy()
    } else {
      // The stream itself ends when the WebSocket is closed, which is after this
      socket.once('finish', () => done())
      ws.close()
    }
  }

  override _destroy(error: Error | null, done: Done): void {
    const ws = this.#ws
    if (ws.readyState === CLOSED) {
      done(error)
      process.nextTick(emitClose, this)
      return
    }
    let called = false
    ws.once('error', (wsError: Error) => {
      called = true
      done(wsError)
    })
    ws.once('close', () => {
      if (!called) done(error)
      process.nextTick(emitClose, this)
    })
    if (this.#terminates) ws.terminate()
  }
}

function emitClose(stream: Duplex): void {
  stream.emit('close')
}

function onEnd(this: Duplex): void {
  if (!this.destroyed && (this as unknown as StreamStates)._writableState.finished) this.destroy()
}

function onError(this: Duplex, error: Error): void {
  this.removeListener('error', onError)
  this.destroy()
  // With nobody listening it is thrown, as with any stream
  if (this.listenerCount('error') === 0) this.emit('error', error)
}

/**
 * Wraps a WebSocket in a Duplex: reading pauses the WebSocket when nobody reads, a write is through when its message is written.
 * @param options of the Duplex; text arrives as strings if `readableObjectMode` is set
 */
export function createWebSocketStream(ws: WebSocket, options?: DuplexOptions): Duplex {
  return new WebSocketStream(ws, options)
}
