// What callbacks of `send` say is true: who is told that all went well had all octets of its frame taken by the system, whatever was under
// way when the connection ended. Random programs, each of which can be run again by its seed.

import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Duplex } from 'node:stream'
import tls from 'node:tls'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { buildFrame, FrameParser } from '../support/frames.js'
import { cert, key } from '../support/tls.js'
import { turns } from './support/links.js'

type WebSocketClass = typeof import('../../src/index.js').default

/** Programs for each kind of stream. */
const PROGRAMS = 40

const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup()
  vi.unstubAllEnvs()
})

/** The package with this choice, which is read when it is loaded. */
async function load(handleWrites: string): Promise<WebSocketClass> {
  vi.resetModules()
  vi.stubEnv('HYBI_HANDLE_WRITES', handleWrites)
  return (await import('../../src/index.js')).default
}

/** The stream of the WebSocket, and who reads what comes out of it. */
interface Ends {
  stream: Duplex
  peer: Peer
}

/** Reads frames, when it is told to. */
interface Peer {
  pause(): void
  resume(): void
  /** Drops the connection so that the other side is told of a failure. */
  reset(): void
  /** Payloads of the frames that came whole, when all that there is was read. */
  drained(): Promise<Buffer[]>
}

class SocketPeer implements Peer {
  readonly #socket: net.Socket
  readonly #parser = new FrameParser()
  readonly #payloads: Buffer[] = []
  readonly #closed: Promise<unknown>
  #wasReset = false

  constructor(socket: net.Socket) {
    this.#socket = socket
    socket.on('data', (chunk) => {
      for (const { payload } of this.#parser.push(chunk)) this.#payloads.push(payload)
    })
    socket.on('error', () => {})
    this.#closed = new Promise((resolve) => socket.once('close', resolve))
  }
  pause(): void {
    this.#socket.pause()
  }
  resume(): void {
    this.#socket.resume()
  }
  reset(): void {
    this.#wasReset = true
    // Which is for TCP only
    if (this.#socket.remotePort !== undefined && !(this.#socket instanceof tls.TLSSocket)) this.#socket.resetAndDestroy()
    else this.#socket.destroy()
  }
  async drained(): Promise<Buffer[]> {
    if (!this.#wasReset) this.#socket.resume()
    await this.#closed
    return this.#payloads
  }
}

async function sockets(listener: net.Server, address: net.ListenOptions, connect: () => net.Socket): Promise<Ends> {
  const isTls = listener instanceof tls.Server
  listener.listen(address)
  await once(listener, 'listening')
  const accepted = once(listener, isTls ? 'secureConnection' : 'connection')
  const client = connect()
  const [[stream]] = await Promise.all([accepted, once(client, isTls ? 'secureConnect' : 'connect')])
  cleanups.push(() => {
    client.destroy()
    ;(stream as net.Socket).destroy()
    listener.close()
  })
  return { stream: stream as net.Socket, peer: new SocketPeer(client) }
}

async function tcp(): Promise<Ends> {
  const listener = net.createServer()
  return sockets(listener, { port: 0, host: '127.0.0.1' }, () =>
    net.connect((listener.address() as net.AddressInfo).port, '127.0.0.1')
  )
}

async function unix(): Promise<Ends> {
  const folder = mkdtempSync(path.join(tmpdir(), 'hybi-'))
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }))
  const address = path.join(folder, 'socket')
  return sockets(net.createServer(), { path: address }, () => net.connect(address))
}

async function secure(): Promise<Ends> {
  const listener = tls.createServer({ key, cert })
  return sockets(listener, { port: 0, host: '127.0.0.1' }, () =>
    tls.connect({ port: (listener.address() as net.AddressInfo).port, host: '127.0.0.1', ca: cert })
  )
}

/** A stream that takes what it is given while it is read, one chunk in each turn, and fails if it is told to. */
function plain(): Promise<Ends> {
  const parser = new FrameParser()
  const payloads: Buffer[] = []
  let isPaused = false
  let waiting: ((error?: Error) => void) | null = null
  const take = (chunks: Buffer[], done: (error?: Error | null) => void): void => {
    waiting = (error) => {
      waiting = null
      if (!error) for (const { payload } of parser.push(Buffer.concat(chunks))) payloads.push(payload)
      done(error)
    }
    setImmediate(() => {
      if (!isPaused && !stream.destroyed) waiting?.()
    })
  }
  const stream = new Duplex({
    read() {},
    write: (chunk: Buffer, _encoding, done) => take([Buffer.from(chunk)], done),
    writev: (chunks, done) =>
      take(
        chunks.map(({ chunk }) => Buffer.from(chunk as Buffer)),
        done
      ),
    destroy: (error, done) => {
      waiting?.(error ?? new Error('destroyed'))
      done(error)
    }
  })
  stream.on('error', () => {})
  return Promise.resolve({
    stream,
    peer: {
      pause: () => void (isPaused = true),
      resume: () => {
        isPaused = false
        waiting?.()
      },
      reset: () => void stream.destroy(new Error('reset')),
      drained: async () => {
        // Its last writes, where it ends in good order
        isPaused = false
        if (!stream.destroyed) waiting?.()
        await turns(200)
        return payloads
      }
    }
  })
}

/** Numbers from 0 to `limit` - 1 (Park and Miller). */
function random(seed: number): (limit: number) => number {
  let state = (seed * 7919 + 1) % 2_147_483_647
  return (limit) => (state = (state * 48_271) % 2_147_483_647) % limit
}

const ENDS = ['terminate()', 'destroy()', 'end()', 'reset'] as const

/** What a program sent, frame by frame, and what it was told. */
interface Outcome {
  end: (typeof ENDS)[number]
  sent: { length: number; first: number }[]
  /** Which frames have callbacks; and those that were called, in order. */
  asked: number[]
  called: { frame: number; error: Error | null }[]
  arrived: Buffer[]
}

async function run(WebSocket: WebSocketClass, seed: number, make: () => Promise<Ends>): Promise<Outcome> {
  const next = random(seed)
  const { stream, peer } = await make()
  const isServer = next(2) === 0
  const ws = new WebSocket(null, undefined, { autoPong: true, closeTimeout: 1000, coalesce: next(4) !== 0 })
  ws._isServer = isServer
  ws.setSocket(stream, Buffer.alloc(0), { maxPayload: 0 })
  ws.on('error', () => {})
  const closed = once(ws, 'close')
  const outcome: Outcome = { end: ENDS[next(ENDS.length)], sent: [], asked: [], called: [], arrived: [] }
  const { sent, asked, called } = outcome
  const payload = (length: number): Buffer => {
    const octets = Buffer.alloc(length, 97 + (sent.length % 26))
    sent.push({ length, first: length === 0 ? -1 : octets[0] })
    return octets
  }
  const callback = (isAsked: boolean): ((error?: Error | null) => void) | undefined => {
    if (!isAsked) return undefined
    const frame = sent.length - 1
    asked.push(frame)
    return (error) => called.push({ frame, error: error ?? null })
  }
  const send = (length: number): void => {
    const octets = payload(length)
    ws.send(next(2) === 0 ? octets : octets.toString('latin1'), callback(next(2) === 0))
  }
  const lengthOf = [() => next(3), () => next(200), () => next(5000), () => next(40_000), () => next(300_000)]
  let corks = 0
  for (let steps = 5 + next(60); steps > 0; steps--) {
    const kind = next(100)
    if (kind < 50) send(lengthOf[next(5)]())
    else if (kind < 60) for (let i = next(30); i > 0; i--) send(lengthOf[next(2)]())
    else if (kind < 64) ws.ping(payload(next(100)), undefined, callback(next(2) === 0))
    else if (kind < 70) await turns(1 + next(3))
    else if (kind < 75) peer.pause()
    else if (kind < 78) peer.resume()
    else if (kind < 80) void ws.bufferedAmount
    else if (kind < 84) {
      stream.cork()
      corks++
    } else if (kind < 89 && corks > 0) {
      stream.uncork()
      corks--
    } else if (kind < 93) {
      // Somebody else writes a frame beside us
      const frame = buildFrame({ payload: payload(next(2000)), key: isServer ? null : Buffer.from([1, 2, 3, 4]) })
      if (next(2) === 0) stream.write(frame)
      else stream.write(frame, () => {})
    } else if (kind < 97) {
      // More than the system takes
      peer.pause()
      for (let i = 0; i < 8 && ws.bufferedAmount < 1_000_000; i++) {
        send(2_000_000)
        if (next(2) === 0) await turns(1)
      }
    } else if (asked.length > 0) {
      // Sends in a callback
      const octets = payload(next(300))
      asked.push(sent.length - 1)
      const frame = sent.length - 1
      ws.send(octets, (error) => {
        called.push({ frame, error: error ?? null })
        if (ws.readyState === WebSocket.OPEN && stream.writable) send(next(300))
      })
    }
  }
  if (next(3) === 0) await turns(next(4))
  switch (outcome.end) {
    case 'terminate()':
      ws.terminate()
      break
    case 'destroy()':
      stream.destroy()
      break
    case 'end()':
      while (corks-- > 0) stream.uncork()
      stream.end()
      stream.once('finish', () => stream.destroy())
      peer.resume()
      break
    case 'reset':
      peer.reset()
  }
  outcome.arrived = await peer.drained()
  await closed
  // Callbacks are called in ticks, or after five ms of others, in turns
  for (let i = 0; i < 1000 && called.length < asked.length; i++) await turns(1)
  await turns(5)
  return outcome
}

/** Everything that is wrong with what a program was told. */
function faults({ end, sent, asked, called, arrived }: Outcome): string[] {
  const wrong: string[] = []
  const order = called.map(({ frame }) => frame)
  if (order.join() !== [...asked].sort((a, b) => a - b).join()) {
    const late = order.find((frame, i) => i > 0 && frame < order[i - 1])
    wrong.push(`${asked.length} callbacks, ${order.length} called, ${new Set(order).size} different, out of order: ${late}`)
  }
  for (const [i, payload] of arrived.entries()) {
    const { length, first } = sent[i] ?? { length: -1, first: -1 }
    if (payload.length !== length || (length > 0 && payload[0] !== first)) {
      wrong.push(`frame ${i} of ${sent.length} has ${payload.length} octets and not ${length}`)
      break
    }
  }
  if (end !== 'reset') {
    const lies = called.filter(({ frame, error }) => error === null && frame >= arrived.length)
    if (lies.length > 0) {
      wrong.push(
        `${arrived.length} of ${sent.length} frames arrived, but all went well says ${lies.map(({ frame }) => frame).join()}`
      )
    }
  }
  if (end === 'end()') {
    if (arrived.length !== sent.length) wrong.push(`${arrived.length} of ${sent.length} arrived`)
    const failed = called.filter(({ error }) => error !== null)
    if (failed.length > 0) wrong.push(`${failed.length} failed: ${failed[0].error?.message}`)
  }
  return wrong
}

describe.each([
  ['over TCP', 'auto', tcp],
  ['over TCP through the stream', 'off', tcp],
  ['over a Unix domain socket', 'auto', unix],
  ['over TLS', 'auto', secure],
  ['over any stream', 'auto', plain]
] as const)('%s', (_name, handleWrites, make) => {
  test('who is told that all went well had its frame taken whole; each is told once, in order', async () => {
    const WebSocket = await load(handleWrites)
    const wrong: Record<string, string[]> = {}
    const seen = { well: 0, failed: 0, partly: 0 }
    for (let seed = 0; seed < PROGRAMS; seed++) {
      const outcome = await run(WebSocket, seed, make)
      const found = faults(outcome)
      if (found.length > 0) wrong[`${seed}, ${outcome.end}`] = found
      const well = outcome.called.filter(({ error }) => error === null).length
      seen.well += well
      seen.failed += outcome.called.length - well
      if (well > 0 && well < outcome.called.length) seen.partly++
      for (const cleanup of cleanups.splice(0).reverse()) cleanup()
    }
    expect(wrong).toEqual({})
    // Or nothing was tried
    expect([seen.well > 100, seen.failed > 100, seen.partly > 3]).toEqual([true, true, true])
  }, 120_000)
})
