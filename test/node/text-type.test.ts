// Text as strings for listeners of 'message'.

import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import WebSocket from '../../src/index.js'
import { link, type Options, type Socket } from './support/links.js'

const TEXTS = ['', 'ASCII', 'grüße 👋', 'é'.repeat(100_000), 'x'.repeat(300_000)]

async function received(ws: Socket, peer: Socket): Promise<unknown[]> {
  const all: unknown[] = []
  const closed = once(ws, 'close')
  ws.on('message', (data: unknown, isBinary: boolean) => {
    expect(isBinary).toBe(Buffer.isBuffer(data) && data[0] === 1)
    all.push(data)
  })
  for (const text of TEXTS) peer.send(text)
  peer.send('fragments: ', { fin: false })
  peer.send('ü and ', { fin: false })
  peer.send('end', { fin: true })
  peer.send(Buffer.from([1, 2]))
  peer.close()
  await closed
  return all
}

const strings = [...TEXTS, 'fragments: ü and end', Buffer.from([1, 2])]

describe.each([false, { codec: 'wasm' }, { codec: 'zlib' }])('with compression %o', (perMessageDeflate) => {
  test.each<[string, Options, Options]>([
    ['a server', { textType: 'string' }, {}],
    ['a client', {}, { textType: 'string' }]
  ])('listeners of %s get strings', async (role, server, client) => {
    const pair = await link({ perMessageDeflate, ...server }, client)
    const [ws, peer] = role === 'a server' ? [pair.server, pair.client] : [pair.client, pair.server]
    expect([ws.textType, peer.textType]).toEqual(['string', 'buffer'])
    expect(await received(ws, peer)).toEqual(strings)
  })
})

test('without validation text that is no UTF-8 is replaced', async () => {
  const { server, client } = await link({ textType: 'string', skipUTF8Validation: true })
  const message = once(server, 'message')
  client.send(Buffer.from([0x61, 0xff]), { binary: false })
  expect((await message)[0]).toBe('a\ufffd')
})

test('it may be set at any time, by the instance, and holds for who replaced `emit` or looks at `_receiver`', async () => {
  const { server, client } = await link()
  const next = async (): Promise<unknown> => {
    const message = once(server, 'message')
    client.send('text')
    return (await message)[0]
  }
  expect(await next()).toEqual(Buffer.from('text'))
  server.textType = 'string'
  expect(await next()).toBe('text')
  const { emit } = server
  server.emit = (...args: Parameters<typeof emit>) => emit.apply(server, args)
  expect(await next()).toBe('text')
  server._receiver!.on('message', () => {})
  expect(await next()).toBe('text')
  server.textType = 'buffer'
  expect(await next()).toEqual(Buffer.from('text'))
  expect(Object.keys(server)).not.toContain('textType')
})

test('`onmessage` and streams get what they got', async () => {
  const { server, client } = await link({ textType: 'string' })
  const data = new Promise((resolve) => {
    server.addEventListener(
      'message',
      { handleEvent: (event) => resolve((event as unknown as { data: unknown }).data) },
      { once: true }
    )
  })
  client.send('text')
  expect(await data).toBe('text')
  const stream = WebSocket.createWebSocketStream(server)
  client.send('grüße')
  expect((await once(stream, 'data'))[0]).toEqual(Buffer.from('grüße'))
})

test.each([
  ['highWaterMark', 0, RangeError],
  ['highWaterMark', 1.5, RangeError],
  ['highWaterMark', NaN, RangeError],
  ['highWaterMark', '1', TypeError],
  ['highWaterMark', null, TypeError],
  ['maxBufferedAmount', -1, RangeError],
  ['maxBufferedAmount', '1 MiB', TypeError],
  ['overflow', 'close', TypeError],
  ['overflow', '', TypeError],
  ['textType', 'text', TypeError],
  ['textType', true, TypeError]
])('%s: %o is refused by the constructors, which name what is allowed', (name, value, error) => {
  const options = { [name]: value }
  const shown = typeof value === 'string' ? JSON.stringify(value) : String(value)
  const create = [
    () => new WebSocket('ws://localhost', options),
    () => new WebSocket(null, undefined, options),
    () => new WebSocket.WebSocketServer({ noServer: true, ...options })
  ]
  for (const one of create) {
    expect(one).toThrow(error)
    expect(one).toThrow(`Invalid value for option "${name}": ${shown} (must be `)
  }
})
