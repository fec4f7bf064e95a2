import { createHash, randomFillSync } from 'node:crypto'
import { createServer, request, STATUS_CODES } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { connect, createServer as createTcpServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import {
  acceptanceFields,
  acceptanceLines,
  acceptExtensionOffers,
  acceptKey,
  checkRequest,
  checkResponse,
  checkSubprotocols,
  createKey,
  isValidKey,
  originOf,
  parseSubprotocolOffers,
  refusalResponse,
  requestHeaders,
  serializeHead
} from '../../src/core/opening-handshake.js'
import type { HeaderFields, Refusal } from '../../src/core/opening-handshake.js'
import { accept as acceptDeflate, offer } from '../../src/core/permessage-deflate.js'
import { sha1 } from '../../src/core/sha1.js'

const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='
const GOOD: HeaderFields = { upgrade: 'websocket', connection: 'Upgrade', 'sec-websocket-key': KEY, 'sec-websocket-version': '13' }

test('answers the key of the example with its accept key (§1.3)', () => {
  expect(acceptKey(KEY, { sha1 })).toBe(ACCEPT)
  expect(acceptKey(KEY, { sha1: (octets) => createHash('sha1').update(octets).digest() })).toBe(ACCEPT)
})

test('makes keys that are valid and differ (§4.1)', () => {
  const runtime = { fillRandom: (target: Uint8Array) => void randomFillSync(target) }
  const key = createKey(runtime)
  expect(isValidKey(key)).toBe(true)
  expect(Buffer.from(key, 'base64').length).toBe(16)
  expect(createKey(runtime)).not.toBe(key)
})

test('takes a key of 16 octets in base64 only, cut at no character (§4.1)', () => {
  expect(isValidKey(KEY)).toBe(true)
  for (let length = 0; length < KEY.length; length++) expect(isValidKey(KEY.slice(0, length))).toBe(false)
  for (const key of [KEY + '=', ' ' + KEY, KEY + '\n', KEY.replace('d', '-'), 'dGhlIHNhbXBsZSBub25jZTE='])
    expect(isValidKey(key)).toBe(false)
})

/** Requests that a server refuses or takes, the method first. */
const REQUESTS: Array<[string, string, HeaderFields]> = [
  [
    'the request of the example (§1.2)',
    'GET',
    { ...GOOD, 'sec-websocket-protocol': 'chat, superchat', origin: 'http://example.com' }
  ],
  ['version 8 of the drafts', 'GET', { ...GOOD, 'sec-websocket-version': '8' }],
  ['Upgrade in capitals (§4.2.1 item 3)', 'GET', { ...GOOD, upgrade: 'WebSocket' }],
  ['another method, before all else (§4.2.1 item 1)', 'POST', { upgrade: 'x' }],
  ['another Upgrade (§4.2.1 item 3)', 'GET', { ...GOOD, upgrade: 'h2c' }],
  ['no key (§4.2.1 item 5)', 'GET', { ...GOOD, 'sec-websocket-key': undefined, 'sec-websocket-version': '1' }],
  ['a key of 15 octets (§4.2.1 item 5)', 'GET', { ...GOOD, 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25j' }],
  ['no version (§4.2.1 item 6)', 'GET', { ...GOOD, 'sec-websocket-version': undefined }],
  ['version 12 (§4.4)', 'GET', { ...GOOD, 'sec-websocket-version': '12' }],
  ['two versions', 'GET', { ...GOOD, 'sec-websocket-version': '13, 8' }],
  ['a subprotocol twice (§4.1 item 10)', 'GET', { ...GOOD, 'sec-websocket-protocol': 'chat, chat' }],
  ['a subprotocol that is no token', 'GET', { ...GOOD, 'sec-websocket-protocol': 'chat room' }],
  ['an unknown extension', 'GET', { ...GOOD, 'sec-websocket-extensions': 'mux; a=1' }],
  [
    'permessage-deflate',
    'GET',
    { ...GOOD, 'sec-websocket-extensions': 'mux, permessage-deflate; client_max_window_bits, permessage-deflate' }
  ],
  ['malformed extensions (§9.1)', 'GET', { ...GOOD, 'sec-websocket-extensions': 'permessage-deflate;' }],
  [
    'an invalid parameter (RFC 7692 §7.1)',
    'GET',
    { ...GOOD, 'sec-websocket-extensions': 'permessage-deflate; server_max_window_bits=16' }
  ]
]

const httpServer = createServer()
const wss = new WebSocketServer({ noServer: true, perMessageDeflate: true })
let port = 0
beforeAll(async () => {
  httpServer.on('upgrade', (req, socket, head) => wss.handleUpgrade(req, socket, head, (ws) => ws.terminate()))
  await new Promise<void>((resolve) => httpServer.listen(0, '127.0.0.1', resolve))
  port = (httpServer.address() as AddressInfo).port
})
afterAll(() => new Promise((resolve) => httpServer.close(resolve)))

/** All that ws answers to a request, as it stands on the wire. */
function answerOfWs(method: string, headers: HeaderFields): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    socket.setEncoding('latin1')
    socket.on('data', (chunk) => (text += chunk))
    socket.on('error', reject)
    socket.on('close', () => resolve(text))
    const lines = Object.keys(headers).flatMap((name) => (headers[name] === undefined ? [] : [`${name}: ${headers[name]}\r\n`]))
    socket.write(`${method} / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\n${lines.join('')}\r\n`)
  })
}

function answerOfHybi(method: string, headers: HeaderFields): string {
  const refused = (refusal: Refusal): string => refusalResponse(refusal, STATUS_CODES[refusal.status])
  const refusal = checkRequest({ method, headers })
  if (refusal !== null) return refused(refusal)
  const offers = parseSubprotocolOffers(headers)
  if (!(offers instanceof Set)) return refused(offers)
  let deflate: object | null = null
  const verdict = acceptExtensionOffers(headers, (list) => (deflate = acceptDeflate({}, true, list)))
  if (typeof verdict !== 'boolean') return refused(verdict)
  const accept = acceptKey(headers['sec-websocket-key'] as string, { sha1 })
  return serializeHead(acceptanceLines({ accept, subprotocol: [...offers][0], deflate }))
}

test.each(REQUESTS)('answers %s as ws does (§4.2)', async (_, method, headers) => {
  const expected = await answerOfWs(method, headers)
  expect(expected).toMatch(/^HTTP\/1.1 (101|400|405) /)
  expect(answerOfHybi(method, headers)).toBe(expected)
})

test('accepts by header fields, of which HTTP/2 has no key, and HTTP/1.1 those of an upgrade as well (RFC 8441 §5)', () => {
  const agreed = { subprotocol: 'chat', deflate: { server_no_context_takeover: true } }
  const fields = {
    'Sec-WebSocket-Protocol': 'chat',
    'Sec-WebSocket-Extensions': 'permessage-deflate; server_no_context_takeover'
  }
  expect(acceptanceFields({ accept: undefined, ...agreed })).toEqual(fields)
  expect(acceptanceFields({ accept: undefined })).toEqual({})
  expect(Object.entries(acceptanceFields({ accept: ACCEPT, ...agreed }))).toEqual([
    ['Sec-WebSocket-Accept', ACCEPT],
    ...Object.entries(fields)
  ])
  expect(acceptanceLines({ accept: ACCEPT, ...agreed })).toEqual([
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${ACCEPT}`,
    'Sec-WebSocket-Protocol: chat',
    'Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover'
  ])
})

test('says in the same words as the tables of HTTP why it refuses', () => {
  for (const status of [400, 401, 403, 404, 405, 426, 431, 503, 505]) {
    expect(refusalResponse({ status })).toBe(refusalResponse({ status }, STATUS_CODES[status]))
  }
})

test('counts octets, not characters, in the Content-Length of a refusal, and lets its headers win', () => {
  expect(refusalResponse({ status: 401, message: 'né', headers: { Connection: 'x', 'X-Y': 1 } }, 'Unauthorized')).toBe(
    'HTTP/1.1 401 Unauthorized\r\nConnection: x\r\nContent-Type: text/html\r\nContent-Length: 3\r\nX-Y: 1\r\n\r\nné'
  )
})

test('reads the origin under the name of the version (§10.2)', () => {
  const headers = { origin: 'http://a', 'sec-websocket-origin': 'http://b' }
  expect(originOf({ ...headers, 'sec-websocket-version': '13' })).toBe('http://a')
  expect(originOf({ ...headers, 'sec-websocket-version': '8' })).toBe('http://b')
  expect(originOf({ 'sec-websocket-version': '13' })).toBe(undefined)
})

test('joins the values of a header field that came several times (RFC 7230 §3.2.2)', () => {
  expect([...(parseSubprotocolOffers({ 'sec-websocket-protocol': ['a', 'b'] }) as Set<string>)]).toEqual(['a', 'b'])
})

test('refuses to offer a subprotocol that is no token, or one twice (§4.1 item 10)', () => {
  expect([...checkSubprotocols(['b', 'a'])]).toEqual(['b', 'a'])
  for (const names of [[''], ['a b'], ['a', 'a'], ['a,b'], [1], [null], ['é']]) {
    expect(() => checkSubprotocols(names)).toThrow(new SyntaxError('An invalid or duplicated subprotocol was specified'))
  }
})

/** Names and values, as they stand on the wire, of the header fields that ws sends for these options. */
function requestOfWs(protocols: string[], options: WebSocket.ClientOptions): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('upgrade', (req: IncomingMessage, socket) => {
      socket.destroy()
      server.close()
      resolve(req.rawHeaders)
    })
    server.listen(0, '127.0.0.1', () => {
      const ws = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`, protocols, options)
      ws.on('error', (error) => (error.message.includes('hang up') ? null : reject(error)))
    })
  })
}

test.each([
  ['nothing but the address', [], {}],
  ['an origin and header fields of the user', [], { origin: 'http://x', headers: { 'X-A': '1', Cookie: 'b' } }],
  ['an origin in version 8', [], { origin: 'http://x', protocolVersion: 8, perMessageDeflate: false }],
  [
    'subprotocols and options of the extension',
    ['a', 'b'],
    { perMessageDeflate: { serverNoContextTakeover: true, clientMaxWindowBits: 10 } }
  ],
  [
    'header fields of the user that the handshake overrides',
    [],
    { headers: { Upgrade: 'x', 'Sec-WebSocket-Key': 'y', Connection: 'z' } }
  ]
] as Array<[string, string[], WebSocket.ClientOptions]>)(
  'sends the header fields that ws sends, in its order, given %s',
  async (_, protocols, options) => {
    const expected = await requestOfWs(protocols, options)
    const key = expected[expected.indexOf('Sec-WebSocket-Key') + 1]
    const deflate = options.perMessageDeflate ?? true
    const headers = requestHeaders({
      key,
      version: options.protocolVersion ?? 13,
      headers: options.headers as Record<string, string>,
      deflate: deflate === false ? null : offer(deflate === true ? {} : deflate),
      subprotocols: protocols,
      origin: options.origin
    })
    const raw = Object.entries(headers).flatMap(([name, value]) => [name, String(value)])
    const host = expected.indexOf('Host')
    // Here ws leaves out the space.
    const wanted = [...expected.slice(0, host), ...expected.slice(host + 2)].map((text) => (text === 'a,b' ? 'a, b' : text))
    expect(raw).toEqual(wanted)
  }
)

test('gives Node header fields it can send', async () => {
  const received = await new Promise<IncomingMessage>((resolve) => {
    const server = createTcpServer().listen(0, '127.0.0.1')
    server.close()
    const http = createServer()
    http.on('upgrade', (req, socket) => {
      socket.destroy()
      http.close()
      resolve(req)
    })
    http.listen(0, '127.0.0.1', () => {
      const headers = requestHeaders({ key: KEY, version: 13, subprotocols: ['a'] })
      request({ port: (http.address() as AddressInfo).port, host: '127.0.0.1', headers: headers as Record<string, string> })
        .on('error', () => {})
        .end()
    })
  })
  expect(checkRequest({ method: received.method as string, headers: received.headers })).toBe(null)
})

const RESPONSE: HeaderFields = { upgrade: 'websocket', connection: 'Upgrade', 'sec-websocket-accept': ACCEPT }
const EXTENSIONS = 'sec-websocket-extensions'
const SUBPROTOCOL = 'sec-websocket-protocol'

test.each([
  ['Invalid Upgrade header', { upgrade: 'h2c', 'sec-websocket-accept': '' }, ['a'], true],
  ['Invalid Sec-WebSocket-Accept header', { 'sec-websocket-accept': undefined }, [], true],
  ['Invalid Sec-WebSocket-Accept header', { 'sec-websocket-accept': ACCEPT.toLowerCase(), [SUBPROTOCOL]: 'x' }, [], true],
  ['Server sent a subprotocol but none was requested', { [SUBPROTOCOL]: 'a' }, [], true],
  ['Server sent an invalid subprotocol', { [SUBPROTOCOL]: 'A', [EXTENSIONS]: 'x' }, ['a'], true],
  ['Server sent an invalid subprotocol', { [SUBPROTOCOL]: 'a, b' }, ['a', 'b'], true],
  ['Server sent no subprotocol', {}, ['a'], true],
  [
    'Server sent a Sec-WebSocket-Extensions header but no extension was requested',
    { [EXTENSIONS]: 'permessage-deflate' },
    [],
    false
  ],
  ['Invalid Sec-WebSocket-Extensions header', { [EXTENSIONS]: 'permessage-deflate;' }, [], true],
  ['Server indicated an extension that was not requested', { [EXTENSIONS]: 'mux' }, [], true],
  ['Server indicated an extension that was not requested', { [EXTENSIONS]: 'permessage-deflate, mux' }, [], true],
  ['Invalid Sec-WebSocket-Extensions header', { [EXTENSIONS]: 'permessage-deflate; client_max_window_bits' }, [], true]
] as Array<[string, HeaderFields, string[], boolean]>)(
  'fails with "%s" a response with %j (§4.1)',
  async (message, changes, offers, deflate) => {
    const headers = { ...RESPONSE, ...changes }
    const verdict = checkResponse(headers, {
      accept: ACCEPT,
      subprotocols: new Set(offers),
      acceptDeflate: deflate ? (list) => acceptDeflate({}, false, list) : null
    })
    expect(verdict.error).toBe(message)
    expect(await errorOfWs(headers, offers, deflate)).toBe(message)
  }
)

/** Message of the error with which ws fails a 101 response with these header fields. */
function errorOfWs(headers: HeaderFields, protocols: string[], perMessageDeflate: boolean): Promise<string> {
  return new Promise((resolve) => {
    const server = createServer()
    server.on('upgrade', (req, socket) => {
      const accept = acceptKey(req.headers['sec-websocket-key'] as string, { sha1 })
      const lines = Object.keys(headers).flatMap((name) => (headers[name] === undefined ? [] : [`${name}: ${headers[name]}`]))
      socket.end(serializeHead(['HTTP/1.1 101 x', ...lines]).replace(ACCEPT, accept))
      server.close()
    })
    server.listen(0, '127.0.0.1', () => {
      const ws = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`, protocols, { perMessageDeflate })
      ws.on('error', (error) => resolve(error.message))
    })
  })
}

test('takes a response that chooses what was offered (§4.1)', () => {
  const accepted: unknown[] = []
  const verdict = checkResponse(
    { ...RESPONSE, upgrade: 'WebSocket', [SUBPROTOCOL]: 'b', [EXTENSIONS]: 'permessage-deflate; server_max_window_bits=10' },
    { accept: ACCEPT, subprotocols: new Set(['a', 'b']), acceptDeflate: (list) => accepted.push(acceptDeflate({}, false, list)) }
  )
  expect(verdict).toEqual({ error: null, subprotocol: 'b', deflate: true })
  expect(accepted).toEqual([{ server_max_window_bits: 10 }])
  expect(checkResponse(RESPONSE, { accept: ACCEPT, subprotocols: new Set(), acceptDeflate: null })).toEqual({
    error: null,
    subprotocol: '',
    deflate: false
  })
})

test('refuses a request, and fails a response, without Upgrade, which Node passes to no handler (§4.1, §4.2.1)', () => {
  expect(checkRequest({ method: 'GET', headers: { ...GOOD, upgrade: undefined } })).toEqual({
    status: 400,
    message: 'Invalid Upgrade header'
  })
  const expectation = { accept: ACCEPT, subprotocols: new Set<string>(), acceptDeflate: null }
  expect(checkResponse({ ...RESPONSE, upgrade: undefined }, expectation).error).toBe('Invalid Upgrade header')
})

describe('a response that would say more than it is told (RFC 9110 §5.5)', () => {
  const ending = /line break or NUL/
  test.each([
    ['a line break in a value', { status: 401, headers: { 'X-Y': 'a\r\nSet-Cookie: b' } }, TypeError, ending],
    ['a bare line feed in a value', { status: 401, headers: { 'X-Y': ['a', 'b\n'] } }, TypeError, ending],
    ['a carriage return in a value', { status: 401, headers: { 'X-Y': '\r' } }, TypeError, ending],
    ['NUL in a value', { status: 401, headers: { 'X-Y': 'a\0' } }, TypeError, ending],
    ['a field name with a line break', { status: 401, headers: { 'X\r\nY': '1' } }, TypeError, /name of a header field: "X/],
    ['a field name with a colon', { status: 401, headers: { 'X:': '1' } }, TypeError, /name of a header field/],
    ['an empty field name', { status: 401, headers: { '': '1' } }, TypeError, /name of a header field/],
    ['a status with a line break', { status: '401 x\r\nA: b' as unknown as number }, RangeError, /status code: "401 x/],
    ['a status that is no number', { status: {} as unknown as number }, RangeError, /status code: {}/],
    ['a status that is no integer', { status: 400.5 }, RangeError, /status code: 400.5/]
  ])('is not made: %s', (_what, refusal, type, message) => {
    expect(() => refusalResponse(refusal)).toThrow(type)
    expect(() => refusalResponse(refusal)).toThrow(message)
  })

  test('is not made: a reason phrase or a subprotocol with a line break', () => {
    expect(() => refusalResponse({ status: 400 }, 'Bad\r\nA: b')).toThrow(ending)
    for (const subprotocol of ['a\r\nb: c', 'a\n', 'a\0']) {
      expect(() => acceptanceLines({ accept: 'x', subprotocol })).toThrow(ending)
    }
  })

  test('is made of all that harms nobody: bodies with line breaks, values of other types, other alphabets, a status as text', () => {
    const headers = { 'X-A': 1, 'X-B': ['a', 'b'], 'X-C': 'né\t日', 'X-D': undefined, 'X-E': '' }
    expect(refusalResponse({ status: '418' as unknown as number, message: 'a\r\n\r\nb', headers }, '')).toBe(
      'HTTP/1.1 418 \r\nConnection: close\r\nContent-Type: text/html\r\nContent-Length: 6\r\n' +
        'X-A: 1\r\nX-B: a,b\r\nX-C: né\t日\r\nX-D: undefined\r\nX-E: \r\n\r\na\r\n\r\nb'
    )
  })
})
