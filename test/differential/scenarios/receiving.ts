// Receiving valid frames: text and binary in every form and split, binaryType, limits, pause and resume.

import { roles, both } from '../harness.js'
import type { Scenario } from '../harness.js'
import type { Any } from '../implementations.js'
import { turn } from '../../support/raw-peer.js'

const octets = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, i) => (i * 11) & 255))
const lengths = [0, 1, 2, 3, 4, 5, 8, 16, 31, 32, 33, 47, 48, 64, 125, 126, 127, 200, 255, 256, 257]

export const scenarios: Scenario[] = [
  ...roles('2.5', 'text and binary of many lengths in one chunk', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    peer.write(
      ...lengths.flatMap((length) => [peer.binary(octets(length)), peer.text('ž'.repeat(length >> 1) + 'x'.repeat(length & 1))])
    )
    peer.writeClose(1000)
    await ctx.finish(ws, peer)
  }),

  ...roles('2.5', 'text and binary of some lengths octet by octet', async (ctx, role) => {
    const { ws, peer, socket } = await ctx.endpoint(role)
    for (const length of [0, 1, 5, 126, 130]) {
      await peer.trickle(
        Buffer.concat([peer.binary(octets(length)), peer.text('ž'.repeat(length >> 1) + 'x'.repeat(length & 1))]),
        socket
      )
    }
    peer.writeClose(1000)
    await ctx.finish(ws, peer)
  }),

  ...[2, 3, 5, 7, 13].flatMap((size) =>
    roles('2.5', `frames in chunks of ${size} octets`, async (ctx, role) => {
      const { ws, peer, socket } = await ctx.endpoint(role)
      const all = Buffer.concat([
        peer.text('one'),
        peer.ping('p'),
        peer.binary(octets(20)),
        peer.text('žluť', { fin: false }),
        peer.pong(''),
        peer.frame({ opcode: 0, payload: 'oučký' }),
        peer.text(''),
        peer.close(3000, 'ž')
      ])
      await peer.trickle(all, socket, size)
      await ctx.finish(ws, peer)
    })
  ),

  ...roles('2.5', 'large messages over many chunks', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    peer.write(
      peer.binary(octets(65535)),
      peer.binary(octets(65536)),
      peer.text('é'.repeat(100000)),
      peer.binary(octets(300001)),
      peer.ping('end')
    )
    peer.writeClose(1000)
    await ctx.finish(ws, peer)
  }),

  ...roles('3', 'lengths in a longer form than they need are accepted', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    peer.write(
      peer.text('a', { lengthOctets: 2 }),
      peer.text('b', { lengthOctets: 8 }),
      peer.binary('', { lengthOctets: 2 }),
      peer.binary('', { lengthOctets: 8 }),
      peer.binary(octets(126), { lengthOctets: 8 }),
      peer.text('part', { lengthOctets: 8, fin: false }),
      peer.frame({ opcode: 0, payload: 's', lengthOctets: 2 })
    )
    peer.writeClose(1000)
    await ctx.finish(ws, peer)
  }),

  ...roles('2.5', 'fragmented messages with control frames between', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    peer.write(
      peer.text('a', { fin: false }),
      peer.ping('1'),
      peer.frame({ opcode: 0, fin: false, payload: 'b' }),
      peer.pong('2'),
      peer.ping('3'),
      peer.frame({ opcode: 0, payload: 'c' }),
      peer.binary('', { fin: false }),
      peer.frame({ opcode: 0, fin: false, payload: '' }),
      peer.frame({ opcode: 0, payload: '' }),
      peer.binary('x', { fin: false }),
      peer.frame({ opcode: 0, fin: false, payload: '' }),
      peer.frame({ opcode: 0, payload: 'y' })
    )
    peer.writeClose(1000)
    await ctx.finish(ws, peer)
  }),

  ...roles('2.5', 'a code point split between fragments and between chunks', async (ctx, role) => {
    const { ws, peer, socket } = await ctx.endpoint(role)
    const text = Buffer.from('𝄞€ž')
    for (let cut = 0; cut <= text.length; cut++) {
      const parts = [peer.text(text.subarray(0, cut), { fin: false }), peer.frame({ opcode: 0, payload: text.subarray(cut) })]
      if (cut % 2) peer.write(...parts)
      else await peer.trickle(Buffer.concat(parts), socket)
    }
    peer.writeClose(1000)
    await ctx.finish(ws, peer)
  }),

  ...roles('2.2', 'skipUTF8Validation lets anything through', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role, { skipUTF8Validation: true })
    peer.write(
      peer.text(Buffer.from([0xff])),
      peer.text(Buffer.from([0xc3]), { fin: false }),
      peer.frame({ opcode: 0, payload: Buffer.from([0xc3]) }),
      peer.text(Buffer.concat([Buffer.alloc(100, 'a'), Buffer.from([0xff])]))
    )
    peer.writeClose(1000, Buffer.from([0xff, 0xfe]))
    await ctx.finish(ws, peer)
  }),

  ...['nodebuffer', 'arraybuffer', 'fragments', 'blob'].flatMap((binaryType) =>
    roles('2.3', `binaryType ${binaryType}`, async (ctx, role) => {
      const { ws, peer } = await ctx.endpoint(role)
      ws.binaryType = binaryType
      ctx.log('binaryType', ws.binaryType)
      ws.on('message', (data: Any) => {
        ctx.log(
          'classes',
          data.constructor.name,
          Array.isArray(data) && data.length,
          data instanceof ArrayBuffer && data.byteLength
        )
      })
      ws.addEventListener('message', (event: Any) => ctx.log('DOM', event.data))
      peer.write(
        peer.binary(octets(5)),
        peer.binary(''),
        peer.text('text'),
        peer.text(''),
        peer.binary('a', { fin: false }),
        peer.frame({ opcode: 0, fin: false, payload: '' }),
        peer.frame({ opcode: 0, payload: 'bc' }),
        peer.text('t', { fin: false }),
        peer.frame({ opcode: 0, payload: 'u' }),
        peer.binary('', { fin: false }),
        peer.frame({ opcode: 0 }),
        peer.binary(octets(300)),
        peer.ping('p')
      )
      peer.writeClose(1000)
      await ctx.finish(ws, peer)
    })
  ),

  ...roles('2.3', 'binaryType changed between the messages of one chunk', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    const types = ['arraybuffer', 'fragments', 'blob', 'nodebuffer', 'nonsense', 'arraybuffer']
    ws.on('message', () => {
      ws.binaryType = types.shift()
      ctx.log('binaryType', ws.binaryType)
    })
    peer.write(...types.map((name) => peer.binary(name)))
    peer.writeClose(1000)
    await ctx.finish(ws, peer)
  }),

  ...roles('2.3', 'binaryType changed inside a fragmented message', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws.once('ping', () => (ws.binaryType = 'arraybuffer'))
    peer.write(peer.binary('a', { fin: false }), peer.ping(), peer.frame({ opcode: 0, payload: 'b' }))
    peer.writeClose(1000)
    await ctx.finish(ws, peer)
  }),

  ...roles('2.5', 'binary messages keep their content while more arrives', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role, {}, { events: ['error', 'close'] })
    const kept: Any[] = []
    ws.on('message', (data: Any) => kept.push(data))
    for (const type of ['nodebuffer', 'arraybuffer', 'fragments']) {
      ws.binaryType = type
      for (let i = 0; i < 4; i++) {
        const arrived = ctx.until(ws, 'message')
        peer.write(peer.binary(`${type} ${i}`), peer.text(`text ${i}`), peer.binary(Buffer.alloc(3000, i)))
        await arrived
      }
    }
    ws.on('ping', (data: Any) => kept.push(data))
    peer.write(peer.ping('ping 1'), peer.ping('ping 2'))
    peer.write(peer.binary(Buffer.alloc(65536, 'z')))
    peer.writeClose(1000, 'reason')
    await ctx.finish(ws, peer)
    for (const data of kept) ctx.log('kept', data)
  }),

  ...roles('2.5', 'a message may be changed by who receives it', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws.on('message', (data: Any) => data.fill(0))
    ws.on('ping', (data: Any) => data.fill(0))
    peer.write(
      peer.text('one'),
      peer.binary('two'),
      peer.ping('p'),
      peer.text('three'),
      peer.binary(octets(300)),
      peer.text('last')
    )
    peer.writeClose(1000)
    await ctx.finish(ws, peer)
  }),

  ...(
    [
      ['exactly maxPayload', { maxPayload: 10 }, 10],
      ['maxPayload 0', { maxPayload: 0 }, 1000],
      ['negative maxPayload', { maxPayload: -5 }, 1000],
      ['maxPayload undefined', { maxPayload: undefined }, 1000],
      ['maxPayload null', { maxPayload: null }, 1000],
      ['maxPayload as a string', { maxPayload: '10' }, 10],
      ['maxPayload beyond 2^31', { maxPayload: 2 ** 31 }, 1000],
      ['maxPayload of 2^32 + 10', { maxPayload: 2 ** 32 + 10 }, 10]
    ] as [string, Any, number][]
  ).flatMap(([name, options, length]) =>
    roles('2.2', `limits: ${name}`, async (ctx, role) => {
      const { ws, peer } = await ctx.endpoint(role, options)
      peer.write(
        peer.binary(octets(length)),
        peer.text('x'.repeat(length - 1), { fin: false }),
        peer.ping(octets(20)),
        peer.frame({ opcode: 0, payload: 'y' }),
        peer.binary(octets(length + 1))
      )
      peer.write(peer.close(1000))
      await ctx.finish(ws, peer)
    })
  ),

  ...roles('2.2', 'limits: maxPayload is judged by the header, before the payload arrives', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role, { maxPayload: 1000 })
    peer.write(peer.text('fits'), peer.binary('', { claim: 1001 }).subarray(0, 4))
    await ctx.finish(ws, peer)
  }),

  ...roles('2.2', 'limits: maxPayload counts fragments together, not control frames', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role, { maxPayload: 4 })
    peer.write(
      peer.text('ab', { fin: false }),
      peer.ping('123456'),
      peer.frame({ opcode: 0, payload: 'cd' }),
      peer.text('abc', { fin: false }),
      peer.frame({ opcode: 0, fin: false, payload: '' }),
      peer.frame({ opcode: 0, payload: 'de' })
    )
    await ctx.finish(ws, peer)
  }),

  ...(
    [
      [1, 1],
      [2, 2],
      [0, 50],
      [-1, 50],
      [undefined, 50],
      ['2', 2]
    ] as [Any, number][]
  ).flatMap(([maxFragments, count]) =>
    roles('2.2', `limits: maxFragments ${JSON.stringify(maxFragments)} with ${count} frames and one more`, async (ctx, role) => {
      const { ws, peer } = await ctx.endpoint(role, { maxFragments })
      const message = (frames: number): Buffer[] =>
        Array.from({ length: frames }, (_, i) =>
          peer.frame({ opcode: i === 0 ? 1 : 0, fin: i === frames - 1, payload: String(i % 10) })
        )
      peer.write(...message(count), ...message(count), ...message(count + 1), peer.close(1000))
      await ctx.finish(ws, peer)
    })
  ),

  ...roles('2.2', 'limits: maxFragments is judged when a frame is complete', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role, { maxFragments: 1 })
    peer.write(peer.text('a', { fin: false }), peer.ping('1'), peer.frame({ opcode: 0, payload: 'bcd' }).subarray(0, -1))
    await ctx.until(ws, 'ping')
    ctx.log('ws', 'state before the last octet', ws.readyState)
    peer.write(peer.frame({ opcode: 0, payload: 'bcd' }).subarray(-1))
    await ctx.finish(ws, peer)
  }),

  ...roles('2.2', 'limits: the default of maxFragments is 16384', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    const frames = (count: number): Buffer[] =>
      Array.from({ length: count }, (_, i) => peer.frame({ opcode: i === 0 ? 2 : 0, fin: i === count - 1, payload: '' }))
    peer.write(...frames(16384), peer.ping('still here'), ...frames(16385), peer.ping('not here'))
    await ctx.finish(ws, peer)
  }),

  ...(
    [
      [3, 3],
      [3, 4],
      [0, 20],
      [-1, 20],
      ['2', 3]
    ] as [Any, number][]
  ).flatMap(([maxBufferedChunks, count]) =>
    roles(
      '2.2',
      `limits: maxBufferedChunks ${JSON.stringify(maxBufferedChunks)} with a frame in ${count} chunks`,
      async (ctx, role) => {
        const { ws, peer, socket } = await ctx.endpoint(role, { maxBufferedChunks })
        const frame = peer.binary('0123456789'.repeat(3))
        const head = frame.length - 30
        // Header and first octets, then one octet a chunk, then the rest.
        await peer.trickle(frame.subarray(0, head + 1), socket, head + 1)
        for (let i = 1; i < count - 1; i++) await peer.trickle(frame.subarray(head + i, head + i + 1), socket)
        await peer.trickle(frame.subarray(head + count - 1), socket, 100)
        if (ws.readyState === 1) peer.write(peer.text('after'))
        if (ws.readyState === 1) peer.writeClose(1000)
        await ctx.finish(ws, peer)
      }
    )
  ),

  ...roles('2.4', 'pause() stops reading, resume() goes on', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ctx.log('paused', ws.isPaused)
    ctx.attempt('paused', 'pause', () => ws.pause())
    ctx.log('paused', ws.isPaused)
    peer.write(peer.text('while paused'), peer.ping('p'))
    await ctx.turns(30)
    ctx.log('ws', 'nothing until here')
    ws.send('sending goes on')
    await ctx.wait('frame', peer.untilFrames(1))
    ctx.attempt('paused', 'resume', () => ws.resume())
    ctx.log('paused', ws.isPaused)
    await ctx.until(ws, 'message')
    ws.close()
    await ctx.finish(ws, peer)
    ctx.attempt('paused', 'pause when CLOSED', () => ws.pause())
    ctx.attempt('paused', 'resume when CLOSED', () => ws.resume())
    ctx.log('paused', ws.isPaused)
  }),

  ...roles('2.4', 'pause() in a handler still delivers the rest of the chunk', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws.once('message', () => ws.pause())
    peer.write(peer.text('1'), peer.text('2'), peer.ping('3'), peer.binary('4'), peer.text('cut').subarray(0, 5))
    await ctx.until(ws, 'message')
    await ctx.turns(20)
    ctx.log('ws', 'paused', ws.isPaused)
    peer.write(peer.text('cut').subarray(5), peer.text('5'))
    await ctx.turns(30)
    ctx.log('ws', 'resume')
    ws.resume()
    await ctx.until(ws, 'message')
    ws.close()
    await ctx.finish(ws, peer)
  }),

  ...roles('2.4', 'pause() twice, resume() twice', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws.pause()
    ws.pause()
    ctx.log('paused', ws.isPaused)
    ws.resume()
    ws.resume()
    ctx.log('paused', ws.isPaused)
    peer.write(peer.text('x'))
    await ctx.until(ws, 'message')
    ws.close()
    await ctx.finish(ws, peer)
  }),

  ...roles('2.4', 'pause() while CLOSING', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws.close(1000)
    ws.pause()
    ctx.log('paused', ws.isPaused, ws.readyState)
    await ctx.wait('close frame', peer.untilFrames(1))
    await ctx.turns()
    ctx.log('ws', 'state', ws.readyState)
    ws.resume()
    await ctx.finish(ws, peer)
    ctx.log('paused', ws.isPaused)
  }),

  ...roles('2.6', 'terminate() while paused delivers nothing that was not read', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws.pause()
    ws.terminate()
    await ctx.finish(ws, peer)
  }),

  ...roles('2.6', 'what a paused socket has read already is parsed before close', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws.on('message', (data: Buffer) => {
      if (data.toString() === 'stop') ws.pause()
    })
    peer.write(peer.text('stop'))
    await ctx.until(ws, 'message')
    // Put into the socket by hand: what the system would have read and the stream holds back.
    ws._socket.unshift(Buffer.concat([peer.text('held back'), peer.ping('p'), peer.text('cut').subarray(0, 4)]))
    ws.terminate()
    await ctx.finish(ws, peer)
  }),

  ...roles('2.6', 'a close frame that a paused socket holds back counts', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws.pause()
    ws._socket.unshift(Buffer.concat([peer.text('held back'), peer.close(1001, 'held')]))
    ws.terminate()
    await ctx.finish(ws, peer)
  }),

  ...roles('2.6', 'a protocol error that a paused socket holds back counts', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws.pause()
    ws._socket.unshift(Buffer.concat([peer.text('held back'), peer.frame({ opcode: 15 })]))
    ws.terminate()
    await ctx.finish(ws, peer)
  }),

  both('2.4', 'pause() holds a stream of messages back and resume() loses none', async (ctx) => {
    const { ws, peer } = await ctx.pair({ record: false })
    let sum = 0
    let count = 0
    const all = new Promise<void>((resolve) => {
      ws.on('message', (data: Buffer) => {
        sum += data.length
        if (++count % 50 === 0) {
          ws.pause()
          setImmediate(() => ws.resume())
        }
        if (count === 400) resolve()
      })
    })
    for (let i = 0; i < 400; i++) peer.send(Buffer.alloc(i * 13))
    await ctx.wait('all messages', all)
    ctx.log('sums', sum, count)
    ws.close()
    await ctx.closed(ws, peer)
  }),

  ...roles('2.2', 'allowSynchronousEvents: false gives one event a turn', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role, { allowSynchronousEvents: false })
    const last = new Promise<void>((resolve) => {
      for (const name of ['message', 'ping', 'pong']) {
        ws.on(name, (data: Buffer) => {
          process.nextTick(() => ctx.log('ws', `tick after ${data}`))
          void Promise.resolve().then(() => ctx.log('ws', `microtask after ${data}`))
          setImmediate(() => {
            ctx.log('ws', `immediate after ${data}`)
            if (String(data) === '57') resolve()
          })
        })
      }
    })
    peer.write(
      peer.text('1'),
      peer.binary('2'),
      peer.ping('3'),
      peer.pong('4'),
      peer.text('5', { fin: false }),
      peer.ping('6'),
      peer.frame({ opcode: 0, payload: '7' })
    )
    await ctx.wait('last event', last)
    peer.writeClose(1000)
    await ctx.finish(ws, peer)
  }),

  ...roles('2.2', 'allowSynchronousEvents: true gives all events of a chunk in one tick', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    for (const name of ['message', 'ping', 'pong']) {
      ws.on(name, (data: Buffer) => {
        process.nextTick(() => ctx.log('ws', `tick after ${data}`))
        void Promise.resolve().then(() => ctx.log('ws', `microtask after ${data}`))
        setImmediate(() => ctx.log('immediates', `immediate after ${data}`))
      })
    }
    peer.write(
      peer.text('1'),
      peer.binary('2'),
      peer.ping('3'),
      peer.pong('4'),
      peer.text('5', { fin: false }),
      peer.ping('6'),
      peer.frame({ opcode: 0, payload: '7' })
    )
    await ctx.turns()
    peer.writeClose(1000)
    await ctx.finish(ws, peer)
  }),

  ...roles('2.2', 'allowSynchronousEvents: false, a violation behind messages', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role, { allowSynchronousEvents: false })
    peer.write(peer.text('1'), peer.ping('2'), peer.frame({ opcode: 15 }), peer.text('3'))
    await ctx.finish(ws, peer)
  }),

  ...roles('2.2', 'allowSynchronousEvents: false, the end of the stream behind messages', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role, { allowSynchronousEvents: false })
    peer.write(peer.text('1'), peer.text('2'), peer.text('3'))
    peer.socket.end()
    await ctx.finish(ws, peer)
  }),

  ...roles('2.2', 'allowSynchronousEvents: false, terminate() in the first handler', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role, { allowSynchronousEvents: false })
    ws.once('message', () => ws.terminate())
    peer.write(peer.text('1'), peer.text('2'), peer.text('3'))
    await ctx.finish(ws, peer)
    await turn()
  }),

  ...roles('2.2', 'allowSynchronousEvents: false, in many small chunks with pause and resume', async (ctx, role) => {
    const { ws, peer, socket } = await ctx.endpoint(role, { allowSynchronousEvents: false })
    ws.on('message', (data: Buffer) => {
      if (data.toString() === '2') {
        ws.pause()
        setImmediate(() => ws.resume())
      }
    })
    await peer.trickle(Buffer.concat([peer.text('1'), peer.text('2'), peer.text('3')]), socket, 3)
    peer.writeClose(1000)
    await ctx.finish(ws, peer)
  })
]
