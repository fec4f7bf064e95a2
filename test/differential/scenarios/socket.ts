// Programs that have a hand on the socket themselves: pausing it, giving octets back to it, listening to it, taking it over.

import type net from 'node:net'
import { type Context, roles } from '../harness.js'
import type { Scenario } from '../harness.js'
import type { Any } from '../implementations.js'

/** Who stops the reading: the WebSocket, or the socket below it. */
const pausers: [string, (ws: Any) => void, (ws: Any) => void][] = [
  ['ws.pause()', (ws) => ws.pause(), (ws) => ws.resume()],
  ['_socket.pause()', (ws) => ws._socket.pause(), (ws) => ws._socket.resume()]
]

/** Turns of the event loop until `condition` holds. */
async function until(ctx: Context, label: string, condition: () => boolean): Promise<void> {
  const holds = async (): Promise<void> => {
    while (!condition()) await ctx.turns(1)
  }
  await ctx.wait(label, holds())
}

/** Ways to give a socket octets that it has not read. */
const givers: [string, (socket: net.Socket, octets: Buffer) => void][] = [
  ['unshift', (socket, octets) => socket.unshift(octets)],
  ['push', (socket, octets) => void socket.push(octets)],
  ["emit('data')", (socket, octets) => void socket.emit('data', octets)]
]

export const scenarios: Scenario[] = [
  ...pausers.flatMap(([how, pause, resume]) => [
    ...roles('2.6', `a peer's reset is noticed at once after ${how}`, async (ctx, role) => {
      const { ws, socket, peer } = await ctx.endpoint(role)
      pause(ws)
      await ctx.turns()
      ;(peer.socket as net.Socket).resetAndDestroy()
      await ctx.closed(ws)
      ctx.log('ws', 'paused', ws.isPaused, socket.destroyed)
    }),

    ...roles('2.6', `a peer's reset is noticed at once after ${how} in a handler`, async (ctx, role) => {
      const { ws, peer } = await ctx.endpoint(role)
      ws.on('message', () => pause(ws))
      peer.write(peer.text('one'), peer.text('two'))
      await ctx.until(ws, 'message')
      await ctx.turns()
      ;(peer.socket as net.Socket).resetAndDestroy()
      await ctx.closed(ws)
    }),

    ...roles('2.6', `a peer's end is noticed at once after ${how}`, async (ctx, role) => {
      const { ws, peer } = await ctx.endpoint(role)
      pause(ws)
      await ctx.turns()
      peer.socket.end()
      await ctx.finish(ws, peer)
    }),

    ...roles('2.6', `what came before a peer's end is read once it may be, after ${how}`, async (ctx, role) => {
      const { ws, peer } = await ctx.endpoint(role)
      pause(ws)
      peer.write(peer.text('before'), peer.ping('the end'), peer.text('cut off').subarray(0, 5))
      await until(ctx, 'octets in the stream', () => ws._socket.readableLength > 0)
      ctx.log('ws', 'held', ws._socket.readableLength, ws._socket.isPaused(), ws._socket.readableFlowing)
      peer.socket.end()
      await ctx.turns(30)
      ctx.log('ws', 'state', ws.readyState)
      resume(ws)
      await ctx.finish(ws, peer)
    }),

    ...roles('2.6', `what came before a peer's reset is delivered after ${how}`, async (ctx, role) => {
      const { ws, peer } = await ctx.endpoint(role)
      pause(ws)
      peer.write(peer.text('before'), peer.ping('the reset'))
      await until(ctx, 'octets in the stream', () => ws._socket.readableLength > 0)
      ;(peer.socket as net.Socket).resetAndDestroy()
      await ctx.closed(ws)
    }),

    ...roles('2.4', `${how} holds, whatever comes and however much`, async (ctx, role) => {
      const { ws, peer } = await ctx.endpoint(role, {}, { events: ['error', 'close'] })
      let received = 0
      ws.on('message', (data: Buffer) => {
        received += data.length
      })
      pause(ws)
      for (let i = 0; i < 60; i++) peer.write(peer.binary(Buffer.alloc(100_000)))
      await ctx.turns(100)
      ctx.log('ws', 'received', received, ws._socket.isPaused(), ws.isPaused)
      resume(ws)
      await until(ctx, 'all messages', () => received === 6_000_000)
      ctx.log('ws', 'received', received, ws._socket.isPaused(), ws.isPaused)
      ws.close()
      await ctx.finish(ws, peer)
    })
  ]),

  ...roles('2.4', 'a flood that is stopped by _socket.pause() goes on with _socket.resume()', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role, {}, { events: ['error', 'close'] })
    let count = 0
    ws.on('message', () => {
      if (++count === 20_000) ws._socket.pause()
    })
    const many = Buffer.concat(Array.from({ length: 1000 }, () => peer.binary(Buffer.alloc(50))))
    for (let i = 0; i < 60; i++) peer.write(many)
    await until(ctx, 'the pause', () => count >= 20_000)
    // what was read by then is delivered
    let before = 0
    do {
      before = count
      await ctx.turns(50)
    } while (count > before)
    await ctx.turns(50)
    ctx.log('ws', 'delivered after the pause', count - before, ws._socket.isPaused(), ws.isPaused)
    ws._socket.resume()
    await until(ctx, 'all messages', () => count === 60_000)
    ctx.log('ws', 'paused', ws._socket.isPaused())
    ws.close()
    await ctx.finish(ws, peer)
  }),

  ...givers.flatMap(([how, give]) =>
    roles('2.6', `octets that are given to the socket with ${how} are received`, async (ctx, role) => {
      const { ws, peer } = await ctx.endpoint(role)
      peer.write(peer.text('before'))
      await ctx.until(ws, 'message')
      const octets = Buffer.concat([peer.text('given'), peer.ping('back'), peer.text('in two').subarray(0, 5)])
      give(ws._socket, octets)
      await ctx.turns()
      peer.write(peer.text('in two').subarray(5), peer.text('behind'))
      await until(ctx, 'all messages', () => (ctx.transcript.ws ?? []).filter((line) => line.startsWith('message')).length === 4)
      ws.close()
      await ctx.finish(ws, peer)
    })
  ),

  ...roles('2.6', 'octets that are given back while the socket is paused come first', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws.pause()
    peer.write(peer.text('second'))
    await until(ctx, 'octets in the stream', () => ws._socket.readableLength > 0)
    ws._socket.unshift(peer.text('first'))
    ws.resume()
    await until(ctx, 'both', () => (ctx.transcript.ws ?? []).filter((line) => line.startsWith('message')).length === 2)
    ws.close()
    await ctx.finish(ws, peer)
  }),

  ...roles('2.6', "a 'data' listener beside the WebSocket sees what comes, in order with it", async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role, { perMessageDeflate: false })
    ctx.log('ws', 'listeners', ws._socket.listenerCount('data'), ws._socket.listenerCount('end'))
    const first = (chunk: Buffer): void => ctx.log('ws', 'before', chunk.length)
    const last = (chunk: Buffer): void => ctx.log('ws', 'behind', chunk.length)
    ws._socket.prependListener('data', first)
    ws._socket.on('data', last)
    peer.write(peer.text('seen'))
    await ctx.until(ws, 'message')
    await ctx.turns()
    ws._socket.off('data', first)
    ws._socket.off('data', last)
    peer.write(peer.text('not seen'))
    await ctx.until(ws, 'message')
    ws.close()
    await ctx.finish(ws, peer)
  }),

  ...roles('2.6', 'a program that takes all listeners off the socket has it for itself', async (ctx, role) => {
    const { ws, peer, socket } = await ctx.endpoint(role)
    ws._socket.removeAllListeners()
    const taken: net.Socket = ws._socket
    taken.on('data', (chunk) => ctx.log('taken', chunk.toString('latin1')))
    peer.socket.write('RAW TEXT, no frames')
    await until(ctx, 'octets', () => ctx.transcript.taken !== undefined)
    // which would have been answered
    peer.socket.write(peer.ping('ping').map((octet) => octet | 0x20))
    await until(ctx, 'more octets', () => ctx.transcript.taken.length === 2)
    await ctx.turns()
    ctx.log('ws', 'state', ws.readyState, socket.destroyed, taken.listenerCount('data'))
    taken.on('close', () => ctx.log('taken', 'close'))
    taken.on('end', () => ctx.log('taken', 'end'))
    peer.socket.end()
    await until(ctx, 'the end', () => ctx.transcript.taken.includes('end'))
    taken.end()
    await until(ctx, 'close', () => ctx.transcript.taken.includes('close'))
    ctx.log('ws', 'state', ws.readyState)
  }),

  ...roles('2.6', "a program that takes the 'data' listener off reads the socket itself", async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    const taken: net.Socket = ws._socket
    for (const listener of taken.listeners('data')) taken.removeListener('data', listener as () => void)
    taken.pause()
    peer.socket.write('RAW TEXT')
    await until(ctx, 'octets', () => taken.readableLength === 8)
    ctx.log('taken', String(taken.read()))
    const collected: string[] = []
    taken.on('readable', () => {
      for (let chunk = taken.read() as Buffer | null; chunk !== null; chunk = taken.read() as Buffer | null) {
        collected.push(chunk.toString())
      }
    })
    peer.socket.write('MORE TEXT')
    await until(ctx, 'more octets', () => collected.join('').length === 9)
    ctx.log('taken', collected.join(''))
    peer.socket.end()
    await ctx.closed(ws)
  }),

  ...roles('2.6', 'a WebSocket whose listener is put back goes on', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    const taken: net.Socket = ws._socket
    const [listener] = taken.listeners('data') as ((chunk: Buffer) => void)[]
    taken.off('data', listener)
    taken.once('data', (chunk) => {
      ctx.log('taken', chunk.length)
      taken.on('data', listener)
      listener.call(taken, chunk)
    })
    peer.write(peer.text('first'))
    await ctx.until(ws, 'message')
    peer.write(peer.text('second'))
    await ctx.until(ws, 'message')
    ws.close()
    await ctx.finish(ws, peer)
  })
]
