// permessage-deflate with WebSockets of other makes, in both roles, with each codec, window and takeover: `npm run test:interop`.
// Those that are not on the machine are named, and left out. PYTHON and BUN name executables.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import * as ws from 'ws'
import WebSocket, { WebSocketServer } from '../../dist/index.mjs'
import { exchange, MAX_PAYLOAD, optionsFor, variants } from './messages.mjs'

const ALL_WINDOWS = [8, 9, 10, 11, 12, 13, 14, 15]

/** The first of these commands that runs, with the arguments that show it; null where none does. */
function findCommand(commands, probe) {
  return commands.find((command) => command && spawnSync(command, probe).status === 0) ?? null
}

/** A peer in a process of its own. */
class Program {
  /** @param mayRefuse whether, as a server, it declines offers of windows that it does not make */
  constructor(command, script, mayRefuse = false) {
    this.mayRefuse = mayRefuse
    this.command = [command, fileURLToPath(new URL(script, import.meta.url))]
  }

  start(...parameters) {
    const [command, script] = this.command
    return spawn(command, [script, ...parameters], { stdio: ['pipe', 'pipe', 'inherit'] })
  }

  async serve() {
    const child = this.start('serve')
    const [port] = await once(child.stdout, 'data')
    return { port: Number(port), stop: () => child.kill() }
  }

  connect(port) {
    const child = this.start('connect', String(port))
    return () => child.kill()
  }
}

/** ws, in this process. */
const inProcess = {
  mayRefuse: false,

  async serve() {
    const server = new ws.WebSocketServer({
      port: 0,
      host: '127.0.0.1',
      maxPayload: MAX_PAYLOAD,
      perMessageDeflate: { threshold: 0 }
    })
    server.on('connection', (socket) => socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })))
    await once(server, 'listening')
    return { port: server.address().port, stop: () => server.close() }
  },
  connect(port) {
    const socket = new ws.WebSocket(`ws://127.0.0.1:${port}`, { maxPayload: MAX_PAYLOAD, perMessageDeflate: { threshold: 0 } })
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
    return () => socket.terminate()
  }
}

/** hybi serves, the peer connects. */
async function asServer(peer, { codec, bits, noTakeover }) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', ...optionsFor(codec, bits, noTakeover) })
  await once(server, 'listening')
  const stop = peer.connect(server.address().port)
  try {
    const [socket] = await once(server, 'connection')
    await exchange(socket)
    return true
  } finally {
    stop()
    server.close()
  }
}

/** hybi connects to the peer; false where that declined compression. */
async function asClient(peer, port, { codec, bits, noTakeover }) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, optionsFor(codec, bits, noTakeover))
  await once(socket, 'open')
  if (socket.extensions === '' && peer.mayRefuse) {
    socket.close()
    return false
  }
  await exchange(socket)
  return true
}

async function check({ peer, windows }) {
  const { port, stop } = await peer.serve()
  let count = 0
  let declined = 0
  try {
    for (const variant of variants(windows)) {
      for (const [role, run] of [
        ['server', () => asServer(peer, variant)],
        ['client', () => asClient(peer, port, variant)]
      ]) {
        try {
          if (await run()) count++
          else declined++
        } catch (error) {
          throw new Error(`as a ${role}, ${JSON.stringify(variant)}: ${error.message}`, { cause: error })
        }
      }
    }
  } finally {
    stop()
  }
  return { count, declined }
}

const python = findCommand([process.env.PYTHON, '/usr/bin/python3', 'python3'], ['-c', 'import websockets'])
const bun = findCommand([process.env.BUN, 'bun'], ['--version'])
const PEERS = [
  { name: 'ws', peer: inProcess, windows: ALL_WINDOWS },
  {
    name: "Python's websockets",
    missing: python === null && 'install it (Debian: python3-websockets), or name a Python that has it in PYTHON',
    // its zlib makes no window of 8 bits
    windows: ALL_WINDOWS.slice(1),
    peer: new Program(python, 'python.py')
  },
  {
    name: 'Bun',
    missing: bun === null && 'name its executable in BUN',
    windows: ALL_WINDOWS.slice(1),
    peer: new Program(bun, 'bun.mjs', true)
  }
]

for (const entry of PEERS) {
  if (entry.missing) {
    console.log(`${entry.name}: NOT FOUND; ${entry.missing}`)
    continue
  }
  try {
    const { count, declined } = await check(entry)
    console.log(
      `${entry.name}: the same came back in ${count} conversations, windows of ${entry.windows[0]} to 15 bits; ${declined} offers declined`
    )
  } catch (error) {
    console.log(`${entry.name}: FAILED ${error.message}`)
    process.exitCode = 1
  }
}
console.log('Chromium: npm run test:browser')
