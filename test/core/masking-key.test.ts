import { randomFillSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { secureMaskingKeys, userMaskingKeys } from '../../src/core/masking-key.js'
import { createPortableRuntime } from '../../src/core/portable-runtime.js'

test('draws nothing before the first key', () => {
  let drawn = 0
  const keys = secureMaskingKeys(createPortableRuntime(() => void drawn++))
  expect(drawn).toBe(0)
  keys()
  expect(drawn).toBe(1)
})

test('every octet the generator gives is used in one key, and no octet twice (§5.3, §10.3)', () => {
  let next = 0
  let drawn = 0
  const counting = createPortableRuntime((target) => {
    drawn += target.length
    const words = new Int32Array(target.buffer, target.byteOffset, target.length / 4)
    for (let i = 0; i < words.length; i++) words[i] = next++
  })
  const keys = secureMaskingKeys(counting)
  const seen = Array.from({ length: 10_000 }, () => keys() | 0)
  expect(seen).toEqual(Array.from({ length: 10_000 }, (_, i) => i))
  expect(drawn).toBeGreaterThanOrEqual(40_000)
})

test('keys of a real generator differ, over more than one pool (§5.3)', () => {
  const keys = secureMaskingKeys(createPortableRuntime((target) => void randomFillSync(target)))
  const seen = new Set(Array.from({ length: 5000 }, () => keys()))
  expect(seen.size).toBeGreaterThan(4980)
})

test('each source has keys of its own', () => {
  const runtime = createPortableRuntime((target) => void randomFillSync(target))
  const [one, other] = [secureMaskingKeys(runtime), secureMaskingKeys(runtime)]
  expect(Array.from({ length: 4 }, one)).not.toEqual(Array.from({ length: 4 }, other))
})

test('a generator that fails says so, at once and again: no key comes from a pool that was not filled (§10.3)', () => {
  let isBroken = true
  const keys = secureMaskingKeys(
    createPortableRuntime((target) => {
      if (isBroken) throw new Error('no entropy')
      target.fill(0x11)
    })
  )
  expect(keys).toThrow('no entropy')
  expect(keys).toThrow('no entropy')
  isBroken = false
  expect(keys()).toBe(0x11111111)
})

test("asks a user's function once for each key, with four octets, the first masking the first octet (§5.3)", () => {
  const lengths: number[] = []
  let call = 0
  const keys = userMaskingKeys((target) => {
    lengths.push(target.length)
    target.set([1, 2, 3, 0x80 + call++])
  }, new Uint8Array(4))
  expect(keys() >>> 0).toBe(0x80030201)
  expect(keys() >>> 0).toBe(0x81030201)
  expect(lengths).toEqual([4, 4])
})

test("passes on what a user's function throws", () => {
  const keys = userMaskingKeys(() => {
    throw new RangeError('mine')
  }, new Uint8Array(4))
  expect(keys).toThrow(new RangeError('mine'))
})
