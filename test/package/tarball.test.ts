// The package as npm packs it, and what programs in other projects see once it is installed there.

import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { npm, output, root, run, scratchFolder } from './support/run.js'

const DECLARATIONS_OF_CORE = [
  'codecs/output',
  'codecs/pako',
  'codecs/pauses',
  'codecs/stored-blocks',
  'codecs/wasm',
  'codecs/wasm-deflater',
  'codecs/wasm-effort',
  'codecs/wasm-engine',
  'codecs/wasm-inflater',
  'codecs/wasm-repeats',
  'codecs/wasm-slots',
  'codecs/wasm-window',
  'core/base64',
  'core/clock',
  'core/close',
  'core/codec',
  'core/connection',
  'core/connection-handler',
  'core/constants',
  'core/errors',
  'core/extension',
  'core/fifo',
  'core/frame-header',
  'core/frame-table',
  'core/frame-writer',
  'core/header-token',
  'core/http-head',
  'core/intake',
  'core/kernels',
  'core/masking-key',
  'core/message-assembler',
  'core/message-codec',
  'core/message-events',
  'core/octet-queue',
  'core/octets',
  'core/opening-handshake',
  'core/output',
  'core/partial-frame',
  'core/permessage-deflate',
  'core/platform',
  'core/portable-clock',
  'core/portable-runtime',
  'core/receive-progress',
  'core/receiver',
  'core/runtime',
  'core/scan-flags',
  'core/send-flags',
  'core/sender',
  'core/sha1',
  'core/subprotocol',
  'core/utf8',
  'isomorphic',
  'kernels/index',
  'kernels/js',
  'kernels/native',
  'kernels/scan',
  'kernels/utf16',
  'kernels/utf8',
  'kernels/wasm',
  'wasm/codec',
  'wasm/kernels'
]

const FILES = [
  'CHANGELOG.md',
  'LICENSE',
  'README.md',
  'dist/browser.cjs',
  'dist/browser.d.cts',
  'dist/browser.d.mts',
  'dist/browser.mjs',
  'dist/core.cjs',
  'dist/core.d.cts',
  'dist/core.d.mts',
  'dist/core.mjs',
  'dist/core.node.mjs',
  'dist/index.cjs',
  'dist/index.d.cts',
  'dist/index.d.mts',
  'dist/index.mjs',
  ...DECLARATIONS_OF_CORE.map((name) => `dist/types/${name}.d.ts`),
  'doc/api.md',
  'doc/architecture.md',
  'doc/data-flow.svg',
  'doc/differences.md',
  'package.json'
]

const TSC = join(root, 'node_modules/typescript/bin/tsc')

/** What Node runs: an echo over loopback, compressed by every codec; `WebSocket` and `WebSocketServer` are there already. */
const ECHO = `
  const echo = (codec) => new Promise((resolve, reject) => {
    const perMessageDeflate = codec === 'none' ? false : { codec, threshold: 0 }
    const wss = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate }, () => {
      const ws = new WebSocket('ws://127.0.0.1:' + wss.address().port, { perMessageDeflate })
      wss.on('connection', (peer) => peer.on('message', (data, isBinary) => peer.send(data, { binary: isBinary })))
      ws.on('error', reject)
      ws.on('open', () => ws.send('grüße '.repeat(100)))
      ws.on('message', (data) => ws.close(1000, data.toString().slice(0, 5)))
      ws.on('close', (code, reason) => wss.close(() => resolve(codec + ' ' + code + ' ' + reason)))
    })
  })
  const all = async () => {
    for (const codec of ['none', 'zlib', 'pako', 'wasm']) console.log(await echo(codec))
  }
  void all()
`
const ECHOED = 'none 1000 grüße\nzlib 1000 grüße\npako 1000 grüße\nwasm 1000 grüße\n'

/** What TypeScript compiles: the types that the entry for Node has. */
const TYPED = `
  const options: ServerOptions = { port: 0, host: '127.0.0.1', kernels: 'js', perMessageDeflate: { codec: 'wasm' } }
  const wss = new WebSocketServer(options, () => {
    const { port } = wss.address() as AddressInfo
    const ws: WebSocket = new WebSocket(\`ws://127.0.0.1:\${port}\`)
    ws.on('message', (data: RawData, isBinary: boolean) => {
      console.log(data.toString(), isBinary, ws.kernels)
      wss.close()
      ws.close()
    })
  })
  wss.on('connection', (ws) => ws.send('typed'))
  // @ts-expect-error: there are no such kernels
  export const refused: ServerOptions = { kernels: 'asm' }
`
const TYPED_MODULE = `import type { AddressInfo } from 'node:net'
import WebSocket, { WebSocketServer, type RawData, type ServerOptions } from 'hybi'
`
const TYPED_COMMONJS = `import type { AddressInfo } from 'node:net'
import WebSocket = require('hybi')
import WebSocketServer = WebSocket.WebSocketServer
type RawData = WebSocket.RawData
type ServerOptions = WebSocket.ServerOptions
`
const TYPED_CORE = `import { createJsKernels, selectKernels, type Kernels } from 'hybi/core'
const all: Kernels[] = [createJsKernels(), selectKernels('auto')]
console.log(all.map(({ name }) => name).join())
`

let project: string
let packed: string[]

beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), 'hybi-project-'))
  const { stdout, stderr } = await npm(['pack', '--json', '--ignore-scripts', '--pack-destination', project])
  const [{ filename, files }] = JSON.parse(stdout || stderr) as [{ filename: string; files: { path: string }[] }]
  packed = files.map(({ path }) => path)

  writeFileSync(join(project, 'package.json'), '{ "name": "project", "private": true }')
  const installed = await npm(['install', '--prefer-offline', join(project, filename)], { cwd: project })
  if (installed.code !== 0) throw new Error(installed.stderr)
}, 120_000)
afterAll(() => rmSync(project, { recursive: true, force: true }))

/** Writes a file of the project's. */
function write(name: string, text: string): string {
  const file = join(project, name)
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, text)
  return file
}

it('holds these files and no others', () => {
  expect(packed.sort()).toEqual(FILES.sort())
})

it('names this machine, this workplace and registries nowhere in what is built', () => {
  for (const file of packed.filter((path) => path.startsWith('dist/'))) {
    expect([
      file,
      readFileSync(join(root, file), 'utf8').match(/\bfile:\/\/\/|\/(work|home|root|tmp)\/|registry\.|sourceMappingURL/g)
    ]).toEqual([file, null])
  }
})

it('has no script that npm would run, or warn of, where it is installed', () => {
  const { scripts } = JSON.parse(readFileSync(join(project, 'node_modules/hybi/package.json'), 'utf8')) as { scripts: object }
  for (const name of ['preinstall', 'install', 'postinstall', 'prepare']) expect(scripts).not.toHaveProperty(name)
})

describe('installed in an empty project', () => {
  it('brings pako and nothing else', () => {
    const folders = readdirSync(join(project, 'node_modules')).filter((name) => !name.startsWith('.'))
    expect(folders.sort()).toEqual(['hybi', 'pako'])
  })

  it('works for require', async () => {
    const file = write('echo.cjs', `const WebSocket = require('hybi')\nconst { WebSocketServer } = WebSocket\n${ECHO}`)
    expect(await output(process.execPath, [file])).toBe(ECHOED)
  })

  it('works for import', async () => {
    const file = write('echo.mjs', `import WebSocket, { WebSocketServer } from 'hybi'\n${ECHO}`)
    expect(await output(process.execPath, [file])).toBe(ECHOED)
  })

  it('works in place of ws, where ws is an alias of it', async () => {
    cpSync(join(project, 'node_modules/hybi'), join(project, 'alias/node_modules/ws'), { recursive: true })
    const file = write('alias/echo.cjs', `const WebSocket = require('ws')\nconst { WebSocketServer } = WebSocket\n${ECHO}`)
    expect(await output(process.execPath, [file])).toBe(ECHOED)
  })

  const common = {
    strict: true,
    skipLibCheck: false,
    target: 'es2022',
    lib: ['es2023'],
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
    noEmitOnError: true,
    outDir: 'out'
  }
  interface Compilation {
    name: string
    type: 'module' | 'commonjs'
    options: object
    files: Record<string, string>
  }
  const core = { 'core.ts': TYPED_CORE }
  const compilations: Compilation[] = [
    {
      name: 'node16, in a project of ES modules',
      type: 'module',
      options: { module: 'node16', moduleResolution: 'node16' },
      files: { 'main.ts': TYPED_MODULE + TYPED, 'required.cts': TYPED_COMMONJS + TYPED, ...core }
    },
    {
      name: 'node16, in a project of CommonJS',
      type: 'commonjs',
      options: { module: 'node16', moduleResolution: 'node16', esModuleInterop: true },
      files: {
        'main.ts': TYPED_COMMONJS + TYPED,
        'imported.mts': TYPED_MODULE + TYPED,
        'default.ts': TYPED_MODULE + TYPED,
        ...core
      }
    },
    {
      name: 'bundler',
      type: 'module',
      options: { module: 'esnext', moduleResolution: 'bundler' },
      files: { 'main.ts': TYPED_MODULE + TYPED, ...core }
    },
    {
      name: 'node10',
      type: 'commonjs',
      options: { module: 'commonjs', moduleResolution: 'node10', esModuleInterop: true, ignoreDeprecations: '6.0' },
      files: { 'main.ts': TYPED_COMMONJS + TYPED, 'default.ts': TYPED_MODULE + TYPED }
    }
  ]

  it.each(compilations)(
    'compiles and runs with TypeScript, $name',
    { timeout: 120_000 },
    async ({ name, type, options, files }) => {
      const folder = name.replace(/\W+/g, '-')
      write(`${folder}/package.json`, JSON.stringify({ type }))
      write(
        `${folder}/tsconfig.json`,
        JSON.stringify({ compilerOptions: { ...common, rootDir: '.', ...options }, files: Object.keys(files) })
      )
      for (const [file, text] of Object.entries(files)) write(`${folder}/${file}`, text)
      const { code, stdout } = await run(process.execPath, [TSC, '-p', join(project, folder)])
      expect({ code, stdout }).toEqual({ code: 0, stdout: '' })

      write(`${folder}/out/package.json`, JSON.stringify({ type }))
      for (const file of Object.keys(files)) {
        const printed = await output(process.execPath, [join(project, folder, 'out', file.replace('ts', 'js'))])
        expect([file, printed]).toEqual([file, file === 'core.ts' ? 'js,wasm\n' : 'typed false wasm\n'])
      }
    }
  )
})

describe('npm ci --omit=dev in a checkout', () => {
  it('leaves the dist that is there as it is, and says so in a line', async () => {
    const checkout = scratchFolder()
    for (const name of [
      'package.json',
      'package-lock.json',
      '.npmrc',
      'tsconfig.json',
      'rollup.config.mjs',
      'src',
      'wasm',
      'prepare.mjs',
      'dist'
    ]) {
      cpSync(join(root, name), join(checkout, name), { recursive: true, preserveTimestamps: true })
    }
    // older than its sources, as it is in a clone with a dist copied into it
    writeFileSync(join(checkout, 'src/newer.ts'), '')
    const before = statSync(join(checkout, 'dist/index.cjs')).mtimeMs
    const { code, stdout, stderr } = await run(
      'npm',
      ['ci', '--omit=dev', '--prefer-offline', '--no-audit', '--no-fund', '--no-update-notifier'],
      { cwd: checkout }
    )
    expect([code, stderr.match(/npm (error|ERR!)/g)]).toEqual([0, null])
    expect(stdout).toContain('hybi: dist is there and devDependencies are not, so nothing is built\n')
    expect(statSync(join(checkout, 'dist/index.cjs')).mtimeMs).toBe(before)
    expect(readdirSync(join(checkout, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual(['pako'])
    const file = join(checkout, 'echo.cjs')
    writeFileSync(file, `const WebSocket = require('hybi')\nconst { WebSocketServer } = WebSocket\n${ECHO}`)
    expect(await output(process.execPath, [file], { cwd: checkout })).toBe(ECHOED)
  }, 120_000)
})
