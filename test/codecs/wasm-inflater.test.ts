import { constants, createDeflateRaw, deflateRawSync } from 'node:zlib'
import { describe, expect, test, vi } from 'vitest'
import { createWasmCodec } from '../../src/codecs/wasm.js'
import { closeCodeOf } from '../../src/core/errors.js'
import { base64Decode } from '../../src/core/base64.js'
import type { DeflateCodec } from '../../src/core/codec.js'
import { instantiate } from '../../src/codecs/wasm-engine.js'
import base64, { pages } from '../../src/wasm/codec.js'
import { fuzzDeflate } from '../fuzz/deflate.mjs'
import { chat, codec, corpus, noise, options, randomFrom, unused } from './wasm-support.js'

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex')
}

function text(result: Uint8Array | Error | null): string {
  if (result === null || result instanceof Error) throw result ?? new Error('not at once')
  return Buffer.from(result).toString('latin1')
}

test('reads what zlib writes with context takeover, at every level, strategy and window', async () => {
  for (const windowBits of [9, 10, 11, 12, 13, 14, 15]) {
    for (const level of [0, 1, 6, 9]) {
      for (const strategy of [0, 1, 2, 3, 4]) {
        const stream = createDeflateRaw({ windowBits, level, strategy })
        const chunks: Buffer[] = []
        stream.on('data', (chunk: Buffer) => chunks.push(chunk))
        const inflater = codec.createInflater(options(windowBits))
        for (const message of [...corpus(300, level + 1), ...corpus(5000, level + 1)]) {
          stream.write(message)
          await new Promise<void>((resolve) => stream.flush(constants.Z_SYNC_FLUSH, resolve))
          const compressed = Buffer.concat(chunks.splice(0)).subarray(0, -4)
          expect(message.equals(inflater.inflate(compressed, true, message.length, unused) as Uint8Array)).toBe(true)
        }
        inflater.close()
        stream.close()
      }
    }
  }
}, 60_000)

describe('the peer must keep to its window (RFC 7692 §7.1.2)', () => {
  test.each([8, 9, 12, 15])('%i bits: a distance of exactly the window is good, one more is not', (windowBits) => {
    const size = 2 ** windowBits
    for (const [distance, good, far] of [
      [size, true, false],
      [size + 1, false, false],
      [size, true, true],
      [size + 1, false, true]
    ] as const) {
      if (distance > 32768) continue
      const inflater = codec.createInflater(options(windowBits))
      const history = noise(size + 100)
      inflater.inflate(deflateRawSync(history, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4), true, Infinity, unused)
      // a fixed block: length 3, and the distance in code and extra bits (RFC 1951 §3.2.5)
      const code = 2 * Math.floor(Math.log2(distance - 1)) + (((distance - 1) >> (Math.floor(Math.log2(distance - 1)) - 1)) & 1)
      const extra = (code >> 1) - 1
      const base = ((2 + (code & 1)) << extra) + 1
      let bits = '0100000001' + code.toString(2).padStart(5, '0')
      for (let i = 0; i < extra; i++) bits += ((distance - base) >> i) & 1
      bits += '0000000000'
      const octets = Buffer.alloc(Math.ceil(bits.length / 8))
      for (let i = 0; i < bits.length; i++) octets[i >> 3] |= Number(bits[i]) << (i & 7)
      // with a stored block behind it, so that the end of the input is far or near
      const more = far ? Buffer.concat([hex('28 00 d7 ff'), noise(40), hex('00')]) : hex('')
      const result = inflater.inflate(Buffer.concat([octets, more]), true, 43, unused)
      if (good)
        expect(
          Buffer.from(result as Uint8Array)
            .subarray(0, 3)
            .equals(history.subarray(100, 103))
        ).toBe(true)
      else expect(result).toMatchObject({ message: 'invalid distance too far back', code: 'Z_DATA_ERROR', errno: -3 })
    }
  })
})

test('examples of RFC 7692 §7.2.3 in any fragmentation', () => {
  for (const [example, message] of [
    ['f2 48 cd c9 c9 07 00', 'Hello'],
    ['00 05 00 fa ff 48 65 6c 6c 6f 00', 'Hello'],
    ['f3 48 cd c9 c9 07 00 00', 'Hello'],
    ['f2 48 05 00 00 00 ff ff ca c9 c9 07 00', 'Hello'],
    ['00', '']
  ]) {
    const octets = hex(example)
    for (let one = 0; one <= octets.length; one++) {
      for (let two = one; two <= octets.length; two++) {
        const inflater = codec.createInflater(options())
        let output = text(inflater.inflate(octets.subarray(0, one), false, 5, unused))
        output += text(inflater.inflate(octets.subarray(one, two), false, 5, unused))
        output += text(inflater.inflate(octets.subarray(two), true, 5, unused))
        expect(output).toBe(message)
        inflater.close()
      }
    }
  }
})

test('a message split at any octet of a dynamic block, its header included', () => {
  const message = chat(randomFrom(9), 3000)
  const compressed = deflateRawSync(message, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4)
  for (let split = 0; split <= compressed.length; split++) {
    const inflater = codec.createInflater(options(15, (split & 1) === 0))
    const first = inflater.inflate(compressed.subarray(0, split), false, 3000, unused) as Uint8Array
    const second = inflater.inflate(compressed.subarray(split), true, 3000 - first.length, unused) as Uint8Array
    expect(Buffer.concat([first, second]).equals(message)).toBe(true)
    inflater.close()
  }
})

test('what follows a final block in the same message is ignored, in later fragments too (RFC 7692 §7.2.3.4)', () => {
  const final = hex('f3 48 cd c9 c9 07 00')
  const inflater = codec.createInflater(options())
  expect(text(inflater.inflate(final, false, 5, unused))).toBe('Hello')
  expect(text(inflater.inflate(hex(''), false, 5, unused))).toBe('')
  expect(text(inflater.inflate(final, true, 5, unused))).toBe('')
  expect(text(inflater.inflate(Buffer.concat([final, final]), true, 5, unused))).toBe('Hello')
  // and the history went with it
  expect(inflater.inflate(hex('f2 00 11 00 00'), true, 5, unused)).toMatchObject({ message: 'invalid distance too far back' })
})

test('an octet a fragment gives each octet of output as soon as it can be known', () => {
  const message = noise(500)
  const compressed = codec.createDeflater(options()).deflate(message, true, unused) as Uint8Array
  const inflater = codec.createInflater(options())
  const lengths = Array.from(compressed, (_, i) => {
    const part = inflater.inflate(compressed.subarray(i, i + 1), i === compressed.length - 1, 500, unused) as Uint8Array
    return part.length
  })
  // a stored block: header, then octet by octet
  expect(lengths).toEqual([0, 0, 0, 0, 0, ...new Array<number>(500).fill(1), 0])
})

test('a fragment within a block moves no window and carries no state, unless another connection came in between', () => {
  const engine = instantiate()!
  const message = chat(randomFrom(3), 40_000)
  const compressed = deflateRawSync(message, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4)
  const inflater = codec.createInflater(options())
  inflater.inflate(compressed, true, Infinity, unused)
  let at = 0
  let length = 0
  const fragment = (): void => {
    length += (inflater.inflate(compressed.subarray(at, ++at), false, Infinity, unused) as Uint8Array).length
  }
  while (at < 3000) fragment()

  const [copyWithin, slice, set] = (['copyWithin', 'slice', 'set'] as const).map((name) => vi.spyOn(engine.octets, name))
  length = 0
  for (let i = 0; i < 500; i++) fragment()
  // The window slides once for each 16 KiB
  const slides = 1 + (length >> 14)
  expect(copyWithin.mock.calls.length).toBeLessThanOrEqual(slides)
  expect(slice).not.toHaveBeenCalled()
  for (const [octets] of set.mock.calls) expect((octets as Uint8Array).length).toBe(1)

  // Its state is carried out and back once for each time that another one is there
  const other = codec.createInflater(options())
  for (let i = 0; i < 10; i++) {
    other.inflate(hex('f2 48 cd c9 c9 07 00'), true, 5, unused)
    for (let j = 0; j < 20; j++) fragment()
  }
  expect(copyWithin.mock.calls.length).toBeLessThanOrEqual(slides + 1)
  expect(slice.mock.calls).toEqual(Array.from({ length: 10 }, () => [engine.state, engine.state + engine.stateSize]))
  vi.restoreAllMocks()
  inflater.close()
  other.close()
})

test('corrupt data in one connection leave the others as they were', () => {
  const inflaters = Array.from({ length: 5 }, () => codec.createInflater(options()))
  const deflater = codec.createDeflater(options())
  const random = randomFrom(5)
  for (let i = 0; i < 50; i++) {
    const message = chat(random, 400)
    const compressed = deflater.deflate(message, true, unused) as Uint8Array
    for (const inflater of inflaters)
      expect(message.equals(inflater.inflate(compressed, true, 400, unused) as Uint8Array)).toBe(true)
    const error = codec.createInflater(options()).inflate(noise(300, i + 1).fill(0xff, 0, 1), true, 1e6, unused) as Error
    expect(error).toMatchObject({ message: 'invalid block type', code: 'Z_DATA_ERROR', errno: -3 })
    expect(closeCodeOf(error)).toBe(1007)
  }
})

describe('a limit', () => {
  const bomb = deflateRawSync(Buffer.alloc(64 << 20), { level: 9, finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4)

  test('holds for bombs, with no more allocated than it allows', () => {
    for (const limit of [0, 1, 255, 256, 257, 8192, 8193, 262143, 262144, 262145, 1_000_000]) {
      for (const noContextTakeover of [false, true]) {
        let allocated = 0
        const counting = createWasmCodec({
          allocate: (length) => {
            allocated += length
            return new Uint8Array(length)
          },
          copy: (octets, start, end) => {
            allocated += end - start
            return octets.slice(start, end)
          }
        }) as DeflateCodec
        const inflater = counting.createInflater(options(15, noContextTakeover))
        const error = inflater.inflate(bomb, true, limit, unused) as Error
        expect(error).toBeInstanceOf(RangeError)
        expect(closeCodeOf(error)).toBe(1009)
        expect(allocated).toBeLessThanOrEqual(limit)
        expect(text(inflater.inflate(hex('f2 48 cd c9 c9 07 00'), true, 5, unused))).toBe('Hello')
      }
    }
  })

  test('of exactly the length is none', () => {
    for (const noContextTakeover of [false, true]) {
      for (const message of [...corpus(300), ...corpus(8192), ...corpus(9000), ...corpus(300_000)]) {
        const compressed = deflateRawSync(message, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4)
        const inflater = codec.createInflater(options(15, noContextTakeover))
        expect(inflater.inflate(compressed, true, message.length - 1, unused)).toBeInstanceOf(RangeError)
        expect(message.equals(inflater.inflate(compressed, true, message.length, unused) as Uint8Array)).toBe(true)
        inflater.close()
      }
    }
  })
})

test('a thousand connections in turns, most of them without a slot, keep their histories apart', () => {
  const random = randomFrom(11)
  const connections = Array.from({ length: 1000 }, (_, i) => {
    const windowBits = 8 + (i % 8)
    return { deflater: codec.createDeflater(options(windowBits)), inflater: codec.createInflater(options(windowBits)) }
  })
  let sizes = 0
  for (let i = 0; i < 6000; i++) {
    const index = random(connections.length)
    const { deflater, inflater } = connections[index]
    const message = Buffer.concat([Buffer.from(`connection ${index} `.repeat(3)), chat(random, 300)])
    const compressed = deflater.deflate(message, true, unused) as Uint8Array
    if (i >= 5000) sizes += compressed.length / message.length
    expect(message.equals(inflater.inflate(compressed, true, 1000, unused) as Uint8Array)).toBe(true)
  }
  expect(sizes / 1000).toBeLessThan(0.55)
  for (const { deflater, inflater } of connections) {
    deflater.close()
    inflater.close()
  }
})

test('the module writes to its regions only, whatever it is given', () => {
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(base64Decode(base64)), { env: { memory } })
  const at = (name: string): number => (exports[name] as WebAssembly.Global).value
  const guard = at('GUARD')
  // guards lie before these, and at the end of each slot
  const regions = [
    'STATE LITLEN_TABLE DISTANCE_TABLE PRECODE_TABLE BUILD_COUNTS FREQUENCIES LITLEN_LENGTHS LITLEN_CODES RUNS BUCKETS',
    'PENDING_BITS TOKENS OUTPUT LARGE_INFLATE LARGE_DEFLATE LARGE_PREVIOUS DEFLATE_SLOTS'
  ]
  const guards = regions.flatMap((names) => names.split(' ').map((name) => at(name) - guard))
  for (const kind of ['INFLATE', 'DEFLATE']) {
    for (let i = 1; i <= at(`${kind}_SLOT_COUNT`); i++) guards.push(at(`${kind}_SLOTS`) + i * at(`${kind}_SLOT_SIZE`) - guard)
  }
  const engine = instantiate()
  if (engine === null) throw new Error('no engine')
  const pattern = noise(guard)
  for (const guardStart of guards) engine.octets.set(pattern, guardStart)
  // what lies below all regions, too
  engine.octets.set(noise(1024), 0)
  fuzzDeflate(codec, 2500, 4711)
  const open = Array.from({ length: 130 }, () => [codec.createDeflater(options()), codec.createInflater(options())] as const)
  for (const [deflater, inflater] of open) {
    for (const message of corpus(8192, 3))
      inflater.inflate(deflater.deflate(message, true, unused) as Uint8Array, true, 8192, unused)
  }
  for (const guardStart of guards) {
    expect(pattern.equals(engine.octets.subarray(guardStart, guardStart + guard)), `guard at ${guardStart}`).toBe(true)
  }
  expect(noise(1024).equals(engine.octets.subarray(0, 1024))).toBe(true)
  for (const pair of open) for (const end of pair) end.close()
}, 30_000)
