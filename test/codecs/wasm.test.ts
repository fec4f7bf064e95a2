import * as pako from 'pako'
import { describe, expect, test } from 'vitest'
import { createPakoCodec } from '../../src/codecs/pako.js'
import { createWasmCodec } from '../../src/codecs/wasm.js'
import type { DeflateCodec } from '../../src/core/codec.js'
import { fuzzDeflate } from '../fuzz/deflate.mjs'
import { testConformance } from './conformance.js'
import { chat, codec, options, randomFrom, unused } from './wasm-support.js'

describe('at once', () => testConformance(codec))
describe('with pauses', () => testConformance(createWasmCodec({ defer: setImmediate }) as DeflateCodec))

test('has the verdicts and octets of zlib, both ways, for streams valid and not', () => {
  fuzzDeflate(codec, 4000, 20260725)
}, 30_000)

test('makes no octet of its memory part of a result, and results of exact size', () => {
  const random = randomFrom(1)
  const deflater = codec.createDeflater(options())
  const inflater = codec.createInflater(options())
  for (let i = 0; i < 20; i++) {
    const compressed = deflater.deflate(chat(random, 700), true, unused) as Uint8Array
    const message = inflater.inflate(compressed, true, 1000, unused) as Uint8Array
    expect(compressed.buffer.byteLength).toBe(compressed.length)
    expect(message.buffer.byteLength).toBe(700)
  }
})

/** A message as pako compresses it. */
function byPakoOf(octets: Uint8Array): Uint8Array {
  return createPakoCodec(() => pako)
    .createDeflater(options())
    .deflate(octets, true, unused) as Uint8Array
}

test('takes arrays from the runtime', () => {
  const lent = createWasmCodec({
    allocate: (length) => Buffer.alloc(length),
    copy: (octets, start, end) => Buffer.from(octets.subarray(start, end))
  }) as DeflateCodec
  const small = lent.createDeflater(options()).deflate(Buffer.from('Hello'), true, unused)
  const large = lent.createDeflater(options()).deflate(Buffer.alloc(200_000, 'Hello'), true, unused) as Uint8Array
  expect(small).toBeInstanceOf(Buffer)
  expect(large).toBeInstanceOf(Buffer)
  expect(lent.createInflater(options()).inflate(large, true, Infinity, unused)).toEqual(Buffer.alloc(200_000, 'Hello'))
})

describe('with pauses, a large message', () => {
  const input = Buffer.concat(Array.from({ length: 1000 }, (_, i) => chat(randomFrom(i + 1), 1000)))

  /** A codec whose pauses end when the test says so. */
  function paused(): { codec: DeflateCodec; steps: (() => void)[] } {
    const steps: (() => void)[] = []
    return { codec: createWasmCodec({ defer: (callback) => steps.push(callback) }) as DeflateCodec, steps }
  }

  test('is worked on in slices, with its input valid during the call only where it is inflated', () => {
    const { codec, steps } = paused()
    let compressed: Uint8Array = new Uint8Array(0)
    const deflater = codec.createDeflater(options())
    expect(deflater.deflate(input, true, (error, octets) => (compressed = octets))).toBeNull()
    let slices = 0
    for (; steps.length > 0; slices++) steps.shift()?.()
    expect(slices).toBeGreaterThanOrEqual(15)

    let message: Uint8Array | null = null
    const received = Uint8Array.from(compressed)
    expect(codec.createInflater(options()).inflate(received, true, input.length, (error, octets) => (message = octets))).toBeNull()
    received.fill(0)
    for (slices = 0; steps.length > 0; slices++) steps.shift()?.()
    expect(slices).toBeGreaterThanOrEqual(3)
    expect(input.equals(message as unknown as Uint8Array)).toBe(true)
  })

  test('is inflated from where it is, where it is said to stay there', () => {
    const { codec, steps } = paused()
    const received = createPakoCodec(() => pako)
      .createDeflater(options())
      .deflate(input, true, unused) as Uint8Array
    const results: unknown[] = []
    const begin = (): Uint8Array | Error | null => {
      const inflater = codec.createInflater(options())
      return inflater.inflate(received, true, input.length, (error, octets) => results.push(error ?? octets), true)
    }
    expect(begin()).toBeNull()
    while (steps.length > 0) steps.shift()?.()
    expect(input.equals(results[0] as Uint8Array)).toBe(true)

    // a copy would not have noticed
    expect(begin()).toBeNull()
    received.fill(0xff, received.length >> 1)
    while (steps.length > 0) steps.shift()?.()
    expect(results[1]).toMatchObject({ code: 'Z_DATA_ERROR' })
  })

  test('leaves room for others between its slices', () => {
    const { codec, steps } = paused()
    const results: Uint8Array[] = []
    const deflaters = Array.from({ length: 3 }, () => codec.createDeflater(options()))
    const inflaters = deflaters.map(() => codec.createInflater(options()))
    for (const [i, deflater] of deflaters.entries()) deflater.deflate(input.subarray(i), true, (_, octets) => (results[i] = octets))
    const small = codec.createDeflater(options())
    const smallInflater = codec.createInflater(options())
    const between = (): void => {
      const message = chat(randomFrom(steps.length + 1), 500)
      const compressed = small.deflate(message, true, unused) as Uint8Array
      expect(message.equals(smallInflater.inflate(compressed, true, 500, unused) as Uint8Array)).toBe(true)
    }
    for (; steps.length > 0; between()) steps.shift()?.()
    const messages: Uint8Array[] = []
    for (const [i, inflater] of inflaters.entries()) inflater.inflate(results[i], true, 1e6, (_, octets) => (messages[i] = octets))
    for (; steps.length > 0; between()) steps.shift()?.()
    for (const [i, message] of messages.entries()) expect(input.subarray(i).equals(message)).toBe(true)
  })

  test('stops at a limit or at corrupt data', () => {
    const { codec: later, steps } = paused()
    const compressed = codec.createDeflater(options()).deflate(input, true, unused) as Uint8Array
    const errors: (Error | null)[] = []
    const note = (error: Error | null): number => errors.push(error)
    expect(later.createInflater(options()).inflate(compressed, true, 600_000, note)).toBeNull()
    for (; steps.length > 0;) steps.shift()?.()
    const corrupt = Uint8Array.from(compressed)
    corrupt.fill(0xff, compressed.length - 100)
    expect(later.createInflater(options()).inflate(corrupt, true, Infinity, note)).toBeNull()
    for (; steps.length > 0;) steps.shift()?.()
    expect(errors).toMatchObject([{ code: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' }, { code: 'Z_DATA_ERROR' }])
  })

  test('gives up when its memory is gone, and is then as if it had not been (RFC 7692 §7.2.1)', () => {
    for (const noContextTakeover of [false, true]) {
      const { codec: later, steps } = paused()
      const deflater = later.createDeflater(options(15, noContextTakeover))
      const inflater = codec.createInflater(options(15, noContextTakeover))
      const large = Uint8Array.from(input)
      const errors: (Error | null)[] = []
      expect(deflater.deflate(large, true, (error) => errors.push(error))).toBeNull()
      for (let i = 0; i < 5; i++) steps.shift()?.()
      structuredClone(large.buffer, { transfer: [large.buffer] })
      expect(errors).toEqual([])
      while (steps.length > 0) steps.shift()?.()
      expect(errors).toMatchObject([{ code: 'WS_ERR_PAYLOAD_DETACHED' }])
      const message = input.subarray(0, 3000)
      const compressed = deflater.deflate(message, true, unused) as Uint8Array
      expect(message.equals(inflater.inflate(compressed, true, 3000, unused) as Uint8Array)).toBe(true)
    }
  })

  test('pauses where it is short but takes long: many blocks with codes of their own, or much output', () => {
    // An empty block with a dynamic code, and an empty stored one behind it, by which it ends with an octet
    const blocks = Buffer.concat(Array.from({ length: 3800 }, () => Buffer.from('04c0010900000080a0ffa74b000000ffff', 'hex')))
    const bomb = byPakoOf(Buffer.alloc(2 << 20))
    for (const [compressed, length, least] of [
      [blocks, 0, 7],
      [bomb, 2 << 20, 7]
    ] as const) {
      const { codec: later, steps } = paused()
      const results: unknown[] = []
      const result = later
        .createInflater(options())
        .inflate(compressed, true, Infinity, (error, octets) => results.push(error ?? octets))
      expect(result).toBeNull()
      let pauses = 0
      for (; steps.length > 0; pauses++) steps.shift()?.()
      expect(pauses).toBeGreaterThanOrEqual(least)
      expect(results).toEqual([new Uint8Array(length)])
    }
  })

  test('ends with an error when the connection closes, and never again', () => {
    const { codec: later, steps } = paused()
    const compressed = codec.createDeflater(options()).deflate(input, true, unused) as Uint8Array
    const errors: (Error | null)[] = []
    const note = (error: Error | null): number => errors.push(error)
    const deflater = later.createDeflater(options())
    const inflater = later.createInflater(options())
    deflater.deflate(input, true, note)
    inflater.inflate(compressed, true, Infinity, note)
    deflater.close()
    inflater.close()
    expect(errors).toMatchObject([
      { message: 'The deflate stream was closed while data was being processed' },
      { message: 'The deflate stream was closed while data was being processed' }
    ])
    // each looks once whether it is still wanted
    expect(steps.length).toBe(2)
    for (const step of steps.splice(0)) step()
    expect(steps.length).toBe(0)
    deflater.close()
    expect(errors.length).toBe(2)
  })
})
