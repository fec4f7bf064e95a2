import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Fifo } from '../../src/core/fifo.js'

/** What can be done to a queue: so many items pushed, or taken. */
const step = fc.oneof(
  fc.record({ kind: fc.constant('push' as const), count: fc.oneof(fc.nat(5), fc.nat(3000)) }),
  fc.record({ kind: fc.constant('shift' as const), count: fc.oneof(fc.nat(5), fc.nat(3000)) })
)

test('gives the items that an array would, whatever is pushed and taken', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const fifo = new Fifo<number>()
      const array: number[] = []
      const taken: unknown[] = []
      const expected: unknown[] = []
      let serial = 0
      for (const { kind, count } of steps) {
        for (let i = 0; i < count; i++) {
          if (kind === 'push') {
            fifo.push(serial)
            array.push(serial++)
          } else {
            taken.push(fifo.shift())
            expected.push(array.shift())
          }
          // `expect` takes longer than all the rest
          if (fifo.length !== array.length || fifo.first !== array[0]) {
            expect([fifo.length, fifo.first]).toEqual([array.length, array[0]])
          }
        }
        for (const index of [0, 1, array.length >> 1, array.length - 1, array.length, array.length + 1000]) {
          if (index >= 0) expect(fifo.at(index)).toBe(array[index])
        }
      }
      while (fifo.length > 0) taken.push(fifo.shift())
      expect(taken).toEqual([...expected, ...array])
      expect(fifo.shift()).toBe(undefined)
    }),
    { numRuns: 100 }
  )
})

test('items that are undefined count', () => {
  const fifo = new Fifo<number | undefined>()
  for (const item of [undefined, 1, undefined]) fifo.push(item)
  expect([fifo.length, fifo.first, fifo.shift(), fifo.length]).toEqual([3, undefined, undefined, 2])
  expect([fifo.shift(), fifo.shift(), fifo.length]).toEqual([1, undefined, 0])
})

describe('an item that was taken is not kept', () => {
  test.each([1, 10, 1023, 1024, 1025, 5000])('after %i others', (count) => {
    const fifo = new Fifo<object | null>()
    const held = fifo as unknown as { items: unknown[] }
    for (let i = 0; i < count; i++) fifo.push({})
    for (let i = 0; i < 3; i++) fifo.push(null)
    for (let i = 0; i < count; i++) fifo.shift()
    expect(held.items.filter((item) => item !== null && item !== undefined)).toEqual([])
    expect(fifo.length).toBe(3)
  })
})

test('what is taken makes room: a queue that is never empty does not grow', () => {
  const fifo = new Fifo<number>()
  const held = fifo as unknown as { items: unknown[] }
  let longest = 0
  let right = 0
  fifo.push(-1)
  for (let i = 0; i < 100_000; i++) {
    fifo.push(i)
    if (fifo.shift() === i - 1) right++
    longest = Math.max(longest, held.items.length)
  }
  expect(right).toBe(100_000)
  // As many places are empty as it takes to pay for moving the rest
  expect(longest).toBeLessThan(2100)
})
