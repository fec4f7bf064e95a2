import vm from 'node:vm'
import { describe, expect, test } from 'vitest'
import WebSocket from '../../src/index.js'
import { isPlainBuffer, toBuffer } from '../../src/node/delivery/data.js'
import { streamPair } from '../support/stream-pair.js'
import { attach, eventsOf, eventually, link, linkInMemory, turns } from './support/links.js'
import { uncaughtDuring } from './support/uncaught.js'

describe('data that send refuses leaves the connection as it was', () => {
  const blob = (arrayBuffer: () => unknown): object => ({
    [Symbol.toStringTag]: 'Blob',
    size: 3,
    type: '',
    stream() {},
    arrayBuffer
  })
  const cases: [string, () => unknown][] = [
    ['a Proxy of a Buffer', () => new Proxy(Buffer.from('abc'), {})],
    [
      'a revoked Proxy',
      () => {
        const { proxy, revoke } = Proxy.revocable({}, {})
        revoke()
        return proxy
      }
    ],
    [
      'an array-like whose length throws',
      () => ({
        get length() {
          throw new Error('length')
        }
      })
    ],
    [
      'a Blob whose arrayBuffer throws',
      () =>
        blob(() => {
          throw new Error('arrayBuffer')
        })
    ],
    ['a symbol', () => Symbol('x')],
    ['a bigint', () => 5n],
    ['an empty object', () => ({})]
  ]
  for (const method of ['send', 'ping'] as const) {
    test.each(cases)(`${method}: %s`, async (_name, make) => {
      for (const role of ['server', 'client'] as const) {
        const both = linkInMemory()
        const sender = both[role]
        const receiver = both[role === 'server' ? 'client' : 'server']
        const received: string[] = []
        receiver.on('message', (data: Buffer) => received.push(data.toString()))
        expect(() => sender[method](make())).toThrow()
        sender.send('after')
        await turns(3)
        expect(received).toEqual(['after'])
        expect(sender.bufferedAmount).toBe(0)
      }
    })
  }
})

describe('octets that say of themselves what is not so', () => {
  /** An object of Node's pool, whose neighbours are others' data, with these properties. */
  const lying = (octets: object, lies: Record<string, unknown>): unknown => {
    for (const [name, lie] of Object.entries(lies)) {
      Object.defineProperty(octets, name, typeof lie === 'function' ? { get: lie as () => unknown } : { value: lie })
    }
    return octets
  }
  class Long extends Uint8Array {
    override get length(): number {
      return 400
    }
    override get byteLength(): number {
      return 400
    }
  }
  class Elsewhere extends Uint8Array {
    override get byteOffset(): number {
      return 0
    }
  }
  const memory = (size: number, before = ''): ArrayBuffer =>
    new Uint8Array(Buffer.from(before + 'truth'.repeat((size - before.length) / 5))).buffer
  /** What is sent, made of `size` octets of text. */
  const cases: [string, (size: number) => unknown][] = [
    ['a Buffer that says it is longer', (size) => lying(Buffer.alloc(size, 'truth'), { length: size + 400 })],
    ['a Buffer that says it is shorter', (size) => lying(Buffer.alloc(size, 'truth'), { length: 3 })],
    ['a Buffer whose length is a getter', (size) => lying(Buffer.alloc(size, 'truth'), { length: () => size + 400 })],
    ['a Buffer whose length is text', (size) => lying(Buffer.alloc(size, 'truth'), { length: 'long' })],
    [
      'a Buffer of the pool',
      (size) => lying(Buffer.from('truth'.repeat(size / 5)), { length: 8000, byteLength: 8000, byteOffset: 0 })
    ],
    ['a Buffer with a subarray of its own', (size) => lying(Buffer.alloc(size, 'truth'), { subarray: 'none' })],
    [
      'a Buffer of a class',
      (size) => {
        const prototype = Object.create(Buffer.prototype, { length: { get: () => size + 400 } }) as object
        return Object.setPrototypeOf(Buffer.alloc(size, 'truth'), prototype) as unknown
      }
    ],
    ['a Uint8Array that says it is longer', (size) => lying(new Uint8Array(memory(size)), { length: 400, byteLength: size + 400 })],
    ['a Uint8Array of a class', (size) => new Long(memory(size))],
    ['a Uint8Array that says it begins elsewhere', (size) => new Elsewhere(memory(size + 3, 'xxx'), 3, size)],
    ['other elements', (size) => lying(new Int8Array(memory(size)), { byteLength: size + 400, byteOffset: 2, buffer: null })],
    ['a DataView', (size) => lying(new DataView(memory(size + 10), 5, size), { byteLength: size + 400, byteOffset: 0 })],
    ['memory', (size) => lying(memory(size), { byteLength: 2 })]
  ]
  const sizes = [10, 100, 5000, 50_000]

  test('are found out, and what is honest is not looked at twice', () => {
    for (const size of sizes) {
      for (const honest of [Buffer.alloc(size), Buffer.from('x'.repeat(size)), Buffer.from(memory(size)).subarray(1, 3)]) {
        expect(toBuffer(honest)).toBe(honest)
        expect(isPlainBuffer(honest)).toBe(true)
      }
      for (const [, make] of cases) expect(isPlainBuffer(make(size))).toBe(false)
    }
  })

  test.each(cases)('are sent as they are: %s', async (_name, make) => {
    for (const perMessageDeflate of [false, { threshold: 0 }]) {
      const { server, client } = await link({ perMessageDeflate }, { perMessageDeflate })
      const received: string[] = []
      for (const ws of [server, client]) ws.on('message', (data: Buffer) => received.push(data.toString()))
      for (const ws of [server, client]) for (const size of sizes) ws.send(make(size))
      await eventually(() => received.length === 2 * sizes.length)
      const truths = sizes.map((size) => 'truth'.repeat(size / 5))
      expect([...received].sort()).toEqual([...truths, ...truths].sort())
    }
  })

  test.each(cases)('are pinged, ponged and framed as they are: %s', async (_name, make) => {
    const { server, client } = linkInMemory()
    const received: string[] = []
    const size = 10
    for (const event of ['ping', 'pong', 'message']) client.on(event, (data: Buffer) => received.push(data.toString()))
    server.ping(make(size))
    server.pong(make(size))
    server._sender!.send(make(size), { fin: true, binary: true })
    const piece = make(size)
    if (piece instanceof Uint8Array) {
      server._sender!.sendFrame([Buffer.from([0x82, size]), piece as Buffer])
      server._sender!.sendFrame(WebSocket.Sender.frame(piece as Buffer, { fin: true, opcode: 2 }))
    }
    server.close(1000, piece instanceof Uint8Array ? piece : 'truth')
    await turns(3)
    expect(received).toEqual(Array(piece instanceof Uint8Array ? 5 : 3).fill('truthtruth'))
  })

  test('are compressed, inflated and received as they are', async () => {
    const deflate = new WebSocket.PerMessageDeflate({ threshold: 0, isServer: true })
    deflate.accept([{}])
    const compressed = await new Promise<Buffer>((resolve) =>
      deflate.compress(lying(Buffer.from('truth'), { length: 400 }) as Buffer, true, (_, result) => resolve(result!))
    )
    const inflated = await new Promise<Buffer>((resolve) =>
      deflate.decompress(lying(compressed, { length: 400 }) as Buffer, true, (_, result) => resolve(result!))
    )
    deflate.cleanup()
    expect(inflated.toString()).toBe('truth')

    const receiver = new WebSocket.Receiver()
    const received: string[] = []
    receiver.on('message', (data: Buffer) => received.push(data.toString()))
    receiver.on('error', (error) => received.push(error.message))
    receiver.write(lying(Buffer.from('\x82\x05truth', 'latin1'), { length: 400 }))
    await turns(2)
    expect(received).toEqual(['truth'])
  })
})

describe("memory of the caller's", () => {
  const cases: [string, () => { data: unknown; octets: Uint8Array }][] = [
    ['a Buffer', () => same(Buffer.alloc(8192, 65))],
    ['a Uint8Array', () => same(new Uint8Array(8192).fill(65))],
    ['an ArrayBuffer', () => over(new ArrayBuffer(8192))],
    ['a SharedArrayBuffer', () => over(new SharedArrayBuffer(8192))],
    ['an ArrayBuffer of another realm', () => over(vm.runInNewContext('new ArrayBuffer(8192)') as ArrayBuffer)],
    ['a Uint8Array of another realm', () => same(vm.runInNewContext('new Uint8Array(8192).fill(65)') as Uint8Array)],
    [
      'an object whose valueOf is an ArrayBuffer',
      () => {
        const { data, octets } = over(new ArrayBuffer(8192))
        return { data: { valueOf: () => data }, octets }
      }
    ]
  ]
  function same(octets: Uint8Array): { data: unknown; octets: Uint8Array } {
    return { data: octets, octets }
  }
  function over(memory: ArrayBufferLike): { data: unknown; octets: Uint8Array } {
    return { data: memory, octets: new Uint8Array(memory).fill(65) }
  }

  test.each(cases)('is not masked in place: %s (§5.3)', async (_name, make) => {
    const { server, client } = linkInMemory()
    const received: Buffer[] = []
    server.on('message', (data: Buffer) => received.push(data))
    const { data, octets } = make()
    client.send(data)
    await turns(3)
    expect(received[0].equals(Buffer.alloc(8192, 65))).toBe(true)
    expect(octets.every((octet) => octet === 65)).toBe(true)
  })

  test.each([100, 4096, 4097, 8192, 100_000])(
    'may be used again when send has returned, while the socket takes all: %i octets',
    async (size) => {
      const { server, client } = await link()
      const received: Buffer[] = []
      client.on('message', (data: Buffer) => received.push(data))
      const octets = Buffer.alloc(size)
      for (const value of [1, 2, 3]) server.send(octets.fill(value))
      octets.fill(4)
      await eventually(() => received.length === 3)
      expect(received.map((data) => [data.length, data[0], data[size - 1]])).toEqual([
        [size, 1, 1],
        [size, 2, 2],
        [size, 3, 3]
      ])
    }
  )

  test.each([100, 8192, 100_000])('may be transferred when send has returned: %i octets', async (size) => {
    const { server, client } = await link()
    const received: number[] = []
    client.on('message', (data: Buffer) => received.push(data.length))
    const errors = await uncaughtDuring(async () => {
      const octets = new Uint8Array(size)
      server.send(octets)
      structuredClone(octets.buffer, { transfer: [octets.buffer] })
      server.send('next')
      await turns(3)
      server.send('last')
      await eventually(() => received.length === 3)
    })
    expect(errors).toEqual([])
    expect(received).toEqual([size, 4, 4])
  })
})

describe('arguments of other types', () => {
  test.each([['binary'], [true], [5], [Symbol('x')], [null]])('send takes %s for no options', async (options) => {
    const { server, client } = linkInMemory()
    const events = eventsOf(client)
    server.send('x', options as never)
    await turns(3)
    expect(events).toEqual(['message 1'])
  })
})

describe('generateMask', () => {
  test('may throw: nothing of the frame is sent, and what follows is not taken for its continuation (§5.4)', async () => {
    const [one, two] = streamPair()
    const server = attach(one, true)
    let fails = true
    const client = attach(two, false, {
      generateMask(mask: Buffer) {
        if (fails) throw new Error('mask')
        mask.fill(7)
      }
    })
    const received: string[] = []
    server.on('message', (data: Buffer) => received.push(data.toString()))
    server.on('error', (error: Error) => received.push(error.message))
    for (const send of [
      () => client.send('a'),
      () => client.send('b', { fin: false }),
      () => client.send(Buffer.alloc(9000)),
      () => client.ping()
    ]) {
      expect(send).toThrow('mask')
    }
    expect(() => client.send('begun', { fin: false })).toThrow('mask')
    fails = false
    client.send('good')
    await turns(3)
    expect(received).toEqual(['good'])
  })

  test('may send: the frames of one message are not torn apart (§5.4)', async () => {
    const [one, two] = streamPair()
    const server = attach(one, true)
    let nested = ''
    const client = attach(two, false, {
      generateMask(mask: Buffer) {
        mask.fill(7)
        const text = nested
        nested = ''
        if (text !== '') client.ping(text)
      }
    })
    const received: string[] = []
    for (const event of ['message', 'ping']) server.on(event, (data: Buffer) => received.push(`${event} ${data}`))
    server.on('error', (error: Error) => received.push(error.message))
    nested = '1'
    client.send('one')
    nested = '2'
    client.send('two', { fin: false })
    nested = '3'
    client.send(' three')
    await turns(3)
    expect([...received].sort()).toEqual(['message one', 'message two three', 'ping 1', 'ping 2', 'ping 3'])
  })
})
