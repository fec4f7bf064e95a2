// Connections that have no socket until one is asked for, where handles come from somewhere else, and at the end of a process.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import WebSocket from '../../src/index.js'
import { plainPath, subject } from '../differential/implementations.js'

const script = fileURLToPath(new URL('support/direct-child.mjs', import.meta.url))

/** A program takes a second, or minutes beside others that keep the processors busy. */
const LIMIT_MS = 100_000

async function start(args: string[], direct: string) {
  const child = spawn(process.execPath, [script, await plainPath(subject), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
    env: { ...process.env, NODE_OPTIONS: '', HYBI_DIRECT: direct }
  })
  const lines: string[] = []
  let port = 0
  const listening = new Promise<void>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (!line.startsWith('port ')) return lines.push(line)
      port = Number(line.slice(5))
      resolve()
    })
  })
  const ended = once(child, 'close') as Promise<[number | null]>
  await Promise.race([listening, ended])
  return { lines, port, ended }
}

/** A message there and back; the WebSocket stays open. */
async function talk(port: number, message: string): Promise<InstanceType<typeof WebSocket>> {
  const ws = new WebSocket(`ws://127.0.0.1:${port}`)
  await once(ws, 'open')
  ws.send(message)
  const [data] = (await once(ws, 'message')) as [Buffer]
  expect(String(data)).toBe(message)
  return ws
}

async function get(port: number): Promise<string> {
  const [response] = (await once(http.get({ port, host: '127.0.0.1', path: '/a', agent: false }), 'response')) as [
    http.IncomingMessage
  ]
  let body = ''
  for await (const chunk of response) body += String(chunk)
  return body
}

const WAYS = [
  ['auto', 'without'],
  ['off', 'with']
] as const

for (const [direct, socket] of WAYS) {
  test.each([
    ['a cluster whose primary accepts', ['cluster', 'rr']],
    ['a cluster whose workers accept', ['cluster', 'none']],
    ['a worker thread', ['worker']],
    ['a process of its own', ['idle']]
  ])(`%s, with direct ${direct}`, async (_name, args) => {
    const { lines, port, ended } = await start(args, direct)
    expect(await get(port)).toBe('ordinary /a')
    const ws = await talk(port, 'hello')
    ws.close(1000)
    expect((await once(ws, 'close'))[0]).toBe(1000)
    expect((await ended)[0]).toBe(0)
    expect(lines).toEqual([`connection ${socket} a socket`, 'close 1000 true'])
  })

  test(`process.exit() with an open connection, with direct ${direct}`, async () => {
    const { lines, port, ended } = await start(['alone'], direct)
    const ws = await talk(port, 'stay')
    const other = new WebSocket(`ws://127.0.0.1:${port}`)
    await once(other, 'open')
    other.send('exit')
    expect((await ended)[0]).toBe(7)
    expect(lines).toEqual(Array.from({ length: 2 }, () => `connection ${socket} a socket`))
    ws.terminate()
    other.terminate()
  })

  test(`a process whose server and connections are unreferenced ends, with direct ${direct}`, async () => {
    const { port, ended } = await start(['alone'], direct)
    const ws = new WebSocket(`ws://127.0.0.1:${port}`)
    ws.on('error', () => {})
    await once(ws, 'open')
    ws.send('unref')
    expect((await ended)[0]).toBe(0)
    ws.terminate()
  })
}
