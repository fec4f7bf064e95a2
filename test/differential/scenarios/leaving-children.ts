// When a frame leaves, seen from a process of its own: before its program blocks, exits or dies, whatever is replaced around it.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describeFrame } from '../../support/frames.js'
import type { ParsedFrame } from '../../support/frames.js'
import { runChild } from '../child-process.js'
import { roles } from '../harness.js'
import type { Context, Scenario } from '../harness.js'

const script = fileURLToPath(new URL('../children/leaving.mjs', import.meta.url))

/** Runs a case of children/leaving.mjs; the peer writes an octet to its standard input for each frame that begins with 'ask'. */
async function run(ctx: Context, role: 'client' | 'server', name: string): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'hybi-'))
  ctx.defer(() => rmSync(folder, { recursive: true, force: true }))
  const flag = path.join(folder, 'asked')
  const greets = /message listener/.test(name)
  await runChild(ctx, {
    script,
    role,
    name,
    args: [flag],
    attach: (peer, child) => {
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
    },
    opened: (peer) => {
      if (greets) peer.write(peer.text('greeting'))
    }
  })
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
  'nextTick and queueMicrotask are fakes while the package is loaded',
  'no global setImmediate',
  'no global setImmediate any more'
]

const patches = ['net.Socket.prototype.write', 'stream.Duplex.prototype.write', 'net.Socket.prototype._write and _writev'].flatMap(
  (what) => ['before loading', 'after loading', 'when the connection is open'].map((when) => `${what} replaced ${when}`)
)

const children = [...blocks, ...ends, ...workers, ...fakes, ...patches]

export const scenarios: Scenario[] = children.flatMap((name) =>
  roles('2.5', `in a process: ${name}`, (ctx, role) => run(ctx, role, name))
)
