// `rateLimit`: a client that sends more than it may is not read from, or loses its connection.

import { once } from 'node:events'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type RawPeer, turn } from '../support/raw-peer.js'
import { attach, eventsOf, linkRaw, type Options, type Socket } from './support/links.js'
import { streamPair } from '../support/stream-pair.js'
import { kDelivery } from '../../src/node/runtime/symbols.js'

afterEach(() => {
  vi.useRealTimers()
})

const fakeTime = () => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })

/** A client with a bare socket, and what its server's side tells; time stands still. */
async function limited(
  rateLimit: Options,
  options: Options = {},
  headers: Record<string, string> = {}
): Promise<{ server: Socket; peer: RawPeer; events: string[] }> {
  fakeTime()
  const { server, peer } = await linkRaw({ rateLimit, ...options }, headers)
  return { server, peer, events: eventsOf(server) }
}

/** Lets everything happen that can happen without time. */
async function settle(): Promise<void> {
  for (let i = 0; i < 60; i++) await turn()
}

const messages = (peer: RawPeer, count: number, length = 1): Buffer[] =>
  Array.from({ length: count }, () => peer.text('x'.repeat(length)))

const texts = (count: number, length = 1) => Array.from({ length: count }, () => `message ${length}`)

describe('messages', () => {
  test('no more are delivered than there are tokens, whatever came in one read; the rest comes when there are', async () => {
    const { server, peer, events } = await limited({ messages: 10, interval: 1000 })
    peer.write(...messages(peer, 25))
    await settle()
    expect(events).toEqual(texts(10))
    vi.advanceTimersByTime(99)
    await settle()
    expect(events).toHaveLength(10)
    vi.advanceTimersByTime(1)
    await settle()
    expect(events).toEqual(texts(11))
    for (let i = 0; i < 14; i++) {
      vi.advanceTimersByTime(100)
      await settle()
      expect(events.length).toBe(12 + i)
    }
    expect(server.readyState).toBe(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('burst is how many intervals may be saved up', async () => {
    const { peer, events } = await limited({ messages: 2, interval: 100, burst: 3 })
    peer.write(...messages(peer, 7))
    await settle()
    expect(events).toHaveLength(6)
    vi.advanceTimersByTime(50)
    await settle()
    expect(events).toHaveLength(7)
    vi.advanceTimersByTime(100_000)
    peer.write(...messages(peer, 7))
    await settle()
    expect(events).toHaveLength(13)
  })

  test('pings and pongs count, fragments of one message are one', async () => {
    const { peer, events } = await limited({ messages: 4 })
    const fragments = [
      peer.text('a', { fin: false }),
      ...Array.from({ length: 20 }, () => peer.frame({ opcode: 0, payload: 'b', fin: false })),
      peer.frame({ opcode: 0, payload: 'c' })
    ]
    peer.write(peer.ping('1'), peer.pong('22'), ...fragments, peer.text('x'), peer.text('too much'))
    await settle()
    expect(events).toEqual(['ping 1', 'pong 2', 'message 22', 'message 1'])
    vi.advanceTimersByTime(250)
    await settle()
    expect(events.at(-1)).toBe('message 8')
  })

  test('a clock that jumps back, or ahead, changes nothing but how long it takes', async () => {
    const { peer, events } = await limited({ messages: 1, interval: 100 })
    peer.write(...messages(peer, 3))
    await settle()
    expect(events).toHaveLength(1)
    vi.advanceTimersByTime(100)
    await settle()
    expect(events).toHaveLength(2)
    vi.advanceTimersByTime(1e9)
    await settle()
    expect(events).toHaveLength(3)
  })
})

describe('octets', () => {
  test('the socket is not read from as long as they are owed, so that the client has to wait', async () => {
    const { server, peer, events } = await limited({ octets: 1024 * 1024 })
    const { link } = server[kDelivery]!
    const flood = peer.binary(Buffer.alloc(64 * 1024))
    for (let i = 0; i < 400; i++) peer.socket.write(flood)
    await settle()
    const { bytesRead } = server._socket as unknown as { bytesRead: number }
    expect(link.isHeldFor(2)).toBe(true)
    // What there was, and one read more, with what the socket had read ahead
    expect(bytesRead).toBeLessThanOrEqual(1024 * 1024 + 512 * 1024)
    expect(peer.socket.writableLength).toBeGreaterThan(1024 * 1024)
    const before = events.length
    vi.advanceTimersByTime(1000)
    await settle()
    expect(events.length).toBeGreaterThan(before)
    expect(bytesReadOf(server)).toBeLessThanOrEqual(2 * 1024 * 1024 + 512 * 1024)
    for (let i = 0; i < 40 && events.length < 400; i++) {
      vi.advanceTimersByTime(1000)
      await settle()
    }
    expect(events).toEqual(Array.from({ length: 400 }, () => `message ${64 * 1024}`))
  })

  const bytesReadOf = (server: Socket) => (server._socket as unknown as { bytesRead: number }).bytesRead

  test('what is not delivered counts as well: a frame that never ends', async () => {
    const { server, peer } = await limited({ octets: 100 })
    peer.write(peer.binary(Buffer.alloc(5000)).subarray(0, 1000))
    await settle()
    expect(server[kDelivery]!.link.isHeldFor(2)).toBe(true)
    vi.advanceTimersByTime(9100)
    expect(server[kDelivery]!.link.isHeldFor(2)).toBe(false)
  })
})

describe('action: close', () => {
  test('the first message too many closes with 1008, and nothing is delivered any more', async () => {
    const { server, peer, events } = await limited({ messages: 3, action: 'close' })
    const closed = once(server, 'close')
    peer.write(...messages(peer, 10), peer.ping('late'))
    await peer.untilFrames(1)
    expect(peer.frames.map(({ opcode, payload }) => [opcode, payload.readUInt16BE(0), payload.subarray(2).toString()])).toEqual([
      [8, 1008, 'Rate limit exceeded']
    ])
    await closed
    expect(events).toEqual([...texts(3), 'close 1008'])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('octets too', async () => {
    const { server, peer, events } = await limited({ octets: 50, action: 'close' })
    const closed = once(server, 'close')
    peer.write(peer.text('x'.repeat(30)))
    await settle()
    peer.write(peer.text('x'.repeat(30)))
    await closed
    expect(events).toEqual(['message 30', 'close 1008'])
  })

  test('a client that keeps to it stays', async () => {
    const { server, peer, events } = await limited({ messages: 3, action: 'close' })
    for (let i = 0; i < 5; i++) {
      peer.write(...messages(peer, 3))
      await settle()
      vi.advanceTimersByTime(1000)
    }
    expect(events).toHaveLength(15)
    expect(server.readyState).toBe(1)
  })

  test('one that floods on and never answers is dropped when closeTimeout is over', async () => {
    const { server, peer, events } = await limited({ messages: 3, action: 'close' }, { closeTimeout: 500 })
    peer.echoClose = false
    const closed = once(server, 'close')
    for (let i = 0; i < 20; i++) peer.write(...messages(peer, 1000))
    await settle()
    expect(events).toHaveLength(3)
    vi.advanceTimersByTime(500)
    await closed
    expect(events).toEqual([...texts(3), 'close 1006'])
  })

  test('a close of the program’s own is asked', async () => {
    const { server, peer } = await limited({ messages: 1, action: 'close' })
    const asked: unknown[] = []
    server.close = (...args) => {
      asked.push(...args.map(String))
      server.terminate()
    }
    const closed = once(server, 'close')
    peer.write(...messages(peer, 3))
    await closed
    expect(asked).toEqual(['1008', 'Rate limit exceeded'])
  })
})

describe('a client that is made to wait', () => {
  test('and goes: what it sent is delivered at once, then its end', async () => {
    for (const leave of [
      (peer: RawPeer) => peer.socket.destroy(),
      (peer: RawPeer) => (peer.socket as unknown as { resetAndDestroy(): void }).resetAndDestroy()
    ]) {
      const { server, peer, events } = await limited({ messages: 2 })
      peer.write(...messages(peer, 6))
      await settle()
      expect(events).toHaveLength(2)
      leave(peer)
      await settle()
      // It is not read from: that it is gone is seen when it is
      while (server.readyState !== 3) {
        vi.advanceTimersByTime(1000)
        await settle()
      }
      expect(events).toEqual([...texts(6), 'close 1006'])
      expect(vi.getTimerCount()).toBe(0)
    }
  })

  test('and whose close frame waits behind its messages: it closes in order', async () => {
    const { server, peer, events } = await limited({ messages: 2, interval: 100 })
    peer.write(...messages(peer, 4))
    peer.writeClose(1000)
    const closed = once(server, 'close')
    await settle()
    expect(events).toHaveLength(2)
    vi.advanceTimersByTime(50)
    await settle()
    vi.advanceTimersByTime(50)
    await closed
    expect(events).toEqual([...texts(4), 'close 1000'])
  })

  test('and is terminated: close comes at once', async () => {
    const { server, peer, events } = await limited({ messages: 2 })
    peer.write(...messages(peer, 5))
    await settle()
    const closed = once(server, 'close')
    server.terminate()
    await closed
    expect(events).toEqual([...texts(5), 'close 1006'])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('may be paused and resumed by the program meanwhile', async () => {
    const { server, peer, events } = await limited({ messages: 2, interval: 100 })
    peer.write(...messages(peer, 3))
    await settle()
    server.pause()
    server.resume()
    await settle()
    expect(events).toHaveLength(2)
    peer.write(...messages(peer, 2))
    vi.advanceTimersByTime(50)
    await settle()
    expect(events).toHaveLength(3)
    vi.advanceTimersByTime(100)
    await settle()
    expect(events).toHaveLength(5)
  })
})

test('compressed messages, one at a time, come in order', async () => {
  const { server, peer, events } = await limited(
    { messages: 2, interval: 100 },
    { perMessageDeflate: { threshold: 0, codec: 'zlib' } },
    { 'Sec-WebSocket-Extensions': 'permessage-deflate' }
  )
  // "Hello", as in RFC 7692 §7.2.3.1
  const hello = peer.frame({ opcode: 1, rsv: 4, payload: Buffer.from([0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]) })
  const again = peer.frame({ opcode: 1, rsv: 4, payload: Buffer.from([0xf2, 0x00, 0x11, 0x00, 0x00]) })
  peer.write(hello, again, peer.text('plain'), again)
  await eventuallyInTurns(() => events.length === 2)
  await settle()
  expect(events).toEqual(texts(2, 5))
  vi.advanceTimersByTime(100)
  await eventuallyInTurns(() => events.length === 4)
  expect(events).toEqual(texts(4, 5))
  expect(server.readyState).toBe(1)
})

async function eventuallyInTurns(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 100_000 && !condition(); i++) await turn()
}

test('with a receiver of its own, whose listeners the program lists', async () => {
  const { server, peer, events } = await limited({ messages: 2 })
  expect(server._receiver!.listenerCount('message')).toBe(1)
  peer.write(...messages(peer, 5))
  await settle()
  // It is not asked how much it may do: the rest of the read is owed
  expect(events).toHaveLength(5)
  peer.write(...messages(peer, 1))
  await settle()
  expect(events).toHaveLength(5)
  vi.advanceTimersByTime(2000)
  await settle()
  expect(events).toHaveLength(6)
})

test('connections without it have nothing of it', () => {
  const ws = attach(streamPair()[0], true)
  expect(Object.getOwnPropertySymbols(ws[kDelivery]!)).toEqual([])
  expect(Object.hasOwn(ws[kDelivery]!, 'onMessage')).toBe(false)
})
