// The server's life: listening, address(), clients, close() in every situation, errors.

import http from 'node:http'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { describeHeaderLine } from '../../support/describe-value.js'
import { requestOctets } from '../../support/raw-peer.js'
import { both, server } from '../harness.js'
import type { Context, Scenario } from '../harness.js'
import type { Any } from '../implementations.js'

function recordLife(ctx: Context, wss: Any): void {
  for (const name of ['listening', 'close', 'error']) wss.on(name, (...args: unknown[]) => ctx.log('life', name, args))
}

export const scenarios: Scenario[] = [
  server('4.1', 'the callback is a listening listener', async (ctx) => {
    await new Promise<void>((resolve) => {
      const wss = new ctx.server.WebSocketServer({ port: 0, host: '127.0.0.1' }, function (this: Any, ...args: unknown[]) {
        ctx.log('callback', args, this?.constructor?.name)
        resolve()
      })
      recordLife(ctx, wss)
      ctx.deferServer(wss)
    })
    await ctx.turns()
  }),

  server('4.1', 'the callback is not called with a server of the user or without one', async (ctx) => {
    const httpServer = http.createServer()
    ctx.defer(() => httpServer.close())
    const external = new ctx.server.WebSocketServer({ server: httpServer }, () => ctx.log('callback', 'external'))
    const none = new ctx.server.WebSocketServer({ noServer: true }, () => ctx.log('callback', 'noServer'))
    recordLife(ctx, external)
    httpServer.listen(0, '127.0.0.1')
    await ctx.until(external, 'listening')
    await ctx.turns()
    ctx.log('callback', typeof none)
  }),

  server('4.2', 'address() in every situation', async (ctx) => {
    const wss = new ctx.server.WebSocketServer({ port: 0, host: '127.0.0.1' })
    ctx.deferServer(wss)
    await ctx.until(wss, 'listening')
    const address = wss.address()
    ctx.log('address', address.family, address.address, typeof address.port)
    wss.close()
    ctx.attempt('address', 'closing', () => wss.address())
    await ctx.until(wss, 'close')
    ctx.attempt('address', 'closed', () => wss.address())
    const none = new ctx.server.WebSocketServer({ noServer: true })
    ctx.attempt('address', 'noServer', () => none.address())
    none.close()
    await ctx.until(none, 'close')
    ctx.attempt('address', 'noServer closed', () => none.address())
    const file = path.join(os.tmpdir(), `hybi-${process.pid}-${Math.random().toString(36).slice(2)}.sock`)
    const httpServer = http.createServer()
    ctx.defer(() => httpServer.close())
    const external = new ctx.server.WebSocketServer({ server: httpServer })
    httpServer.listen(file)
    await ctx.until(external, 'listening')
    ctx.attempt('address', 'IPC', () => external.address())
  }),

  server('4.3', 'a port in use is an error event', async (ctx) => {
    const { port } = await ctx.listen()
    const wss = new ctx.server.WebSocketServer({ port, host: '127.0.0.1' })
    recordLife(ctx, wss)
    await ctx.until(wss, 'error')
    await new Promise<void>((resolve) => {
      wss.close((...args: unknown[]) => {
        ctx.log('callback', args)
        resolve()
      })
    })
    await ctx.turns()
  }),

  server('4.2', 'close() of an own server without clients', async (ctx) => {
    const { wss } = await ctx.listen()
    recordLife(ctx, wss)
    ctx.attempt('calls', 'close', () => wss.close(ctx.callback('life', 'callback')))
    ctx.log('life', 'returned', wss._server)
    ctx.attempt('calls', 'close while closing', () => wss.close(ctx.callback('life', 'second callback')))
    await ctx.until(wss, 'close')
    const again = ctx.until(wss, 'close')
    ctx.attempt('calls', 'close when closed', () => wss.close(ctx.callback('life', 'third callback')))
    await again
    const last = ctx.until(wss, 'close')
    ctx.attempt('calls', 'close without callback', () => wss.close())
    await last
    await ctx.turns()
  }),

  server('4.2', 'close() of an own server waits for its clients', async (ctx) => {
    const { wss, port } = await ctx.listen()
    recordLife(ctx, wss)
    const connection = ctx.until(wss, 'connection')
    const peer = await ctx.ask(port)
    const [ws] = await connection
    ctx.record(ws, 'life')
    wss.close(ctx.callback('life', 'callback'))
    await ctx.turns()
    ctx.log('life', 'still open', ws.readyState, wss.clients.size)
    ws.send('still works')
    await ctx.wait('frame', peer.untilFrames(1))
    const closed = ctx.until(wss, 'close')
    ws.close()
    await closed
    ctx.log('clients', wss.clients.size)
    const refused = await new Promise((resolve) => net.connect(port, '127.0.0.1').on('error', (error: Any) => resolve(error.code)))
    ctx.log('connecting', refused)
  }),

  server('4.2', 'close() with a server of the user waits for clients', async (ctx) => {
    const httpServer = http.createServer((_req, res) => res.end('plain'))
    const wss = new ctx.server.WebSocketServer({ server: httpServer })
    recordLife(ctx, wss)
    httpServer.listen(0, '127.0.0.1')
    ctx.defer(() => httpServer.close())
    await ctx.until(wss, 'listening')
    const { port } = httpServer.address() as net.AddressInfo
    const connection = ctx.until(wss, 'connection')
    await ctx.ask(port)
    const [ws] = await connection
    wss.close(ctx.callback('life', 'callback'))
    await ctx.turns()
    ctx.log('life', 'not yet')
    const second = await ctx.rawClient(port)
    second.write(requestOctets())
    await ctx.wait('answer or end', Promise.race([second.untilHead(), second.untilEnded()]))
    // It may come a second later than that of ws
    ctx.log('second', (second.head ?? []).map(describeHeaderLine))
    const closed = ctx.until(wss, 'close')
    ws.terminate()
    await closed
    ctx.log('life', 'listening', httpServer.listening)
  }),

  ...[{ noServer: true }, { noServer: true, clientTracking: false }].map((options) =>
    server('4.2', `close() with ${JSON.stringify(options)}`, async (ctx) => {
      const wss = new ctx.server.WebSocketServer(options)
      recordLife(ctx, wss)
      wss.close(ctx.callback('life', 'callback'))
      process.nextTick(() => ctx.log('life', 'tick'))
      setImmediate(() => ctx.log('life', 'immediate'))
      await ctx.turns()
    })
  ),

  server('4.2', 'close() of a server without tracking does not wait', async (ctx) => {
    const httpServer = http.createServer()
    ctx.defer(() => httpServer.close())
    const wss = new ctx.server.WebSocketServer({ server: httpServer, clientTracking: false })
    recordLife(ctx, wss)
    httpServer.listen(0, '127.0.0.1')
    await ctx.until(wss, 'listening')
    const connection = ctx.until(wss, 'connection')
    await ctx.ask((httpServer.address() as net.AddressInfo).port)
    const [ws] = await connection
    ctx.defer(() => ws.terminate())
    ctx.log('clients', wss.clients)
    wss.close(ctx.callback('life', 'callback'))
    await ctx.turns()
    ctx.log('state', ws.readyState)
  }),

  server('4.4', 'handleUpgrade while the server closes is answered with 503', async (ctx) => {
    const wss = new ctx.server.WebSocketServer({ noServer: true })
    recordLife(ctx, wss)
    const httpServer = http.createServer()
    ctx.defer(() => httpServer.close())
    httpServer.on('upgrade', (req, socket, head) =>
      wss.handleUpgrade(req, socket, head, (ws: Any) => wss.emit('connection', ws, req))
    )
    await new Promise<void>((resolve) => httpServer.listen(0, '127.0.0.1', resolve))
    const { port } = httpServer.address() as net.AddressInfo
    const connection = ctx.until(wss, 'connection')
    await ctx.ask(port)
    const [ws] = await connection
    wss.close()
    await ctx.ask(port, '/', {}, 'GET', 'closing')
    ws.terminate()
    await ctx.until(wss, 'close')
    await ctx.ask(port, '/', {}, 'GET', 'closed')
  }),

  server('4.4', 'closing while verifyClient is pending is answered with 503', async (ctx) => {
    let answer: Any
    let called: () => void
    const asked = new Promise<void>((resolve) => (called = resolve))
    const { wss, port } = await ctx.listen({
      verifyClient: (_info: Any, cb: Any) => {
        answer = cb
        called()
      }
    })
    const peer = await ctx.rawClient(port)
    peer.write(requestOctets())
    await asked
    wss.close()
    answer(true)
    await ctx.wait('end', peer.untilEnded())
    ctx.recordHead(peer)
    ctx.log('wire', peer.body)
  }),

  server('4.2', 'clients holds the connections that are open', async (ctx) => {
    const { wss, port } = await ctx.listen()
    ctx.log('clients', wss.clients.constructor.name, wss.clients.size)
    const seen: Any[] = []
    wss.on('connection', (ws: Any) => {
      seen.push(ws)
      ctx.log('clients', 'in connection', wss.clients.has(ws), wss.clients.size)
      ws.on('close', () => ctx.log('clients', 'in close', wss.clients.has(ws), wss.clients.size))
    })
    for (let i = 0; i < 3; i++) await ctx.ask(port, `/${i}`)
    ctx.log(
      'clients',
      'order',
      [...wss.clients].map((ws) => seen.indexOf(ws))
    )
    for (const ws of seen) {
      ws.terminate()
      await ctx.closed(ws)
    }
    ctx.log('clients', wss.clients.size)
  }),

  server('4.2', 'close() inside connection, close and listening handlers', async (ctx) => {
    const { wss, port } = await ctx.listen()
    recordLife(ctx, wss)
    wss.on('connection', (ws: Any) => {
      ctx.record(ws, 'life')
      wss.close(ctx.callback('life', 'callback'))
      ws.close(1001, 'going')
    })
    const peer = await ctx.ask(port)
    ctx.recordPeer(peer)
    await ctx.until(wss, 'close')
    await ctx.turns()
  }),

  both('4.2', 'a server that closes all its clients', async (ctx) => {
    const { wss, url } = await ctx.listen()
    recordLife(ctx, wss)
    const clients = [0, 1, 2].map((i) => ctx.connect(url, undefined, undefined, `client ${i}`))
    await Promise.all(clients.map((ws) => ctx.until(ws, 'open')))
    for (const ws of wss.clients) ws.close(1001, 'restart')
    const closed = ctx.until(wss, 'close')
    wss.close()
    await Promise.all([closed, ...clients.map((ws) => ctx.closed(ws))])
  }),

  both('4.3', 'connection arguments and broadcast to all clients', async (ctx) => {
    const { wss, url } = await ctx.listen({ clientTracking: true })
    wss.on('connection', function (this: Any, ...args: Any[]) {
      ctx.log(
        'connection',
        args.length,
        this === wss,
        args[0].constructor.name,
        args[1].url,
        args[1].headers.upgrade,
        args[0]._socket === args[1].socket
      )
    })
    const clients = []
    for (let i = 0; i < 3; i++) {
      const ws = ctx.connect(`${url}/client/${i}`, undefined, undefined, `client ${i}`)
      clients.push(ws)
      await ctx.until(ws, 'open')
    }
    const got = clients.map((ws) => ctx.until(ws, 'ping'))
    for (const ws of wss.clients) ws.send('to all')
    for (const ws of wss.clients) ws.send(Buffer.alloc(300, 7))
    for (const ws of wss.clients) ws.ping()
    await Promise.all(got)
    for (const ws of clients) ws.terminate()
    await ctx.closed(...clients)
  }),

  both('4.1', 'one HTTP server for several WebSocketServers by path', async (ctx) => {
    const httpServer = http.createServer()
    ctx.defer(() => httpServer.close())
    const servers = ['/a', '/b'].map((one) => {
      const wss = new ctx.server.WebSocketServer({ noServer: true, path: one })
      ctx.deferServer(wss)
      wss.on('connection', (ws: Any) => ws.send(`from ${one}`))
      return wss
    })
    httpServer.on('upgrade', (req, socket, head) => {
      const wss = servers.find((one) => one.shouldHandle(req))
      if (wss) wss.handleUpgrade(req, socket, head, (ws: Any) => wss.emit('connection', ws, req))
      else socket.end('HTTP/1.1 404 Not Found\r\n\r\n')
    })
    await new Promise<void>((resolve) => httpServer.listen(0, '127.0.0.1', resolve))
    const { port } = httpServer.address() as net.AddressInfo
    for (const one of ['/a', '/b?x', '/c']) {
      const ws = ctx.connect(`ws://127.0.0.1:${port}${one}`, undefined, undefined, one)
      await Promise.race([ctx.until(ws, 'message'), ctx.closed(ws)])
      ws.terminate()
      await ctx.closed(ws)
    }
  })
]
