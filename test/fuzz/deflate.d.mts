import type { DeflateCodec } from '../../src/core/codec.js'

export function fuzzDeflate(codec: DeflateCodec, runs: number, seed: number, progress?: (done: number) => void): void
