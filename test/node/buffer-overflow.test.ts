// The bound of what waits to be sent, and what happens at it.

import { once } from 'node:events'
import { expect, test } from 'vitest'
import { eventsOf, link, type Options, type Socket } from './support/links.js'
import { transports } from './support/transports.js'

const LIMIT = 1 << 20
const CHUNK = 1 << 16

/** The server's side of a connection on which about `LIMIT` octets wait, as the client reads nothing; `sent` are the callbacks' errors. */
async function full(options: Options): Promise<{ server: Socket; client: Socket; errors: (string | undefined)[]; sent: number }> {
  const { server, client } = await link({ maxBufferedAmount: LIMIT, ...options })
  client.pause()
  const errors: (string | undefined)[] = []
  let sent = 0
  while (server.bufferedAmount + CHUNK <= LIMIT) {
    const index = sent++
    server.send(Buffer.alloc(CHUNK, index), (error) => (errors[index] = (error as { code?: string } | undefined)?.code))
  }
  return { server, client, errors, sent }
}

const codeOf = (error: Error | undefined): unknown => (error as { code?: string } | undefined)?.code

test('a send that would pass it ends the connection: error, then close 1006', async () => {
  const { server } = await full({})
  const events = eventsOf(server)
  const codes: unknown[] = []
  server.send(Buffer.alloc(CHUNK), (error) => codes.push(codeOf(error)))
  // Not within the call
  expect(events).toEqual([])
  expect(server.readyState).toBe(server.CLOSING)
  server.send('late', (error) => codes.push(error?.message))
  await new Promise((resolve) => server.once('close', resolve))
  expect(events).toEqual([`error The message would make more than ${LIMIT} octets wait`, 'close 1006'])
  expect(codes).toEqual(['WS_ERR_BUFFER_OVERFLOW', 'WebSocket is not open: readyState 2 (CLOSING)'])
  expect(server.droppedMessages).toBe(1)
  expect(server._errorEmitted).toBe(true)
})

test('the error has a code', async () => {
  const { server } = await full({})
  const failed = once(server, 'error')
  server.send(Buffer.alloc(CHUNK))
  expect(codeOf((await failed)[0] as Error)).toBe('WS_ERR_BUFFER_OVERFLOW')
})

test('with overflow drop it is dropped and told, others arrive, and the connection goes on', async () => {
  const { server, client, errors, sent } = await full({ overflow: 'drop' })
  const codes: unknown[] = []
  for (let i = 0; i < 3; i++) server.send(Buffer.alloc(CHUNK, 'd'), (error) => codes.push(codeOf(error)))
  server.send('x'.repeat(CHUNK))
  expect(server.droppedMessages).toBe(4)
  expect(server.bufferedAmount).toBeLessThanOrEqual(LIMIT)
  // At once, though others wait
  await new Promise(process.nextTick)
  expect(codes).toEqual(Array(3).fill('WS_ERR_BUFFER_OVERFLOW'))
  const received: (number | string)[] = []
  client.on('message', (data: Buffer, isBinary: boolean) => received.push(isBinary ? data[0] : data.toString()))
  const drained = server.drained()
  client.resume()
  await drained
  const last = once(client, 'message', { signal: AbortSignal.timeout(60_000) })
  server.send('goes on')
  await last
  while (received.at(-1) !== 'goes on') await once(client, 'message')
  expect(received).toEqual([...Array.from({ length: sent }, (_, i) => i & 0xff), 'goes on'])
  expect(errors).toEqual(Array(sent).fill(undefined))
})

test('control frames are never dropped', async () => {
  const { server, client } = await full({ overflow: 'drop' })
  server.send(Buffer.alloc(LIMIT))
  const pinged = once(client, 'ping')
  server.ping('all')
  for (let i = 0; i < 50; i++) server.pong(Buffer.alloc(125))
  const closed = once(client, 'close')
  server.close(1000, 'the end')
  client.resume()
  expect(String((await pinged)[0])).toBe('all')
  expect(await closed).toEqual([1000, Buffer.from('the end')])
  expect(server.droppedMessages).toBe(1)
})

test('a message in fragments is dropped as a whole, or not at all', async () => {
  const { server, client } = await link({ maxBufferedAmount: LIMIT, overflow: 'drop' })
  client.pause()
  const codes: unknown[] = []
  const note = (error?: Error): number => codes.push(codeOf(error))
  server.send('begins where there is room, ', { fin: false })
  while (server.bufferedAmount + CHUNK <= LIMIT) server.send('a'.repeat(CHUNK), { fin: false })
  server.send('b'.repeat(CHUNK), { fin: false })
  server.send('and ends', { fin: true })
  expect(server.droppedMessages).toBe(0)
  server.send('c'.repeat(CHUNK), { fin: false }, note)
  server.send('small', { fin: false }, note)
  server.send('end', { fin: true }, note)
  expect(server.droppedMessages).toBe(1)
  await new Promise(process.nextTick)
  expect(codes).toEqual(Array(3).fill('WS_ERR_BUFFER_OVERFLOW'))
  const message = once(client, 'message')
  client.resume()
  expect(String((await message)[0])).toMatch(/^begins where there is room, a+b{65536}and ends$/)
  await server.drained()
  const next = once(client, 'message')
  server.send('next')
  expect(String((await next)[0])).toBe('next')
})

test.each(Object.keys(transports))('no more waits than may, over %s, with what waits for compression', async (transport) => {
  const { server, client } = await transports[transport](
    { maxBufferedAmount: LIMIT, overflow: 'drop', perMessageDeflate: { codec: 'zlib' } },
    {}
  )
  client.pause()
  let dropped = 0
  for (let i = 0; i < 2000; i++) {
    server.send(Buffer.alloc(CHUNK, `${i} ${Math.sin(i)}`), (error) => {
      if (error) dropped++
    })
    expect(server.bufferedAmount).toBeLessThanOrEqual(LIMIT)
    if (i % 50 === 0) await new Promise(setImmediate)
  }
  await new Promise(process.nextTick)
  expect(dropped).toBeGreaterThan(0)
  expect(server.droppedMessages).toBe(dropped)
})

test('what text has in octets counts', async () => {
  const { server } = await link({ maxBufferedAmount: 1000, overflow: 'drop' })
  server.send('é'.repeat(500))
  expect(server.droppedMessages).toBe(0)
  server.send('é'.repeat(501))
  expect(server.droppedMessages).toBe(1)
})

test('without the option nothing is counted', async () => {
  const { server, client } = await link()
  client.pause()
  for (let i = 0; i < 40; i++) server.send(Buffer.alloc(LIMIT))
  expect(server.readyState).toBe(server.OPEN)
  expect(server.droppedMessages).toBe(0)
})
