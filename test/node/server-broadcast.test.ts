// `wss.broadcast()`: one message to all clients.

import { Blob } from 'node:buffer'
import { describe, expect, test } from 'vitest'
import WebSocket from '../../src/index.js'
import { eventually, linkInMemory, listen, type Options, type Socket } from './support/links.js'
import { once } from 'node:events'

const { WebSocketServer } = WebSocket

interface Client {
  server: Socket
  client: Socket
  received: string[]
}

/** A server with clients over streams in memory, and what each received. */
function inMemory(count: number, options: Options = {}) {
  const wss = new WebSocketServer({ noServer: true })
  const all = Array.from({ length: count }, () => {
    const { server, client } = linkInMemory(options)
    wss.clients!.add(server)
    return recorded(server, client)
  })
  return { wss, all }
}

/** The same over TCP. */
async function overTcp(count: number, options: Options = {}) {
  const { server: wss, port } = await listen({ ...options, maxPayload: 0 })
  const all: Client[] = []
  for (let i = 0; i < count; i++) {
    const client = new WebSocket(`ws://127.0.0.1:${port}`)
    const [[server]] = await Promise.all([once(wss, 'connection'), once(client, 'open')])
    all.push(recorded(server as Socket, client))
  }
  return { wss, all }
}

function recorded(server: Socket, client: Socket): Client {
  const received: string[] = []
  client.on('message', (data: Buffer, isBinary: boolean) => received.push(`${isBinary ? 'binary' : 'text'} ${data.toString()}`))
  return { server, client, received }
}

async function seen(all: Client[], length = 1): Promise<string[][]> {
  await eventually(() => all.every(({ received }) => received.length >= length))
  return all.map(({ received }) => received)
}

test('everybody who is open gets it, and they are counted', async () => {
  const { wss, all } = await overTcp(4)
  all[1].server.close()
  expect(wss.broadcast('hello')).toBe(3)
  const others = [all[0], all[2], all[3]]
  expect(await seen(others)).toEqual([['text hello'], ['text hello'], ['text hello']])
  expect(all[1].received).toEqual([])
  await eventually(() => wss.clients!.size === 3)
  expect(wss.broadcast('again')).toBe(3)
})

test.each<[string, unknown, Options | undefined, string]>([
  ['text', 'grüße', undefined, 'text grüße'],
  ['no text', '', undefined, 'text '],
  ['nothing', undefined, undefined, 'binary '],
  ['a number', 42, undefined, 'text 42'],
  ['octets', Buffer.from('octets'), undefined, 'binary octets'],
  ['no octets', Buffer.alloc(0), undefined, 'binary '],
  ['a view', new Uint8Array([65, 66]).subarray(1), undefined, 'binary B'],
  ['an ArrayBuffer', new Uint8Array([65]).buffer, undefined, 'binary A'],
  ['a list', [65, 66], undefined, 'binary AB'],
  ['a Blob', new Blob(['blob']), undefined, 'binary blob'],
  ['octets as text', Buffer.from('octets'), { binary: false }, 'text octets'],
  ['text as octets', 'text', { binary: true }, 'binary text'],
  ['much text', 'x'.repeat(100_000), undefined, `text ${'x'.repeat(100_000)}`],
  ['many octets', Buffer.alloc(100_000, 'y'), undefined, `binary ${'y'.repeat(100_000)}`]
])('what send takes: %s', async (_, data, options, expected) => {
  for (const { wss, all } of [inMemory(3), await overTcp(3), await overTcp(3, { perMessageDeflate: { threshold: 0 } })]) {
    expect(wss.broadcast(data, options)).toBe(3)
    expect(await seen(all)).toEqual([[expected], [expected], [expected]])
  }
})

test.each([null, true, {}, () => {}])('what send does not take is a TypeError, and nobody gets it: %o', (data) => {
  const { wss, all } = inMemory(1)
  const ofSend = () => all[0].server.send(data)
  const ofBroadcast = () => wss.broadcast(data)
  if (data === null) expect(ofBroadcast()).toBe(1)
  else {
    expect(ofSend).toThrow(TypeError)
    expect(ofBroadcast).toThrow(TypeError)
  }
})

describe('who is left out', () => {
  test('one, or several', async () => {
    const { wss, all } = inMemory(4)
    expect(wss.broadcast('a', { except: all[0].server })).toBe(3)
    expect(wss.broadcast('b', { except: [all[0].server, all[1].server] })).toBe(2)
    expect(wss.broadcast('c', { except: new Set([all[2].server]) })).toBe(3)
    expect(wss.broadcast('d', { except: null })).toBe(4)
    await eventually(() => all.every(({ received }) => received.at(-1) === 'text d'))
    expect(all.map(({ received }) => received.map((line) => line.slice(5)).join(''))).toEqual(['cd', 'acd', 'abd', 'abcd'])
  })

  test('those for whom the filter says no', async () => {
    const { wss, all } = inMemory(3)
    const asked: unknown[] = []
    expect(
      wss.broadcast('a', {
        except: all[2].server,
        filter: (client) => {
          asked.push(client)
          return client !== all[0].server
        }
      })
    ).toBe(1)
    expect(asked).toEqual([all[0].server, all[1].server])
    wss.broadcast('b')
    await eventually(() => all.every(({ received }) => received.at(-1) === 'text b'))
    expect(all.map(({ received }) => received.length)).toEqual([1, 2, 1])
  })

  test.each([[{ except: 'a' }], [{ except: {} }], [{ filter: true }], [{ binary: 1 }], [{ compress: 'yes' }]])(
    '%o is a TypeError, and nobody gets it',
    (options) => {
      const { wss, all } = inMemory(1)
      expect(() => wss.broadcast('a', options as object)).toThrow(TypeError)
      expect(() => wss.broadcast('a', options as object)).toThrow(
        /^Invalid value for option "(except|filter|binary|compress)": .* \(must be /
      )
      expect(all[0].server.bufferedAmount).toBe(0)
    }
  )
})

test('a filter that throws keeps nobody else from getting it', async () => {
  const { wss, all } = inMemory(3)
  const filter = (client: unknown) => {
    if (client === all[0].server) throw new Error('from the filter')
    return true
  }
  expect(() => wss.broadcast('a', { filter })).toThrow('from the filter')
  expect(await seen(all.slice(1))).toEqual([['text a'], ['text a']])
})

test('a send of the program’s own is what sends', async () => {
  const { wss, all } = inMemory(2)
  const given: unknown[][] = []
  const { send } = all[0].server
  all[0].server.send = function (this: Socket, ...args: Parameters<Socket['send']>) {
    given.push(args)
    return send.call(this, `own ${String(args[0])}`, args[1], args[2])
  }
  expect(wss.broadcast('a', { compress: false })).toBe(2)
  expect(await seen(all)).toEqual([['text own a'], ['text a']])
  expect(given).toEqual([['a', { binary: false, compress: false }]])
})

test('octets are the caller’s again when it returns, however slow a client is', async () => {
  for (const size of [10, 5000, 32 * 1024 + 1, 1 << 20]) {
    const { wss, all } = await overTcp(3)
    all[1].client.pause()
    const octets = Buffer.alloc(size, 'a')
    for (let i = 0; i < 8; i++) {
      octets.fill(97 + i)
      wss.broadcast(octets)
    }
    octets.fill('z')
    all[1].client.resume()
    const expected = Array.from({ length: 8 }, (_, i) => `binary ${String.fromCharCode(97 + i).repeat(size)}`)
    for (const received of await seen(all, 8)) expect(received.every((message, i) => message === expected[i])).toBe(true)
  }
})

test('order with what is sent otherwise is kept', async () => {
  const { wss, all } = await overTcp(3, { perMessageDeflate: { threshold: 0 } })
  for (let i = 0; i < 50; i++) {
    all[i % 3].server.send(`${i} alone`)
    wss.broadcast(`${i} for all`, { compress: i % 2 === 0 })
  }
  await eventually(() => all.every(({ received }) => received.at(-1) === 'text 49 for all'))
  all.forEach(({ received }, index) => {
    const expected = Array.from({ length: 50 }, (_, i) => [...(i % 3 === index ? [`text ${i} alone`] : []), `text ${i} for all`])
    expect(received).toEqual(expected.flat())
  })
})

test('without clientTracking there is nobody to send to', () => {
  const wss = new WebSocketServer({ noServer: true, clientTracking: false })
  expect(() => wss.broadcast('a')).toThrow('The server knows no clients: its option "clientTracking" is false')
})
