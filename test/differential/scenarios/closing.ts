// close() and terminate(): codes, reasons, states, the closing handshake from both sides, half-open sockets, timeouts.

import type net from 'node:net'
import { closePayload } from '../../support/frames.js'
import { connectRaw, requestOctets, responseOctets, turn } from '../../support/raw-peer.js'
import { both, client, roles, server } from '../harness.js'
import type { Scenario } from '../harness.js'
import type { Any } from '../implementations.js'

const codes: unknown[] = [
  0,
  1,
  999,
  1000,
  1001,
  1002,
  1003,
  1004,
  1005,
  1006,
  1007,
  1008,
  1009,
  1010,
  1011,
  1012,
  1013,
  1014,
  1015,
  1016,
  1999,
  2000,
  2999,
  3000,
  3999,
  4000,
  4999,
  5000,
  65536,
  -1,
  1000.5,
  NaN,
  '1000',
  null,
  true,
  {}
]

const reasons: [string, unknown][] = [
  ['undefined', undefined],
  ['null', null],
  ['an empty string', ''],
  ['a string', 'because'],
  ['non-ASCII', 'protože 🐎'],
  ['123 octets', 'r'.repeat(123)],
  ['124 octets', 'r'.repeat(124)],
  ['62 characters of two octets', 'é'.repeat(62)],
  ['a Buffer', Buffer.from('buffer')],
  ['an empty Buffer', Buffer.alloc(0)],
  ['a Uint8Array', new Uint8Array([1, 2, 3])],
  ['a Buffer of 124 octets', Buffer.alloc(124)],
  ['octets that are not UTF-8', Buffer.from([0xff])],
  ['a number', 5],
  ['an object', {}],
  ['an array', [1, 2]],
  ['an ArrayBuffer', new ArrayBuffer(2)],
  ['a Uint16Array', new Uint16Array([1])],
  ['a DataView', new DataView(new ArrayBuffer(2))],
  ['true', true]
]

export const scenarios: Scenario[] = [
  ...codes.flatMap((code) =>
    roles(
      '2.4',
      `close(${typeof code === 'string' ? JSON.stringify(code) : (JSON.stringify(code) ?? String(code))})${Number.isNaN(code) ? ' of NaN' : ''}`,
      async (ctx, role) => {
        const { ws, peer } = await ctx.endpoint(role)
        ctx.attempt('calls', 'close', () => ws.close(code))
        ctx.log('states', ws.readyState)
        if (ws.readyState === 1) ws.close(1000, 'after the error')
        await ctx.finish(ws, peer)
      }
    )
  ),

  ...reasons.flatMap(([name, reason]) =>
    roles('2.4', `close() with ${name} as reason`, async (ctx, role) => {
      const { ws, peer } = await ctx.endpoint(role)
      ctx.attempt('calls', 'close without code', () => ws.close(undefined, 5000))
      await ctx.finish(ws, peer)
      const next = await ctx.endpoint(role)
      ctx.attempt('calls', 'close', () => next.ws.close(4000, reason))
      ctx.log('states', next.ws.readyState)
      if (next.ws.readyState === 1) next.ws.close()
      await ctx.finish(next.ws, next.peer)
    })
  ),

  ...roles('2.6', 'a close frame without a code is 1005 and answered empty', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    peer.writeClose()
    await ctx.finish(ws, peer)
  }),

  ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999].flatMap((code) =>
    roles('2.6', `a close frame with code ${code} is answered alike`, async (ctx, role) => {
      const { ws, peer } = await ctx.endpoint(role)
      peer.writeClose(code, code % 2 ? 'odd' : '')
      await ctx.finish(ws, peer)
    })
  ),

  ...roles('2.6', 'a close frame with the longest reason', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    peer.writeClose(4321, 'č'.repeat(61) + 'x')
    await ctx.finish(ws, peer)
  }),

  ...roles('2.6', 'nothing after a close frame is looked at', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    peer.write(peer.text('before'), peer.close(1000, 'end'), peer.text('after'), peer.frame({ opcode: 15, rsv: 7 }), peer.ping('x'))
    await ctx.finish(ws, peer)
  }),

  ...roles('2.6', 'nothing after a close frame is looked at, in later chunks', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    peer.echoClose = false
    peer.write(peer.close(1000, 'end'))
    await ctx.wait('close frame', peer.untilFrames(1))
    peer.write(peer.text('after'), peer.frame({ opcode: 15, rsv: 7 }))
    await ctx.finish(ws, peer)
  }),

  ...roles('2.6', 'a close frame octet by octet', async (ctx, role) => {
    const { ws, peer, socket } = await ctx.endpoint(role)
    await peer.trickle(peer.close(1001, 'slowly'), socket)
    await ctx.finish(ws, peer)
  }),

  ...roles('2.6', 'a close frame inside a fragmented message', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    peer.write(peer.text('start', { fin: false }), peer.close(1000), peer.frame({ opcode: 0, payload: 'end' }))
    await ctx.finish(ws, peer)
  }),

  ...roles('2.6', 'messages still arrive after close() until the close frame of the peer', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    peer.echoClose = false
    ws.close(1000, 'mine')
    await ctx.wait('close frame', peer.untilFrames(1))
    peer.write(peer.text('late'), peer.ping('late'), peer.pong('late'), peer.binary('late'))
    peer.writeClose(1001, 'theirs')
    await ctx.finish(ws, peer)
  }),

  ...roles('2.6', 'close frames that cross', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    peer.echoClose = false
    peer.writeClose(1001, 'theirs')
    ws.close(4000, 'mine')
    await ctx.finish(ws, peer)
  }),

  both('2.6', 'both sides close at the same time', async (ctx) => {
    const { ws, peer } = await ctx.pair()
    ws.close(4001, 'client')
    peer.close(4002, 'server')
    ctx.log('states', ws.readyState, peer.readyState)
    await ctx.closed(ws, peer)
  }),

  ...['ws', 'peer'].map((who) =>
    both('2.6', `the ${who === 'ws' ? 'client' : 'server'} closes`, async (ctx) => {
      const pair = (await ctx.pair()) as Any
      pair[who].close(4001, 'reason')
      await ctx.closed(pair.ws, pair.peer)
    })
  ),

  ...['ws', 'peer'].map((who) =>
    both('2.4', `the ${who === 'ws' ? 'client' : 'server'} terminates`, async (ctx) => {
      const pair = (await ctx.pair()) as Any
      pair[who].terminate()
      ctx.log('states', pair[who].readyState)
      await ctx.closed(pair.ws, pair.peer)
    })
  ),

  ...roles('2.4', 'close() twice', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ctx.attempt('calls', 'close', () => ws.close(1000))
    ctx.attempt('calls', 'close again', () => ws.close(4000, 'ignored'))
    ctx.attempt('calls', 'close again with a bad code', () => ws.close(1))
    await ctx.finish(ws, peer)
    ctx.attempt('calls', 'close when CLOSED', () => ws.close(1))
    ctx.attempt('calls', 'terminate when CLOSED', () => ws.terminate())
    ctx.log('states', ws.readyState)
    await ctx.turns()
  }),

  ...roles('2.4', 'terminate() after close()', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws.close(1000)
    ctx.attempt('calls', 'terminate', () => ws.terminate())
    await ctx.finish(ws, peer)
  }),

  ...roles('2.4', 'close() after terminate()', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ctx.attempt('calls', 'terminate', () => ws.terminate())
    ctx.attempt('calls', 'close', () => ws.close(1000))
    ctx.attempt('calls', 'terminate', () => ws.terminate())
    ctx.log('states', ws.readyState)
    await ctx.finish(ws, peer)
  }),

  ...roles('2.6', 'the end of the stream without a close frame is 1006', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    peer.write(peer.text('before'))
    peer.socket.end()
    await ctx.finish(ws, peer)
  }),

  ...roles('2.6', 'the end of the stream inside a frame is 1006', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    peer.write(peer.text('before'), peer.text('cut off').subarray(0, 9))
    peer.socket.end()
    await ctx.finish(ws, peer)
  }),

  ...roles('2.6', 'the end of the stream inside a fragmented message is 1006', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    peer.write(peer.text('part', { fin: false }))
    peer.socket.end()
    await ctx.finish(ws, peer)
  }),

  ...roles('2.6', 'a reset connection is 1006 without an error', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    peer.write(peer.text('before'))
    await ctx.until(ws, 'message')
    ;(peer.socket as net.Socket).resetAndDestroy()
    await ctx.finish(ws, peer)
  }),

  ...roles('2.6', 'sending to a reset connection tells the callback', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ;(peer.socket as net.Socket).resetAndDestroy()
    await ctx.closed(ws)
    ws.send('x', ctx.callback('callbacks', 'send'))
    await ctx.turns()
  }),

  ...roles('2.6', 'a message in the same chunk as the end of the stream', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws.on('message', () => ws.send('answer', ctx.callback('callbacks', 'answer')))
    peer.socket.end(Buffer.concat([peer.text('last words')]))
    await ctx.finish(ws, peer)
  }),

  ...roles('2.6', 'a close frame in the same chunk as the end of the stream', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    peer.echoClose = false
    peer.socket.end(Buffer.concat([peer.text('last words'), peer.close(1000, 'and out')]))
    await ctx.finish(ws, peer)
  }),

  ...roles('2.6', 'the peer ends the stream after our close frame without one of its own', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    peer.echoClose = false
    ws.close(1000)
    await ctx.wait('close frame', peer.untilFrames(1))
    peer.socket.end()
    await ctx.finish(ws, peer)
  }),

  ...roles('2.2', 'closeTimeout destroys the socket where the peer does not answer', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role, { closeTimeout: 300 })
    peer.echoClose = false
    ws.close(1000, 'no answer expected')
    await ctx.finish(ws, peer)
  }),

  ...roles('2.2', 'closeTimeout destroys the socket where the peer answers but never ends the stream', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role, { closeTimeout: 300 })
    ;(peer.socket as Any).allowHalfOpen = true
    ws.close(1000)
    await ctx.closed(ws)
    peer.socket.end()
    await ctx.wait('end', peer.untilClosed())
  }),

  ...roles('2.2', 'closeTimeout also holds after a protocol error', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role, { closeTimeout: 300 })
    ;(peer.socket as Any).allowHalfOpen = true
    peer.echoClose = false
    peer.write(peer.frame({ opcode: 15 }))
    await ctx.closed(ws)
    peer.socket.end()
    await ctx.wait('end', peer.untilClosed())
  }),

  ...roles('2.2', 'closeTimeout also holds where the peer began the closing handshake', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role, { closeTimeout: 300 })
    ;(peer.socket as Any).allowHalfOpen = true
    peer.writeClose(1000)
    await ctx.closed(ws)
    peer.socket.end()
    await ctx.wait('end', peer.untilClosed())
  }),

  ...roles('2.6', 'the peer keeps sending after a protocol error', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    peer.echoClose = false
    peer.write(peer.frame({ opcode: 15 }))
    await ctx.wait('close frame', peer.untilFrames(1))
    peer.write(peer.text('ignored'), peer.close(1000))
    await ctx.finish(ws, peer)
  }),

  ...roles('2.6', 'send() after a protocol error', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws.on('error', () => {
      ctx.log('states', ws.readyState)
      ctx.attempt('calls', 'send', () => ws.send('in the error handler', ctx.callback('callbacks', 'send')))
      ctx.attempt('calls', 'close', () => ws.close(1000))
      ctx.attempt('calls', 'ping', () => ws.ping())
    })
    peer.write(peer.frame({ opcode: 15 }))
    await ctx.finish(ws, peer)
  }),

  ...roles('2.5', 'of several errors only the first is emitted', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    peer.echoClose = false
    peer.on('ended', () => peer.socket.end())
    const blob = new Blob(['blob'])
    Object.defineProperty(blob, 'arrayBuffer', {
      value: () => new Promise((_, reject) => ws.once('error', () => reject(new Error('unreadable'))))
    })
    ws.send(blob, ctx.callback('callbacks', 'blob'))
    peer.write(peer.frame({ opcode: 15 }))
    await ctx.finish(ws, peer)
    await ctx.turns()
  }),

  ...roles('2.6', 'a protocol error after close() was called', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    peer.echoClose = false
    ws.close(1000, 'mine')
    await ctx.wait('close frame', peer.untilFrames(1))
    peer.write(peer.text('fine'), peer.frame({ opcode: 15 }), peer.close(1000))
    await ctx.finish(ws, peer)
  }),

  ...roles('2.3', 'wasClean says whether both close frames are done', async (ctx, role) => {
    for (const how of ['peer closes', 'we close', 'end of stream', 'terminate', 'protocol error']) {
      const { ws, peer } = await ctx.endpoint(role)
      ws.addEventListener('close', (event: Any) => ctx.log(how, event.code, event.reason, event.wasClean, ws.readyState))
      ws.on('close', () => ctx.log(how, ws._closeFrameSent, ws._closeFrameReceived))
      if (how === 'peer closes') peer.writeClose(1000, 'x')
      if (how === 'we close') ws.close(1000, 'y')
      if (how === 'end of stream') peer.socket.end()
      if (how === 'terminate') ws.terminate()
      if (how === 'protocol error') peer.write(peer.frame({ opcode: 15 }))
      await ctx.finish(ws, peer)
    }
  }),

  ...roles('2.6', 'what is sent before close() arrives before the close frame', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws.send('1')
    ws.send(Buffer.alloc(200000))
    ws.ping('2')
    ws.close(1000)
    ws.send('not any more', ctx.callback('callbacks', 'send'))
    await ctx.finish(ws, peer)
  }),

  ...roles('2.4', 'what is sent before terminate() still arrives', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws.send('1', ctx.callback('callbacks', '1'))
    ws.ping('2', undefined, ctx.callback('callbacks', '2'))
    ws.send(Buffer.alloc(1000), ctx.callback('callbacks', '3'))
    ws.terminate()
    ctx.log('states', ws.readyState)
    await ctx.finish(ws, peer)
  }),

  ...roles('2.4', 'terminate() with octets the system has not taken fails their callbacks', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    peer.socket.pause()
    ws.send(Buffer.alloc(16 * 1024 * 1024), ctx.callback('callbacks', 'large'))
    ws.send('queued', ctx.callback('callbacks', 'queued'))
    ws.ping('p', undefined, ctx.callback('callbacks', 'ping'))
    await turn()
    ws.terminate()
    ws.send('after', ctx.callback('callbacks', 'after'))
    ctx.log('callbacks', 'terminated')
    await ctx.closed(ws)
    await ctx.turns()
  }),

  ...roles('2.4', 'terminate() in the tick of the sends, with octets the system has not taken', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    peer.socket.pause()
    ws.send('first', ctx.callback('callbacks', 'first'))
    ws.send(Buffer.alloc(16 * 1024 * 1024), ctx.callback('callbacks', 'large'))
    ws.send('queued', ctx.callback('callbacks', 'queued'))
    ws.terminate()
    await ctx.closed(ws)
    await ctx.turns()
  }),

  ...roles('2.4', 'close() with octets the system has not taken waits for them', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    peer.socket.pause()
    ws.send(Buffer.alloc(16 * 1024 * 1024), ctx.callback('callbacks', 'large'))
    ws.send('queued', ctx.callback('callbacks', 'queued'))
    ws.close(1000)
    await ctx.turns()
    ctx.log('states', ws.readyState)
    peer.socket.resume()
    await ctx.finish(ws, peer)
  }),

  ...roles('2.6', 'a socket destroyed under the WebSocket is 1006', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws._socket.destroy()
    await ctx.finish(ws, peer)
  }),

  ...roles('2.6', 'a socket destroyed with an error is 1006 without an error event', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws.send('sent', ctx.callback('callbacks', 'send'))
    ws._socket.destroy(new Error('from below'))
    await ctx.finish(ws, peer)
  }),

  ...roles('2.6', 'a socket ended under the WebSocket', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws._socket.end()
    ws.send('after end', ctx.callback('callbacks', 'send'))
    await ctx.finish(ws, peer)
  }),

  client('2.4', 'close() and terminate() while CONNECTING abort the handshake', async (ctx) => {
    for (const method of ['close', 'terminate']) {
      for (const delay of ['at once', 'after the connection']) {
        const { url } = await ctx.rawServer(() => {})
        const ws = ctx.connect(url, undefined, {}, `${method} ${delay}`)
        if (delay !== 'at once')
          await new Promise((resolve) => ws._req.once('socket', (socket: net.Socket) => socket.once('connect', resolve)))
        ctx.attempt(`${method} ${delay}`, method, () => ws[method](1, 'bad code does not matter'))
        ctx.log(`${method} ${delay}`, 'state', ws.readyState)
        ctx.attempt(`${method} ${delay}`, 'again', () => ws[method]())
        await ctx.closed(ws)
      }
    }
  }),

  client('2.4', 'close() in the upgrade handler', async (ctx) => {
    for (const method of ['close', 'terminate']) {
      const { url } = await ctx.rawServer((peer, key) => {
        ctx.recordPeer(peer, `${method} wire`)
        peer.write(responseOctets(key))
      })
      const ws = ctx.connect(url, undefined, {}, method)
      ws.on('upgrade', () => ws[method]())
      await ctx.closed(ws)
      ctx.log(method, 'state', ws.readyState)
    }
  }),

  client('2.4', 'send, ping, pong, pause and resume while CONNECTING', async (ctx) => {
    const { url } = await ctx.rawServer(() => {})
    const ws = ctx.connect(url)
    for (const method of ['send', 'ping', 'pong', 'pause', 'resume']) {
      ctx.attempt('calls', method, () => ws[method]())
      ctx.attempt('calls', `${method} with callback`, () => ws[method]('data', ctx.callback('callbacks', method)))
    }
    ctx.log('paused', ws.isPaused, ws.bufferedAmount)
    ws.terminate()
    await ctx.closed(ws)
  }),

  server('2.6', 'a half-open client that has sent its end still gets nothing but the end', async (ctx) => {
    const { wss, port } = await ctx.listen()
    const connection = ctx.until(wss, 'connection')
    const peer = await connectRaw(port, { allowHalfOpen: true })
    ctx.defer(() => peer.socket.destroy())
    ctx.recordPeer(peer)
    peer.write(requestOctets())
    const [ws] = await connection
    ctx.record(ws, 'ws')
    peer.socket.end(peer.text('last'))
    await ctx.finish(ws, peer)
  }),

  ...roles('2.4', 'terminate() while a close frame waits to be written', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    peer.socket.pause()
    ws.send(Buffer.alloc(16 * 1024 * 1024))
    ws.close(1000)
    ctx.log('private', ws._closeFrameSent)
    await ctx.turns()
    ws.terminate()
    await ctx.closed(ws)
    ctx.log('private', ws._closeFrameSent)
  }),

  client('2.3', 'send, ping and pong after a handshake that failed', async (ctx) => {
    const { url } = await ctx.rawServer((peer) => peer.socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n'))
    const ws = ctx.connect(url)
    ws.on('error', () => {
      ctx.log('states', ws.readyState)
      ws.send('in the error handler', ctx.callback('callbacks', 'send'))
    })
    await ctx.closed(ws)
    for (const method of ['send', 'ping', 'pong']) {
      ctx.attempt('calls', method, () => ws[method]('12345', ctx.callback('callbacks', method)))
      ctx.log('amount', ws.bufferedAmount)
    }
    for (const method of ['close', 'terminate', 'pause', 'resume']) ctx.attempt('calls', method, () => ws[method]())
    ctx.log('paused', ws.isPaused)
    await ctx.turns()
  }),

  ...roles('2.6', 'close codes and reasons of a close frame split at every octet', async (ctx, role) => {
    const { ws, peer, socket } = await ctx.endpoint(role)
    const octets = Buffer.concat([peer.text('a'), peer.frame({ opcode: 8, payload: closePayload(3001, 'ž') }), peer.text('b')])
    await peer.trickle(octets, socket)
    await ctx.finish(ws, peer)
  })
]
