// Writes of one output that the system has not taken at once, and who waits to be told of theirs.
//
// Octets are counted from the front of all that was written, with callback or without: a callback is told that all went well if the
// system took as many as there were up to the end of its frame. All operations take constant time.

import { Fifo } from '../../core/fifo.js'
import type { WriteCallback } from '../../core/output.js'
import { type AsyncContext, contextOfTick } from '../runtime/async-context.js'
import { callBackInTick, callBackLater, currentGeneration } from './send-callbacks.js'
import type { Slab } from './slab.js'
import { nextTick } from '../runtime/ticks.js'

/** Slabs that octets of the write that ends at `end` lie in. */
interface Pinned {
  end: number
  slabs: Slab[]
}

/** Who waits for the octets up to `end`. */
interface Waiting {
  callback: WriteCallback
  end: number
  /** How it ended, null: well; undefined as long as it has not. */
  outcome: Error | null | undefined
  /** Where it is to be called; undefined until the tick of its `send`, which calls it there and then if it can. */
  context: AsyncContext | null | undefined
}

export class InFlight {
  /** Where the writes end that the stream has. */
  private readonly writes = new Fifo<number>()
  /** Few of them lie in slabs. */
  private readonly pinned = new Fifo<Pinned>()
  private readonly waiting = new Fifo<Waiting>()
  /** Octets written, and those that the system is known to have taken, since nothing was in flight. */
  private written = 0
  private taken = 0

  /** Where the first write that is under way begins. */
  private start = 0
  /** Of those who wait, from the first on, how many have an outcome of a write that is done; they may not be called back yet. */
  private judged = 0

  /** Whether nothing is under way and nobody waits. */
  get isOver(): boolean {
    return this.writes.length === 0 && this.waiting.length === 0
  }

  /** Octets of writes that are under way. */
  get length(): number {
    return this.writes.length === 0 ? 0 : this.written - this.start
  }

  /** Notes a write of `length` octets, which is done when `done` is called. */
  begin(length: number, slabs: Slab[] | null): void {
    if (this.writes.length === 0) this.start = this.written
    this.written += length
    this.writes.push(this.written)
    if (slabs !== null) this.pinned.push({ end: this.written, slabs })
  }

  /** Notes `length` octets that the system took at once, and all before them. */
  pass(length: number): void {
    this.written += length
    this.taken = this.written
    // Whoever waits for a write is called back when the stream says that it is done, behind others that it has to call
    if (this.writes.length === 0 && this.waiting.first?.context !== undefined) nextTick(callBack, this)
    this.reset()
  }

  /** Notes that the system has taken all that was written so far, though the stream has yet to say so. */
  passWritten(): void {
    this.taken = this.written
  }

  /** Notes that the system took the first `length` octets of the writes that are under way. */
  passFirst(length: number): void {
    this.taken = Math.max(this.taken, this.start + length)
  }

  /**
   * Has `callback` called when all octets so far, and `gathered` more, are written: in order, each in the async context of this call.
   */
  wait(callback: WriteCallback, gathered: number): void {
    const waiting: Waiting = { callback, end: this.written + gathered, outcome: undefined, context: undefined }
    this.waiting.push(waiting)
    nextTick(settleInTick, this, waiting, currentGeneration())
  }

  /** The first write that was under way is done, or failed: gives its slabs back and calls back. */
  done(error: Error | null | undefined): void {
    const end = this.writes.shift()!
    if (this.pinned.first?.end === end) for (const slab of this.pinned.shift()!.slabs) slab.release()
    this.start = end
    if (!error && this.taken < end) this.taken = end
    const { waiting, taken } = this
    for (; this.judged < waiting.length; this.judged++) {
      const one = waiting.at(this.judged)!
      if (one.end > end) break
      if (one.outcome === undefined) one.outcome = one.end <= taken ? null : error!
    }
    this.callBack()
    this.reset()
  }

  /** Calls back those who can be, in order, up to the write that is under way: what others wrote before it has callbacks, too. */
  callBack(): void {
    const { waiting } = this
    const limit = this.writes.length === 0 ? this.written : this.start
    for (;;) {
      const { first } = waiting
      if (first === undefined || first.context === undefined || first.end > limit) return
      if (first.end <= this.taken && first.outcome === undefined) first.outcome = null
      if (first.outcome === undefined) return
      this.takeFirst()
      if (!callBackLater(first.callback, first.outcome, first.context)) {
        nextTick(callBack, this)
        return
      }
    }
  }

  /** In the tick of its `send`: calls back, if that can be done already; else notes where it is to be done. */
  settle(waiting: Waiting, generation: number): void {
    if (waiting.end <= this.taken && waiting.outcome === undefined) waiting.outcome = null
    if (waiting.outcome === undefined || this.waiting.first !== waiting) {
      waiting.context = contextOfTick()
      return
    }
    this.takeFirst()
    this.reset()
    callBackInTick(waiting.callback, waiting.outcome, generation)
  }

  private takeFirst(): void {
    this.waiting.shift()
    if (this.judged > 0) this.judged--
  }

  /** Counts from zero again, as small numbers take no memory of their own. */
  private reset(): void {
    if (this.isOver) this.written = this.taken = this.start = 0
  }
}

function settleInTick(inFlight: InFlight, waiting: Waiting, generation: number): void {
  inFlight.settle(waiting, generation)
}

function callBack(inFlight: InFlight): void {
  inFlight.callBack()
}
