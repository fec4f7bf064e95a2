// What strangers send to a server that is open to all: a hundred requests and more that are no use, or are meant to harm.

import { connect } from 'node:net'
import { connect as connectSecurely } from 'node:tls'

/** `'end'` half-closes behind what is sent; `'reset'` sends RST behind it; `'reset when answered'`, once something came back. */
type Ending = 'end' | 'reset' | 'reset when answered'

/** One connection: what is sent on it, and how it ends. */
interface OddRequest {
  octets: Buffer
  ending: Ending
}

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')

/** A request of its own lines; each of `fields` replaces or adds one, and null takes it away. */
function request(line: string, fields: Record<string, string | null> = {}): Buffer {
  const all = {
    Host: 'localhost',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...fields
  }
  const lines = Object.entries(all).filter(([, value]) => value !== null)
  return latin1(`${line} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`)
}

const TARGETS = [
  '//',
  '///',
  '*',
  '/%',
  '/%00',
  '/%ff%fe',
  '/\\',
  '/?',
  '/??&=%',
  '/..//../..',
  '//[',
  '//localhost:x',
  '//user:@',
  '/#'
].concat(
  [
    'http://[',
    'http://',
    'http://localhost:99999/',
    'http:///',
    'ws://localhost/',
    'https://%/',
    '[',
    'localhost:80',
    ':',
    '@',
    '%'
  ],
  ['/__proto__', '/constructor', `/${'a'.repeat(8_000)}`, `/${'%'.repeat(8_000)}`, '/\u00e9\u00ff', '/ x', '']
)

const FIELDS: Record<string, string | null>[] = [
  { Host: null },
  { Host: '' },
  { Host: '[' },
  { Origin: 'null' },
  { Origin: 'http://[' },
  { Origin: '' },
  { Origin: 'https://evil.example' },
  { Origin: 'x'.repeat(4_000) },
  { Upgrade: '' },
  { Upgrade: 'h2c' },
  { Upgrade: 'websocket, websocket' },
  { Connection: 'close, Upgrade' },
  { 'Sec-WebSocket-Version': '7' },
  { 'Sec-WebSocket-Version': '-1e99' },
  { 'Sec-WebSocket-Version': '13, 8' },
  { 'Sec-WebSocket-Key': '' },
  { 'Sec-WebSocket-Key': null },
  { 'Sec-WebSocket-Key': 'x'.repeat(8_000) },
  { 'Sec-WebSocket-Protocol': '' },
  { 'Sec-WebSocket-Protocol': ',,,' },
  { 'Sec-WebSocket-Protocol': 'a, a' },
  { 'Sec-WebSocket-Protocol': '__proto__, constructor' },
  { 'Sec-WebSocket-Extensions': ';=,;' },
  { 'Sec-WebSocket-Extensions': 'permessage-deflate; server_max_window_bits=99' },
  { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits="' },
  { 'Sec-WebSocket-Extensions': 'permessage-deflate, '.repeat(300) },
  { 'Sec-WebSocket-Extensions': '__proto__; __proto__=1' },
  { Cookie: 'connect.sid=' },
  { Cookie: 'connect.sid=%' },
  { Cookie: 'connect.sid=s%3A' },
  { Cookie: 'connect.sid=s%3A..%2f..%2fetc.x' },
  { Cookie: 'connect.sid=j%3A%7B' },
  { Cookie: ';;;===\u00ff' },
  { Cookie: `connect.sid=s%3A${'a'.repeat(8_000)}` },
  { Cookie: '__proto__=1; connect.sid=__proto__' },
  { Authorization: '' },
  { Authorization: 'Bearer' },
  { Authorization: 'Basic %%%' },
  { Authorization: '__proto__' },
  { 'X-Forwarded-For': '' },
  { 'X-Forwarded-For': ',,,' },
  { 'Content-Length': '1000' },
  { 'Content-Length': '-1' },
  { 'Transfer-Encoding': 'chunked' },
  { Expect: '100-continue' },
  { Expect: 'the worst' },
  { 'X-Large': 'a'.repeat(20_000) },
  Object.fromEntries(Array.from({ length: 3_000 }, (_, index) => [`X-${index}`, '1']))
]

const FRAMES = [
  [0x81, 0x01, 0x61], // not masked (RFC 6455 §5.1)
  [0xf1, 0x80, 0, 0, 0, 0], // reserved bits
  [0xc1, 0x80, 0, 0, 0, 0], // compressed, though that was not negotiated
  [0x83, 0x80, 0, 0, 0, 0], // a reserved opcode
  [0x80, 0x80, 0, 0, 0, 0], // a continuation of nothing
  [0x09, 0x80, 0, 0, 0, 0], // a ping in fragments
  [0x89, 0xfe, 0x01, 0x00, 0, 0, 0, 0], // a ping that is too long
  [0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0], // a length beyond counting
  [0x82, 0xff, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0], // 2 GiB
  [0x88, 0x81, 0, 0, 0, 0, 3], // a close frame of one octet
  [0x88, 0x82, 0, 0, 0, 0, 3, 237], // close code 1005
  [0x81, 0x81, 0, 0, 0, 0, 0xff], // not UTF-8
  [0x81, 0x84, 0, 0, 0], // cut off in the masking key
  [0x82, 0x84, 0, 0, 0, 0, 1, 2], // cut off in the payload
  [...Array.from({ length: 300 }, () => [0x89, 0x80, 0, 0, 0, 0]).flat(), 0xff], // pings without number
  Array.from({ length: 300 }, () => [0x01, 0x80, 0, 0, 0, 0]).flat(), // messages that begin and do not end
  [...latin1('GET / HTTP/1.1\r\n\r\n')]
]

const OTHERS = [
  '',
  '\r\n\r\n',
  '\0\0\0\0',
  'GET',
  'GET /',
  'GET / HTTP/1.1\r\n',
  'GET / HTTP/9.9\r\n\r\n',
  'GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
  'GET / HTTP/1.1\nHost: a\n\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n{',
  'DELETE /logout HTTP/1.1\r\nHost: a\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
  'HEAD // HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET /%c0%ae%c0%ae/ HTTP/1.1\r\nHost: a\r\n\r\n',
  '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'
].concat(
  // to where a proxy is to connect
  ['//', ':', 'localhost', 'localhost:0', 'localhost:99999', '127.0.0.1:9', '[', '[::1', '[::1]:x', '@:1', 'a b:1'].map(
    (target) => `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`
  )
)

/** What a server is like. */
export interface Target {
  port: number
  /** What its clients ask for. */
  path: string
  headers: Record<string, string>
  isSecure: boolean
  /** Whether it answers requests that are none of its business. */
  isAnswered: boolean
}

/** All of it, for one server. */
function oddRequests({ path, headers, isAnswered }: Target): OddRequest[] {
  const proper = request(`GET ${path}`, headers)
  const requests = [
    ...TARGETS.map((target) => request(`GET ${target}`, headers)),
    ...TARGETS.slice(0, 12).map((target) => request(`GET ${target}`, { ...headers, Connection: 'close', Upgrade: null })),
    ...FIELDS.map((fields) => request(`GET ${path}`, { ...headers, ...fields })),
    ...['POST', 'HEAD', 'OPTIONS', 'get', 'CONNECT', 'TRACE'].map((method) => request(`${method} ${path}`, headers)),
    ...FRAMES.map((frames) => Buffer.concat([proper, Buffer.from(frames)])),
    ...OTHERS.map(latin1),
    ...[1, 10, 40, proper.length - 2].map((length) => proper.subarray(0, length))
  ]
  const abandoned = [proper, request('GET //', headers), request('GET /elsewhere'), request(`GET ${path}`)].concat(
    FRAMES.map((frames) => Buffer.concat([proper, Buffer.from(frames)]))
  )
  const endings: Ending[] = isAnswered ? ['reset', 'reset when answered'] : ['reset']
  return [
    ...requests.map((octets): OddRequest => ({ octets, ending: 'end' })),
    ...endings.flatMap((ending) => abandoned.map((octets): OddRequest => ({ octets, ending })))
  ]
}

async function send({ octets, ending }: OddRequest, { port, isSecure }: Target): Promise<void> {
  const tcp = connect({ port, host: '127.0.0.1' })
  const socket = isSecure ? connectSecurely({ socket: tcp, servername: 'localhost', rejectUnauthorized: false }) : tcp
  for (const each of [tcp, socket]) each.on('error', () => {})
  const closed = new Promise((resolve) => socket.once('close', resolve))
  const reset = () => tcp.resetAndDestroy()
  // what is not read is never seen to end
  socket.resume()
  if (ending === 'end') socket.end(octets)
  else socket.write(octets, ending === 'reset' ? reset : undefined)
  if (ending === 'reset when answered') socket.once('data', reset).once('end', reset)
  await closed
}

/** Sends all odd requests, some at a time. */
export async function attack(target: Target): Promise<void> {
  const waiting = oddRequests(target).values()
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (const odd of waiting) await send(odd, target)
    })
  )
}
