// Observers: told of a connection beside its listeners.

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { observe, type Observer } from '../../src/node/delivery/observer.js'
import { kDelivery } from '../../src/node/runtime/symbols.js'
import { WebSocketServer } from '../../src/node/server.js'
import { WebSocket } from '../../src/node/websocket.js'

let wss: WebSocketServer | undefined

afterEach(() => wss?.close())

/** Both sides of a connection. */
async function pair(): Promise<{ client: WebSocket; server: WebSocket }> {
  wss = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(wss, 'listening')
  const client = new WebSocket(`ws://127.0.0.1:${(wss.address() as AddressInfo).port}`)
  const [[server]] = await Promise.all([once(wss, 'connection'), once(client, 'open')])
  return { client, server }
}

/** An observer that writes down what it is told. */
function recorder(name: string, told: string[]): Observer<WebSocket> {
  return {
    opened: (ws) => void told.push(`${name} opened in state ${ws.readyState}`),
    received: (_, length) => void told.push(`${name} received ${length}`),
    ponged: () => void told.push(`${name} ponged`),
    closed: (ws) => void told.push(`${name} closed in state ${ws.readyState}`)
  }
}

test('observers are told of opening, octets, pongs and the end, without a listener', async () => {
  const { client, server } = await pair()
  const told: string[] = []
  const listeners = server.eventNames().map((name) => [name, server.listenerCount(name)])
  observe(server, [recorder('a', told)])
  expect(server.eventNames().map((name) => [name, server.listenerCount(name)])).toEqual(listeners)
  expect(told).toEqual(['a opened in state 1'])
  const received = once(server, 'message')
  client.send('text')
  await received
  const ponged = once(server, 'pong')
  server.ping()
  await ponged
  // Six octets of header and masking key each
  expect(told.slice(1)).toEqual(['a received 10', 'a received 6', 'a ponged'])
  const closed = once(server, 'close').then(() => told.push('event close'))
  client.close(1000)
  await closed
  expect(told.slice(4)).toEqual(['a received 8', 'a closed in state 3', 'event close'])
})

test('observers that come later are told, too, and those of one connection are not those of another', async () => {
  const { client, server } = await pair()
  const told: string[] = []
  observe(server, [recorder('a', told)])
  observe(server, [recorder('b', told), {}])
  observe(client, [recorder('c', told)])
  expect(told).toEqual(['a opened in state 1', 'b opened in state 1', 'c opened in state 1'])
  told.length = 0
  const both = [once(server, 'close'), once(client, 'close')]
  server.terminate()
  await Promise.all(both)
  expect(told.filter((line) => line.includes('closed'))).toEqual([
    'a closed in state 3',
    'b closed in state 3',
    'c closed in state 3'
  ])
  // What the server does itself for each
  expect(wss!.clients!.size).toBe(0)
})

test('a pong is told of even if the program takes part in what `ws._receiver` emits', async () => {
  const { client, server } = await pair()
  const told: string[] = []
  observe(server, [recorder('a', told)])
  server._receiver!.on('pong', () => told.push('listener of the receiver'))
  const ponged = once(server, 'pong')
  server.ping()
  await ponged
  expect(told.filter((line) => !line.includes('received'))).toEqual(['a opened in state 1', 'a ponged', 'listener of the receiver'])
  client.terminate()
})

test.each([
  ['one of Node', (ws: WebSocket) => ws],
  [
    'one whose writes go through its stream',
    (ws: WebSocket) => {
      ws._socket!.write = Object.getPrototypeOf(ws._socket).write
      return ws
    }
  ]
])('observers are told when a socket, %s, has written some of what waited, each time that was asked for', async (_, prepare) => {
  const { client, server } = await pair()
  prepare(server)
  const { link } = server[kDelivery]!
  expect(link.tellWhenWritable()).toBe(false)
  client.pause()
  const waiting: number[] = []
  let asked = 0
  const done = new Promise<void>((resolve) => {
    observe(server, [
      {
        writable: (ws) => {
          waiting.push(ws.bufferedAmount)
          if (link.tellWhenWritable()) asked++
          else resolve()
        }
      }
    ])
  })
  // Until the system takes no more
  while (server.bufferedAmount === 0) server.send(Buffer.alloc(1 << 20))
  for (let i = 0; i < 3; i++) server.send(Buffer.alloc(1 << 20))
  const before = server.bufferedAmount
  expect(link.tellWhenWritable()).toBe(true)
  asked++
  client.resume()
  await done
  expect(waiting).toHaveLength(asked)
  expect(waiting.every((length, i) => length <= (waiting[i - 1] ?? before))).toBe(true)
  expect(waiting.at(-1)).toBe(0)
  client.terminate()
})
