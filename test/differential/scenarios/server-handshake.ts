// The server's opening handshake: every refusal and every acceptance as octets, and the hooks a user has in it.

import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import { Duplex } from 'node:stream'
import tls from 'node:tls'
import { describeHeaderLine } from '../../support/describe-value.js'
import { buildFrame, CLOSE, closePayload, PING, TEST_KEY } from '../../support/frames.js'
import { RawPeer, requestOctets, TEST_WEBSOCKET_KEY } from '../../support/raw-peer.js'
import { cert, key as tlsKey } from '../../support/tls.js'
import { server } from '../harness.js'
import type { Context, Scenario } from '../harness.js'
import type { Any } from '../implementations.js'

type Headers = Record<string, string | string[] | null>

/** Requests, and the options of the server that gets them. */
const requests: [string, Headers, Any?, string?, string?][] = [
  ['a right request', {}],
  ['POST', {}, {}, 'POST'],
  ['HEAD', {}, {}, 'HEAD'],
  ['no Upgrade header', { Upgrade: null }],
  ['another Upgrade header', { Upgrade: 'foo' }],
  ['Upgrade in other letter case', { Upgrade: 'WebSocket' }],
  ['two Upgrade headers', { Upgrade: ['websocket', 'foo'] }],
  ['no Connection header', { Connection: null }],
  ['Connection: keep-alive, Upgrade', { Connection: 'keep-alive, Upgrade' }],
  ['no Host header', { Host: null }],
  ['no key', { 'Sec-WebSocket-Key': null }],
  ['an empty key', { 'Sec-WebSocket-Key': '' }],
  ['a key that is too short', { 'Sec-WebSocket-Key': 'AAAA' }],
  ['a key without padding', { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ' }],
  ['a key with other padding', { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ=' }],
  ['a key with a character of another alphabet', { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25j-_==' }],
  ['a key with spaces around it', { 'Sec-WebSocket-Key': '  dGhlIHNhbXBsZSBub25jZQ==  ' }],
  ['two keys', { 'Sec-WebSocket-Key': [TEST_WEBSOCKET_KEY, TEST_WEBSOCKET_KEY] }],
  ['no version', { 'Sec-WebSocket-Version': null }],
  ['version 8', { 'Sec-WebSocket-Version': '8' }],
  ['version 7', { 'Sec-WebSocket-Version': '7' }],
  ['version 14', { 'Sec-WebSocket-Version': '14' }],
  ['version 013', { 'Sec-WebSocket-Version': '013' }],
  ['version 0xd', { 'Sec-WebSocket-Version': '0xd' }],
  ['version 13.0', { 'Sec-WebSocket-Version': '13.0' }],
  ['version "13, 8"', { 'Sec-WebSocket-Version': '13, 8' }],
  ['an empty version', { 'Sec-WebSocket-Version': '' }],
  ['one subprotocol', { 'Sec-WebSocket-Protocol': 'a' }],
  ['several subprotocols', { 'Sec-WebSocket-Protocol': 'a, b,c' }],
  ['several subprotocol headers', { 'Sec-WebSocket-Protocol': ['a', 'b'] }],
  ['an empty subprotocol header', { 'Sec-WebSocket-Protocol': '' }],
  ['a subprotocol twice', { 'Sec-WebSocket-Protocol': 'a, a' }],
  ['an invalid subprotocol', { 'Sec-WebSocket-Protocol': 'a b' }],
  ['subprotocols with an empty element', { 'Sec-WebSocket-Protocol': 'a,,b' }],
  ['subprotocols with a comma at the end', { 'Sec-WebSocket-Protocol': 'a,' }],
  ['an extension while compression is off', { 'Sec-WebSocket-Extensions': 'permessage-deflate' }],
  ['an invalid extension header while compression is off', { 'Sec-WebSocket-Extensions': 'a b c' }],
  ['an extension', { 'Sec-WebSocket-Extensions': 'permessage-deflate' }, { perMessageDeflate: true }],
  ['another extension', { 'Sec-WebSocket-Extensions': 'foo; bar=5' }, { perMessageDeflate: true }],
  ['an invalid extension header', { 'Sec-WebSocket-Extensions': 'permessage-deflate; ' }, { perMessageDeflate: true }],
  ['an empty extension header', { 'Sec-WebSocket-Extensions': '' }, { perMessageDeflate: true }],
  ['an unknown extension parameter', { 'Sec-WebSocket-Extensions': 'permessage-deflate; foo' }, { perMessageDeflate: true }],
  [
    'an extension parameter twice',
    { 'Sec-WebSocket-Extensions': 'permessage-deflate; server_max_window_bits=10; server_max_window_bits=11' },
    { perMessageDeflate: true }
  ],
  [
    'an invalid extension parameter value',
    { 'Sec-WebSocket-Extensions': 'permessage-deflate; server_max_window_bits=7' },
    { perMessageDeflate: true }
  ],
  [
    'an offer that is refused',
    { 'Sec-WebSocket-Extensions': 'permessage-deflate; server_max_window_bits=10' },
    { perMessageDeflate: { serverMaxWindowBits: false } }
  ],
  [
    'the second offer taken',
    { 'Sec-WebSocket-Extensions': 'permessage-deflate; server_max_window_bits=10, permessage-deflate' },
    { perMessageDeflate: { serverMaxWindowBits: false } }
  ],
  [
    'an offer among others',
    { 'Sec-WebSocket-Extensions': 'foo, permessage-deflate; client_max_window_bits, bar' },
    { perMessageDeflate: true }
  ],
  ['the path', {}, { path: '/x' }, 'GET', '/x'],
  ['the path with a query', {}, { path: '/x' }, 'GET', '/x?y=z'],
  ['another path', {}, { path: '/x' }, 'GET', '/y'],
  ['an invalid subprotocol header on another path', { 'Sec-WebSocket-Protocol': ',' }, { path: '/x' }, 'GET', '/y'],
  ['an absolute form of the path', {}, { path: '/x' }, 'GET', 'http://localhost/x'],
  ['no key and a wrong version', { 'Sec-WebSocket-Key': null, 'Sec-WebSocket-Version': '1' }],
  ['no Upgrade and POST', { Upgrade: 'foo' }, {}, 'POST'],
  [
    'subprotocol and extension at once',
    {
      'Sec-WebSocket-Protocol': 'p',
      'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits; server_no_context_takeover'
    },
    { perMessageDeflate: true }
  ]
]

/** Offers of permessage-deflate, with the server's options: what is agreed stands in the answer. */
const offers: [string, Any][] = [
  ['permessage-deflate', true],
  ['permessage-deflate', {}],
  ['permessage-deflate; client_max_window_bits', {}],
  ['permessage-deflate; client_max_window_bits=9', {}],
  ['permessage-deflate; client_max_window_bits', { clientMaxWindowBits: 10 }],
  ['permessage-deflate; client_max_window_bits=12', { clientMaxWindowBits: 10 }],
  ['permessage-deflate; client_max_window_bits=9', { clientMaxWindowBits: 10 }],
  ['permessage-deflate', { clientMaxWindowBits: 10 }],
  ['permessage-deflate; client_max_window_bits=9', { clientMaxWindowBits: false }],
  ['permessage-deflate; client_max_window_bits', { clientMaxWindowBits: false }],
  ['permessage-deflate; server_max_window_bits=10', {}],
  ['permessage-deflate; server_max_window_bits=10', { serverMaxWindowBits: 9 }],
  ['permessage-deflate; server_max_window_bits=10', { serverMaxWindowBits: 11 }],
  ['permessage-deflate', { serverMaxWindowBits: 11 }],
  ['permessage-deflate; server_max_window_bits=8', {}],
  ['permessage-deflate; server_max_window_bits', {}],
  ['permessage-deflate; server_no_context_takeover', {}],
  ['permessage-deflate; server_no_context_takeover', { serverNoContextTakeover: false }],
  ['permessage-deflate', { serverNoContextTakeover: true }],
  ['permessage-deflate; client_no_context_takeover', {}],
  ['permessage-deflate; client_no_context_takeover', { clientNoContextTakeover: false }],
  ['permessage-deflate', { clientNoContextTakeover: true }],
  ['permessage-deflate; client_no_context_takeover=true', {}],
  [
    'permessage-deflate; client_max_window_bits; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12',
    { serverMaxWindowBits: 10, clientMaxWindowBits: 11 }
  ],
  ['permessage-deflate; server_max_window_bits="10"', {}],
  ['permessage-deflate; server_max_window_bits=10.5', {}],
  ['permessage-deflate; server_max_window_bits=+10', {}],
  ['permessage-deflate; server_max_window_bits=0xa', {}],
  ['permessage-deflate; server_max_window_bits=010', {}]
]

/** Asks and lets the transcript tell; an accepted connection is closed by the peer. */
async function ask(ctx: Context, port: number, path = '/', headers: Headers = {}, method = 'GET', lane = 'wire'): Promise<RawPeer> {
  const peer = await ctx.ask(port, path, headers, method, lane)
  if (peer.framed) peer.writeClose(1000)
  await ctx.wait('end', peer.untilClosed())
  // Whether the server waits for the end of the peer's side is no matter here
  await Promise.all(closings.get(ctx) ?? [])
  return peer
}

/** The ends of connections that were recorded. */
const closings = new WeakMap<Context, Promise<unknown>[]>()

function recordServer(ctx: Context, wss: Any): void {
  wss.on('connection', (ws: Any, req: Any) => {
    ctx.log(
      'server',
      'connection',
      ws.constructor.name,
      req.constructor.name,
      req.url,
      `protocol=${ws.protocol}`,
      `extensions=${ws.extensions}`,
      ws.readyState
    )
    ctx.record(ws, 'ws')
    const known = closings.get(ctx) ?? []
    closings.set(ctx, known)
    known.push(ctx.closed(ws))
  })
  wss.on('headers', (headers: string[], req: Any) => ctx.log('server', 'headers', headers.map(describeHeaderLine), req.url))
  wss.on('error', (error: Error) => ctx.log('server', 'error', error))
}

export const scenarios: Scenario[] = [
  ...requests.flatMap(([name, headers, options, method, path]) => [
    server('4.4', `request: ${name}`, async (ctx) => {
      const { wss, port } = await ctx.listen(options)
      recordServer(ctx, wss)
      await ask(ctx, port, path, headers, method)
    }),
    server('4.3', `request with a wsClientError listener: ${name}`, async (ctx) => {
      const { wss, port } = await ctx.listen(options)
      recordServer(ctx, wss)
      wss.on('wsClientError', (error: Error, socket: Any, req: Any) => {
        ctx.log('wsClientError', error, socket.constructor.name, req.constructor.name, req.url)
        socket.end('HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\n\r\n')
      })
      await ask(ctx, port, path, headers, method)
    })
  ]),

  ...offers.map(([offer, perMessageDeflate], i) =>
    server('6', `offer ${i}: ${offer} for ${JSON.stringify(perMessageDeflate)}`, async (ctx) => {
      const { wss, port } = await ctx.listen({ perMessageDeflate })
      recordServer(ctx, wss)
      await ask(ctx, port, '/', { 'Sec-WebSocket-Extensions': offer })
    })
  ),

  ...(
    [
      ['true', () => true],
      ['false', () => false],
      ['undefined', () => undefined],
      ['a truthy value', () => 1],
      ['a promise', () => Promise.resolve(false)]
    ] as [string, () => unknown][]
  ).map(([name, answer]) =>
    server('4.1', `verifyClient that returns ${name}`, async (ctx) => {
      const { wss, port } = await ctx.listen({
        verifyClient: (info: Any) => {
          ctx.log('info', Object.keys(info), info.origin, info.secure, info.req.url)
          return answer()
        }
      })
      recordServer(ctx, wss)
      await ask(ctx, port, '/path', { Origin: 'http://example.com', 'Sec-WebSocket-Origin': 'http://other.example' })
      await ask(ctx, port, '/path', {
        Origin: 'http://example.com',
        'Sec-WebSocket-Origin': 'http://other.example',
        'Sec-WebSocket-Version': '8'
      })
      await ask(ctx, port)
    })
  ),

  ...(
    [
      ['true', [true]],
      ['false', [false]],
      ['nothing', []],
      ['false with a code', [false, 404]],
      ['false with code and message', [false, 403, 'Not you']],
      ['false with non-ASCII message', [false, 403, 'Ne, žádný']],
      ['false with headers', [false, 429, 'Later', { 'Retry-After': 120, 'X-Y': 'z', Connection: 'keep-alive' }]],
      ['false with an unknown code and a message', [false, 599, 'Own']],
      ['false with code 0', [false, 0]],
      ['true with a code', [true, 404]]
    ] as [string, unknown[]][]
  ).map(([name, args]) =>
    server('4.1', `verifyClient that calls back with ${name}`, async (ctx) => {
      for (const later of [false, true]) {
        const { wss, port } = await ctx.listen({
          verifyClient: (_info: Any, cb: Any) => {
            if (later) setImmediate(() => ctx.log('callback', 'returns', String(cb(...args))))
            else cb(...args)
          }
        })
        recordServer(ctx, wss)
        await ask(ctx, port, '/', {}, 'GET', later ? 'later' : 'at once')
      }
    })
  ),

  server('4.1', 'verifyClient runs after the checks of the headers and before the answer', async (ctx) => {
    const { wss, port } = await ctx.listen({
      path: '/x',
      verifyClient: () => {
        ctx.log('order', 'verifyClient')
        return true
      },
      handleProtocols: () => {
        ctx.log('order', 'handleProtocols')
        return 'a'
      }
    })
    wss.on('headers', () => ctx.log('order', 'headers'))
    wss.on('connection', () => ctx.log('order', 'connection'))
    recordServer(ctx, wss)
    await ask(ctx, port, '/y')
    await ask(ctx, port, '/x', { 'Sec-WebSocket-Protocol': ',' })
    await ask(ctx, port, '/x', { 'Sec-WebSocket-Protocol': 'a' })
  }),

  server('4.1', 'verifyClient while the client hangs up', async (ctx) => {
    let answer: Any
    const called = new Promise<void>((resolve) => {
      void ctx
        .listen({
          verifyClient: (_info: Any, cb: Any) => {
            answer = cb
            resolve()
          }
        })
        .then(async ({ wss, port }) => {
          recordServer(ctx, wss)
          const peer = await ctx.rawClient(port)
          ctx.recordPeer(peer)
          peer.write(requestOctets())
          await called
          peer.socket.end()
          await ctx.turns(30)
          answer(true)
          await ctx.wait('end', peer.untilClosed())
          ctx.log('peer', peer.head)
          finished()
        })
    })
    let finished: () => void = () => {}
    await ctx.wait('all', new Promise<void>((resolve) => (finished = resolve)))
  }),

  server('4.1', 'verifyClient while the client sends frames already', async (ctx) => {
    const { wss, port } = await ctx.listen({ verifyClient: (_info: Any, cb: Any) => setTimeout(cb, 5, true) })
    recordServer(ctx, wss)
    const peer = await ctx.rawClient(port)
    ctx.recordPeer(peer)
    peer.write(requestOctets(), peer.text('early'))
    await ctx.turns()
    peer.writeClose(1000, 'done', peer.text('more'))
    await ctx.wait('end', peer.untilClosed())
  }),

  ...(
    [
      ['the first', (set: Set<string>) => [...set][0]],
      ['the last', (set: Set<string>) => [...set].at(-1)],
      ['false', () => false],
      ['undefined', () => undefined],
      ['an empty string', () => ''],
      ['one that was not offered', () => 'other']
    ] as [string, (set: Set<string>) => unknown][]
  ).map(([name, choose]) =>
    server('4.1', `handleProtocols that returns ${name}`, async (ctx) => {
      const { wss, port } = await ctx.listen({
        handleProtocols: (set: Any, req: Any) => {
          ctx.log('handleProtocols', set.constructor.name, [...set], req.url)
          return choose(set)
        }
      })
      recordServer(ctx, wss)
      await ask(ctx, port, '/', { 'Sec-WebSocket-Protocol': 'a, b' })
      await ask(ctx, port, '/')
    })
  ),

  server('4.3', "a 'headers' listener changes the answer", async (ctx) => {
    const { wss, port } = await ctx.listen()
    wss.on('headers', (headers: string[]) => {
      headers.push('X-Added: yes', 'Set-Cookie: a=b')
      headers[0] = 'HTTP/1.1 101 Changed'
      headers.splice(1, 0, 'X-First: 1')
    })
    recordServer(ctx, wss)
    await ask(ctx, port)
  }),

  server('4.2', 'shouldHandle may be replaced', async (ctx) => {
    const { wss, port } = await ctx.listen({ path: '/x' })
    wss.shouldHandle = (req: Any) => req.url === '/mine'
    recordServer(ctx, wss)
    await ask(ctx, port, '/mine')
    await ask(ctx, port, '/x')
  }),

  server('4.1', 'plain HTTP requests get 426', async (ctx) => {
    const { wss, port } = await ctx.listen()
    recordServer(ctx, wss)
    for (const [method, path] of [
      ['GET', '/'],
      ['POST', '/x'],
      ['HEAD', '/']
    ]) {
      const peer = await ctx.rawClient(port)
      peer.write(requestOctets(path, { Upgrade: null, Connection: 'close' }, method))
      await ctx.wait('end', peer.untilEnded())
      ctx.recordHead(peer)
      ctx.log('wire', peer.body)
    }
  }),

  server('4.1', 'the server option with an HTTP server', async (ctx) => {
    const httpServer = http.createServer((_req, res) => res.end('plain'))
    ctx.defer(() => httpServer.close())
    const wss = new ctx.server.WebSocketServer({ server: httpServer })
    ctx.deferServer(wss)
    recordServer(ctx, wss)
    wss.on('listening', () => ctx.log('server', 'listening'))
    ctx.log(
      'listeners',
      ['listening', 'error', 'upgrade', 'request', 'close'].map((name) => httpServer.listenerCount(name))
    )
    ctx.log('address', wss.address(), wss._server === httpServer)
    httpServer.listen(0, '127.0.0.1')
    await ctx.until(wss, 'listening')
    const { port } = httpServer.address() as net.AddressInfo
    ctx.log('address', wss.address().port === port)
    await ask(ctx, port)
    httpServer.emit('error', new Error('from the HTTP server'))
    const closed = ctx.until(wss, 'close')
    wss.close(ctx.callback('server', 'closed'))
    await closed
    ctx.log(
      'listeners',
      ['listening', 'error', 'upgrade', 'request', 'close'].map((name) => httpServer.listenerCount(name))
    )
    ctx.log('listening', httpServer.listening, wss.address(), wss._server)
    const peer = await ctx.rawClient(port)
    peer.write(requestOctets('/', { Upgrade: null, Connection: 'close' }))
    await ctx.wait('end', peer.untilEnded())
    ctx.log('wire', peer.head?.[0], peer.body)
  }),

  server('4.1', 'the server option with an HTTPS server', async (ctx) => {
    const httpsServer = https.createServer({ key: tlsKey, cert })
    ctx.defer(() => httpsServer.close())
    const wss = new ctx.server.WebSocketServer({
      server: httpsServer,
      verifyClient: (info: Any) => {
        ctx.log('info', info.secure)
        return true
      }
    })
    ctx.deferServer(wss)
    recordServer(ctx, wss)
    wss.on('connection', (ws: Any) => {
      ws.on('message', (data: Buffer, isBinary: boolean) => ws.send(data, { binary: isBinary }))
    })
    httpsServer.listen(0, '127.0.0.1')
    await ctx.until(wss, 'listening')
    const socket = tls.connect({ port: (httpsServer.address() as net.AddressInfo).port, host: '127.0.0.1', ca: cert })
    ctx.defer(() => socket.destroy())
    const peer = new RawPeer(socket, 'client')
    ctx.recordPeer(peer)
    await new Promise((resolve) => socket.once('secureConnect', resolve))
    peer.write(requestOctets(), peer.text('with the request'))
    peer.write(peer.text('x'), peer.binary(Buffer.alloc(70000, 5)), peer.ping('p'))
    await ctx.wait('echoes', peer.untilFrames(4))
    ctx.recordHead(peer)
    for (const octet of peer.text('octet by octet')) {
      peer.write(Buffer.from([octet]))
      await ctx.turns(1)
    }
    await ctx.wait('echo', peer.untilFrames(5))
    peer.writeClose(1000)
    await ctx.wait('end', peer.untilClosed())
  }),

  server('4.2', 'noServer with handleUpgrade', async (ctx) => {
    const wss = new ctx.server.WebSocketServer({ noServer: true })
    ctx.deferServer(wss)
    recordServer(ctx, wss)
    const httpServer = http.createServer()
    ctx.defer(() => httpServer.close())
    httpServer.on('upgrade', (req, socket, head) => {
      const result = wss.handleUpgrade(req, socket, head, (...args: Any[]) => {
        const [ws, request] = args
        ctx.log('callback', args.length, ws.constructor.name, request === req, ws.readyState, wss.clients.has(ws))
        wss.emit('connection', ws, request)
      })
      ctx.log('result', String(result))
    })
    await new Promise<void>((resolve) => httpServer.listen(0, '127.0.0.1', resolve))
    const { port } = httpServer.address() as net.AddressInfo
    await ask(ctx, port)
    await ask(ctx, port, '/', { 'Sec-WebSocket-Version': '1' })
  }),

  server('4.2', 'handleUpgrade twice with one socket throws', async (ctx) => {
    const wss = new ctx.server.WebSocketServer({ noServer: true })
    ctx.deferServer(wss)
    const httpServer = http.createServer()
    ctx.defer(() => httpServer.close())
    httpServer.on('upgrade', (req, socket, head) => {
      wss.handleUpgrade(req, socket, head, (ws: Any) => {
        ctx.attempt('calls', 'again', () => wss.handleUpgrade(req, socket, head, () => ctx.log('calls', 'never')))
        ctx.record(ws, 'ws')
      })
    })
    await new Promise<void>((resolve) => httpServer.listen(0, '127.0.0.1', resolve))
    await ask(ctx, (httpServer.address() as net.AddressInfo).port)
  }),

  server('4.2', 'handleUpgrade with a socket that was destroyed or ended', async (ctx) => {
    for (const how of ['destroy', 'end'] as const) {
      const wss = new ctx.server.WebSocketServer({ noServer: true })
      ctx.deferServer(wss)
      const httpServer = http.createServer()
      ctx.defer(() => httpServer.close())
      httpServer.on('upgrade', (req, socket, head) => {
        socket[how]()
        ctx.attempt(how, 'handleUpgrade', () => wss.handleUpgrade(req, socket, head, () => ctx.log(how, 'never')))
        ctx.log(how, 'destroyed', socket.destroyed)
      })
      await new Promise<void>((resolve) => httpServer.listen(0, '127.0.0.1', resolve))
      const peer = await ctx.rawClient((httpServer.address() as net.AddressInfo).port)
      peer.write(requestOctets())
      await ctx.wait('end', peer.untilClosed())
      ctx.log(how, 'head', peer.head)
    }
  }),

  server('4.2', 'handleUpgrade over any Duplex', async (ctx) => {
    const wss = new ctx.server.WebSocketServer({ noServer: true, perMessageDeflate: true })
    ctx.deferServer(wss)
    let other: Any
    const written: Buffer[] = []
    const duplex: Duplex = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, cb) {
        written.push(chunk)
        other?.()
        cb()
      },
      final(cb) {
        written.push(Buffer.from('<end>'))
        other?.()
        cb()
      }
    })
    const req = Object.assign(new http.IncomingMessage(new net.Socket()), {
      method: 'GET',
      url: '/',
      headers: {
        upgrade: 'websocket',
        connection: 'Upgrade',
        'sec-websocket-key': TEST_WEBSOCKET_KEY,
        'sec-websocket-version': '13'
      }
    })
    const head = Buffer.concat([buildFrame({ payload: 'in the head', key: TEST_KEY }), buildFrame({ opcode: PING, key: TEST_KEY })])
    wss.handleUpgrade(req, duplex, head, (ws: Any) => {
      ctx.record(ws, 'ws')
      ws.on('message', (data: Buffer) => ws.send(data))
      ctx.log('amount', ws.bufferedAmount)
    })
    await ctx.turns()
    duplex.push(
      Buffer.concat([
        buildFrame({ payload: 'later', key: TEST_KEY }),
        buildFrame({ opcode: CLOSE, payload: closePayload(1000), key: TEST_KEY })
      ])
    )
    duplex.push(null)
    await ctx.wait(
      'the end of what is written',
      new Promise<void>((resolve) => {
        other = () => {
          if (written.at(-1)?.toString() === '<end>') resolve()
        }
        other()
      })
    )
    await ctx.turns()
    ctx.log(
      'written',
      Buffer.concat(written)
        .toString('latin1')
        .split('\r\n')
        .map((line) => Buffer.from(line, 'latin1'))
    )
  }),

  server('4.1', 'the WebSocket option names the class of connections', async (ctx) => {
    class Own extends ctx.server.WebSocket {
      constructor(...args: Any[]) {
        super(...(args as [Any]))
        ctx.log('constructor', args.length, args[0] === null, args[1] === undefined, typeof args[2])
      }
      hello(): string {
        return 'hello'
      }
    }
    const { wss, port } = await ctx.listen({ WebSocket: Own })
    recordServer(ctx, wss)
    wss.on('connection', (ws: Any) => ctx.log('own', ws.hello(), ws instanceof Own))
    await ask(ctx, port)
  }),

  server('4.2', 'a subclass of the server overrides methods', async (ctx) => {
    class Own extends ctx.server.WebSocketServer {
      shouldHandle(req: Any): boolean {
        ctx.log('own', 'shouldHandle', req.url)
        return super.shouldHandle(req) as boolean
      }
      handleUpgrade(req: Any, ...rest: Any[]): void {
        ctx.log('own', 'handleUpgrade', rest.length)
        super.handleUpgrade(req, ...rest)
      }
      completeUpgrade(...args: Any[]): void {
        ctx.log('own', 'completeUpgrade', args.length)
        super.completeUpgrade(...args)
      }
    }
    const wss = new (Own as Any)({ port: 0, host: '127.0.0.1' })
    ctx.deferServer(wss)
    await ctx.until(wss, 'listening')
    recordServer(ctx, wss)
    await ask(ctx, wss.address().port)
  }),

  server('4.4', 'an error of the socket during the handshake is not thrown', async (ctx) => {
    const wss = new ctx.server.WebSocketServer({ noServer: true, verifyClient: (_info: Any, cb: Any) => setImmediate(cb, true) })
    ctx.deferServer(wss)
    const httpServer = http.createServer()
    ctx.defer(() => httpServer.close())
    httpServer.on('upgrade', (req, socket, head) => {
      wss.handleUpgrade(req, socket, head, () => ctx.log('calls', 'never'))
      socket.emit('error', new Error('during the handshake'))
      ctx.log('socket', socket.destroyed, socket.listenerCount('error') > 0)
    })
    await new Promise<void>((resolve) => httpServer.listen(0, '127.0.0.1', resolve))
    const peer = await ctx.rawClient((httpServer.address() as net.AddressInfo).port)
    peer.write(requestOctets())
    await ctx.wait('end', peer.untilClosed())
    await ctx.turns()
  }),

  server('4.4', 'the socket is left without a timeout and with the listeners of ws', async (ctx) => {
    const { ws, peer, socket } = await ctx.endpoint('server')
    ctx.log('socket', socket.timeout, ws._socket === socket, socket.listenerCount('timeout'))
    ws.close()
    await ctx.finish(ws, peer)
  }),

  server('4.4', 'an invalid header value from handleProtocols', async (ctx) => {
    const { wss, port } = await ctx.listen({ handleProtocols: () => 'a b; c' })
    recordServer(ctx, wss)
    await ask(ctx, port, '/', { 'Sec-WebSocket-Protocol': 'x' })
  })
]
