// Runs a case of a scenario in a process of its own, with a bare peer in this one.

import { spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { createInterface } from 'node:readline'
import { connectRaw, requestOctets, responseOctets } from '../support/raw-peer.js'
import type { RawPeer } from '../support/raw-peer.js'
import type { Context } from './harness.js'
import { plainPath, subject } from './implementations.js'

// Made ready beforehand, so that no scenario waits for it.
await plainPath(subject)

export interface ChildCase {
  /** A program whose arguments are the path of the implementation, the role, the name, the port of the peer (client role) and `args`. */
  script: string
  role: 'client' | 'server'
  name: string
  args?: string[]
  env?: Record<string, string>
  /** Called with the peer of each connection and the process, before either has sent anything. */
  attach: (peer: RawPeer, child: ChildProcessWithoutNullStreams) => void
  /** Called as soon as the peer may send frames. */
  opened?: (peer: RawPeer) => void
  /** Whether requests are refused. */
  refuses?: boolean
}

/** Records what the process prints (lane `output`) and how it ends (lane `exit`); returns once its connections have ended, too. */
export async function runChild(ctx: Context, one: ChildCase): Promise<void> {
  const peers: RawPeer[] = []
  const attach = (peer: RawPeer): void => {
    peers.push(peer)
    one.attach(peer, child)
  }
  let port = 0
  if (one.role === 'client') {
    const raw = await ctx.rawServer((peer, key) => {
      if (one.refuses) {
        peer.socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n')
        return
      }
      attach(peer)
      peer.write(responseOctets(key))
      one.opened?.(peer)
    })
    port = raw.port
  }
  const args = [one.script, await plainPath(ctx.subject), one.role, one.name, String(port), ...(one.args ?? [])]
  const child = spawn(process.execPath, args, { env: { ...process.env, NODE_OPTIONS: '', ...one.env } })
  // It may end before it has read what is written to it
  child.stdin.on('error', () => {})
  ctx.defer(() => child.kill('SIGKILL'))
  createInterface({ input: child.stdout }).on('line', (line) => {
    const listening = /^port (\d+)$/.exec(line)
    if (listening === null) {
      ctx.log('output', line)
      return
    }
    void connectRaw(Number(listening[1])).then((peer) => {
      attach(peer)
      peer.write(requestOctets())
      void peer.untilHead().then(() => one.opened?.(peer))
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
