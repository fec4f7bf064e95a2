// When a frame leaves: before its program looks at the socket, in whatever way.

import https from 'node:https'
import type net from 'node:net'
import tls from 'node:tls'
import { RawPeer, requestOctets, turn } from '../../support/raw-peer.js'
import { cert, key as tlsKey } from '../../support/tls.js'
import { roles, server } from '../harness.js'
import type { Context, Scenario } from '../harness.js'
import type { Any } from '../implementations.js'

/** What a program that kept the socket from before, and not `ws._socket`, sees of it. */
const lengths = (socket: Any): unknown[] => [
  socket.bytesWritten,
  socket.writableLength,
  socket.writableNeedDrain,
  socket.bufferSize
]

/** The kinds of payload that go different ways: into slabs, beside them, by reference. */
const sizes = [1, 200, 5000, 20_000, 40_000, 150_000]

/** Sends that must have made `writableLength` pass the mark; more are a loop without end. */
const SENDS_LIMIT = 100_000

/** `while (socket.writableLength < limit) send()`; records whether it ends. */
function fill(ctx: Context, socket: Any, send: () => void, limit: number, label: string): void {
  let sends = 0
  while (socket.writableLength < limit && sends < SENDS_LIMIT) {
    send()
    sends++
  }
  ctx.log('loop', label, sends < SENDS_LIMIT ? 'ends' : 'does not end', socket.writableLength >= limit)
}

/** A server's WebSocket over TLS. */
async function secure(ctx: Context): Promise<{ ws: Any; peer: RawPeer; socket: tls.TLSSocket }> {
  const server = https.createServer({ key: tlsKey, cert })
  server.listen(0, '127.0.0.1')
  await ctx.until(server, 'listening')
  const wss = new ctx.server.WebSocketServer({ server })
  ctx.deferServer(wss)
  ctx.defer(() => server.close())
  const connection = ctx.until(wss, 'connection')
  const own = ctx.until(server, 'secureConnection')
  const client = tls.connect({ port: (server.address() as net.AddressInfo).port, host: '127.0.0.1', ca: cert })
  await ctx.until(client, 'secureConnect')
  ctx.defer(() => client.destroy())
  const peer = new RawPeer(client, 'client')
  peer.write(requestOctets())
  const [[ws], [socket]] = await Promise.all([connection, own, ctx.wait('answer', peer.untilHead())])
  return { ws, peer, socket: socket as tls.TLSSocket }
}

export const scenarios: Scenario[] = [
  ...roles('2.5', 'lengths of a saved socket after each of several sends', async (ctx, role) => {
    const { ws, peer, socket } = await ctx.endpoint(role)
    const start = socket.bytesWritten
    const look = (label: string): void => {
      const [written, ...rest] = lengths(socket)
      ctx.log('lengths', label, (written as number) - start, rest)
    }
    for (let round = 0; round < 3; round++) {
      look('at first')
      for (const word of ['one', 'two', 'three', 'four', 'five']) {
        ws.send(word)
        look(word)
      }
      ws.ping('ping')
      look('ping')
      for (let i = 0; i < 10; i++) ws.send(`${i}`)
      look('ten')
      await turn()
      look('in the next turn')
    }
    await ctx.wait('frames', peer.untilFrames(48))
    ws.close(1000)
    look('close')
    await ctx.finish(ws, peer)
  }),

  ...roles('2.5', 'lengths of a saved socket while the peer does not read', async (ctx, role) => {
    const { ws, peer, socket } = await ctx.endpoint(role)
    peer.socket.pause()
    const large = Buffer.alloc(16 * 2 ** 20)
    const start = socket.bytesWritten
    ws.send(large)
    const held = socket.writableLength
    const look = (label: string): void => {
      const [written, length, needsDrain, bufferSize] = lengths(socket) as [number, number, boolean, number]
      ctx.log('lengths', label, written - start - large.length, length - held, needsDrain, bufferSize === length)
    }
    look('large')
    for (const size of sizes) {
      ws.send(Buffer.alloc(size))
      look(`${size}`)
      ws.send('x'.repeat(size))
      look(`${size} as text`)
      await turn()
    }
    for (let i = 0; i < 20; i++) ws.send('x')
    look('twenty small ones')
    ws.terminate()
    await ctx.closed(ws)
  }),

  ...roles('2.5', 'lengths of a saved socket in a message listener', async (ctx, role) => {
    const { ws, peer, socket } = await ctx.endpoint(role, {}, { events: ['close'] })
    const start = socket.bytesWritten
    ws.on('message', (data: Buffer) => {
      ws.send(data)
      ws.send(Buffer.concat([data, data]))
      ctx.log('lengths', String(data), socket.bytesWritten - start, socket.writableLength, socket.writableNeedDrain)
    })
    // In one read, and each in its own
    peer.write(...['a', 'b', 'c', 'd'].map((text) => peer.text(text)))
    await ctx.wait('frames', peer.untilFrames(8))
    for (const text of ['e', 'f']) {
      peer.write(peer.text(text))
      await ctx.wait('frames', peer.untilFrames(8 + (text === 'e' ? 2 : 4)))
    }
    ws.close(1000)
    await ctx.finish(ws, peer)
  }),

  ...(
    [
      ['an object made from the socket', (socket: object) => Object.create(socket) as Any],
      ['an object made from one made from the socket', (socket: object) => Object.create(Object.create(socket) as object) as Any],
      ['a Proxy of the socket', (socket: object) => new Proxy(socket, {}) as Any],
      ['a Proxy of an object made from the socket', (socket: object) => new Proxy(Object.create(socket) as object, {}) as Any],
      [
        'a Proxy that binds what it gives',
        (socket: object) =>
          new Proxy(socket, {
            get: (target, key) => {
              const value: unknown = Reflect.get(target, key, target)
              return typeof value === 'function' ? (value.bind(target) as unknown) : value
            }
          }) as Any
      ]
    ] as const
  ).flatMap(([what, make]) =>
    roles('2.5', `lengths seen through ${what}`, async (ctx, role) => {
      const { ws, peer, socket } = await ctx.endpoint(role)
      const early = make(socket)
      const start = socket.bytesWritten
      for (let i = 0; i < 6; i++) {
        ws.send(`${i}`)
        // Before and after the socket has been looked at by itself
        const one = i % 2 === 0 ? early : make(socket)
        ctx.log('lengths', one.bytesWritten - start, one.writableLength, one.writableNeedDrain, one.bufferSize)
        ctx.log('lengths', one.writableHighWaterMark, one.writable, one.destroyed)
      }
      for (let i = 0; i < 10; i++) ws.send(`${i}`)
      ctx.log('lengths', early.bytesWritten - start, socket.bytesWritten - start)
      for (let i = 0; i < 10; i++) ws.send(`${i}`)
      if (role === 'server') {
        // A frame of the program's own
        early.write(Buffer.from('810178', 'hex'))
        await ctx.wait('frames', peer.untilFrames(27))
      } else await ctx.wait('frames', peer.untilFrames(26))
      ws.terminate()
      await ctx.closed(ws)
    })
  ),

  ...roles('2.5', 'names of the socket that can be listed', async (ctx, role) => {
    const { ws, peer, socket } = await ctx.endpoint(role)
    for (let i = 0; i < 20; i++) ws.send(`${i}`)
    await ctx.wait('frames', peer.untilFrames(20))
    ctx.log(
      'names',
      ['writableLength', 'bytesWritten', 'writableNeedDrain', 'bufferSize'].map((name) => [
        name in socket,
        Object.keys(socket).includes(name)
      ])
    )
    ws.terminate()
    await ctx.closed(ws)
  }),

  ...[100, 2000, 20_000, 100_000].flatMap((size) =>
    roles('2.5', `a loop until the saved socket holds enough, messages of ${size} octets`, async (ctx, role) => {
      const { ws, peer, socket } = await ctx.endpoint(role, {}, { events: ['close'] })
      peer.socket.pause()
      const large = Buffer.alloc(64 * 1024)
      // The system takes some of it, in more than one turn
      for (let i = 0; i < 3; i++) {
        fill(ctx, socket, () => ws.send(large), 2 ** 20, 'large')
        await turn()
      }
      const chunk = Buffer.alloc(size)
      const text = 'x'.repeat(size)
      fill(ctx, socket, () => ws.send(chunk), socket.writableLength + 2 ** 17, 'octets')
      fill(ctx, socket, () => ws.send(text), socket.writableLength + 2 ** 17, 'text')
      fill(ctx, socket, () => ws.send(text, () => {}), socket.writableLength + 2 ** 17, 'text with callbacks')
      fill(ctx, Object.create(socket), () => ws.send(text), socket.writableLength + 2 ** 17, 'seen from an object')
      ws.terminate()
      await ctx.closed(ws)
    })
  ),

  ...[100, 20_000].map((size) =>
    server('2.5', `a loop until the saved TLS socket holds enough, messages of ${size} octets`, async (ctx) => {
      const { ws, peer, socket } = await secure(ctx)
      peer.socket.pause()
      const large = Buffer.alloc(64 * 1024)
      for (let i = 0; i < 3; i++) {
        fill(ctx, socket, () => ws.send(large), 2 ** 20, 'large')
        await turn()
      }
      const text = 'x'.repeat(size)
      fill(ctx, socket, () => ws.send(text), socket.writableLength + 2 ** 17, 'text')
      ws.terminate()
      await ctx.closed(ws)
    })
  ),

  server('2.5', 'lengths of a saved TLS socket', async (ctx) => {
    const { ws, peer, socket } = await secure(ctx)
    const start = socket.bytesWritten
    for (let i = 0; i < 30; i++) {
      ws.send(`${i}`)
      ctx.log('lengths', socket.bytesWritten - start)
    }
    await ctx.wait('frames', peer.untilFrames(30))
    ws.terminate()
    await ctx.closed(ws)
  }),

  ...roles('2.5', 'a socket that is destroyed behind a burst', async (ctx, role) => {
    const { ws, peer, socket } = await ctx.endpoint(role)
    for (let i = 0; i < 20; i++) ws.send(`${i}`)
    socket.destroy()
    await ctx.finish(ws, peer)
  }),

  ...roles('2.5', 'a socket that is corked around sends', async (ctx, role) => {
    const { ws, peer, socket } = await ctx.endpoint(role)
    const start = socket.bytesWritten
    const look = (label: string): void => ctx.log('lengths', label, socket.bytesWritten - start, socket.writableLength)
    socket.cork()
    for (let i = 0; i < 4; i++) {
      ws.send(`${i}`, ctx.callback('callbacks', `${i}`))
      look(`${i}`)
    }
    await turn()
    look('later')
    ws.send('corked', ctx.callback('callbacks', 'corked'))
    look('corked')
    socket.uncork()
    look('uncorked')
    ws.send('last', ctx.callback('callbacks', 'last'))
    look('last')
    await ctx.wait('frames', peer.untilFrames(6))
    ws.close(1000)
    await ctx.finish(ws, peer)
  })
]
