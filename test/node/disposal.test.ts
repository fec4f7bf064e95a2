// Waiting for the end: `await using`, a signal given to `close`, and one among a client's options.

import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import Theirs from 'ws'
import WebSocket from '../../src/index.js'
import { kDelivery } from '../../src/node/runtime/symbols.js'
import { attach, eventsOf, link, linkRaw, listen, type Socket } from './support/links.js'
import { slowPair } from '../support/slow-pair.js'

const dispose = (ws: Socket): Promise<void> => ws[Symbol.asyncDispose]()

describe('disposal', () => {
  test('closes with 1000 and waits for the end', async () => {
    const { server, client } = await link()
    const closed = once(server, 'close')
    await dispose(client)
    expect(client.readyState).toBe(client.CLOSED)
    expect(await closed).toEqual([1000, Buffer.alloc(0)])
    // Once more is no harm
    await dispose(client)
    await dispose(server)
  })

  test('drops a connection whose peer does not answer', async () => {
    const { server, peer } = await linkRaw({ closeTimeout: 1 })
    peer.echoClose = false
    const events = eventsOf(server)
    await dispose(server)
    expect(server.readyState).toBe(server.CLOSED)
    expect(events).toEqual(['close 1006'])
  })

  test('drops one that the peer ended without a closing handshake, and that does not get rid of what was sent', async () => {
    const [one, two] = slowPair()
    const server = attach(one, true, { closeTimeout: 1 })
    one.push(null)
    two.pause()
    for (let i = 0; i < 20; i++) server.send(Buffer.alloc(100_000))
    await once(one, 'end')
    expect(server.readyState).toBe(server.CLOSING)
    await dispose(server)
    expect(server.readyState).toBe(server.CLOSED)
  })

  test('gives up connecting, which is no error to who asked for it', async () => {
    const { port } = await listen()
    const ws = new WebSocket(`ws://127.0.0.1:${port}`)
    await dispose(ws)
    expect(ws.readyState).toBe(ws.CLOSED)
  })

  test('closes by the method that a program put in its place', async () => {
    const { server, client } = await link()
    const closed = once(server, 'close')
    client.close = function (this: Socket, code?: number) {
      WebSocket.prototype.close.call(this, code! + 3000, 'mine')
    }
    await dispose(client)
    expect(await closed).toEqual([4000, Buffer.from('mine')])
  })

  test('does not wait for messages that no loop takes', async () => {
    const { server, client } = await link({ closeTimeout: 1 << 30 })
    for (let i = 0; i < 200; i++) client.send('message')
    for await (const message of server) {
      expect(message).toBe('message')
      break
    }
    await dispose(server)
    expect(server._closeCode).toBe(1000)
  })
})

describe('a signal given to `close`', () => {
  test('ends the waiting for a peer that does not answer', async () => {
    const { server, peer } = await linkRaw()
    peer.echoClose = false
    const controller = new AbortController()
    server.close(1000, 'bye', { signal: controller.signal })
    expect(server.readyState).toBe(server.CLOSING)
    const closed = once(server, 'close')
    controller.abort()
    expect(await closed).toEqual([1006, Buffer.alloc(0)])
    await peer.untilEnded()
  })

  test('that is aborted already leaves no time to answer; the close frame is sent', async () => {
    const { server, client } = await link()
    const closed = [once(server, 'close'), once(client, 'close')]
    server.close(1001, '', { signal: AbortSignal.abort() })
    const [[code], [seen]] = await Promise.all(closed)
    expect([code, seen]).toEqual([1006, 1001])
  })

  test('is left when the connection is closed, and does nothing more', async () => {
    const { server, client } = await link()
    const controller = new AbortController()
    const closed = once(server, 'close')
    server.close(1000, '', { signal: controller.signal })
    expect(await closed).toEqual([1000, Buffer.alloc(0)])
    controller.abort()
    client.close()
  })

  test('must be one; the connection stays open else', async () => {
    const { server } = await link()
    for (const signal of [null, {}, 'signal']) {
      expect(() => server.close(1000, '', { signal })).toThrow(new TypeError('The "signal" option must be an AbortSignal'))
    }
    expect(server.readyState).toBe(server.OPEN)
  })

  test('is not there for what programs give beside: a callback, nothing, null', async () => {
    for (const third of [() => {}, undefined, null, {}, 5]) {
      const { server } = await link()
      const closed = once(server, 'close')
      server.close(1000, '', third)
      expect((await closed)[0]).toBe(1000)
    }
  })

  test('leaves `close` with as many parameters as in ws', () => {
    expect(WebSocket.prototype.close.length).toBe(Theirs.prototype.close.length)
  })
})

describe.each<[string, typeof WebSocket]>([
  ['hybi', WebSocket],
  ['ws', Theirs as unknown as typeof WebSocket]
])('the option signal of a client is that of its request, in %s:', (_, Client) => {
  /** A server that answers nothing. */
  async function silent(): Promise<string> {
    const server = net.createServer((socket) => socket.on('error', () => {}).resume())
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  const endOf = async (ws: Socket): Promise<unknown[]> => {
    const events: unknown[] = []
    ws.on('error', (error: Error) => events.push(error.name, (error as { code?: string }).code))
    ws.on('open', () => events.push('open'))
    return new Promise((resolve) => ws.on('close', (code: number) => resolve([...events, code])))
  }

  test('it aborts the connecting, before and while', async () => {
    const address = await silent()
    expect(await endOf(new Client(address, { signal: AbortSignal.abort() }))).toEqual(['AbortError', 'ABORT_ERR', 1006])
    const controller = new AbortController()
    const ws = new Client(address, { signal: controller.signal })
    const end = endOf(ws)
    ws._req!.once('socket', (socket) => socket.once('connect', () => controller.abort()))
    expect(await end).toEqual(['AbortError', 'ABORT_ERR', 1006])
    expect(ws.readyState).toBe(ws.CLOSED)
  })

  test('it does nothing to a connection that is open', async () => {
    const { port } = await listen()
    const controller = new AbortController()
    const ws = new Client(`ws://127.0.0.1:${port}`, { signal: controller.signal })
    const events = endOf(ws)
    await once(ws, 'open')
    controller.abort()
    const ponged = once(ws, 'pong')
    ws.ping()
    await ponged
    ws.close(1000)
    expect(await events).toEqual(['open', 1000])
  })

  test('it must be one', async () => {
    expect(() => new Client('ws://127.0.0.1:1', { signal: {} as AbortSignal })).toThrow(TypeError)
  })
})

test('a connection that nobody waits for keeps no signal', async () => {
  const { server } = await link()
  const [observers] = Object.getOwnPropertySymbols(server).filter(({ description }) => description === 'hybi.observers')
  const before = (server as unknown as Record<symbol, unknown[]>)[observers].length
  server.close()
  expect((server as unknown as Record<symbol, unknown[]>)[observers].length).toBe(before)
  expect(server[kDelivery]).not.toBeNull()
})
