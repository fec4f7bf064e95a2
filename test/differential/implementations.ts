// The two libraries that every scenario runs on: ws, and hybi (or whatever stands in for it while the suite itself is tested).

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Any = any

/** What `require('ws')` gives; untyped, because scenarios also do what types forbid. */
export interface Implementation {
  name: 'ws' | 'hybi'
  WebSocket: Any
  WebSocketServer: Any
  createWebSocketStream: Any
  Receiver: Any
  Sender: Any
  PerMessageDeflate: Any
  extension: Any
  subprotocol: Any
}

const root = fileURLToPath(new URL('../..', import.meta.url))
const require = createRequire(import.meta.url)

function shape(name: 'ws' | 'hybi', main: Any): Implementation {
  const { WebSocket, WebSocketServer, createWebSocketStream, Receiver, Sender, PerMessageDeflate, extension, subprotocol } = main
  return {
    name,
    WebSocket,
    WebSocketServer,
    createWebSocketStream,
    Receiver,
    Sender,
    PerMessageDeflate,
    extension,
    subprotocol
  }
}

export const wsPath: string = require.resolve('ws')
export const reference: Implementation = shape('ws', require('ws'))

/**
 * Where hybi is loaded from: its source; the built package with HYBI_DIST (`1`, or a path); or another module of ws's shape with
 * HYBI_DIFF_SUBJECT (`ws`, or a path), which is how the suite itself is tested: differences on purpose are not expected then.
 */
export const standIn: string | undefined = process.env.HYBI_DIFF_SUBJECT || undefined

export function subjectPath(): string {
  if (standIn !== undefined) return standIn === 'ws' ? wsPath : path.resolve(standIn)
  const dist = process.env.HYBI_DIST
  if (dist) return dist === '1' ? path.join(root, 'dist/index.mjs') : path.resolve(dist)
  return path.join(root, 'src/index.ts')
}

async function loadSubject(): Promise<Implementation> {
  const file = subjectPath()
  // A CommonJS file is required, so that it is not a second copy of what `require` gave elsewhere.
  if (/\.c?js$/.test(file)) return withSlowTurns(() => Promise.resolve(shape('hybi', require(file))))
  const url = file.endsWith('.ts') ? file : pathToFileURL(file).href
  return withSlowTurns(async () => {
    const module = (await import(/* @vite-ignore */ url)) as { default: Any }
    return shape('hybi', module.default)
  })
}

/**
 * Loads the package with a clock of its turns (src/node/delivery/turns.ts) that is a thousand times too slow. After 2 ms it lets others
 * go first, which ws does not, and a process that waits for a processor would do so at any message; test/node/receive-turns.test.ts is
 * about that.
 */
async function withSlowTurns<T>(load: () => Promise<T>): Promise<T> {
  const now = performance.now.bind(performance)
  performance.now = () => now() / 1000
  try {
    return await load()
  } finally {
    Reflect.deleteProperty(performance, 'now')
  }
}

export const subject: Implementation = await loadSubject()

let plain: Promise<string> | undefined

/** A file that plain Node can load `implementation` from, for cases that need a process of their own. */
export function plainPath(implementation: Implementation): Promise<string> {
  if (implementation.name === 'ws') return Promise.resolve(wsPath)
  const file = subjectPath()
  if (!file.endsWith('.ts')) return Promise.resolve(file)
  return (plain ??= bundle(file))
}

/** The source as one file, which hundreds of processes load sooner than ninety modules, next to the dependencies that it imports. */
async function bundle(entry: string): Promise<string> {
  const { build } = await import('esbuild')
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'es2022',
    write: false
  })
  const [{ contents }] = outputFiles
  // Named after its content, to be used again
  const folder = path.join(root, 'node_modules/.cache/hybi-differential')
  const file = path.join(folder, `${createHash('sha1').update(contents).digest('hex')}.mjs`)
  if (existsSync(file)) return file
  mkdirSync(folder, { recursive: true })
  const draft = `${file}-${process.pid}`
  writeFileSync(draft, contents)
  // Another run may have made the same meanwhile
  renameSync(draft, file)
  return file
}
