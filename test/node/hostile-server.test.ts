import http from 'node:http'
import type { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import WebSocket from '../../src/index.js'
import { BINARY, buildFrame, PING, TEXT } from '../support/frames.js'
import { listenRaw, type RawPeer, responseOctets } from '../support/raw-peer.js'
import { eventsOf, eventually, type Options, turns } from './support/links.js'
import { uncaughtDuring } from './support/uncaught.js'

/** What a client makes of a server that answers with `respond`: its events, and what nobody caught. */
async function outcome(
  respond: (peer: RawPeer, key: string, port: number) => void,
  options: Options = {},
  prepare: (client: InstanceType<typeof WebSocket>) => void = () => {}
): Promise<{ events: string[]; errors: Error[] }> {
  let events: string[] = []
  const errors = await uncaughtDuring(async () => {
    const server = await listenRaw((peer, key) => respond(peer, key, server.port))
    const client = new WebSocket(`ws://127.0.0.1:${server.port}`, options)
    events = eventsOf(client)
    prepare(client)
    await eventually(() => client.readyState === WebSocket.CLOSED)
    await turns(3)
    client.terminate()
    await server.close()
  })
  return { events, errors }
}

const redirect = (location: string) => (peer: RawPeer) =>
  peer.socket.end(`HTTP/1.1 302 Found\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`)

describe('a redirect never throws out of the handshake', () => {
  test.each([
    'javascript:1',
    'data:,',
    'file:///etc/passwd',
    'ws+unix:',
    'ws+unix:///nowhere/at/all:/x',
    '//',
    'http://[::1',
    'ws://a b',
    '#fragment',
    'ws://127.0.0.1:65536/',
    '\\\\x',
    'ws://user:pa%ss@127.0.0.1:1/',
    '?'.repeat(3000)
  ])('to %s', async (location) => {
    const { events, errors } = await outcome(redirect(location), { followRedirects: true, maxRedirects: 2 })
    expect(errors).toEqual([])
    expect(events).toHaveLength(2)
    expect(events[0]).toMatch(/^error /)
    expect(events[1]).toBe('close 1006')
  })

  test('to itself, for ever', async () => {
    const { events, errors } = await outcome(redirect('/'), { followRedirects: true, maxRedirects: 3 })
    expect(errors).toEqual([])
    expect(events).toEqual(['error Maximum redirects exceeded', 'close 1006'])
  })

  test('to a scheme that the agent does not serve', async () => {
    const { events, errors } = await outcome((peer, _key, port) => redirect(`wss://127.0.0.1:${port}/`)(peer), {
      followRedirects: true,
      agent: new http.Agent()
    })
    expect(errors).toEqual([])
    expect(events).toEqual(['error Protocol "https:" not supported. Expected "http:"', 'close 1006'])
  })
})

describe('an answer that is no handshake ends in one error and one close', () => {
  const accept = 'Upgrade: websocket\r\nConnection: Upgrade\r\n'
  const extension = (value: string) => (peer: RawPeer, key: string) =>
    peer.write(responseOctets(key, { 'Sec-WebSocket-Extensions': value }))
  const cases: [string, (peer: RawPeer, key: string) => void][] = [
    ['nothing at all', (peer) => peer.socket.end()],
    ['a reset', (peer) => (peer.socket as Socket).resetAndDestroy()],
    ['no HTTP', (peer) => peer.socket.end('\x81\x05hello')],
    ['no accept key', (peer) => peer.socket.write(`HTTP/1.1 101 X\r\n${accept}\r\n`)],
    ['a wrong accept key', (peer) => peer.socket.write(`HTTP/1.1 101 X\r\n${accept}Sec-WebSocket-Accept: x\r\n\r\n`)],
    [
      'a wrong accept key and a reset',
      (peer) =>
        peer.socket.write(`HTTP/1.1 101 X\r\n${accept}Sec-WebSocket-Accept: x\r\n\r\n`, () =>
          (peer.socket as Socket).resetAndDestroy()
        )
    ],
    ['the accept key twice', (peer, key) => peer.write(responseOctets(key, { 'sec-websocket-accept': 'x' }))],
    ['another protocol', (peer, key) => peer.write(responseOctets(key, { Upgrade: 'h2c' }))],
    ['a subprotocol that was not offered', (peer, key) => peer.write(responseOctets(key, { 'Sec-WebSocket-Protocol': 'a' }))],
    ['an unknown extension', extension('x-other')],
    ['an extension named __proto__', extension('__proto__')],
    ['an extension named toString', extension('toString')],
    ['a parameter named __proto__', extension('permessage-deflate; __proto__')],
    ['a parameter named constructor', extension('permessage-deflate; constructor=1')],
    ['a window that is too small', extension('permessage-deflate; server_max_window_bits=7')],
    ['a parameter that repeats', extension('permessage-deflate; server_max_window_bits=8; server_max_window_bits=9')],
    ['an extension list that is none', extension(',;=')],
    ['a status that is an error', (peer) => peer.socket.end('HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n')]
  ]
  test.each(cases)('%s', async (_name, respond) => {
    const { events, errors } = await outcome(respond)
    expect(errors).toEqual([])
    expect(events).toHaveLength(2)
    expect(events[0]).toMatch(/^error /)
    expect(events[1]).toBe('close 1006')
  })
})

describe('a connection that ends at any octet', () => {
  const frames = Buffer.concat([
    buildFrame({ opcode: TEXT, payload: 'hello' }),
    buildFrame({ opcode: PING, payload: 'p' }),
    buildFrame({ opcode: BINARY, payload: Buffer.alloc(200) }),
    buildFrame({ opcode: TEXT, payload: 'a', fin: false }),
    buildFrame({ opcode: 0, payload: 'b' })
  ])

  test.each(['FIN', 'RST'])(
    'of the handshake and the first frames: %s',
    async (way) => {
      const whole = (key: string): Buffer => Buffer.concat([responseOctets(key), frames])
      const total = whole('x'.repeat(24)).length
      for (let length = 0; length <= total; length += length < 150 ? 7 : 1) {
        const { events, errors } = await outcome((peer, key) => {
          const octets = whole(key).subarray(0, length)
          if (way === 'FIN') peer.socket.end(octets)
          else peer.socket.write(octets, () => (peer.socket as Socket).resetAndDestroy())
        })
        expect(errors).toEqual([])
        expect(events.filter((line) => line.startsWith('close'))).toEqual(['close 1006'])
        expect(events.at(-1)).toBe('close 1006')
        expect(events.filter((line) => line.startsWith('error')).length).toBeLessThanOrEqual(events.includes('open') ? 0 : 1)
        if (way === 'FIN') {
          const expected = ['message 5', 'ping 1', 'message 200', 'message 2']
          const seen = events.filter((line) => line !== 'open' && !line.startsWith('close') && !line.startsWith('error'))
          expect(seen).toEqual(expected.slice(0, seen.length))
          if (length === total) expect(seen).toEqual(expected)
        }
      }
    },
    60_000
  )
})

describe('frames that come with the response', () => {
  const head = Buffer.concat([buildFrame({ payload: 'hi' }), buildFrame({ opcode: PING }), buildFrame({ opcode: BINARY })])
  const respond = (peer: RawPeer, key: string): void => {
    peer.socket.end(Buffer.concat([responseOctets(key), head]))
  }

  test('are delivered after open', async () => {
    const { events } = await outcome(respond)
    expect(events).toEqual(['open', 'message 2', 'ping 0', 'message 0', 'close 1006'])
  })

  test('are not delivered to who drops the connection at open', async () => {
    const { events, errors } = await outcome(respond, {}, (client) => client.on('open', () => client.terminate()))
    expect(errors).toEqual([])
    expect(events.at(-1)).toBe('close 1006')
    expect(events.filter((line) => line.startsWith('error'))).toEqual([])
  })

  test('reach a client that pauses at open once it resumes', async () => {
    const { events } = await outcome(respond, {}, (client) =>
      client.on('open', () => {
        client.pause()
        setImmediate(() => client.resume())
      })
    )
    expect(events).toEqual(['open', 'message 2', 'ping 0', 'message 0', 'close 1006'])
  })

  test('come to a client whose open listener throws', async () => {
    const { events, errors } = await outcome(respond, {}, (client) =>
      client.on('open', () => {
        throw new Error('at open')
      })
    )
    expect(errors.map(({ message }) => message)).toEqual(['at open'])
    expect(events).toEqual(['open', 'message 2', 'ping 0', 'message 0', 'close 1006'])
  })
})
