import { describe, expect, test } from 'vitest'
import * as pako from 'pako'
import { createPakoCodec } from '../../src/codecs/pako.js'
import { byPako, byZlib, chat, codec, corpus, market, noise, options, randomFrom, unused } from './wasm-support.js'

const SIZES = [1, 2, 3, 4, 5, 6, 30, 255, 256, 257, 1023, 1024, 8191, 8192, 8193, 32767, 32768, 32769, 65535, 65536, 65537, 140_000]

describe.each([
  ['with context takeover', false],
  ['without context takeover', true]
])('%s', (_, noContextTakeover) => {
  test.each([8, 9, 10, 11, 12, 13, 14, 15])(
    'a window of %i bits: zlib, pako and the codec inflate each message to what it was (RFC 7692 §7.1)',
    (windowBits) => {
      for (const level of [0, 1, 3, 6, 7, 9]) {
        const deflater = codec.createDeflater(options(windowBits, noContextTakeover, level))
        const inflater = codec.createInflater(options(windowBits, noContextTakeover))
        let history = Buffer.alloc(0)
        for (const length of [...SIZES.slice(0, 16), level === 6 ? 65537 : 700, 100]) {
          for (const message of corpus(length, length)) {
            const compressed = deflater.deflate(message, true, unused) as Uint8Array
            // no distance may be above the window: the oracle knows no more than that
            const known = history.subarray(Math.max(0, history.length - 2 ** windowBits))
            expect(byZlib(compressed, known).equals(message)).toBe(true)
            if (length < 2000) expect(message.equals(byPako(compressed, known))).toBe(true)
            expect(message.equals(inflater.inflate(compressed, true, message.length, unused) as Uint8Array)).toBe(true)
            if (!noContextTakeover) history = Buffer.concat([history, message]).subarray(-32768)
          }
        }
        deflater.close()
        inflater.close()
      }
    },
    60_000
  )
})

test('any length around the sizes of slots, slices and windows comes back', () => {
  const deflater = codec.createDeflater(options())
  const inflater = codec.createInflater(options())
  for (const length of SIZES) {
    for (const message of corpus(length, 7)) {
      const compressed = deflater.deflate(message, true, unused) as Uint8Array
      expect(message.equals(inflater.inflate(compressed, true, length, unused) as Uint8Array)).toBe(true)
      expect(compressed.length).toBeLessThanOrEqual(length + 6 + 5 * Math.ceil(length / 16384))
    }
  }
})

test('ten thousand messages with context takeover come back, over positions that wrap at 64 KiB', () => {
  const random = randomFrom(3)
  const deflater = codec.createDeflater(options())
  const inflater = codec.createInflater(options())
  let total = 0
  for (let i = 0; i < 10_000; i++) {
    const message = (i & 1 ? chat : market)(random, 100 + random(600))
    const compressed = deflater.deflate(message, true, unused) as Uint8Array
    total += compressed.length / message.length
    expect(message.equals(inflater.inflate(compressed, true, message.length, unused) as Uint8Array)).toBe(true)
  }
  expect(total / 10_000).toBeLessThan(0.45)
})

test.each([8, 9, 11, 13, 15])('a match as far away as a window of %i bits is found, and none beyond it', (windowBits) => {
  const size = 2 ** windowBits
  for (const [far, found] of [
    [size, true],
    [size + 1, false]
  ] as const) {
    const deflater = codec.createDeflater(options(windowBits, false, 9))
    const needle = noise(200, 5)
    const inflater = codec.createInflater(options(windowBits))
    for (const message of [needle, noise(far - 200, 99)])
      inflater.inflate(deflater.deflate(message, true, unused) as Uint8Array, true, far, unused)
    const compressed = deflater.deflate(needle.subarray(0, 100), true, unused) as Uint8Array
    expect(compressed.length < 20, `distance ${far}`).toBe(found)
    expect(needle.subarray(0, 100).equals(inflater.inflate(compressed, true, 100, unused) as Uint8Array)).toBe(true)
  }
})

test('fragments end on an octet, with the trailer, and share their history (RFC 7692 §7.2.1)', () => {
  for (const noContextTakeover of [false, true]) {
    const deflater = codec.createDeflater(options(15, noContextTakeover))
    const message = chat(randomFrom(1), 900)
    for (let round = 0; round < 3; round++) {
      const first = Buffer.from(deflater.deflate(message, false, unused) as Uint8Array)
      expect(first.subarray(-4).toString('hex')).toBe('0000ffff')
      const second = deflater.deflate(message, true, unused) as Uint8Array
      expect(second.length).toBeLessThan(30)
      if (noContextTakeover) expect(byZlib(Buffer.concat([first, second])).equals(Buffer.concat([message, message]))).toBe(true)
    }
  }
})

test('without context takeover the same message gives the same octets, whatever came before', () => {
  const random = randomFrom(8)
  const deflater = codec.createDeflater(options(15, true))
  const first = Buffer.from(deflater.deflate(chat(randomFrom(2), 800), true, unused) as Uint8Array)
  for (let i = 0; i < 300; i++) {
    deflater.deflate(chat(random, 500 + random(20_000)), true, unused)
    expect(first.equals(deflater.deflate(chat(randomFrom(2), 800), true, unused) as Uint8Array)).toBe(true)
  }
})

test('what does not compress grows by a block header for every 16 K octets', () => {
  for (const noContextTakeover of [false, true]) {
    const deflater = codec.createDeflater(options(15, noContextTakeover))
    expect((deflater.deflate(noise(100), true, unused) as Uint8Array).length).toBe(106)
    expect((deflater.deflate(noise(60_000, 2), true, unused) as Uint8Array).length).toBe(60_000 + 4 * 5 + 1)
  }
})

test('levels trade octets for time: none is larger than a lower one by more than a hundredth', () => {
  const random = randomFrom(6)
  const messages = Array.from({ length: 60 }, (_, i) => (i % 2 ? chat : market)(random, 1000))
  const sizes = Array.from({ length: 10 }, (_, level) => {
    const deflater = codec.createDeflater(options(15, false, level))
    return messages.reduce((sum, message) => sum + (deflater.deflate(message, true, unused) as Uint8Array).length, 0)
  })
  for (let level = 1; level < 10; level++) expect(sizes[level]).toBeLessThan(sizes[level - 1] * 1.01)
  expect(sizes[0]).toBe(60 * 1006)
  expect(sizes[9]).toBeLessThan(sizes[1] * 0.97)
})

test('at its default level it sends at most a twentieth more than zlib at the same', () => {
  const random = randomFrom(4)
  const messages = Array.from({ length: 400 }, (_, i) => (i % 2 ? chat : market)(random, 1024))
  // pako is zlib's algorithm to the octet; node:zlib has others for some processors, and from one release to the next
  const [ours, theirs] = [codec, createPakoCodec(() => pako)].map(({ createDeflater }) => {
    const deflater = createDeflater({ windowBits: 15, noContextTakeover: false, zlib: undefined })
    return messages.reduce((sum, message) => sum + (deflater.deflate(message, true, unused) as Uint8Array).length, 0)
  })
  expect(ours / theirs).toBeLessThan(1.05)
})

test('refuses a level that is none', () => {
  for (const level of [10, -2, Infinity]) expect(() => codec.createDeflater(options(15, false, level))).toThrow(RangeError)
  expect(() => codec.createDeflater({ windowBits: 15, noContextTakeover: false, zlib: { level: '6' } })).toThrow(TypeError)
  codec.createDeflater({ windowBits: 15, noContextTakeover: false, zlib: { level: -1, memLevel: 1, chunkSize: 1024 } }).close()
})
