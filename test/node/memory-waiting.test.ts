// What waits for a slow reader costs its own octets: no memory that others could use, and one copy of what many wait for.

import type net from 'node:net'
import { describe, expect, test } from 'vitest'
import type { RawPeer } from '../support/raw-peer.js'
import { arrayBufferOctets } from './support/collect.js'
import { eventually, link, linkRaw, type Socket, turns } from './support/links.js'

const KIB = 1024
const MIB = 1024 * KIB

interface SlowReader {
  server: Socket
  peer: RawPeer
}

const filler = Buffer.alloc(MIB)

/** A connection whose peer has stopped reading, and whose system takes no more. */
async function slowReader(options = {}): Promise<SlowReader> {
  const one = await linkRaw(options)
  one.peer.socket.pause()
  for (let full = 0; full < 2; full = one.server.bufferedAmount > 0 ? full + 1 : 0) {
    one.server.send(filler)
    await turns(2)
  }
  return one
}

async function slowReaders(count: number, options = {}): Promise<SlowReader[]> {
  const all: SlowReader[] = []
  for (let i = 0; i < count; i++) all.push(await slowReader(options))
  return all
}

/** The chunks that a socket's stream holds; the one that is being written is not among them. */
function heldChunks(ws: Socket): Uint8Array[] {
  const { _writableState: state } = ws._socket as unknown as { _writableState: { getBuffer(): { chunk: Uint8Array }[] } }
  return state.getBuffer().map(({ chunk }) => chunk)
}

/** Octets of all memory behind what these hold beyond the filler, each counted once. */
function memoryOf(readers: SlowReader[]): number {
  const memory = new Set<ArrayBufferLike>()
  for (const { server } of readers) {
    for (const { buffer } of heldChunks(server)) if (buffer !== filler.buffer) memory.add(buffer)
  }
  return [...memory].reduce((sum, { byteLength }) => sum + byteLength, 0)
}

/** Sends more than a slab, in one turn, to somebody who reads. */
async function traffic(busy: Socket): Promise<void> {
  for (let j = 0; j < 70; j++) busy.send(Buffer.alloc(4000))
  await turns(1)
  await eventually(() => busy.bufferedAmount === 0)
}

describe.each([true, false])('with coalesce: %s', (coalesce) => {
  test('messages of 17 KiB that 50 readers are owed cost 17 KiB each, beside traffic to others', async () => {
    const readers = await slowReaders(50, { coalesce })
    const { server: busy, client } = await link()
    client.on('message', () => {})
    const before = await arrayBufferOctets()
    for (const { server } of readers) {
      server.send(Buffer.alloc(17 * KIB, 1))
      await traffic(busy)
    }
    const grown = (await arrayBufferOctets()) - before
    expect(memoryOf(readers)).toBeLessThan(readers.length * 18 * KIB)
    // Slabs of the traffic are kept for reuse; with slabs behind what waits it would be 12 MiB more
    expect(grown).toBeLessThan(50 * 17 * KIB + 6 * MIB)
    for (const { peer } of readers) peer.socket.resume()
    await eventually(() => readers.every(({ server }) => server.bufferedAmount === 0))
  })

  test('small messages, in bursts and one by one, cost their own octets', async () => {
    const readers = await slowReaders(8, { coalesce })
    const { server: busy, client } = await link()
    client.on('message', () => {})
    let owed = 0
    for (let round = 0; round < 20; round++) {
      for (const { server } of readers) {
        for (let i = 0; i <= round % 4; i++) {
          server.send(`${owed} `.padEnd(1000, 'x'))
          owed += 1004
        }
      }
      await traffic(busy)
    }
    const memory = memoryOf(readers)
    expect(memory).toBeGreaterThan(owed / 2)
    // Small ones lie in Node's pool, of which a part is left over
    expect(memory).toBeLessThan(owed * 1.5)
  })
})

test.each([
  ['text', () => 'x'.repeat(17 * KIB)],
  ['short text', () => 'x'.repeat(300)],
  ['octets', () => Buffer.alloc(17 * KIB, 1)],
  ['long text', () => 'x'.repeat(200 * KIB)]
] as const)('a broadcast to slow readers is one copy for all: %s', async (_name, make) => {
  const readers = await slowReaders(20)
  const message = make()
  const headers = new Set(readers.flatMap(({ server }) => heldChunks(server)))
  const before = memoryOf(readers)
  for (const { server } of readers) server.send(message)
  await turns(1)
  const held = new Set(readers.flatMap(({ server }) => heldChunks(server)))
  // Two frames are written before it is known that the message is the same; a long one has a header and a payload. A short one lies in
  // Node's pool, with others
  expect([...held].filter((chunk) => !headers.has(chunk)).length).toBeLessThanOrEqual(6)
  expect(memoryOf(readers) - before).toBeLessThan(3 * (message.length + 100) + 8 * KIB)
  // And they get it
  for (const { peer } of readers) peer.socket.resume()
  await eventually(() => readers.every(({ peer }) => peer.frames.at(-1)?.payload.length === message.length))
  for (const { peer } of readers) expect(peer.frames.at(-1)!.payload.equals(Buffer.from(message))).toBe(true)
})

test('a reader that keeps up again is written to from slabs again', async () => {
  const { server, peer } = await slowReader()
  peer.socket.resume()
  await eventually(() => server.bufferedAmount === 0)
  const socket = server._socket as net.Socket
  for (let i = 0; i < 20; i++) {
    server.send('x'.repeat(5000))
    await turns(1)
  }
  await eventually(() => server.bufferedAmount === 0)
  expect(socket.writableLength).toBe(0)
  expect(heldChunks(server)).toEqual([])
})
