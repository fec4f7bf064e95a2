import * as pako from 'pako'
import { describe, expect, test } from 'vitest'
import { createPakoCodec } from '../../src/codecs/pako.js'
import type { Inflater } from '../../src/core/codec.js'
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

describe('with pauses', () => {
  testConformance(createPakoCodec(() => pako, { defer: setImmediate }))

  /** A codec whose pauses end when the test says so. */
  function paused(): { inflater: Inflater; steps: (() => void)[] } {
    const steps: (() => void)[] = []
    const later = createPakoCodec(() => pako, { defer: (callback) => steps.push(callback) })
    return { inflater: later.createInflater(WITH_TAKEOVER), steps }
  }
  // Both long and longer when inflated
  const noise = Uint8Array.from({ length: 40_000 }, (_, i) => (Math.imul(i, 2654435761) >>> 13) & 0xff)
  const message = Buffer.concat([noise, Buffer.alloc(500_000), noise])
  const compressed = codec.createDeflater(WITH_TAKEOVER).deflate(message, true, unused) as Uint8Array

  test('inflates in slices what is large, or gets so, with its input valid during the call only', () => {
    const { inflater, steps } = paused()
    const input = Uint8Array.from(compressed)
    const results: unknown[] = []
    expect(inflater.inflate(input, true, message.length, (error, octets) => results.push(error ?? octets))).toBeNull()
    input.fill(0)
    let pauses = 0
    for (; steps.length > 0; pauses++) steps.shift()?.()
    expect(pauses).toBeGreaterThanOrEqual(10)
    expect(message.equals(results[0] as Uint8Array)).toBe(true)
    expect(results.length).toBe(1)
    expect(hexOf(inflater.inflate(octetsOf('00'), true, 0, unused) as Uint8Array)).toBe('')
  })

  test('stops at a limit or at corrupt data in a later slice', () => {
    const { inflater, steps } = paused()
    const errors: (Error | null)[] = []
    const corrupt = Uint8Array.from(compressed)
    corrupt.fill(0xff, compressed.length - 50)
    for (const [octets, maxLength] of [
      [compressed, message.length - 1],
      [corrupt, Infinity]
    ] as const) {
      expect(inflater.inflate(octets, true, maxLength, (error) => errors.push(error))).toBeNull()
      while (steps.length > 0) steps.shift()?.()
    }
    expect(errors).toMatchObject([{ code: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' }, { code: 'Z_DATA_ERROR' }])
  })

  test('ends with an error when the connection closes, and never again', () => {
    const { inflater, steps } = paused()
    const errors: (Error | null)[] = []
    inflater.inflate(compressed, true, Infinity, (error) => errors.push(error))
    inflater.close()
    expect(errors).toMatchObject([{ message: 'The deflate stream was closed while data was being processed' }])
    for (const step of steps.splice(0)) step()
    inflater.close()
    expect([errors.length, steps.length]).toEqual([1, 0])
  })
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
