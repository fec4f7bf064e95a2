// Every program in examples/ (but the demo, which has tests of its own) runs and does what it says.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { connectClient, refusal, startConnectProxy, startPeerServer } from './support/peers.js'
import { freePort, root, run, start, type Program } from './support/program.js'

vi.setConfig({ testTimeout: 30_000 })

const path = (name: string) => join(root, 'examples', name)

/** Asserts that a program ends well, and gives what it printed. */
async function output(program: Pick<Program, 'ended'>): Promise<string> {
  const { code, signal, stdout, stderr } = await program.ended
  expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' })
  return stdout
}

/** What the programs that end by themselves print. */
const printed: Record<string, { args?: string[]; output: RegExp | string }> = {
  'admission.mjs': {
    output: [
      'Bearer 5f3c: welcome, ada',
      'Bearer guessed: Unexpected server response: 401',
      'Bearer 5f3c: Unexpected server response: 403\n'
    ].join('\n')
  },
  'backpressure.mjs': { output: 'waited: true; more than the mark and one message waited: false\nreceived 62.5 MiB\n' },
  'binary.mjs': {
    output: [
      'a Float32Array as a Buffer: <Buffer 00 00 00 3f 00 00 80 3f 00 00 c0 3f>',
      'a Blob as a Buffer: <Buffer 62 6c 6f 62>',
      'a Float32Array as an ArrayBuffer, viewed as floats: Float32Array(3) [ 0.5, 1, 1.5 ]',
      'a Buffer as a list of fragments: [ <Buffer 6f 63 74 65 74 73> ]',
      'a Buffer as a Blob of 6 octets\n'
    ].join('\n')
  },
  'broadcast.mjs': { output: 'grace received: hello, everybody\njoan received: hello, everybody\n' },
  'client-authentication.mjs': {
    output: 'Bearer 5f3c: ada says hello\nBearer guessed: Unexpected server response: 401\n'
  },
  'client-ip.mjs': { output: 'you are 127.0.0.1\nyou are 192.0.2.7\n' },
  'commonjs.cjs': { output: 'received: hello from CommonJS\n' },
  'compression.mjs': {
    output: new RegExp(
      [
        '^compressed \\(extensions: permessage-deflate\\): 8514 octets, [12]\\d{3} on the wire',
        'one message uncompressed \\(extensions: permessage-deflate\\): 8514 octets, 8522 on the wire',
        'not offered \\(extensions: none\\): 8514 octets, 8522 on the wire\n$'
      ].join('\n')
    )
  },
  'core-in-memory.mjs': {
    output: [
      'GET /chat: 101 Switching Protocols',
      'client -> server: 18 octets',
      'server -> client: 24 octets',
      'client received: you said: grüße 👋',
      'client -> server: 8 octets',
      'server ends with 1000',
      'server -> client: 4 octets',
      'client ends with 1000\n'
    ].join('\n')
  },
  'errors.mjs': {
    output: [
      'server: refused a request: Missing or invalid Sec-WebSocket-Key header',
      'client: HTTP 400 for a request without a key',
      'client: WebSocket is not open: readyState 0 (CONNECTING)',
      'client: TypeError: First argument must be a valid error code number',
      'server: WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: Max payload size exceeded',
      'client: closed with 1009',
      'client: WebSocket is not open: readyState 3 (CLOSED)',
      'client: ECONNREFUSED',
      'client: closed with 1006\n'
    ].join('\n')
  },
  'diagnostics.mjs': {
    output: [
      'server: refused /other with 400',
      'server: accepted /chat',
      'server: received 7 octets',
      'server: closed by program, 1000\n'
    ].join('\n')
  },
  'heartbeat.mjs': {
    output: new RegExp(
      [
        '^a round trip takes (less|more) than half a second',
        'the client that does not: closed with 1006',
        'the client that answers pings: still open',
        'the client that answers pings: closed with 1005\n$'
      ].join('\n')
    )
  },
  'https-server.mjs': { output: 'HTTPS: an ordinary page\nWSS: hello over TLSv1.3\n' },
  'iteration.mjs': {
    output: 'received: welcome, ada\nreceived: TEXT\nreceived: <Buffer 03 02 01>\nada is gone\n'
  },
  'kernels.mjs': {
    output: /^available: .*\bjs\b.*; used by default: \w+\n((wasm|js|native): 200000 octets came back the same\n)+$/
  },
  'idle-and-lifetime.mjs': { output: 'the idle one: 1001 Idle timeout\nthe busy one: 1001 Maximum lifetime\n' },
  'multiple-servers.mjs': { output: '/lower: hello\n/upper: HELLO\n/other: Unexpected server response: 404\n' },
  'opentelemetry.mjs': {
    output: ['websocket.connections 0', 'websocket.closed program 1', 'websocket.io receive 17', 'websocket.io transmit 2\n'].join(
      '\n'
    )
  },
  'prometheus.mjs': {
    output: [
      'websocket_connections 0',
      'websocket_closed_total{cause="program"} 1',
      'websocket_messages_total{direction="received"} 1',
      'websocket_messages_total{direction="sent"} 0',
      'websocket_octets_total{direction="received"} 17',
      'websocket_octets_total{direction="sent"} 2\n'
    ].join('\n')
  },
  'proxy.mjs': { output: 'the proxy was asked for the server\nreceived: through the proxy and back\n' },
  'rate-limit.mjs': {
    output:
      'pause: 20 messages were delivered, closed with 1000 thank you\n' +
      'close: 10 messages were delivered, closed with 1008 Rate limit exceeded\n'
  },
  'round-trip-time.mjs': { output: /^(message: \d+\.\d\d ms\nping: \d+\.\d\d ms\n){3}$/ },
  'server-broadcast.mjs': {
    output: [
      '1 got what was said in /tea',
      '3 got what was said to all',
      '{',
      "  ada: [ 'we close' ],",
      "  grace: [ 'hello, tea drinkers', 'we close' ],",
      "  joan: [ 'we close' ]",
      '}\n'
    ].join('\n')
  },
  'shutdown.mjs': {
    output: 'closed: 1001 new version\nclosed: 1001 new version\n2 closed, 1 terminated\n'
  },
  'signals.mjs': { output: 'connecting: AbortError\nsending: TimeoutError\nclosing: 1006\n' },
  'slow-readers.mjs': {
    output: 'the fast one: 400 received, 0 dropped\nthe slow one: some dropped: true, still open: true\n'
  },
  'streams.mjs': {
    args: [join(root, 'package-lock.json')],
    output: /^received \d{5,} octets, the same as in the file\n$/
  },
  'strings.mjs': {
    output: [
      'text: grüße 👋',
      'sent back as <Buffer 67 72 c3 bc c3 9f 65 20 f0 9f 91 8b>',
      'text: grüße 👋',
      'sent back as grüße 👋',
      'binary: 0102\n'
    ].join('\n')
  },
  'text.mjs': { output: 'received: you said: grüße 👋\nclosed: 1000 done\n' }
}

it('knows every example', () => {
  const files = readdirSync(path('.'), { withFileTypes: true })
  const programs = files.filter((file) => file.isFile() && /\.[cm]?js$/.test(file.name)).map(({ name }) => name)
  expect(programs.sort()).toEqual([...Object.keys(printed), 'echo-client.mjs', 'simple-server.mjs'].sort())
  expect(
    files
      .filter((file) => file.isDirectory())
      .map(({ name }) => name)
      .sort()
  ).toEqual(['certificates', 'demo', 'express-session', 'opentelemetry'])
})

describe('programs that end by themselves', () => {
  it.each(Object.keys(printed))('%s', async (name) => {
    const { args, output: expected } = printed[name]
    const stdout = await output(start(path(name), { args }))
    if (typeof expected === 'string') expect(stdout).toBe(expected)
    else expect(stdout).toMatch(expected)
  })
})

describe('simple-server.mjs', () => {
  it('sends back what it receives, and closes its clients with 1001 on Ctrl-C', async () => {
    const program = start(path('simple-server.mjs'), { env: { PORT: '0' } })
    const [, address] = await program.printed(/^listening on (.*)$/m)
    const { ws, opened, message, closed } = connectClient(address)
    await opened
    ws.send('there and back')
    expect(await message()).toBe('there and back')
    program.interrupt()
    expect(await closed).toEqual({ code: 1001, reason: 'server is going away' })
    expect(await output(program)).toBe(`listening on ${address}\nreceived: there and back\nclosing\nclosed with 1001\n`)
  })

  it('says that its port is in use', async () => {
    const { port } = await startPeerServer()
    const ending = await run(path('simple-server.mjs'), { env: { PORT: String(port) } })
    expect(ending).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/^cannot serve: .*EADDRINUSE/) })
  })
})

describe('echo-client.mjs', () => {
  it('prints what the server sends back for each line', async () => {
    const { wss, address } = await startPeerServer()
    wss.on('connection', (ws) => ws.on('message', (data) => ws.send(`echo of ${data}`)))
    const program = start(path('echo-client.mjs'), { args: [address] })
    program.type('one\ntwo\n')
    program.endInput()
    expect(await output(program)).toBe(`connected to ${address}/\n< echo of one\n< echo of two\nclosed with 1005\n`)
  })

  it('says why it cannot connect', async () => {
    const ending = await run(path('echo-client.mjs'), { args: [`ws://127.0.0.1:${await freePort()}`] })
    expect(ending).toMatchObject({
      code: 1,
      stdout: 'closed with 1006\n',
      stderr: expect.stringMatching(/^failed: .*ECONNREFUSED/)
    })
  })
})

describe('proxy.mjs', () => {
  it('goes through the proxy that it is given', async () => {
    const { wss, address, port } = await startPeerServer({ secure: true })
    wss.on('connection', (ws) => ws.on('message', (data) => ws.send(`echo of ${data}`)))
    const proxy = await startConnectProxy()
    const program = start(path('proxy.mjs'), { args: [`http://127.0.0.1:${proxy.port}`, address] })
    expect(await output(program)).toBe('received: echo of through the proxy and back\n')
    expect(proxy.targets).toEqual([`localhost:${port}`])
  })
})

describe('express-session', () => {
  it('lets in who logged in, and ends their WebSocket when they log out', async () => {
    const program = start(path('express-session/server.mjs'), { env: { PORT: '0' } })
    const [, address] = await program.printed(/^open (.*)$/m)
    const socketAddress = address.replace('http', 'ws')

    expect(await (await fetch(address)).text()).toContain('hybi with express-session')
    expect(await refusal(socketAddress)).toBe(401)

    const login = await fetch(`${address}/login`, { method: 'POST' })
    const cookie = login.headers.get('set-cookie')!.split(';')[0]
    const { user } = (await login.json()) as { user: string }

    const first = connectClient(socketAddress, { headers: { cookie } })
    await first.opened
    first.ws.send('hello')
    expect(await first.message()).toBe(`${user}: hello`)
    await fetch(`${address}/logout`, { method: 'DELETE', headers: { cookie } })
    expect(await first.closed).toEqual({ code: 1008, reason: 'logged out' })
    expect(await refusal(socketAddress, { headers: { cookie } })).toBe(401)

    program.interrupt()
    expect(await output(program)).toContain(`received hello from ${user}\n`)
  })
})
