import { expect, test } from 'vitest'
import { instantiate } from '../../src/codecs/wasm-engine.js'
import type { Engine } from '../../src/codecs/wasm-engine.js'
import type { Deflater, Inflater } from '../../src/core/codec.js'
import { chat, codec, market, noise, options, randomFrom, unused } from './wasm-support.js'

/** Connections with takeover: what each sends comes back as it was. */
function open(count: number, windowBits = 15, level?: number) {
  return Array.from({ length: count }, () => ({
    deflater: codec.createDeflater(options(windowBits, false, level)),
    inflater: codec.createInflater(options(windowBits))
  }))
}

function send(connection: { deflater: Deflater; inflater: Inflater }, message: Buffer): Uint8Array {
  const compressed = connection.deflater.deflate(message, true, unused) as Uint8Array
  const back = connection.inflater.inflate(compressed, true, message.length, unused)
  expect(message.equals(back as Uint8Array)).toBe(true)
  return compressed
}

/** How often the module deflates while `run` is run. */
function deflations(run: () => void): number {
  const engine = instantiate() as Engine
  const module = engine.module as unknown as Record<string, (...values: number[]) => number>
  let count = 0
  const counting = { ...module }
  for (const name of ['deflate', 'deflateSets']) counting[name] = (...values) => (count++, module[name](...values))
  const field = engine as unknown as { module: unknown }
  field.module = counting
  try {
    run()
  } finally {
    field.module = module
  }
  return count
}

test('a message to many connections with the same history is deflated once, with the octets that it has for one', () => {
  const random = randomFrom(11)
  for (const noContextTakeover of [false, true]) {
    const alone = codec.createDeflater(options(15, noContextTakeover))
    const different = codec.createDeflater(options(15, noContextTakeover))
    const others = Array.from({ length: 100 }, () => codec.createDeflater(options(15, noContextTakeover)))
    for (let i = 0; i < 30; i++) {
      const message = (i % 2 ? chat : market)(random, 200 + i * 40)
      const expected = alone.deflate(message, true, unused) as Uint8Array
      different.deflate(noise(10, i + 1), true, unused)
      const results: Uint8Array[] = []
      const count = deflations(() => {
        for (const other of others) results.push(other.deflate(message, true, unused) as Uint8Array)
      })
      expect(count).toBe(1)
      for (const result of results) expect(Buffer.compare(result, expected)).toBe(0)
      expect(results[99].buffer.byteLength).toBe(expected.length)
    }
  }
})

test('connections that had the same messages for a window share what they get again', () => {
  const random = randomFrom(12)
  const connections = open(20)
  // each begins with something else
  for (const [i, connection] of connections.entries()) send(connection, chat(random, 300 + i))
  const counts = []
  for (let i = 0; i < 40; i++) {
    const message = chat(random, 1000)
    counts.push(deflations(() => connections.forEach((connection) => send(connection, message))))
  }
  expect(counts.slice(0, 16)).toEqual(new Array(16).fill(20))
  expect(counts.slice(-5)).toEqual(new Array(5).fill(1))
})

test('windows and levels in turns are deflated once each', () => {
  const connections = Array.from({ length: 10 }, () => [...open(1, 9), ...open(1, 12), ...open(1, 15), ...open(1, 15, 9)]).flat()
  const random = randomFrom(13)
  for (let i = 0; i < 10; i++) {
    const message = market(random, 900)
    expect(deflations(() => connections.forEach((connection) => send(connection, message)))).toBe(4)
  }
})

test.each([16_385, 20_000, 65_536])(
  'a message of %i octets is deflated once for all who have something before it, and costs few octets more',
  (length) => {
    const random = randomFrom(15)
    const [alone, ...connections] = open(50)
    for (const [i, connection] of [alone, ...connections].entries()) {
      for (let k = 0; k < 20; k++) send(connection, market(random, 700 + i))
    }
    const others = [...open(1, 12), ...open(1, 15, 1)]
    const message = market(random, length)
    const own = send(alone, message).length
    const sizes: number[] = []
    expect(deflations(() => connections.forEach((connection) => sizes.push(send(connection, message).length)))).toBe(1)
    expect(new Set(sizes).size).toBe(1)
    expect(sizes[0] / own).toBeLessThan(1.125)
    expect(deflations(() => others.forEach((connection) => send(connection, message)))).toBe(2)

    // the plain text is in each history: a smaller message out of it refers to it
    const part = message.subarray(-900)
    const counts = connections.map((connection) => {
      let size = 0
      const count = deflations(() => (size = send(connection, part).length))
      expect(size).toBeLessThan(20)
      return count
    })
    // and by now that is the same for all
    expect(counts).toEqual([1, ...counts.slice(1).fill(0)])
  }
)

test('a message that one connection gets twice may refer to itself, where it is in reach', () => {
  for (const [length, level] of [
    [12_000, 6],
    [16_384, 6],
    [16_384, 9]
  ]) {
    const [connection] = open(1, 15, level)
    const message = noise(length)
    send(connection, message)
    expect(send(connection, message).length).toBeLessThan(400)
  }
})

test('a dictionary is used by all whose own it is', () => {
  const message = noise(20_000)
  const zlib = { dictionary: message.subarray(0, 10_000) }
  for (let i = 0; i < 3; i++) {
    const deflater = codec.createDeflater({ ...options(15, i === 2), zlib })
    expect((deflater.deflate(message, true, unused) as Uint8Array).length).toBeLessThan(11_000)
  }
})

test('a Buffer that has changed between two sends is deflated as it is', () => {
  const random = randomFrom(16)
  for (const length of [500, 30_000]) {
    const connections = open(10)
    for (const connection of connections) send(connection, chat(random, 300))
    const message = market(random, length)
    for (const [i, connection] of connections.entries()) {
      send(connection, message)
      message[(i * 977) % length] ^= 1
    }
  }
})

test('whatever is sent to whom, each connection gets its own', () => {
  const random = randomFrom(14)
  const connections = [...open(5), ...open(3, 9), ...open(3, 11, 1), ...open(3, 15, 8), ...open(150)]
  const others = codec.createDeflater(options(15, true))
  for (let i = 0; i < 1500; i++) {
    const message = random(3)
      ? chat(random, 1 + random(2000))
      : random(4)
        ? noise(random(300), i + 1)
        : market(random, 8193 + random(62_000))
    const kind = random(6)
    if (kind === 0) send(connections[random(connections.length)], message)
    else if (kind === 1) others.deflate(message, true, unused)
    else {
      const from = random(connections.length)
      const end = random(20) ? from + random(12) : connections.length
      for (const connection of connections.slice(from, end)) send(connection, message)
    }
    if (random(10) === 0) {
      const at = random(5)
      connections[at].deflater.close()
      connections[at] = open(1)[0]
    }
  }
})
