// Raw DEFLATE of one connection in the codec module (RFC 7692 §7.2.1).

import { detachedError } from '../core/errors.js'
import type { CodecCallback, Deflater, DeflaterOptions } from '../core/codec.js'
import type { Effort } from './wasm-effort.js'
import { EFFORTS, effectiveLevel } from './wasm-effort.js'
import type { Engine } from './wasm-engine.js'
import { type CodecHelpers, joinLater } from './output.js'
import { closePending, finishLater, type Owner } from './pauses.js'
import { deflatedNothing, storeOctets, TRAILER } from './stored-blocks.js'
import type { HistoryHolder, Result } from './wasm-repeats.js'
import type { SlotHolder } from './wasm-slots.js'
import { dictionaryOf, keepWindow } from './wasm-window.js'

/** Number of hash heads, as base-two logarithm: of a connection's chains, of those for messages without history, and for large ones. */
const HASH_BITS = 14
const ALONE_HASH_BITS = 14
const LARGE_HASH_BITS = 15

/** How much of the window, from its end, is entered in the tables of a slot that was another connection's, in octets: 10 µs. */
const REBUILT = 8192

/** Messages up to this size refer to the history even if many connections get them, in octets. */
const LEAST_FOR_ALL = 16384

export class WasmDeflater implements Deflater, SlotHolder, HistoryHolder, Owner {
  slot = -1
  history = 0
  follows = 0
  followed = 0
  pending: Owner['pending'] = null
  /** Whether nothing is searched for: level 0. */
  private readonly stores: boolean
  private readonly effort: Effort
  /** Largest distance the peer can follow, and largest that is used between messages, in octets. */
  private readonly negotiated: number
  private readonly reach: number
  private readonly noContextTakeover: boolean
  /** History that each begins with. */
  private readonly dictionary: Uint8Array | null

  /** The history: its last `reach` octets count. In the slot, or else in `window`. */
  private filled = 0
  private window: Uint8Array | null = null
  private heads = 0
  private place = 0
  /** Number of the first octet in the slot, modulo 2^16. */
  private position = 0
  /** Octets of the window that the slot's tables know; -1 if they are those of another connection. */
  private known = -1

  constructor(
    private readonly engine: Engine,
    private readonly helpers: CodecHelpers,
    options: DeflaterOptions
  ) {
    const level = effectiveLevel(options.zlib?.level)
    this.stores = level === 0
    this.effort = EFFORTS[Math.max(level, 1) - 1]
    this.negotiated = 1 << options.windowBits
    this.reach = Math.min(this.negotiated, this.effort.window)
    this.noContextTakeover = options.noContextTakeover
    this.dictionary = dictionaryOf(options.zlib?.dictionary, this.reach)
    this.forget()
  }

  deflate(octets: Uint8Array, fin: boolean, done: CodecCallback): Uint8Array | null {
    if (octets.length === 0) {
      if (fin && this.noContextTakeover) this.forget()
      return deflatedNothing(fin)
    }
    if (this.stores) return storeOctets(octets, fin)
    if (octets.length > this.engine.room) return this.deflateLarge(octets, fin, done)
    if (!this.noContextTakeover) return this.deflateSmall(octets, fin)
    if (fin && this.filled === 0) return this.deflateAlone(octets)
    const output = this.deflateSmall(octets, fin)
    if (fin) this.forget()
    return output
  }

  close(): void {
    this.forget()
    closePending(this)
  }

  evict(): void {
    this.window = keepWindow(
      this.window === this.dictionary ? null : this.window,
      this.engine.octets,
      this.place,
      this.filled,
      this.reach
    )
    this.filled = Math.min(this.filled, this.reach)
  }

  /** A message or fragment that fits into the slot behind the window, with reference to what came before. */
  private deflateSmall(octets: Uint8Array, fin: boolean): Uint8Array {
    const { engine, effort, reach } = this
    const { length } = octets
    if (this.slot < 0) this.enterSlot()
    else engine.deflateSlots.touch(this.slot)
    const { place, heads } = this
    if (this.filled + length > reach + engine.room) this.slide(reach)

    const start = place + this.filled
    engine.octets.set(octets, start)
    this.filled += length
    const result = this.findRepeated(start, length, reach)
    // The tables are left behind, until something else is to be deflated
    if (result !== null) return this.output(result, fin)

    if (this.known < 0) {
      engine.octets.fill(0, heads, heads + (effort.chains ? 2 << HASH_BITS : engine.setsSize))
      this.known = Math.max(0, this.filled - length - REBUILT)
    }
    const unhashed = place + this.known
    const { chain, lazy, nice } = effort
    const position = (this.position - place) | 0
    const end = start + length
    const made = effort.chains
      ? engine.module.deflate(
          heads,
          HASH_BITS,
          heads + engine.slotPrevious,
          reach - 1,
          place,
          unhashed,
          start,
          end,
          position,
          reach,
          5,
          chain,
          lazy,
          nice,
          1
        )
      : engine.module.deflateSets(heads, place, unhashed, start, end, position, reach, chain, lazy, nice)
    // The last four octets could not be hashed yet
    this.known = Math.max(0, this.filled - 4)
    engine.repeats.add(this, effort, reach, length, made)
    return this.helpers.copy(engine.octets, engine.output, engine.output + (fin ? made - TRAILER.length : made))
  }

  /** A message that fits into a slot, without history: in the tables that all share, whose old entries are beyond its start. */
  private deflateAlone(octets: Uint8Array): Uint8Array {
    const { engine, effort } = this
    const { length } = octets
    const start = engine.largeDeflate
    const reach = Math.min(this.negotiated, engine.room)
    engine.octets.set(octets, start)
    const result = this.findRepeated(start, length, reach)
    if (result !== null) {
      this.history = 0
      return this.output(result, true)
    }
    const made = engine.module.deflate(
      engine.largeHeads,
      ALONE_HASH_BITS,
      engine.largePrevious,
      engine.room - 1,
      start,
      start,
      start,
      start + length,
      (engine.position - start) | 0,
      reach,
      // Matches of 4 octets pay in what is short
      length <= 512 ? 4 : 5,
      // zlib's ratio at level 6 is reached with 8 at 1 KiB, with 16 at 4 KiB
      length <= 2048 ? (effort.chain + 1) >> 1 : effort.chain,
      effort.lazy,
      effort.nice,
      1
    )
    engine.position = (engine.position + length) & 0xffff
    engine.repeats.add(this, effort, reach, length, made)
    this.history = 0
    return this.helpers.copy(engine.octets, engine.output, engine.output + made - TRAILER.length)
  }

  /**
   * What the small message at `start` was deflated to for another connection with the same history; null if it is to be deflated. The
   * module's output may then be overwritten: what is still needed of it was saved.
   */
  private findRepeated(start: number, length: number, reach: number): Result | null {
    const { engine, effort } = this
    const { repeats } = engine
    if (!engine.module.isRepeated(start, length)) {
      repeats.reset()
      return null
    }
    const result = repeats.find(this, effort, reach)
    if (result !== null) return result
    repeats.save(engine.octets, engine.output)
    return null
  }

  private output(result: Result, fin: boolean): Uint8Array {
    const { octets, length } = result
    const { engine, helpers } = this
    const end = fin ? length - TRAILER.length : length
    return octets === null ? helpers.copy(engine.octets, engine.output, engine.output + end) : helpers.copy(octets, 0, end)
  }

  /** A larger message or fragment: in slices, each with the window before it for history, all in shared tables. */
  private deflateLarge(octets: Uint8Array, fin: boolean, done: CodecCallback): Uint8Array | null {
    const { engine } = this
    const slice = this.sliceFor(octets.length)
    if (fin && octets.length <= slice) {
      const output = this.deflateForAll(octets)
      if (output !== null) return output
    }
    this.history = engine.repeats.newHistory()
    this.followed = 0
    const chunks: Uint8Array[] = []
    const { length } = octets
    let at = 0
    let bits = 0
    let bitCount = 0
    const step = (): boolean => {
      const end = Math.min(octets.length, at + slice)
      const last = end === octets.length
      engine.pendingBits[0] = bits
      engine.pendingBits[1] = bitCount
      const made = this.deflateSlice(octets, at, end, last)
      bits = engine.pendingBits[0]
      bitCount = engine.pendingBits[1]
      engine.pendingBits.fill(0)
      chunks.push(this.helpers.copy(engine.octets, engine.output, engine.output + (last && fin ? made - TRAILER.length : made)))
      at = end
      if (last) {
        if (fin && this.noContextTakeover) this.forget()
        else this.remember(octets)
      }
      return last
    }

    const { defer } = this.helpers
    if (step()) return chunks[0]
    if (defer === undefined) {
      while (!step());
      return joinLater(chunks, this.helpers, null)
    }
    const stepOrLose = (): boolean | Error => {
      if (octets.length === length) return step()
      this.lose(fin)
      return detachedError()
    }
    finishLater(this, stepOrLose, chunks, this.helpers, defer, done)
    return null
  }

  /**
   * A message of one slice, once for all connections that send it in a row: it refers to nothing before it. That costs those that have a history up to
   * an eighth more octets at 16 KiB, half of that at 32. What came before is then out of reach anyway, were it the same message.
   * @returns null if it is to be deflated for this connection alone
   */
  private deflateForAll(octets: Uint8Array): Uint8Array | null {
    const { engine, effort, negotiated } = this
    const { repeats } = engine
    if (this.dictionary !== null || (this.filled > 0 && octets.length <= Math.max(LEAST_FOR_ALL, this.reach))) return null
    engine.octets.set(octets, engine.largeDeflate)
    if (!engine.module.isRepeated(engine.largeDeflate, octets.length)) {
      repeats.reset()
      if (this.filled > 0) return null
    }
    let result = repeats.findShared(effort, negotiated)
    if (result === null) {
      const made = this.deflateLoaded(engine.largeDeflate, octets.length, true)
      result = repeats.addShared(effort, negotiated, engine.octets.slice(engine.output, engine.output + made))
    }
    if (this.noContextTakeover) {
      this.forget()
    } else {
      this.remember(octets)
      this.history = octets.length >= this.reach ? result.after : repeats.newHistory()
      this.follows = 0
      this.followed = 0
    }
    return this.helpers.copy(result.octets, 0, result.octets.length - TRAILER.length)
  }

  /** Octets to deflate without a pause, so that it takes less than 2 ms with the worst text found (`npm run bench:deflate -- calls`). */
  private sliceFor(length: number): number {
    const { slice } = this.engine
    const { chain } = this.effort
    if (chain > 32) return slice >> 2
    return chain > 16 || length > slice ? slice >> 1 : slice
  }

  /** Deflates `octets[from, to)`, at most a slice, to the engine's output; returns the number of octets there. */
  private deflateSlice(octets: Uint8Array, from: number, to: number, flush: boolean): number {
    const { engine } = this
    const start = engine.largeDeflate
    let history = start
    if (from > 0) {
      const before = Math.max(0, from - this.negotiated)
      history -= from - before
      engine.octets.set(octets.subarray(before, to), history)
    } else {
      if (this.filled > 0) {
        if (this.slot < 0) this.enterSlot()
        const known = Math.min(this.filled, this.reach)
        history -= known
        engine.octets.copyWithin(history, this.place + this.filled - known, this.place + this.filled)
      }
      engine.octets.set(octets.subarray(from, to), start)
    }
    engine.repeats.reset()
    return this.deflateLoaded(history, to - from, flush)
  }

  /** Deflates the `length` octets in the place for large messages, with what lies from `history` on before them, to the engine's output. */
  private deflateLoaded(history: number, length: number, flush: boolean): number {
    const { engine, effort } = this
    const start = engine.largeDeflate
    engine.octets.fill(0, engine.largeHeads, engine.largeHeads + (2 << LARGE_HASH_BITS))
    return engine.module.deflate(
      engine.largeHeads,
      LARGE_HASH_BITS,
      engine.largePrevious,
      32767,
      history,
      history,
      start,
      start + length,
      0,
      this.negotiated,
      4,
      effort.chain,
      effort.lazy,
      effort.nice,
      flush ? 1 : 0
    )
  }

  /** Puts a large message's last octets into the window. */
  private remember(octets: Uint8Array): void {
    const { engine, reach } = this
    if (this.slot < 0) this.enterSlot()
    const added = Math.min(octets.length, reach)
    const kept = Math.min(this.filled, reach - added)
    this.slide(kept)
    engine.octets.set(octets.subarray(octets.length - added), this.place + kept)
    this.filled = kept + added
    this.known = -1
  }

  /** Takes a slot and brings the window there. */
  private enterSlot(): void {
    const { engine } = this
    this.heads = engine.deflateSlots.acquire(this)
    this.place = this.heads + engine.slotWindow
    if (this.window !== null) engine.octets.set(this.window.subarray(0, this.filled), this.place)
    this.position = 0
    this.known = -1
  }

  /** Moves the last `length` octets of the window to its place's front, over the others. */
  private slide(length: number): void {
    const dropped = this.filled - length
    if (dropped === 0) return
    this.engine.octets.copyWithin(this.place, this.place + dropped, this.place + this.filled)
    this.position = (this.position + dropped) & 0xffff
    this.filled = length
    if (this.known > 0) this.known = Math.max(0, this.known - dropped)
  }

  /** The peer does not get what was just deflated: nothing may refer to it. Nor to the dictionary, which for the peer lies further back. */
  private lose(fin: boolean): void {
    this.forget()
    if (fin && this.noContextTakeover) return
    this.window = null
    this.filled = 0
    this.history = 0
  }

  private forget(): void {
    this.engine.deflateSlots.release(this)
    this.window = this.dictionary
    this.filled = this.dictionary === null ? 0 : this.dictionary.length
    this.history = this.dictionary === null ? 0 : this.engine.repeats.newHistory()
    this.followed = 0
  }
}
