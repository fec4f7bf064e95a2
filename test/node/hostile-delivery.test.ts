import { once } from 'node:events'
import { randomBytes } from 'node:crypto'
import { deflateRawSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { BINARY, buildFrame, TEST_KEY, TEXT } from '../support/frames.js'
import { streamPair } from '../support/stream-pair.js'
import { attach, eventsOf, eventually, link, linkRaw, turns } from './support/links.js'
import { uncaughtDuring } from './support/uncaught.js'

const masked = (payload: Buffer | string, opcode = TEXT, rsv = 0): Buffer => buildFrame({ opcode, payload, rsv, key: TEST_KEY })

describe('a connection goes on reading after it held octets back', () => {
  test('while large messages are decompressed', async () => {
    const { server, client } = await link({ perMessageDeflate: true })
    let received = 0
    server.on('message', () => received++)
    for (let i = 0; i < 40; i++) client.send(randomBytes(90_000))
    await eventually(() => received === 40)
    expect(received).toBe(40)
    client.ping()
    await once(client, 'pong')
  })

  test.each(['zlib', 'wasm', 'pako'])('while a burst of messages is decompressed by %s', async (codec) => {
    const { server, client } = await link({ perMessageDeflate: { codec } })
    let received = 0
    server.on('message', () => received++)
    for (let i = 0; i < 300; i++) client.send(randomBytes(1500))
    await eventually(() => received === 300)
    client.send('the next')
    await eventually(() => received === 301)
    expect(received).toBe(301)
  })

  test('with one event a turn', async () => {
    const { server, client } = await link({ allowSynchronousEvents: false })
    let received = 0
    server.on('message', () => received++)
    for (let i = 0; i < 300; i++) client.send(Buffer.alloc(1500))
    await eventually(() => received === 300)
    client.send('the next')
    await eventually(() => received === 301)
    expect(received).toBe(301)
  })

  test('which came while an earlier message was delivered', async () => {
    const { server, peer } = await linkRaw()
    let received = 0
    server.on('message', () => {
      if (received++ > 0) return
      // delivered into the middle of this message
      for (let i = 0; i < 3; i++) server._receiver!.write(masked(Buffer.alloc(30_000), BINARY))
    })
    peer.write(masked('first'))
    await eventually(() => received === 4)
    peer.write(masked('last'))
    await eventually(() => received === 5)
    expect(received).toBe(5)
  })
})

describe('a listener that throws', () => {
  test('neither delays nor disorders octets that came meanwhile, with one event a turn', async () => {
    const { server, peer } = await linkRaw({ allowSynchronousEvents: false })
    const received: string[] = []
    const events = eventsOf(server)
    server.on('message', (data: Buffer) => {
      received.push(data.toString())
      if (received.length === 1) {
        // held behind this message, and then this message's listener throws
        server._receiver!.write(masked('second'))
        throw new Error('on purpose')
      }
    })
    const errors = await uncaughtDuring(async () => {
      peer.write(masked('first'))
      await eventually(() => received.length === 2)
    })
    expect(errors.map(({ message }) => message)).toEqual(['on purpose'])
    peer.write(masked('third'))
    await eventually(() => received.length === 3)
    expect(received).toEqual(['first', 'second', 'third'])
    expect(events).not.toContain('error')
  })

  test('at every message of one read: all are delivered, and all exceptions surface', async () => {
    const { server, peer } = await linkRaw()
    const received: string[] = []
    server.on('message', (data: Buffer) => {
      received.push(data.toString())
      throw new Error(`at ${data}`)
    })
    const names = Array.from({ length: 200 }, (_, i) => String(i))
    const errors = await uncaughtDuring(async () => {
      peer.write(...names.map((name) => masked(name)))
      await eventually(() => received.length === 200)
    })
    expect(received).toEqual(names)
    expect(errors.map(({ message }) => message)).toEqual(names.map((name) => `at ${name}`))
  })
})

describe("'error' comes before 'close', once", () => {
  const options = { perMessageDeflate: { codec: 'zlib' } }
  const extension = { 'Sec-WebSocket-Extensions': 'permessage-deflate' }

  test('where corrupt compressed data is followed by the end of the stream', async () => {
    const { server, peer } = await linkRaw(options, extension)
    const events = eventsOf(server)
    peer.write(masked(Buffer.from([0xff, 0xff, 0xff]), BINARY, 4))
    peer.socket.end()
    await eventually(() => events.length > 1)
    await turns(3)
    expect(events).toEqual(['error invalid block type', 'close 1006'])
  })

  test('where a violation waits for its turn behind messages, and the stream ends', async () => {
    const [near, far] = streamPair()
    const server = attach(near, true, { allowSynchronousEvents: false })
    const events = eventsOf(server)
    far.resume()
    far.write(Buffer.concat([masked('a'), masked('b'), masked('c'), buildFrame({ payload: 'unmasked' })]))
    far.end()
    await eventually(() => events.length > 4)
    await turns(3)
    expect(events).toEqual(['message 1', 'message 1', 'message 1', 'error Invalid WebSocket frame: MASK must be set', 'close 1006'])
  })

  test.each(['wasm', 'zlib', 'pako'])('where the socket is reset while a bomb is inflated by %s', async (codec) => {
    const { server, peer } = await linkRaw({ perMessageDeflate: { codec }, maxPayload: 1 << 20 }, extension)
    const events = eventsOf(server)
    const bomb = deflateRawSync(Buffer.alloc(64 << 20), { finishFlush: 2 }).subarray(0, -4)
    peer.write(masked(bomb, BINARY, 4))
    await turns(2)
    ;(peer.socket as import('node:net').Socket).resetAndDestroy()
    await eventually(() => events.some((line) => line.startsWith('close')))
    await turns(3)
    expect(events.filter((line) => line.startsWith('close'))).toHaveLength(1)
    expect(events.filter((line) => line.startsWith('error')).length).toBeLessThanOrEqual(1)
    expect(events.at(-1)).toBe('close 1006')
  })
})
