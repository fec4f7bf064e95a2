// Redirects of the opening handshake: following, limits, which headers survive.

import https from 'node:https'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import tls from 'node:tls'
import { describeHeaderLine } from '../../support/describe-value.js'
import { acceptOf, responseOctets } from '../../support/raw-peer.js'
import { cert, key as tlsKey } from '../../support/tls.js'
import { client } from '../harness.js'
import type { Context, Scenario } from '../harness.js'
import type { Any } from '../implementations.js'

const redirect = (location: string, status = 302): string =>
  `HTTP/1.1 ${status} Found\r\nLocation: ${location}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`

const personal = {
  headers: { Authorization: 'Basic secret', Cookie: 'c=d', Host: 'custom.example', 'X-Other': 'kept' },
  followRedirects: true
}

/** A server that lets a client in and records what of its request a redirect may have changed. */
async function target(ctx: Context, label: string, options: Any = {}): Promise<{ port: number; url: string }> {
  return ctx.rawServer((peer, key) => {
    for (const line of peer.head as string[]) {
      if (/^(GET|host|authorization|cookie|x-|origin|sec-websocket-(protocol|version))/i.test(line))
        ctx.log(label, describeHeaderLine(line))
    }
    peer.write(
      responseOctets(
        key,
        /^sec-websocket-protocol/im.test((peer.head as string[]).join('\n')) ? { 'Sec-WebSocket-Protocol': 'p' } : {}
      )
    )
  }, options)
}

/** Redirects once to `location`. */
async function redirecting(ctx: Context, location: string, status?: number): Promise<{ port: number; url: string }> {
  return ctx.rawServer((peer) => {
    for (const line of peer.head as string[])
      if (/^(GET|authorization|cookie|x-)/i.test(line)) ctx.log('first request', describeHeaderLine(line))
    peer.socket.end(redirect(location, status))
  })
}

async function outcome(ctx: Context, ws: Any): Promise<void> {
  await Promise.race([new Promise<void>((resolve) => ws.on('open', resolve)), ctx.closed(ws)])
  ctx.log('state', ws.readyState, ws._redirects, ws.url ?? 'no url')
  ws.terminate()
  await ctx.closed(ws)
}

export const scenarios: Scenario[] = [
  ...[300, 301, 302, 303, 304, 305, 307, 308, 399].map((status) =>
    client('2.2', `status ${status} with a Location is followed`, async (ctx) => {
      const { url } = await target(ctx, 'second request')
      const first = await redirecting(ctx, `${url}/there?x=y`, status)
      await outcome(ctx, ctx.connect(`${first.url}/here`, 'p', { followRedirects: true }))
    })
  ),

  client('2.2', 'a redirect is an unexpected response unless followRedirects is set', async (ctx) => {
    for (const options of [{}, { followRedirects: false }]) {
      const first = await redirecting(ctx, 'ws://127.0.0.1:1/')
      await outcome(ctx, ctx.connect(first.url, undefined, options))
    }
  }),

  client('2.2', 'a redirect without a Location and one of status 200 with it', async (ctx) => {
    for (const answer of [
      'HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.1 200 OK\r\nLocation: ws://127.0.0.1:1\r\nContent-Length: 0\r\n\r\n'
    ]) {
      const { url } = await ctx.rawServer((peer) => peer.socket.end(answer))
      await outcome(ctx, ctx.connect(url, undefined, { followRedirects: true }))
    }
  }),

  ...[
    ['a relative path', '/other?q'],
    ['a relative path without a slash', 'other'],
    ['a query alone', '?q=1']
  ].map(([name, location]) =>
    client('2.2', `a redirect to ${name}`, async (ctx) => {
      let count = 0
      const { url } = await ctx.rawServer((peer, key) => {
        ctx.log(
          'requests',
          (peer.head as string[])[0],
          String(peer.header('authorization')),
          String(peer.header('cookie')),
          String(peer.header('host'))
        )
        if (count++ === 0) peer.socket.end(redirect(location))
        else peer.write(responseOctets(key))
      })
      await outcome(ctx, ctx.connect(`${url}/dir/file?p`, undefined, personal))
    })
  ),

  ...[
    ['an http: address', (url: string) => url.replace('ws:', 'http:')],
    ['an invalid address', () => 'http://[invalid'],
    ['another scheme', () => 'ftp://127.0.0.1/'],
    ['a fragment', (url: string) => `${url}/#fragment`],
    ['no scheme', (url: string) => url.replace('ws:', '')],
    ['a ws+unix: address without a path', () => 'ws+unix:'],
    ['user and password', (url: string) => url.replace('ws://', 'ws://other:word@')]
  ].map(([name, change]) =>
    client('2.2', `a redirect to ${name as string}`, async (ctx) => {
      const { url } = await target(ctx, 'second request')
      const first = await redirecting(ctx, (change as (url: string) => string)(url))
      await outcome(ctx, ctx.connect(first.url, undefined, { followRedirects: true }))
    })
  ),

  client('2.2', 'maxRedirects', async (ctx) => {
    for (const options of [{ maxRedirects: 1 }, { maxRedirects: 0 }, { maxRedirects: 3 }, {}]) {
      let count = 0
      const { url } = await ctx.rawServer((peer) => {
        count++
        peer.socket.end(redirect(`/${count}`))
      })
      await outcome(ctx, ctx.connect(url, undefined, { followRedirects: true, ...options }))
      ctx.log('count', count)
    }
  }),

  client('2.2', 'headers to the same host are kept', async (ctx) => {
    let count = 0
    const { url } = await ctx.rawServer((peer, key) => {
      for (const line of peer.head as string[])
        if (/^(GET|host|authorization|cookie|x-)/i.test(line)) ctx.log('requests', describeHeaderLine(line))
      if (count++ === 0) peer.socket.end(redirect('/again'))
      else peer.write(responseOctets(key))
    })
    await outcome(ctx, ctx.connect(url, undefined, personal))
  }),

  client('2.2', 'headers to another host are dropped', async (ctx) => {
    const { url } = await target(ctx, 'second request')
    const first = await redirecting(ctx, url)
    await outcome(ctx, ctx.connect(first.url, undefined, personal))
  }),

  client('2.2', 'user and password of the address are dropped for another host', async (ctx) => {
    const { url } = await target(ctx, 'second request')
    const first = await redirecting(ctx, url)
    await outcome(ctx, ctx.connect(first.url.replace('ws://', 'ws://user:pass@'), undefined, { followRedirects: true }))
    await outcome(ctx, ctx.connect(first.url, undefined, { followRedirects: true, auth: 'user:pass' }))
  }),

  client('2.2', 'user and password of the address are kept for the same host', async (ctx) => {
    let count = 0
    const { url } = await ctx.rawServer((peer, key) => {
      ctx.log('requests', String(peer.header('authorization')))
      if (count++ % 2 === 0) peer.socket.end(redirect('/again'))
      else peer.write(responseOctets(key))
    })
    await outcome(ctx, ctx.connect(url.replace('ws://', 'ws://user:pass@'), undefined, { followRedirects: true }))
    await outcome(ctx, ctx.connect(url, undefined, { followRedirects: true, auth: 'user:pass' }))
  }),

  client('2.2', 'headers dropped on a detour do not come back', async (ctx) => {
    let back = ''
    let count = 0
    const first = await ctx.rawServer((peer, key) => {
      ctx.log('requests', (peer.head as string[])[0], String(peer.header('authorization')), String(peer.header('cookie')))
      if (count++ === 0) peer.socket.end(redirect(back))
      else peer.write(responseOctets(key))
    })
    const second = await redirecting(ctx, `${first.url}/back`)
    back = second.url
    await outcome(ctx, ctx.connect(first.url, undefined, personal))
  }),

  client('2.5', "with a 'redirect' listener nothing is dropped", async (ctx) => {
    const { url } = await target(ctx, 'second request')
    const first = await redirecting(ctx, url)
    const ws = ctx.connect(first.url, undefined, personal)
    ws.on('redirect', (...args: Any[]) => {
      const [address, req] = args
      ctx.log(
        'redirect',
        args.length,
        address,
        req.constructor.name,
        String(req.getHeader('authorization')),
        String(req.getHeader('cookie')),
        ws.url,
        req === ws._req,
        ws.readyState
      )
    })
    await outcome(ctx, ws)
  }),

  client('2.5', "a 'redirect' listener may remove headers", async (ctx) => {
    const { url } = await target(ctx, 'second request')
    const first = await redirecting(ctx, url)
    const ws = ctx.connect(first.url, undefined, personal)
    ws.on('redirect', (_address: string, req: Any) => req.removeHeader('authorization'))
    await outcome(ctx, ws)
  }),

  client('2.5', "close(), terminate() and req.destroy() in a 'redirect' listener", async (ctx) => {
    for (const how of ['close', 'terminate', 'destroy']) {
      const { url } = await target(ctx, 'second request')
      const first = await redirecting(ctx, url)
      const ws = ctx.connect(first.url, undefined, personal, how)
      ws.on('redirect', (_address: string, req: Any) => {
        if (how === 'destroy') req.destroy(new Error('by the user'))
        else ws[how]()
      })
      await ctx.closed(ws)
      ctx.log(how, 'state', ws.readyState)
    }
  }),

  client('2.2', 'finishRequest is called for each request', async (ctx) => {
    const { url } = await target(ctx, 'second request')
    const first = await redirecting(ctx, `${url}/second`)
    const ws = ctx.connect(`${first.url}/first`, undefined, {
      followRedirects: true,
      finishRequest: (req: Any, socket: Any) => {
        ctx.log('finishRequest', req.path, socket.readyState)
        req.end()
      }
    })
    await outcome(ctx, ws)
  }),

  client('2.2', 'handshakeTimeout holds for the request after a redirect', async (ctx) => {
    const { url } = await ctx.rawServer(() => {})
    const first = await redirecting(ctx, url)
    await outcome(ctx, ctx.connect(first.url, undefined, { followRedirects: true, handshakeTimeout: 500 }))
  }),

  client('2.2', 'a redirect from a secure address to an insecure one', async (ctx) => {
    for (const listener of [false, true]) {
      const { url } = await target(ctx, listener ? 'second request, listened to' : 'second request')
      const first = https.createServer({ key: tlsKey, cert })
      first.on('upgrade', (_req, socket) => socket.end(redirect(url)))
      await new Promise<void>((resolve) => first.listen(0, '127.0.0.1', resolve))
      ctx.defer(() => first.close())
      const { port } = first.address() as net.AddressInfo
      const ws = ctx.connect(`wss://127.0.0.1:${port}`, undefined, { ...personal, ca: cert })
      if (listener) ws.on('redirect', () => {})
      await outcome(ctx, ws)
    }
  }),

  client('2.2', 'a redirect from an insecure address to a secure one of the same host name', async (ctx) => {
    const second = https.createServer({ key: tlsKey, cert })
    second.on('upgrade', (req, socket) => {
      ctx.log('second request', String(req.headers.authorization), String(req.headers.cookie), String(req.headers['x-other']))
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(String(req.headers['sec-websocket-key']))}\r\n\r\n`
      )
      socket.on('error', () => {})
    })
    await new Promise<void>((resolve) => second.listen(0, '127.0.0.1', resolve))
    ctx.defer(() => second.close())
    const { port } = second.address() as net.AddressInfo
    const first = await redirecting(ctx, `wss://127.0.0.1:${port}/secure`)
    await outcome(ctx, ctx.connect(first.url, undefined, { ...personal, ca: cert }))
  }),

  client('2.2', 'a redirect from a secure address to the same host without security', async (ctx) => {
    const secure = https.createServer({ key: tlsKey, cert })
    secure.on('upgrade', (req, socket) => {
      ctx.log('first request', String(req.headers.authorization), String(req.headers.host))
      socket.end(redirect('ws://example.test/insecure'))
    })
    await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve))
    ctx.defer(() => secure.close())
    const insecure = await target(ctx, 'second request')
    let count = 0
    const createConnection = (options: Any): net.Socket => {
      ctx.log('connections', options.host, options.port)
      if (count++ > 0) return net.connect({ port: insecure.port, host: '127.0.0.1' })
      return tls.connect({ port: (secure.address() as net.AddressInfo).port, host: '127.0.0.1', ca: cert })
    }
    await outcome(ctx, ctx.connect('wss://example.test/', undefined, { ...personal, createConnection }))
  }),

  client('2.2', 'redirects to and from ws+unix: addresses', async (ctx) => {
    const file = path.join(os.tmpdir(), `hybi-${process.pid}-${Math.random().toString(36).slice(2)}.sock`)
    const other = `${file.slice(0, -5)}-other.sock`
    const { url } = await target(ctx, 'over TCP')
    await target(ctx, 'over IPC', { path: other })
    const answers = [redirect(`ws+unix:${other}:/x`), redirect(url), redirect('/same-path')]
    await ctx.rawServer((peer) => peer.socket.end(answers.shift() ?? redirect('ws+unix:')), { path: file })
    for (let i = 0; i < 3; i++) {
      const ws = ctx.connect(`ws+unix:${file}:/start`, undefined, { ...personal, maxRedirects: 1 })
      await Promise.race([new Promise<void>((resolve) => ws.on('open', resolve)), ctx.closed(ws)])
      ctx.log('state', ws.readyState)
      ws.terminate()
      await ctx.closed(ws)
    }
    const first = await redirecting(ctx, `ws+unix:${other}:/from-tcp`)
    const ws = ctx.connect(first.url, undefined, personal)
    await Promise.race([new Promise<void>((resolve) => ws.on('open', resolve)), ctx.closed(ws)])
    ctx.log('state', ws.readyState)
    ws.terminate()
    await ctx.closed(ws)
  })
]
