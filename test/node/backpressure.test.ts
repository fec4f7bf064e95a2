// Backpressure, with readers that stall: what waits stays within the mark and one message, nothing is lost or in another order, and 'drain'
// comes once for each time that it was needed.

import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { link, type Options, type Socket } from './support/links.js'
import { transports } from './support/transports.js'

const MARK = 64 * 1024
const SIZE = 10_000
/** More than any kernel keeps for a socket, in messages. */
const MANY = 20_000

/** Octets that do not compress, and begin with their number. */
function message(index: number): Buffer {
  const octets = createHash('shake256', { outputLength: SIZE }).update(`message ${index}`).digest()
  octets.writeUInt32BE(index)
  return octets
}

/** What the peer received: numbers, where a message was what it should be. */
function collect(ws: Socket): { indexes: number[]; until(count: number): Promise<void> } {
  const indexes: number[] = []
  let wanted = Infinity
  let tell = (): void => {}
  ws.on('message', (data: Buffer) => {
    const index = data.readUInt32BE()
    indexes.push(data.equals(message(index)) ? index : -1)
    if (indexes.length >= wanted) tell()
  })
  return {
    indexes,
    until: (count) =>
      new Promise((resolve) => {
        wanted = count
        tell = resolve
        if (indexes.length >= wanted) resolve()
      })
  }
}

const compressions: Record<string, Options['perMessageDeflate']> = {
  'without compression': false,
  'with compression': {},
  'with compression in threads': { codec: 'zlib' }
}
const ways = ['coalesced', 'each by itself', 'through the stream']

describe.each(Object.keys(transports))('over %s', (transport) => {
  describe.each(Object.keys(compressions))('%s', (compression) => {
    test.each(ways)('who waits for a reader that stalls keeps within the mark, %s', async (way) => {
      const perMessageDeflate = compressions[compression]
      const options = { highWaterMark: MARK, coalesce: way !== 'each by itself', perMessageDeflate }
      const pair = await transports[transport](options, { perMessageDeflate: perMessageDeflate ?? false })
      const server = pair.server
      const { client } = pair
      if (way === 'through the stream') server._socket!.write = Object.getPrototypeOf(server._socket).write
      let drains = 0
      server.on('drain', () => {
        expect(server.writableNeedDrain).toBe(false)
        expect(server.bufferedAmount).toBeLessThan(MARK / 4)
        drains++
      })
      const { indexes, until } = collect(client)
      client.pause()
      let sent = 0
      let needed = 0
      let most = 0
      const send = (): void => {
        server.send(message(sent++))
        if (sent % 3 === 0) most = Math.max(most, server.bufferedAmount)
      }
      // Nobody reads: until the system takes no more
      while (!server.writableNeedDrain && sent < MANY) {
        send()
        // What compresses in threads comes back in a turn of the event loop
        if (sent % 8 === 0) await new Promise(setImmediate)
      }
      expect(sent).toBeLessThan(MANY)
      expect(server.bufferedAmount).toBeGreaterThanOrEqual(MARK / 4)
      expect(drains).toBe(needed)
      client.resume()
      for (let i = 0; i < 100; i++) {
        if (server.writableNeedDrain) {
          needed++
          await server.drained()
          expect(drains).toBe(needed)
        }
        send()
        if (i === 30) client.pause()
        if (i > 30 && server.writableNeedDrain) client.resume()
        if (i === 70) client.resume()
      }
      if (server.writableNeedDrain) {
        needed++
        await server.drained()
      }
      client.resume()
      await until(sent)
      expect(indexes).toEqual(Array.from({ length: sent }, (_, i) => i))
      expect(drains).toBe(needed)
      expect(most).toBeLessThan(MARK + SIZE + 100)
    })
  })

  test('that the mark is reached is noticed without a look', async () => {
    const { server, client } = (await transports[transport]({}, { perMessageDeflate: false })) as {
      server: Socket
      client: Socket
    }
    client.pause()
    let drains = 0
    server.on('drain', () => drains++)
    const drained = once(server, 'drain')
    const octets = randomBytes(1 << 20)
    for (let i = 0; i < 40; i++) server.send(octets)
    client.resume()
    await drained
    expect(server.writableNeedDrain).toBe(false)
    expect(server.bufferedAmount).toBeLessThan(MARK / 4)
    expect(drains).toBe(1)
  })
})

/** A server that has to wait, and its client, which reads nothing. */
async function pressed(options: Options = {}): Promise<{ server: Socket; client: Socket }> {
  const { server, client } = await link(options)
  client.pause()
  while (!server.writableNeedDrain) server.send(Buffer.alloc(1 << 20))
  return { server, client }
}

test.each([
  ['many', 20, 10_000],
  ['one', 1, 200_000]
])('who waits for compression is told, without a look: %s', async (_, count, size) => {
  const perMessageDeflate = { codec: 'zlib' }
  const { server } = await link({ perMessageDeflate })
  const drained = once(server, 'drain')
  for (let i = 0; i < count; i++) server.send(Buffer.alloc(size))
  await drained
  expect(server.bufferedAmount).toBeLessThan(MARK / 4)
})

test('looking does not write each message by itself', async () => {
  const { server, client } = await link()
  const chunks: number[] = []
  client._socket!.on('data', (chunk: Buffer) => chunks.push(chunk.length))
  let received = 0
  const all = new Promise<void>((resolve) => {
    client.on('message', () => {
      if (++received === 100) resolve()
    })
  })
  for (let i = 0; i < 100; i++) {
    expect(server.writableNeedDrain).toBe(false)
    server.send('x'.repeat(60))
  }
  await all
  expect(chunks.length).toBeLessThan(20)
})

test('`drained` resolves at once where nothing waits, also while connecting', async () => {
  const { server, client } = await link()
  await server.drained()
  await client.drained()
  expect(server.writableNeedDrain).toBe(false)
})

test('`drained` ends with its signal, and goes on for others', async () => {
  const { server, client } = await pressed()
  const controller = new AbortController()
  const aborted = server.drained({ signal: controller.signal })
  const others = [server.drained(), server.drained({ signal: new AbortController().signal })]
  const reason = new Error('no more patience')
  controller.abort(reason)
  await expect(aborted).rejects.toBe(reason)
  await expect(server.drained({ signal: controller.signal })).rejects.toBe(reason)
  await expect(server.drained({ signal: 'soon' as never })).rejects.toThrow(TypeError)
  client.resume()
  await Promise.all(others)
  expect(server.writableNeedDrain).toBe(false)
})

test('`drained` rejects when the connection ends, and when it has', async () => {
  const { server } = await pressed()
  let drains = 0
  server.on('drain', () => drains++)
  const waiting = server.drained()
  server.terminate()
  await expect(waiting).rejects.toThrow('WebSocket is not open: readyState 3 (CLOSED)')
  await expect(server.drained()).rejects.toThrow('WebSocket is not open')
  expect(server.writableNeedDrain).toBe(false)
  expect(drains).toBe(0)
})

test('a program that replaced `emit` hears of no drain that nobody listens to', async () => {
  const { server, client } = await link()
  const emitted: unknown[] = []
  const { emit } = server
  server.emit = function (this: Socket, ...args: [string]) {
    emitted.push(args[0])
    return emit.apply(this, args)
  }
  client.pause()
  while (!server.writableNeedDrain) server.send(Buffer.alloc(1 << 20))
  const drained = server.drained()
  client.resume()
  await drained
  expect(emitted).toEqual([])
})

test('what the program wrote to the socket itself keeps nobody waiting', async () => {
  const { server, client } = await link()
  client._socket!.pause()
  const socket = server._socket!
  while (socket.writableLength < MARK) socket.write(Buffer.alloc(1 << 20))
  expect(server.bufferedAmount).toBeGreaterThanOrEqual(MARK)
  expect(server.writableNeedDrain).toBe(false)
  await server.drained()
  server.terminate()
})

test('the mark is that of the option', async () => {
  const { server } = await pressed({ highWaterMark: 4 << 20 })
  expect(server.bufferedAmount).toBeGreaterThanOrEqual(4 << 20)
  expect(server.bufferedAmount).toBeLessThan((5 << 20) + 100)
  const { server: other, client } = await link({ highWaterMark: Infinity })
  client.pause()
  for (let i = 0; i < 40; i++) other.send(Buffer.alloc(1 << 20))
  expect(other.bufferedAmount).toBeGreaterThan(1 << 20)
  expect(other.writableNeedDrain).toBe(false)
})

test('the mark of a client is not that of the stream of its socket', async () => {
  const { client } = await link({}, { highWaterMark: 1 })
  const { client: other } = await link()
  expect(client._socket!.writableHighWaterMark).toBe(other._socket!.writableHighWaterMark)
})
