import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { eventually, link, linkInMemory, type Socket, turns } from './support/links.js'

/** What a receiver saw of a message or ping, short enough to be compared by the thousand. */
const seen = (kind: string, data: Buffer | string): string => {
  const octets = Buffer.from(data)
  return `${kind} ${octets.length} ${octets.subarray(0, 24).toString('latin1')} ${octets.subarray(-8).toString('latin1')}`
}

interface Peer {
  server: Socket
  received: string[]
  expected: string[]
}

async function peers(count: number, make: () => Promise<{ server: Socket; client: Socket }>): Promise<Peer[]> {
  const all: Peer[] = []
  for (let i = 0; i < count; i++) {
    const { server, client } = await make()
    const received: string[] = []
    client.on('message', (data: Buffer, isBinary: boolean) => received.push(seen(isBinary ? 'binary' : 'text', data)))
    client.on('ping', (data: Buffer) => received.push(seen('ping', data)))
    all.push({ server, received, expected: [] })
  }
  return all
}

const PEERS = 5
const index = fc.nat(PEERS - 1)
const length = fc.oneof(
  fc.nat(40),
  fc.constantFrom(0, 125, 126, 1365, 1366, 4096, 4097, 8192, 32768, 32769, 65535, 65536, 131072, 131073),
  fc.nat(20_000)
)

/** What `send` copies, so that it is the caller's again. */
const copiedLength = length.filter((octets) => octets <= 32 * 1024)

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('text' as const), from: index, length, wide: fc.boolean() }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('octets' as const), from: index, length: copiedLength, changes: fc.array(index) })
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('ping' as const), length: fc.nat(125) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('one' as const), to: index, length }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('fragments' as const), to: index, length }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('amount' as const), of: index }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('turn' as const) }) }
)

describe.each([
  ['over TCP', () => link({ maxPayload: 0 })],
  ['over streams', async () => linkInMemory()]
])('messages to many connections %s', (_name, make) => {
  test('each gets what was sent to it, in order, whatever is sent in between', async () => {
    const all = await peers(PEERS, make)
    let serial = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
        for (const peer of all) peer.received.length = peer.expected.length = 0
        let called = 0
        let callbacks = 0
        const done = (error?: Error | null): void => {
          called++
          expect(error ?? null).toBe(null)
        }
        const text = (size: number, wide = false): string => `${serial++} `.padEnd(size, wide ? 'ä€' : 'x').slice(0, size)
        const send = (peer: Peer, data: string | Buffer, withCallback: boolean): void => {
          if (withCallback) callbacks++
          peer.expected.push(seen(typeof data === 'string' ? 'text' : 'binary', data))
          peer.server.send(data, withCallback ? done : undefined)
        }
        for (const one of steps) {
          if (one.kind === 'text') {
            const message = text(one.length, one.wide)
            for (let i = 0; i < PEERS; i++) send(all[(one.from + i) % PEERS], message, i === 2)
          } else if (one.kind === 'octets') {
            const octets = Buffer.from(text(one.length))
            for (let i = 0; i < PEERS; i++) {
              // the caller's again when `send` has returned
              if (one.changes.includes(i)) octets.fill(i + 65, octets.length >> 1)
              send(all[(one.from + i) % PEERS], octets, i === 3)
            }
            octets.fill(0)
          } else if (one.kind === 'ping') {
            const message = text(one.length)
            for (const peer of all) {
              peer.expected.push(seen('ping', message))
              peer.server.ping(message)
            }
          } else if (one.kind === 'one') {
            send(all[one.to], text(one.length), one.length % 2 === 0)
          } else if (one.kind === 'fragments') {
            const message = text(one.length)
            const peer = all[one.to]
            peer.expected.push(seen('text', message + message))
            peer.server.send(message, { fin: false })
            peer.server.send(message)
          } else if (one.kind === 'amount') {
            expect(all[one.of].server.bufferedAmount).toBeGreaterThanOrEqual(0)
          } else {
            await turns(1)
          }
        }
        await eventually(() => all.every(({ received, expected }) => received.length >= expected.length) && called === callbacks)
        for (const { received, expected } of all) expect(received).toEqual(expected)
        expect(called).toBe(callbacks)
      }),
      { numRuns: 60 }
    )
  })
})

test('a Buffer that changes between two sends is sent as it was each time', async () => {
  const all = await peers(3, () => link())
  for (const size of [1, 20, 33, 500, 5000, 32_768]) {
    const octets = Buffer.alloc(size, 'a')
    for (const peer of all) {
      peer.expected.push(seen('binary', octets))
      peer.server.send(octets)
      octets[size - 1]++
    }
  }
  await eventually(() => all.every(({ received, expected }) => received.length === expected.length))
  for (const { received, expected } of all) expect(received).toEqual(expected)
})

test('a message is sent again after the memory of its frame was used for another', async () => {
  const links = Array.from({ length: 4 }, () => linkInMemory())
  const received: string[] = []
  for (const { client } of links) client.on('message', (data: Buffer) => received.push(data.toString()))
  const [one, two, three, four] = links
  for (const { server } of [one, two, three]) server.send('the same')
  // which writes it, so that its memory is free
  for (const { server } of [one, two, three]) expect(server.bufferedAmount).toBe(0)
  // a masked frame is not remembered
  four.client.send('another!')
  four.server.send('the same')
  await eventually(() => received.length === 4)
  expect(received).toEqual(['the same', 'the same', 'the same', 'the same'])
})

test('the same octets are text for some and binary for others', async () => {
  const all = await peers(6, () => link())
  const octets = Buffer.from('both')
  for (const [i, { server, expected }] of all.entries()) {
    // two of each kind in a row
    const binary = i % 4 < 2
    server.send(octets, { binary })
    expected.push(seen(binary ? 'binary' : 'text', octets))
  }
  await eventually(() => all.every(({ received }) => received.length === 1))
  for (const { received, expected } of all) expect(received).toEqual(expected)
})
