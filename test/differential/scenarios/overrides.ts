// Methods of a WebSocket that a program has put its own in place of: in a subclass, on the instance, on the prototype.

import { describeValue } from '../../support/describe-value.js'
import type { RawPeer } from '../../support/raw-peer.js'
import { alone, roles } from '../harness.js'
import type { Context, Scenario } from '../harness.js'
import type { Any } from '../implementations.js'

type Role = 'client' | 'server'

/** Methods that ws calls itself somewhere. */
const METHODS = [
  'addEventListener',
  'close',
  'emit',
  'emitClose',
  'pause',
  'ping',
  'pong',
  'removeEventListener',
  'resume',
  'send',
  'terminate'
]

const WAYS = ['subclass', 'instance', 'prototype'] as const

/** What a method does instead of what it did; `original` does that. */
type Replacement = (original: (...args: unknown[]) => unknown, args: unknown[]) => unknown

const describeArguments = (name: string, args: unknown[]): string =>
  // An event of the socket may call it, with arguments of its own
  name === 'emitClose' ? '' : args.map((one) => (typeof one === 'function' ? 'function' : describeValue(one))).join(', ')

/** A WebSocket whose methods record their calls, and do what `replacements` say or else what they did. */
async function overridden(
  ctx: Context,
  role: Role,
  way: (typeof WAYS)[number],
  replacements: Record<string, Replacement> = {},
  options: Any = {}
): Promise<{ ws: Any; peer: RawPeer }> {
  const Class = ctx.subject.WebSocket
  const install = (target: Any, prototype: Any): void => {
    for (const name of METHODS) {
      const original = prototype[name]
      target[name] = function (this: Any, ...args: unknown[]) {
        ctx.log('calls', `${name}(${describeArguments(name, args)}) in state ${this.readyState}`)
        const call = (...given: unknown[]): unknown => Reflect.apply(original, this, given)
        return name in replacements ? replacements[name](call, args) : call(...args)
      }
    }
  }
  if (way === 'subclass') {
    class Mine extends Class {}
    install(Mine.prototype, Class.prototype)
    return ctx.endpoint(role, options, { WebSocket: Mine, events: [] })
  }
  if (way === 'prototype') {
    const own = Object.getOwnPropertyDescriptors(Class.prototype)
    ctx.defer(() => {
      for (const name of METHODS) {
        if (name in own) Object.defineProperty(Class.prototype, name, own[name])
        else delete Class.prototype[name]
      }
    })
    install(Class.prototype, Class.prototype)
    return ctx.endpoint(role, options, { events: [] })
  }
  const { ws, peer } = await ctx.endpoint(role, options, { events: [] })
  install(ws, Class.prototype)
  // The rest is the same from here on in all three ways
  return { ws, peer }
}

/** The scenario for each way; those that change the prototype run alone. */
const ways = (
  section: string,
  name: string,
  run: (ctx: Context, role: Role, way: (typeof WAYS)[number]) => Promise<void>
): Scenario[] =>
  WAYS.flatMap((way) =>
    roles(section, `${name} (${way})`, (ctx, role) => run(ctx, role, way)).map((one) => (way === 'prototype' ? alone(one) : one))
  )

export const scenarios: Scenario[] = [
  ...ways('2.4', 'pong and close are called for what the peer sends', async (ctx, role, way) => {
    const { ws, peer } = await overridden(ctx, role, way)
    peer.write(peer.ping('a'), peer.text('text'), peer.ping(), peer.pong('b'))
    peer.writeClose(4001, 'reason')
    await ctx.finish(ws, peer)
  }),

  ...ways('2.4', 'close is called without arguments where the close frame is empty', async (ctx, role, way) => {
    const { ws, peer } = await overridden(ctx, role, way)
    peer.writeClose()
    await ctx.finish(ws, peer)
  }),

  ...ways('2.4', 'close is called with a code and no reason', async (ctx, role, way) => {
    const { ws, peer } = await overridden(ctx, role, way)
    peer.writeClose(3000)
    await ctx.finish(ws, peer)
  }),

  ...ways('2.4', 'close is called again when the peer answers', async (ctx, role, way) => {
    const { ws, peer } = await overridden(ctx, role, way)
    ws.close(1000, 'first')
    await ctx.finish(ws, peer)
  }),

  ...ways('2.4', 'close is called after a violation', async (ctx, role, way) => {
    const { ws, peer } = await overridden(ctx, role, way)
    ws.on('error', () => {})
    peer.write(peer.text('before'), peer.frame({ opcode: 15 }), peer.text('after'))
    await ctx.finish(ws, peer)
  }),

  ...ways('2.4', 'a close frame that close does not answer', async (ctx, role, way) => {
    const { ws, peer } = await overridden(ctx, role, way, { close: () => undefined })
    peer.writeClose(1000, 'unanswered')
    await ctx.until(ws._receiver, 'conclude')
    await ctx.turns()
    ctx.log('calls', `state ${ws.readyState}`)
    peer.socket.end()
    await ctx.finish(ws, peer)
  }),

  ...ways('2.4', 'a close that answers otherwise', async (ctx, role, way) => {
    const { ws, peer } = await overridden(ctx, role, way, { close: (original) => original(4999, 'mine') })
    peer.writeClose(1000, 'theirs')
    await ctx.finish(ws, peer)
  }),

  ...ways('2.4', 'a pong that says something else, and one more', async (ctx, role, way) => {
    const { ws, peer } = await overridden(ctx, role, way, {
      pong: (original, [data, mask, callback]) => {
        original('one more')
        return original(`not ${String(data)}`, mask, callback)
      }
    })
    peer.write(peer.ping('a'), peer.ping('b'))
    await ctx.wait('pongs', peer.untilFrames(4))
    peer.writeClose(1000)
    await ctx.finish(ws, peer)
  }),

  ...ways('2.4', 'pongs that are never written end in terminate', async (ctx, role, way) => {
    const { ws, peer } = await overridden(ctx, role, way, { pong: () => undefined }, { maxPendingAutoPongs: 2 })
    peer.write(peer.ping('1'), peer.ping('2'), peer.ping('3'))
    await ctx.finish(ws, peer)
  }),

  ...ways('2.4', 'pong is not called with autoPong: false', async (ctx, role, way) => {
    const { ws, peer } = await overridden(ctx, role, way, {}, { autoPong: false })
    peer.write(peer.ping('a'))
    peer.writeClose(1000)
    await ctx.finish(ws, peer)
  }),

  ...ways('2.5', 'emit gets text as a Buffer, whoever listens', async (ctx, role, way) => {
    const { ws, peer } = await overridden(ctx, role, way)
    ws.onmessage = ({ data }: Any) => ctx.log('DOM', data)
    peer.write(peer.text('one'), peer.text('two', { fin: false }), peer.frame({ opcode: 0, payload: ' three' }))
    peer.writeClose(1000)
    await ctx.finish(ws, peer)
  }),

  ...ways('2.3', 'on* attributes go through addEventListener', async (ctx, role, way) => {
    const { ws, peer } = await overridden(ctx, role, way, {
      addEventListener: (original, [type, handler, ...options]) =>
        original(
          type,
          (event: Any) => {
            ctx.log('DOM', 'wrapped', event.type)
            ;(handler as (event: Any) => void)(event)
          },
          ...options
        )
    })
    ws.onmessage = ({ data }: Any) => ctx.log('DOM', data)
    ws.addEventListener('close', ({ code }: Any) => ctx.log('DOM', code))
    peer.write(peer.text('a'))
    peer.writeClose(1000)
    await ctx.finish(ws, peer)
  }),

  ...ways('6', 'a stream calls send, pause, resume and close', async (ctx, role, way) => {
    const { ws, peer } = await overridden(ctx, role, way)
    const stream = ctx.subject.createWebSocketStream(ws, { readableHighWaterMark: 4 })
    const written = ctx.until(ws, 'message')
    peer.write(peer.text('more than four octets'))
    await written
    ctx.log('stream', ws.isPaused)
    stream.on('data', (chunk: Buffer) => ctx.log('stream', chunk))
    stream.write('back')
    await ctx.wait('frame', peer.untilFrames(1))
    stream.end()
    await ctx.finish(ws, peer)
  }),

  ...ways('6', 'a stream that is destroyed calls terminate', async (ctx, role, way) => {
    const { ws, peer } = await overridden(ctx, role, way)
    const stream = ctx.subject.createWebSocketStream(ws)
    stream.on('error', () => {})
    stream.destroy(new Error('no more'))
    await ctx.finish(ws, peer)
  })
]
