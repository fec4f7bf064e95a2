// The diagnostics channels: what they tell, and that nobody pays for them who has not subscribed.

import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import http from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { Sender } from '../../src/core/sender.js'
import WebSocket from '../../src/index.js'
import { Delivery } from '../../src/node/delivery/delivery.js'
import { whenSubscribed } from '../../src/node/runtime/channels.js'
import { link, linkInMemory, linkRaw, listen, type Socket } from './support/links.js'

type Message = Record<string, unknown> & { websocket: Socket }

const subscriptions: [string, (message: unknown) => void][] = []

afterEach(() => {
  for (const [name, listener] of subscriptions.splice(0)) unsubscribe(name, listener)
})

/** What a channel tells from here on. */
function listenTo(name: string): Message[] {
  const told: Message[] = []
  const listener = (message: unknown): void => void told.push(message as Message)
  subscribe(name, listener)
  subscriptions.push([name, listener])
  return told
}

const { emitMessage } = Delivery.prototype
const { sendMessage } = Sender.prototype

describe('messages', () => {
  test('pass by nothing until somebody subscribes; other channels do not change that', async () => {
    listenTo('hybi:connection')
    listenTo('hybi:close')
    await link()
    expect(Delivery.prototype.emitMessage).toBe(emitMessage)
    expect(Sender.prototype.sendMessage).toBe(sendMessage)
    listenTo('hybi:send')
    expect(Sender.prototype.sendMessage).not.toBe(sendMessage)
  })

  test('that are received are told before they are delivered, in the form that listeners get, with their octets', async () => {
    const { server, client } = await link()
    const told = listenTo('hybi:message')
    const received: unknown[] = []
    server.on('message', (data: unknown, isBinary: boolean) => {
      expect(told).toHaveLength(received.length + 1)
      received.push([data, isBinary])
    })
    const done = new Promise((resolve) => server.on('message', () => received.length === 4 && resolve(0)))
    client.send('grüße')
    client.send(Buffer.from([1, 2, 3]))
    client.send('frag', { fin: false })
    client.send('ments', { fin: true })
    client.send('')
    await done
    expect(told.map(({ data, isBinary }) => [data, isBinary])).toEqual(received)
    expect(told.map(({ length }) => length)).toEqual([7, 3, 9, 0])
    expect(told.every(({ websocket }) => websocket === server)).toBe(true)
  })

  test.each(['nodebuffer', 'arraybuffer', 'fragments', 'blob'] as const)(
    'are told with their octets as %s, as strings, and where `ws._receiver` is listened to',
    async (type) => {
      const { server, client } = await link()
      server.binaryType = type
      const told = listenTo('hybi:message')
      server._receiver!.on('message', () => {})
      const received = once(server, 'message')
      client.send(Buffer.alloc(5))
      await received
      const answered = new Promise((resolve) => client.addEventListener('message', resolve))
      server.send('äh')
      await answered
      expect(told.map(({ length }) => length)).toEqual([5, 3])
      expect(told[1].data).toBe('äh')
    }
  )

  test('that are sent are told when they were given, from where they were given', async () => {
    const { server, client } = await link()
    const told = listenTo('hybi:send')
    server.send('grüße')
    server.send(Uint8Array.of(1, 2, 3), { fin: false })
    server.send(new Blob(['four']), { fin: true })
    client._sender!.send('five', { binary: false, fin: true, mask: true }, undefined)
    expect(() => server.send(Symbol('none'))).toThrow(TypeError)
    expect(told.map(({ length, isBinary, fin }) => [length, isBinary, fin])).toEqual([
      [7, false, true],
      [3, true, false],
      [4, true, true],
      [4, false, true]
    ])
    expect(told.map(({ websocket }) => websocket)).toEqual([server, server, server, client])
    server.close()
    server.send('too late', () => {})
    expect(told).toHaveLength(4)
  })

  test('of a Sender without a WebSocket are nobody’s', () => {
    const told = listenTo('hybi:send')
    const { server } = linkInMemory()
    new WebSocket.Sender(server._socket!).send('x', { binary: false, fin: true, mask: false })
    expect(told).toEqual([])
  })

  test('are no longer told when nobody listens any more', async () => {
    const { server, client } = await link()
    const told = listenTo('hybi:message')
    const [[name, listener]] = subscriptions
    unsubscribe(name, listener)
    const received = once(client, 'message')
    server.send('unheard')
    await received
    expect(told).toEqual([])
  })
})

describe('connections', () => {
  test('are told when they open, those of servers with their request, and when they are closed, with a cause', async () => {
    const opened = listenTo('hybi:connection')
    const closed = listenTo('hybi:close')
    const { server: wss, port } = await listen()
    const client = new WebSocket(`ws://127.0.0.1:${port}/path`)
    client.on('open', () => expect(opened.map(({ websocket }) => websocket)).toContain(client))
    const [[server, request]] = (await Promise.all([once(wss, 'connection'), once(client, 'open')])) as unknown as [
      [Socket, http.IncomingMessage]
    ]
    expect(opened).toHaveLength(2)
    expect(opened.find(({ websocket }) => websocket === server)).toEqual({ websocket: server, request, server: wss })
    expect(opened.find(({ websocket }) => websocket === client)).toEqual({ websocket: client })
    client.close(4000, 'enough')
    await Promise.all([once(server, 'close'), once(client, 'close')])
    const ending = (ws: Socket) => closed.find(({ websocket }) => websocket === ws)
    expect(ending(server)).toEqual({ websocket: server, code: 4000, reason: Buffer.from('enough'), cause: 'peer' })
    expect(ending(client)).toEqual({ websocket: client, code: 4000, reason: Buffer.from('enough'), cause: 'program' })
  })

  const causes: [string, string, (ws: Socket, peer: Awaited<ReturnType<typeof linkRaw>>['peer']) => void, object?][] = [
    ['the peer’s close frame', '1000 peer', (_, peer) => peer.write(peer.frame({ opcode: 8, payload: Buffer.from([3, 232]) }))],
    ['close()', '1000 program', (ws) => ws.close(1000)],
    ['terminate()', '1006 terminate', (ws) => ws.terminate()],
    ['a violation', '1006 violation', (_, peer) => peer.write(peer.frame({ opcode: 3 }))],
    ['a peer that goes without a close frame', '1006 lost', (_, peer) => peer.socket.end()],
    ['a peer that resets', '1006 lost', (_, peer) => (peer.socket as unknown as { resetAndDestroy(): void }).resetAndDestroy()],
    ['a socket that fails', '1006 lost', (ws) => ws._socket!.destroy(new Error('mine'))],
    [
      'a closing handshake without an answer',
      '1006 timeout',
      (ws, peer) => {
        peer.echoClose = false
        ws.close()
      },
      { closeTimeout: 1 }
    ],
    [
      'a Blob that cannot be read',
      '1006 error',
      (ws) => ws.send(Object.assign(new Blob(['x']), { arrayBuffer: () => Promise.reject(new Error('mine')) }) as unknown as Blob)
    ],
    [
      'pings whose pongs nobody reads',
      '1006 flood',
      (ws, peer) => {
        ws._socket!.write = () => false
        peer.write(Buffer.concat([peer.frame({ opcode: 9 }), peer.frame({ opcode: 9 })]))
      },
      { maxPendingAutoPongs: 1, coalesce: false }
    ]
  ]

  test.each(causes)('end with a cause: %s, %s', async (_, expected, end, options = {}) => {
    const closed = listenTo('hybi:close')
    const { server: ws, peer } = await linkRaw(options as Record<string, unknown>)
    ws.on('error', () => {})
    const done = new Promise((resolve) => ws.on('close', resolve))
    end(ws, peer)
    await done
    const told = closed.filter(({ websocket }) => websocket === ws).map(({ code, cause }) => `${String(code)} ${String(cause)}`)
    expect(told).toEqual([expected])
  })

  test('that fail are told with their error, as are attempts to connect', async () => {
    const failed = listenTo('hybi:error')
    const closed = listenTo('hybi:close')
    const { server, peer } = await linkRaw()
    server.on('error', () => {})
    peer.write(peer.frame({ opcode: 3 }))
    await new Promise((resolve) => server.on('close', resolve))
    expect(failed).toEqual([{ websocket: server, error: expect.objectContaining({ code: 'WS_ERR_INVALID_OPCODE' }) as unknown }])
    const client = new WebSocket('ws://127.0.0.1:1')
    let error: unknown
    client.on('error', (reason) => (error = reason))
    await new Promise((resolve) => client.on('close', resolve))
    expect(failed[1]).toEqual({ websocket: client, error })
    // It was none
    expect(closed.map(({ websocket }) => websocket)).not.toContain(client)
  })
})

describe('requests', () => {
  test.each([
    ['for another path', { path: '/other' }, { Upgrade: 'websocket', Connection: 'Upgrade' }, 400],
    ['without a key', {}, { Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Version': '13' }, 400],
    [
      'that the program turns away',
      { verifyClient: (_: unknown, callback: (yes: boolean, status: number) => void) => callback(false, 403) },
      {
        Upgrade: 'websocket',
        Connection: 'Upgrade',
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ=='
      },
      403
    ]
  ])('%s are told with their status', async (_, options, headers, status) => {
    const refused = listenTo('hybi:refused')
    const { port } = await listen(options)
    const request = http.get({ port, host: '127.0.0.1', headers })
    const [response] = (await once(request, 'response')) as [http.IncomingMessage]
    response.resume()
    expect(response.statusCode).toBe(status)
    expect(refused).toHaveLength(1)
    const [told] = refused as unknown as { request: http.IncomingMessage; socket: unknown; status: number }[]
    expect(told.status).toBe(status)
    expect(told.request.url).toBe('/')
    expect(told.socket).toBe(told.request.socket)
  })
})

describe('a channel that is subscribed to', () => {
  test('calls who prepares for it with the first subscriber, by whichever way, and works as ever', () => {
    const name = 'hybi-test:prepared'
    const it = channel(name)
    let prepared = 0
    whenSubscribed(it, () => prepared++)
    expect(it.hasSubscribers).toBe(false)
    const told: unknown[] = []
    const listener = (message: unknown): void => void told.push(message)
    it.subscribe(listener)
    expect(prepared).toBeGreaterThan(0)
    it.publish(1)
    expect(it.unsubscribe(listener)).toBe(true)
    it.publish(2)
    subscribe(name, listener)
    it.publish(3)
    unsubscribe(name, listener)
    expect(it.hasSubscribers).toBe(false)
    expect(told).toEqual([1, 3])
  })

  test('before anybody was there to prepare has that done at once', () => {
    const it = channel('hybi-test:early')
    it.subscribe(() => {})
    let prepared = 0
    whenSubscribed(it, () => prepared++)
    expect(prepared).toBe(1)
  })
})
