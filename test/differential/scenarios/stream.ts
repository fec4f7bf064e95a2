// createWebSocketStream: the Duplex over a WebSocket.

import { Duplex, Readable, Transform } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import { responseOctets } from '../../support/raw-peer.js'
import { both, client, roles } from '../harness.js'
import type { Context, Scenario } from '../harness.js'
import type { Any } from '../implementations.js'

function recordStream(ctx: Context, stream: Any, lane = 'stream'): void {
  for (const name of ['end', 'finish', 'close', 'error', 'data']) {
    stream.on(name, (...args: unknown[]) => ctx.log(lane, name, args))
  }
}

export const scenarios: Scenario[] = [
  ...roles('5', 'the stream that is made', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    const count = (): number[] => ['message', 'error', 'close', 'open'].map((name) => ws.listenerCount(name))
    const before = count()
    const stream = ctx.subject.createWebSocketStream(ws)
    ctx.log(
      'listeners',
      count().map((one, i) => one - before[i])
    )
    ctx.log(
      'stream',
      stream instanceof Duplex,
      stream.readableObjectMode,
      stream.writableObjectMode,
      stream.allowHalfOpen,
      stream.readableHighWaterMark,
      stream.writableHighWaterMark,
      stream._readableState.autoDestroy,
      stream._readableState.emitClose
    )
    const forced = ctx.subject.createWebSocketStream(ws, {
      objectMode: true,
      autoDestroy: true,
      emitClose: true,
      writableObjectMode: true,
      readableObjectMode: true,
      highWaterMark: 5,
      encoding: 'utf8'
    })
    ctx.log(
      'forced',
      forced.readableObjectMode,
      forced.writableObjectMode,
      forced.readableHighWaterMark,
      forced.writableHighWaterMark,
      forced._readableState.autoDestroy,
      forced._readableState.emitClose,
      forced.readableEncoding
    )
    ws.terminate()
    await ctx.finish(ws, peer)
  }),

  ...roles('5', 'messages are read, writes are sent', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    const stream = ctx.subject.createWebSocketStream(ws)
    recordStream(ctx, stream)
    ctx.log(
      'write',
      stream.write('text', ctx.callback('callbacks', 'write')),
      stream.write(Buffer.from('buffer')),
      stream.write(new Uint8Array([1, 2]))
    )
    peer.write(
      peer.text('žluť'),
      peer.binary('binary'),
      peer.text(''),
      peer.binary('frag', { fin: false }),
      peer.frame({ opcode: 0, payload: 'ment' })
    )
    await ctx.wait('frames', peer.untilFrames(3))
    const closed = ctx.until(stream, 'close')
    stream.end('last', ctx.callback('callbacks', 'end'))
    await closed
    await ctx.finish(ws, peer)
  }),

  ...roles('5', 'readableObjectMode gives strings for text, one message a chunk', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    const stream = ctx.subject.createWebSocketStream(ws, { readableObjectMode: true })
    recordStream(ctx, stream)
    stream.on('end', () => stream.end())
    const closed = ctx.until(stream, 'close')
    peer.write(peer.text('a'), peer.text('b'), peer.binary('c'), peer.text(''), peer.binary(''))
    peer.writeClose(1000)
    await closed
    await ctx.finish(ws, peer)
  }),

  ...roles('5', 'encoding gives strings', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    const stream = ctx.subject.createWebSocketStream(ws, { encoding: 'utf8' })
    recordStream(ctx, stream)
    stream.on('end', () => stream.end())
    peer.write(peer.text('ž'), peer.binary(Buffer.from([0xc5])), peer.binary(Buffer.from([0xbe])))
    const closed = ctx.until(stream, 'close')
    peer.writeClose(1000)
    await closed
    await ctx.finish(ws, peer)
  }),

  ...roles('5', 'the peer closes: end, then finish and close', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    const stream = ctx.subject.createWebSocketStream(ws)
    recordStream(ctx, stream)
    stream.on('end', () => stream.end())
    const closed = ctx.until(stream, 'close')
    peer.writeClose(4000, 'bye', peer.text('last'))
    await closed
    ctx.log('state', stream.destroyed, ws.readyState)
    await ctx.finish(ws, peer)
  }),

  ...roles('5', 'the peer ends the stream without a close frame', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    const stream = ctx.subject.createWebSocketStream(ws)
    recordStream(ctx, stream)
    stream.on('end', () => stream.end())
    const closed = ctx.until(stream, 'close')
    peer.socket.end(peer.text('last'))
    await closed
    await ctx.finish(ws, peer)
  }),

  ...roles('5', 'destroy() terminates', async (ctx, role) => {
    for (const error of [undefined, new Error('by the user')]) {
      const { ws, peer } = await ctx.endpoint(role)
      const stream = ctx.subject.createWebSocketStream(ws)
      recordStream(ctx, stream)
      const closed = ctx.until(stream, 'close')
      stream.destroy(error)
      ctx.log('state', ws.readyState)
      await closed
      await ctx.finish(ws, peer)
    }
  }),

  ...roles('5', 'a protocol error destroys the stream and still sends the close frame', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    const stream = ctx.subject.createWebSocketStream(ws)
    recordStream(ctx, stream)
    const closed = ctx.until(stream, 'close')
    peer.write(peer.text('before'), peer.frame({ opcode: 15 }))
    await closed
    await ctx.finish(ws, peer)
    ctx.log('state', stream.destroyed)
  }),

  ...roles('5', 'what was written before a protocol error still arrives', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    peer.socket.pause()
    const stream = ctx.subject.createWebSocketStream(ws)
    recordStream(ctx, stream)
    stream.write(Buffer.alloc(16 * 1024 * 1024), () => ctx.log('callbacks', 'write'))
    const failed = ctx.until(ws, 'error')
    peer.write(peer.frame({ opcode: 15 }))
    await failed
    await ctx.turns()
    ctx.log('state', ws.readyState, stream.destroyed)
    peer.socket.resume()
    await ctx.finish(ws, peer)
  }),

  ...roles('5', 'end() before all is read', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    const stream = ctx.subject.createWebSocketStream(ws)
    for (const name of ['end', 'finish', 'close', 'error']) stream.on(name, () => ctx.log('stream', name))
    peer.write(peer.text('unread'))
    await ctx.until(ws, 'message')
    const finish = ctx.until(stream, 'finish')
    stream.end()
    await finish
    await ctx.closed(ws)
    ctx.log('state', stream.destroyed, ws.readyState)
    const closed = ctx.until(stream, 'close')
    stream.on('data', (data: Buffer) => ctx.log('stream', 'data', data))
    await closed
    await ctx.finish(ws, peer)
  }),

  ...roles('5', 'writing after end, after destroy and after close', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    const stream = ctx.subject.createWebSocketStream(ws)
    recordStream(ctx, stream)
    ws.close()
    await ctx.closed(ws)
    ctx.attempt('calls', 'write', () => stream.write('late', ctx.callback('callbacks', 'write')))
    await ctx.turns()
    ctx.log('state', stream.destroyed)
    stream.destroy()
    await ctx.turns()
    await ctx.finish(ws, peer)
  }),

  ...roles('5', 'a reader that is slow pauses the WebSocket', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role, {}, { events: ['error', 'close'] })
    const stream = ctx.subject.createWebSocketStream(ws, { highWaterMark: 10 })
    peer.write(peer.binary('0123456789'))
    await ctx.until(ws, 'message')
    ctx.log('paused', ws.isPaused, stream.readableLength)
    peer.write(peer.binary('abc'), peer.binary('def'))
    await ctx.turns(30)
    ctx.log('paused', ws.isPaused, stream.readableLength)
    ctx.log('read', stream.read())
    await ctx.until(ws, 'message')
    ctx.log('paused', ws.isPaused, stream.readableLength)
    ctx.log('read', stream.read())
    ws.terminate()
    await ctx.finish(ws, peer)
  }),

  ...roles('5', 'a slow peer holds writes back', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role, {}, { events: ['error', 'close'] })
    peer.socket.pause()
    const stream = ctx.subject.createWebSocketStream(ws)
    ctx.log('write', stream.write(Buffer.alloc(16 * 1024 * 1024)), stream.write('second'))
    await ctx.turns()
    ctx.log('write', stream.writableLength)
    const drained = ctx.until(stream, 'drain')
    peer.socket.resume()
    await drained
    ctx.log('write', stream.writableLength)
    await ctx.wait('frames', peer.untilFrames(2))
    ws.terminate()
    await ctx.closed(ws)
  }),

  ...roles('5', 'async iteration ends with the connection', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    const stream = ctx.subject.createWebSocketStream(ws, { readableObjectMode: true })
    peer.write(peer.text('1'), peer.text('2'))
    peer.writeClose(1000)
    for await (const chunk of stream) ctx.log('chunks', chunk)
    await ctx.finish(ws, peer)
  }),

  client('5', 'write and end before open', async (ctx) => {
    const { url } = await ctx.rawServer((peer, key) => {
      ctx.recordPeer(peer)
      peer.write(responseOctets(key))
    })
    const ws = ctx.connect(url, undefined, { perMessageDeflate: false })
    const stream = ctx.subject.createWebSocketStream(ws)
    recordStream(ctx, stream)
    ctx.log('write', stream.write('early', ctx.callback('callbacks', 'write')))
    stream.end('and end', ctx.callback('callbacks', 'end'))
    stream.resume()
    await ctx.until(stream, 'close')
    await ctx.closed(ws)
  }),

  client('5', 'end alone before open', async (ctx) => {
    const { url } = await ctx.rawServer((peer, key) => peer.write(responseOctets(key)))
    const ws = ctx.connect(url)
    const stream = ctx.subject.createWebSocketStream(ws)
    recordStream(ctx, stream)
    stream.end()
    await ctx.until(stream, 'close')
  }),

  client('5', 'destroy before open', async (ctx) => {
    const { url } = await ctx.rawServer(() => {})
    const ws = ctx.connect(url)
    const stream = ctx.subject.createWebSocketStream(ws)
    recordStream(ctx, stream)
    stream.destroy()
    await ctx.until(stream, 'close')
    ctx.log('state', ws.readyState)
  }),

  client('5', 'a handshake that fails', async (ctx) => {
    const { url } = await ctx.rawServer((peer) => peer.socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n'))
    for (const data of [undefined, 'never sent', '']) {
      const ws = ctx.connect(url)
      const stream = ctx.subject.createWebSocketStream(ws)
      recordStream(ctx, stream)
      if (data !== undefined) ws.once('error', () => stream.end(data, ctx.callback('callbacks', 'end in the error handler')))
      await ctx.until(stream, 'close')
    }
  }),

  client('5', 'a handshake that fails after end()', async (ctx) => {
    const { url } = await ctx.rawServer((peer) => peer.socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n'))
    for (const data of ['never sent', undefined]) {
      const ws = ctx.connect(url)
      const stream = ctx.subject.createWebSocketStream(ws)
      recordStream(ctx, stream)
      stream.end(data, ctx.callback('callbacks', 'end'))
      await ctx.until(stream, 'close')
    }
  }),

  client('5', 'end() in the error handler of a handshake that failed', async (ctx) => {
    const { url } = await ctx.rawServer((peer) => peer.socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n'))
    const ws = ctx.connect(url)
    let stream: Any = null
    ws.on('error', () => {
      stream = ctx.subject.createWebSocketStream(ws)
      recordStream(ctx, stream)
      stream.end()
      stream.resume()
    })
    await ctx.closed(ws)
    await ctx.turns()
    ctx.log('state', stream.destroyed, stream.readableEnded, stream.writableFinished)
  }),

  both('5', 'a pipeline through an echoing server', async (ctx) => {
    const { ws, peer } = await ctx.pair({ record: false })
    const far = ctx.server.createWebSocketStream(peer)
    far.pipe(far)
    const near = ctx.client.createWebSocketStream(ws)
    const source = Readable.from(Array.from({ length: 50 }, (_, i) => Buffer.alloc(i * 97, i)))
    let sum = 0
    const sink = new Transform({
      transform(chunk: Buffer, _encoding, cb) {
        sum += chunk.length
        if (sum === (49 * 50 * 97) / 2) near.end()
        cb()
      }
    })
    source.pipe(near, { end: false })
    sink.resume()
    near.pipe(sink)
    await ctx.wait('the end', finished(sink))
    ctx.log('sum', sum)
    await ctx.closed(ws, peer)
  }),

  both('5', 'a pipeline that ends the connection', async (ctx) => {
    const { ws, peer } = await ctx.pair()
    const far = ctx.server.createWebSocketStream(peer)
    const got: Buffer[] = []
    far.on('data', (chunk: Buffer) => got.push(chunk))
    const near = ctx.client.createWebSocketStream(ws)
    near.resume()
    await ctx.wait('pipeline', pipeline(Readable.from([Buffer.from('a'), Buffer.from('b'), Buffer.from('c')]), near))
    await ctx.closed(ws, peer)
    ctx.log('got', got)
  })
]
