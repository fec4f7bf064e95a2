// Writes past the stream of a socket: who looks at it, and the peer, cannot tell whether they are on. Each case runs in a process of its
// own with HYBI_HANDLE_WRITES on, in one with it off, and with ws.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { plainPath, reference, subject } from '../differential/implementations.js'

const script = fileURLToPath(new URL('support/handle-write-child.mjs', import.meta.url))

type Way = 'auto' | 'off' | 'ws'
interface Written {
  /** Writes of hybi to the handle that were done at once; that went on as one of the stream; of those, with some of it taken; that failed. */
  atOnce: number
  begun: number
  inPart: number
  failed: number
  /** Writes of the stream to the handle. */
  byStream: number
}
type Entry = [name: string, result: { lines: string[]; written: Written }]
type Results = Record<string, Entry[1]>
const NONE: Written = { atOnce: 0, begun: 0, inPart: 0, failed: 0, byStream: 0 }

/** A program takes a few seconds, or minutes beside others that keep the processors busy. */
const LIMIT_MS = 300_000

/** What a program prints and how it ends; the environment has `HYBI_HANDLE_WRITES` as given. */
async function run(args: string[], choice: string): Promise<{ output: string; errors: string; code: number | null }> {
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
    env: { ...process.env, NODE_OPTIONS: '', HYBI_HANDLE_WRITES: choice }
  })
  let output = ''
  let errors = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  return { output, errors, code }
}

async function resultsOf(way: Way, names: string[]): Promise<Results> {
  const path = await plainPath(way === 'ws' ? reference : subject)
  const { output, errors, code } = await run([script, path, ...names], way === 'off' ? 'off' : 'auto')
  const none = { lines: [`failed: the process ended with ${code} ${errors}`], written: NONE }
  const missing = names.map((name): Entry => [name, none])
  const entries = output.split('\n').filter((line) => line.endsWith(']'))
  return Object.fromEntries([...missing, ...entries.map((line) => JSON.parse(line) as Entry)])
}

/** The cases; whether the transcript is that of ws too, and what is seen of the writes in 'auto' beside some that are done at once. */
const CASES: Record<string, { ws?: 'differs' | 'hangs'; some?: (keyof Written)[]; first?: true }> = {
  'small messages': {},
  'a peer that reads late': { some: ['begun', 'inPart'] },
  "'drain' comes to who wrote to the socket": { some: ['begun'] },
  // callbacks of what the peer never got say so
  'a peer that resets while a write waits': { ws: 'differs', some: ['begun', 'inPart'] },
  // two messages are one write, which fails once
  'a peer that has reset': { ws: 'differs', some: ['failed'] },
  'a handle that was closed': { some: ['failed'] },
  'ends while a write waits': { ws: 'differs', some: ['begun', 'inPart'] },
  'a program that corks and writes': {},
  'a program that replaces methods of the socket': {},
  // ws writes vectors
  "a program that replaces a handle's writeBuffer": { ws: 'differs', some: ['begun'] },
  'the idle timer begins anew with each write': { some: ['begun'] },
  'a socket is idle while nothing is written': { some: ['begun'] },
  // ws calls back in the context of whatever was waiting
  'callbacks run in the context of their sends': { ws: 'differs', some: ['begun'] },
  'hooks of async_hooks see what is held, once': { some: ['begun'] },
  'a hook that sends in the middle of a write': { ws: 'hangs', some: ['begun'] },
  'callbacks that throw': { ws: 'hangs', some: ['begun'] },
  'sends within callbacks': { some: ['begun'] },
  'a Unix domain socket': { some: ['begun'] },
  'many slow peers at the same time': { some: ['begun'] },
  'garbage is collected while writes are held': { some: ['begun'] },
  'an attached client, which masks': { some: ['begun'] },
  'a worker that is ended while writes are held': { some: ['begun'] },
  'a socket that another process accepted': {},
  'a process that exits in the turn of a send': {},
  'the first write is held': { first: true },
  'the first write is to a stream that is no socket': { first: true },
  'the first write is to a TLS socket': { first: true },
  'the first write is in pieces': { first: true },
  'the first write is to a socket that is corked': { first: true }
}
const names = Object.keys(CASES)
/** What needs no process to itself. */
const together = names.filter((name) => !CASES[name].first)
const first = names.filter((name) => CASES[name].first)

const results: Record<Way, Results> = { auto: {}, off: {}, ws: {} }

beforeAll(async () => {
  for (const way of ['auto', 'off'] as const) {
    results[way] = await resultsOf(way, together)
    for (const name of first) Object.assign(results[way], await resultsOf(way, [name]))
  }
  results.ws = await resultsOf(
    'ws',
    names.filter((name) => CASES[name].ws === undefined)
  )
}, 10 * LIMIT_MS)

describe.each(names)('%s', (name) => {
  const { ws, some = [] } = CASES[name]

  test('goes as it does through the stream', () => {
    const { lines } = results.auto[name]
    expect(lines).toEqual(results.off[name].lines)
    expect(lines.filter((line) => /^failed|, wrong at/.test(line))).toEqual([])
    expect(lines.length).toBeGreaterThan(0)
  })

  if (ws === undefined) {
    test('goes as it does with ws', () => {
      expect(results.auto[name].lines).toEqual(results.ws[name].lines)
    })
  }

  test('is written to the handle, where that is on and there is such a thing', () => {
    const { written } = results.auto[name]
    const kinds = some.includes('failed') ? some : (['atOnce', ...some] as const)
    if (process.platform === 'linux') expect(kinds.filter((kind) => written[kind] === 0)).toEqual([])
    expect(results.off[name].written).toMatchObject({ atOnce: 0, begun: 0, failed: 0 })
    expect(results.off[name].written.byStream).toBeGreaterThan(0)
  })
})

test('small messages need no write of the stream', () => {
  // The response to the handshake has shown how it is done
  if (process.platform === 'linux') expect(results.auto['small messages'].written).toMatchObject({ atOnce: 41, byStream: 0 })
})

test('another value of HYBI_HANDLE_WRITES throws where a connection or a server is made', async () => {
  const url = pathToFileURL(await plainPath(subject)).href
  const program = `
    import WebSocket from ${JSON.stringify(url)}
    for (const make of [
      () => new WebSocket('ws://127.0.0.1:1'),
      () => new WebSocket.WebSocketServer({ noServer: true }),
      () => new WebSocket(null, undefined, {})
    ]) {
      try {
        make()
        console.log('made')
      } catch (error) {
        console.log(error.name, error.message)
      }
    }`
  for (const choice of ['on', 'OFF', '0']) {
    const { output } = await run(['--input-type=module', '-e', program], choice)
    const line = `TypeError Invalid value of the environment variable HYBI_HANDLE_WRITES: ${choice} (must be one of "auto", "off")`
    expect(output.trim().split('\n')).toEqual([line, line, line])
  }
  expect((await run(['--input-type=module', '-e', program.replace("'ws://127.0.0.1:1'", 'null, undefined, {}')], '')).output).toBe(
    'made\nmade\nmade\n'
  )
})
