// `ws._receiver` is an emitter: the WebSocket is one listener of it, which others may join, precede, replace or remove.

import type { RawPeer } from '../../support/raw-peer.js'
import { roles } from '../harness.js'
import type { Context, Scenario } from '../harness.js'
import type { Any } from '../implementations.js'

const EVENTS = ['conclude', 'drain', 'error', 'message', 'ping', 'pong']

function look(ctx: Context, receiver: Any, when: string): void {
  for (const name of EVENTS) {
    const listeners = receiver.listeners(name) as (() => void)[]
    ctx.log('listeners', when, name, receiver.listenerCount(name), listeners.map((one) => one.name).join())
  }
}

function join(ctx: Context, receiver: Any, names = ['conclude', 'error', 'message', 'ping', 'pong']): void {
  for (const name of names) receiver.on(name, (...args: unknown[]) => ctx.log('ws', `receiver ${name}`, args))
}

/** One of everything. */
const all = (peer: RawPeer): Buffer[] => [
  peer.text('text'),
  peer.ping('ping'),
  peer.binary('binary'),
  peer.pong('pong'),
  peer.text('fragm', { fin: false }),
  peer.ping('between'),
  peer.frame({ opcode: 0, payload: 'ented' })
]

export const scenarios: Scenario[] = [
  ...roles('11', '_receiver shows the listeners of the WebSocket, until it is closed', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    const { _receiver: receiver } = ws
    look(ctx, receiver, 'open')
    ctx.log('listeners', receiver.eventNames(), receiver === ws._receiver)
    ctx.log('class', receiver instanceof ctx.subject.Receiver, receiver.constructor === ctx.subject.Receiver)
    ctx.log('class', typeof receiver.write, typeof receiver.end, receiver.writable)
    ws.on('close', () => look(ctx, receiver, 'close'))
    peer.write(...all(peer))
    peer.writeClose(1000)
    await ctx.finish(ws, peer)
    look(ctx, receiver, 'closed')
  }),

  ...roles('11', 'listeners that are added are called beside those of the WebSocket', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    join(ctx, ws._receiver)
    ws._receiver.prependListener('message', (data: unknown) => ctx.log('ws', 'first', data))
    ws._receiver.prependListener('conclude', () => ctx.log('ws', 'before the answer', ws.readyState))
    ws._receiver.on('conclude', () => ctx.log('ws', 'behind the answer', ws.readyState))
    ws._receiver.once('ping', () => ctx.log('ws', 'once'))
    peer.write(...all(peer))
    peer.writeClose(4000, 'reason')
    await ctx.finish(ws, peer)
  }),

  ...roles('11', 'a close frame without a payload concludes with 1005', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    join(ctx, ws._receiver)
    peer.writeClose()
    await ctx.finish(ws, peer)
  }),

  ...roles('11', 'a violation is an error of the receiver, then of the WebSocket', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    join(ctx, ws._receiver)
    ws._receiver.prependListener('error', () => ctx.log('ws', 'first', ws.readyState))
    peer.write(peer.text('before'), peer.frame({ opcode: 15 }), peer.text('after'))
    await ctx.finish(ws, peer)
    ctx.log('state', ws._receiver._writableState.errorEmitted)
  }),

  ...roles('11', 'listeners that come in the middle of a chunk get the rest of it', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws.once('message', () => join(ctx, ws._receiver))
    peer.write(...all(peer))
    peer.writeClose(1001, 'bye')
    await ctx.finish(ws, peer)
  }),

  ...roles('11', 'with allowSynchronousEvents: false', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role, { allowSynchronousEvents: false })
    join(ctx, ws._receiver)
    peer.write(...all(peer))
    peer.writeClose(1000)
    await ctx.finish(ws, peer)
  }),

  ...roles('11', 'binary messages in the shape that was asked for', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    join(ctx, ws._receiver)
    const types = ['arraybuffer', 'fragments', 'nodebuffer']
    ws.binaryType = types.shift()
    ws.on('message', () => (ws.binaryType = types.shift()))
    for (let i = 0; i < 3; i++) peer.write(peer.binary('a', { fin: false }), peer.frame({ opcode: 0, payload: 'b' }))
    peer.writeClose(1000)
    await ctx.finish(ws, peer)
  }),

  ...['message', 'ping', 'pong'].flatMap((name) =>
    roles('11', `without listeners of the receiver's '${name}'`, async (ctx, role) => {
      const { ws, peer } = await ctx.endpoint(role)
      ws._receiver.removeAllListeners(name)
      peer.write(...all(peer))
      peer.writeClose(1000)
      await ctx.finish(ws, peer)
    })
  ),

  ...roles('11', 'the one listener of the WebSocket is removed, and put back', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    const [own] = ws._receiver.listeners('message')
    ws._receiver.off('message', own)
    ws._receiver.on('message', (data: Buffer, isBinary: boolean) => {
      ctx.log('ws', 'instead', data)
      if (String(data) === 'put back') ws._receiver.on('message', own)
      else if (String(data) === 'through') Reflect.apply(own, ws._receiver, [Buffer.from('changed'), isBinary])
    })
    peer.write(peer.text('lost'), peer.text('through'), peer.text('put back'), peer.text('here again'))
    peer.writeClose(1000)
    await ctx.finish(ws, peer)
  }),

  ...roles('11', "without a listener of 'conclude' a close frame is not answered", async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws._receiver.removeAllListeners('conclude')
    const concluded = ctx.until(ws._receiver, 'conclude')
    peer.writeClose(1000, 'unheard')
    await concluded
    await ctx.turns()
    ctx.log('state', ws.readyState)
    ws.terminate()
    await ctx.finish(ws, peer)
  }),

  ...roles('11', "with another listener of 'error' alone a violation is not answered", async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws._receiver.removeAllListeners('error')
    const failed = ctx.until(ws._receiver, 'error')
    peer.write(peer.frame({ opcode: 15 }))
    const [error] = await failed
    await ctx.turns()
    ctx.log('state', error, ws.readyState)
    ws.terminate()
    await ctx.finish(ws, peer)
  }),

  ...roles('11', 'events that are emitted by hand reach the WebSocket', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws.addEventListener('message', ({ data }: Any) => ctx.log('ws', 'DOM', data))
    ctx.log('calls', ws._receiver.emit('message', Buffer.from('by hand'), false))
    ws._receiver.emit('message', Buffer.from('by hand'), true)
    ws._receiver.emit('ping', Buffer.from('ping by hand'))
    ws._receiver.emit('pong', Buffer.from('pong by hand'))
    ctx.log('calls', ws._receiver.emit('else'))
    ws._receiver.emit('conclude', 4002, Buffer.from('by hand'))
    ctx.log('state', ws.readyState, ws._closeFrameReceived, ws._closeCode)
    await ctx.finish(ws, peer)
  }),

  ...roles('11', "an emit of the receiver's own sees all of it", async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    const { _receiver: receiver } = ws
    const { emit } = receiver
    receiver.emit = (name: string, ...args: unknown[]) => {
      // What streams tell of themselves
      if (EVENTS.includes(name)) ctx.log('ws', `emit ${name}`, args)
      return Reflect.apply(emit, receiver, [name, ...args])
    }
    peer.write(...all(peer))
    peer.writeClose(1000, 'x')
    await ctx.finish(ws, peer)
  }),

  ...roles('11', 'the receiver drains when what had to wait is delivered', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role, { allowSynchronousEvents: false }, { events: [] })
    const frames = Array.from({ length: 100 }, () => peer.binary(Buffer.alloc(2000)))
    let messages = 0
    ws.on('message', () => messages++)
    const drained = ctx.until(ws._receiver, 'drain')
    peer.write(...frames)
    await drained
    while (messages < frames.length) await ctx.turns(1)
    ctx.log('messages', messages)
    ws.terminate()
    await ctx.finish(ws, peer)
  }),

  ...roles('11', 'a drain that is emitted by hand resumes the socket, unless the WebSocket is paused', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws._socket.pause()
    ws._receiver.emit('drain')
    ctx.log('ws', ws._socket.isPaused())
    ws.pause()
    ws._receiver.emit('drain')
    ctx.log('ws', ws._socket.isPaused())
    ws.terminate()
    await ctx.finish(ws, peer)
  }),

  ...roles('11', 'the receiver ends with the close frame', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    for (const name of ['finish', 'close']) ws._receiver.on(name, () => ctx.log('receiver', name))
    const finished = ctx.until(ws._receiver, 'finish')
    peer.writeClose(1000)
    await finished
    await ctx.finish(ws, peer)
    ctx.log('receiver', ws._receiver.writableFinished)
  })
]
