// Raw INFLATE of one connection in the codec module (RFC 7692 §7.2.2).

import { CLOSE_INVALID_PAYLOAD } from '../core/constants.js'
import { protocolError, withCloseCode } from '../core/errors.js'
import type { CodecCallback, Inflater, InflaterOptions } from '../core/codec.js'
import type { BlockHolder, Engine } from './wasm-engine.js'
import { AFRESH, CONTINUED, ENDED, FULL, INCOMPLETE, RESTORED } from './wasm-engine.js'
import { type CodecHelpers, joinLater } from './output.js'
import { closePending, finishLater, type Owner } from './pauses.js'
import { TRAILER } from './stored-blocks.js'
import type { SlotHolder } from './wasm-slots.js'
import { dictionaryOf, keepWindow } from './wasm-window.js'

/** Most compressed octets for which the output is expected to fit into the slot behind the window. */
const SMALL = 2048

/** Octets that the slot has free at least before a message is inflated there. */
const SMALL_ROOM = 4096

const Z_DATA_ERROR = -3

/** What is wrong with data, by the negative results of `inflate` (wasm/inflate.ts), in zlib's words. */
const REASONS: readonly string[] = [
  'invalid block type',
  'invalid stored block lengths',
  'too many length or distance symbols',
  'invalid code lengths set',
  'invalid bit length repeat',
  'invalid code -- missing end-of-block',
  'invalid literal/lengths set',
  'invalid distances set',
  'invalid literal/length code',
  'invalid distance code',
  'invalid distance too far back'
]

/** A message or fragment that is not done with one call of the module. */
interface Job {
  octets: Uint8Array
  /** Whether they stay as they are. */
  readonly kept: boolean
  readonly fin: boolean
  readonly maxLength: number
  /** How many of `octets` went to the module. */
  taken: number
  /** Input that the module left, to be given to it again at its address; null if it took all. */
  unread: Uint8Array | null
  unreadAt: number
  readonly chunks: Uint8Array[]
  length: number
}

export class WasmInflater implements Inflater, SlotHolder, BlockHolder, Owner {
  slot = -1
  pending: Owner['pending'] = null
  /** Largest distance the peer may use, in octets. */
  private readonly reach: number
  private readonly noContextTakeover: boolean
  /** History that each begins with. */
  private readonly dictionary: Uint8Array | null

  /** The history: its last `reach` octets count. In the slot, or else in `window`. */
  private filled = 0
  private window: Uint8Array | null = null
  private place = 0
  /** The module's state, if input ended within a block and another connection has used the module since. */
  private state: Uint8Array | null = null
  /** Whether the input ended with a final block: the next is ignored. */
  private ended = false

  constructor(
    private readonly engine: Engine,
    private readonly helpers: CodecHelpers,
    options: InflaterOptions
  ) {
    this.reach = 1 << options.windowBits
    this.noContextTakeover = options.noContextTakeover
    this.dictionary = dictionaryOf(options.zlib?.dictionary, this.reach)
    this.forget()
  }

  inflate(octets: Uint8Array, fin: boolean, maxLength: number, done: CodecCallback, kept = false): Uint8Array | Error | null {
    if (octets.length === 0 && !fin) return this.helpers.allocate(0)
    if (this.ended) {
      this.forget()
      return this.helpers.allocate(0)
    }
    if (octets.length <= SMALL) {
      const alone = fin && this.noContextTakeover && this.filled === 0 && !this.isWithinBlock
      return alone ? this.inflateAlone(octets, maxLength, done) : this.inflateSmall(octets, fin, maxLength, done)
    }
    return this.run({ octets, kept, fin, maxLength, taken: 0, unread: null, unreadAt: 0, chunks: [], length: 0 }, done)
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

  carryOut(): void {
    const { engine } = this
    this.state = engine.octets.slice(engine.state, engine.state + engine.stateSize)
    engine.holder = null
  }

  private get isWithinBlock(): boolean {
    return this.state !== null || this.engine.holder === this
  }

  /** Calls the module, which goes on where the last input of this connection ended: as it stands if nobody was there in between. */
  private call(input: number, end: number, history: number, start: number, limit: number): number {
    const { engine } = this
    let resume = CONTINUED
    if (engine.holder !== this) {
      engine.holder?.carryOut()
      resume = this.state === null ? AFRESH : RESTORED
      if (this.state !== null) engine.octets.set(this.state, engine.state)
      this.state = null
    }
    const result = engine.module.inflate(input, end, history, start, limit, this.reach, resume)
    engine.holder = result === INCOMPLETE || result === FULL ? this : null
    return result
  }

  /** A whole message without history. */
  private inflateAlone(octets: Uint8Array, maxLength: number, done: CodecCallback): Uint8Array | Error | null {
    const { engine } = this
    const end = this.load(octets, true)
    const start = engine.largeInflate
    const limit = start + Math.min(engine.largeInflated, maxLength + 1)
    const result = this.call(engine.input, end, start, start, limit)
    if (result >= 0 && result <= maxLength) return this.helpers.copy(engine.octets, start, start + result)
    this.remember(0, this.produced(result, start))
    return this.proceed(octets, true, maxLength, result, start, end, done)
  }

  /** A message or fragment whose output will probably fit into the slot, behind the history. */
  private inflateSmall(octets: Uint8Array, fin: boolean, maxLength: number, done: CodecCallback): Uint8Array | Error | null {
    const { engine, reach } = this
    if (this.slot < 0) this.enterSlot()
    else engine.inflateSlots.touch(this.slot)
    const { place } = this
    if (this.filled > reach + engine.inflateRoom - SMALL_ROOM) this.slide()
    const end = this.load(octets, fin)
    const start = place + this.filled
    const limit = Math.min(place + reach + engine.inflateRoom, start + maxLength + 1)
    const result = this.call(engine.input, end, place, start, limit)
    const produced = this.produced(result, start)
    this.filled += produced
    // A fragment mostly ends within a block, a message after one
    if ((result >= 0 || result === INCOMPLETE) && produced <= maxLength) {
      if (fin && this.noContextTakeover) this.forget()
      return this.helpers.copy(engine.octets, start, start + produced)
    }
    return this.proceed(octets, fin, maxLength, result, start, end, done)
  }

  /** Goes on from a first call of the module that took all of `octets`, and did not end cleanly or within the limit. */
  private proceed(
    octets: Uint8Array,
    fin: boolean,
    maxLength: number,
    result: number,
    start: number,
    end: number,
    done: CodecCallback
  ): Uint8Array | Error | null {
    const job: Job = { octets, kept: true, fin, maxLength, taken: octets.length, unread: null, unreadAt: 0, chunks: [], length: 0 }
    const state = this.settle(job, result, start, end)
    if (state instanceof Error) return state
    return state ? this.joined(job) : this.run(job, done)
  }

  /** Inflates in slices: all at once, or with pauses if the runtime lends `defer`. */
  private run(job: Job, done: CodecCallback): Uint8Array | Error | null {
    const { defer } = this.helpers
    let finished = this.step(job)
    if (defer === undefined) while (finished === false) finished = this.step(job)
    if (finished instanceof Error) return finished
    if (finished) return this.joined(job)

    if (!job.kept) {
      job.octets = Uint8Array.prototype.slice.call(job.octets, job.taken)
      job.taken = 0
    }
    finishLater(this, () => this.step(job), job.chunks, this.helpers, defer as NonNullable<typeof defer>, done)
    return null
  }

  /** Inflates a slice in the place for large messages; returns whether that was the last one. */
  private step(job: Job): boolean | Error {
    const { engine, reach } = this
    let { input } = engine
    let end: number
    if (job.unread === null) {
      const from = job.taken
      job.taken = Math.min(job.octets.length, from + engine.slice)
      const part = from === 0 && job.taken === job.octets.length ? job.octets : job.octets.subarray(from, job.taken)
      end = this.load(part, job.fin && job.taken === job.octets.length)
    } else {
      input = job.unreadAt
      end = input + job.unread.length
      engine.octets.set(job.unread, input)
      job.unread = null
    }
    const start = engine.largeInflate
    const known = Math.min(this.filled, reach)
    if (known > 0) {
      if (this.slot < 0) this.enterSlot()
      engine.octets.copyWithin(start - known, this.place + this.filled - known, this.place + this.filled)
    }
    const limit = start + Math.min(engine.largeInflated, job.maxLength - job.length + 1)
    const result = this.call(input, end, start - known, start, limit)
    this.remember(known, this.produced(result, start))
    return this.settle(job, result, start, end)
  }

  /** Takes note of what a call of the module did; returns whether the message or fragment is done. */
  private settle(job: Job, result: number, start: number, end: number): boolean | Error {
    const { engine } = this
    if (result < 0 && result > INCOMPLETE) {
      this.forget()
      return dataError(REASONS[-1 - result])
    }
    const produced = this.produced(result, start)
    job.length += produced
    if (job.length > job.maxLength) {
      this.forget()
      return protocolError('UNSUPPORTED_MESSAGE_LENGTH')
    }
    if (produced > 0) job.chunks.push(this.helpers.copy(engine.octets, start, start + produced))

    const read = engine.inflateResult[0]
    if (result === ENDED) {
      // §7.2.3.4: what follows a final block in the same input is ignored, and the next begins anew, as with zlib's streams. They see
      // their end only with input behind it: where the trailer, too, was taken for a part of the block, the next input shows it and is
      // lost, unless they are reset after the message.
      const followed = read < end || job.taken < job.octets.length
      this.forget()
      this.ended = !followed && !(job.fin && this.noContextTakeover)
      return true
    }
    if (result === FULL) {
      job.unread = engine.octets.slice(read, end)
      job.unreadAt = read
      return false
    }
    if (job.taken < job.octets.length) return false
    if (job.fin && this.noContextTakeover) this.forget()
    return true
  }

  private joined(job: Job): Uint8Array {
    return joinLater(job.chunks, this.helpers, null)
  }

  /** Octets that came out of a call of the module. */
  private produced(result: number, start: number): number {
    if (result >= 0) return result
    return result > INCOMPLETE ? 0 : this.engine.inflateResult[1] - start
  }

  /** Copies input to the module, with the trailer if it is the last; returns its end. */
  private load(octets: Uint8Array, trailer: boolean): number {
    const { engine } = this
    engine.octets.set(octets, engine.input)
    const end = engine.input + octets.length
    if (!trailer) return end
    engine.octets.set(TRAILER, end)
    return end + TRAILER.length
  }

  /** Makes the last of the `produced` octets in the place for large messages, and of the `known` ones before them, the window. */
  private remember(known: number, produced: number): void {
    if (produced === 0) return
    if (this.slot < 0) this.enterSlot()
    const end = this.engine.largeInflate + produced
    this.filled = Math.min(known + produced, this.reach)
    this.engine.octets.copyWithin(this.place, end - this.filled, end)
  }

  private enterSlot(): void {
    const { engine } = this
    this.place = engine.inflateSlots.acquire(this)
    if (this.window !== null) engine.octets.set(this.window.subarray(0, this.filled), this.place)
  }

  /** Moves the octets that count to the front of the slot. */
  private slide(): void {
    this.engine.octets.copyWithin(this.place, this.place + this.filled - this.reach, this.place + this.filled)
    this.filled = this.reach
  }

  private forget(): void {
    this.engine.inflateSlots.release(this)
    if (this.engine.holder === this) this.engine.holder = null
    this.window = this.dictionary
    this.filled = this.dictionary === null ? 0 : this.dictionary.length
    this.state = null
    this.ended = false
  }
}

function dataError(message: string): Error {
  return withCloseCode(Object.assign(new Error(message), { errno: Z_DATA_ERROR, code: 'Z_DATA_ERROR' }), CLOSE_INVALID_PAYLOAD)
}
