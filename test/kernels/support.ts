// Kernel sets, places for octets, and oracles that share no code with the kernels.

import { isUtf8 } from 'node:buffer'
import { createRequire } from 'node:module'
import type { Kernels, KernelsMemory, NativeHelpers } from '../../src/core/kernels.js'
import { createJsKernels, createNativeKernels, createWasmKernels, type WasmKernels } from '../../src/kernels/index.js'

const bufferutil = createRequire(import.meta.url)('bufferutil') as Required<Pick<NativeHelpers, 'mask' | 'unmask'>>

export const natives: NativeHelpers = { isUtf8, mask: bufferutil.mask, unmask: bufferutil.unmask }

function existing<T>(kernels: T | null): T {
  if (kernels === null) throw new Error('these tests need a runtime with WebAssembly, and bufferutil')
  return kernels
}

export const js = createJsKernels()
export const wasm: WasmKernels = existing(createWasmKernels())
/** WebAssembly that uses natives where they are faster. */
export const auto: WasmKernels = existing(createWasmKernels(natives))
export const native = existing(createNativeKernels(natives))
export const nativeWithUnmaskOnly = existing(createNativeKernels({ unmask: natives.unmask }))

/** Every set, and for those in WebAssembly its memory. */
export const sets: { title: string; kernels: Kernels; memory: KernelsMemory | null }[] = [
  { title: 'js', kernels: js, memory: null },
  { title: 'wasm', kernels: wasm, memory: wasm.memory },
  { title: 'wasm with natives', kernels: auto, memory: auto.memory },
  { title: 'native', kernels: native, memory: null },
  { title: 'native with unmask only', kernels: nativeWithUnmaskOnly, memory: null }
]

/** Octets from a seed (mulberry32), as many as wanted. */
export function pseudoRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) % 256
  }
}

/** How many octets around a place are watched. */
const GUARD = 80

/** A place for `length` octets at an alignment, whose surroundings are known. */
export class Place {
  readonly octets: Uint8Array
  readonly start: number
  readonly end: number
  private readonly before: Uint8Array

  /** @param memory where the place lies; null: in memory of its own */
  constructor(memory: KernelsMemory | null, length: number, alignment: number, slot = 0) {
    if (memory === null) {
      // a view that does not begin where its memory does
      this.octets = new Uint8Array(new ArrayBuffer(length + 2 * GUARD + 32), 16 - (slot & 3)).fill(0xc3)
      this.start = GUARD + alignment + (slot & 3)
    } else {
      this.octets = memory.octets
      this.start = memory.receiveRegion.start + slot * 100_000 + GUARD + alignment
      this.octets.fill(0xc3, this.start - GUARD, this.start + length + GUARD)
    }
    this.end = this.start + length
    this.before = this.octets.slice(this.start - GUARD, this.end + GUARD)
  }

  write(octets: Uint8Array): this {
    this.octets.set(octets, this.start)
    return this
  }

  read(): Uint8Array {
    return this.octets.slice(this.start, this.end)
  }

  /** Whether no octet around the place has changed. */
  isGuarded(): boolean {
    const after = this.octets.slice(this.start - GUARD, this.end + GUARD)
    return (
      equal(after.subarray(0, GUARD), this.before.subarray(0, GUARD)) && equal(after.subarray(-GUARD), this.before.subarray(-GUARD))
    )
  }
}

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

/** RFC 6455 §5.3, octet by octet. */
export function maskedNaively(octets: Uint8Array, key: number): Uint8Array {
  const keyOctets = [key & 255, (key >>> 8) & 255, (key >>> 16) & 255, key >>> 24]
  return octets.map((octet, i) => octet ^ keyOctets[i % 4])
}

/** Sequences of RFC 3629 §4's ABNF: UTF8-1, UTF8-2, and the alternatives of UTF8-3 and UTF8-4, as ranges of octets. */
const TAIL: [number, number] = [0x80, 0xbf]
const SEQUENCES: [number, number][][] = [
  [[0x00, 0x7f]],
  [[0xc2, 0xdf], TAIL],
  [[0xe0, 0xe0], [0xa0, 0xbf], TAIL],
  [[0xe1, 0xec], TAIL, TAIL],
  [[0xed, 0xed], [0x80, 0x9f], TAIL],
  [[0xee, 0xef], TAIL, TAIL],
  [[0xf0, 0xf0], [0x90, 0xbf], TAIL, TAIL],
  [[0xf1, 0xf3], TAIL, TAIL, TAIL],
  [[0xf4, 0xf4], [0x80, 0x8f], TAIL, TAIL]
]

/** What `Kernels.validate` has to return for octets from a beginning, by the ABNF. */
export function validatedNaively(octets: ArrayLike<number>): number {
  let at = 0
  let seen = 0
  while (at < octets.length) {
    const sequence = SEQUENCES.find(([first]) => octets[at] >= first[0] && octets[at] <= first[1])
    if (sequence === undefined) return -1
    let state = 0
    for (let i = 0; i < sequence.length; i++) {
      if (at + i === octets.length) return state | (1 << 24)
      const octet = octets[at + i]
      if (octet < sequence[i][0] || octet > sequence[i][1]) return -1
      if (octet > 0x7f) seen = 1 << 24
      state = state * 256 + octet
    }
    at += sequence.length
  }
  return seen
}
