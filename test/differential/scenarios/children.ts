// Cases in a process of their own: what still leaves when the process exits, and what becomes of errors that nobody catches.

import { fileURLToPath } from 'node:url'
import type { RawPeer } from '../../support/raw-peer.js'
import { runChild } from '../child-process.js'
import type { ChildCase } from '../child-process.js'
import { client, roles, server } from '../harness.js'
import type { Context, Scenario } from '../harness.js'

const script = fileURLToPath(new URL('../children/child.mjs', import.meta.url))

/** What the peer does once the child says `go`. */
type Answer = (peer: RawPeer) => Buffer[]

const run = (
  ctx: Context,
  role: 'client' | 'server',
  name: string,
  answer: Answer = () => [],
  more: Partial<ChildCase> = {}
): Promise<void> =>
  runChild(ctx, {
    script,
    role,
    name,
    attach: (peer) => {
      // An answer to a process that has ended would be met with a reset.
      peer.echoClose = !/\bexit\b/.test(name)
      ctx.recordPeer(peer)
      peer.on('frame', (frame) => {
        if (frame.payload.toString() === 'go') peer.write(...answer(peer))
      })
    },
    ...more
  })

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
    run(ctx, 'client', 'a connection that fails without a listener ends the process', undefined, { refuses: true })
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
