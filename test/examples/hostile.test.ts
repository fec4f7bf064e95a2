// Every server that the examples and the documents show goes on serving whatever strangers send to it.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { HttpsProxyAgent } from 'https-proxy-agent'
import { describe, expect, it, vi } from 'vitest'
import { attack } from './support/odd-requests.js'
import { connectClient, refusal } from './support/peers.js'
import { freePort, root, start, type Program } from './support/program.js'
import { recipes, startRecipe } from './support/recipes.js'

vi.setConfig({ testTimeout: 120_000 })

/** How a good client talks to a server, if not by connecting to `/`. */
interface Talk {
  path?: string
  headers?: Record<string, string>
  says?: string
  /** What it hears, first or in answer. */
  hears?: RegExp
  isSecure?: boolean
  /** Whether it logs in first, for a cookie. */
  logsIn?: boolean
  /** Whether the program is a proxy, too, which listens after the server. */
  isProxy?: boolean
  args?: string[]
}

const ECHO: Talk = { says: 'hello', hears: /^hello$/ }

const examples: Record<string, Talk> = {
  'admission.mjs': { headers: { Authorization: 'Bearer 5f3c' }, hears: /^welcome, ada$/ },
  'backpressure.mjs': {},
  'binary.mjs': ECHO,
  'broadcast.mjs': {},
  'client-authentication.mjs': { headers: { Authorization: 'Bearer 5f3c' }, says: 'hello', hears: /^ada says hello$/ },
  'client-ip.mjs': { hears: /^you are 127/ },
  'commonjs.cjs': { hears: /^hello from CommonJS$/ },
  'compression.mjs': { says: 'hello', hears: /^5 octets/ },
  'demo/server.mjs': { ...ECHO, path: '/echo', args: ['--port', '0'] },
  'diagnostics.mjs': { path: '/chat' },
  'errors.mjs': {},
  'express-session/server.mjs': { says: 'hello', hears: /: hello$/, logsIn: true },
  'heartbeat.mjs': {},
  'https-server.mjs': { hears: /^hello over TLS/, isSecure: true },
  'iteration.mjs': {},
  'kernels.mjs': ECHO,
  'multiple-servers.mjs': { path: '/upper', says: 'hello', hears: /^HELLO$/ },
  'opentelemetry.mjs': {},
  'prometheus.mjs': {},
  'proxy.mjs': { ...ECHO, isProxy: true },
  'round-trip-time.mjs': ECHO,
  'simple-server.mjs': ECHO,
  'streams.mjs': { hears: /"name": "hybi"/, args: [join(root, 'package.json')] },
  'strings.mjs': {},
  'text.mjs': { says: 'hello', hears: /^you said: hello$/ }
}

/** Those that play both sides, and whose server or connections are to end by what they show: a stranger would not find it serving. */
const ENDING = [
  'idle-and-lifetime.mjs',
  'rate-limit.mjs',
  'server-broadcast.mjs',
  'shutdown.mjs',
  'signals.mjs',
  'slow-readers.mjs'
]

const headings: Record<string, Talk> = {
  'Send and receive text': { says: 'hello', hears: /^you said: hello$/ },
  'Send and receive binary data': ECHO,
  'A simple server': ECHO,
  'On an HTTPS server of your own': { hears: /^something over TLS$/, isSecure: true },
  'Several servers on one HTTP server': { path: '/bar?x', hears: /^this is bar$/ },
  'Authenticate clients': { headers: { Authorization: 'Bearer 5f3c' }, hears: /^welcome, ada$/ },
  'Sessions with Express': { hears: /^welcome, ada$/, logsIn: true },
  Broadcast: {},
  'Measure the round-trip time': {},
  'Use it as a stream': { hears: /^one$/m },
  'Find the IP address of a client': { hears: /^127/ },
  'Detect broken connections': {},
  'Connect through a proxy': { hears: /^through the proxy$/, isProxy: true },
  'Handle errors': {},
  CommonJS: { hears: /^something$/ },
  Compression: { hears: /^text that repeats/ },
  Kernels: {}
}

const IS_SERVER = /\bnew (WebSocket\.?)+Server\(|\bcreateServer\(/

const preloaded = (env: Record<string, string> = {}): Record<string, string> => ({
  ...env,
  PORT: '0',
  NODE_OPTIONS: `--import=${pathToFileURL(join(root, 'test/examples/support/stay-open.mjs'))}`
})

/** The cookie of a new session. */
async function logIn(port: number): Promise<Record<string, string>> {
  const response = await fetch(`http://127.0.0.1:${port}/login`, { method: 'POST' })
  return { Cookie: response.headers.get('set-cookie')!.split(';')[0] }
}

/** A client that does as it should is served, through the proxy where there is one. */
async function isServed(talk: Talk, port: number, headers: Record<string, string>, proxyPort?: number): Promise<void> {
  const { path = '/', says, hears, isSecure } = talk
  const agent = proxyPort === undefined ? undefined : new HttpsProxyAgent(`http://127.0.0.1:${proxyPort}`)
  const address = `${isSecure ? 'wss' : 'ws'}://127.0.0.1:${port}${path}`
  const client = connectClient(address, { headers, agent, rejectUnauthorized: false })
  await client.opened
  if (says !== undefined) client.ws.send(says)
  if (hears !== undefined) expect(await client.message()).toMatch(hears)
  client.ws.terminate()
}

/** Serves a good client, is attacked, and serves good clients still. */
async function withstands(program: Program, talk: Talk): Promise<void> {
  const { path = '/', isSecure = false, isProxy = false } = talk
  const ports = (await program.printed(isProxy ? /\[port (\d+)\][^]*\[port (\d+)\]/ : /\[port (\d+)\]/)).slice(1).map(Number)
  const [port, proxyPort] = ports
  const headers = { ...talk.headers, ...(talk.logsIn && (await logIn(port))) }
  await isServed(talk, port, headers, proxyPort)

  const ended = program.ended.then(({ code, stderr }) => Promise.reject(new Error(`ended with ${code}: ${stderr}`)))
  await Promise.race([
    ended,
    Promise.all(
      // the proxy has no answer to what is no CONNECT
      ports.map((each) => attack({ port: each, path, headers, isSecure, isAnswered: each !== proxyPort }))
    )
  ])
  await isServed(talk, port, headers, proxyPort)
}

describe('the server of an example', () => {
  it('is known here', () => {
    const servers = readdirSync(join(root, 'examples'), { recursive: true, encoding: 'utf8' })
      .map((name) => name.replaceAll('\\', '/'))
      .filter((name) => /\.[mc]js$/.test(name) && !name.startsWith('demo/') && !name.endsWith('core-in-memory.mjs'))
      .filter((name) => IS_SERVER.test(readFileSync(join(root, 'examples', name), 'utf8')))
    expect([...servers, 'demo/server.mjs'].sort()).toEqual([...Object.keys(examples), ...ENDING].sort())
  })

  it.each(Object.entries(examples))('withstands a hostile client: %s', async (name, talk) => {
    const program = start(join(root, 'examples', name), { args: talk.args, env: preloaded() })
    await withstands(program, talk)
  })
})

describe('the server of a document', () => {
  const servers = recipes.filter(({ source }) => IS_SERVER.test(source))

  it('is known here', () => {
    expect(servers.map(({ title }) => title.replace(/^.*:\d+, /, ''))).toEqual(Object.keys(headings))
  })

  it.each(servers.map((recipe) => [recipe.title.replace(/:\d+/, ''), recipe] as const))(
    'withstands a hostile client: %s',
    async (title, recipe) => {
      const program = await startRecipe(recipe, await freePort(), { env: preloaded() })
      await withstands(program, headings[title.replace(/^.*, /, '')])
    }
  )
})

describe('a server that knows its users by cookies', () => {
  const recipe = recipes.find(({ title }) => title.endsWith(', Sessions with Express'))!
  const starts: [string, (env: Record<string, string>) => Promise<Program> | Program][] = [
    ['the example', (env) => start(join(root, 'examples/express-session/server.mjs'), { env })],
    ['the recipe', async (env) => await startRecipe(recipe, await freePort(), { env })]
  ]

  it.each(starts)('refuses pages of other origins (RFC 6455 §10.2): %s', async (_, run) => {
    const program = await run(preloaded())
    const [, port] = await program.printed(/\[port (\d+)\]/)
    const headers = await logIn(Number(port))
    const address = `ws://127.0.0.1:${port}/`
    for (const origin of [
      'https://evil.example',
      `http://127.0.0.1:${port}.evil.example`,
      'http://127.0.0.1',
      'null',
      'http://['
    ]) {
      expect([origin, await refusal(address, { headers, origin })]).toEqual([origin, 403])
    }
    await connectClient(address, { headers, origin: `http://127.0.0.1:${port}` }).opened
  })

  it.each(starts)('answers with 500 where its sessions cannot be read, and goes on: %s', async (_, run) => {
    const program = await run(preloaded({ STORE: 'down' }))
    const [, port] = await program.printed(/\[port (\d+)\]/)
    const headers = await logIn(Number(port))
    for (let count = 0; count < 3; count++) expect(await refusal(`ws://127.0.0.1:${port}/`, { headers })).toBe(500)
    expect(await refusal(`ws://127.0.0.1:${port}/`)).toBe(401)
  })
})
