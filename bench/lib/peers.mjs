// Who is measured: hybi with each kernel set, other libraries, Node's own client, Bun where it is there, and the raw socket as the limit.

import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const require = createRequire(import.meta.url)

const WITHOUT_ADDONS = { WS_NO_BUFFER_UTIL: '1', WS_NO_UTF_8_VALIDATE: '1' }

const ALL = ['server', 'client', 'secure', 'compress', 'codec', 'publish']

const hybi = (kernels) => ({
  adapter: 'ws',
  module: root,
  env: { ...WITHOUT_ADDONS, HYBI_KERNELS: kernels },
  can: ALL
})

/** With another codec than its own choice; only where the codec is what matters. */
const withCodec = (codec) => ({ ...hybi(''), codec, can: ['codec'] })

/** With a loop over its clients, as for ws, where there is a method for it. */
const withLoop = { ...hybi(''), loops: true, can: ['publish'] }

/** `can`: what a peer takes part in. `of`: the package whose version is stated. */
const peers = {
  ws: { adapter: 'ws', module: 'ws', env: WITHOUT_ADDONS, of: 'ws', can: ALL },
  'ws+bufferutil': { adapter: 'ws', module: 'ws', of: 'bufferutil', can: ALL },
  websocket: { adapter: 'websocket', of: 'websocket', can: ['server', 'client', 'secure'] },
  'faye-websocket': { adapter: 'faye-websocket', of: 'faye-websocket', can: ['server', 'client', 'secure'] },
  undici: { adapter: 'undici', can: ['client'] },
  bun: { adapter: 'bun', runtime: process.env.BUN || 'bun', can: ALL },
  hybi: { ...hybi(''), can: [...ALL, 'iteration'] },
  'hybi-iteration': { ...hybi(''), adapter: 'iteration', can: ['iteration'] },
  'hybi-wasm': hybi('wasm'),
  'hybi-js': hybi('js'),
  'hybi-zlib': withCodec('zlib'),
  'hybi-pako': withCodec('pako'),
  'hybi-loop': withLoop,
  net: { adapter: 'net', raw: true, can: ['server', 'client', 'secure'] }
}

export const LEVEL_PEERS = {
  quick: ['ws', 'hybi', 'net'],
  default: ['ws', 'ws+bufferutil', 'undici', 'hybi', 'hybi-loop', 'hybi-iteration', 'net'],
  full: Object.keys(peers)
}

/** What ratios are taken to, where it takes part; else the first peer is. */
export const BASE = 'ws'

let bunVersion

/** The version of Bun; an empty string where there is no Bun. */
function versionOfBun() {
  bunVersion ??= spawnSync(peers.bun.runtime, ['--version'], { encoding: 'utf8' }).stdout?.trim() ?? ''
  return bunVersion
}

/** The peers that cannot take part here, by name, each with the reason. */
export function absent(chosen) {
  const reason = 'there is no executable of Bun on the PATH, and the environment variable BUN names none'
  return chosen.some(({ name }) => name === 'bun') && versionOfBun() === '' ? { bun: reason } : {}
}

/**
 * The peers by name, those of `name=directory` as packages with the API of ws.
 * @throws {Error} at a name there is none of
 */
export function choosePeers(names) {
  return names.map((name) => {
    const at = name.indexOf('=')
    if (at > 0) return { ...hybi(''), name: name.slice(0, at), module: path.resolve(name.slice(at + 1)) }
    if (!Object.hasOwn(peers, name)) throw new Error(`there is no peer ${name}; there are ${Object.keys(peers).join(', ')}`)
    return { ...peers[name], name }
  })
}

/** Flags that Node needs to run a peer. */
export function flagsFor({ adapter, runtime }) {
  if (runtime !== undefined) return []
  const major = Number.parseInt(process.versions.node, 10)
  const flags = ['--expose-gc', '--no-warnings']
  // 22 has it without
  if (adapter === 'undici' && major < 22) flags.push('--experimental-websocket')
  return flags
}

/** Versions of what is measured, by package. */
export function versions(chosen) {
  const found = {}
  for (const { name, of, module } of chosen) {
    if (of !== undefined) found[of] = require(`${of}/package.json`).version
    else if (name === 'bun') found.Bun = versionOfBun()
    else if (name === 'undici') found.undici = `${process.versions.undici} (Node)`
    else if (module === root) found.hybi = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')).version
    else if (module !== undefined) found[name] = JSON.parse(readFileSync(path.join(module, 'package.json'), 'utf8')).version
  }
  return found
}
