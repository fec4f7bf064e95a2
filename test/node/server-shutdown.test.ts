// `wss.shutdown()`: every client is closed, waited for, and dropped if it does not answer.

import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { Duplex } from 'node:stream'
import { afterEach, describe, expect, test, vi } from 'vitest'
import WebSocket from '../../src/index.js'
import { connectRaw, type RawPeer, requestOctets, turn } from '../support/raw-peer.js'
import { attach, eventually, listen, type Socket } from './support/links.js'

const { WebSocketServer } = WebSocket

const peers: RawPeer[] = []
afterEach(() => {
  vi.useRealTimers()
  for (const peer of peers.splice(0)) peer.socket.destroy()
})

const fakeTime = () => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })

async function connect(port: number, echoClose = true): Promise<RawPeer> {
  const peer = await connectRaw(port)
  peers.push(peer)
  peer.echoClose = echoClose
  peer.write(requestOctets())
  await peer.untilHead()
  return peer
}

const closeFrames = (peer: RawPeer): [number, string][] =>
  peer.frames
    .filter(({ opcode }) => opcode === 8)
    .map(({ payload }) => [payload.length === 0 ? 0 : payload.readUInt16BE(0), payload.subarray(2).toString()])

test('clients are closed with 1001, and the server is closed when it resolves', async () => {
  const { server, port } = await listen()
  const three = [await connect(port), await connect(port), await connect(port)]
  let closed = 0
  server.on('close', () => closed++)
  expect(await server.shutdown()).toEqual({ closed: 3, terminated: 0 })
  expect(closed).toBe(1)
  expect(server.clients!.size).toBe(0)
  expect(server.address()).toBe(null)
  for (const peer of three) expect(closeFrames(peer)).toEqual([[1001, '']])
  await expect(connectRaw(port)).rejects.toThrow('ECONNREFUSED')
})

test('with a code and reason', async () => {
  const { server, port } = await listen()
  const peer = await connect(port)
  await server.shutdown({ code: 1012, reason: 'new version' })
  expect(closeFrames(peer)).toEqual([[1012, 'new version']])
})

test('clients that never answer are terminated when the time is over', async () => {
  const { server, port } = await listen()
  const [answers, silent] = [await connect(port), await connect(port, false)]
  fakeTime()
  const shutdown = server.shutdown({ timeout: 5000 })
  await answers.untilEnded()
  await eventuallyInTurns(() => server.clients!.size === 1)
  vi.advanceTimersByTime(4999)
  expect(server.clients!.size).toBe(1)
  vi.advanceTimersByTime(1)
  expect(await shutdown).toEqual({ closed: 1, terminated: 1 })
  expect(server.clients!.size).toBe(0)
  await silent.untilClosed()
  expect(vi.getTimerCount()).toBe(0)
})

/** As `eventually`, in turns: timers are fakes. */
async function eventuallyInTurns(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 100_000 && !condition(); i++) await turn()
}

test('a stream that does not close when it is destroyed holds it up for one second', async () => {
  const wss = new WebSocketServer({ noServer: true })
  const never = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done(), destroy() {} })
  const ws = attach(never, true)
  wss.clients!.add(ws)
  fakeTime()
  const shutdown = wss.shutdown({ timeout: 5 })
  let settled = false
  void shutdown.then(() => (settled = true))
  vi.advanceTimersByTime(1004)
  await turn()
  expect(settled).toBe(false)
  vi.advanceTimersByTime(1)
  expect(await shutdown).toEqual({ closed: 0, terminated: 1 })
})

test('with a spread, clients are closed one after the other', async () => {
  const { server, port } = await listen()
  const all: RawPeer[] = []
  for (let i = 0; i < 4; i++) all.push(await connect(port, false))
  fakeTime()
  const shutdown = server.shutdown({ spread: 400, timeout: 100 })
  const asked = () => [...server.clients!].filter(({ readyState }) => readyState !== 1).length
  const seen = [asked()]
  for (let i = 0; i < 4; i++) {
    vi.advanceTimersByTime(99)
    seen.push(asked())
    vi.advanceTimersByTime(1)
    seen.push(asked())
  }
  expect(seen).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 4])
  vi.advanceTimersByTime(100)
  expect(await shutdown).toEqual({ closed: 0, terminated: 4 })
})

test('more clients than milliseconds are closed in time, and those that go meanwhile are not asked', async () => {
  const wss = new WebSocketServer({ noServer: true })
  const closed: number[] = []
  fakeTime()
  for (let i = 0; i < 1000; i++) {
    const ws = attach(new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() }), true)
    ws.close = () => {
      closed.push(i)
      ws.terminate()
    }
    wss.clients!.add(ws)
  }
  const [first] = wss.clients!
  const last = [...wss.clients!].at(-1)!
  const shutdown = wss.shutdown({ spread: 100 })
  expect(closed).toEqual([0])
  last.terminate()
  for (let i = 1; i <= 99; i++) {
    await vi.advanceTimersByTimeAsync(1)
    expect(Math.abs(closed.length - (i * 10 + 1))).toBeLessThanOrEqual(10)
  }
  await vi.advanceTimersByTimeAsync(1)
  // Nobody tells this server that its clients are gone: it waits for itself
  await vi.advanceTimersByTimeAsync(11_000)
  expect(await shutdown).toEqual({ closed: 1000, terminated: 0 })
  expect(closed).toEqual(Array.from({ length: 999 }, (_, i) => i))
  expect(first.readyState).toBe(3)
})

test('twice is once', async () => {
  const { server, port } = await listen()
  const peer = await connect(port)
  const results = await Promise.all([server.shutdown({ code: 1001 }), server.shutdown({ code: 1012 })])
  expect(results).toEqual([
    { closed: 1, terminated: 0 },
    { closed: 1, terminated: 0 }
  ])
  expect(closeFrames(peer)).toEqual([[1001, '']])
  expect(await server.shutdown()).toEqual(results[0])
})

test('after close(), and of a server that is closed', async () => {
  const { server, port } = await listen()
  const peer = await connect(port)
  server.close()
  expect(await server.shutdown()).toEqual({ closed: 1, terminated: 0 })
  expect(closeFrames(peer)).toEqual([[1001, '']])
  const idle = await listen()
  idle.server.close()
  await once(idle.server, 'close')
  let closed = 0
  idle.server.on('close', () => closed++)
  expect(await idle.server.shutdown()).toEqual({ closed: 0, terminated: 0 })
  expect(closed).toBe(0)
})

test('Symbol.asyncDispose is it', async () => {
  const { server, port } = await listen()
  const peer = await connect(port)
  expect(await server[Symbol.asyncDispose]()).toBe(undefined)
  expect(closeFrames(peer)).toEqual([[1001, '']])
  expect(server.clients!.size).toBe(0)
})

describe('handshakes under way', () => {
  test('get 503, and whoever decides on them is told', async () => {
    let signal: AbortSignal | undefined
    const { server, port } = await listen({
      authenticate: (_request: http.IncomingMessage, given: { signal: AbortSignal }) => {
        signal = given.signal
        return new Promise(() => {})
      }
    })
    const peer = await connectRaw(port)
    peers.push(peer)
    peer.write(requestOctets())
    await eventually(() => signal !== undefined)
    const shutdown = server.shutdown()
    expect((await peer.untilHead())[0]).toBe('HTTP/1.1 503 Service Unavailable')
    expect((signal!.reason as Error).message).toBe('The server is closing')
    expect(await shutdown).toEqual({ closed: 0, terminated: 0 })
  })

  test('get 503 if the request comes on a connection that was there before', async () => {
    const { server, port } = await listen()
    await connect(port, false)
    const late = await connectRaw(port)
    peers.push(late)
    await eventually(() => (server._server as unknown as { _connections: number })._connections === 2)
    fakeTime()
    const shutdown = server.shutdown()
    late.write(requestOctets())
    expect((await late.untilHead())[0]).toBe('HTTP/1.1 503 Service Unavailable')
    vi.advanceTimersByTime(10_000)
    expect(await shutdown).toEqual({ closed: 0, terminated: 1 })
  })

  test('that say nothing, and requests that never end, do not hold it up', async () => {
    const { server, port } = await listen()
    const silent = await connectRaw(port)
    const half = await connectRaw(port)
    peers.push(silent, half)
    half.write(Buffer.from('GET / HTTP/1.1\r\nHost: '))
    await eventually(() => (server._server as unknown as { _connections: number })._connections === 2)
    expect(await server.shutdown()).toEqual({ closed: 0, terminated: 0 })
    await Promise.all([silent.untilEnded(), half.untilEnded()])
  })

  test('that verifyClient never decides on hold it up for the timeout at most', async () => {
    const asked: unknown[] = []
    const { server, port } = await listen({ verifyClient: (info: unknown, _done: unknown) => void asked.push(info) })
    const peer = await connectRaw(port)
    peers.push(peer)
    peer.write(requestOctets())
    await eventually(() => asked.length === 1)
    fakeTime()
    const shutdown = server.shutdown({ timeout: 10 })
    vi.advanceTimersByTime(10 + 1000)
    expect(await shutdown).toEqual({ closed: 0, terminated: 0 })
  })
})

describe('the ways to listen', () => {
  test('a server of the program’s own stays its own', async () => {
    const http1 = http.createServer((_request, response) => response.end('still here'))
    const wss = new WebSocketServer({ server: http1 })
    http1.listen(0, '127.0.0.1')
    await once(http1, 'listening')
    const { port } = http1.address() as AddressInfo
    const peer = await connect(port)
    expect(await wss.shutdown()).toEqual({ closed: 1, terminated: 0 })
    expect(closeFrames(peer)).toEqual([[1001, '']])
    expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe('still here')
    http1.closeAllConnections()
    http1.close()
  })

  test('noServer', async () => {
    const wss = new WebSocketServer({ noServer: true })
    const http1 = http.createServer().on('upgrade', (request, socket, head) => wss.handleUpgrade(request, socket, head, () => {}))
    http1.listen(0, '127.0.0.1')
    await once(http1, 'listening')
    const { port } = http1.address() as AddressInfo
    await connect(port)
    const shutdown = wss.shutdown()
    const late = await connectRaw(port)
    peers.push(late)
    late.write(requestOctets())
    expect((await late.untilHead())[0]).toBe('HTTP/1.1 503 Service Unavailable')
    expect(await shutdown).toEqual({ closed: 1, terminated: 0 })
    http1.close()
  })

  test('without clientTracking it stops accepting, and closes nobody', async () => {
    const { server, port } = await listen({ clientTracking: false })
    const connected = once(server, 'connection')
    await connect(port)
    const [ws] = (await connected) as [Socket]
    fakeTime()
    const shutdown = server.shutdown({ timeout: 10 })
    vi.advanceTimersByTime(1010)
    expect(await shutdown).toEqual({ closed: 0, terminated: 0 })
    expect(ws.readyState).toBe(1)
    ws.terminate()
  })
})

test('a close of the program’s own that throws keeps nobody from being closed, and is what it is rejected with', async () => {
  const { server, port } = await listen()
  const all = [await connect(port), await connect(port)]
  const [first] = server.clients!
  first.close = () => {
    throw new Error('from close')
  }
  fakeTime()
  const shutdown = server.shutdown({ timeout: 10 })
  await all[1].untilEnded()
  vi.advanceTimersByTime(10)
  await expect(shutdown).rejects.toThrow('from close')
  expect(server.clients!.size).toBe(0)
})

test('a close of the server that shuts it down is no circle', async () => {
  class Server extends WebSocketServer {
    override close(callback?: (error?: Error) => void): void {
      if (callback) this.once('close', callback)
      void this.shutdown()
    }
  }
  const wss = new Server({ port: 0, host: '127.0.0.1' })
  await once(wss, 'listening')
  await new Promise<void>((resolve) => wss.close(() => resolve()))
  expect(wss.address()).toBe(null)
})

test.each([
  [{ code: 1005 }, TypeError, 'First argument must be a valid error code number'],
  [{ code: '1001' }, TypeError, 'First argument must be a valid error code number'],
  [{ reason: 'x'.repeat(124) }, RangeError, 'The message must not be greater than 123 bytes'],
  [{ reason: 5 }, TypeError, 'Invalid value for option "reason": 5 (must be a string)'],
  [{ timeout: -1 }, RangeError, 'Invalid value for option "timeout": -1 (must be a number from 0 to 2147483647)'],
  [{ timeout: NaN }, RangeError, '"timeout": NaN'],
  [{ spread: '1s' }, TypeError, 'Invalid value for option "spread": "1s" (must be a number)'],
  [5, TypeError, 'must be an object']
])('%o is rejected, and nothing is shut down', async (options, Kind, message) => {
  const wss = new WebSocketServer({ noServer: true })
  const shutdown = wss.shutdown(options as object)
  await expect(shutdown).rejects.toThrow(Kind)
  await expect(shutdown).rejects.toThrow(message)
  expect(wss._state).toBe(0)
  expect(await wss.shutdown()).toEqual({ closed: 0, terminated: 0 })
})
