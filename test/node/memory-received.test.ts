import { deflateRawSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { fillPoolsWithSecret, SECRET } from '../fuzz/transport.mjs'
import { BINARY, buildFrame, PING, PONG, TEST_KEY, TEXT } from '../support/frames.js'
import { eventually, link, linkRaw, turns } from './support/links.js'
import { uncaughtDuring } from './support/uncaught.js'

/** Kept data, and what it was when it came. */
class Kept {
  readonly #all: { data: Buffer; copy: Buffer }[] = []
  add(data: Buffer): void {
    this.#all.push({ data, copy: Buffer.from(data) })
  }
  get length(): number {
    return this.#all.length
  }
  get changed(): number {
    return this.#all.filter(({ data, copy }) => !data.equals(copy)).length
  }
  get withSecret(): number {
    return this.#all.filter(({ copy }) => copy.includes(SECRET)).length
  }
}

test.each(['auto', 'off'])(
  'nothing that was delivered changes later, nor holds octets of others: receiveBuffer %s',
  async (receiveBuffer) => {
    fillPoolsWithSecret()
    const kept = new Kept()
    const links = await Promise.all(
      [0, 1, 2, 3].map(() =>
        linkRaw(
          { receiveBuffer, perMessageDeflate: true },
          { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_no_context_takeover' }
        )
      )
    )
    for (const { server } of links) {
      for (const event of ['message', 'ping', 'pong']) server.on(event, (data: Buffer) => kept.add(data))
      server.on('message', () => server.send(Buffer.alloc(3), { compress: false }))
    }
    let sent = 0
    for (let round = 0; round < 60; round++) {
      for (const [index, { peer }] of links.entries()) {
        const frames: Buffer[] = []
        for (const size of [0, 1, 5, 64, 125, 126, 900, 4096, 4097, 9000]) {
          const payload = Buffer.alloc(size, 33 + ((round * 4 + index) % 90))
          frames.push(buildFrame({ opcode: size % 2 ? TEXT : BINARY, payload, key: TEST_KEY }))
          if (size < 126) frames.push(buildFrame({ opcode: size % 3 ? PING : PONG, payload, key: TEST_KEY }))
        }
        const compressed = deflateRawSync(Buffer.alloc(2000, round), { finishFlush: 2 }).subarray(0, -4)
        frames.push(buildFrame({ opcode: BINARY, rsv: 4, payload: compressed, key: TEST_KEY }))
        frames.push(
          buildFrame({ opcode: BINARY, fin: false, payload: 'begin', key: TEST_KEY }),
          buildFrame({ opcode: 0, payload: 'end', key: TEST_KEY })
        )
        sent += frames.length - 1
        const octets = Buffer.concat(frames)
        // in two pieces, so that a frame is cut anywhere
        const cut = (round * 977 + index * 131) % octets.length
        peer.socket.write(octets.subarray(0, cut))
        if (round % 2) await turns(1)
        peer.socket.write(octets.subarray(cut))
      }
      await turns(1)
    }
    await eventually(() => kept.length === sent)
    fillPoolsWithSecret()
    expect(kept.length).toBe(sent)
    expect(kept.changed).toBe(0)
    expect(kept.withSecret).toBe(0)
    for (const { peer } of links) {
      for (const { payload } of peer.frames) expect(payload.includes(SECRET)).toBe(false)
    }
  }
)

describe('memory of a message that its receiver transfers', () => {
  test('is not memory of messages of other connections', async () => {
    const [one, two] = [await link(), await link()]
    const ones: Buffer[] = []
    const twos: Buffer[] = []
    one.client.on('message', (data: Buffer) => ones.push(data))
    two.client.on('message', (data: Buffer) => twos.push(data))
    // several in one read, which are copied together
    for (const text of ['keep this', 'and this']) one.server.send(text)
    await eventually(() => ones.length === 2)
    for (const text of ['x', 'y']) two.server.send(text)
    await eventually(() => twos.length === 2)
    try {
      structuredClone(twos[0].buffer, { transfer: [twos[0].buffer as ArrayBuffer] })
    } catch {
      // refused, as for Buffers from Node's own pool
    }
    expect(ones.map(String)).toEqual(['keep this', 'and this'])
  })

  test('is not memory of messages that are still to be delivered', async () => {
    const { server, client } = await link()
    const received: string[] = []
    client.on('message', (data: Buffer) => {
      received.push(data.toString())
      try {
        structuredClone(data.buffer, { transfer: [data.buffer as ArrayBuffer] })
      } catch {
        // as above
      }
    })
    for (const text of ['one', 'two', 'three']) server.send(text)
    await eventually(() => received.length === 3)
    expect(received).toEqual(['one', 'two', 'three'])
  })
})

test('a listener that modifies its message changes no other one', async () => {
  const { server, peer } = await linkRaw()
  const received: string[] = []
  server.on('message', (data: Buffer) => {
    received.push(data.toString())
    data.fill(0)
  })
  peer.write(...['one', 'two', 'three'].map((payload) => buildFrame({ payload, key: TEST_KEY })))
  await eventually(() => received.length === 3)
  expect(received).toEqual(['one', 'two', 'three'])
})

test("a 'data' listener on the socket that throws takes nothing from the connection", async () => {
  const { server, peer } = await linkRaw()
  const received: string[] = []
  server.on('message', (data: Buffer) => received.push(data.toString()))
  peer.write(buildFrame({ payload: 'one', key: TEST_KEY }))
  await eventually(() => received.length === 1)
  const errors = await uncaughtDuring(async () => {
    server._socket!.once('data', () => {
      throw new Error('on purpose')
    })
    peer.write(buildFrame({ payload: 'two', key: TEST_KEY }))
    await turns(20)
  })
  expect(errors.map(({ message }) => message)).toEqual(['on purpose'])
  peer.write(buildFrame({ payload: 'three', key: TEST_KEY }))
  await eventually(() => received.length === 3)
  expect(received).toEqual(['one', 'two', 'three'])
})
