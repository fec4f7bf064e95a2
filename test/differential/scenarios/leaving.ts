// When a frame leaves: before its program blocks, exits, dies or looks at the socket, whatever is replaced around it.

import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describeFrame } from '../../support/frames.js'
import type { ParsedFrame } from '../../support/frames.js'
import { connectRaw, requestOctets, responseOctets } from '../../support/raw-peer.js'
import type { RawPeer } from '../../support/raw-peer.js'
import { roles } from '../harness.js'
import type { Context, Scenario } from '../harness.js'
import { plainPath, subject } from '../implementations.js'
import type { Any } from '../implementations.js'

const script = fileURLToPath(new URL('../children/leaving.mjs', import.meta.url))

// Made ready beforehand, so that no scenario waits for it.
await plainPath(subject)

/** Runs a case of children/leaving.mjs; the peer writes an octet to its standard input for each frame that begins with 'ask'. */
async function run(ctx: Context, role: 'client' | 'server', name: string): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'hybi-'))
  ctx.defer(() => rmSync(folder, { recursive: true, force: true }))
  const flag = path.join(folder, 'asked')
  const peers: RawPeer[] = []
  const attach = (peer: RawPeer): void => {
    peers.push(peer)
    // An answer to a process that has ended would be met with a reset
    peer.echoClose = false
    peer.on('ended', () => ctx.log('wire', 'end of stream'))
    peer.on('frame', (frame: ParsedFrame) => {
      const text = frame.payload.subarray(0, 3).toString()
      // How many of these there are is a matter of time
      if (text !== '.') ctx.log('wire', describeFrame(frame))
      if (text === 'ask') {
        writeFileSync(flag, '')
        child.stdin.write('.')
      } else if (text === 'go') peer.write(peer.text('went'))
    })
  }
  const greets = /message listener/.test(name)
  let port = 0
  if (role === 'client') {
    const raw = await ctx.rawServer((peer, key) => {
      attach(peer)
      peer.write(responseOctets(key))
      if (greets) peer.write(peer.text('greeting'))
    })
    port = raw.port
  }
  const child = spawn(process.execPath, [script, await plainPath(ctx.subject), role, name, String(port), flag], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '' }
  })
  child.stdin.on('error', () => {})
  ctx.defer(() => child.kill('SIGKILL'))
  const output = createInterface({ input: child.stdout })
  output.on('line', (line) => {
    const listening = /^port (\d+)$/.exec(line)
    if (listening === null) {
      ctx.log('output', line)
      return
    }
    void connectRaw(Number(listening[1])).then((peer) => {
      attach(peer)
      peer.write(requestOctets())
      if (greets) void peer.untilHead().then(() => peer.write(peer.text('greeting')))
    })
  })
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors += String(chunk)))
  const ended = new Promise<[number | null, string | null]>((resolve) =>
    child.on('close', (code, signal) => resolve([code, signal]))
  )
  const [code, signal] = await ctx.wait('end of the child', ended)
  const thrown = errors.split('\n').find((line) => /^\w*Error\b.*: /.test(line))
  ctx.log('exit', String(code), String(signal), thrown ?? 'no error')
  if (code !== 0 && thrown === undefined) ctx.log('exit', errors)
  for (const peer of peers) await ctx.wait('end of the connection', peer.untilClosed())
}

const blocks = [
  'send and block',
  'send and block, again and again',
  ...['a message', 'octets', 'a long message', 'long octets', 'the last fragment', 'a ping', 'a pong', 'a frame by hand'].map(
    (what) => `block in a message listener behind ${what}`
  ),
  'block in the listener of the connection',
  'block in the callback of a send',
  'progress messages of a computation',
  'progress messages of a computation in a message listener',
  'send and wait for a program',
  'a producer that awaits promises only, with blocks',
  'a producer that awaits promises only, until the peer has what it sent',
  'a producer that awaits nothing, until the peer has what it sent'
]

const ends = [
  'kill the process behind a send',
  'kill the process behind a send in a message listener',
  'leave the process without its exit listeners',
  ...['a message', 'a close frame', 'a ping', 'a burst', 'a message and a close frame', 'a message and terminate()'].map(
    (what) => `exit in a message listener behind ${what}, the first that the process sends`
  ),
  'send in exit listeners of all ages',
  'send in an exit listener that is older than the package, first of all',
  'send in an exit listener of a process that ends by itself',
  'send in an exit listener behind an exception',
  'send in beforeExit and in exit'
]

const workers = [
  'a worker that exits in a message listener',
  'a worker that exits in a message listener behind a burst',
  'a worker that sends in its exit listener',
  'a worker that blocks in a message listener',
  'a worker whose main thread blocks until the peer has answered',
  'a worker that is terminated behind a send'
]

const fakes = [
  'nextTick replaced when the connection is open',
  'setImmediate, setTimeout, setInterval replaced when the connection is open',
  'nextTick, setImmediate, setTimeout, setInterval, queueMicrotask replaced when the connection is open',
  'all of them replaced, and the process blocks',
  "node:test's mock timers",
  "node:test's mock timers, enabled before the package is loaded",
  'a clock that stands',
  'a clock that is stopped after loading',
  'nextTick, setImmediate and queueMicrotask are fakes while the package is loaded',
  'no global setImmediate',
  'no global setImmediate any more'
]

const patches = ['net.Socket.prototype.write', 'stream.Duplex.prototype.write', 'net.Socket.prototype._write and _writev'].flatMap(
  (what) => ['before loading', 'after loading', 'when the connection is open'].map((when) => `${what} replaced ${when}`)
)

const children = [...blocks, ...ends, ...workers, ...fakes, ...patches]

export const scenarios: Scenario[] = [
  ...children.flatMap((name) => roles('2.5', `in a process: ${name}`, (ctx, role) => run(ctx, role, name)))
]
void (null as unknown as [net.Socket, Any])
