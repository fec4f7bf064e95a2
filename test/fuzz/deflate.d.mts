import type { DeflateCodec } from '../../src/core/ports.js'

export function fuzzDeflate(codec: DeflateCodec, runs: number, seed: number, progress?: (done: number) => void): void
