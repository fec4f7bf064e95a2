// Masking keys: unpredictable, a fresh one for each frame (RFC 6455 §5.3, §10.3).

import type { Runtime } from './runtime.js'

/** A synchronous source of masking keys, as u32. */
export type MaskingKeySource = () => number

const POOL_SIZE = 8192

/** Keys from the runtime's secure generator, drawn `POOL_SIZE` octets at a time; the pool is made with the first key. */
export function secureMaskingKeys(runtime: Runtime): MaskingKeySource {
  let pool: Int32Array | null = null
  let next = 0
  return () => {
    if (pool === null || next === pool.length) {
      const fresh = pool ?? new Int32Array(POOL_SIZE / 4)
      // Used only once it is filled: a generator that throws must not leave old keys, or zeros
      runtime.fillRandom(new Uint8Array(fresh.buffer))
      pool = fresh
      next = 0
    }
    return pool[next++]
  }
}

/** Keys from a user's function that fills four octets. */
export function userMaskingKeys(generate: (target: Uint8Array) => void, target: Uint8Array): MaskingKeySource {
  return () => {
    generate(target)
    return target[0] | (target[1] << 8) | (target[2] << 16) | (target[3] << 24)
  }
}

/** `key` for the octets that follow `length` masked ones (RFC 6455 §5.3: octet i is masked with octet i mod 4 of the key). */
export function rotateKey(key: number, length: number): number {
  const bits = (length & 3) << 3
  return bits === 0 ? key : (key >>> bits) | (key << (32 - bits))
}
