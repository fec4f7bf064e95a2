// What is exported, and the shape of it: names, lengths, enumeration, property descriptors.

import { describeValue } from '../../support/describe-value.js'
import { additions } from '../differences.js'
import { module } from '../harness.js'
import type { Any } from '../implementations.js'

function describeProperty(target: Any, name: string): string {
  const property = Object.getOwnPropertyDescriptor(target, name) as PropertyDescriptor
  const flags = `${property.enumerable ? 'enumerable' : 'hidden'} ${property.configurable ? 'configurable' : 'fixed'}`
  if (property.get || property.set) return `${name}: ${property.get ? 'get' : ''}${property.set ? 'set' : ''} ${flags}`
  const { value } = property
  return `${name}: ${typeof value === 'function' ? `function ${value.name}/${value.length}` : describeValue(value)} ${flags} ${property.writable ? 'writable' : 'read-only'}`
}

/** Own property names without those that begin with an underscore. */
function publicNames(target: Any): string[] {
  return Object.getOwnPropertyNames(target)
    .filter((name) => !name.startsWith('_') && !additions.includes(name))
    .sort()
}

export const scenarios = [
  module('1', 'the class carries every export as a static', (ctx) => {
    const { WebSocket } = ctx.subject
    for (const name of publicNames(WebSocket)) ctx.log('statics', describeProperty(WebSocket, name))
    ctx.log('identity', WebSocket.WebSocket === WebSocket, WebSocket.Server === WebSocket.WebSocketServer)
    ctx.log('module flag', '__esModule' in WebSocket)
    ctx.log('names', WebSocket.name, WebSocket.Server.name, WebSocket.length, WebSocket.Server.length)
    ctx.log(
      'keys',
      Object.keys(WebSocket)
        .filter((name) => !additions.includes(name))
        .sort()
    )
  }),

  module('2.3', "WebSocket's prototype has the same properties with the same flags", (ctx) => {
    const { prototype } = ctx.subject.WebSocket
    for (const name of publicNames(prototype)) ctx.log('prototype', describeProperty(prototype, name))
    const enumerated = []
    for (const name in prototype) if (!additions.includes(name)) enumerated.push(name)
    ctx.log('enumerable', enumerated.sort())
    ctx.log('parent', Object.getPrototypeOf(prototype).constructor.name, Object.getPrototypeOf(ctx.subject.WebSocket).name)
  }),

  module('4.2', "WebSocketServer's prototype has the same properties with the same flags", (ctx) => {
    const { prototype } = ctx.subject.WebSocketServer
    for (const name of publicNames(prototype)) ctx.log('prototype', describeProperty(prototype, name))
    const enumerated = []
    for (const name in prototype) if (!additions.includes(name)) enumerated.push(name)
    ctx.log('enumerable', enumerated.sort())
    ctx.log('parent', Object.getPrototypeOf(prototype).constructor.name, Object.getPrototypeOf(ctx.subject.WebSocketServer).name)
  }),

  module('7', 'the low-level classes have the same names and lengths', (ctx) => {
    const { Receiver, Sender, PerMessageDeflate, createWebSocketStream, extension, subprotocol } = ctx.subject
    for (const each of [Receiver, Sender, PerMessageDeflate, createWebSocketStream])
      ctx.log('exports', `${each.name}/${each.length}`)
    for (const each of [extension, subprotocol]) {
      ctx.log(
        'exports',
        Object.keys(each).sort(),
        Object.values(each)
          .map((one: Any) => `${one.name}/${one.length}`)
          .sort()
      )
    }
    ctx.log(
      'Sender',
      ['close', 'ping', 'pong', 'send', 'sendFrame'].map((name) => describeProperty(Sender.prototype, name))
    )
    ctx.log('Sender', describeProperty(Sender, 'frame'))
    ctx.log(
      'PerMessageDeflate',
      ['offer', 'accept', 'compress', 'decompress', 'cleanup'].map((name) => describeProperty(PerMessageDeflate.prototype, name))
    )
    ctx.log('PerMessageDeflate', describeProperty(PerMessageDeflate, 'extensionName'), PerMessageDeflate.extensionName)
    ctx.log('Receiver', new Receiver() instanceof (Object.getPrototypeOf(Receiver) as Any), Object.getPrototypeOf(Receiver).name)
  }),

  module('2.3', 'the state numbers cannot be changed', (ctx) => {
    const { WebSocket } = ctx.subject
    const ws = new WebSocket(null, undefined, {})
    for (const name of ['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED']) {
      ctx.log('values', name, WebSocket[name], ws[name], ws.constructor[name])
      ctx.attemptClass('assign', name, () => {
        WebSocket[name] = 9
      })
      ctx.attemptClass('assign', name, () => {
        ws[name] = 9
      })
    }
  }),

  module('2.1', 'a WebSocket without an address is a server-side instance', (ctx) => {
    const { WebSocket } = ctx.subject
    const ws = new WebSocket(null, undefined, {})
    for (const name of [
      'binaryType',
      'bufferedAmount',
      'extensions',
      'isPaused',
      'protocol',
      'readyState',
      'url',
      'onopen',
      'onmessage',
      'onclose',
      'onerror'
    ]) {
      ctx.log('properties', name, describeValue(ws[name]))
    }
    for (const name of [
      '_isServer',
      '_socket',
      '_receiver',
      '_sender',
      '_readyState',
      '_closeFrameSent',
      '_closeFrameReceived',
      '_protocol',
      '_extensions'
    ]) {
      ctx.log('private', name, describeValue(ws[name]))
    }
    ctx.attempt('methods', 'send', () => ws.send('x'))
    ctx.attempt('methods', 'ping', () => ws.ping())
    ctx.attempt('methods', 'pong', () => ws.pong())
    ctx.attempt('methods', 'pause', () => ws.pause())
    ctx.attempt('methods', 'resume', () => ws.resume())
    ctx.attemptClass('missing options', 'new', () => new WebSocket(null))
    ctx.attemptClass('missing options', 'new', () => new WebSocket(null, undefined))
    ctx.attemptClass('missing options', 'new', () => new WebSocket(null, undefined, null))
  }),

  module('2.3', 'every accessor may be read and enumerated on an instance', (ctx) => {
    const ws = new ctx.subject.WebSocket(null, undefined, {})
    const names = []
    for (const name in ws) if (!name.startsWith('_') && !additions.includes(name)) names.push(name)
    ctx.log('for in', names.sort())
    ctx.log(
      'own',
      Object.keys(ws).filter((name) => !name.startsWith('_') && !additions.includes(name))
    )
    ctx.log('tag', Object.prototype.toString.call(ws), String(ws))
  }),

  module('2.3', 'setting a property that has no setter throws in strict mode', (ctx) => {
    const ws = new ctx.subject.WebSocket(null, undefined, {})
    for (const name of ['bufferedAmount', 'extensions', 'isPaused', 'protocol', 'readyState', 'url']) {
      let outcome = 'no error'
      try {
        ws[name] = 1
      } catch (error) {
        outcome = (error as Error).constructor.name
      }
      ctx.log('set', name, outcome, describeValue(ws[name]))
    }
  }),

  module('2.3', 'unknown binaryType values are ignored', (ctx) => {
    const ws = new ctx.subject.WebSocket(null, undefined, {})
    for (const value of ['arraybuffer', 'fragments', 'nodebuffer', 'blob', 'Blob', '', undefined, null, 1, 'ARRAYBUFFER']) {
      ws.binaryType = value
      ctx.log('binaryType', describeValue(value), ws.binaryType)
    }
  })
]
