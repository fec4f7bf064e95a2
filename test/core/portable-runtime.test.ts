import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createPortableRuntime } from '../../src/core/portable-runtime.js'

const runtime = createPortableRuntime((target) => void target.fill(7))

test('gives arrays of the length that is asked for', () => {
  for (const length of [0, 1, 4096, 100_000]) expect(runtime.allocate(length)).toHaveLength(length)
  expect(runtime.allocate(1)).toBeInstanceOf(Uint8Array)
})

test('copies a part, which shares nothing with the whole and keeps it from nothing', () => {
  const whole = Uint8Array.from({ length: 1000 }, (_, i) => i)
  const part = runtime.copy(whole, 10, 14)
  whole.fill(0)
  expect([...part]).toEqual([10, 11, 12, 13])
  expect(part.buffer.byteLength).toBeLessThan(1000)
  expect(runtime.copy(Buffer.from('pooled'), 1, 3).buffer.byteLength).toBeLessThan(1000)
})

test('a copy of a Buffer is a copy', () => {
  const buffer = Buffer.from('abcdef')
  const part = runtime.copy(buffer, 1, 4)
  buffer.fill(0)
  expect(Buffer.from(part).toString()).toBe('bcd')
})

test('writes text as UTF-8 of the length it said, lone surrogates as U+FFFD, and reads it back', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }), (text) => {
      const expected = Buffer.from(text)
      const target = new Uint8Array(expected.length + 8).fill(0xaa)
      expect(runtime.utf8Length(text)).toBe(expected.length)
      expect(runtime.utf8Write(text, target, 4)).toBe(expected.length)
      expect(Buffer.from(target.subarray(4, 4 + expected.length))).toEqual(expected)
      expect([...target.subarray(0, 4), ...target.subarray(4 + expected.length)]).toEqual(new Array(8).fill(0xaa))
      expect(runtime.utf8Decode(target, 4, 4 + expected.length)).toBe(expected.toString())
    })
  )
})

test('does not swallow a byte order mark', () => {
  const octets = Buffer.from('\ufeffx')
  expect(runtime.utf8Decode(octets, 0, octets.length)).toBe('\ufeffx')
})

test('hashes as SHA-1 does', () => {
  for (const text of ['', 'abc', 'x'.repeat(1000)])
    expect(Buffer.from(runtime.sha1(Buffer.from(text)))).toEqual(createHash('sha1').update(text).digest())
})

test('fills from the generator it was given', () => {
  const target = new Uint8Array(5)
  runtime.fillRandom(target)
  expect([...target]).toEqual([7, 7, 7, 7, 7])
})
