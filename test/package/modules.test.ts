// The built package as programs get it: by `require` and by `import`, under its own name.

import { createRequire } from 'node:module'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { evaluate, root, run } from './support/run.js'

const require = createRequire(import.meta.url)
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }

/** Exports of ws 8.23.0 by name. */
const NAMES_OF_WS = [
  'createWebSocketStream',
  'extension',
  'PerMessageDeflate',
  'Receiver',
  'Sender',
  'subprotocol',
  'WebSocket',
  'WebSocketServer'
]
const NAMES = [...NAMES_OF_WS, 'kernels', 'Refusal']

describe('require', () => {
  it('gives the class itself, which is not marked as a transpiled module', async () => {
    const seen = await evaluate(`
      const WebSocket = require('hybi')
      console.log(JSON.stringify({
        type: typeof WebSocket,
        name: WebSocket.name,
        isClass: /^class /.test(Function.prototype.toString.call(WebSocket)),
        esModule: '__esModule' in WebSocket,
        default: 'default' in WebSocket,
        self: WebSocket.WebSocket === WebSocket,
        server: WebSocket.Server === WebSocket.WebSocketServer,
        again: require('hybi') === WebSocket
      }))`)
    expect(seen).toEqual({
      type: 'function',
      name: 'WebSocket',
      isClass: true,
      esModule: false,
      default: false,
      self: true,
      server: true,
      again: true
    })
  })

  it('gives every static of ws, of the same kind, and no more than ours besides', () => {
    const kinds = (module: object) =>
      Object.fromEntries(
        Object.entries(module).map(([name, value]) => [name, `${typeof value} ${(value as { name?: string }).name ?? ''}`])
      )
    const ours = kinds(require(root) as object)
    const theirs = kinds(require('ws') as object)
    expect(ours).toEqual({ ...theirs, kernels: 'object ', Refusal: 'function Refusal' })
  })
})

describe('import', () => {
  it('gives the names of ws and ours, which are those of its ESM entry', async () => {
    const ws = await import(/* @vite-ignore */ require.resolve('ws').replace('index.js', 'wrapper.mjs'))
    expect(Object.keys(ws as object).sort()).toEqual([...NAMES_OF_WS, 'default'].sort())
    expect(await evaluate(`import * as hybi from 'hybi'; console.log(JSON.stringify(Object.keys(hybi)))`)).toEqual(
      [...NAMES, 'default'].sort()
    )
  })

  it('gives the same objects as require, whichever comes first', async () => {
    const same = NAMES.map((name) => `named.${name} === required.${name}`).join(', ')
    const compare = `console.log(JSON.stringify([named.default === required, ${same}]))`
    const all = ['default', ...NAMES].map(() => true)
    expect(
      await evaluate(`
        import { createRequire } from 'node:module'
        import * as named from 'hybi'
        const required = createRequire(process.cwd() + '/')('hybi')
        ${compare}`)
    ).toEqual(all)
    expect(
      await evaluate(`
        const required = require('hybi')
        ;(async () => { const named = await import('hybi'); ${compare} })()`)
    ).toEqual(all)
  })
})

describe('hybi/core', () => {
  it('gives the same objects to import and to require', async () => {
    const seen = (await evaluate(`
      const required = require('hybi/core')
      ;(async () => {
        const named = await import('hybi/core')
        const names = Object.keys(named).sort()
        console.log(JSON.stringify({
          names,
          required: Object.keys(required).sort(),
          same: names.every((name) => named[name] === required[name]),
          esModule: '__esModule' in required
        }))
      })()`)) as { names: string[]; required: string[]; same: boolean; esModule: boolean }
    expect(seen).toEqual({ names: seen.required, required: seen.required, same: true, esModule: false })
    expect(seen.names).toEqual(
      expect.arrayContaining(['Connection', 'Receiver', 'Sender', 'selectKernels', 'createPortableRuntime'])
    )
  })

  it('has in its file for other runtimes what it has in that for Node', async () => {
    const names = (module: string) => evaluate(`import * as core from '${module}'; console.log(JSON.stringify(Object.keys(core)))`)
    expect(await names('./dist/core.mjs')).toEqual(await names('hybi/core'))
  })

  it('imports nothing', () => {
    for (const file of ['core.mjs', 'core.cjs']) {
      expect(readFileSync(join(root, 'dist', file), 'utf8')).not.toMatch(/^\s*(import|export)\b.*\bfrom\b|\brequire\(|\bimport\(/m)
    }
  })
})

describe('paths', () => {
  it('gives package.json to either', async () => {
    expect(await evaluate(`console.log(JSON.stringify(require('hybi/package.json').version))`)).toBe(manifest.version)
    expect(
      await evaluate(`
        import manifest from 'hybi/package.json' with { type: 'json' }
        console.log(JSON.stringify(manifest.version))`)
    ).toBe(manifest.version)
  })

  it('gives no other file of the package', async () => {
    const files = (readdirSync(join(root, 'dist'), { recursive: true }) as string[]).map((file) => `dist/${file}`)
    const paths = [...files, 'dist', 'index.js', 'lib/websocket.js', 'lib/receiver', 'src/index.ts', 'README.md', 'core/index.js']
    const seen = await evaluate(`
      const paths = ${JSON.stringify(paths)}
      const codeOf = (error) => error.code
      const required = paths.map((path) => { try { require('hybi/' + path) } catch (error) { return codeOf(error) } })
      Promise.all(paths.map((path) => import('hybi/' + path).then(() => undefined, codeOf)))
        .then((imported) => console.log(JSON.stringify([...required, ...imported])))`)
    expect(seen).toEqual(paths.concat(paths).map(() => 'ERR_PACKAGE_PATH_NOT_EXPORTED'))
  })

  it('gives the browser its own file, and programs for Node none of it', async () => {
    const resolve = `import { fileURLToPath } from 'node:url'; console.log(JSON.stringify(fileURLToPath(import.meta.resolve('hybi'))))`
    expect(await evaluate(resolve)).toBe(join(root, 'dist/index.mjs'))
    expect(await evaluate(resolve, { flags: ['--conditions=browser'] })).toBe(join(root, 'dist/browser.mjs'))
  })
})

it('leaves no listener, timer or handle behind that keeps a program running', async () => {
  const { code, stderr } = await run(process.execPath, [
    '-e',
    `require('hybi'); require('hybi/core'); require('hybi').kernels.available`
  ])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
})
