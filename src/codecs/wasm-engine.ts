// The codec module (wasm/codec.ts): instantiated once for all connections, with a memory of fixed size.

import { base64Decode } from '../core/base64.js'
import { LITTLE_ENDIAN } from '../core/octets.js'
import base64, { pages } from '../wasm/codec.js'
import { Repeats } from './wasm-repeats.js'
import { Slots } from './wasm-slots.js'

/** What the module exports; wasm/deflate.ts and wasm/inflate.ts say what the parameters are. */
export interface CodecModule {
  initialize(): void
  deflate(
    heads: number,
    hashBits: number,
    previous: number,
    mask: number,
    history: number,
    unhashed: number,
    start: number,
    end: number,
    position: number,
    window: number,
    shortest: number,
    chain: number,
    lazy: number,
    nice: number,
    flush: number
  ): number
  deflateSets(
    table: number,
    history: number,
    unhashed: number,
    start: number,
    end: number,
    position: number,
    window: number,
    chain: number,
    lazy: number,
    nice: number
  ): number
  isRepeated(from: number, length: number): number
  inflate(input: number, end: number, history: number, start: number, limit: number, window: number, resume: number): number
}

/** Negative results of `inflate` that are no errors. */
export const INCOMPLETE = -32
export const FULL = -33
export const ENDED = -34

/** What `inflate` begins with: a block; what its owner put into STATE; what the last call left, tables included. */
export const AFRESH = 0
export const RESTORED = 1
export const CONTINUED = 2

/** Whose unfinished block the module holds. It is in its place only as long as nobody else inflates. */
export interface BlockHolder {
  /** Carries the state of the block out of the module, which is given to another right after. */
  carryOut(): void
}

/** The instantiated module, views of its memory, and where things are in it. */
export class Engine {
  readonly module: CodecModule
  readonly octets: Uint8Array
  /** Bits that `deflate` left to its next call: they, and how many. */
  readonly pendingBits: Int32Array
  /** Where `inflate` ended: addresses in its input and output. */
  readonly inflateResult: Uint32Array
  readonly inflateSlots: Slots
  readonly deflateSlots: Slots
  readonly repeats: Repeats
  /** Number of the next octet that is deflated with the tables that all connections share. */
  position = 0
  /** Whose block `inflate` would continue with its tables; null if the last call left none. */
  holder: BlockHolder | null = null

  readonly state: number
  readonly stateSize: number
  readonly slice: number
  readonly room: number
  readonly inflateRoom: number
  readonly input: number
  readonly output: number
  readonly largeInflate: number
  readonly largeInflated: number
  readonly largeDeflate: number
  readonly largeHeads: number
  readonly largePrevious: number
  readonly slotPrevious: number
  readonly slotWindow: number
  /** Octets of a table of sets. */
  readonly setsSize: number

  constructor() {
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
    const instance = new WebAssembly.Instance(new WebAssembly.Module(base64Decode(base64)), { env: { memory } })
    const at = (name: string): number => (instance.exports[name] as WebAssembly.Global).value
    this.module = instance.exports as unknown as CodecModule
    this.module.initialize()
    this.octets = new Uint8Array(memory.buffer)
    this.pendingBits = new Int32Array(memory.buffer, at('PENDING_BITS'), 2)
    this.inflateResult = new Uint32Array(memory.buffer, at('STATE'), 2)
    this.inflateSlots = new Slots(at('INFLATE_SLOTS'), at('INFLATE_SLOT_SIZE'), at('INFLATE_SLOT_COUNT'))
    this.deflateSlots = new Slots(at('DEFLATE_SLOTS'), at('DEFLATE_SLOT_SIZE'), at('DEFLATE_SLOT_COUNT'))

    this.repeats = new Repeats()

    this.state = at('STATE')
    this.stateSize = at('STATE_SIZE')
    this.slice = at('SLICE')
    this.room = at('ROOM')
    this.inflateRoom = at('INFLATE_ROOM')
    this.input = at('INPUT')
    this.output = at('OUTPUT')
    // behind the history that may lie before
    this.largeInflate = at('LARGE_INFLATE') + at('WINDOW')
    this.largeInflated = at('LARGE_INFLATED')
    this.largeDeflate = at('LARGE_DEFLATE') + at('WINDOW')
    this.largeHeads = at('LARGE_HEADS')
    this.largePrevious = at('LARGE_PREVIOUS')
    this.slotPrevious = at('SLOT_PREVIOUS')
    this.slotWindow = at('SLOT_WINDOW')
    this.setsSize = Number(at('SET_COUNT')) * 64
  }
}

let shared: Engine | null | undefined

/** The engine, made on first use; null if there is no WebAssembly with SIMD, or it may not compile or reserve its memory. */
export function instantiate(): Engine | null {
  if (shared === undefined) {
    try {
      // The views of numbers have the order of this machine's octets, the module always that one
      shared = LITTLE_ENDIAN ? new Engine() : null
    } catch {
      // no `WebAssembly` (`--jitless`), no SIMD, a Content-Security-Policy without 'wasm-unsafe-eval', `ulimit -v`
      shared = null
    }
  }
  return shared
}
