// Fuzz of connections that are taken before they are sockets: `npm run fuzz:direct -- --connections 1000000 --seed 1`.
// Each plan is carried out twice, by a client of a server with `direct: 'auto'` and by one of a server with `direct: 'off'`: octets of
// opening handshakes and of ordinary requests, whole, cut and mutated, with frames or further requests behind them, or none at all. What
// the clients get to read, to the last octet, and what the programs see has to be the same.

import http from 'node:http'
import net from 'node:net'
import { pathToFileURL } from 'node:url'
import { BINARY, buildFrame, CLOSE, closePayload, CONTINUATION, PING, PONG, TEST_KEY, TEXT } from '../support/frames.mjs'

/** Turns of the event loop that a client waits for what its octets set off; both ends are in this process, so two are enough mostly. */
const TURNS = 3
/** Longer than a connection that says nothing is kept from Node, in ms. */
const SILENCE_MS = 110
/** A client that has not come to its end by then hangs. */
const HANG_MS = 30_000
/** How often a plan is carried out again to see whether the reference itself gives more than one result. */
const REPETITIONS = 8

/** Integers from 0 to below n, from a seed (xorshift). */
function randomFrom(seed) {
  let state = Math.imul(seed ^ (seed >>> 15), 0x2c1b3c6d) || 1
  const random = (n) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % n
  }
  for (let i = 0; i < 6; i++) random(2)
  return random
}

// Heads

const pick = (random, list) => list[random(list.length)]

const TARGETS = [
  '/',
  '/chat',
  '/a/b?c=d&e=%20',
  '/?',
  '/#f',
  '//double',
  '/very/' + 'long/'.repeat(60),
  '/[x]{y}|z^`"<>\\',
  '/a;b,c!$()*+',
  '/%zz',
  '/?a?b#c#d'
]
const ODD_TARGETS = [
  '*',
  '',
  'x',
  'http://example.com/',
  'http://example.com',
  'ws://example.com/chat',
  'example.com:80',
  '/a b',
  '/\u00e9',
  '/\t',
  '/\x7f',
  '/\x01',
  ' /',
  '/\r',
  '?x',
  '#x'
]
const METHODS = [
  'POST',
  'HEAD',
  'CONNECT',
  'OPTIONS',
  'PUT',
  'get',
  'GETT',
  'PRI',
  'PATCH',
  'QUERY',
  'TRACE',
  '',
  'DELETE',
  'M-SEARCH',
  'G\x00T'
]
const VERSIONS = [
  'HTTP/1.0',
  'HTTP/1.2',
  'HTTP/2.0',
  'HTTP/0.9',
  'http/1.1',
  'HTTP/1.1 ',
  ' HTTP/1.1',
  'HTTP/1.',
  'HTTP/11',
  'HTTPS/1.1',
  'RTSP/1.0',
  '',
  'HTTP/1.1\t',
  'ICE/1.0'
]
const KEYS = ['dGhlIHNhbXBsZSBub25jZQ==', 'AAAAAAAAAAAAAAAAAAAAAA==', 'x3JJHMbDL1EzLkh9GBhXDw==', 'abcdefghijklmnopqrstuv==']
const ODD_KEYS = [
  '',
  'short',
  'dGhlIHNhbXBsZSBub25jZQ= ',
  'dGhlIHNhbXBsZSBub25jZQ==, x',
  '========================',
  'dGhlIHNhbXBsZSBub25jZQ===',
  'dGhlIHNhbXBsZSBub25j\x80Q==',
  '!!!!!!!!!!!!!!!!!!!!!!!!'
]
const UPGRADES = [
  'WebSocket',
  'WEBSOCKET',
  'websocket ',
  'h2c',
  'websocket, h2c',
  'websocket/13',
  '',
  'websocke',
  'web socket',
  'websocket\t',
  '\twebsocket'
]
const CONNECTIONS = [
  'upgrade',
  'UPGRADE',
  'keep-alive, Upgrade',
  'Keep-Alive, upgrade',
  'keep-alive,Upgrade',
  'Upgrade, close',
  'close',
  'keep-alive',
  '',
  'Upgrade,',
  ',Upgrade',
  'upgrade, upgrade',
  'keep-alive\t, Upgrade',
  'keep-alive, Upgrade, TE',
  'Up grade',
  'keep-alivez Upgrade',
  'KEEP-ALIVE, UPGRADE'
]
const SUB_VERSIONS = ['8', '7', '14', '013', '13, 8', '', '13.0', ' 13', '13\t', '1 3']
const PROTOCOLS = ['chat', 'chat, superchat', 'a,b,c', '', 'a, a', 'a b', ',', 'a\t,b', '"a"']
const EXTENSIONS = [
  'permessage-deflate',
  'permessage-deflate; client_max_window_bits',
  'permessage-deflate; server_max_window_bits=10',
  'x-unknown',
  'permessage-deflate; bogus',
  '',
  'permessage-deflate, permessage-deflate; client_no_context_takeover',
  'permessage-deflate; server_no_context_takeover; server_no_context_takeover',
  ';',
  'permessage-deflate;'
]
const OTHERS = [
  'Origin: http://example.com',
  'User-Agent: fuzz/1.0 (x; y)',
  'Cookie: a=b; c=d',
  'Cookie: e=f',
  'Accept: */*',
  'Accept-Encoding: gzip, deflate',
  'X: ',
  'X:',
  "x-y_z.~!#$%&'*+^`|: 1",
  'Set-Cookie: a',
  'Set-Cookie: b',
  '__proto__: x',
  'constructor: y',
  'toString: z',
  'Pragma: no-cache',
  'Cache-Control: no-cache',
  'Authorization: Basic eDp5',
  'Age: 1',
  'age: 2',
  'Date: now',
  'X-Empty:    ',
  'X-Spaces:   a   b   ',
  'Sec-WebSocket-Accept: x',
  'Keep-Alive: timeout=5',
  'TE: trailers',
  'Trailer: x',
  'Via: 1.1 x',
  'X-Forwarded-For: 1.2.3.4',
  'x-forwarded-for: 5.6.7.8'
]
const ODD_LINES = [
  'Content-Length: 0',
  'Content-Length: 5',
  'Content-Length: x',
  'Content-Length: -1',
  'Content-Length: 5, 5',
  'Content-Length:',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: gzip, chunked',
  'transfer-encoding: identity',
  'Expect: 100-continue',
  'Expect: 200-ok',
  'Proxy-Connection: upgrade',
  'Proxy-Connection: close',
  'Connection: close',
  'connection: upgrade',
  'Upgrade: h2c',
  'Upgrade: websocket',
  'Host: other',
  'Host:',
  ' folded: x',
  '\tfolded',
  'no colon',
  ': empty name',
  'sp ace: x',
  'trailing : x',
  'X: \u00e9\u00ff',
  'X: a\tb',
  'X: \x01',
  'X: \x00',
  'X: \x7f',
  'X: a\rb',
  'X: a\nY: b',
  'X(y): z',
  'X\x80: y',
  'Sec-WebSocket-Version: 13',
  'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Protocol: more',
  'Sec-WebSocket-Extensions: permessage-deflate',
  'HTTP2-Settings: AAMAAABkAAQAAP__',
  'Sec-WebSocket-Key1: x',
  'Content-length : 3',
  'GET / HTTP/1.1',
  'Set-Cookie:'
]
const ENDS = ['\n', '\r', '\r\r\n', '\n\r', '\r\n\r\n', '', '\r\n ', ' \r\n', '\t\r\n', '\x00\r\n']

const rarely = (random) => random(24) === 0

/** Changes the case of letters at random. */
function otherCase(random, text) {
  return text.replace(/[a-z]/gi, (letter) => (random(2) ? letter.toUpperCase() : letter.toLowerCase()))
}

/** A head of a request to upgrade: a plain one mostly, or out of the ordinary in one place or some. */
function upgradeHead(random) {
  const odd = random(3) === 0
  const oddly = (list, otherwise) => (odd && rarely(random) ? pick(random, list) : otherwise)
  const lines = [`Host: ${pick(random, ['localhost', '127.0.0.1:8080', 'example.com', '[::1]:80'])}`]
  lines.push(`Upgrade: ${oddly(UPGRADES, random(6) ? 'websocket' : pick(random, ['WebSocket', 'WEBSOCKET', 'websocket  ']))}`)
  lines.push(`Connection: ${odd && random(4) === 0 ? pick(random, CONNECTIONS) : random(3) ? 'Upgrade' : 'keep-alive, Upgrade'}`)
  lines.push(`Sec-WebSocket-Key: ${oddly(ODD_KEYS, pick(random, KEYS))}`)
  lines.push(`Sec-WebSocket-Version: ${oddly(SUB_VERSIONS, random(12) ? '13' : '8')}`)
  if (random(4) === 0) lines.push(`Sec-WebSocket-Protocol: ${odd ? pick(random, PROTOCOLS) : 'chat, superchat'}`)
  if (random(4) === 0)
    lines.push(`Sec-WebSocket-Extensions: ${odd ? pick(random, EXTENSIONS) : 'permessage-deflate; client_max_window_bits'}`)
  for (let n = random(6); n > 0; n--) lines.push(pick(random, OTHERS))
  if (odd) {
    if (random(3) === 0) lines.splice(random(lines.length + 1), 0, pick(random, ODD_LINES))
    if (rarely(random)) lines.splice(random(lines.length), 1)
    if (rarely(random)) lines.splice(random(lines.length + 1), 0, pick(random, lines))
    if (rarely(random))
      lines.splice(
        random(lines.length + 1),
        0,
        `X-Long: ${'l'.repeat(pick(random, [500, 4000, 7000, 8000, 9000, 16_000, 17_000]))}`
      )
    if (rarely(random))
      for (let n = pick(random, [30, 31, 32, 33, 60, 100, 400, 990, 1000, 1100, 1500, 2500]); n > 0; n--)
        lines.splice(random(2) * lines.length, 0, 'a:')
  }
  if (random(8) === 0) lines.sort(() => random(3) - 1)
  if (random(8) === 0)
    for (let i = 0; i < lines.length; i++) lines[i] = lines[i].replace(/^[^:]*/, (name) => otherCase(random, name))
  if (random(16) === 0) for (let i = 0; i < lines.length; i++) lines[i] = lines[i].replace(': ', pick(random, [':', ':  ', ': ']))
  const method = oddly(METHODS, 'GET')
  const target = oddly(ODD_TARGETS, pick(random, random(2) ? TARGETS.slice(0, 2) : TARGETS))
  const version = oddly(VERSIONS, 'HTTP/1.1')
  const all = [`${method} ${target} ${version}`, ...lines]
  const oddEnd = odd && rarely(random) ? random(all.length) : -1
  let text = ''
  for (let i = 0; i < all.length; i++) text += all[i] + (i === oddEnd ? pick(random, ENDS) : '\r\n')
  if (odd && rarely(random)) text = pick(random, ['\r\n', '\n', ' ', '\r\n\r\n', '\x00']) + text
  return text + (odd && rarely(random) ? pick(random, ['\n', '\r', '', ' \r\n']) : '\r\n')
}

/** An ordinary request, with its body. */
function ordinaryRequest(random) {
  const method = pick(random, ['GET', 'GET', 'GET', 'POST', 'PUT', 'HEAD', 'OPTIONS', 'DELETE', 'CONNECT'])
  const target = method === 'CONNECT' ? 'example.com:443' : pick(random, TARGETS.slice(0, 4))
  const lines = ['Host: localhost']
  for (let n = random(4); n > 0; n--) lines.push(pick(random, OTHERS))
  const connection = random(6)
  if (connection === 0) lines.push('Connection: close')
  if (connection === 1) lines.push('Connection: keep-alive')
  if (random(12) === 0) lines.push('Expect: 100-continue')
  let body = ''
  if (method === 'POST' || method === 'PUT') {
    const content = 'b'.repeat(random(8) ? random(200) : pick(random, [0, 3000, 20_000]))
    if (random(2)) {
      lines.push(`Content-Length: ${content.length}`)
      body = content
    } else {
      lines.push('Transfer-Encoding: chunked')
      for (let at = 0; at < content.length;) {
        const length = Math.min(content.length - at, 1 + random(5000))
        body += `${length.toString(16)}\r\n${content.slice(at, at + length)}\r\n`
        at += length
      }
      body += '0\r\n\r\n'
    }
  }
  return `${method} ${target} HTTP/1.${random(12) ? 1 : 0}\r\n${lines.join('\r\n')}\r\n\r\n${body}`
}

/** A head as clients and attackers send them. */
export function headOf(seed) {
  const random = randomFrom(seed)
  const head = upgradeHead(random)
  return random(3) === 0 ? mutate(random, head) : head
}

/** Changes a few octets of a text. */
function mutate(random, text) {
  for (let n = 1 + random(3); n > 0; n--) {
    const at = random(text.length + 1)
    const octet = String.fromCharCode(random(4) ? random(128) : random(256))
    switch (random(6)) {
      case 0:
        text = text.slice(0, at) + text.slice(at + 1 + random(3))
        break
      case 1:
        text = text.slice(0, at) + pick(random, ['\r', '\n', '\t', ' ', ':', '\x00', octet]) + text.slice(at)
        break
      case 2: {
        const lines = text.split('\r\n')
        const line = random(lines.length)
        lines.splice(line, 0, lines[line])
        text = lines.join('\r\n')
        break
      }
      case 3:
        text = text.slice(0, at) + otherCase(random, text.slice(at, at + 8)) + text.slice(at + 8)
        break
      default:
        text = text.slice(0, at) + octet + text.slice(at + 1)
    }
  }
  return text
}

function frames(random) {
  const list = []
  for (let n = random(5); n > 0; n--) {
    const length = random(12) ? random(200) : pick(random, [126, 900, 9000])
    const payload = Buffer.alloc(length, 97 + random(26))
    switch (random(10)) {
      case 0:
        list.push({ opcode: PING, payload: payload.subarray(0, 100) })
        break
      case 1:
        list.push({ opcode: PONG, payload: payload.subarray(0, 100) })
        break
      case 2:
        list.push({ opcode: TEXT, payload, fin: false }, { opcode: CONTINUATION, payload })
        break
      case 3:
        if (random(6) === 0) list.push({ opcode: pick(random, [3, 11, CONTINUATION]), payload: payload.subarray(0, 10) })
        break
      case 4:
        if (random(8) === 0) list.push({ opcode: TEXT, payload, key: null })
        break
      default:
        list.push({ opcode: random(2) ? TEXT : BINARY, payload })
    }
  }
  if (random(3)) list.push({ opcode: CLOSE, payload: random(8) ? closePayload(1000, 'done') : Buffer.alloc(random(3)) })
  return list.map((fields) => buildFrame({ key: TEST_KEY, ...fields }))
}

/** @typedef {{ octets?: Buffer, turns?: number, ms?: number, end?: boolean, reset?: boolean }} Step */

/**
 * What a client does, and the program with it: all from one seed.
 * @returns {{ steps: Step[], kind: number, touch: number, answer: number, isRace: boolean, isHasty: boolean }}
 */
export function planOf(seed) {
  const random = randomFrom(seed)
  const steps = []
  const kind = random(2)
  const touch = random(8)
  const answer = random(4)
  const what = random(20)
  const behind = []
  let octets
  if (what === 0) {
    // Says nothing, or not much
    octets = Buffer.from(pick(random, ['', '', 'G', 'GET / HTTP/1.1\r\n', '\r\n', '\x16\x03\x01\x02\x00\x01']), 'latin1')
  } else if (what < 5) {
    let text = ordinaryRequest(random)
    const isOneRead = random(8) === 0
    for (let n = random(4); n > 0; n--) {
      const next = ordinaryRequest(random)
      if (isOneRead) text += next
      else behind.push({ turns: TURNS }, { octets: Buffer.from(next, 'latin1') })
    }
    if (random(8) === 0) text = mutate(random, text)
    octets = Buffer.from(text, 'latin1')
    // A read of its own: see `isAsData`
    if (random(4) === 0) behind.push({ turns: TURNS }, { octets: Buffer.from(upgradeHead(random), 'latin1') })
  } else {
    let text = upgradeHead(random)
    if (what < 8) text = mutate(random, text)
    const head = Buffer.from(text, 'latin1')
    const messages = random(4) ? frames(random) : []
    if (random(5) === 0) {
      octets = Buffer.concat([head, ...messages])
    } else {
      octets = head
      for (const frame of messages) behind.push({ octets: frame })
    }
  }
  steps.push(...cut(random, octets), ...behind)
  for (let i = steps.length - 1; i > 0; i--) {
    if (random(3)) steps.splice(i, 0, { turns: random(4) ? TURNS : 1 + random(2) })
    else if (random(40) === 0) steps.splice(i, 0, { ms: SILENCE_MS })
  }
  if (random(60) === 0) steps.unshift({ ms: SILENCE_MS })
  // At the end, before it, or in the middle of it all
  if (random(6) === 0) steps.length = random(steps.length + 1)
  if (random(4)) steps.push({ turns: TURNS + random(3) })
  const resets = random(12) === 0
  // How much of what was sent the server gets to see is a matter of chance
  const isRace = resets && random(4) === 0
  if (resets && !isRace) steps.push({ turns: 2 * TURNS })
  steps.push(resets ? { reset: true } : { end: true })
  // Whether it sends before the server has accepted it
  const isHasty = !resets && what > 4 && random(4) === 0
  return { steps, kind, touch, answer, isRace, isHasty }
}

/** In one piece, in two cut anywhere, or in many. */
function cut(random, octets) {
  if (octets.length < 2 || random(4)) return [{ octets }]
  const steps = []
  const parts = random(3) ? 1 : 2 + random(8)
  const at = Array.from({ length: parts }, () => 1 + random(octets.length - 1)).sort((one, other) => one - other)
  let from = 0
  for (const to of [...new Set(at), octets.length]) {
    steps.push({ octets: octets.subarray(from, to) })
    from = to
  }
  return steps
}

// Servers

function ignore() {}

/** @typedef {{ plan: object, log: string[], isDirect: boolean, open: number, after: (() => void)[], done: () => void }} Run */

/** A program with an HTTP server and a WebSocketServer on it, which notes for each run what it sees. */
class Program {
  /** By the port of the client. */
  runs = new Map()
  /** Ports of clients that have yet to be told that they are connected. */
  early = new Set()
  /** What cannot be told to be of a run. */
  strangers = 0

  /** @param isTapped whether somebody listens to 'data' of all sockets, as long as they are HTTP's */
  constructor(implementation, direct, kind, isTapped = false) {
    const { WebSocketServer } = implementation
    this.server = http.createServer((request, response) => this.request(request, response))
    if (isTapped) {
      this.server.on('connection', (socket) => socket.on('data', ignore))
      this.server.on('upgrade', (_request, socket) => socket.removeListener('data', ignore))
    }
    if (kind === 1) {
      this.server.on('clientError', (error, socket) => {
        this.of(socket)?.log.push(`clientError ${error.code}`)
        if (socket.writable) socket.end(`HTTP/1.1 400 Mine\r\nX: ${error.code}\r\n\r\n`)
      })
    }
    const options =
      kind === 0
        ? {}
        : {
            verifyClient: ({ req }, callback) => {
              this.of(req.socket)?.log.push(`verify ${req.url}`)
              setImmediate(() => callback(!req.url.includes('%zz')))
            },
            handleProtocols: (protocols) => [...protocols].at(-1)
          }
    this.websockets = new WebSocketServer({ server: this.server, direct, ...options })
    this.websockets.on('connection', (ws, request) => this.connection(ws, request))
    this.websockets.on(
      'wsClientError',
      kind === 0
        ? (error, socket, request) => {
            this.of(socket)?.log.push(`wsClientError ${error.message} ${request.url}`, describeRequest(request))
            socket.end('HTTP/1.1 400 Not so\r\n\r\n')
          }
        : () => {}
    )
    if (kind === 1) this.websockets.removeAllListeners('wsClientError')
  }

  async listen() {
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', 4096, resolve))
    // In front of whoever takes connections; Node accepts one in a turn
    const { _handle: handle } = this.server
    const { onconnection } = handle
    handle.onconnection = (error, accepted) => {
      onconnection.call(handle, error, accepted)
      const name = {}
      accepted.getpeername(name)
      this.accepted(name.port)
    }
    return this.server.address().port
  }

  /** A connection was accepted: perhaps before its client knows. */
  accepted(port) {
    const run = this.runs.get(port)
    if (run === undefined) this.early.add(port)
    else run.accepted()
  }

  /** A client is connected. */
  begin(port, run) {
    this.runs.set(port, run)
    if (this.early.delete(port)) run.accepted()
  }

  of(socket) {
    const run = this.runs.get(socket.remotePort)
    if (run === undefined) this.strangers++
    return run
  }

  request(request, response) {
    const run = this.of(request.socket)
    response.sendDate = false
    let length = 0
    const { answer = 0 } = run?.plan ?? {}
    run?.log.push('request', describeRequest(request))
    request.on('data', (chunk) => (length += chunk.length))
    request.on('error', (error) => run?.log.push(`request error ${error.code}`))
    const reply = () => {
      run?.log.push(`body ${length}`)
      const body = `${request.method} ${request.url} ${length}`
      if (answer === 1) response.setHeader('Content-Length', Buffer.byteLength(body))
      if (answer === 2) response.write('first ')
      response.end(body)
    }
    if (answer === 3) reply()
    else request.on('end', reply)
  }

  connection(ws, request) {
    const run = this.of(ws._socket)
    if (run === undefined) return ws.on('error', ignore).terminate()
    run.isDirect = !Object.hasOwn(ws._socket, '_events')
    run.open++
    const {
      log,
      plan: { touch }
    } = run
    log.push(`connection ${request.method} ${request.url} ${ws.protocol} ${ws.extensions}`)
    if (request.socket !== ws._socket) log.push('another socket')
    if (touch === 0) log.push(describeRequest(request))
    if (touch === 1) log.push(ws._socket.listenerCount('error') > 0 ? 'listens' : 'does not listen')
    ws.on('message', (data, isBinary) => {
      log.push(`message ${data.length} ${isBinary}`)
      if (touch === 2) log.push(String(ws._socket.readable))
      ws.send(data, { binary: isBinary })
    })
    ws.on('ping', (data) => log.push(`ping ${data.length}`))
    ws.on('pong', (data) => log.push(`pong ${data.length}`))
    ws.on('error', (error) => log.push(`error ${error.code} ${error.message}`))
    ws.on('close', (code, reason) => {
      log.push(`close ${code} ${reason}`)
      if (touch !== 0 && touch !== 3) log.push(describeRequest(request))
      if (touch === 4) log.push(`destroyed ${ws._socket?.destroyed}`)
      run.open--
      run.done()
    })
  }

  close() {
    this.server.closeAllConnections()
    this.server.close()
    this.websockets.close()
  }
}

function describeRequest({ method, url, httpVersion, rawHeaders, headers, upgrade, complete }) {
  return JSON.stringify([method, url, httpVersion, rawHeaders, Object.entries(headers), upgrade, complete])
}

// Clients

/** Carries out a plan at a program. */
function carryOut(plan, program, port) {
  return new Promise((resolve) => {
    let received = ''
    let hasEnded = false
    let isOver = false
    let left = TURNS
    const run = { plan, log: [], isDirect: false, open: 0, accepted: () => {}, done: () => {} }
    const client = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const { steps } = plan
    let at = 0
    let clientPort = 0
    const hang = setTimeout(() => {
      run.log.push('hangs')
      run.open = 0
      client.destroy()
    }, HANG_MS)
    const finish = () => {
      if (!isOver || run.open > 0) return
      if (left-- > 0) return void setImmediate(finish)
      clearTimeout(hang)
      if (program.runs.get(clientPort) === run) program.runs.delete(clientPort)
      if (received.includes('\r\nDate: ')) received = received.replaceAll(/\r\nDate: [^\r]*/g, '')
      resolve({ received, log: run.log.join('\n'), isDirect: run.isDirect })
    }
    run.done = finish
    const wait = (turns) => {
      if (turns > 0) setImmediate(wait, turns - 1)
      else go()
    }
    const go = () => {
      while (at < steps.length && !isOver) {
        const step = steps[at++]
        if (step.octets !== undefined) {
          if (!hasEnded) client.write(step.octets)
        } else if (step.turns !== undefined) {
          return wait(step.turns)
        } else if (step.ms !== undefined) {
          return void setTimeout(go, step.ms)
        } else if (step.end) {
          client.end()
        } else {
          client.resetAndDestroy()
        }
      }
    }
    client.on('connect', () => {
      clientPort = client.localPort
      run.accepted = () => {
        run.accepted = () => {}
        if (plan.isHasty) return
        // The server does not read before the next turn
        wait(1)
      }
      program.begin(clientPort, run)
      if (plan.isHasty) go()
    })
    client.on('data', (chunk) => (received += chunk.latin1Slice()))
    client.on('end', () => {
      hasEnded = true
      client.end()
    })
    client.on('error', (error) => {
      // No port was free
      if (error.code === 'EADDRNOTAVAIL') run.log.push(error.code)
    })
    client.on('close', () => {
      isOver = true
      finish()
    })
  })
}

const resultOf = ({ received, log }) => `${log}\n--\n${received}`

/**
 * Carries out plans, some at a time, and compares.
 * @throws {Error} for the first one whose result the reference does not have
 */
export async function fuzzDirect(implementation, { connections, seed, from = 0, concurrency = 100, progress = () => {} }) {
  const programs = []
  for (const kind of [0, 1]) {
    programs[kind] = await Promise.all(
      ['auto', 'off', 'tapped'].map(async (side) => {
        const program = new Program(implementation, side === 'auto' ? 'auto' : 'off', kind, side === 'tapped')
        return { program, port: await program.listen() }
      })
    )
  }
  const counts = { connections: 0, direct: 0, upgraded: 0, unsteady: 0, asData: 0 }
  let next = from
  let fault = null
  const once = (plan, side) => {
    const { program, port } = programs[plan.kind][side]
    return carryOut(plan, program, port)
  }
  /**
   * Whether Node has that result where its parser gets octets by way of 'data' events: then no ticks are run between one piece of a body
   * and what stands behind it, which shows if answers are under way when the connection breaks down in the middle of a read.
   */
  const isAsData = async (plan, result) => {
    for (let i = 0; i < REPETITIONS; i++) if (resultOf(await once(plan, 2)) === result) return true
    return false
  }
  /** Whether the reference has other results as well, and that among them: when who ends first is a matter of chance. */
  const compareAgain = async (plan, index, auto, off) => {
    const known = new Set([resultOf(off)])
    const wanted = new Set([resultOf(auto)])
    const again = async (side, times, results) => {
      const ended = await Promise.all(Array.from({ length: times }, () => once(plan, side)))
      for (const one of ended) results.add(resultOf(one))
    }
    await Promise.all([again(0, REPETITIONS, wanted), again(1, REPETITIONS, known)])
    for (const result of wanted) {
      if (known.has(result)) continue
      if (!auto.isDirect && (await isAsData(plan, result))) {
        counts.asData++
        return
      }
      for (let i = 0; i < 8 && !known.has(result); i++) {
        await again(1, REPETITIONS, known)
        known.add(resultOf(await once(plan, 1)))
      }
      if (!known.has(result)) {
        const { steps, ...rest } = plan
        const shown = steps.map((step) => (step.octets === undefined ? step : step.octets.toString('latin1')))
        fault ??= new Error(
          `seed ${seed}, plan ${index}: ${JSON.stringify({ ...rest, steps: shown })}\n--- direct:\n${JSON.stringify(result)}\n--- not direct:\n${[...known].map((one) => JSON.stringify(one)).join('\n')}`
        )
        return
      }
    }
    counts.unsteady++
  }
  const work = async () => {
    while (next < from + connections && fault === null) {
      const index = next++
      const plan = planOf(seed + Math.imul(index, 0x9e3779b1))
      const [auto, off] = await Promise.all([once(plan, 0), once(plan, 1)])
      if (off.isDirect) throw new Error('the reference is direct')
      if (auto.isDirect) counts.direct++
      if (off.log.includes('connection ')) counts.upgraded++
      if (!plan.isRace && (auto.received !== off.received || auto.log !== off.log)) await compareAgain(plan, index, auto, off)
      if (++counts.connections % 1000 === 0) progress(counts)
    }
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, connections) }, work))
  for (const pair of programs) for (const { program } of pair) program.close()
  if (fault !== null) throw fault
  return counts
}

const HELP = `npm run fuzz:direct -- [options]
  --connections N   how many plans are carried out, each at both servers (default 20000)
  --seed S          what they are made of (default: by the time)
  --from I          begin with plan I of that seed (default 0): with --connections 1 it is that one
  --concurrency C   how many at a time (default 100, which are 200 connections)`

async function main() {
  if (process.argv.includes('--help')) return console.log(HELP)
  const argument = (name, otherwise) => {
    const index = process.argv.indexOf(name)
    return index < 0 ? otherwise : Number(process.argv[index + 1])
  }
  const connections = argument('--connections', 20_000)
  const seed = argument('--seed', Date.now() & 0x3fffffff)
  const { default: implementation } = await import('../../dist/index.mjs')
  const started = Date.now()
  const say = (counts) => {
    const seconds = (Date.now() - started) / 1000
    const { user, system } = process.cpuUsage()
    const each = Math.round((user + system) / counts.connections)
    return `seed ${seed}: ${counts.connections} plans in ${Math.round(seconds)} s (${each} us of CPU each), ${counts.upgraded} upgraded, ${counts.direct} of them direct, ${counts.unsteady} unsteady, ${counts.asData} as by 'data'`
  }
  const counts = await fuzzDirect(implementation, {
    connections,
    seed,
    from: argument('--from', 0),
    concurrency: argument('--concurrency', 100),
    progress: (now) => process.stdout.write(`\r${say(now)} `)
  })
  process.stdout.write(`\n${say(counts)}\nno difference\n`)
  if (connections > 1000 && counts.direct < counts.upgraded / 4) throw new Error('hardly any connection was direct')
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await main()
