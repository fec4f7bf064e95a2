// Messages one by one: `for await (const message of ws)`.

import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import WebSocket from '../../src/index.js'
import { kDelivery } from '../../src/node/runtime/symbols.js'
import { HELD_FOR_LOOP } from '../../src/node/links/link.js'
import { connectRaw, requestOctets } from '../support/raw-peer.js'
import { buildFrame, type FrameFields, TEST_KEY } from '../support/frames.js'
import { attach, link, linkRaw, listen, type Options, type Socket } from './support/links.js'
import { slowPair } from '../support/slow-pair.js'
import { transports } from './support/transports.js'

type Message = string | Buffer

async function take(ws: Socket, count = Infinity): Promise<Message[]> {
  const messages: Message[] = []
  if (count === 0) return messages
  for await (const message of ws) {
    messages.push(message)
    if (messages.length === count) break
  }
  return messages
}

const clientFrame = (fields: FrameFields): Buffer => buildFrame({ key: TEST_KEY, opcode: 1, ...fields })
const isHeld = (ws: Socket): boolean => ws[kDelivery]!.link.isHeldFor(HELD_FOR_LOOP)
const numbers = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => String(from + i))

/** Resolves when nothing has come for some turns of the event loop, in which the peer's octets would have. */
async function quiet(ws: Socket): Promise<void> {
  for (let still = 0, last = -1; still < 20; still++) {
    const { bytesRead } = ws._socket as unknown as { bytesRead: number }
    if (bytesRead !== last) still = 0
    last = bytesRead
    await new Promise(setImmediate)
  }
}

describe.each(Object.keys(transports))('over %s', (transport) => {
  test.each<[string, Options]>([
    ['without compression', { perMessageDeflate: false }],
    ['with compression', { perMessageDeflate: true }],
    ['with compression in threads', { perMessageDeflate: { codec: 'zlib' } }]
  ])(
    'a loop gets all messages in order, text as strings and binary as Buffers, and ends with the connection, %s',
    async (_, options) => {
      const { server, client } = await transports[transport](options, options)
      const sent: Message[] = []
      for (let i = 0; i < 2000; i++) sent.push(i % 3 === 0 ? Buffer.from(`binary ${i}`) : i % 7 === 0 ? 'ü'.repeat(i) : `text ${i}`)
      for (const message of sent) client.send(message)
      client.close()
      const received: Message[] = []
      for await (const message of server) {
        received.push(message)
        // Slower than they come, now and then
        if (received.length % 100 === 0) await new Promise(setImmediate)
      }
      expect(received).toEqual(sent)
      expect(server.readyState).toBe(server.CLOSED)
      expect(await take(server)).toEqual([])
    }
  )

  test('a loop that does not go on has the reading stopped, and what comes is not lost', async () => {
    const { server, client } = await transports[transport]({ highWaterMark: 100_000 }, { perMessageDeflate: false })
    const loop = server[Symbol.asyncIterator]()
    // The queue holds what was read in one go when its bound was reached
    for (let i = 0; i < 3000; i++) client.send(`${i} ${'x'.repeat(10_000)}`)
    expect((await loop.next()).value).toMatch(/^0 /)
    while (!isHeld(server)) await new Promise(setImmediate)
    while (client.bufferedAmount === 0) client.send('y'.repeat(1 << 20))
    expect(client.bufferedAmount).toBeGreaterThan(0)
    for (let i = 1; i < 3000; i++) expect((await loop.next()).value).toMatch(new RegExp(`^${i} x`))
    const drained = client.drained()
    const rest = take(server)
    await drained
    client.close()
    expect((await rest).every((message) => (message as string).startsWith('y'))).toBe(true)
  })
})

test('reading stops at 64 messages that wait, and goes on below 16', async () => {
  const { server, peer } = await linkRaw()
  const loop = server[Symbol.asyncIterator]()
  for (let i = 0; i < 63; i++) {
    peer.write(clientFrame({ payload: String(i) }))
  }
  peer.write(clientFrame({ opcode: 9 }))
  await once(server, 'ping')
  expect(isHeld(server)).toBe(false)
  peer.write(clientFrame({ payload: '63' }))
  while (!isHeld(server)) await new Promise(setImmediate)
  peer.write(clientFrame({ opcode: 9 }))
  let pings = 0
  server.on('ping', () => pings++)
  await quiet(server)
  expect(pings).toBe(0)
  for (let i = 0; i < 48; i++) expect((await loop.next()).value).toBe(String(i))
  expect(isHeld(server)).toBe(true)
  expect((await loop.next()).value).toBe('48')
  expect(isHeld(server)).toBe(false)
  await once(server, 'ping')
})

test('reading stops at the mark, and goes on below a quarter of it', async () => {
  const { server, peer } = await linkRaw({ highWaterMark: 1000 })
  const loop = server[Symbol.asyncIterator]()
  for (let i = 0; i < 10; i++) peer.write(clientFrame({ payload: Buffer.alloc(100), opcode: 2 }))
  while (!isHeld(server)) await new Promise(setImmediate)
  for (let i = 0; i < 7; i++) await loop.next()
  expect(isHeld(server)).toBe(true)
  await loop.next()
  expect(isHeld(server)).toBe(false)
})

test('binary messages are Buffers, whatever `binaryType` says', async () => {
  const { server, client } = await link()
  const octets = Buffer.alloc(100_000, 'octets')
  for (const type of ['arraybuffer', 'fragments', 'blob', 'nodebuffer'] as const) {
    server.binaryType = type
    client.send(octets)
    client.send('')
    expect(await take(server, 2)).toEqual([octets, ''])
  }
})

test('a loop throws the error that ends the connection, behind the messages before it, and so does the next', async () => {
  const { server, peer } = await linkRaw()
  peer.write(Buffer.concat([clientFrame({ payload: 'before' }), clientFrame({ opcode: 3 })]))
  const messages: Message[] = []
  const loop = async (): Promise<void> => {
    for await (const message of server) messages.push(message)
  }
  const code = { code: 'WS_ERR_INVALID_OPCODE' }
  await expect(loop()).rejects.toMatchObject(code)
  expect(messages).toEqual(['before'])
  await expect(loop()).rejects.toMatchObject(code)
})

test('a loop over a client begins while it connects, and throws if it cannot', async () => {
  const { server, port } = await listen()
  server.on('connection', (ws: Socket) => {
    ws.send('greeting')
    ws.close()
  })
  expect(await take(new WebSocket(`ws://127.0.0.1:${port}`))).toEqual(['greeting'])
  await expect(take(new WebSocket('ws://127.0.0.1:1'))).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

describe('nothing is lost that came with the handshake', () => {
  const greeting = Array.from({ length: 200 }, (_, i) => clientFrame({ payload: String(i) }))

  test.each<[string, (server: InstanceType<typeof WebSocket.WebSocketServer>) => Promise<Socket>]>([
    ['in the listener of the event', (wss) => new Promise((resolve) => wss.once('connection', resolve))],
    ['where the event is awaited', async (wss) => (await once(wss, 'connection'))[0] as Socket]
  ])('if a loop begins in the turn of connection, %s', async (_, connection) => {
    const { server, port } = await listen()
    const peer = await connectRaw(port)
    const connected = connection(server)
    peer.write(Buffer.concat([requestOctets('/'), ...greeting]))
    expect(await take(await connected, 200)).toEqual(numbers(0, 200))
    peer.socket.destroy()
  })

  test('if it begins in the turn of open', async () => {
    const { server, port } = await listen()
    server.on('connection', (ws: Socket) => {
      // With the response, mostly
      for (let i = 0; i < 200; i++) ws.send(String(i))
    })
    for (let i = 0; i < 5; i++) {
      const ws = new WebSocket(`ws://127.0.0.1:${port}`)
      await once(ws, 'open')
      expect(await take(ws, 200)).toEqual(numbers(0, 200))
      ws.terminate()
    }
  })

  test('but not longer than that turn', async () => {
    const { server, peer } = await linkRaw()
    peer.write(greeting[0])
    const { bytesRead } = server._socket as unknown as { bytesRead: number }
    while ((server._socket as unknown as { bytesRead: number }).bytesRead === bytesRead) await new Promise(setImmediate)
    await new Promise(setImmediate)
    peer.write(greeting[1])
    expect(await take(server, 1)).toEqual(['1'])
  })
})

test('a loop that is left leaves the connection open, and another goes on with what was delivered', async () => {
  const { server, client } = await link()
  for (let i = 0; i < 30; i++) client.send(String(i))
  expect(await take(server, 1)).toEqual(['0'])
  expect(server.readyState).toBe(server.OPEN)
  // Also what comes while there is none
  for (let i = 30; i < 50; i++) client.send(String(i))
  client.ping()
  await once(server, 'ping')
  expect(await take(server, 20)).toEqual(numbers(1, 21))
  const loop = server[Symbol.asyncIterator]()
  await expect(loop.throw!(new Error('mine'))).rejects.toThrow('mine')
  expect(await take(server, 29)).toEqual(numbers(21, 50))
  const next = take(server, 1)
  client.send('more')
  expect(await next).toEqual(['more'])
})

test('with a listener in place of the loop nothing is kept, and reading goes on', async () => {
  const { server, client } = await link()
  client.send('first')
  expect(await take(server, 1)).toEqual(['first'])
  for (let i = 0; i < 100; i++) client.send(String(i))
  while (!isHeld(server)) await new Promise(setImmediate)
  let heard = 0
  server.on('message', () => heard++)
  expect(isHeld(server)).toBe(false)
  for (let i = 0; i < 100; i++) client.send('heard')
  client.ping()
  await once(server, 'ping')
  expect(heard).toBe(100)
  // What was kept before is there
  expect(await take(server, 100)).toEqual(numbers(0, 100))
  expect(server.listenerCount('message')).toBe(1)
  // Beside a listener a loop that is left keeps nothing
  client.send('for the listener')
  await once(server, 'message')
  expect(server.listenerCount('message')).toBe(1)
  expect(server.listenerCount('newListener')).toBe(0)
})

test("an error without a loop is nobody's: it is thrown as without iteration", async () => {
  const { server, peer } = await linkRaw()
  peer.write(clientFrame({ payload: 'text' }))
  await take(server, 1)
  expect(server.listenerCount('error')).toBe(0)
  const failed = once(server, 'error')
  peer.write(clientFrame({ opcode: 3 }))
  await failed
})

test('closing is not kept waiting by messages that no loop takes', async () => {
  const { server, client } = await link({ closeTimeout: 1 << 30 })
  client.send('first')
  await take(server, 1)
  for (let i = 0; i < 100; i++) client.send(String(i))
  while (!isHeld(server)) await new Promise(setImmediate)
  const closed = once(server, 'close')
  server.close(1000)
  expect((await closed)[0]).toBe(1000)
  expect((await take(server)).slice(0, 64)).toEqual(numbers(0, 64))
})

test('two loops share the messages', async () => {
  const { server, client } = await link()
  const loops = [take(server), take(server)]
  for (let i = 0; i < 10; i++) client.send(String(i))
  client.close()
  const [one, two] = await Promise.all(loops)
  expect([...one, ...two].sort()).toEqual(numbers(0, 10))
  expect([one.length, two.length]).toEqual([5, 5])
})

test('calls of `next` that wait are answered in order, and when the loop is left', async () => {
  const { server, client } = await link()
  const loop = server[Symbol.asyncIterator]()
  const other = server[Symbol.asyncIterator]()
  const first = [loop.next(), loop.next()]
  const waiting = loop.next()
  const others = other.next()
  client.send('a')
  client.send('b')
  expect((await Promise.all(first)).map(({ value }) => value)).toEqual(['a', 'b'])
  expect(await loop.return!()).toEqual({ value: undefined, done: true })
  expect(await waiting).toEqual({ value: undefined, done: true })
  client.send('c')
  expect((await others).value).toBe('c')
  expect(await loop.next()).toEqual({ value: undefined, done: true })
})

test('the first loop of a connection that was never iterated ends where it is closed', async () => {
  const { server, client } = await link()
  client.close()
  await once(server, 'close')
  expect(await take(server)).toEqual([])
})

test('a connection whose stream is destroyed ends a loop that had stopped the reading', async () => {
  const [one, two] = slowPair()
  const server = attach(one, true)
  const client = attach(two, false)
  const loop = server[Symbol.asyncIterator]()
  for (let i = 0; i < 100; i++) client.send(String(i))
  while (!isHeld(server)) await new Promise(setImmediate)
  server.terminate()
  await once(server, 'close')
  expect((await loop.next()).value).toBe('0')
})
