// What bundlers make of the package for browsers: programs of both module systems run in a context of nothing but JavaScript and a WebSocket.

import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createContext, runInContext } from 'node:vm'
import commonjs from '@rollup/plugin-commonjs'
import nodeResolve from '@rollup/plugin-node-resolve'
import { build, transformSync } from 'esbuild'
import { rollup } from 'rollup'
import { describe, expect, it, vi } from 'vitest'
import webpack from 'webpack'
import { root, scratchFolder } from './support/run.js'

// They are in CommonJS, and without types
const require = createRequire(import.meta.url)
const browserify = require('browserify') as (entry: string) => {
  bundle(done: (error: Error | null, code: Buffer) => void): void
}

vi.setConfig({ testTimeout: 60_000 })

/** Names that code for both sides may import; using them is another matter. */
const ONLY_ON_NODE = [
  'WebSocketServer',
  'createWebSocketStream',
  'PerMessageDeflate',
  'Receiver',
  'Refusal',
  'Sender',
  'extension',
  'subprotocol'
]

/** What both programs do; `WebSocket` is the class, `names` what else is exported. */
const PROGRAM = `
  class Own extends WebSocket {}
  class OwnServer extends names.WebSocketServer {}
  const ws = new Own('ws://example.com/', ['chat'], { headers: {} })
  const log = []
  ws.on('message', (data, isBinary) => log.push([String(data), isBinary]))
  ws.once('close', (code, reason) => log.push([code, reason]))
  fake.deliver('open')
  ws.send('hello', () => log.push('sent'))
  fake.deliver('message', { data: 'text' })
  fake.deliver('message', { data: new Uint8Array([1, 2]).buffer })
  fake.deliver('close', { code: 1001, reason: 'bye' })
  const attempts = [() => new OwnServer({ port: 0 }), () => names.createWebSocketStream(ws), () => new names.Receiver(),
    () => new names.Refusal(),
    () => new names.Sender(), () => new names.PerMessageDeflate(), () => names.extension.parse('a'), () => names.subprotocol.parse('a'),
    () => names.Sender.frame('a', { opcode: 1 }), () => ws.ping()]
  const errors = attempts.map((attempt) => {
    try { attempt() } catch (error) { return error instanceof Error ? error.message.split(':')[0] : 'not an Error' }
  })
  const { default: kernels, available } = names.kernels
  globalThis.seen = { type: typeof WebSocket, states: [WebSocket.OPEN, ws.CLOSED], protocols: fake.protocols, sent: fake.sent, log, errors,
    kernels: [kernels, ...available] }
`
const SEEN = {
  type: 'function',
  states: [1, 3],
  protocols: ['chat'],
  sent: ['hello'],
  log: [['text', false], ['1,2', true], [1001, 'bye'], 'sent'],
  errors: [
    'WebSocketServer',
    'createWebSocketStream',
    'Receiver',
    'Refusal',
    'Sender',
    'PerMessageDeflate',
    'extension.parse',
    'subprotocol.parse',
    'Sender.frame',
    'ping'
  ].map((name) => `${name} needs Node.js`),
  kernels: ['auto']
}

/** A browser's WebSocket as far as the program uses it; it takes the place of all that browsers have. */
const BROWSER = `
  globalThis.WebSocket = class {
    constructor(url, protocols) { Object.assign(this, { url, protocols, sent: [], listeners: {}, readyState: 1 }); globalThis.fake = this }
    addEventListener(type, listener) { this.listeners[type] = listener }
    send(data) { this.sent.push(data) }
    deliver(type, members) { this.listeners[type]({ type, ...members }) }
  }
`

const PROGRAMS = {
  'main.cjs': `const WebSocket = require('hybi')\nconst names = WebSocket\n${PROGRAM}`,
  'main.mjs': `import WebSocket, * as names from 'hybi'\n${PROGRAM}`
}
type Main = keyof typeof PROGRAMS

function project(): string {
  const folder = scratchFolder()
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(root, join(folder, 'node_modules/hybi'), 'junction')
  writeFileSync(join(folder, 'package.json'), '{}')
  for (const [name, text] of Object.entries(PROGRAMS)) writeFileSync(join(folder, name), text)
  return folder
}

/** What a bundle does in a context without anything of Node. */
async function run(code: string): Promise<unknown> {
  const context = createContext({})
  runInContext(BROWSER, context)
  runInContext(code, context)
  // a callback of `send` is a job of the context's
  await runInContext('Promise.resolve()', context)
  return JSON.parse(runInContext('JSON.stringify(seen)', context) as string)
}

async function byEsbuild(main: string, options: object = {}): Promise<string> {
  const { outputFiles } = await build({ entryPoints: [main], bundle: true, platform: 'browser', write: false, ...options })
  return outputFiles[0].text
}

async function byRollup(main: string): Promise<string> {
  const bundle = await rollup({
    input: main,
    plugins: [nodeResolve({ browser: true }), commonjs({ transformMixedEsModules: true })]
  })
  const { output } = await bundle.generate({ format: 'iife', name: 'bundle' })
  return output[0].code
}

/** @param resolve `{ exportsFields: [] }` makes it look for files as webpack 4 did */
function byWebpack(main: string, resolve: object = {}): Promise<string> {
  const path = join(main, '..', 'webpack')
  return new Promise((done, fail) => {
    webpack(
      { entry: main, mode: 'production', target: 'web', output: { path, filename: 'bundle.js' }, resolve, performance: false },
      (error, stats) => {
        if (error) fail(error)
        else if (stats!.hasErrors() || stats!.hasWarnings())
          fail(new Error(stats!.toString({ all: false, errors: true, warnings: true })))
        else done(readFileSync(join(path, 'bundle.js'), 'utf8'))
      }
    )
  })
}

function byBrowserify(main: string): Promise<string> {
  return new Promise((done, fail) => browserify(main).bundle((error, code) => (error ? fail(error) : done(code.toString()))))
}

const bundlers: [string, Main[], (main: string) => Promise<string>][] = [
  ['esbuild', ['main.cjs', 'main.mjs'], byEsbuild],
  ['rollup', ['main.cjs', 'main.mjs'], byRollup],
  ['webpack', ['main.cjs', 'main.mjs'], byWebpack],
  ['webpack, which looks at the field "browser"', ['main.cjs', 'main.mjs'], (main) => byWebpack(main, { exportsFields: [] })],
  ['browserify', ['main.cjs'], byBrowserify]
]

describe.each(bundlers)('a bundle of %s', (_, mains, bundle) => {
  it.each(mains)('gives a class that works, and every other name: %s', async (main) => {
    expect(await run(await bundle(join(project(), main)))).toEqual(SEEN)
  })
})

it('stays one class where the program puts it in the place of the native one', async () => {
  const folder = project()
  writeFileSync(join(folder, 'main.cjs'), `globalThis.WebSocket = require('hybi')\nconst names = WebSocket\n${PROGRAM}`)
  expect(await run(await byEsbuild(join(folder, 'main.cjs')))).toEqual(SEEN)
})

describe('the files for browsers', () => {
  it.each(['browser.cjs', 'browser.mjs'])('have no syntax that is newer than ES2018: %s', (name) => {
    const code = readFileSync(join(root, 'dist', name), 'utf8')
    const written = (target: string) => transformSync(code, { target }).code
    expect(written('es2018')).toBe(written('esnext'))
    // and what is newer is seen so
    expect(transformSync('a?.b', { target: 'es2018' }).code).not.toContain('?.')
  })

  it('export what the file for Node exports', async () => {
    const names = Object.keys((await import(/* @vite-ignore */ join(root, 'dist/browser.mjs'))) as object).sort()
    const statics = Object.keys(require(join(root, 'dist/browser.cjs')) as object).sort()
    expect(names).toEqual(Object.keys((await import(/* @vite-ignore */ join(root, 'dist/index.mjs'))) as object).sort())
    expect(statics).toEqual(Object.keys(require(join(root, 'dist/index.cjs')) as object).sort())
    for (const name of ONLY_ON_NODE) expect(names).toContain(name)
  })
})

type Targets = string | { [condition: string]: Targets }

/** The file that a loader takes which knows these conditions. */
function target(targets: Targets, conditions: string[]): string | undefined {
  if (typeof targets === 'string') return targets
  const [, first] = Object.entries(targets).find(([name, inner]) => conditions.includes(name) && target(inner, conditions)) ?? []
  return first && target(first, conditions)
}

describe('require', () => {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: Record<string, Targets> }

  // jsdom's environment in Jest has the second of these, and the last where it is told so
  it.each([['require'], ['browser', 'require'], ['worker', 'browser', 'require'], ['electron', 'require'], ['node', 'require']])(
    'gives CommonJS under the conditions %s %s',
    (...conditions) => {
      for (const [name, targets] of Object.entries(exports).filter(([name]) => name !== './package.json')) {
        const file = target(targets, [...conditions, 'default'])!
        expect([name, file]).toEqual([name, expect.stringMatching(/\.cjs$/) as unknown])
        expect(() => require(join(root, file)) as unknown).not.toThrow()
      }
    }
  )

  it('loads in a Node that has the condition "browser", and says there what to do about it', () => {
    const program = `try { new (require('hybi').WebSocketServer)({ port: 0 }) } catch ({ message }) { console.log(message) }`
    const printed = execFileSync(process.execPath, ['-C', 'browser', '-e', program], { cwd: root, encoding: 'utf8' })
    expect(printed).toMatch(/^WebSocketServer needs Node\.js: .*customExportConditions/)
  })
})
