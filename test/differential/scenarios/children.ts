// Cases in a process of their own: what still leaves when the process exits, and what becomes of errors that nobody catches.

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { connectRaw, requestOctets, responseOctets } from '../../support/raw-peer.js'
import type { RawPeer } from '../../support/raw-peer.js'
import { client, roles, server } from '../harness.js'
import type { Context, Scenario } from '../harness.js'
import { plainPath, subject } from '../implementations.js'

const script = fileURLToPath(new URL('../children/child.mjs', import.meta.url))

// Made ready beforehand, so that no scenario waits for it.
await plainPath(subject)

/** What the peer does once the child says `go`. */
type Answer = (peer: RawPeer) => Buffer[]

async function run(
  ctx: Context,
  role: 'client' | 'server',
  name: string,
  answer: Answer = () => [],
  extra: { refuse?: boolean; env?: Record<string, string> } = {}
): Promise<void> {
  const peers: RawPeer[] = []
  const attach = (peer: RawPeer): void => {
    peers.push(peer)
    // An answer to a process that has ended would be met with a reset.
    peer.echoClose = !/\bexit\b/.test(name)
    ctx.recordPeer(peer)
    peer.on('frame', (frame) => {
      if (frame.payload.toString() === 'go') peer.write(...answer(peer))
    })
  }
  let port = 0
  if (role === 'client') {
    const raw = await ctx.rawServer((peer, key) => {
      if (extra.refuse) {
        peer.socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n')
        return
      }
      attach(peer)
      peer.write(responseOctets(key))
    })
    port = raw.port
  }
  const child = spawn(process.execPath, [script, await plainPath(ctx.subject), role, name, String(port)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '', ...extra.env }
  })
  ctx.defer(() => child.kill())
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
    })
  })
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors += String(chunk)))
  const ended = new Promise<[number | null, string | null]>((resolve) =>
    child.on('close', (code, signal) => resolve([code, signal]))
  )
  const [code, signal] = await ctx.wait('end of the child', ended)
  // Of an uncaught error only its own line is compared, not the stack.
  const thrown = errors.split('\n').find((line) => /^\w*Error\b.*: /.test(line))
  ctx.log('exit', String(code), String(signal), thrown ?? 'no error')
  if (code !== 0 && thrown === undefined) ctx.log('exit', errors)
  for (const peer of peers) await ctx.wait('end of the connection', peer.untilClosed())
}

const violation: Answer = (peer) => [peer.text('before'), peer.frame({ opcode: 15 }), peer.text('after')]
const messages: Answer = (peer) => [peer.text('1'), peer.ping('2'), peer.text('3'), peer.binary('4')]

const cases: [string, Answer?][] = [
  ['send, close, exit'],
  ['send and exit'],
  [
    'emit that was patched before sees text as a Buffer',
    (peer) => [peer.text('a'), peer.text('ž'), peer.binary('b'), peer.close(1000)]
  ],
  ['send in an exit handler'],
  ['send and an uncaught exception'],
  ['send, terminate, exit'],
  ['close and let the process end by itself'],
  ['an idle connection keeps the process alive, a terminated one does not'],
  ['an error without a listener is uncaught', violation],
  ['an error without any handler ends the process', violation],
  ['a message listener that throws', messages],
  ['a ping listener that throws', messages],
  ['a close listener that throws'],
  ['an error listener that throws', violation],
  ['a send callback that throws'],
  ['a callback of a send after close that throws'],
  ['the store of a listener that throws does not leak', messages],
  ['a stream error without a listener is uncaught', violation],
  ['an unref-ed socket lets the process end']
]

export const scenarios: Scenario[] = [
  ...cases.flatMap(([name, answer]) => roles('2.5', `in a process: ${name}`, (ctx, role) => run(ctx, role, name, answer))),
  client('2.5', 'in a process: a connection that fails without a listener ends the process', (ctx) =>
    run(ctx, 'client', 'a connection that fails without a listener ends the process', undefined, { refuse: true })
  ),
  client('2.5', 'in a process: upgrade and open listeners that throw', (ctx) =>
    run(ctx, 'client', 'upgrade and open listeners that throw')
  ),
  server('4.3', 'in a process: a connection listener that throws', (ctx) =>
    run(ctx, 'server', 'a connection listener that throws')
  ),
  ...['WS_NO_BUFFER_UTIL', 'WS_NO_UTF_8_VALIDATE'].flatMap((variable) =>
    roles('8', `in a process with ${variable}`, (ctx, role) =>
      run(ctx, role, 'environment variables', messages, { env: { [variable]: '1' } })
    )
  )
]
