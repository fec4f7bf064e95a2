import * as pako from 'pako'
import { describe, expect, test } from 'vitest'
import { createPakoCodec } from '../../src/codecs/pako.js'
import { closeCodeOf } from '../../src/core/errors.js'
import { hexOf, octetsOf, testConformance, WITH_TAKEOVER, WITHOUT_TAKEOVER } from './conformance.js'

const codec = createPakoCodec(() => pako)
const unused = (): void => {
  throw new Error('called back')
}

describe('pako', () => testConformance(codec))

test('loads pako when it is first needed, and once', () => {
  let loads = 0
  const lazy = createPakoCodec(() => {
    loads++
    return pako
  })
  expect(loads).toBe(0)
  lazy.createDeflater(WITH_TAKEOVER)
  lazy.createInflater(WITH_TAKEOVER)
  expect(loads).toBe(1)
})

test('is done during the call', () => {
  const compressed = codec.createDeflater(WITH_TAKEOVER).deflate(Buffer.from('Hello'), true, unused) as Uint8Array
  expect(hexOf(compressed)).toBe('f248cdc9c90700')
  expect(hexOf(codec.createInflater(WITH_TAKEOVER).inflate(compressed, true, 5, unused) as Uint8Array)).toBe('48656c6c6f')
})

test('decompresses not one octet more than the limit and one to see that there are more', () => {
  const bomb = codec.createDeflater(WITH_TAKEOVER).deflate(new Uint8Array(1 << 20), true, unused) as Uint8Array
  let produced = 0
  const counting = createPakoCodec(() => ({
    ...pako,
    zlibInflate: (stream, flush) => {
      const status = pako.zlibInflate(stream, flush)
      produced += stream.next_out
      return status
    }
  }))
  expect(counting.createInflater(WITH_TAKEOVER).inflate(bomb, true, 20_000, unused)).toBeInstanceOf(RangeError)
  expect(produced).toBe(20_001)
})

test('fails a message that ends within a block (RFC 7692 §7.2.2)', () => {
  const whole = octetsOf('f2 48 cd c9 c9 07 00')
  for (let length = 1; length < whole.length - 1; length++) {
    const inflater = codec.createInflater(WITHOUT_TAKEOVER)
    const error = inflater.inflate(whole.subarray(0, length), true, Infinity, unused) as Error
    expect(error, `${length} octets`).toBeInstanceOf(Error)
    expect(closeCodeOf(error)).toBe(1007)
    expect(hexOf(inflater.inflate(whole, true, Infinity, unused) as Uint8Array)).toBe('48656c6c6f')
  }
})

test('takes a message whose sender did not cut the trailer, without context takeover', () => {
  const inflater = codec.createInflater(WITHOUT_TAKEOVER)
  for (let i = 0; i < 2; i++) {
    expect(hexOf(inflater.inflate(octetsOf('f2 48 cd c9 c9 07 00 00 00 ff ff'), true, Infinity, unused) as Uint8Array)).toBe(
      '48656c6c6f'
    )
  }
})

test('honours memLevel and strategy as zlib does, and refuses those that do not exist', () => {
  const huffmanOnly = codec.createDeflater({ ...WITH_TAKEOVER, zlib: { memLevel: 1, strategy: 2 } })
  const octets = new Uint8Array(500)
  const usual = codec.createDeflater(WITH_TAKEOVER).deflate(octets, true, unused) as Uint8Array
  expect((huffmanOnly.deflate(octets, true, unused) as Uint8Array).length).toBeGreaterThan(usual.length)
  expect(() => codec.createDeflater({ ...WITH_TAKEOVER, zlib: { memLevel: 10 } })).toThrow(RangeError)
  expect(() => codec.createDeflater({ ...WITH_TAKEOVER, zlib: { strategy: 5 } })).toThrow(RangeError)
})

test('takes a dictionary in any kind of memory', () => {
  const dictionary = Uint8Array.from(Buffer.from('Hello'))
  for (const kind of [dictionary, dictionary.buffer, new DataView(dictionary.buffer)]) {
    const deflater = codec.createDeflater({ ...WITH_TAKEOVER, zlib: { dictionary: kind } })
    expect(hexOf(deflater.deflate(dictionary, true, unused) as Uint8Array)).toBe('f200110000')
  }
})
