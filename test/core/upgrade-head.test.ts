// The scanner of plain requests to upgrade, beside Node's own server: whatever it finds, that takes for the same request to upgrade.

import { once } from 'node:events'
import http from 'node:http'
import { Duplex } from 'node:stream'
import { expect, test } from 'vitest'
import {
  FIELD_CONNECTION,
  FIELD_EXTENSIONS,
  FIELD_HOST,
  FIELD_KEY,
  FIELD_PROTOCOL,
  FIELD_UPGRADE,
  FIELD_VERSION,
  UpgradeHead
} from '../../src/core/upgrade-head.js'
import { headOf } from '../fuzz/direct.mjs'

const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const FIELDS: Record<string, string> = {
  Host: 'example.com',
  Upgrade: 'websocket',
  Connection: 'Upgrade',
  'Sec-WebSocket-Key': KEY,
  'Sec-WebSocket-Version': '13'
}

const NAMES: readonly (readonly [number, string])[] = [
  [FIELD_HOST, 'host'],
  [FIELD_UPGRADE, 'upgrade'],
  [FIELD_CONNECTION, 'connection'],
  [FIELD_KEY, 'sec-websocket-key'],
  [FIELD_VERSION, 'sec-websocket-version'],
  [FIELD_PROTOCOL, 'sec-websocket-protocol'],
  [FIELD_EXTENSIONS, 'sec-websocket-extensions']
]

/** A plain head with some fields changed, left out with undefined, or more lines. */
function head(changes: Record<string, string | undefined> = {}, more: readonly string[] = [], line = 'GET / HTTP/1.1'): string {
  const fields = Object.entries({ ...FIELDS, ...changes }).filter(([, value]) => value !== undefined)
  return [line, ...fields.map(([name, value]) => `${name}: ${value}`), ...more, '', ''].join('\r\n')
}

interface Found {
  target: string
  values: Record<string, string | undefined>
}

const found = new UpgradeHead()

/** What the scanner finds in a head that stands alone, or at `start` of a larger memory. */
function find(text: string, memory?: Uint8Array, start = 0): Found | null {
  const octets = memory ?? Buffer.from(text, 'latin1')
  if (!found.find(octets, start, start + text.length)) return null
  const values = NAMES.map(([field, name]) => {
    const [from, to] = found.position.subarray(2 * field)
    return [name, to === 0 ? undefined : text.slice(from, to)]
  })
  return { target: text.slice(4, found.targetEnd), values: Object.fromEntries(values) as Found['values'] }
}

/** What Node makes of it: null if it is no request to upgrade, or if there is something behind it. */
async function nodeFinds(text: string): Promise<Found | null> {
  let result: Found | null = null
  const server = http.createServer((_request, response) => response.end())
  server.on('upgrade', ({ url, headers }: http.IncomingMessage, _socket: Duplex, rest: Buffer) => {
    const values = NAMES.map(([, name]) => [name, headers[name]])
    if (rest.length === 0) result = { target: url!, values: Object.fromEntries(values) as Found['values'] }
  })
  server.on('clientError', (_error, socket) => socket.destroy())
  const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
  server.emit('connection', socket)
  socket.push(Buffer.from(text, 'latin1'))
  socket.push(null)
  await new Promise((resolve) => setImmediate(resolve))
  socket.destroy()
  if (!socket.closed) await once(socket, 'close')
  return result
}

const GOOD: Record<string, string> = {
  'a client of ours': head(),
  'a browser': head({ Connection: 'keep-alive, Upgrade' }, [
    'Origin: http://x',
    'Cookie: a=b',
    'Accept-Encoding: gzip, deflate, br'
  ]),
  'version 8': head({ 'Sec-WebSocket-Version': '8' }),
  offers: head({ 'Sec-WebSocket-Protocol': 'a, b', 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' }),
  'offers without a value': head({ 'Sec-WebSocket-Protocol': '', 'Sec-WebSocket-Extensions': '   ' }),
  'other cases': head().replace(/^Sec.*$|^Host.*:|^Upgrade|^Connection/gm, (name) =>
    name.replace(/^[^:]*/, (one) => one.toUpperCase())
  ),
  'words in other cases': head({ Upgrade: 'WebSocket', Connection: 'KEEP-ALIVE, upgrade' }),
  'spaces around values': head({ Host: '  x  ', Upgrade: '  websocket ', Connection: 'Upgrade   ' }),
  'no spaces': head().replaceAll(': ', ':'),
  'a target with all that one may have': head({}, [], `GET /${"!$%&'()*+,-./0:;=?@A_~"}?a=b#c HTTP/1.1`),
  'names with all that one may have': head({}, ["x!#$%&'*+-.^_`|~9: 1", '__proto__: 2']),
  'fields that come twice': head({}, ['Cookie: a', 'Cookie: b', 'X:', 'X: 1']),
  '995 fields': head(
    {},
    Array.from({ length: 995 }, () => 'a:')
  )
}

const BAD: Record<string, string> = {
  'another method': head({}, [], 'POST / HTTP/1.1'),
  'a method in lower case': head({}, [], 'get / HTTP/1.1'),
  'HTTP/1.0': head({}, [], 'GET / HTTP/1.0'),
  'an absolute target': head({}, [], 'GET http://x/ HTTP/1.1'),
  'the target *': head({}, [], 'GET * HTTP/1.1'),
  'a space in the target': head({}, [], 'GET /a b HTTP/1.1'),
  'obs-text in the target': head({}, [], 'GET /\xe9 HTTP/1.1'),
  'an empty line before it': `\r\n${head()}`,
  'no host': head({ Host: undefined }),
  'an empty host': head({ Host: '' }),
  'two hosts': head({}, ['host: y']),
  'no key': head({ 'Sec-WebSocket-Key': undefined }),
  'a key that is too short': head({ 'Sec-WebSocket-Key': KEY.slice(1) }),
  'two keys': head({}, [`Sec-WebSocket-Key: ${KEY}`]),
  'no version': head({ 'Sec-WebSocket-Version': undefined }),
  'version 14': head({ 'Sec-WebSocket-Version': '14' }),
  'two versions': head({ 'Sec-WebSocket-Version': '13, 8' }),
  'another protocol': head({ Upgrade: 'h2c' }),
  'two protocols': head({ Upgrade: 'websocket, h2c' }),
  'no connection': head({ Connection: undefined }),
  'a connection that is closed': head({ Connection: 'close' }),
  'a connection of more': head({ Connection: 'Upgrade, close' }),
  'two connections': head({}, ['Connection: close']),
  'two lists of subprotocols': head({ 'Sec-WebSocket-Protocol': 'a' }, ['Sec-WebSocket-Protocol: b']),
  'two lists, the first of which is empty': head({ 'Sec-WebSocket-Protocol': '' }, ['Sec-WebSocket-Protocol: b']),
  'a body': head({}, ['Content-Length: 0']),
  'a chunked body': head({}, ['Transfer-Encoding: chunked']),
  'an expectation': head({}, ['Expect: 100-continue']),
  'a proxy': head({}, ['Proxy-Connection: close']),
  'a tab in a value': head({}, ['X: a\tb']),
  'a tab before a value': head({}, ['X:\ta']),
  'obs-text in a value': head({}, ['X: \xff']),
  'a control character': head({}, ['X: \x01']),
  'a folded line': head({}, ['X: a', ' b']),
  'a name with a space': head({}, ['X : a']),
  'a line without a colon': head({}, ['X']),
  'an empty name': head({}, [': a']),
  'bare LF': head().replaceAll('\r\n', '\n'),
  'one bare LF': head().replace('\r\n', '\n'),
  'bare CR': head({}, ['X: a\rY: b']),
  'a frame behind it': `${head()}\x81\x80\x00\x00\x00\x00`,
  'a request behind it': head() + head(),
  '1001 fields, of which Node drops the last': head(
    {},
    Array.from({ length: 996 }, () => 'a:')
  ),
  'more than 8 KiB': head({}, [`X: ${'x'.repeat(8192)}`]),
  nothing: ''
}

test.each(Object.entries(GOOD))('finds %s, and what Node finds', async (_name, text) => {
  const result = find(text)
  expect(result).not.toBeNull()
  expect(result).toEqual(await nodeFinds(text))
})

test.each(Object.entries(BAD))('leaves to Node: %s', (_name, text) => {
  expect(find(text)).toBeNull()
})

test('finds no part of a head, and none with something behind it, whatever lies in the memory', () => {
  const text = head({ 'Sec-WebSocket-Protocol': 'a' })
  const memory = Buffer.from(`${text}${text}`, 'latin1')
  for (let end = 0; end < memory.length; end++) {
    expect([end, found.find(memory, 0, end)]).toEqual([end, end === text.length])
    if (end > 0 && end < text.length) expect([end, found.find(memory, end, memory.length)]).toEqual([end, false])
  }
  expect(find(text, memory, text.length)).toEqual(find(text))
  expect(find(text, memory, text.length)?.values['sec-websocket-protocol']).toBe('a')
})

test('one octet more, less or other: what it finds, Node finds', { timeout: 120_000 }, async () => {
  const text = head({ Connection: 'keep-alive, Upgrade' }, ['X: a'])
  let count = 0
  for (let at = 0; at < text.length; at++) {
    for (const octet of [
      '',
      '\r',
      '\n',
      '\t',
      '\0',
      ' ',
      ':',
      ',',
      '/',
      '\x7f',
      '\x80',
      '\xff',
      '@',
      '`',
      '{',
      'a',
      'A',
      'K',
      '1',
      '"',
      '(',
      '\x0b'
    ]) {
      for (const behind of octet === '' ? [1, 2] : [0, 1]) {
        const changed = text.slice(0, at) + octet + text.slice(at + behind)
        const result = find(changed)
        if (result === null) continue
        count++
        expect({ changed, ...result }).toEqual({ changed, ...(await nodeFinds(changed)) })
      }
    }
  }
  expect(count).toBeGreaterThan(500)
})

test('heads at random: what it finds, Node finds', { timeout: 120_000 }, async () => {
  let count = 0
  for (let seed = 1; seed <= 6000; seed++) {
    const text = headOf(seed)
    const result = find(text)
    if (result === null) continue
    count++
    expect({ text, ...result }).toEqual({ text, ...(await nodeFinds(text)) })
  }
  expect(count).toBeGreaterThan(1500)
})
