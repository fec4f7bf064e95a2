// What a connection writes, kept until somebody takes it: the Output for runtimes without sockets, and for tests.

import type { Runtime } from './runtime.js'
import type { Output, WriteCallback } from './sender.js'

const SLAB_SIZE = 16 * 1024
const NOTHING = new Uint8Array(0)

export class OctetQueue implements Output {
  slab: Uint8Array = NOTHING
  at = 0
  /** To be set when the byte stream is gone. */
  isClosed = false
  private readonly runtime: Runtime
  private readonly notify: () => void
  private start = 0
  private chunks: Uint8Array[] = []
  private callbacks: WriteCallback[] = []

  /** @param notify called whenever there is something to take */
  constructor(runtime: Runtime, notify: () => void = () => {}) {
    this.runtime = runtime
    this.notify = notify
  }

  reserve(length: number): void {
    if (this.slab.length - this.at >= length) return
    this.cut()
    this.slab = this.runtime.allocate(Math.max(SLAB_SIZE, length))
    this.at = this.start = 0
  }

  commit(length: number): void {
    this.at += length
    this.notify()
  }

  append(octets: Uint8Array): void {
    this.cut()
    this.chunks.push(octets)
    this.notify()
  }

  isRepeated(): boolean {
    return false
  }

  /** Octets that are taken are the taker's, so none can be taken twice. */
  repeat(): boolean {
    return false
  }

  remember(): void {}

  leave(isBorrowed: boolean, callback: WriteCallback | undefined): void {
    const last = this.chunks.length - 1
    // Nobody says when it is taken
    if (isBorrowed && last >= 0) this.chunks[last] = this.runtime.copy(this.chunks[last], 0, this.chunks[last].length)
    if (callback === undefined) return
    this.callbacks.push(callback)
    // Its octets may be taken already, by who takes them as soon as they are there
    if (this.chunks.length === 0 && this.at === this.start) this.notify()
  }

  later(callback: () => void): void {
    callback()
  }

  /** All octets so far, in order, as chunks that are the caller's to keep; calls back those who wait for them to be written. */
  take(): Uint8Array[] {
    this.cut()
    const { chunks, callbacks } = this
    this.chunks = []
    this.callbacks = []
    // Whatever they do, the chunks are out
    try {
      while (callbacks.length > 0) callbacks.shift()!()
    } finally {
      if (callbacks.length > 0) this.callbacks.unshift(...callbacks)
      if (callbacks.length > 0 && chunks.length > 0) this.chunks.unshift(...chunks)
    }
    return chunks
  }

  private cut(): void {
    if (this.at > this.start) this.chunks.push(this.slab.subarray(this.start, this.at))
    this.start = this.at
  }
}
