// The client's opening handshake: the request as octets, and what it makes of every answer.

import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import tls from 'node:tls'
import { describeHeaderLine, describeValue } from '../../support/describe-value.js'
import { acceptOf, RawPeer, responseOctets } from '../../support/raw-peer.js'
import { cert, key as tlsKey } from '../../support/tls.js'
import { alone, client } from '../harness.js'
import type { Context, Scenario } from '../harness.js'
import type { Any } from '../implementations.js'

const forbidden = 'HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 5\r\n\r\nsorry'

/** Records the whole request that a client with these options makes. */
async function request(ctx: Context, suffix: string, protocols: Any, options: Any, user = ''): Promise<void> {
  const { port } = await ctx.rawServer((peer) => {
    for (const line of peer.head as string[]) ctx.log('request', describeHeaderLine(line))
    peer.socket.end(forbidden)
  })
  const ws = ctx.connect(`ws://${user}127.0.0.1:${port}${suffix}`, protocols, options)
  await ctx.closed(ws)
}

const requests: [string, [string, Any, Any, string?]][] = [
  ['defaults', ['/', undefined, undefined]],
  ['a path and a query', ['/path/to?a=b&c=%20d', undefined, undefined]],
  ['version 8 with an origin', ['/', undefined, { protocolVersion: 8, origin: 'http://example.com' }]],
  ['version 13 with an origin', ['/', undefined, { protocolVersion: 13, origin: 'http://example.com' }]],
  ['an empty origin', ['/', undefined, { origin: '' }]],
  ['subprotocols', ['/', ['a', 'b.c', 'd'], undefined]],
  ['no compression', ['/', undefined, { perMessageDeflate: false }]],
  [
    'compression with no context takeover',
    ['/', undefined, { perMessageDeflate: { serverNoContextTakeover: true, clientNoContextTakeover: true } }]
  ],
  ['compression with window bits', ['/', undefined, { perMessageDeflate: { serverMaxWindowBits: 10, clientMaxWindowBits: 9 } }]],
  [
    'compression with window bits true',
    ['/', undefined, { perMessageDeflate: { serverMaxWindowBits: true, clientMaxWindowBits: true } }]
  ],
  ['compression without client window bits', ['/', undefined, { perMessageDeflate: { clientMaxWindowBits: false } }]],
  [
    'compression with everything',
    [
      '/',
      undefined,
      {
        perMessageDeflate: {
          serverNoContextTakeover: true,
          clientNoContextTakeover: true,
          serverMaxWindowBits: 12,
          clientMaxWindowBits: 11
        }
      }
    ]
  ],
  ['headers of the user', ['/', undefined, { headers: { 'X-Custom': 'a', cookie: 'b=c', 'User-Agent': 'agent' } }]],
  ['headers with several values', ['/', undefined, { headers: { 'X-Many': ['a', 'b'], Cookie: ['a=1', 'b=2'] } }]],
  [
    'headers of the user that the handshake overwrites',
    [
      '/',
      'p',
      {
        headers: {
          'Sec-WebSocket-Version': '1',
          'Sec-WebSocket-Key': 'k',
          Connection: 'close',
          Upgrade: 'h2c',
          'Sec-WebSocket-Extensions': 'x',
          'Sec-WebSocket-Protocol': 'y',
          Origin: 'z'
        },
        origin: 'o'
      }
    ]
  ],
  [
    'headers of the user in lower case',
    ['/', undefined, { headers: { 'sec-websocket-version': '1', upgrade: 'h2c', connection: 'close' } }]
  ],
  [
    'headers of the user that stand where none is made',
    [
      '/',
      undefined,
      { perMessageDeflate: false, headers: { 'Sec-WebSocket-Extensions': 'x', 'Sec-WebSocket-Protocol': 'y', Origin: 'z' } }
    ]
  ],
  ['a Host header of the user', ['/', undefined, { headers: { Host: 'example.com' } }]],
  ['user and password in the address', ['/', undefined, undefined, 'user:pass@']],
  ['percent-encoded user and password', ['/', undefined, undefined, 'us%20er:p%40ss%3A@']],
  ['a user alone', ['/', undefined, undefined, 'user@']],
  ['a password alone', ['/', undefined, undefined, ':pass@']],
  ['malformed percent encoding', ['/', undefined, undefined, 'a%zz:b%@']],
  ['the auth option', ['/', undefined, { auth: 'foo:bar' }]],
  ['the auth option and user in the address', ['/', undefined, { auth: 'foo:bar' }, 'user:pass@']],
  ['user in the address and an Authorization header', ['/', undefined, { headers: { Authorization: 'Bearer x' } }, 'user:pass@']],
  ['user in the address with followRedirects', ['/', undefined, { followRedirects: true }, 'user:pass@']],
  ['headers and followRedirects', ['/', undefined, { followRedirects: true, headers: { 'X-Custom': 'a', Cookie: 'c' } }]],
  [
    'an Authorization header, user in the address and followRedirects',
    ['/', undefined, { followRedirects: true, headers: { Authorization: 'Bearer x' } }, 'user:pass@']
  ],
  [
    'options that are overwritten',
    [
      '/real',
      undefined,
      {
        method: 'POST',
        path: '/wrong',
        host: 'wrong',
        hostname: 'wrong',
        port: 1,
        protocol: 'ftp:',
        socketPath: '/nowhere',
        timeout: 1
      }
    ]
  ],
  ['a localAddress', ['/', undefined, { localAddress: '127.0.0.1' }]],
  ['setHost false', ['/', undefined, { setHost: false }]],
  ['defaultPort', ['/', undefined, { defaultPort: 1234 }]]
]

/** Answers and what a client makes of them; `{accept}` stands for the right answer to the key. */
const answers: [string, Record<string, string | null>, Any?, Any?, string?][] = [
  ['a right answer', {}],
  ['no Upgrade header', { Upgrade: null }],
  ['another Upgrade header', { Upgrade: 'foo' }],
  ['Upgrade in other letter case', { Upgrade: 'WebSocket' }],
  ['Upgrade with more values', { Upgrade: 'websocket, h2c' }],
  ['no Connection header', { Connection: null }],
  ['another Connection header', { Connection: 'close, Upgrade' }],
  ['no Sec-WebSocket-Accept header', { 'Sec-WebSocket-Accept': null }],
  ['a wrong Sec-WebSocket-Accept header', { 'Sec-WebSocket-Accept': 'AAAA' }],
  ['a Sec-WebSocket-Accept header of another key', { 'Sec-WebSocket-Accept': acceptOf('other') }],
  ['a subprotocol that was offered', { 'Sec-WebSocket-Protocol': 'b' }, ['a', 'b']],
  ['a subprotocol that was not offered', { 'Sec-WebSocket-Protocol': 'c' }, ['a', 'b']],
  ['a subprotocol in other letter case', { 'Sec-WebSocket-Protocol': 'A' }, ['a', 'b']],
  ['two subprotocols', { 'Sec-WebSocket-Protocol': 'a, b' }, ['a', 'b']],
  ['an empty subprotocol', { 'Sec-WebSocket-Protocol': '' }, ['a', 'b']],
  ['no subprotocol', {}, ['a', 'b']],
  ['a subprotocol where none was offered', { 'Sec-WebSocket-Protocol': 'a' }],
  ['an empty subprotocol where none was offered', { 'Sec-WebSocket-Protocol': '' }],
  [
    'the extension where none was offered',
    { 'Sec-WebSocket-Extensions': 'permessage-deflate' },
    undefined,
    { perMessageDeflate: false }
  ],
  ['an empty extension header where none was offered', { 'Sec-WebSocket-Extensions': '' }, undefined, { perMessageDeflate: false }],
  ['the extension', { 'Sec-WebSocket-Extensions': 'permessage-deflate' }],
  ['an empty extension header', { 'Sec-WebSocket-Extensions': '' }],
  ['an invalid extension header', { 'Sec-WebSocket-Extensions': 'permessage-deflate; ,' }],
  ['another extension', { 'Sec-WebSocket-Extensions': 'foo' }],
  ['two extensions', { 'Sec-WebSocket-Extensions': 'permessage-deflate, foo' }],
  ['the extension twice', { 'Sec-WebSocket-Extensions': 'permessage-deflate, permessage-deflate' }],
  ['the extension in other letter case', { 'Sec-WebSocket-Extensions': 'Permessage-Deflate' }],
  ['the extension with an unknown parameter', { 'Sec-WebSocket-Extensions': 'permessage-deflate; foo' }],
  [
    'the extension with a parameter twice',
    { 'Sec-WebSocket-Extensions': 'permessage-deflate; server_no_context_takeover; server_no_context_takeover' }
  ],
  [
    'the extension with client_max_window_bits without a value',
    { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' }
  ],
  ['the extension with client_max_window_bits', { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits=10' }],
  [
    'the extension with client_max_window_bits quoted',
    { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits="10"' }
  ],
  ['the extension with client_max_window_bits 7', { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits=7' }],
  ['the extension with client_max_window_bits 16', { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits=16' }],
  ['the extension with server_max_window_bits 8', { 'Sec-WebSocket-Extensions': 'permessage-deflate; server_max_window_bits=8' }],
  [
    'the extension with more client_max_window_bits than offered',
    { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits=12' },
    undefined,
    { perMessageDeflate: { clientMaxWindowBits: 10 } }
  ],
  [
    'the extension with client_no_context_takeover that was refused',
    { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_no_context_takeover' },
    undefined,
    { perMessageDeflate: { clientNoContextTakeover: false } }
  ],
  [
    'the extension with a value for a parameter that takes none',
    { 'Sec-WebSocket-Extensions': 'permessage-deflate; server_no_context_takeover=1' }
  ],
  ['a status line without a reason', {}, undefined, undefined, 'HTTP/1.1 101 '],
  ['HTTP/1.0', {}, undefined, undefined, 'HTTP/1.0 101 Switching Protocols']
]

const refusals: [string, string][] = [
  ['200', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'],
  ['301 with a Location', 'HTTP/1.1 301 Moved\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n'],
  ['400', 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'],
  ['401', 'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n'],
  ['403 with a body', forbidden],
  ['426', 'HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n'],
  ['500 without a reason', 'HTTP/1.1 500 \r\nContent-Length: 0\r\n\r\n'],
  ['503 without the end of the body', 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 100\r\n\r\nstart'],
  ['no HTTP', 'hello\r\n\r\n'],
  ['a header that is too large', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(20000)}\r\n\r\n`],
  ['an invalid header', 'HTTP/1.1 101 Switching Protocols\r\nBad Header: x\r\nfoo\r\n\r\n'],
  ['100 Continue, then 403', `HTTP/1.1 100 Continue\r\n\r\n${forbidden}`],
  ['103 Early Hints, then 403', `HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${forbidden}`],
  ['the end of the stream', '']
]

export const scenarios: Scenario[] = [
  ...requests.map(([name, args]) => client('2.2', `request: ${name}`, (ctx) => request(ctx, ...args))),

  ...answers.map(([name, headers, protocols, options, statusLine]) =>
    client('2.6', `answer: ${name}`, async (ctx) => {
      let ended: Promise<void> = Promise.resolve()
      const { url } = await ctx.rawServer((peer, key) => {
        ctx.recordPeer(peer)
        ended = peer.untilClosed()
        peer.write(responseOctets(key, headers, statusLine))
      })
      const ws = ctx.connect(url, protocols, options)
      const opened = new Promise<void>((resolve) => ws.on('open', resolve))
      await Promise.race([opened, ctx.closed(ws)])
      ctx.log('state', ws.readyState, ws.protocol, ws.extensions)
      if (ws.readyState === 1) ws.close(1000)
      await ctx.closed(ws)
      await ctx.wait('end', ended)
    })
  ),

  ...refusals.flatMap(([name, octets]) => [
    client('2.6', `refusal: ${name}`, async (ctx) => {
      const { url } = await ctx.rawServer((peer) => peer.socket.end(octets))
      const ws = ctx.connect(url)
      await ctx.closed(ws)
      ctx.log('state', ws.readyState, ws._socket === null)
    }),
    client('2.5', `refusal with a listener: ${name}`, async (ctx) => {
      const { url } = await ctx.rawServer((peer) => peer.socket.end(octets))
      const ws = ctx.connect(url)
      ws.on('unexpected-response', (req: Any, res: Any) => {
        ctx.log(
          'response',
          req.constructor.name,
          res.constructor.name,
          res.statusCode,
          res.statusMessage,
          req === ws._req,
          ws.readyState
        )
        res.on('data', (chunk: Buffer) => ctx.log('body', chunk))
        res.on('error', () => {})
        res.on('close', () => {
          ctx.log('response', 'closed', ws.readyState)
          ws.terminate()
        })
      })
      await ctx.closed(ws)
    })
  ]),

  client('2.5', 'an unexpected-response listener that destroys the request', async (ctx) => {
    const { url } = await ctx.rawServer((peer) => peer.write(Buffer.from(forbidden)))
    const ws = ctx.connect(url)
    ws.on('unexpected-response', (req: Any) => req.destroy(new Error('by the user')))
    await ctx.closed(ws)
    ctx.log('state', ws.readyState)
    ws.terminate()
    await ctx.closed(ws)
  }),

  client('2.5', 'an unexpected-response listener that closes the WebSocket', async (ctx) => {
    for (const method of ['close', 'terminate']) {
      const { url } = await ctx.rawServer((peer) => peer.write(Buffer.from(forbidden)))
      const ws = ctx.connect(url, undefined, {}, method)
      ws.on('unexpected-response', () => ws[method]())
      await ctx.closed(ws)
    }
  }),

  client('2.6', 'connection refused', async (ctx) => {
    const unused = net.createServer()
    await new Promise<void>((resolve) => unused.listen(0, '127.0.0.1', resolve))
    const { port } = unused.address() as net.AddressInfo
    await new Promise((resolve) => unused.close(resolve))
    const ws = ctx.connect(`ws://127.0.0.1:${port}`)
    ws.addEventListener('error', (event: Any) => ctx.log('DOM', event.type, event.message, event.error === undefined))
    await ctx.closed(ws)
    ctx.log('state', ws.readyState)
  }),

  client('2.6', 'an invalid port and a host that cannot be found', async (ctx) => {
    const lookup = (_host: string, _options: unknown, cb: (error: Error) => void): void => {
      process.nextTick(cb, Object.assign(new Error('getaddrinfo ENOTFOUND nowhere.invalid'), { code: 'ENOTFOUND' }))
    }
    const ws = ctx.connect('ws://nowhere.invalid/', undefined, { lookup })
    await ctx.closed(ws)
  }),

  client('2.2', 'handshakeTimeout', async (ctx) => {
    const { url } = await ctx.rawServer(() => {})
    const ws = ctx.connect(url, undefined, { handshakeTimeout: 20 })
    await ctx.closed(ws)
    ctx.log('state', ws.readyState)
  }),

  client('2.2', 'handshakeTimeout does not hold after the handshake', async (ctx) => {
    const { ws, peer } = await ctx.endpoint('client', { handshakeTimeout: 700 })
    await new Promise((resolve) => setTimeout(resolve, 1000))
    ctx.log('state', ws.readyState, ws._socket.timeout)
    ws.close()
    await ctx.finish(ws, peer)
  }),

  client('2.2', 'finishRequest gets the request and must end it', async (ctx) => {
    const { url } = await ctx.rawServer((peer, key) => {
      for (const line of peer.head as string[]) if (/^(GET|x-)/i.test(line)) ctx.log('request', line)
      peer.write(responseOctets(key))
    })
    const ws = ctx.connect(url, undefined, {
      finishRequest: (req: Any, socket: Any) => {
        ctx.log('finishRequest', req.constructor.name, socket.readyState, req.headersSent, req.path, req.getHeader('upgrade'))
        setImmediate(() => {
          req.setHeader('X-Late', 'yes')
          req.end()
        })
      }
    })
    ctx.log('finishRequest', 'constructed')
    await ctx.until(ws, 'open')
    ws.terminate()
    await ctx.closed(ws)
  }),

  client('2.2', 'close() before finishRequest has ended the request', async (ctx) => {
    const { url } = await ctx.rawServer(() => {})
    const ws = ctx.connect(url, undefined, { finishRequest: () => {} })
    ws.close()
    await ctx.closed(ws)
  }),

  client('2.2', 'createConnection makes the socket', async (ctx) => {
    const { port } = await ctx.rawServer((peer, key) => {
      ctx.log('request', describeHeaderLine((peer.head as string[])[1]))
      peer.write(responseOctets(key))
    })
    let made: net.Socket | undefined
    const ws = ctx.connect(`ws://example.com:1234/path`, undefined, {
      createConnection: (options: Any) => {
        ctx.log(
          'options',
          options.host,
          options.port,
          options.path,
          options.method,
          options.headers.Upgrade,
          describeValue(options.socketPath)
        )
        made = net.connect({ host: '127.0.0.1', port })
        return made
      }
    })
    await ctx.until(ws, 'open')
    ctx.log('socket', ws._socket === made, ws.url)
    ws.terminate()
    await ctx.closed(ws)
  }),

  client('2.2', 'createConnection that returns a Duplex or calls back', async (ctx) => {
    const { port } = await ctx.rawServer((peer, key) => peer.write(responseOctets(key), peer.text('hello')))
    const ws = ctx.connect('ws://example.com/', undefined, {
      createConnection: (_options: Any, cb: Any) => {
        const socket = net.connect({ host: '127.0.0.1', port })
        socket.once('connect', () => cb(null, socket))
      }
    })
    await ctx.until(ws, 'message')
    ws.terminate()
    await ctx.closed(ws)
    const failing = ctx.connect('ws://example.com/', undefined, {
      createConnection: (_options: Any, cb: Any) => void process.nextTick(cb, new Error('no connection'))
    })
    await ctx.closed(failing)
  }),

  client('2.2', 'an agent makes the socket', async (ctx) => {
    const { port } = await ctx.rawServer((peer, key) => peer.write(responseOctets(key)))
    const agent = new http.Agent() as Any
    const original = agent.createConnection
    agent.createConnection = function (options: Any, cb: Any) {
      ctx.log('agent', options.host, options.path)
      return original.call(this, options, cb)
    }
    const ws = ctx.connect(`ws://127.0.0.1:${port}/x`, undefined, { agent })
    await ctx.until(ws, 'open')
    ws.terminate()
    await ctx.closed(ws)
    agent.destroy()
  }),

  client('2.2', 'an agent of the wrong protocol throws', (ctx) => {
    ctx.attempt('throws', 'https agent for ws:', () => new ctx.client.WebSocket('ws://127.0.0.1:1', { agent: new https.Agent() }))
    ctx.attempt(
      'throws',
      'invalid header value',
      () => new ctx.client.WebSocket('ws://127.0.0.1:1', { headers: { 'X-Bad': 'a\nb' } })
    )
    ctx.attempt('throws', 'invalid header name', () => new ctx.client.WebSocket('ws://127.0.0.1:1', { headers: { 'X Bad': 'a' } }))
    ctx.attempt('throws', 'invalid origin', () => new ctx.client.WebSocket('ws://127.0.0.1:1', { origin: 'a\r\nb' }))
    ctx.attempt('throws', 'bad agent', () => new ctx.client.WebSocket('ws://127.0.0.1:1', { agent: 5 }))
  }),

  client('2.5', 'what the upgrade response gives', async (ctx) => {
    const { ws, peer } = await ctx.endpoint(
      'client',
      {},
      { headers: { 'Set-Cookie': 'a=b', 'X-Y': 'z' }, events: ['open', 'close'] }
    )
    ctx.log('listeners', ws._socket.listenerCount('error') > 0)
    ws.close()
    await ctx.finish(ws, peer)
  }),

  client('2.1', 'wss: with a certificate that is trusted, and one that is not', async (ctx) => {
    const server = tls.createServer({ key: tlsKey, cert }, (socket) => {
      const peer = new RawPeer(socket, 'server')
      peer.once('head', () => {
        ctx.log('request', describeHeaderLine((peer.head as string[])[1]), String(socket.servername))
        peer.write(responseOctets(peer.header('sec-websocket-key') as string), peer.text('over TLS'))
      })
    })
    server.on('tlsClientError', () => {})
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    ctx.defer(() => server.close())
    const { port } = server.address() as net.AddressInfo
    for (const [address, options] of [
      [`wss://127.0.0.1:${port}`, { ca: cert }],
      [`https://127.0.0.1:${port}`, { ca: cert }],
      [`wss://localhost:${port}`, { ca: cert, lookup: localLookup }],
      [`wss://localhost:${port}`, { ca: cert, lookup: localLookup, servername: 'other.localhost' }],
      [`wss://127.0.0.1:${port}`, { rejectUnauthorized: false }]
    ] as [string, Any][]) {
      const ws = ctx.connect(address, undefined, options)
      await ctx.until(ws, 'message')
      ctx.log('socket', ws.url.slice(0, 6), ws._socket.encrypted, ws._socket.authorized)
      ws.send('x'.repeat(70000))
      ws.terminate()
      await ctx.closed(ws)
    }
    const ws = ctx.connect(`wss://127.0.0.1:${port}`)
    await ctx.closed(ws)
  }),

  client('2.1', 'ws+unix: addresses', async (ctx) => {
    const file = path.join(os.tmpdir(), `hybi-${process.pid}-${Math.random().toString(36).slice(2)}.sock`)
    await ctx.rawServer(
      (peer, key) => {
        for (const line of (peer.head as string[]).slice(0, 2)) ctx.log('request', line)
        peer.write(responseOctets(key), peer.text('over IPC'))
      },
      { path: file }
    )
    for (const suffix of ['', ':/path', ':/path?a=b', ':/path:with:colons?x:y', ':', ':relative']) {
      ctx.log('request', suffix)
      const ws = ctx.connect(`ws+unix:${file}${suffix}`)
      ctx.log('url', ws.url.replace(file, '<file>'))
      await ctx.until(ws, 'message')
      ws.terminate()
      await ctx.closed(ws)
    }
    const missing = ctx.connect('ws+unix:/tmp/hybi-not-there.sock:/')
    await ctx.closed(missing)
  }),

  client('2.1', 'an IPv6 address', async (ctx) => {
    const probe = net.createServer()
    const available = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false))
      probe.listen(0, '::1', () => probe.close(() => resolve(true)))
    })
    ctx.log('IPv6', 'asked')
    if (!available) return
    const { port } = await ctx.rawServer(
      (peer, key) => {
        ctx.log('request', describeHeaderLine((peer.head as string[])[1]))
        peer.write(responseOctets(key))
      },
      { host: '::1' }
    )
    const ws = ctx.connect(`ws://[::1]:${port}`)
    await ctx.until(ws, 'open')
    ctx.log('url', ws.url)
    ws.terminate()
    await ctx.closed(ws)
  }),

  client('2.6', 'the socket is left without a timeout and with no delay', async (ctx) => {
    const { ws, peer, socket } = await ctx.endpoint('client', { handshakeTimeout: 5000 })
    ctx.log('socket', socket.timeout, ws._socket === socket)
    ws.close()
    await ctx.finish(ws, peer)
  }),

  alone(
    client('2.2', 'handshakes at the same time each have a key of their own', async (ctx) => {
      const keys = new Set<string>()
      const { url } = await ctx.rawServer((peer, key) => {
        keys.add(key)
        peer.socket.end(forbidden)
      })
      const all = Array.from({ length: 20 }, () => ctx.connect(url, undefined, {}, ''))
      for (const ws of all) ws.on('error', () => {})
      await Promise.all(all.map((ws) => ctx.closed(ws)))
      ctx.log(
        'keys',
        keys.size,
        [...keys].every((key) => Buffer.from(key, 'base64').length === 16)
      )
    })
  )
]

function localLookup(_host: string, options: Any, cb: Any): void {
  if (options.all) cb(null, [{ address: '127.0.0.1', family: 4 }])
  else cb(null, '127.0.0.1', 4)
}
