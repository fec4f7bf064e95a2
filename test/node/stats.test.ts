// wss.stats(): the sums are those of what is on the wire and of what listeners get, and nobody counts who was not asked.

import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { Sender } from '../../src/core/sender.js'
import WebSocket from '../../src/index.js'
import { kObservers, tellMessageDropped } from '../../src/node/delivery/observer.js'
import { attach, link, listen, type Options, type Socket } from './support/links.js'
import { streamPair } from '../support/stream-pair.js'

const { sendMessage } = Sender.prototype

type Server = InstanceType<typeof WebSocket.WebSocketServer>

async function connect(
  options: Options = {},
  clientOptions: Options = {}
): Promise<{ wss: Server; server: Socket; client: Socket }> {
  const { server: wss, port } = await listen(options)
  const client = new WebSocket(`ws://127.0.0.1:${port}`, clientOptions)
  const [[server]] = (await Promise.all([once(wss, 'connection'), once(client, 'open')])) as unknown as [[Socket]]
  return { wss, server, client }
}

/** Waits until everything that was sent on both sides has come, by a message of which each knows. */
async function settle(...sockets: [from: Socket, to: Socket][]): Promise<void> {
  for (const [from, to] of sockets) {
    const received = new Promise<void>((resolve) => {
      const listener = (data: Buffer): void => {
        if (data.toString() !== 'settled') return
        to.off('message', listener)
        resolve()
      }
      to.on('message', listener)
    })
    from.send('settled')
    await received
  }
}

test('nobody counts before he is asked', async () => {
  const { server } = await link()
  expect(server[kObservers]).toHaveLength(1)
  expect(Sender.prototype.sendMessage).toBe(sendMessage)
  expect(Object.hasOwn(server._socket!, 'flush')).toBe(false)
})

test('counting begins with the first call, and has the connections that are open by then', async () => {
  const { wss, server, client } = await connect()
  client.send('before')
  await once(server, 'message')
  expect(wss.stats()).toEqual({
    connections: 1,
    opened: 1,
    closed: {},
    messagesReceived: 0,
    messagesSent: 0,
    messagesDropped: 0,
    payloadReceived: 0,
    payloadSent: 0,
    octetsReceived: 0,
    octetsSent: 0
  })
  client.send('12345')
  await once(server, 'message')
  // Two octets of header and a masking key
  expect(wss.stats()).toMatchObject({ messagesReceived: 1, payloadReceived: 5, octetsReceived: 11 })
  server.send('grüße')
  await once(client, 'message')
  expect(wss.stats()).toMatchObject({ messagesSent: 1, payloadSent: 7, octetsSent: 9 })
})

test('sums go on when connections are gone, and say why they are', async () => {
  const { wss, server, client } = await connect()
  wss.stats()
  const other = new WebSocket(`ws://127.0.0.1:${(wss.address() as { port: number }).port}`)
  const [[second]] = (await Promise.all([once(wss, 'connection'), once(other, 'open')])) as unknown as [[Socket]]
  expect(wss.stats()).toMatchObject({ connections: 2, opened: 2 })
  server.send('bye')
  client.close()
  await once(server, 'close')
  expect(wss.stats()).toMatchObject({ connections: 1, opened: 2, closed: { peer: 1 }, messagesSent: 1 })
  second.terminate()
  await once(second, 'close')
  expect(wss.stats()).toMatchObject({ connections: 0, opened: 2, closed: { peer: 1, terminate: 1 } })
})

test('each server has its own sums, and clients are in none', async () => {
  const one = await connect()
  const two = await connect()
  one.wss.stats()
  two.wss.stats()
  one.client.send('to the first')
  await once(one.server, 'message')
  expect(one.wss.stats()).toMatchObject({ messagesReceived: 1, messagesSent: 0 })
  expect(two.wss.stats()).toMatchObject({ messagesReceived: 0, messagesSent: 0 })
})

test('without clientTracking those that come later are counted', async () => {
  const { wss } = await connect({ clientTracking: false })
  expect(wss.stats()).toMatchObject({ connections: 0 })
  const client = new WebSocket(`ws://127.0.0.1:${(wss.address() as { port: number }).port}`)
  await Promise.all([once(wss, 'connection'), once(client, 'open')])
  expect(wss.stats()).toMatchObject({ connections: 1, opened: 1 })
  client.terminate()
})

test('what is dropped is counted by who drops it telling so', async () => {
  const { wss, server } = await connect()
  wss.stats()
  tellMessageDropped(server)
  expect(wss.stats().messagesDropped).toBe(1)
})

/** Octets that a socket has written since it was asked last. */
function written(socket: Duplex): number {
  return (socket as unknown as { bytesWritten: number }).bytesWritten
}

describe.each([
  ['without compression', {}, {}],
  ['with compression', { perMessageDeflate: { threshold: 0 } }, { perMessageDeflate: true }],
  ['with compression in the thread pool', { perMessageDeflate: { threshold: 0, codec: 'zlib' } }, { perMessageDeflate: true }],
  ['with each frame in a write of its own', { coalesce: false }, {}]
])('octets on the wire, %s', (_, options, clientOptions) => {
  test('are those that the socket has written and the other has read, whatever is sent', async () => {
    const { wss, server, client } = await connect(options, clientOptions)
    wss.stats()
    const [sent, received] = [written(server._socket!), written(client._socket!)]
    const sizes = [0, 1, 125, 126, 5000, 70_000, 200_000]
    const text = 'all work and no play makes Jack a dull boy. '.repeat(5000)
    for (const [from, to] of [
      [server, client],
      [client, server]
    ] as const) {
      for (const size of sizes) {
        from.send(text.slice(0, size))
        from.send(Buffer.from(text.slice(0, size)))
      }
      from.send('frag', { fin: false })
      from.send(new Blob(['ments']), { fin: true })
      from.ping('ping')
      await settle([from, to])
    }
    // The pongs, which may still be on their way
    await settle([server, client], [client, server])
    const payload = 2 * sizes.reduce((sum, size) => sum + size, 0) + 9
    const settled = 2 * 'settled'.length
    const stats = wss.stats()
    expect(stats).toMatchObject({
      messagesSent: 2 * sizes.length + 3,
      messagesReceived: 2 * sizes.length + 3,
      payloadSent: payload + settled,
      payloadReceived: payload + settled
    })
    expect(stats.octetsSent).toBe(written(server._socket!) - sent)
    expect(stats.octetsReceived).toBe(written(client._socket!) - received)
    if ('perMessageDeflate' in options) expect(stats.octetsSent).toBeLessThan(payload / 10)
    else expect(stats.octetsSent).toBeGreaterThan(payload)
    client.terminate()
  })
})

test('octets are those of a plain Duplex, too, and of one message to many', async () => {
  const { wss, server, client } = await connect()
  const handmade = streamPair()
  wss.stats()
  const others = [attach(handmade[0], true), attach(handmade[1], false)]
  // No server has those
  others[0].send('unheard')
  for (const ws of [server, others[0], server]) ws.send('one frame for all')
  await settle([server, client])
  expect(wss.stats().octetsSent).toBe(2 * 19 + 9)
  expect(wss.stats().messagesSent).toBe(3)
  client.terminate()
})

describe('a server with `stats` of its own', () => {
  class Method extends WebSocket.WebSocketServer {
    // @ts-expect-error of another type
    override stats(): string {
      return 'mine'
    }
  }
  class Accessor extends WebSocket.WebSocketServer {
    // @ts-expect-error of another type
    override get stats(): string {
      return 'mine'
    }
  }
  class Data extends WebSocket.WebSocketServer {
    // @ts-expect-error of another type
    override stats = 'mine'
  }

  test.each([
    ['as a method', Method],
    ['as an accessor', Accessor],
    ['as data', Data]
  ])('keeps it, %s', (_, ServerClass) => {
    const { stats } = new ServerClass({ noServer: true }) as unknown as { stats: unknown }
    expect(typeof stats === 'function' ? (stats as () => unknown)() : stats).toBe('mine')
  })

  test('keeps it on an instance', () => {
    const wss = new WebSocket.WebSocketServer({ noServer: true })
    Object.assign(wss, { stats: 5 })
    expect(wss.stats).toBe(5)
    expect(Object.keys(wss)).toContain('stats')
  })
})

test('messages that were dropped, and connections that were ended, because of limits', async () => {
  const { wss, server, client } = await connect({ maxBufferedAmount: 1000, overflow: 'drop' })
  wss.stats()
  server.send(Buffer.alloc(2000))
  expect(wss.stats()).toMatchObject({ messagesDropped: 1, messagesSent: 0 })
  await settle([server, client])

  const bounded = await connect({ maxBufferedAmount: 1000 })
  bounded.wss.stats()
  bounded.server.on('error', () => {})
  const closed = new Promise((resolve) => bounded.server.once('close', resolve))
  bounded.server.send(Buffer.alloc(2000))
  await closed
  expect(bounded.wss.stats().closed).toEqual({ overflow: 1 })

  const limited = await connect({ rateLimit: { messages: 1, action: 'close' } })
  limited.wss.stats()
  for (let i = 0; i < 3; i++) limited.client.send('x')
  await once(limited.server, 'close')
  expect(limited.wss.stats().closed).toEqual({ rate: 1 })
})
