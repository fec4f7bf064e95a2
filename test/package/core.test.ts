// The built hybi/core where there is nothing but JavaScript: no module system, no Node, no web.

import { readFileSync } from 'node:fs'
import { createContext, runInContext, runInNewContext, type Context } from 'node:vm'
import { describe, expect, test } from 'vitest'

const BUNDLE = readFileSync(new URL('../../dist/core.cjs', import.meta.url), 'utf8')
const CONVERSATION = readFileSync(new URL('support/core-conversation.js', import.meta.url), 'utf8')

interface Log {
  kernels: string
  codec: string
  client: string[]
  server: string[]
  request: unknown[]
  headsThatAreIncomplete: number
  refusals: unknown[]
  extensionsWereOffered: boolean
  response: unknown[]
  otherKey: string
  compressed: boolean
  repeatedLength: number
  strict: string[]
  failure: number[]
  codes: boolean[]
}

/** A context in which the bundle was run, its exports as the global `core`. */
function load(globals: Record<string, unknown> = {}): Context {
  const context = createContext({ ...globals })
  runInContext('globalThis.exports = {}', context)
  runInContext(BUNDLE, context, { filename: 'core.cjs' })
  runInContext('globalThis.core = exports; delete globalThis.exports', context)
  return context
}

const codecs = runInContext("typeof core.createWasmCodec === 'function' ? ['pako', 'wasm'] : ['pako']", load()) as string[]
const cases = ['js', 'wasm'].flatMap((kernels) => [...codecs].map((codec) => ({ kernels, codec })))

const STEPS = [1 << 20, 100, 1]

/** What a side tells of the messages of one round. */
function round(step: number, length: number): string[] {
  return [
    `text grüße 👋 by ${step}`,
    `text a message that is wo... (${length})`,
    'text ',
    'binary 5000 0 38',
    'ping between',
    'text in three fragments €'
  ]
}

describe.each(cases)('hybi/core in a bare context, with $kernels kernels and the $codec codec', ({ kernels, codec }) => {
  const log = JSON.parse(runInContext(CONVERSATION, load({ settings: { kernels, codec } })) as string) as Log

  test('uses what was asked for', () => {
    expect([log.kernels, log.codec]).toEqual([kernels, codec])
  })

  test('holds the opening handshake (RFC 6455 §4)', () => {
    expect(log.headsThatAreIncomplete).toBe(0)
    expect(log.request).toEqual(['GET', '/chat?room=1', 'example.com:8080', 'http://example.com', true])
    expect(log.refusals).toEqual([null, 'Invalid Upgrade header'])
    expect(log.extensionsWereOffered).toBe(true)
    expect(log.response).toEqual([101, 'Switching Protocols', null, 'echo', true])
    expect(log.otherKey).toBe('Invalid Sec-WebSocket-Accept header')
  })

  test('carries text, binary, fragments, pings and pongs both ways, compressed, and closes (RFC 6455 §5, §7; RFC 7692)', () => {
    const { client, server, repeatedLength } = log
    const ending = ['closing', 'end 4000 bye €']
    const toServer = STEPS.flatMap((step) => [...round(step, repeatedLength), 'pong unasked', 'pong between'])
    const toClient = STEPS.flatMap((step) => ['pong unasked', ...round(step, repeatedLength), 'pong between'])
    expect(server).toEqual([...toServer, ...ending])
    expect(client).toEqual(['text hi', ...toClient, ...ending])
    expect(log.compressed).toBe(true)
  })

  test('answers what is wrong with its close code (RFC 6455 §7.1.7, §7.4)', () => {
    expect(log.failure).toEqual([0x88, 2, 0x03, 0xea])
    expect(log.strict).toEqual(['closing', 'error WS_ERR_EXPECTED_MASK 1002', 'end 1006 '])
    expect(log.codes).toEqual([true, false, false, true])
  })
})

test('the bundle and a conversation ask for no global that JavaScript does not have, not even whether it is there', () => {
  const builtIns = new Set(runInNewContext('Object.getOwnPropertyNames(globalThis)') as string[])
  const asked = new Set<string>()
  const context = createContext({ exports: {}, settings: { kernels: 'wasm', codec: 'pako' } })
  context.globals = new Proxy(Object.create(null) as Record<string, unknown>, {
    has: (_, name) => {
      if (typeof name === 'string' && !builtIns.has(name)) asked.add(name)
      return false
    }
  })
  const body = `${BUNDLE.replace("'use strict';", '')}\n globalThis.core = exports; return ${CONVERSATION.replace(/^.*?;\(/s, '(')}`
  const log = runInContext(`with (globals) { (function () { ${body} })() }`, context) as string
  expect(JSON.parse(log)).toHaveProperty('client')
  expect([...asked]).toEqual(['exports'])
})

test('where there is no WebAssembly the kernels are in JavaScript, and asking for the others says so', () => {
  const context = load()
  runInContext('delete globalThis.WebAssembly', context)
  expect(runInContext("typeof WebAssembly + core.selectKernels('auto').name", context)).toBe('undefinedjs')
  expect(runInContext('JSON.stringify(core.availableKernels())', context)).toBe('["js"]')
  expect(runInContext('core.createWasmKernels()', context)).toBeNull()
  expect(() => runInContext("core.selectKernels('wasm')", context) as unknown).toThrow(/wasm/i)
  expect(() => runInContext("core.selectKernels('simd')", context) as unknown).toThrow(/simd/)
})
