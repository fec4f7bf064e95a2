// Programs have members of their own by the names that connections have got: of instances and of subclasses, as data, methods and
// accessors. They go on working, and so does everything else.

import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import WebSocket from '../../src/index.js'
import { link, listen, type Socket } from './support/links.js'

const NAMES = ['writableNeedDrain', 'drained', 'droppedMessages', 'textType', Symbol.asyncIterator, Symbol.asyncDispose]

type Members = Record<string | symbol, unknown>

/** Both sides in use: what is sent comes back, much of it to a reader that stalls, and both close. */
async function use(server: Socket, client: Socket): Promise<void> {
  server.on('message', (data: Buffer) => server.send(data.toString()))
  const echoed = once(client, 'message')
  client.send('echo')
  expect(String((await echoed)[0])).toBe('echo')
  client.pause()
  const drained = once(server, 'drain')
  for (let i = 0; i < 40; i++) server.send(Buffer.alloc(1 << 20))
  client.resume()
  await drained
  const closed = [once(server, 'close'), once(client, 'close')]
  client.close(1000)
  for (const event of await Promise.all(closed)) expect(event[0]).toBe(1000)
}

describe.each(NAMES.map((name) => [String(name), name] as const))('%s', (_, name) => {
  test('of an instance, as data: set, changed and deleted', async () => {
    const { server, client } = await link({ maxBufferedAmount: 1 << 30 })
    const own = server as unknown as Members
    for (const value of ['mine', null, 5, () => 'mine', { mine: true }]) {
      own[name] = value
      expect(own[name]).toBe(value)
      expect(Object.hasOwn(own, name)).toBe(true)
      expect(Object.getOwnPropertyDescriptor(own, name)).toMatchObject({ enumerable: true, writable: true, configurable: true })
    }
    await use(server, client)
    expect(own[name]).toEqual({ mine: true })
    expect(delete own[name]).toBe(true)
    expect(own[name]).not.toEqual({ mine: true })
  })

  test.each<[string, () => typeof WebSocket]>([
    [
      'a field',
      () =>
        class extends WebSocket {
          [name] = 'mine'
        }
    ],
    [
      'a method',
      () =>
        class extends WebSocket {
          [name](): string {
            throw new Error('nobody but the program calls it')
          }
        }
    ],
    [
      'an accessor',
      () =>
        class extends WebSocket {
          get [name](): string {
            throw new Error('nobody but the program reads it')
          }

          set [name](_value: unknown) {
            throw new Error('nobody but the program sets it')
          }
        }
    ]
  ])('of a subclass, as %s', async (_kind, make) => {
    const Own = make()
    const { server: wss, port } = await listen({ WebSocket: Own, textType: 'string', maxBufferedAmount: 1 << 30 })
    const client = new Own(`ws://127.0.0.1:${port}`)
    const [[server]] = await Promise.all([once(wss, 'connection'), once(client, 'open')])
    await use(server as Socket, client)
  })
})

test('a connection that uses nothing of it has nothing of it', async () => {
  const { server, client } = await link()
  const keysOf = (ws: Socket): (string | undefined)[] => Object.getOwnPropertySymbols(ws).map(({ description }) => description)
  const echoed = once(client, 'message')
  server.send('text')
  await echoed
  for (const ws of [server, client]) {
    for (const key of ['highWaterMark', 'maxBufferedAmount', 'drops', 'textType', 'backpressure', 'incoming']) {
      expect(keysOf(ws)).not.toContain(`hybi.${key}`)
    }
    expect(ws.listenerCount('message') + ws.listenerCount('newListener')).toBeLessThan(2)
  }
})
