import { expect, test } from 'vitest'
import { OctetQueue } from '../../src/core/octet-queue.js'
import { runtime } from './support.js'

function write(queue: OctetQueue, text: string): void {
  const octets = Buffer.from(text)
  queue.reserve(octets.length + 3)
  queue.slab.set(octets, queue.at)
  queue.commit(octets.length)
}

function taken(queue: OctetQueue): string {
  return Buffer.concat(queue.take()).toString()
}

test('gives what was committed and appended, in order, once', () => {
  const queue = new OctetQueue(runtime)
  expect(queue.take()).toEqual([])
  write(queue, 'one ')
  write(queue, 'two ')
  queue.append(Buffer.from('three '))
  write(queue, 'four ')
  queue.append(Buffer.from('five'))
  expect(taken(queue)).toBe('one two three four five')
  expect(queue.take()).toEqual([])
  write(queue, 'six')
  expect(taken(queue)).toBe('six')
})

test('gives committed octets only, not those that were reserved beyond', () => {
  const queue = new OctetQueue(runtime)
  queue.reserve(100)
  queue.slab.fill(0x61, queue.at, queue.at + 100)
  queue.commit(2)
  expect(taken(queue)).toBe('aa')
})

test('has room for whatever is reserved, however much that is', () => {
  const queue = new OctetQueue(runtime)
  let expected = ''
  for (const length of [1, 16_000, 500, 100_000, 16_384, 3]) {
    queue.reserve(length)
    expect(queue.slab.length - queue.at).toBeGreaterThanOrEqual(length)
    queue.slab.fill(0x61 + (length % 26), queue.at, queue.at + length)
    queue.commit(length)
    expected += String.fromCharCode(0x61 + (length % 26)).repeat(length)
  }
  expect(taken(queue)).toBe(expected)
})

test('chunks that were taken are not written to again', () => {
  const queue = new OctetQueue(runtime)
  write(queue, 'kept')
  const chunks = queue.take()
  for (let i = 0; i < 5000; i++) write(queue, 'other')
  expect(Buffer.concat(chunks).toString()).toBe('kept')
})

test('takes octets by reference', () => {
  const queue = new OctetQueue(runtime)
  const octets = Buffer.from('by reference')
  queue.append(octets)
  expect(queue.take()[0]).toBe(octets)
})

test('calls back in order when the octets are taken, not before, and once', () => {
  const queue = new OctetQueue(runtime)
  const calls: string[] = []
  write(queue, 'a')
  queue.leave(false, (error) => calls.push(`a ${error ?? null}`))
  queue.append(Buffer.from('b'))
  queue.leave(false, (error) => calls.push(`b ${error ?? null}`))
  expect(calls).toEqual([])
  queue.take()
  expect(calls).toEqual(['a null', 'b null'])
  queue.take()
  expect(calls).toHaveLength(2)
})

test('what a callback writes comes with the next take', () => {
  const queue = new OctetQueue(runtime)
  write(queue, 'first')
  queue.leave(false, () => {
    write(queue, 'second')
    queue.leave(false, () => write(queue, 'third'))
  })
  expect([taken(queue), taken(queue), taken(queue), taken(queue)]).toEqual(['first', 'second', 'third', ''])
})

test('tells whenever there is something to take', () => {
  let notices = 0
  const queue = new OctetQueue(runtime, () => void notices++)
  expect(notices).toBe(0)
  write(queue, 'a')
  expect(notices).toBe(1)
  queue.append(Buffer.from('b'))
  expect(notices).toBe(2)
  queue.take()
  expect(notices).toBe(2)
})

test('calls later what is to be called later, once', async () => {
  const queue = new OctetQueue(runtime)
  let calls = 0
  queue.later(() => void calls++)
  await new Promise((resolve) => setImmediate(resolve))
  expect(calls).toBe(1)
})
