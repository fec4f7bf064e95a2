// What zlib's levels mean to the codec module.

/** How hard matches are looked for (wasm/deflate.ts), and in what window at most. */
export interface Effort {
  /** Whether a connection's tables are hash chains; else they are sets (wasm/deflate-sets.ts). */
  chains: boolean
  /** How many earlier places are looked at, at most. */
  chain: number
  lazy: number
  nice: number
  window: number
}

/**
 * Efforts by level, 1 to 9. An active connection's tables have 31 KiB as sets; as chains, 32 KiB and twice the window; and its window
 * has 8 KiB more than its size.
 */
export const EFFORTS: readonly Effort[] = [
  { chains: false, chain: 2, lazy: 5, nice: 16, window: 16384 },
  { chains: false, chain: 4, lazy: 8, nice: 32, window: 16384 },
  { chains: false, chain: 4, lazy: 16, nice: 64, window: 16384 },
  { chains: false, chain: 8, lazy: 32, nice: 128, window: 16384 },
  { chains: false, chain: 12, lazy: 32, nice: 128, window: 16384 },
  { chains: false, chain: 16, lazy: 32, nice: 128, window: 16384 },
  { chains: true, chain: 32, lazy: 32, nice: 128, window: 16384 },
  { chains: true, chain: 64, lazy: 32, nice: 128, window: 16384 },
  { chains: true, chain: 64, lazy: 258, nice: 258, window: 32768 }
]
const DEFAULT_LEVEL = 6

/** Level 0 to 9 for what the user gave. */
export function effectiveLevel(level: unknown): number {
  if (level === undefined || Number.isNaN(level)) return DEFAULT_LEVEL
  if (typeof level !== 'number') throw new TypeError(`The zlibDeflateOptions "level" must be a number, not ${String(level)}`)
  if (!(level >= -1 && level <= 9)) throw new RangeError(`The zlibDeflateOptions "level" must be from -1 to 9, not ${level}`)
  return level < 0 ? DEFAULT_LEVEL : Math.floor(level)
}
