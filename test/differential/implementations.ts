// The two libraries that every scenario runs on: ws, and hybi (or whatever stands in for it while the suite itself is tested).

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
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
  if (/\.c?js$/.test(file)) return shape('hybi', require(file))
  const url = file.endsWith('.ts') ? file : pathToFileURL(file).href
  const module = (await import(/* @vite-ignore */ url)) as { default: Any }
  return shape('hybi', module.default)
}

export const subject: Implementation = await loadSubject()

let plain: Promise<string> | undefined

/** A file that plain Node can load `implementation` from, for cases that need a process of their own. */
export function plainPath(implementation: Implementation): Promise<string> {
  if (implementation.name === 'ws') return Promise.resolve(wsPath)
  const file = subjectPath()
  if (!file.endsWith('.ts')) return Promise.resolve(file)
  return (plain ??= transpileSource())
}

/** The source as JavaScript, module by module, where it finds the dependencies it imports; named after its content, to be used again. */
async function transpileSource(): Promise<string> {
  const source = path.join(root, 'src')
  const names = (readdirSync(source, { recursive: true }) as string[])
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .sort()
  const texts = names.map((name) => readFileSync(path.join(source, name), 'utf8'))
  const hash = createHash('sha1')
    .update(JSON.stringify([names, texts]))
    .digest('hex')
  const target = path.join(root, 'node_modules/.cache/hybi-differential', hash)
  if (existsSync(target)) return path.join(target, 'index.js')
  const { default: ts } = await import('typescript')
  const draft = `${target}-${process.pid}`
  for (const [i, name] of names.entries()) {
    const { outputText } = ts.transpileModule(texts[i], {
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true }
    })
    const file = path.join(draft, name.replace(/\.ts$/, '.js'))
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, outputText)
  }
  writeFileSync(path.join(draft, 'package.json'), '{"type":"module"}')
  try {
    renameSync(draft, target)
  } catch {
    // Another run has made the same meanwhile.
    rmSync(draft, { recursive: true, force: true })
  }
  return path.join(target, 'index.js')
}
