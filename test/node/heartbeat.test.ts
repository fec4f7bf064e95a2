// heartbeat, idleTimeout and maxLifetime of real connections, in virtual time.

import { once } from 'node:events'
import { afterAll, describe, expect, test, vi } from 'vitest'
import diagnostics from 'node:diagnostics_channel'
import WebSocket from '../../src/index.js'
import { kObservers } from '../../src/node/delivery/observer.js'
import { kDelivery } from '../../src/node/runtime/symbols.js'
import { PING, PONG } from '../support/frames.js'
import { link, linkInMemory, linkRaw, listen, type Socket } from './support/links.js'
import { time } from './support/virtual-ticker.js'

const INTERVAL = { heartbeat: { interval: 30_000, timeout: 10_000 } }

/** Until something was done about what was to be done by now. */
const LATE = 1500

/** Codes and causes with which connections were closed, as the channel tells them. */
const ends = new WeakMap<Socket, string>()
const onClose = (message: unknown): void => {
  const { websocket, code, cause } = message as { websocket: Socket; code: number; cause: string }
  ends.set(websocket, `${code} ${cause}`)
}
diagnostics.subscribe('hybi:close', onClose)
afterAll(() => void diagnostics.unsubscribe('hybi:close', onClose))

describe.each(['server', 'client'] as const)('the heartbeat of a %s', (side) => {
  const linked = (options: Record<string, unknown> = {}, others: Record<string, unknown> = {}) =>
    side === 'server' ? link({ ...INTERVAL, ...options }, others) : link(others, { ...INTERVAL, ...options })

  test('pings, measures the latency, and goes on as long as it is answered', async () => {
    const pair = await linked()
    const ws = pair[side]
    expect(ws.latency).toBe(undefined)
    for (let i = 0; i < 3; i++) {
      const ponged = once(ws, 'pong')
      time.pass(30_000 + LATE)
      await ponged
      expect(ws.latency).toBeGreaterThan(0)
      expect(ws.readyState).toBe(WebSocket.OPEN)
    }
  })

  test('drops who does not answer: close 1006, and no error', async () => {
    const pair = await linked({}, { autoPong: false })
    const ws = pair[side]
    const other = pair[side === 'server' ? 'client' : 'server']
    const failed = vi.fn<() => void>()
    ws.on('error', failed)
    const pinged = once(other, 'ping')
    time.pass(30_000 + LATE)
    await pinged
    expect(ws.readyState).toBe(WebSocket.OPEN)
    const closed = Promise.all([once(ws, 'close'), once(other, 'close')])
    time.pass(10_000 + LATE)
    const [[code, reason]] = (await closed) as [[number, Buffer], unknown]
    expect(code).toBe(1006)
    expect(reason).toHaveLength(0)
    expect(failed).not.toHaveBeenCalled()
    expect([ws, other].map((one) => ends.get(one))).toEqual(['1006 heartbeat', '1006 lost'])
  })

  test('takes messages for life', async () => {
    const pair = await linked({}, { autoPong: false })
    const ws = pair[side]
    const other = pair[side === 'server' ? 'client' : 'server']
    for (let i = 0; i < 4; i++) {
      time.pass(30_000 + LATE)
      const received = once(ws, 'message')
      other.send('alive')
      await received
      time.pass(9000)
    }
    expect(ws.readyState).toBe(WebSocket.OPEN)
  })

  test('does not blame a peer for what the program does not read', async () => {
    const { [side]: ws } = await linked({}, {})
    ws.pause()
    for (let i = 0; i < 4; i++) time.pass(30_000)
    expect(ws.readyState).toBe(WebSocket.OPEN)
    ws.resume()
    ws._socket!.pause()
    for (let i = 0; i < 4; i++) time.pass(30_000)
    expect(ws.readyState).toBe(WebSocket.OPEN)
    ws._socket!.resume()
  })

  test('sends nothing to a connection that closes', async () => {
    const pair = await linked({}, {})
    const other = pair[side === 'server' ? 'client' : 'server']
    const ws = pair[side]
    const heard: string[] = []
    other.on('ping', () => heard.push('ping'))
    other._receiver!.on('conclude', () => heard.push('close frame'))
    ws.close(1000)
    time.pass(100_000)
    await once(ws, 'close')
    expect(heard).toEqual(['close frame'])
    expect(ends.get(ws)).toBe('1000 program')
  })
})

test('a client that expects pings gives up when none come', async () => {
  const { client } = await link({}, { heartbeat: { expect: 41_000 } })
  const closed = once(client, 'close')
  time.pass(41_000)
  expect(client.readyState).toBe(WebSocket.OPEN)
  time.pass(4000)
  expect((await closed)[0]).toBe(1006)
  expect(ends.get(client)).toBe('1006 heartbeat')
})

test('a ping is a frame like any other: unmasked, with four octets that come back', async () => {
  const { server: ws, peer } = await linkRaw(INTERVAL)
  const framed = once(peer, 'frame')
  time.pass(30_000 + LATE)
  await framed
  const [frame] = peer.frames
  expect(frame).toMatchObject({ opcode: PING, fin: true })
  expect(frame.payload).toHaveLength(4)
  const before = ws.latency
  const ponged = once(ws, 'pong')
  peer.write(peer.frame({ opcode: PONG, payload: frame.payload }))
  await ponged
  expect(before).toBe(undefined)
  expect(ws.latency).toBeGreaterThan(0)
})

test('works over a plain Duplex, on either side', async () => {
  const { server } = linkInMemory(INTERVAL)
  const ponged = once(server, 'pong')
  time.pass(30_000 + LATE)
  await ponged
  expect(server.latency).toBeGreaterThan(0)
})

describe('a listener that throws', () => {
  test('stops no other', async () => {
    const first = await link(INTERVAL)
    const second = await link(INTERVAL)
    const thrown = new Promise((resolve) => process.once('uncaughtException', resolve))
    const listeners = process.listeners('uncaughtException')
    first.server._socket!.write = () => {
      throw new Error('mine')
    }
    const ponged = once(second.server, 'pong')
    time.pass(30_000 + LATE)
    await ponged
    expect(String(await thrown)).toBe('Error: mine')
    expect(process.listeners('uncaughtException').length).toBeLessThanOrEqual(listeners.length)
  })
})

describe('idleTimeout', () => {
  test.each(['server', 'client'] as const)('closes an idle connection with 1001 and a reason, as %s', async (side) => {
    const options = { idleTimeout: 60_000 }
    const { server, client } = side === 'server' ? await link(options) : await link({}, options)
    const [ws, other] = side === 'server' ? [server, client] : [client, server]
    for (const [from, to] of [
      [ws, other],
      [other, ws]
    ]) {
      time.pass(50_000)
      const received = once(to, 'message')
      from.send('busy')
      await received
    }
    time.pass(50_000)
    expect(ws.readyState).toBe(WebSocket.OPEN)
    const closed = once(other, 'close')
    time.pass(15_000)
    const [code, reason] = (await closed) as [number, Buffer]
    expect([code, reason.toString()]).toEqual([1001, 'Idle timeout'])
    if (ws.readyState !== WebSocket.CLOSED) await once(ws, 'close')
    expect([ws, other].map((one) => ends.get(one))).toEqual(['1001 idle', '1001 peer'])
  })
})

describe('maxLifetime', () => {
  test('closes with 1001, and drops who does not close after closeTimeout', async () => {
    const { server: ws, peer } = await linkRaw({ maxLifetime: { limit: 3_600_000, spread: 0 }, closeTimeout: 1 })
    peer.echoClose = false
    const closed = once(ws, 'close')
    for (let i = 0; i < 59; i++) time.pass(60_000)
    expect(ws.readyState).toBe(WebSocket.OPEN)
    time.pass(65_000)
    expect(ws.readyState).toBe(WebSocket.CLOSING)
    const [code] = await closed
    expect(code).toBe(1006)
    expect(peer.frames[0]).toMatchObject({ opcode: 8 })
    expect(peer.frames[0].payload.subarray(2).toString()).toBe('Maximum lifetime')
    expect(ends.get(ws)).toBe('1006 lifetime')
  })
})

describe('who asks for nothing', () => {
  test('is not watched, and nothing of it is', async () => {
    const { server, client } = await link({ clientTracking: false })
    for (const ws of [server, client]) {
      expect(ws[kObservers]).toHaveLength(0)
      expect(Object.getOwnPropertySymbols(ws).map(String)).not.toContain('Symbol(hybi.place)')
    }
    const before = time.timers.size
    time.pass(1_000_000)
    expect(time.timers.size).toBe(before)
    expect(server.latency).toBe(undefined)
  })

  test('shares the list of observers with all that ask for the same', async () => {
    const one = await link(INTERVAL)
    const two = await link(INTERVAL)
    expect(one.server[kObservers]).toHaveLength(2)
    expect(linkInMemory(INTERVAL).server[kObservers]).toBe(linkInMemory(INTERVAL).client[kObservers])
    expect(two.client[kObservers]).toHaveLength(0)
  })
})

describe('wrong values', () => {
  const wrong = [{ heartbeat: 'yes' }, { idleTimeout: -1 }, { maxLifetime: { limit: 0 } }] as never[]

  test.each(wrong)('%j is refused by each constructor', (options: object) => {
    expect(() => new WebSocket('ws://127.0.0.1:1', options)).toThrow(/must be/)
    expect(() => new WebSocket.WebSocketServer({ noServer: true, ...options })).toThrow(/must be/)
    expect(() => new WebSocket(null, undefined, { ...options })).toThrow(/must be/)
  })

  test('only clients may expect', () => {
    const options = { heartbeat: { expect: 1000 } }
    expect(() => new WebSocket.WebSocketServer({ noServer: true, ...options })).toThrow(TypeError)
  })
})

describe('a program with a `latency` of its own', () => {
  class Data extends WebSocket {
    // @ts-expect-error of another type
    override latency: unknown = 'mine'
  }
  class Method extends WebSocket {
    // @ts-expect-error a method in place of a property
    override latency(): string {
      return 'mine'
    }
  }
  class Accessor extends WebSocket {
    // @ts-expect-error of another type
    override get latency(): string {
      return 'mine'
    }
  }
  const value = (ws: Socket): unknown => {
    const { latency } = ws as unknown as { latency: unknown }
    return typeof latency === 'function' ? latency() : latency
  }

  test.each([
    ['data', Data],
    ['a method', Method],
    ['an accessor', Accessor]
  ])('in a subclass, as %s, keeps it, and its heartbeat', async (_, WebSocketClass) => {
    const { server, port } = await listen({ WebSocket: WebSocketClass, ...INTERVAL })
    const client = new WebSocketClass(`ws://127.0.0.1:${port}`, { ...INTERVAL }) as unknown as Socket
    const [[ws]] = (await Promise.all([once(server, 'connection'), once(client, 'open')])) as unknown as [[Socket]]
    const ponged = Promise.all([once(ws, 'pong'), once(client, 'pong')])
    time.pass(30_000 + LATE)
    await ponged
    expect(value(ws)).toBe('mine')
    expect(value(client)).toBe('mine')
    client.terminate()
  })

  test('on an instance, assigned or defined, keeps it', () => {
    const { server, client } = linkInMemory(INTERVAL)
    const own = server as unknown as { latency: unknown }
    own.latency = 5
    expect(own.latency).toBe(5)
    expect(Object.keys(server)).toContain('latency')
    Object.defineProperty(client, 'latency', { get: () => 6 })
    expect(client.latency).toBe(6)
    expect(() => (WebSocket.prototype as unknown as { latency: unknown }).latency).not.toThrow()
  })
})

test('a program that overrides `ping`, `terminate` and `close` is not asked: what the clock does is not its own', async () => {
  const { server: ws } = await linkRaw(INTERVAL)
  const called = vi.fn<() => void>()
  Object.assign(ws, { ping: called, terminate: called, close: called })
  const closed = once(ws, 'close')
  time.pass(30_000 + LATE)
  time.pass(10_000 + LATE)
  await closed
  expect(called).not.toHaveBeenCalled()
})

test('a WebSocket that could not connect leaves nothing', async () => {
  const { server, port } = await listen({ verifyClient: () => false })
  const client = new WebSocket(`ws://127.0.0.1:${port}`, { ...INTERVAL })
  client.on('error', () => {})
  await new Promise((resolve) => client.on('close', resolve))
  expect(client[kDelivery]).toBe(null)
  time.pass(100_000)
  expect(server.clients!.size).toBe(0)
})

test('what a server and its clients share is one timer, which goes with the last of them', async () => {
  const before = time.timers.size
  const { server, client } = await link({ ...INTERVAL, idleTimeout: 1_000_000 }, { heartbeat: { interval: 5000 } })
  expect(time.timers.size).toBe(1)
  const closed = Promise.all([once(server, 'close'), once(client, 'close')])
  client.close()
  await closed
  expect(time.timers.size).toBe(before)
})
