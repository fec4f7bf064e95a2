import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TokenBucket } from '../../src/services/token-bucket.js'

test('it is full at first, gives what it holds, and fills with time', () => {
  const bucket = new TokenBucket(0.01, 5, 1000)
  expect(bucket.available(1000)).toBe(5)
  for (let i = 0; i < 5; i++) expect(bucket.take(1, 1000)).toBe(true)
  expect(bucket.available(1000)).toBe(0)
  expect(bucket.untilAvailable(1, 1000)).toBe(100)
  expect(bucket.available(1099)).toBe(0)
  expect(bucket.available(1100)).toBe(1)
  expect(bucket.untilAvailable(1, 1100)).toBe(0)
  expect(bucket.available(1_000_000)).toBe(5)
})

test('what was taken and was not there is owed', () => {
  const bucket = new TokenBucket(1, 10, 0)
  expect(bucket.take(25, 0)).toBe(false)
  expect(bucket.untilAvailable(0, 0)).toBe(15)
  expect(bucket.untilAvailable(0, 15)).toBe(0)
  expect(bucket.take(1, 15)).toBe(false)
})

test('a clock that jumps back gives nothing and takes nothing', () => {
  const bucket = new TokenBucket(1, 10, 1000)
  bucket.take(10, 1000)
  expect(bucket.available(10)).toBe(0)
  expect(bucket.available(14)).toBe(4)
})

test('over any time no more is given than what it held and what flowed in', () => {
  const step = fc.record({ after: fc.nat(500), wanted: fc.integer({ min: 1, max: 20 }) })
  fc.assert(
    fc.property(fc.array(step), fc.integer({ min: 1, max: 50 }), (steps, capacity) => {
      const bucket = new TokenBucket(0.1, capacity, 0)
      let now = 0
      let given = 0
      for (const { after, wanted } of steps) {
        now += after
        for (let i = 0; i < wanted && bucket.available(now) > 0; i++) {
          expect(bucket.take(1, now)).toBe(true)
          given++
        }
      }
      expect(given).toBeLessThanOrEqual(capacity + now * 0.1 + 1e-6)
    })
  )
})
