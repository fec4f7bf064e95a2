import { deflateRawSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { BINARY, buildFrame, CLOSE, CONTINUATION, PING, TEST_KEY } from '../support/frames.js'
import { arrayBufferOctets } from './support/collect.js'
import { eventsOf, eventually, linkRaw, turns } from './support/links.js'

const MEGABYTE = 1 << 20
const extension = { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_no_context_takeover; server_no_context_takeover' }
const deflated = (octets: Buffer): Buffer => deflateRawSync(octets, { finishFlush: 2 }).subarray(0, -4)

test('a frame that is announced and does not come costs no memory', async () => {
  const links = await Promise.all(Array.from({ length: 50 }, () => linkRaw()))
  const before = await arrayBufferOctets()
  for (const { peer } of links) {
    peer.write(buildFrame({ opcode: BINARY, claim: 100 * MEGABYTE, payload: 'first octets', key: TEST_KEY }))
  }
  await eventually(() => links.every(({ server }) => (server._socket as import('node:net').Socket).bytesRead > 180))
  await turns(2)
  expect((await arrayBufferOctets()) - before).toBeLessThan(10 * MEGABYTE)
})

test('a frame over the limit is refused at its header (§7.4.1, 1009)', async () => {
  const { server, peer } = await linkRaw({ maxPayload: 1000 })
  const events = eventsOf(server)
  peer.write(buildFrame({ opcode: BINARY, claim: 1001, payload: '', key: TEST_KEY }))
  await peer.untilClosed()
  await eventually(() => events.length === 2)
  expect(events).toEqual(['error Max payload size exceeded', 'close 1006'])
  expect(peer.frames.map(({ opcode, payload }) => [opcode, payload.toString('hex')])).toEqual([[CLOSE, '03f1']])
})

describe.each(['wasm', 'zlib', 'pako'])('maxPayload, inflated by %s', (codec) => {
  test.each([1, 125, 126, 4096, 65_536, 300_000])(
    'lets %i octets pass and not one more, in one frame or in fragments',
    async (limit) => {
      for (const excess of [0, 1]) {
        for (const cuts of [1, 2, 5]) {
          const { server, peer } = await linkRaw({ maxPayload: limit, perMessageDeflate: { codec } }, extension)
          const events = eventsOf(server)
          const compressed = deflated(Buffer.alloc(limit + excess, 0x61))
          const size = Math.ceil(compressed.length / cuts)
          for (let at = 0; at < compressed.length; at += size) {
            const fin = at + size >= compressed.length
            const opcode = at === 0 ? BINARY : CONTINUATION
            peer.write(
              buildFrame({ opcode, fin, rsv: at === 0 ? 4 : 0, payload: compressed.subarray(at, at + size), key: TEST_KEY })
            )
          }
          await eventually(() => events.length > 0)
          // where the compressed octets alone are more than the limit, the header says so
          const fits = excess === 0 && compressed.length <= limit
          expect([limit, excess, cuts, events[0]]).toEqual([
            limit,
            excess,
            cuts,
            fits ? `message ${limit}` : 'error Max payload size exceeded'
          ])
        }
      }
    }
  )

  const bomb = deflated(Buffer.alloc(200 * MEGABYTE))

  test('stops a bomb at the limit', async () => {
    const { server, peer } = await linkRaw({ maxPayload: MEGABYTE, perMessageDeflate: { codec } }, extension)
    const events = eventsOf(server)
    const before = await arrayBufferOctets()
    peer.write(buildFrame({ opcode: BINARY, rsv: 4, payload: bomb, key: TEST_KEY }))
    await eventually(() => events.length === 2)
    expect(events).toEqual(['error Max payload size exceeded', 'close 1006'])
    expect((await arrayBufferOctets()) - before).toBeLessThan(40 * MEGABYTE)
  })

  test('counts compressed fragments, thousands of them, empty ones too', async () => {
    const { server, peer } = await linkRaw({ maxFragments: 3000, perMessageDeflate: { codec } }, extension)
    const events = eventsOf(server)
    const first = buildFrame({ opcode: BINARY, fin: false, rsv: 4, payload: '', key: TEST_KEY })
    const next = buildFrame({ opcode: CONTINUATION, fin: false, payload: '', key: TEST_KEY })
    const last = buildFrame({ opcode: CONTINUATION, payload: deflated(Buffer.from('end')), key: TEST_KEY })
    peer.write(first, ...Array<Buffer>(2998).fill(next), last)
    await eventually(() => events.length === 1)
    peer.write(first, ...Array<Buffer>(3000).fill(next))
    await eventually(() => events.length === 3)
    expect(events).toEqual(['message 3', 'error Too many message fragments', 'close 1006'])
  })
})

test('a message in too many fragments is refused, whatever they hold', async () => {
  const { server, peer } = await linkRaw()
  const events = eventsOf(server)
  const next = buildFrame({ opcode: CONTINUATION, fin: false, payload: 'x', key: TEST_KEY })
  peer.write(buildFrame({ opcode: BINARY, fin: false, payload: '', key: TEST_KEY }), ...Array<Buffer>(20_000).fill(next))
  await eventually(() => events.length === 2)
  expect(events).toEqual(['error Too many message fragments', 'close 1006'])
})

test('a peer that pings and never reads is dropped (§5.5.2)', async () => {
  const { server, peer } = await linkRaw()
  const events = eventsOf(server)
  peer.socket.pause()
  const ping = buildFrame({ opcode: PING, payload: Buffer.alloc(125), key: TEST_KEY })
  let most = 0
  for (let i = 0; i < 4000 && server.readyState === 1; i++) {
    peer.write(...Array<Buffer>(50).fill(ping))
    await turns(1)
    most = Math.max(most, server.bufferedAmount)
  }
  await eventually(() => events.at(-1)?.startsWith('close') === true)
  expect(events.at(-1)).toBe('close 1006')
  expect(events.some((line) => line.startsWith('error'))).toBe(false)
  expect(most).toBeLessThan(100_000)
})
