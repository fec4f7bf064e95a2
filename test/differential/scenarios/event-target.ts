// The DOM side: addEventListener, on* attributes, event objects, and their order with EventEmitter listeners.

import { inspect } from 'node:util'
import { describeValue } from '../../support/describe-value.js'
import { client, module, roles } from '../harness.js'
import type { Context, Scenario } from '../harness.js'
import type { Any } from '../implementations.js'

const attributes = ['onopen', 'onmessage', 'onclose', 'onerror']

/** Name, own and inherited properties of an event object. */
function describeEvent(event: Any): string {
  const names = []
  for (const name in event) names.push(name)
  const values = names
    .filter((name) => name !== 'target')
    .map((name) => `${name}=${describeValue(event[name])}`)
    .sort()
  return `${event.constructor.name}<${Object.getPrototypeOf(event.constructor).name}> ${values.join(' ')} keys=${Object.keys(event).length}`
}

/** What a program can get out of an event without asking for it by name. */
function lookAt(ctx: Context, event: Any): void {
  const { type } = event
  const names = (object: object): string => Reflect.ownKeys(object).map(String).join()
  // Of an error its first line; where it was thrown is nobody's affair
  const shown = (object: unknown, depth: number): string => inspect(object, { depth }).replace(/\n\s+at .*/g, '')
  ctx.log('inspect', shown(event, 0))
  ctx.log('inspect', shown({ event }, 0), shown([event], -1), `${event}`)
  ctx.log('keys', type, names(event), names({ ...event }), names(Object.assign(Object.create(null), event)))
  ctx.log('keys', type, Object.keys(event), JSON.stringify(event), Object.entries(event).length)
  for (let prototype = Object.getPrototypeOf(event); prototype !== null; prototype = Object.getPrototypeOf(prototype)) {
    if (prototype !== Object.prototype) ctx.log('keys', type, names(prototype))
  }
  ctx.log('keys', type, Object.isExtensible(event), Object.values(Object.getOwnPropertyDescriptors(event)).length)
  for (const [how, other] of [
    ['proxy', new Proxy(event, {})],
    ['inheriting', Object.create(event)],
    ['proxy of inheriting', new Proxy(Object.create(event), {})],
    ['copy', Object.create(Object.getPrototypeOf(event), Object.getOwnPropertyDescriptors(event))],
    ['made again', new event.constructor(event.type, event)],
    ['made of nothing', new event.constructor('made')]
  ] as [string, Any][]) {
    for (const name of ['type', 'data', 'code', 'reason', 'wasClean', 'error', 'message']) {
      ctx.attempt('others', `${type} ${how} ${name}`, () => other[name])
    }
    ctx.attempt('others', `${type} ${how} target`, () => other.target === event.target)
    ctx.log('others', type, how, other instanceof event.constructor, names(other))
  }
}

export const scenarios: Scenario[] = [
  ...roles('2.5', 'events show what they say to who prints, wraps, inherits or copies them', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role, {}, { events: [] })
    for (const type of ['open', 'message', 'close', 'error']) ws.addEventListener(type, (event: Any) => lookAt(ctx, event))
    ws.emit('open')
    peer.write(peer.text('text'), peer.binary('binary'), peer.frame({ opcode: 15 }))
    await ctx.finish(ws, peer)
  }),

  client('2.5', 'the event of a connection that fails shows why', async (ctx) => {
    const ws = ctx.connect('ws://127.0.0.1:1', undefined, undefined, '')
    ws.addEventListener('error', (event: Any) => lookAt(ctx, event))
    await ctx.until(ws, 'close')
  }),

  module('2.3', 'on* attributes take functions and nothing else', (ctx) => {
    const ws = new ctx.subject.WebSocket(null, undefined, {})
    for (const name of attributes) {
      const handler = (): void => {}
      ctx.log('values', name, describeValue(ws[name]))
      ws[name] = handler
      ctx.log('values', name, ws[name] === handler, ws.listenerCount(name.slice(2)))
      const other = (): void => {}
      ws[name] = other
      ctx.log('values', name, ws[name] === other, ws.listenerCount(name.slice(2)))
      for (const value of ['string', 5, {}, { handleEvent() {} }, null, undefined]) {
        ws[name] = other
        ws[name] = value
        ctx.log('values', name, describeValue(value), describeValue(ws[name]), ws.listenerCount(name.slice(2)))
      }
    }
  }),

  module('2.4', 'addEventListener ignores duplicates and other types', (ctx) => {
    const ws = new ctx.subject.WebSocket(null, undefined, {})
    const listener = (): void => {}
    const object = { handleEvent() {} }
    for (const type of ['open', 'message', 'close', 'error', 'ping', 'pong', 'upgrade', 'foo']) {
      ws.addEventListener(type, listener)
      ws.addEventListener(type, listener)
      ws.addEventListener(type, listener, { once: true })
      ws.addEventListener(type, object)
      ws.addEventListener(type, object)
      ctx.log('counts', type, ws.listenerCount(type))
      ws[`on${type}`] = listener
      ctx.log('counts', `${type} with attribute`, ws.listenerCount(type))
      ws.removeEventListener(type, listener)
      ctx.log('counts', `${type} removed`, ws.listenerCount(type), describeValue(typeof ws[`on${type}`]))
      ws.removeEventListener(type, listener)
      ws.removeEventListener(type, () => {})
      ws.removeEventListener(type, object)
      ctx.log('counts', `${type} all removed`, ws.listenerCount(type))
    }
  }),

  module('2.4', 'removeEventListener and off remove only what belongs to each', (ctx) => {
    const ws = new ctx.subject.WebSocket(null, undefined, {})
    const listener = (): void => {}
    ws.on('message', listener)
    ws.removeEventListener('message', listener)
    ctx.log('counts', 'emitter listener', ws.listenerCount('message'))
    ws.addEventListener('message', listener)
    ctx.log('counts', 'both', ws.listenerCount('message'))
    ws.off('message', listener)
    ctx.log('counts', 'off', ws.listenerCount('message'))
    ws.off('message', listener)
    ctx.log('counts', 'off again', ws.listenerCount('message'))
    ws.onmessage = listener
    ws.removeEventListener('message', listener)
    ctx.log('counts', 'remove', ws.listenerCount('message'), ws.onmessage === listener)
    ws.onmessage = null
    ctx.log('counts', 'null', ws.listenerCount('message'))
    ws.addEventListener('message', listener)
    ws.removeAllListeners('message')
    ctx.log('counts', 'removeAllListeners', ws.listenerCount('message'), describeValue(ws.onmessage))
    ctx.attempt('bad listeners', 'undefined', () => ws.addEventListener('message'))
    ctx.log('counts', 'undefined listener', ws.listenerCount('message'))
    ctx.attempt('bad listeners', 'return value', () => ws.addEventListener('close', listener))
    ctx.attempt('bad listeners', 'return value', () => ws.removeEventListener('close', listener))
    ctx.attemptClass('bad listeners', 'null options', () => ws.addEventListener('close', listener, null))
  }),

  ...roles('2.5', 'event objects have the same class names and properties', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    for (const type of ['open', 'message', 'close', 'error']) {
      ws.addEventListener(type, function (this: Any, event: Any) {
        ctx.log('DOM', describeEvent(event), event.target === ws, this === ws)
        for (const name of [
          'type',
          'target',
          'data',
          'code',
          'reason',
          'wasClean',
          'error',
          'message',
          'currentTarget',
          'timeStamp',
          'defaultPrevented',
          'origin'
        ]) {
          ctx.log('DOM', type, name, describeValue(event[name]))
        }
        ctx.attemptClass('assign', 'type', () => {
          event.type = 'other'
        })
        ctx.log('DOM', JSON.stringify(Object.keys(event)), event instanceof Event)
      })
    }
    ws.emit('open')
    peer.write(peer.text('žluť'), peer.binary('binary'), peer.text(''), peer.frame({ opcode: 15 }))
    await ctx.finish(ws, peer)
  }),

  ...roles('2.5', 'listeners of both kinds are called in the order they were added', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    const add = {
      on: (label: string) => ws.on('message', () => ctx.log('order', label)),
      dom: (label: string) => ws.addEventListener('message', () => ctx.log('order', label)),
      attribute: (label: string) => (ws.onmessage = () => ctx.log('order', label)),
      first: (label: string) => ws.prependListener('message', () => ctx.log('order', label)),
      once: (label: string) => ws.once('message', () => ctx.log('order', label)),
      domOnce: (label: string) => ws.addEventListener('message', () => ctx.log('order', label), { once: true })
    }
    add.on('1 on')
    add.dom('2 dom')
    add.attribute('3 attribute')
    add.once('4 once')
    add.domOnce('5 dom once')
    add.first('6 prepended')
    add.on('7 on')
    add.attribute('8 attribute replaced')
    peer.write(peer.text('a'), peer.text('b'))
    await ctx.until(ws, 'message')
    ctx.log('counts', ws.listenerCount('message'))
    ws.close()
    await ctx.finish(ws, peer)
  }),

  ...roles('2.5', 'handleEvent objects and once', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    const object = {
      handleEvent(this: unknown, event: Any) {
        ctx.log('object', event.data, this === object)
      }
    }
    ws.addEventListener('message', object)
    ws.addEventListener('message', { handleEvent: (event: Any) => ctx.log('once', event.data) }, { once: true })
    const later: Any = {}
    ws.addEventListener('message', later)
    later.handleEvent = (event: Any) => ctx.log('late handleEvent', event.data)
    ws.addEventListener('message', (event: Any) => ctx.log('truthy once', event.data), { once: 1 })
    ws.addEventListener('message', (event: Any) => ctx.log('boolean third argument', event.data), true)
    peer.write(peer.text('a'), peer.text('b'))
    peer.writeClose(1000)
    await ctx.finish(ws, peer)
  }),

  ...roles('2.5', 'listeners added and removed while an event is emitted', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    const second = (event: Any): void => ctx.log('second', event.data)
    ws.addEventListener('message', (event: Any) => {
      ctx.log('first', event.data)
      ws.removeEventListener('message', second)
      ws.addEventListener('message', (inner: Any) => ctx.log('added', inner.data), { once: true })
    })
    ws.addEventListener('message', second)
    peer.write(peer.text('a'), peer.text('b'), peer.text('c'))
    peer.writeClose(1000)
    await ctx.finish(ws, peer)
  }),

  ...roles('2.5', 'on* attributes get events with this as the WebSocket', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    for (const name of attributes) {
      ws[name] = function (this: unknown, event: Any) {
        ctx.log('attributes', name, event.type, this === ws, event.target === ws)
      }
    }
    ws.emit('open')
    peer.write(peer.text('x'), peer.frame({ opcode: 3 }))
    await ctx.finish(ws, peer)
  }),

  ...roles('2.5', 'events emitted by hand reach DOM listeners', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws.addEventListener('message', (event: Any) => ctx.log('DOM', describeEvent(event)))
    ws.addEventListener('close', (event: Any) => ctx.log('DOM', describeEvent(event)))
    ws.addEventListener('error', (event: Any) => ctx.log('DOM', describeEvent(event)))
    ws.emit('message', Buffer.from('by hand'), false)
    ws.emit('message', Buffer.from('by hand'), true)
    ws.emit('message', 'a string', false)
    ws.emit('error', new Error('by hand'))
    ws.emit('close', 4000, Buffer.from('by hand'))
    ws.close()
    await ctx.finish(ws, peer)
  }),

  ...roles('2.5', 'DOM listeners are listeners of the emitter too', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role, {}, { events: [] })
    for (const type of ['open', 'message', 'close', 'error']) {
      const before = ws.listeners(type).length
      ws.addEventListener(type, () => {})
      ctx.log('listeners', type, ws.listeners(type).length - before, ws.eventNames().map(String).includes(type))
    }
    ws.close()
    await ctx.finish(ws, peer)
  }),

  ...roles('2.5', 'binary data in a MessageEvent by binaryType', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    const types = ['nodebuffer', 'arraybuffer', 'fragments', 'blob']
    ws.binaryType = types.shift()
    ws.onmessage = (event: Any) => {
      ctx.log('DOM', event.data)
      ws.binaryType = types.shift()
    }
    peer.write(peer.binary('1'), peer.binary('2'), peer.binary('3'), peer.binary('4'), peer.text('5'))
    peer.writeClose(1000)
    await ctx.finish(ws, peer)
  })
]
