// Requests that no parser of HTTP made, with values on which ws fails; those on which it gives a verdict are compared with ws.

import type { IncomingMessage } from 'node:http'
import { Duplex } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { WebSocketServer } from '../../src/node/server.js'

const valid = {
  connection: 'upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ=='
}

/** Status of the answer to a request with these properties. */
function statusOf(request: object, options: object = {}): number {
  const wss = new WebSocketServer({ noServer: true, ...options })
  let answer = ''
  const socket = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      answer += String(chunk)
      done()
    }
  })
  wss.handleUpgrade({ method: 'GET', url: '/', headers: valid, ...request } as IncomingMessage, socket, Buffer.alloc(0), (ws) =>
    ws.terminate()
  )
  return Number(/^HTTP\/1.1 (\d+)/.exec(answer)?.[1])
}

const values: [string, unknown][] = [
  ['null', null],
  ['a number', 5],
  ['a list', ['websocket']],
  ['an object', {}],
  ['an object without a prototype', Object.create(null)],
  ['a symbol', Symbol('websocket')],
  ['a function', () => 'websocket']
]

describe('a request made by hand', () => {
  test.each(values)('whose Upgrade is %s is refused (RFC 6455 §4.2.1)', (_, upgrade) => {
    expect(statusOf({ headers: { ...valid, upgrade } })).toBe(400)
  })

  test.each(values.slice(-3))('whose version or key is %s is refused', (_, value) => {
    expect(statusOf({ headers: { ...valid, 'sec-websocket-version': value } })).toBe(400)
    expect(statusOf({ headers: { ...valid, 'sec-websocket-key': value } })).toBe(400)
  })

  test.each([undefined, null, {}])('with headers that are %s is refused', (headers) => {
    expect(statusOf({ headers })).toBe(400)
  })

  test('without a socket is asked about with `secure: false`', () => {
    const seen: unknown[] = []
    const verifyClient = (info: { secure: boolean }): boolean => seen.push(info.secure) > 0
    expect(statusOf({}, { verifyClient })).toBe(101)
    expect(statusOf({ socket: null }, { verifyClient })).toBe(101)
    expect(seen).toEqual([false, false])
  })

  test.each([undefined, null, 5])('whose url is %s is on no path', (url) => {
    expect(statusOf({ url }, { path: '/chat' })).toBe(400)
    expect(statusOf({ url })).toBe(101)
  })
})
