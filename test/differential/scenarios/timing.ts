// Order and timing: what happens in one tick, what a handler may do in the middle of a chunk, callbacks and async contexts.

import { AsyncLocalStorage } from 'node:async_hooks'
import { on } from 'node:events'
import { responseOctets, turn } from '../../support/raw-peer.js'
import { both, client, roles, server } from '../harness.js'
import type { Context, Scenario } from '../harness.js'
import type { Any } from '../implementations.js'

/** Notes when what was scheduled from here runs, in a lane of its own order. */
function marks(ctx: Context, lane: string, label: string): void {
  process.nextTick(() => ctx.log(lane, `tick after ${label}`))
  void Promise.resolve().then(() => ctx.log(lane, `microtask after ${label}`))
  queueMicrotask(() => ctx.log(lane, `queueMicrotask after ${label}`))
}

const actions: [string, (ws: Any, ctx: Context) => void][] = [
  ['close()', (ws) => ws.close()],
  ['close(1001)', (ws) => ws.close(1001, 'from a handler')],
  ['terminate()', (ws) => ws.terminate()],
  ['pause()', (ws) => ws.pause()],
  ['send()', (ws, ctx) => ws.send('from a handler', ctx.callback('callbacks', 'send'))],
  ['close() and terminate()', (ws) => (ws.close(), ws.terminate())],
  ['send() and terminate()', (ws, ctx) => (ws.send('from a handler', ctx.callback('callbacks', 'send')), ws.terminate())],
  ['send() and close()', (ws, ctx) => (ws.send('from a handler', ctx.callback('callbacks', 'send')), ws.close(1000))],
  ['_socket.destroy()', (ws) => ws._socket?.destroy()],
  ['_socket.end()', (ws) => ws._socket?.end()],
  ['removeAllListeners()', (ws) => ws.removeAllListeners('message')],
  ['pause() and terminate()', (ws) => (ws.pause(), ws.terminate())],
  ['pause() and close()', (ws) => (ws.pause(), ws.close(1000), ws.resume())]
]

const events: [string, (peer: Any) => Buffer[]][] = [
  ['message', (peer) => [peer.text('first')]],
  ['ping', (peer) => [peer.ping('first')]],
  ['pong', (peer) => [peer.pong('first')]],
  ['message', (peer) => [peer.binary('fragment', { fin: false }), peer.frame({ opcode: 0, payload: 's' })]]
]

export const scenarios: Scenario[] = [
  client('2.5', "'upgrade' and 'open' fire in one tick with no microtask between", async (ctx) => {
    const { url } = await ctx.rawServer((peer, key) =>
      peer.write(responseOctets(key), peer.text('with the answer'), peer.ping('too'))
    )
    const ws = ctx.connect(url, undefined, {}, '')
    for (const name of ['upgrade', 'open', 'message', 'ping']) {
      ws.on(name, () => {
        ctx.log('order', name, ws.readyState)
        marks(ctx, 'order', name)
      })
    }
    await ctx.until(ws, 'ping')
    await ctx.turns()
  }),

  client('2.5', 'what is known in the upgrade and open handlers', async (ctx) => {
    const { url } = await ctx.rawServer((peer, key) =>
      peer.write(responseOctets(key, { 'X-Header': 'value', 'Sec-WebSocket-Protocol': 'b' }))
    )
    const ws = ctx.connect(url, ['a', 'b'], {})
    const look = (when: string): void =>
      ctx.log(
        'state',
        when,
        ws.readyState,
        ws.protocol,
        ws.extensions,
        ws.bufferedAmount,
        ws.isPaused,
        ws._socket === null,
        ws._req === null
      )
    look('constructed')
    ws.on('upgrade', (response: Any) => {
      look('upgrade')
      ctx.log('response', response.statusCode, response.statusMessage, response.headers['x-header'], response.httpVersion)
      ctx.attempt('calls', 'send in upgrade', () => ws.send('early'))
    })
    ws.on('open', () => look('open'))
    await ctx.until(ws, 'open')
    look('afterwards')
  }),

  client('2.5', 'frames that come with the 101 response in one chunk', async (ctx) => {
    const { url } = await ctx.rawServer((peer, key) => {
      ctx.recordPeer(peer)
      peer.write(
        responseOctets(key),
        peer.text('1'),
        peer.ping('2'),
        peer.binary(Buffer.alloc(300, 3)),
        peer.text('cut').subarray(0, 3)
      )
      setImmediate(() => peer.write(peer.text('cut').subarray(3), peer.close(1000)))
    })
    const ws = ctx.connect(url)
    await ctx.closed(ws)
  }),

  client('2.5', 'a violation that comes with the 101 response', async (ctx) => {
    const { url } = await ctx.rawServer((peer, key) => {
      ctx.recordPeer(peer)
      peer.write(responseOctets(key), peer.text('1'), peer.frame({ opcode: 15 }))
    })
    const ws = ctx.connect(url)
    await ctx.closed(ws)
  }),

  client('2.5', 'a close frame and the end of the stream that come with the 101 response', async (ctx) => {
    const { url } = await ctx.rawServer((peer, key) =>
      peer.socket.end(Buffer.concat([responseOctets(key), peer.text('1'), peer.close(1001, 'x')]))
    )
    const ws = ctx.connect(url)
    await ctx.closed(ws)
  }),

  client('2.5', 'the end of the stream right behind the 101 response', async (ctx) => {
    const { url } = await ctx.rawServer((peer, key) => peer.socket.end(responseOctets(key)))
    const ws = ctx.connect(url)
    await ctx.closed(ws)
  }),

  ...['message', 'open'].map((name) =>
    client(
      '2.5',
      `listeners added in the '${name === 'message' ? 'upgrade' : 'open'}' handler get what came with the answer`,
      async (ctx) => {
        const { url } = await ctx.rawServer((peer, key) => peer.write(responseOctets(key), peer.text('1'), peer.text('2')))
        const ws = ctx.connect(url, undefined, {}, '')
        const done = new Promise<void>((resolve) => {
          ws.on(name === 'message' ? 'upgrade' : 'open', () => {
            ws.on('message', (data: Buffer) => {
              ctx.log('messages', data)
              if (data.toString() === '2') resolve()
            })
          })
        })
        await ctx.wait('messages', done)
      }
    )
  ),

  client('2.5', 'whether listeners added after awaiting open get what came with the answer', async (ctx) => {
    const { url } = await ctx.rawServer((peer, key) => {
      peer.write(responseOctets(key), peer.text('with the answer'))
      peer.on('frame', () => peer.write(peer.text('later')))
    })
    const ws = ctx.connect(url, undefined, {}, '')
    await new Promise((resolve) => ws.once('open', resolve))
    ws.on('message', (data: Buffer) => ctx.log('messages', data))
    ws.send('go on')
    await ctx.until(ws, 'message')
    await ctx.turns()
  }),

  client('2.5', 'what a client does in its open handler reaches the wire in order', async (ctx) => {
    const { url } = await ctx.rawServer((peer, key) => {
      ctx.recordPeer(peer)
      peer.write(responseOctets(key), peer.ping('p'), peer.text('1'))
    })
    const ws = ctx.connect(url)
    ws.on('open', () => {
      ws.send('from open', ctx.callback('callbacks', 'send'))
      process.nextTick(() => ws.send('tick after open'))
    })
    ws.on('message', () => ws.close(1000))
    await ctx.closed(ws)
  }),

  client('2.5', 'close() and terminate() in the open handler', async (ctx) => {
    for (const method of ['close', 'terminate', 'pause']) {
      let ended: Promise<void> = Promise.resolve()
      const { url } = await ctx.rawServer((peer, key) => {
        ctx.recordPeer(peer, `${method} wire`)
        ended = peer.untilClosed()
        peer.write(responseOctets(key), peer.text('1'), peer.ping('2'))
      })
      const ws = ctx.connect(url, undefined, {}, method)
      ws.on('open', () => ws[method]())
      if (method === 'pause') {
        await ctx.until(ws, 'open')
        await ctx.turns()
        ctx.log(method, 'paused', ws.isPaused)
        ws.resume()
        await ctx.until(ws, 'message')
        ws.terminate()
      }
      await ctx.closed(ws)
      await ctx.wait('end', ended)
    }
  }),

  server('2.5', 'frames that come with the request in one chunk', async (ctx) => {
    const { ws, peer } = await ctx.endpoint(
      'server',
      {},
      { first: (one) => Buffer.concat([one.text('1'), one.ping('2'), one.text('cut').subarray(0, 8)]) }
    )
    peer.write(peer.text('cut').subarray(8))
    peer.writeClose(1000)
    await ctx.finish(ws, peer)
  }),

  server('4.3', 'what the server does in its connection handler reaches the wire in order', async (ctx) => {
    const { wss, port } = await ctx.listen()
    let closed: Promise<unknown> | undefined
    wss.on('connection', (ws: Any) => {
      ctx.record(ws, 'ws')
      closed = ctx.closed(ws)
      ctx.log('state', ws.readyState, ws.listenerCount('open'), ws.url, ws.protocol, ws.extensions)
      ws.send('from the connection handler', ctx.callback('callbacks', 'send'))
      process.nextTick(() => ws.send('tick after'))
      ws.ping()
      setImmediate(() => ws.close(1000))
    })
    const peer = await ctx.ask(port)
    ctx.recordPeer(peer)
    await ctx.wait('end', peer.untilClosed())
    await closed
    ctx.log('frames', peer.frames.length)
  }),

  server('4.3', 'close(), terminate() and pause() in the connection handler', async (ctx) => {
    for (const method of ['close', 'terminate', 'pause']) {
      const { wss, port } = await ctx.listen()
      const connection = ctx.until(wss, 'connection')
      wss.on('connection', (ws: Any) => {
        ctx.record(ws, method)
        ws[method]()
        ctx.log(method, 'state', ws.readyState, ws.isPaused)
      })
      const peer = await ctx.ask(port, '/', {}, 'GET', `${method} wire`)
      const [ws] = await connection
      peer.write(peer.text('x'))
      if (method === 'pause') {
        await ctx.turns()
        ws.resume()
        await ctx.until(ws, 'message')
        ws.terminate()
      }
      await ctx.finish(ws, peer)
      ctx.log(method, 'frames', peer.frames.length)
    }
  }),

  // Every action in every kind of handler, with more frames behind in the same chunk and in the next.
  ...events.flatMap(([event, first], index) =>
    actions.flatMap(([name, action]) =>
      roles('2.5', `${name} in a ${event} handler${index === 3 ? ' of a fragmented message' : ''}`, async (ctx, role) => {
        const { ws, peer } = await ctx.endpoint(role)
        ws.once(event, () => {
          ctx.attempt('calls', name, () => {
            action(ws, ctx)
          })
          ctx.log('ws', `${name} left state ${ws.readyState}`)
          process.nextTick(() => ctx.log('ticks', `state ${ws.readyState}`))
        })
        peer.write(
          ...first(peer),
          peer.text('second'),
          peer.ping('third'),
          peer.binary('fourth'),
          peer.pong('fifth'),
          peer.text('sixth')
        )
        const happened = ctx.until(ws, event)
        await happened
        await ctx.turns()
        ctx.log('states', ws.readyState, ws.isPaused)
        if (ws.isPaused) ws.resume()
        if (ws.readyState === 1) {
          peer.write(peer.text('later'))
          peer.writeClose(1000)
        }
        await ctx.finish(ws, peer)
      })
    )
  ),

  ...actions
    .filter(([name]) => !name.startsWith('remove'))
    .flatMap(([name, action]) =>
      roles('2.4', `${name} in a send callback`, async (ctx, role) => {
        const { ws, peer } = await ctx.endpoint(role)
        ws.send('1', ctx.callback('callbacks', '1'))
        await new Promise<void>((resolve) => {
          ws.send('2', () => {
            ctx.log('callbacks', '2')
            action(ws, ctx)
            ctx.log('states', ws.readyState)
            resolve()
          })
          ws.send('3', ctx.callback('callbacks', '3'))
          ws.ping('4', undefined, ctx.callback('callbacks', '4'))
        })
        await ctx.turns()
        if (ws.isPaused) ws.resume()
        if (ws.readyState === 1) ws.close(1000)
        await ctx.finish(ws, peer)
      })
    ),

  ...roles('2.5', 'close(), terminate() and send() in the close and error handlers', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    for (const name of ['error', 'close']) {
      ws.on(name, () => {
        for (const method of ['close', 'terminate', 'pause', 'resume']) ctx.attempt(name, method, () => ws[method]())
        ctx.attempt(name, 'send', () => ws.send('x', ctx.callback('callbacks', `send in ${name}`)))
        ctx.attempt(name, 'close with code', () => ws.close(1000, 'x'))
        ctx.log(name, ws.readyState, ws.isPaused, ws.bufferedAmount)
        marks(ctx, name, name)
      })
    }
    peer.write(peer.text('a'), peer.frame({ opcode: 7 }))
    await ctx.closed(ws)
    await ctx.turns()
  }),

  ...roles('2.5', 'a message handler that sends gets its answers in order', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws.on('message', (data: Buffer) => {
      ws.send(`echo ${data}`, ctx.callback('callbacks', String(data)))
      ws.send(Buffer.alloc(5000, data[0]))
      process.nextTick(() => ws.send(`tick ${data}`))
    })
    peer.write(peer.text('1'), peer.ping('p'), peer.text('2'), peer.text('3'))
    await ctx.wait('frames', peer.untilFrames(10))
    ws.close()
    await ctx.finish(ws, peer)
  }),

  ...roles('2.5', 'when callbacks come relative to ticks and immediates', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws.send('a', ctx.callback('order', 'a'))
    setImmediate(() => ctx.log('order', 'immediate'))
    await ctx.turns()
    ws.send(Buffer.alloc(100), ctx.callback('order', 'b'))
    setImmediate(() => ctx.log('order', 'immediate'))
    await ctx.turns()
    ws.close()
    await ctx.finish(ws, peer)
  }),

  ...roles('2.5', 'when the callbacks of sends after close come', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws.terminate()
    process.nextTick(() => ctx.log('order', 'tick before'))
    ws.send('a', ctx.callback('order', 'a'))
    process.nextTick(() => ctx.log('order', 'tick between'))
    ws.ping('b', ctx.callback('order', 'b'))
    process.nextTick(() => ctx.log('order', 'tick after'))
    void Promise.resolve().then(() => ctx.log('order', 'microtask'))
    await ctx.finish(ws, peer)
  }),

  ...roles('2.5', 'error, then close, with a turn or more between', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws.on('message', () => marks(ctx, 'order', 'message'))
    ws.on('error', () => {
      ctx.log('order', 'error')
      marks(ctx, 'order', 'error')
    })
    ws.on('close', () => ctx.log('order', 'close'))
    peer.write(peer.text('m'), peer.frame({ opcode: 3 }))
    await ctx.finish(ws, peer)
  }),

  ...roles('2.5', 'messages, pings and a close frame of one chunk, with what they schedule', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    for (const name of ['message', 'ping', 'pong', 'close']) {
      ws.on(name, () => {
        ctx.log('order', name)
        marks(ctx, 'order', name)
      })
    }
    peer.write(peer.text('m'), peer.ping('p'), peer.pong('q'), peer.text('n'))
    peer.writeClose(1000)
    await ctx.finish(ws, peer)
  }),

  ...roles('2.5', 'async iteration over events with awaits between loses nothing', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    const iterator = on(ws, 'message')
    peer.write(peer.text('1'), peer.text('2'), peer.text('3'))
    for (let i = 0; i < 3; i++) {
      const { value } = await iterator.next()
      ctx.log('iterated', value)
      await turn()
    }
    ws.close()
    await ctx.finish(ws, peer)
  }),

  ...roles('2.4', 'each send callback runs in the async context of its own send', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    const storage = new AsyncLocalStorage<string>()
    let count = 0
    const done = new Promise<void>((resolve) => {
      const send = (label: string, data: unknown, method = 'send'): void =>
        storage.run(label, () => {
          const cb = (...args: unknown[]): void => {
            ctx.log('contexts', label, String(storage.getStore()), args)
            if (++count === 7) resolve()
          }
          if (method === 'send') ws.send(data, cb)
          else ws[method](data, undefined, cb)
        })
      send('1', 'text')
      send('2', Buffer.alloc(10))
      send('3', Buffer.alloc(100000))
      send('4', 'p', 'ping')
      send('5', new Blob(['blob']))
      send('6', 'behind the blob')
      send('7', 'q', 'pong')
      ctx.log('contexts', 'outside', String(storage.getStore()))
    })
    await ctx.wait('callbacks', done)
    ws.close()
    await ctx.finish(ws, peer)
  }),

  ...roles('2.4', 'callbacks of failed sends run in the async context of their send', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    const storage = new AsyncLocalStorage<string>()
    peer.socket.pause()
    const send = (label: string, data: unknown): void =>
      storage.run(label, () => ws.send(data, (error: unknown) => ctx.log('contexts', label, String(storage.getStore()), error)))
    send('large', Buffer.alloc(16 * 1024 * 1024))
    send('queued', 'x')
    await turn()
    ws.terminate()
    send('after', 'x')
    await ctx.closed(ws)
    await ctx.turns()
  }),

  ...roles('2.5', 'no async context leaks into events', async (ctx, role) => {
    const storage = new AsyncLocalStorage<string>()
    const { ws, peer } = await ctx.endpoint(role)
    storage.run('of a send', () => ws.send('x'))
    ws.on('message', () => ctx.log('contexts', String(storage.getStore())))
    ws.on('ping', () => ctx.log('contexts', String(storage.getStore())))
    storage.run('of a send', () => ws.ping('x'))
    peer.write(peer.text('a'), peer.ping('b'))
    await ctx.until(ws, 'ping')
    ws.close()
    await ctx.finish(ws, peer)
  }),

  both('2.4', 'send(), close() and send() of both sides at once', async (ctx) => {
    const { ws, peer } = await ctx.pair()
    ws.send('c1')
    peer.send('s1')
    ws.close(1000, 'c')
    peer.send('s2')
    peer.close(1001, 's')
    ws.send('c2', ctx.callback('callbacks', 'client'))
    peer.send('s3', ctx.callback('callbacks', 'server'))
    await ctx.closed(ws, peer)
  }),

  both('2.4', 'a hundred messages each way, echoed in order', async (ctx) => {
    const { ws, peer } = await ctx.pair({ record: false })
    peer.on('message', (data: Buffer, isBinary: boolean) => {
      ctx.log('server', data, isBinary)
      peer.send(data, { binary: isBinary })
    })
    const done = new Promise<void>((resolve) => {
      let count = 0
      ws.on('message', (data: Buffer, isBinary: boolean) => {
        ctx.log('client', data, isBinary)
        if (++count === 100) resolve()
      })
    })
    for (let i = 0; i < 100; i++) {
      ws.send(i % 3 ? `message ${i}` : Buffer.from(`message ${i}`))
      if (i % 10 === 0) await turn()
    }
    await ctx.wait('echoes', done)
    ws.close()
    await ctx.closed(ws, peer)
  }),

  ...roles('2.5', 'an error thrown out of a listener by emit() of the user goes to the user', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws.on('message', () => {
      throw new Error('from a listener')
    })
    ctx.attempt('calls', 'emit', () => ws.emit('message', Buffer.from('x'), false))
    ws.close()
    await ctx.finish(ws, peer)
  }),

  ...roles('2.6', 'the end of the stream, then what was sent meanwhile', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws.on('message', () => {
      ws.send('answer', ctx.callback('callbacks', 'answer'))
      setImmediate(() => ws.send('later answer', ctx.callback('callbacks', 'later answer')))
    })
    peer.write(peer.text('question'))
    await ctx.wait('answer', peer.untilFrames(2))
    peer.socket.end()
    await ctx.finish(ws, peer)
    await ctx.turns()
  })
]
