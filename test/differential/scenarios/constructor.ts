// The client's constructor: every form of its arguments and every error it throws.

import { describeHeaderLine, describeValue } from '../../support/describe-value.js'
import { additions } from '../differences.js'
import { client, module } from '../harness.js'
import type { Context, Scenario } from '../harness.js'
import type { Any } from '../implementations.js'

const addresses: unknown[] = [
  '',
  'foo',
  'example.com',
  'ws:',
  'ws://',
  'ws://[',
  'ws://example.com:99999',
  'ftp://example.com',
  'file:///etc',
  'ws://example.com#fragment',
  'wss://example.com/path?query#fragment',
  'ws+unix:',
  'ws+unix:#x',
  'wss+unix:/x',
  'javascript:1',
  undefined,
  true,
  5,
  {},
  [],
  Symbol('address')
]

const protocols: unknown[] = [
  [''],
  'with space',
  ['a', 'a'],
  ['a', 'A'],
  ['a,b'],
  [5],
  [null],
  ['a', undefined],
  5,
  null,
  true,
  'é',
  ['@'],
  ['a"b'],
  "!#$%&'*+-.0^_`|~aZ"
]

/** A bare server whose requests are recorded; each is refused, so that a client ends by itself. */
async function refusing(ctx: Context, names: RegExp): Promise<string> {
  const { url } = await ctx.rawServer((peer) => {
    for (const line of peer.head as string[]) if (names.test(line)) ctx.log('request', describeHeaderLine(line))
    peer.socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
  })
  return url
}

export const scenarios: Scenario[] = [
  module('2.1', 'addresses that throw', (ctx) => {
    for (const address of addresses) {
      ctx.attempt('throws', describeValue(address), () => new ctx.subject.WebSocket(address))
    }
    ctx.attempt('throws', 'a URL with another scheme', () => new ctx.subject.WebSocket(new URL('ftp://x')))
    ctx.attempt('throws', 'a URL with a fragment', () => new ctx.subject.WebSocket(new URL('ws://x/#y')))
    ctx.attempt('throws', 'without new', () => ctx.subject.WebSocket('ws://x'))
    ctx.attempt('throws', 'no arguments', () => new ctx.subject.WebSocket())
  }),

  module('2.1', 'protocolVersion other than 8 and 13 throws', (ctx) => {
    for (const protocolVersion of [0, 7, 9, 12, 14, '13', '8', null, NaN]) {
      ctx.attempt(
        'throws',
        describeValue(protocolVersion),
        () => new ctx.subject.WebSocket('ws://127.0.0.1:1', { protocolVersion })
      )
    }
    ctx.attempt('order', 'version before the URL', () => new ctx.subject.WebSocket('nonsense', { protocolVersion: 1 }))
    ctx.attempt('order', 'URL before subprotocols', () => new ctx.subject.WebSocket('nonsense', ['', '']))
  }),

  client('2.1', 'subprotocol offers: which throw, and what stands in the request', async (ctx) => {
    const url = await refusing(ctx, /^sec-websocket-protocol/i)
    for (const one of protocols) {
      let ws: Any
      try {
        ws = new ctx.client.WebSocket(url, one)
      } catch (error) {
        ctx.log('throws', describeValue(one), error)
        continue
      }
      ctx.log('throws', describeValue(one), 'no')
      ws.on('error', () => {})
      await ctx.closed(ws)
    }
  }),

  client('2.1', 'where subprotocols and options may stand', async (ctx) => {
    const url = await refusing(ctx, /^(sec-websocket-protocol|origin)/i)
    const forms: Any[][] = [
      [],
      ['one'],
      [['one', 'two']],
      [[]],
      [undefined, { origin: 'a' }],
      [{ origin: 'b' }],
      [{ origin: 'c', protocols: 'three' }],
      [{ origin: 'd', protocols: ['three', 'four'] }],
      [{ origin: 'e' }, { origin: 'ignored' }],
      [undefined, { origin: 'f', protocols: 'five' }],
      [undefined, { origin: 'f', protocols: ['five', 'six'] }],
      ['positional', { origin: 'g', protocols: 'ignored' }],
      [[], { origin: 'h', protocols: 'ignored' }],
      [['a'], { origin: 'i', protocols: ['ignored'] }],
      [{ protocols: [] }],
      [{ protocols: undefined }],
      [undefined, undefined]
    ]
    for (const args of forms) {
      ctx.log('request', describeValue(args))
      const ws = new ctx.client.WebSocket(url, ...args)
      ctx.log('state', ws.readyState, ws.protocol, ws.extensions, ws.bufferedAmount, ws.url)
      ws.on('error', (error: Error) => ctx.log('errors', error))
      await ctx.closed(ws)
    }
    for (const args of [
      [{ protocols: '' }],
      [{ protocols: null }],
      [{ protocols: ['x', 'x'] }],
      [{ protocols: 5 }],
      [null, { protocols: 'x' }]
    ] as Any[][]) {
      ctx.attempt('throws', describeValue(args), () => {
        const ws = new ctx.client.WebSocket(url, ...args)
        ws.on('error', () => {})
        ws.terminate()
      })
    }
  }),

  client('2.1', 'the url property is the normalised address', async (ctx) => {
    const { port } = await ctx.rawServer((peer) => {
      ctx.log('request', (peer.head as string[])[0])
      peer.socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
    })
    const origin = `127.0.0.1:${port}`
    for (const address of [
      `ws://${origin}`,
      `ws://${origin}/`,
      `ws://${origin}?x=1`,
      `ws://${origin}/a b?c d`,
      `ws://${origin}/%7Efoo/../bar?`,
      `WS://${origin}/Path`,
      `http://${origin}/http`,
      `ws://${origin}/#`,
      `ws://user:pass@${origin}/auth`,
      `ws:${origin}/no-slashes`,
      ` ws://${origin}/spaces `,
      `ws://${origin}/é?ž`
    ]) {
      const ws = new ctx.client.WebSocket(address)
      ctx.log('url', ws.url)
      ws.on('error', () => {})
      await ctx.closed(ws)
    }
    const url = new URL(`http://${origin}/object`)
    const ws = new ctx.client.WebSocket(url)
    ctx.log('url', ws.url, url.href)
    ws.on('error', () => {})
    await ctx.closed(ws)
    const object = { toString: () => `ws://${origin}/from-toString` }
    const other = new ctx.client.WebSocket(object)
    ctx.log('url', other.url)
    other.on('error', () => {})
    await ctx.closed(other)
  }),

  client('2.2', "the user's options are not changed", async (ctx) => {
    const url = await refusing(ctx, /^x-/i)
    const options = Object.freeze({
      headers: Object.freeze({ 'X-One': '1', Upgrade: 'no', 'Sec-WebSocket-Key': 'no' }),
      protocols: Object.freeze(['a']),
      perMessageDeflate: Object.freeze({ threshold: 5 }),
      followRedirects: true,
      host: 'wrong',
      port: 1,
      path: '/wrong'
    })
    const ws = new ctx.client.WebSocket(url, options)
    ws.on('error', (error: Error) => ctx.log('errors', error))
    await ctx.closed(ws)
    ctx.log('options', options)
  }),

  module('2.1', 'a subclass of WebSocket', (ctx) => {
    class Sub extends ctx.subject.WebSocket {
      extra = 5
    }
    const ws = new (Sub as Any)(null, undefined, {})
    ctx.log('subclass', ws instanceof ctx.subject.WebSocket, ws.constructor.name, ws.extra, ws.readyState, (Sub as Any).OPEN)
  }),

  module('4.1', 'a WebSocketServer without exactly one of port, server and noServer throws', (ctx) => {
    const { WebSocketServer } = ctx.subject
    for (const options of [
      undefined,
      null,
      {},
      { port: undefined },
      { port: null },
      { noServer: false },
      { port: 0, noServer: true },
      { port: 0, server: {} },
      { noServer: true, server: {} },
      { server: null },
      { host: '127.0.0.1' }
    ]) {
      ctx.attempt('throws', describeValue(options), () => new WebSocketServer(options))
    }
    ctx.attempt('throws', 'no arguments', () => new WebSocketServer())
    ctx.attempt('throws', 'without new', () => WebSocketServer({ noServer: true }))
    ctx.attempt('throws', 'a port out of range', () => new WebSocketServer({ port: 65536 }))
  }),

  module('4.2', 'a server without a server: its properties and methods', (ctx) => {
    const { WebSocketServer, WebSocket } = ctx.subject
    const wss = new WebSocketServer({ noServer: true })
    const describeOptions = (options: Any): string =>
      Object.keys(options)
        .filter((name) => !additions.includes(name))
        .sort()
        .map((name) => `${name}=${name === 'WebSocket' ? options[name] === WebSocket : describeValue(options[name])}`)
        .join(' ')
    ctx.log('options', describeOptions(wss.options))
    ctx.log(
      'options',
      describeOptions(
        new WebSocketServer({ noServer: true, perMessageDeflate: true, path: '/x', custom: 5, clientTracking: false }).options
      )
    )
    ctx.log(
      'options',
      describeOptions(new WebSocketServer({ noServer: true, maxPayload: undefined, WebSocket: undefined }).options)
    )
    ctx.attempt('methods', 'address', () => wss.address())
    ctx.log('clients', wss.clients, new WebSocketServer({ noServer: true, clientTracking: false }).clients === undefined)
    ctx.log('server', describeValue(wss._server))
    for (const [path, url] of [
      [null, '/'],
      ['/x', '/x'],
      ['/x', '/x?y'],
      ['/x', '/x/'],
      ['/x', '/y'],
      ['/x', '/X'],
      ['/x', '/x#z'],
      ['x', '/x'],
      ['', '/anything'],
      ['/?q', '/?q']
    ]) {
      ctx.log(
        'shouldHandle',
        describeValue(path),
        describeValue(url),
        new WebSocketServer({ noServer: true, path }).shouldHandle({ url })
      )
    }
  })
]
