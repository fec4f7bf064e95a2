// What dependants use although no documentation shows it.

import http from 'node:http'
import net from 'node:net'
import { Duplex } from 'node:stream'
import { describeValue } from '../../support/describe-value.js'
import { buildFrame, closePayload, TEST_KEY } from '../../support/frames.js'
import { RawPeer, requestOctets } from '../../support/raw-peer.js'
import { both, module, roles, server } from '../harness.js'
import type { Context, Scenario } from '../harness.js'
import type { Any } from '../implementations.js'

/** Without it the timer of a closing handshake fires at once. */
const closeTimeout = 30_000

/** Two Duplexes, each of which reads what the other writes. */
function duplexPair(): [Duplex, Duplex] {
  const sides: Duplex[] = []
  for (const other of [1, 0]) {
    sides.push(
      new Duplex({
        // The far side ends as soon as the near side does, as a bare TCP peer would.
        allowHalfOpen: other === 1,
        read() {},
        // Later, as over a wire: the other side must not answer inside the call that writes.
        write(chunk: Buffer, _encoding, cb) {
          setImmediate(() => {
            sides[other].push(chunk)
            cb()
          })
        },
        final(cb) {
          setImmediate(() => {
            sides[other].push(null)
            cb()
          })
        }
      })
    )
  }
  return [sides[0], sides[1]]
}

function look(ctx: Context, ws: Any, when: string): void {
  ctx.log(
    'private',
    when,
    `_readyState=${ws._readyState}`,
    `_isServer=${ws._isServer}`,
    `_closeFrameSent=${ws._closeFrameSent}`,
    `_closeFrameReceived=${ws._closeFrameReceived}`,
    `_closeCode=${ws._closeCode}`,
    `_closeMessage=${describeValue(ws._closeMessage)}`,
    `_protocol=${describeValue(ws._protocol)}`,
    `_extensions=${Object.keys(ws._extensions)}`,
    `_autoPong=${ws._autoPong}`,
    `_paused=${ws._paused}`,
    `_binaryType=${ws._binaryType}`,
    `_req=${ws._req === undefined ? 'undefined' : ws._req === null ? 'null' : typeof ws._req}`,
    `_socket=${ws._socket?.constructor.name}`,
    `_receiver=${typeof ws._receiver}`,
    `_sender=${ws._sender?.constructor.name}`
  )
}

export const scenarios: Scenario[] = [
  ...roles('11', 'private fields through the life of a connection', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    look(ctx, ws, 'open')
    ctx.log('private', 'amounts', ws._sender._bufferedBytes, ws._socket.bufferSize ?? ws._socket.writableLength)
    ws.on('message', () => look(ctx, ws, 'message'))
    peer.write(peer.text('x'))
    await ctx.until(ws, 'message')
    ws.close(1001, 'bye')
    look(ctx, ws, 'closing')
    ws.on('close', () => look(ctx, ws, 'close'))
    await ctx.finish(ws, peer)
    look(ctx, ws, 'closed')
  }),

  ...roles('11', 'what led to the connection may be looked at and set', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ctx.log('private', describeValue(ws._req), ws._redirects, typeof ws._url, ws._url === ws.url)
    for (const name of ['_req', '_redirects', '_url']) {
      ws[name] = 'set'
      ctx.log('private', name, ws[name], Object.keys(ws).includes(name))
    }
    ctx.log('private', ws.url)
    ws.terminate()
    await ctx.finish(ws, peer)
  }),

  ...([true, false] as const).map((isSecond) =>
    module('11', `close of a server's side without a socket, ${isSecond ? 'a second time' : 'the first time'}`, (ctx) => {
      const ws = new ctx.subject.WebSocket(null, undefined, {})
      const attempt = (): string => {
        try {
          return describeValue(ws.close())
        } catch (error) {
          return (error as Error).name
        }
      }
      if (isSecond) attempt()
      ctx.log('calls', attempt(), ws.readyState)
    })
  ),

  ...roles('11', 'the socket may be looked at, written to and corked', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    const key = role === 'client' ? TEST_KEY : null
    ctx.log(
      'socket',
      ws._socket instanceof net.Socket,
      ws._socket.remoteAddress,
      ws._socket.remoteFamily,
      ws._socket.writableNeedDrain,
      ws._socket.writable,
      ws._socket.readable,
      ws._socket.readableFlowing
    )
    ctx.attempt('socket', 'setKeepAlive', () => ws._socket.setKeepAlive(true) === ws._socket)
    ws.send('1')
    ws._socket.write(buildFrame({ payload: 'written to the socket', key }))
    ws.send('2')
    ws._socket.cork()
    ws.send('3')
    ws.send('4')
    ctx.log('socket', 'corked', ws._socket.writableLength > 0)
    ws._socket.uncork()
    ws.send('5')
    await ctx.wait('frames', peer.untilFrames(6))
    ws.close()
    await ctx.finish(ws, peer)
  }),

  ...roles('11', 'a data listener on the socket sees the octets', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    let seen = 0
    ws._socket.on('data', (chunk: Buffer) => (seen += chunk.length))
    const frames = Buffer.concat([peer.text('one'), peer.binary(Buffer.alloc(200))])
    peer.write(frames)
    await ctx.until(ws, 'message')
    await ctx.turns()
    ctx.log('seen', seen === frames.length)
    ws.terminate()
    await ctx.finish(ws, peer)
  }),

  ...roles('11', 'socket events: close, end, finish and drain', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    for (const name of ['end', 'finish', 'close']) ws._socket.on(name, () => ctx.log('socket', name, ws.readyState))
    peer.socket.pause()
    ws.send(Buffer.alloc(16 * 1024 * 1024))
    ctx.log('socket', ws._socket.writableNeedDrain)
    const drained = ctx.until(ws._socket, 'drain')
    peer.socket.resume()
    await drained
    await ctx.wait('frame', peer.untilFrames(1))
    ws.close()
    await ctx.finish(ws, peer)
  }),

  ...roles('11', '_isServer may be changed', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws._isServer = role === 'client'
    ws.send('masked the other way')
    ws.ping('p')
    ws._isServer = role !== 'client'
    ws.send('and back')
    await ctx.wait('frames', peer.untilFrames(3))
    ws.terminate()
    await ctx.finish(ws, peer)
  }),

  ...roles('11', '_receiver takes octets and has limits', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ctx.log('receiver', ws._receiver._maxPayload, typeof ws._receiver.write)
    ws._receiver.write(peer.text('written to the receiver'))
    await ctx.turns()
    ws.terminate()
    await ctx.finish(ws, peer)
  }),

  ...roles('11', '_sender sends', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    const mask = role === 'client'
    ws._sender.send('sent', { binary: false, compress: false, fin: true, mask }, ctx.callback('callbacks', 'send'))
    ws._sender.ping('p', mask, ctx.callback('callbacks', 'ping'))
    ws._sender.pong(Buffer.from('q'), mask)
    ws.send('after')
    await ctx.wait('frames', peer.untilFrames(4))
    ws._sender.close(1000, 'by hand', mask, ctx.callback('callbacks', 'close'))
    await ctx.finish(ws, peer)
  }),

  ...([true, false] as const).map((isServer) =>
    module('11', `setSocket on a Duplex as ${isServer ? 'server' : 'client'}`, async (ctx) => {
      const [near, far] = duplexPair()
      const ws = new ctx.subject.WebSocket(null, undefined, { autoPong: true, closeTimeout })
      if (!isServer) ws._isServer = false
      ctx.record(ws, 'ws')
      const peer = new RawPeer(far, isServer ? 'client' : 'server')
      peer.head = []
      ctx.recordPeer(peer)
      const head = peer.text('in the head')
      ctx.attempt('calls', 'setSocket', () =>
        ws.setSocket(near, head, { allowSynchronousEvents: true, maxPayload: 100, skipUTF8Validation: false })
      )
      ctx.log('state', ws.readyState, ws._socket === near)
      await ctx.until(ws, 'message')
      ws.send('from here')
      peer.write(peer.text('a'), peer.ping('b'))
      for (const octet of peer.binary('octets')) peer.write(Buffer.from([octet]))
      await ctx.turns()
      peer.write(peer.binary(Buffer.alloc(101)))
      await ctx.finish(ws, peer)
    })
  ),

  module('11', 'setSocket on a Duplex that ends and one that is destroyed', async (ctx) => {
    for (const how of ['end', 'destroy', 'error', 'close frame'] as const) {
      const [near, far] = duplexPair()
      const ws = new ctx.subject.WebSocket(null, undefined, { closeTimeout })
      ctx.record(ws, how)
      ws.setSocket(near, Buffer.alloc(0), {})
      far.resume()
      if (how === 'end') far.end()
      if (how === 'destroy') near.destroy()
      if (how === 'error') near.destroy(new Error('from below'))
      if (how === 'close frame') far.end(buildFrame({ opcode: 8, payload: closePayload(1000, 'x'), key: TEST_KEY }))
      await ctx.closed(ws)
    }
  }),

  module('11', 'setSocket calls the methods of a socket that are there', async (ctx) => {
    const [near, far] = duplexPair()
    far.resume()
    for (const name of ['setTimeout', 'setNoDelay', 'setKeepAlive', 'unref', 'ref']) {
      Object.assign(near, { [name]: (...args: unknown[]) => ctx.log('methods', name, args) })
    }
    const ws = new ctx.subject.WebSocket(null, undefined, { closeTimeout })
    ws.setSocket(near, Buffer.alloc(0), {})
    ws.send('x')
    ws.terminate()
    await ctx.closed(ws)
  }),

  module('11', 'setSocket with a subprotocol and extensions set by hand', async (ctx) => {
    const [near, far] = duplexPair()
    const ws = new ctx.subject.WebSocket(null, undefined, { closeTimeout })
    ws._protocol = 'by-hand'
    ctx.log('properties', ws.protocol, ws.extensions)
    const deflate = new ctx.subject.PerMessageDeflate({ isServer: true, threshold: 0 })
    deflate.accept([{}])
    ws._extensions['permessage-deflate'] = deflate
    ctx.log('properties', ws.extensions)
    ws.setSocket(near, Buffer.alloc(0), {})
    const peer = new RawPeer(far, 'client')
    peer.head = []
    peer.on('frame', (frame) => ctx.log('wire', frame.opcode, frame.rsv, frame.fin))
    ws.send('compressed, because it is long enough for that')
    await ctx.wait('frame', peer.untilFrames(1))
    ws.close()
    await ctx.finish(ws, peer)
  }),

  module('11', 'emitClose without a socket', (ctx) => {
    const ws = new ctx.subject.WebSocket(null, undefined, {})
    ctx.record(ws, 'ws')
    ctx.attempt('calls', 'emitClose', () => ws.emitClose())
    ctx.log('state', ws.readyState)
  }),

  both('11', 'one frame prepared with Sender.frame and sent to many connections', async (ctx) => {
    const { wss, port } = await ctx.listen()
    const relay = await ctx.relay(port)
    const clients = []
    for (let i = 0; i < 3; i++) {
      const ws = ctx.connect(relay.url, undefined, { perMessageDeflate: false }, `client ${i}`)
      clients.push(ws)
      await ctx.until(ws, 'open')
    }
    const frame = ctx.server.Sender.frame(Buffer.from('prepared once'), {
      readOnly: false,
      mask: false,
      rsv1: false,
      opcode: 1,
      fin: true
    })
    const got = clients.map((ws) => ctx.until(ws, 'message'))
    for (const ws of wss.clients) ws._sender.sendFrame(frame, ctx.callback('callbacks', 'sendFrame'))
    await Promise.all(got)
    ctx.log('frame', frame)
    for (const ws of wss.clients) ws.close(1000)
    await ctx.closed(...clients)
  }),

  server('11', 'engine.io-like use: noServer, no tracking, handleUpgrade, sendFrame', async (ctx) => {
    const wss = new ctx.server.WebSocketServer({ noServer: true, clientTracking: false, perMessageDeflate: false, maxPayload: 1e6 })
    wss.on('headers', (headers: string[], req: Any) => ctx.log('headers', headers.length, req.url))
    const httpServer = http.createServer()
    ctx.defer(() => httpServer.close())
    const accepted = new Promise<Any>((resolve) => {
      httpServer.on('upgrade', (req, socket, head) => {
        wss.handleUpgrade(req, socket, head, (ws: Any) => {
          ctx.record(ws, 'ws')
          resolve(ws)
        })
      })
    })
    await new Promise<void>((resolve) => httpServer.listen(0, '127.0.0.1', resolve))
    const peer = await ctx.rawClient((httpServer.address() as net.AddressInfo).port)
    ctx.recordPeer(peer)
    peer.write(requestOctets('/engine.io/?EIO=4&transport=websocket'), peer.text('2probe'))
    const ws = await accepted
    ws._socket.on('close', () => ctx.log('socket', 'closed'))
    await ctx.turns()
    const list = ctx.subject.Sender.frame(Buffer.from('4hello'), {
      fin: true,
      rsv1: false,
      opcode: 1,
      mask: false,
      readOnly: false
    })
    ws._sender.sendFrame(list, ctx.callback('callbacks', 'sendFrame'))
    ws.send('4second', { compress: false }, ctx.callback('callbacks', 'send'))
    await ctx.wait('frames', peer.untilFrames(2))
    ws.close()
    await ctx.finish(ws, peer)
    wss.close()
  }),

  server('11', 'what a server shows: _server, options and listener counts', async (ctx) => {
    const { wss } = await ctx.listen()
    ctx.log(
      'server',
      wss._server instanceof http.Server,
      wss._server.listening,
      typeof wss.options,
      wss.options.port,
      wss.options.host
    )
    ctx.log(
      'listeners',
      ['upgrade', 'listening', 'error', 'request'].map((name) => wss._server.listenerCount(name))
    )
    const closed = ctx.until(wss, 'close')
    wss.close()
    await closed
    ctx.log('server', describeValue(wss._server))
  }),

  ...roles('11', 'an error emitted on the socket by hand', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws._socket.emit('error', new Error('by hand'))
    ctx.log('state', ws.readyState)
    await ctx.finish(ws, peer)
  }),

  ...roles('11', 'a timeout set on the socket by the user', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws._socket.setTimeout(20, () => {
      ctx.log('socket', 'timeout')
      ws.terminate()
    })
    await ctx.finish(ws, peer)
  })
]
