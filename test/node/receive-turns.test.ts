// How much of what connections receive is delivered in one turn of the event loop, by a clock that listeners move on.

import { AsyncLocalStorage } from 'node:async_hooks'
import type { Duplex } from 'node:stream'
import { constants, deflateRawSync } from 'node:zlib'
import { expect, test, vi } from 'vitest'
import { BINARY, buildFrame, CONTINUATION, PING, TEST_KEY, type FrameFields } from '../support/frames.js'
import { linkRaw, type Options, type Socket, turns } from './support/links.js'

/** Set in front of Node's own before anything is loaded. */
const clock = vi.hoisted(() => {
  const fake = { ms: 1000 }
  performance.now = () => fake.ms
  return fake
})

/** What a turn of the event loop gives to deliveries from reads, and to each connection that had to wait, in ms. */
const READS_MS = 2
const EACH_MS = 2
/** How many of these have their turns in one of the event loop if they use it up. */
const AT_ONCE = 2

/** A socket that reads into the shared region, with what Node calls for each of its reads. */
interface SharedSocket {
  isPaused(): boolean
  pause(): void
  resume(): void
  push(chunk: Buffer): boolean
  _handle: { reading: boolean } | null
  [key: symbol]: unknown
}

function keyOf(socket: SharedSocket, description: string): symbol {
  const keys = [...Object.getOwnPropertySymbols(socket), ...Object.getOwnPropertySymbols(Object.getPrototypeOf(socket))]
  return keys.find((key) => key.description === description)!
}

/** A server's connection that is fed as by a read of its socket. */
class Fed {
  readonly socket: SharedSocket
  readonly received: string[] = []

  private constructor(readonly ws: Socket) {
    this.socket = (ws as unknown as { _socket: SharedSocket })._socket
    for (const event of ['message', 'ping']) ws.on(event, (data: Buffer) => this.received.push(data.toString()))
  }

  static async open(options: Options = {}): Promise<Fed> {
    const headers: Record<string, string> = options.perMessageDeflate ? { 'Sec-WebSocket-Extensions': 'permessage-deflate' } : {}
    const { server } = await linkRaw(options, headers)
    return new Fed(server)
  }

  /** Each message takes so long. */
  taking(ms: number): this {
    for (const event of ['message', 'ping'])
      this.ws.on(event, () => {
        clock.ms += ms
      })
    return this
  }

  get region(): Buffer {
    return this.socket[keyOf(this.socket, 'kBuffer')] as Buffer
  }

  /** @returns whether the socket reads on */
  read(octets: Buffer): boolean {
    octets.copy(this.region)
    return (this.socket[keyOf(this.socket, 'kBufferCb')] as (length: number) => boolean)(octets.length)
  }
}

const frames = (list: FrameFields[]): Buffer => Buffer.concat(list.map((frame) => buildFrame({ key: TEST_KEY, ...frame })))
const deflated = (octets: Buffer): Buffer => deflateRawSync(octets, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4)
const numbered = (count: number): { names: string[]; octets: Buffer } => {
  const names = Array.from({ length: count }, (_, i) => `message ${i}`)
  return { names, octets: frames(names.map((payload) => ({ opcode: BINARY, payload }))) }
}

test.each([
  ['messages', numbered(2000).octets, 2000],
  ['pings', frames(Array.from({ length: 2000 }, () => ({ opcode: PING, payload: 'ping' }))), 2000],
  [
    'messages of empty fragments',
    frames(
      Array.from({ length: 1000 }, () => [
        { opcode: BINARY, fin: false, payload: '' },
        { opcode: CONTINUATION, payload: '' }
      ]).flat()
    ),
    1000
  ]
])('a read full of %s is delivered over many turns of the event loop, and nothing is read meanwhile', async (_, octets, count) => {
  const fed = (await Fed.open()).taking(0.1)
  expect(fed.read(octets)).toBe(false)
  // The first few are not measured
  expect(fed.received.length).toBeLessThan(READS_MS / 0.1 + 40)
  for (let idle = 0; fed.received.length < count;) {
    const before = fed.received.length
    await turns(1)
    expect(fed.received.length - before).toBeLessThan(AT_ONCE * (EACH_MS / 0.1 + 8))
    idle = fed.received.length > before ? 0 : idle + 1
    expect(idle).toBeLessThan(50)
  }
  await turns(2)
  expect(fed.socket._handle!.reading).toBe(true)
})

test('messages come in order over all these turns, with what is read later behind them', async () => {
  const fed = (await Fed.open()).taking(0.2)
  const { names, octets } = numbered(500)
  const cut = octets.length - 300
  fed.read(octets.subarray(0, cut))
  expect(fed.received.length).toBeLessThan(100)
  // Somebody has resumed the socket
  fed.read(octets.subarray(cut))
  while (fed.received.length < 500) await turns(1)
  expect(fed.received).toEqual(names)
})

test('no listener is entered within an immediate or a timer, where a nested event loop would go wrong', async () => {
  const fed = (await Fed.open({ perMessageDeflate: true })).taking(0.5)
  const stacks = new Set<string>()
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 100
  fed.ws.on('message', () => stacks.add(new Error('here').stack!))
  // of which the last is inflated in slices, with pauses
  const { octets } = numbered(100)
  fed.read(Buffer.concat([octets, frames([{ opcode: BINARY, rsv: 4, payload: deflated(Buffer.alloc(2 ** 22)) }])]))
  while (fed.received.length < 101) await turns(1)
  Error.stackTraceLimit = stackTraceLimit
  expect(stacks.size).toBeGreaterThan(1)
  for (const stack of stacks) expect(stack).not.toMatch(/processImmediate|processTimers/)
})

test('a listener that has to wait for its turn is called in the context that the octets came in', async () => {
  const storage = new AsyncLocalStorage<string>()
  const one = (await Fed.open()).taking(0.5)
  const two = (await Fed.open()).taking(0.5)
  const stores = [one, two].map((fed, index) => {
    const seen = new Set<string | undefined>()
    fed.ws.on('message', () => seen.add(storage.getStore()))
    storage.run(`context ${index}`, () => fed.read(numbered(50).octets))
    return seen
  })
  while (one.received.length < 50 || two.received.length < 50) await turns(1)
  expect(stores.map((seen) => [...seen])).toEqual([['context 0'], ['context 1']])
})

test('a listener that takes its time is not called twice more than there is time for', async () => {
  const fed = (await Fed.open()).taking(3)
  fed.read(numbered(60).octets)
  while (fed.received.length < 60) {
    const before = fed.received.length
    await turns(1)
    if (before > 20) expect(fed.received.length - before).toBeLessThanOrEqual(2)
  }
})

test('connections that have much to deliver take turns, and one that has little does not wait for them', async () => {
  const flooding = await Promise.all(Array.from({ length: 8 }, async () => (await Fed.open()).taking(0.1)))
  const quiet = await Fed.open()
  const { octets } = numbered(1000)
  for (const fed of flooding) fed.read(octets)
  for (let round = 0; flooding.some(({ received }) => received.length < 1000); round++) {
    const before = clock.ms
    const count = quiet.received.length
    expect(quiet.read(frames([{ opcode: BINARY, payload: 'quiet' }]))).toBe(true)
    expect(quiet.received.length).toBe(count + 1)
    await turns(1)
    // Turns of the event loop and of this test may overlap
    expect(clock.ms - before).toBeLessThan(READS_MS + 2 * AT_ONCE * (EACH_MS + 1))
    const counts = flooding.map(({ received }) => received.length)
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThan(2 * (EACH_MS / 0.1) + 50)
    expect(round).toBeLessThan(1000)
  }
})

test.each([
  ['the end of the stream', (fed: Fed) => void fed.socket.push(null as unknown as Buffer)],
  ['the end of the socket', (fed: Fed) => void fed.ws._socket!.destroy()],
  ['an error of the socket', (fed: Fed) => void fed.ws._socket!.destroy(new Error('reset'))]
])('%s is noticed behind what waits for its turn', async (_, happen) => {
  const fed = (await Fed.open()).taking(0.5)
  const states = new Set<number>()
  let closedAfter = -1
  fed.ws.on('message', () => states.add(fed.ws.readyState))
  fed.ws.on('close', () => {
    closedAfter = fed.received.length
  })
  fed.read(numbered(100).octets)
  expect(fed.received.length).toBeLessThan(100)
  happen(fed)
  while (fed.received.length < 100) await turns(1)
  // As if there had been no wait
  expect([...states]).toEqual([fed.ws.OPEN])
  fed.ws.terminate()
  while (closedAfter < 0) await turns(1)
  expect(closedAfter).toBe(100)
})

test('a socket that ends on both sides at once is CLOSING then, and what is sent from there on is refused', async () => {
  const fed = (await Fed.open()).taking(0.5)
  const socket = fed.ws._socket as Duplex
  socket.allowHalfOpen = false
  const failures = new Set<string>()
  fed.ws.on('message', () => {
    fed.ws.send('reply', (error) => void (error && failures.add(error.message)))
  })
  fed.read(numbered(100).octets)
  expect(fed.received.length).toBeLessThan(100)
  socket.push(null)
  while (fed.received.length < 100) await turns(1)
  await turns(2)
  // Not what a write behind the end would give, which destroys the socket with all that waits in it
  expect([...failures]).toEqual(['WebSocket is not open: readyState 2 (CLOSING)'])
  expect(socket.errored).toBe(null)
  fed.ws.terminate()
})

test('a socket that always has more stops after a while although no message is whole, and reads on in the next turn', async () => {
  const fed = await Fed.open()
  const { region } = fed
  const begin = buildFrame({ opcode: BINARY, payload: Buffer.alloc(50 * region.length), key: TEST_KEY })
  for (let round = 0; round < 3; round++) {
    let reads = 1
    for (; fed.read(begin.subarray(0, region.length)); reads++) {
      clock.ms += 0.5
      expect(reads).toBeLessThan(10)
    }
    expect(reads).toBe(1 + READS_MS / 0.5)
    expect(fed.socket.isPaused()).toBe(false)
    await turns(2)
    expect(fed.socket._handle!.reading).toBe(true)
  }
})

test.each(['shared', 'off'])('who pauses a socket that has to wait is not overruled: receiveBuffer %s', async (receiveBuffer) => {
  const fed = (await Fed.open({ receiveBuffer })).taking(0.5)
  const { names, octets } = numbered(100)
  const give = (chunk: Buffer): void => void (receiveBuffer === 'off' ? fed.socket.push(chunk) : fed.read(chunk))
  give(octets)
  expect(fed.received.length).toBeLessThan(100)
  fed.socket.pause()
  while (fed.received.length < 100) await turns(1)
  await turns(3)
  expect(fed.socket.isPaused()).toBe(true)
  give(frames([{ opcode: BINARY, payload: 'later' }]))
  await turns(3)
  expect(fed.received).toEqual(names)
  fed.socket.resume()
  while (fed.received.length < 101) await turns(1)
  expect(fed.received.at(-1)).toBe('later')

  // nor who resumes it
  give(octets)
  fed.ws.pause()
  fed.ws.resume()
  expect(fed.socket.isPaused()).toBe(receiveBuffer === 'off' && fed.received.length < 201)
  while (fed.received.length < 201) await turns(1)
  await turns(2)
  expect(fed.socket.isPaused()).toBe(false)
})

test('a connection that is dropped in the middle still delivers what was read, and closes behind it', async () => {
  const fed = (await Fed.open()).taking(0.5)
  const events: string[] = []
  fed.ws.on('message', () => events.push('message'))
  fed.ws.on('close', () => events.push('close'))
  fed.read(numbered(100).octets)
  fed.ws.terminate()
  while (events.at(-1) !== 'close') await turns(1)
  expect(events.length).toBe(101)
})

test('a flood behind which the peer breaks a rule fails the connection once it is delivered', async () => {
  const fed = (await Fed.open()).taking(0.5)
  const errors: unknown[] = []
  fed.ws.on('error', (error) => errors.push((error as { code?: string }).code))
  const { octets } = numbered(100)
  fed.read(Buffer.concat([octets, frames([{ opcode: 3 }])]))
  expect(errors).toEqual([])
  while (errors.length === 0) await turns(1)
  expect(errors).toEqual(['WS_ERR_INVALID_OPCODE'])
  expect(fed.received.length).toBe(100)
  await turns(2)
  expect(fed.socket._handle!.reading).toBe(true)
})
