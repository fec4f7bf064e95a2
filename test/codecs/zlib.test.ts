import { constants } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { Limiter } from '../../src/node/codecs/limiter.js'
import { createZlibCodec } from '../../src/node/codecs/zlib.js'
import { deflate, hexOf, inflate, octetsOf, testConformance, WITH_TAKEOVER, WITHOUT_TAKEOVER } from './conformance.js'

const HELLO = octetsOf('f2 48 cd c9 c9 07 00')
const CLOSED = 'The deflate stream was closed while data was being processed'

describe.each([1, 10])('zlib, %i jobs at a time', (concurrency) => testConformance(createZlibCodec(new Limiter(concurrency))))

const codec = createZlibCodec(new Limiter())

test('is never done during the call, but for an empty message', async () => {
  const deflater = codec.createDeflater(WITH_TAKEOVER)
  const inflater = codec.createInflater(WITH_TAKEOVER)
  await new Promise((resolve) => expect(deflater.deflate(Buffer.from('x'), true, resolve)).toBe(null))
  await new Promise((resolve) => expect(inflater.inflate(HELLO, true, 5, resolve)).toBe(null))
  expect(deflater.deflate(new Uint8Array(0), true, () => {})).not.toBe(null)
})

test('copies input of up to 4 KiB, and all to inflate, as its owner may change it before the work begins', async () => {
  for (const length of [1, 4096]) {
    const limiter = new Limiter(1)
    const later = createZlibCodec(limiter)
    let begin = (): void => {}
    limiter.add((release) => (begin = release))
    const input = Buffer.alloc(length, 'a')
    const compressed = deflate(later.createDeflater(WITH_TAKEOVER), input)
    const hello = Uint8Array.from(HELLO)
    const plain = inflate(later.createInflater(WITH_TAKEOVER), hello)
    input.fill('b')
    hello.fill(0xff)
    begin()
    expect(hexOf(await inflate(codec.createInflater(WITH_TAKEOVER), await compressed))).toBe('61'.repeat(length))
    expect(hexOf(await plain)).toBe('48656c6c6f')
  }
})

test('reads no memory but its own once the call has returned, and says so if there is no more', async () => {
  for (const [length, isLost] of [
    [200_000, false],
    [600_000, true]
  ] as const) {
    const deflater = codec.createDeflater(WITH_TAKEOVER)
    const memory = new ArrayBuffer(length)
    const result = deflate(deflater, new Uint8Array(memory)).catch((error: Error) => error)
    structuredClone(memory, { transfer: [memory] })
    const output = await result
    if (isLost) expect(output).toMatchObject({ code: 'WS_ERR_PAYLOAD_DETACHED' })
    else expect(await inflate(codec.createInflater(WITH_TAKEOVER), output as Uint8Array)).toEqual(Buffer.alloc(length))
    deflater.close()
  }
})

test('calls back with an error, once, when it is closed during work', async () => {
  const calls: unknown[] = []
  const record = (error: Error | null): void => void calls.push(error?.message)
  const deflater = codec.createDeflater(WITH_TAKEOVER)
  const inflater = codec.createInflater(WITH_TAKEOVER)
  deflater.deflate(Buffer.from('x'), true, record)
  deflater.close()
  inflater.inflate(HELLO, true, 5, record)
  inflater.close()
  expect(calls).toEqual([CLOSED, CLOSED])
  deflater.close()
  await deflate(codec.createDeflater(WITH_TAKEOVER), Buffer.alloc(1 << 16))
  expect(calls.length).toBe(2)
})

test('calls back with an error when it is closed while it waits for its turn, and gives its turn to the next', async () => {
  const narrow = createZlibCodec(new Limiter(1))
  const [first, second, third] = [0, 1, 2].map(() => narrow.createDeflater(WITH_TAKEOVER))
  const calls: unknown[] = []
  const running = deflate(first, Buffer.from('Hello'))
  second.deflate(Buffer.from('x'), true, (error) => void calls.push(error?.message))
  const waiting = deflate(third, Buffer.from('Hello'))
  second.close()
  expect(calls).toEqual([CLOSED])
  expect(hexOf(await running)).toBe('f248cdc9c90700')
  expect(hexOf(await waiting)).toBe('f248cdc9c90700')
  expect(calls.length).toBe(1)
})

test('gives a place back when its holder is closed, fails, or meets its limit', async () => {
  const limiter = new Limiter(1)
  const narrow = createZlibCodec(limiter)
  const closing = narrow.createDeflater(WITH_TAKEOVER)
  closing.deflate(Buffer.from('x'), true, () => {})
  closing.close()
  const inflater = narrow.createInflater(WITH_TAKEOVER)
  expect(await inflate(inflater, octetsOf('ff ff'))).toBeInstanceOf(Error)
  expect(await inflate(inflater, HELLO, true, 1)).toBeInstanceOf(Error)
  expect(hexOf(await inflate(inflater, HELLO))).toBe('48656c6c6f')
})

test('gives its place back before it calls back, whatever the callback does', async () => {
  const narrow = createZlibCodec(new Limiter(1))
  const order: string[] = []
  const deflater = narrow.createDeflater(WITH_TAKEOVER)
  const closing = narrow.createDeflater(WITH_TAKEOVER)
  closing.deflate(Buffer.from('x'), true, () => {
    order.push('first')
    throw new Error('of the callback')
  })
  const second = deflate(deflater, Buffer.from('Hello')).then(() => order.push('second'))
  expect(() => closing.close()).toThrow('of the callback')
  await second
  expect(order).toEqual(['first', 'second'])
})

test('passes the options of zlib on, but for the window', async () => {
  const seen = await deflate(
    codec.createDeflater({ ...WITH_TAKEOVER, zlib: { strategy: constants.Z_HUFFMAN_ONLY } }),
    Buffer.alloc(500, 'a')
  )
  const usual = await deflate(codec.createDeflater(WITH_TAKEOVER), Buffer.alloc(500, 'a'))
  expect(seen.length).toBeGreaterThan(usual.length)
  const small = codec.createDeflater({ ...WITH_TAKEOVER, windowBits: 9, zlib: { windowBits: 15 } })
  const far = Buffer.concat([Buffer.from('a string to find again'), Buffer.alloc(1000), Buffer.from('a string to find again')])
  const wide = codec.createDeflater(WITH_TAKEOVER)
  expect((await deflate(small, far)).length).toBeGreaterThan((await deflate(wide, far)).length)
})

test('sends whole messages also where the user chose how writes are flushed', async () => {
  for (const flush of [constants.Z_NO_FLUSH, constants.Z_PARTIAL_FLUSH, constants.Z_SYNC_FLUSH, constants.Z_FULL_FLUSH]) {
    const options = { ...WITHOUT_TAKEOVER, zlib: { flush } }
    const deflater = codec.createDeflater(options)
    const inflater = codec.createInflater(options)
    for (let i = 0; i < 3; i++) {
      expect(hexOf(await inflate(inflater, await deflate(deflater, Buffer.from('Hello'))))).toBe('48656c6c6f')
    }
  }
})
