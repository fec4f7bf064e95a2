import { expect, test } from 'vitest'
import { MAX_HEAD, parseRequest, parseResponse, serializeRequest } from '../../src/core/http-head.js'
import { acceptanceLines, checkRequest, requestHeaders, serializeHead } from '../../src/core/opening-handshake.js'

const REQUEST =
  'GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://example.com\r\n' +
  'Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Version: 13\r\n\r\n'
const RESPONSE =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n'

test('parses the request of the example (§1.2), as octets too, and leaves the frames behind it', () => {
  const expected = {
    method: 'GET',
    target: '/chat',
    length: REQUEST.length,
    headers: {
      host: 'server.example.com',
      upgrade: 'websocket',
      connection: 'Upgrade',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      origin: 'http://example.com',
      'sec-websocket-protocol': 'chat, superchat',
      'sec-websocket-version': '13'
    }
  }
  expect(parseRequest(REQUEST)).toEqual(expected)
  expect(parseRequest(Buffer.from(REQUEST + '\x81\x00\r\n\r\n', 'latin1'))).toEqual(expected)
})

test('parses the response of the example (§1.2)', () => {
  expect(parseResponse(RESPONSE)).toEqual({
    status: 101,
    reason: 'Switching Protocols',
    length: RESPONSE.length,
    headers: {
      upgrade: 'websocket',
      connection: 'Upgrade',
      'sec-websocket-accept': 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
      'sec-websocket-protocol': 'chat'
    }
  })
  expect(parseResponse('HTTP/1.1 404\r\n\r\n')).toEqual({ status: 404, reason: '', length: 16, headers: {} })
})

test('waits for the rest of a head that is cut at any character', () => {
  for (let length = 0; length < REQUEST.length; length++) expect(parseRequest(REQUEST.slice(0, length))).toBe(null)
  for (let length = 0; length < RESPONSE.length; length++) expect(parseResponse(Buffer.from(RESPONSE.slice(0, length)))).toBe(null)
})

test('gives up on a head of 16 KiB, and not before', () => {
  const head = (length: number): string => {
    const start = 'GET / HTTP/1.1\r\nhost: x\r\na: '
    return start + 'x'.repeat(length - start.length - 4) + '\r\n\r\n'
  }
  expect(parseRequest(head(MAX_HEAD))).toMatchObject({ length: MAX_HEAD })
  expect(parseRequest(head(MAX_HEAD + 1).slice(0, MAX_HEAD - 1))).toBe(null)
  expect(parseRequest(head(MAX_HEAD + 1))).toMatchObject({ refusal: { status: 431 } })
  expect(parseResponse(new Uint8Array(MAX_HEAD))).toHaveProperty('refusal')
})

test('joins the values of a field that comes several times, and no name is special (RFC 7230 §3.2.2)', () => {
  const parsed = parseRequest('GET / HTTP/1.1\r\nhost: x\r\nA: 1\r\na:\t 2 \t\r\n__proto__: 3\r\nB:\r\n\r\n')
  expect(parsed).toMatchObject({ headers: { a: '1, 2', b: '' } })
  expect(Object.keys((parsed as { headers: object }).headers)).toEqual(['host', 'a', '__proto__', 'b'])
})

test.each([
  ['no version', 'GET /\r\nhost: x\r\n\r\n', 400],
  ['two spaces', 'GET  / HTTP/1.1\r\nhost: x\r\n\r\n', 400],
  ['a space too many', 'GET / x HTTP/1.1\r\nhost: x\r\n\r\n', 400],
  ['a method that is no token', 'G(T / HTTP/1.1\r\nhost: x\r\n\r\n', 400],
  ['a target outside ASCII', 'GET /\xe9 HTTP/1.1\r\nhost: x\r\n\r\n', 400],
  ['HTTP/1.0 (§4.1 item 2)', 'GET / HTTP/1.0\r\nhost: x\r\n\r\n', 505],
  ['another protocol', 'GET / HTTPS/1.1\r\nhost: x\r\n\r\n', 400],
  ['no Host (§4.2.1 item 2)', 'GET / HTTP/1.1\r\na: x\r\n\r\n', 400],
  ['two Hosts', 'GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n', 400],
  ['a space before the colon', 'GET / HTTP/1.1\r\nhost : x\r\n\r\n', 400],
  ['a folded line', 'GET / HTTP/1.1\r\nhost: x\r\n y\r\n\r\n', 400],
  ['a line without colon', 'GET / HTTP/1.1\r\nhost: x\r\ny\r\n\r\n', 400],
  ['a field without name', 'GET / HTTP/1.1\r\nhost: x\r\n: y\r\n\r\n', 400],
  ['a line feed of its own', 'GET / HTTP/1.1\r\nhost: x\ny: z\r\n\r\n', 400],
  ['a carriage return of its own', 'GET / HTTP/1.1\r\nhost: x\ry\r\n\r\n', 400],
  ['a NUL', 'GET / HTTP/1.1\r\nhost: x\0\r\n\r\n', 400],
  ['characters that are no octets', 'GET / HTTP/1.1\r\nhost: \u0141\r\n\r\n', 400],
  ['a body', 'GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\n', 400],
  ['a chunked body', 'GET / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n', 400]
])('refuses a request with %s (RFC 7230 §3)', (_, text, status) => {
  expect(parseRequest(text)).toMatchObject({ refusal: { status } })
})

test.each(['HTTP/1.0 101 x', 'HTTP/1.1 1010 x', 'HTTP/1.1 099 x', 'HTTP/1.1  101 x', 'HTTP/1.1 101x', 'HTTP/1.1 101 \0', 'x', ''])(
  'refuses a response that begins with %j (RFC 7230 §3.1.2)',
  (line) => {
    expect(parseResponse(`${line}\r\na: b\r\n\r\n`)).toHaveProperty('refusal')
  }
)

test('parses what it serialized', () => {
  const headers = requestHeaders({
    key: 'dGhlIHNhbXBsZSBub25jZQ==',
    version: 13,
    subprotocols: ['a'],
    headers: { 'X-A': ['1', '2'], 'X-B': undefined }
  })
  const request = parseRequest(serializeRequest('/?q', 'example.com:81', headers))
  expect(request).toMatchObject({
    method: 'GET',
    target: '/?q',
    headers: { host: 'example.com:81', 'x-a': '1, 2', 'sec-websocket-protocol': 'a' }
  })
  expect(checkRequest(request as { method: string; headers: Record<string, string> })).toBe(null)
  expect(parseResponse(serializeHead(acceptanceLines({ accept: 'x', deflate: {} })))).toMatchObject({
    status: 101,
    headers: { 'sec-websocket-accept': 'x', 'sec-websocket-extensions': 'permessage-deflate' }
  })
})

test('sends each field once: the last of names that differ in case wins, and a Host of the user', () => {
  expect(serializeRequest('/', 'example.com', { upgrade: 'x', HOST: 'y', Upgrade: 'websocket' })).toBe(
    'GET / HTTP/1.1\r\nUpgrade: websocket\r\nHOST: y\r\n\r\n'
  )
})

test('throws for what would break the head apart', () => {
  expect(() => serializeRequest('/ HTTP/1.1\r\nx: y', 'a', {})).toThrow(TypeError)
  expect(() => serializeRequest('/', 'a\r\nb: c', {})).toThrow(TypeError)
  expect(() => serializeRequest('/', 'a', { 'b: c': 'd' })).toThrow(TypeError)
  expect(() => serializeRequest('/', 'a', { b: 'c\nd' })).toThrow(TypeError)
  expect(() => serializeRequest('/', 'a', { b: ['c', 'd\r'] })).toThrow(TypeError)
})
