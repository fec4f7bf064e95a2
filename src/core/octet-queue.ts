// What a connection writes, kept until somebody takes it: the Output for runtimes without sockets, and for tests.

import { Fifo } from './fifo.js'
import type { Output, WriteCallback } from './output.js'
import type { Runtime } from './runtime.js'
import { NOTHING } from './octets.js'

const SLAB_SIZE = 16 * 1024

export class OctetQueue implements Output {
  slab: Uint8Array = NOTHING
  at = 0
  /** To be set when the byte stream is gone. */
  isClosed = false
  private readonly runtime: Runtime
  private readonly notify: () => void
  private start = 0
  private chunks: Uint8Array[] = []
  private readonly callbacks = new Fifo<WriteCallback>()

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
    // Those that are sent from within callbacks wait for the next time
    const due = callbacks.length
    // Whatever they do, the chunks are out
    try {
      for (let i = 0; i < due; i++) callbacks.shift()!()
    } catch (error) {
      if (chunks.length > 0) this.chunks.unshift(...chunks)
      throw error
    }
    return chunks
  }

  private cut(): void {
    if (this.at > this.start) this.chunks.push(this.slab.subarray(this.start, this.at))
    this.start = this.at
  }
}
