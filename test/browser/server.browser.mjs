// What the demo server does for its terminal, for HTTP and for WebSocket clients other than its page.

import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { startDemo, startDemoUnderShell } from './demo-process.mjs'

let demo
let address

beforeAll(async () => {
  demo = startDemo('--port', '0')
  address = await demo.ready()
})

afterAll(() => demo?.interrupt())

describe('the terminal', () => {
  it('shows a self-check with both sets of kernels before the address', () => {
    expect(demo.output).toMatch(/Self-check over loopback[^]*\n  wasm +[\d,]+\/s[^]*\n  js +[\d,]+\/s[^]*\nServing http:/)
  })

  it('tells connections and message rates where they change', async () => {
    const client = await connect('/echo')
    await demo.printed(/^1 connection, \d+ messages?\/s in, \d+ messages?\/s out$/m)
    client.close()
    await once(client, 'close')
    await demo.printed(/^1 connection, [^]*^0 connections, /m)
  })

  it('says that a port is in use and takes the next free one', async () => {
    const occupant = createServer().listen(0, '127.0.0.1')
    await once(occupant, 'listening')
    const { port } = occupant.address()
    const second = startDemo('--port', String(port))
    const taken = Number(new URL(await second.ready()).port)
    expect(taken).toBeGreaterThan(port)
    expect(second.output).toContain(`Port ${port} is in use; taking ${taken} instead.`)
    expect(await second.interrupt()).toEqual({ code: 0, signal: null })
    occupant.close()
  })

  it.each([
    [['--port', 'many'], '--port takes a number from 0 to 65535, not "many".'],
    [['--port', '65536'], '--port takes a number'],
    [['--kernels', 'simd'], '--kernels takes auto, wasm, js, native; not "simd".'],
    [['--colour'], "Unknown option '--colour'."],
    [['8080'], "Unexpected argument '8080'."]
  ])('answers the arguments %j with what is wrong and exit code 2', async (args, message) => {
    const refused = startDemo(...args)
    expect(await refused.ended).toEqual({ code: 2, signal: null })
    expect(refused.errors).toContain(message)
    expect(refused.errors).toContain('Usage: npm start --')
  })

  it('explains its arguments with --help', async () => {
    const helped = startDemo('--help')
    expect(await helped.ended).toEqual({ code: 0, signal: null })
    expect(helped.output).toMatch(/^Usage: npm start --/)
  })

  it.each(['wasm', 'js'])('serves with the kernels named, here %s', async (kernels) => {
    const chosen = startDemo('--port', '0', '--kernels', kernels)
    const url = `${(await chosen.ready()).replace('http', 'ws')}/chat`
    const client = new WebSocket(url)
    const [hello] = await once(client, 'message')
    expect(JSON.parse(hello)).toMatchObject({ type: 'hello', connection: { kernels } })
    expect(await chosen.interrupt()).toEqual({ code: 0, signal: null })
  })
})

describe('HTTP', () => {
  it('serves the page under a policy that allows its own files and WebAssembly alone', async () => {
    const response = await get('/')
    expect(response.status).toBe(200)
    expect(response.headers['content-security-policy']).toMatch(/default-src 'none'; script-src 'self' 'wasm-unsafe-eval';/)
    expect(response.body).toContain('<title>hybi')
  })

  it.each(['/../package.json', '/%2e%2e/package.json', '/page/../../server.mjs', '/server.mjs', '//etc/passwd', '/chat'])(
    'answers %s with 404',
    async (path) => {
      expect((await get(path)).status).toBe(404)
    }
  )

  it('answers other methods than GET and HEAD with 405', async () => {
    const response = await get('/', { method: 'POST' })
    expect(response.status).toBe(405)
    expect(response.headers.allow).toBe('GET, HEAD')
    const head = await get('/main.js', { method: 'HEAD' })
    expect([head.status, head.body]).toEqual([200, ''])
  })
})

describe('WebSocket', () => {
  it.each(['/', '/echo'])('echoes at %s, text as text and binary as binary, and says nothing by itself', async (path) => {
    const client = await connect(path)
    const received = []
    client.on('message', (data, isBinary) => received.push([data.toString('hex'), isBinary]))
    client.send('Grüße')
    client.send(Buffer.from([0, 255, 1]))
    client.send('')
    while (received.length < 3) await once(client, 'message')
    expect(received).toEqual([
      [Buffer.from('Grüße').toString('hex'), false],
      ['00ff01', true],
      ['', false]
    ])
    client.terminate()
  })

  it('echoes 32 MiB to a client that begins to read late', async () => {
    const client = await connect('/echo')
    const message = Buffer.alloc(1024 * 1024, 'octets ')
    let received = 0
    client.on('message', (data) => (received += data.equals(message) ? 1 : 0))
    client.pause()
    for (let i = 0; i < 32; i++) client.send(message)
    await new Promise((resolve) => setImmediate(resolve))
    client.resume()
    while (received < 32) await once(client, 'message')
    client.terminate()
  })

  it('refuses other paths, and pages of other origins', async () => {
    expect(await refusal('/nowhere')).toBe(404)
    expect(await refusal('/chat', { origin: 'http://elsewhere.example' })).toBe(403)
    expect(await refusal('/echo', { origin: 'null' })).toBe(403)
  })

  it('says what is wrong with a chat message it does not understand', async () => {
    const client = await connect('/chat')
    const problem = new Promise((resolve) => {
      client.on('message', (data) => {
        const message = JSON.parse(data)
        if (message.type === 'problem') resolve(message.text)
      })
    })
    client.send('hello?')
    expect(await problem).toMatch(/^This room takes/)
    client.terminate()
  })

  it('closes the connection that is one too many with 1013', async () => {
    const crowd = await Promise.all(Array.from({ length: 100 }, () => connect('/echo')))
    const late = await connect('/chat')
    const [code] = await once(late, 'close')
    expect(code).toBe(1013)
    for (const client of crowd) client.terminate()
  })

  it('closes with 1001 when the server stops, also clients that do not answer, and exits with 0', async () => {
    const other = startDemo('--port', '0')
    const base = (await other.ready()).replace('http', 'ws')
    const clients = await Promise.all([connect('/chat', base), connect('/', base)])
    const mute = await connect('/echo', base)
    mute.pause()
    const closed = clients.map(async (client) => (await once(client, 'close'))[0])
    expect(await other.interrupt()).toEqual({ code: 0, signal: null })
    expect(await Promise.all(closed)).toEqual([1001, 1001])
    mute.terminate()
  })

  it('stops as well when the shell that npm started it with is gone', async () => {
    const other = startDemoUnderShell()
    const client = await connect('/chat', (await other.ready()).replace('http', 'ws'))
    other.child.kill('SIGTERM')
    expect((await once(client, 'close'))[0]).toBe(1001)
    await other.ended
    expect(other.output).toContain('Stopping: 1 connection to close.')
  })
})

async function connect(path, base = address.replace('http', 'ws')) {
  const client = new WebSocket(base + path)
  await once(client, 'open')
  return client
}

/** The HTTP status that an opening handshake is refused with. */
async function refusal(path, options) {
  const client = new WebSocket(address.replace('http', 'ws') + path, options)
  client.on('error', () => {})
  const [request, response] = await once(client, 'unexpected-response')
  request.destroy()
  return response.statusCode
}

/** An HTTP request whose path goes out as it stands: `fetch` would resolve its dots. */
async function get(path, options = {}) {
  const { hostname, port } = new URL(address)
  const request = httpRequest({ hostname, port, path, agent: false, ...options }).end()
  const [response] = await once(request, 'response')
  let body = ''
  for await (const chunk of response) body += chunk
  return { status: response.statusCode, headers: response.headers, body }
}
