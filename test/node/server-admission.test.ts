// Whom a server lets in: `authenticate`, `origins`, limits and `handshakeTimeout`.

import { EventEmitter, once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { afterEach, describe, expect, test, vi } from 'vitest'
import WebSocket from '../../src/index.js'
import { connectRaw, type RawPeer, requestOctets, turn } from '../support/raw-peer.js'
import { streamPair } from '../support/stream-pair.js'
import { eventually, listen, type Options, type Socket } from './support/links.js'
import { uncaughtDuring } from './support/uncaught.js'

const { Refusal, WebSocketServer } = WebSocket

type Server = InstanceType<typeof WebSocketServer>

const peers: RawPeer[] = []
afterEach(() => {
  vi.useRealTimers()
  for (const peer of peers.splice(0)) peer.socket.destroy()
})

/** Sends a request to the server of `port`, with these header fields and octets behind it. */
async function ask(port: number, headers: Record<string, string> = {}, ...behind: Buffer[]): Promise<RawPeer> {
  const peer = await connectRaw(port)
  peers.push(peer)
  peer.write(requestOctets('/', headers), ...behind)
  return peer
}

/** Status, header lines and body of the answer. */
async function answerOf(peer: RawPeer): Promise<{ status: number; body: string }> {
  const [line] = await peer.untilHead()
  const status = Number(line.split(' ')[1])
  if (status !== 101) await peer.untilAnswered()
  return { status, body: peer.body.toString() }
}

async function statusOf(port: number, headers: Record<string, string> = {}): Promise<number> {
  return (await answerOf(await ask(port, headers))).status
}

/** What settles a promise, and the promise. */
function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: unknown) => void } {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((one, other) => {
    resolve = one
    reject = other
  })
  return { promise, resolve, reject }
}

/** A server whose `authenticate` waits until it is told; `signal` is that of the last call. */
async function waiting(options: Options = {}) {
  const answer = deferred<unknown>()
  const events = new EventEmitter()
  let signal: AbortSignal | undefined
  const asked = once(events, 'asked')
  const { server, port } = await listen({
    authenticate: (_request: http.IncomingMessage, given: { signal: AbortSignal }) => {
      signal = given.signal
      events.emit('asked')
      return answer.promise
    },
    ...options
  })
  let connections = 0
  server.on('connection', () => connections++)
  return { server, port, answer, asked, signal: () => signal!, connections: () => connections }
}

describe('authenticate', () => {
  test.each([
    ['a value', () => ({ name: 'ada' })],
    ['a promise', async () => ({ name: 'ada' })],
    // oxlint-disable-next-line unicorn/no-thenable
    ['a thenable', () => ({ then: (done: (value: unknown) => void) => done({ name: 'ada' }) })]
  ])('what it gives is the third argument of connection: %s', async (_, authenticate) => {
    const { server, port } = await listen({ authenticate })
    const connected = once(server, 'connection')
    expect(await statusOf(port)).toBe(101)
    const args = await connected
    expect(args).toHaveLength(3)
    expect(args[1]).toBeInstanceOf(http.IncomingMessage)
    expect(args[2]).toEqual({ name: 'ada' })
  })

  test('without it connection has the two arguments of ws', async () => {
    const { server, port } = await listen({ maxConnections: 5 })
    const connected = once(server, 'connection')
    expect(await statusOf(port)).toBe(101)
    expect(await connected).toHaveLength(2)
  })

  test.each([[false], [undefined], [null]])('%s refuses with 401', async (value) => {
    const { port } = await listen({ authenticate: async () => value })
    const peer = await ask(port)
    expect(await answerOf(peer)).toEqual({ status: 401, body: 'Unauthorized' })
  })

  test.each([[0], [''], [true]])('%o is a value', async (value) => {
    const { server, port } = await listen({ authenticate: async () => value })
    const connected = once(server, 'connection')
    expect(await statusOf(port)).toBe(101)
    expect((await connected)[2]).toBe(value)
  })

  test('a Refusal that is thrown is the answer', async () => {
    const { port } = await listen({
      authenticate: async () => {
        throw new Refusal(402, { headers: { 'X-Plan': 'free' }, body: 'größer' })
      }
    })
    const peer = await ask(port)
    expect(await answerOf(peer)).toEqual({ status: 402, body: 'größer' })
    expect(peer.header('x-plan')).toBe('free')
    expect(peer.header('content-type')).toBe('text/plain; charset=utf-8')
    expect(peer.header('connection')).toBe('close')
  })

  test.each([
    ['rejects', async () => Promise.reject(new Error('secret'))],
    [
      'throws',
      () => {
        throw new Error('secret')
      }
    ],
    ['throws nothing', async () => Promise.reject(undefined)],
    ['makes a refusal that is none', async () => Promise.reject(new Refusal(200))]
  ])('one that %s is a 500 that tells nothing, and no error of the server', async (_, authenticate) => {
    const { server, port } = await listen({ authenticate: async () => authenticate() })
    const errors: unknown[] = []
    for (const event of ['error', 'wsClientError']) server.on(event, (error) => errors.push(error))
    expect(await answerOf(await ask(port))).toEqual({ status: 500, body: 'Internal Server Error' })
    expect(errors).toEqual([])
  })

  test('frames that came meanwhile are delivered, in order, however they came', async () => {
    const { server, port, answer, asked } = await waiting()
    const received: string[] = []
    server.on('connection', (ws) => ws.on('message', (data: Buffer) => received.push(data.toString())))
    const peer = await connectRaw(port)
    peers.push(peer)
    peer.write(requestOctets(), peer.text('with the request'))
    await asked
    peer.write(peer.text('meanwhile'))
    const half = peer.text('in two pieces')
    peer.write(half.subarray(0, 9))
    for (let i = 0; i < 20; i++) await turn()
    answer.resolve('ada')
    expect((await answerOf(peer)).status).toBe(101)
    peer.write(half.subarray(9), peer.text('afterwards'))
    await eventually(() => received.length === 4)
    expect(received).toEqual(['with the request', 'meanwhile', 'in two pieces', 'afterwards'])
  })

  test('a client that sends 64 KiB is let in, and one that sends more is refused', async () => {
    for (const [length, status] of [
      [64 * 1024 - 14, 101],
      [64 * 1024, 413]
    ]) {
      const { server, port, answer, asked, signal } = await waiting()
      const received: number[] = []
      server.on('connection', (ws) => ws.on('message', (data: Buffer) => received.push(data.length)))
      const peer = await ask(port)
      await asked
      const frame = peer.binary(Buffer.alloc(length))
      peer.write(frame)
      if (status === 413) {
        expect((await answerOf(peer)).status).toBe(413)
        expect(signal().aborted).toBe(true)
        answer.resolve('too late')
        await turn()
        expect(server.clients!.size).toBe(0)
      } else {
        // All of it has been read
        await eventually(() => read(server) >= frame.length)
        answer.resolve('ada')
        expect((await answerOf(peer)).status).toBe(status)
        await eventually(() => received.length === 1)
        expect(received).toEqual([length])
      }
    }
  })

  /** Octets that sockets of the server have read. */
  function read(server: Server): number {
    const sockets = reading.get(server) ?? []
    return sockets.reduce((sum, socket) => sum + socket.bytesRead, 0) - requestOctets().length
  }

  const reading = new WeakMap<Server, { bytesRead: number }[]>()
  const { handleUpgrade } = WebSocketServer.prototype
  WebSocketServer.prototype.handleUpgrade = function (request, socket, ...rest) {
    reading.set(this, [...(reading.get(this) ?? []), socket as unknown as { bytesRead: number }])
    return handleUpgrade.call(this, request, socket, ...rest)
  }

  test.each([
    ['ends', (peer: RawPeer) => peer.socket.end()],
    ['resets', (peer: RawPeer) => (peer.socket as unknown as { resetAndDestroy(): void }).resetAndDestroy()]
  ])('the signal aborts when the client %s, and what is answered then is nobody’s', async (_, leave) => {
    for (const value of ['ada', false, new Error('late')]) {
      const { port, answer, asked, signal, connections } = await waiting({ maxConnections: 1 })
      const peer = await ask(port)
      await asked
      expect(signal().aborted).toBe(false)
      const aborted = once(signal(), 'abort')
      leave(peer)
      await aborted
      expect((signal().reason as Error).message).toBe('The client is gone')
      if (value instanceof Error) answer.reject(value)
      else answer.resolve(value)
      await peer.untilClosed()
      expect(connections()).toBe(0)
      // Its place is free
      expect(await statusOf(port)).not.toBe(503)
    }
  })

  test('one that never settles is a 408 after ten seconds', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { port, asked, signal, answer, connections } = await waiting()
    const peer = await ask(port)
    await asked
    vi.advanceTimersByTime(9999)
    expect(signal().aborted).toBe(false)
    vi.advanceTimersByTime(1)
    expect(signal().reason).toMatchObject({ name: 'TimeoutError' })
    expect(await answerOf(peer)).toEqual({ status: 408, body: 'Request Timeout' })
    answer.resolve('ada')
    await turn()
    expect(connections()).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('the time may be another, or none', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const short = await waiting({ handshakeTimeout: 50 })
    const peer = await ask(short.port)
    await short.asked
    vi.advanceTimersByTime(50)
    expect((await answerOf(peer)).status).toBe(408)
    const long = await waiting({ handshakeTimeout: 0 })
    await ask(long.port)
    await long.asked
    expect(vi.getTimerCount()).toBe(0)
  })

  test('handshakeTimeout is that of verifyClient, too', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const asked = deferred<void>()
    const { port } = await listen({
      handshakeTimeout: 50,
      verifyClient: (_info: unknown, _done: unknown) => asked.resolve()
    })
    const peer = await ask(port)
    await asked.promise
    vi.advanceTimersByTime(50)
    expect((await answerOf(peer)).status).toBe(408)
  })

  test('verifyClient is asked first, and each once', async () => {
    const calls: string[] = []
    const options = {
      authenticate: async () => {
        calls.push('authenticate')
        return 'ada'
      }
    }
    const yes = await listen({
      ...options,
      verifyClient: (_info: unknown, done: (yes: boolean) => void) => {
        calls.push('verifyClient')
        done(true)
        done(true)
        done(false)
      }
    })
    expect(await statusOf(yes.port)).toBe(101)
    expect(calls).toEqual(['verifyClient', 'authenticate'])
    calls.length = 0
    const no = await listen({
      ...options,
      verifyClient: () => {
        calls.push('verifyClient')
        return false
      }
    })
    expect(await statusOf(no.port)).toBe(401)
    expect(calls).toEqual(['verifyClient'])
  })

  test('verifyClient that answers when the client is gone asks nobody else', async () => {
    let answer!: (yes: boolean) => void
    const asked = deferred<void>()
    let calls = 0
    const { port, server } = await listen({
      authenticate: () => calls++,
      verifyClient: (_info: unknown, done: (yes: boolean) => void) => {
        answer = done
        asked.resolve()
      }
    })
    const peer = await ask(port)
    await asked.promise
    peer.socket.destroy()
    await eventually(() => server._server!.listening && connectionsOf(server) === 0)
    answer(true)
    expect(calls).toBe(0)
  })

  test('what a listener of connection throws is an uncaught exception, as it is without', async () => {
    const { server, port } = await listen({ authenticate: async () => 'ada' })
    server.on('connection', () => {
      throw new Error('from a listener')
    })
    const errors = await uncaughtDuring(async () => {
      await statusOf(port)
      await turn()
    })
    expect(errors.map((error) => (error as Error).message)).toEqual(['from a listener'])
  })

  test('the callback of handleUpgrade gets it, with any stream', async () => {
    const wss = new WebSocketServer({ noServer: true, authenticate: async () => ({ name: 'ada' }) })
    const [one, two] = streamPair()
    const request = {
      method: 'GET',
      url: '/',
      headers: { upgrade: 'websocket', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', 'sec-websocket-version': '13' }
    } as unknown as http.IncomingMessage
    const accepted = new Promise<unknown[]>((resolve) =>
      wss.handleUpgrade(request, one as Duplex, Buffer.alloc(0), (...args) => resolve(args))
    )
    two.resume()
    const [ws, given, context] = await accepted
    expect(given).toBe(request)
    expect(context).toEqual({ name: 'ada' })
    ;(ws as Socket).terminate()
  })

  test('on a server of the program’s own', async () => {
    const server = http.createServer()
    const wss = new WebSocketServer({ server, authenticate: async (request) => request.url })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const connected = once(wss, 'connection')
    expect(await statusOf((server.address() as AddressInfo).port)).toBe(101)
    expect((await connected)[2]).toBe('/')
    for (const client of wss.clients!) client.terminate()
    server.close()
  })

  test('a server that closes asks nobody any more', async () => {
    let calls = 0
    const wss = new WebSocketServer({ noServer: true, authenticate: async () => ++calls })
    wss.close()
    const server = http.createServer().on('upgrade', (request, socket, head) => wss.handleUpgrade(request, socket, head, () => {}))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    expect(await statusOf((server.address() as AddressInfo).port)).toBe(503)
    expect(calls).toBe(0)
    server.close()
  })
})

/** Sockets that the HTTP server of `server` has. */
function connectionsOf(server: Server): number {
  return (server._server as unknown as { _connections: number })._connections
}

describe('origins', () => {
  test('others are refused with 403 that tells nothing', async () => {
    const { port } = await listen({ origins: ['https://example.com'] })
    expect(await answerOf(await ask(port, { Origin: 'https://evil.example' }))).toEqual({ status: 403, body: 'Forbidden' })
    expect(await statusOf(port, { Origin: 'https://example.com' })).toBe(101)
    expect(await statusOf(port)).toBe(101)
  })

  test('version 8 has another name for it', async () => {
    const { port } = await listen({ origins: 'same-origin', requireOrigin: true })
    const version8 = { 'Sec-WebSocket-Version': '8' }
    expect(await statusOf(port, { ...version8, 'Sec-WebSocket-Origin': 'http://localhost' })).toBe(101)
    expect(await statusOf(port, { ...version8, 'Sec-WebSocket-Origin': 'http://evil.example' })).toBe(403)
    expect(await statusOf(port, { ...version8, Origin: 'http://localhost' })).toBe(403)
    expect(await statusOf(port, { Origin: 'http://localhost' })).toBe(101)
    expect(await statusOf(port, { 'Sec-WebSocket-Origin': 'http://localhost' })).toBe(403)
  })

  test('they are looked at before anybody is asked', async () => {
    let calls = 0
    const { port } = await listen({ origins: [], authenticate: async () => ++calls, verifyClient: () => ++calls > 0 })
    expect(await statusOf(port, { Origin: 'https://example.com' })).toBe(403)
    expect(calls).toBe(0)
  })
})

describe('limits', () => {
  test('maxConnections refuses with 503 and Retry-After until one is gone', async () => {
    const { server, port } = await listen({ maxConnections: 2 })
    const first = await ask(port)
    await first.untilHead()
    expect(await statusOf(port)).toBe(101)
    const third = await ask(port)
    expect((await answerOf(third)).status).toBe(503)
    expect(third.header('retry-after')).toBe('10')
    first.socket.destroy()
    await eventually(() => server.clients!.size === 1)
    await turn()
    expect(await statusOf(port)).toBe(101)
  })

  test('clients that are being decided on have their place', async () => {
    const { port, asked, answer } = await waiting({ maxConnections: 1 })
    const first = await ask(port)
    await asked
    expect(await statusOf(port)).toBe(503)
    answer.resolve(false)
    expect((await answerOf(first)).status).toBe(401)
    await first.untilClosed()
    expect(await statusOf(port)).not.toBe(503)
  })

  test('maxConnectionsPerAddress refuses with 429', async () => {
    const { port } = await listen({
      maxConnectionsPerAddress: 1,
      addressOf: (request: http.IncomingMessage) => request.headers['x-forwarded-for']
    })
    expect(await statusOf(port, { 'X-Forwarded-For': 'a' })).toBe(101)
    expect(await statusOf(port, { 'X-Forwarded-For': 'a' })).toBe(429)
    expect(await statusOf(port, { 'X-Forwarded-For': 'b' })).toBe(101)
    const byPeer = await listen({ maxConnectionsPerAddress: 1, clientTracking: false })
    expect(await statusOf(byPeer.port)).toBe(101)
    expect(await statusOf(byPeer.port)).toBe(429)
  })

  test('addressOf that throws is a 500', async () => {
    const { port } = await listen({
      maxConnectionsPerAddress: 1,
      addressOf: () => {
        throw new Error('secret')
      }
    })
    expect(await answerOf(await ask(port))).toEqual({ status: 500, body: 'Internal Server Error' })
  })

  test('a request that is wrong takes no place', async () => {
    const { port } = await listen({ maxConnections: 1 })
    expect(await statusOf(port, { 'Sec-WebSocket-Version': '7' })).toBe(400)
    expect(await statusOf(port)).toBe(101)
  })
})

test.each([
  [{ authenticate: true }, TypeError, 'Invalid value for option "authenticate": true (must be a function)'],
  [{ handshakeTimeout: -1 }, RangeError, 'Invalid value for option "handshakeTimeout": -1 (must be a number from 0 to 2147483647)'],
  [{ handshakeTimeout: '5s' }, TypeError, 'Invalid value for option "handshakeTimeout": "5s" (must be a number)'],
  [{ handshakeTimeout: Infinity }, RangeError, '"handshakeTimeout": Infinity'],
  [{ origins: '*' }, TypeError, '"origins": "*"'],
  [{ requireOrigin: 1 }, TypeError, '"requireOrigin": 1'],
  [{ maxConnections: 0 }, RangeError, '"maxConnections": 0'],
  [{ maxConnectionsPerAddress: 0.5 }, RangeError, '"maxConnectionsPerAddress": 0.5'],
  [{ addressOf: {} }, TypeError, '"addressOf": [object Object]'],
  [{ rateLimit: 5 }, TypeError, '"rateLimit": 5'],
  [{ rateLimit: {} }, TypeError, 'must be an object with "messages", "octets" or both'],
  [{ rateLimit: { messages: 0 } }, RangeError, '"rateLimit.messages": 0 (must be a number of at least 1)'],
  [{ rateLimit: { octets: '1k' } }, TypeError, '"rateLimit.octets": "1k"'],
  [{ rateLimit: { messages: 1, burst: 0.5 } }, RangeError, '"rateLimit.burst": 0.5'],
  [{ rateLimit: { messages: 1, interval: 0 } }, RangeError, '"rateLimit.interval": 0'],
  [{ rateLimit: { messages: 1, action: 'drop' } }, TypeError, '"rateLimit.action": "drop" (must be "pause" or "close")']
])('%o is an error of the constructor that says what is allowed', (options, Kind, message) => {
  const make = () => new WebSocketServer({ noServer: true, ...(options as object) })
  expect(make).toThrow(Kind)
  expect(make).toThrow(message)
})

test('options of nothing are none', () => {
  const names = ['authenticate', 'handshakeTimeout', 'origins', 'requireOrigin', 'maxConnections', 'rateLimit', 'addressOf']
  const wss = new WebSocketServer({ noServer: true, ...Object.fromEntries(names.map((name) => [name, undefined])) })
  expect(Object.getOwnPropertySymbols(wss).map(({ description }) => description)).not.toContain('hybi.services')
})
