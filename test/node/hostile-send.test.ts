import vm from 'node:vm'
import { describe, expect, test } from 'vitest'
import { attach, eventsOf, eventually, link, linkInMemory, streamPair, turns } from './support/links.js'
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
