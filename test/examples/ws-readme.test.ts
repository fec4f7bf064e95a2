// Programs written for ws run with only the import changed: the code blocks of its README, taken from the installed package.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import WebSocket from 'ws'
import { connectClient, nextConnection, refusal, startConnectProxy, startPeerServer, startSocksProxy } from './support/peers.js'
import {
  certificate,
  certificateKey,
  codeBlocks,
  root,
  start,
  writeProgram,
  type Program,
  type Settings
} from './support/program.js'

vi.setConfig({ testTimeout: 30_000 })

const blocks = codeBlocks(readFileSync(join(root, 'node_modules/ws/README.md'), 'utf8')).filter(({ language }) => language === 'js')

/** The code block that stands as the `index`-th under a heading of ws's README. */
function example(heading: string, index = 0): string {
  return blocks.filter((block) => block.heading === heading)[index].text
}

/** Replaces what a program leaves open; it must be there. */
function fill(source: string, replacements: [string | RegExp, string][]): string {
  return replacements.reduce((text, [from, to]) => {
    expect(text).toMatch(from)
    return typeof from === 'string' ? text.replaceAll(from, () => to) : text.replace(from, to)
  }, source)
}

/** Runs a program that was written for ws, with its import changed. */
function startExample(source: string, settings?: Settings): Program {
  return start(writeProgram(fill(source, [[`from 'ws'`, `from 'hybi'`]])), settings)
}

/** Runs a server among the examples, on a port that the system chooses and the program prints. */
async function startServer(source: string, additions = ''): Promise<{ program: Program; address: string }> {
  const server = /\bserver\.listen\(/.test(source) ? 'server' : 'wss'
  const program = startExample(
    fill(source, [[/port: 8080|server\.listen\(8080/, `$& `]])
      .replace('port: 8080 ', `port: 0, host: '127.0.0.1'`)
      .replace('server.listen(8080 ', `server.listen(0, '127.0.0.1'`) +
      `\n${server}.on('listening', () => console.log('port ' + ${server}.address().port))\n${additions}`
  )
  const [, port] = await program.printed(/^port (\d+)$/m)
  return { program, address: `//127.0.0.1:${port}` }
}

const echo = `wss.on('connection', (ws) => ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary })))`

it('knows every code block of the README of ws', () => {
  expect(blocks.map(({ heading }) => heading)).toEqual([
    'WebSocket compression',
    'WebSocket compression',
    'Sending and receiving text data',
    'Sending binary data',
    'Simple server',
    'External HTTP/S server',
    'Multiple servers sharing a single HTTP/S server',
    'Client authentication',
    'Server broadcast',
    'Server broadcast',
    'Round-trip time',
    'Use the Node.js streams API',
    'How to get the IP address of the client?',
    'How to get the IP address of the client?',
    'How to detect and close broken connections?',
    'How to detect and close broken connections?'
  ])
})

describe('WebSocket compression', () => {
  it('negotiates what the server asks for, and compresses (RFC 7692 §7)', async () => {
    const { address } = await startServer(example('WebSocket compression'), echo)
    const { ws, headers, message } = connectClient(`ws:${address}`)
    const parameters = String((await headers)['sec-websocket-extensions']).split('; ')
    expect(parameters[0]).toBe('permessage-deflate')
    expect(parameters).toEqual(
      expect.arrayContaining(['client_no_context_takeover', 'server_no_context_takeover', 'server_max_window_bits=10'])
    )
    const text = 'text to compress, '.repeat(1000)
    ws.send(text)
    expect(await message()).toBe(text)
    expect((ws as unknown as { _socket: { bytesRead: number } })._socket.bytesRead).toBeLessThan(text.length / 4)
  })

  it('is not offered by a client that has it turned off', async () => {
    const { wss, address } = await startPeerServer({ perMessageDeflate: true })
    const connection = nextConnection(wss)
    startExample(fill(example('WebSocket compression', 1), [['ws://www.host.com', address]]))
    const { request } = await connection
    expect(request.url).toBe('/path')
    expect(request.headers['sec-websocket-extensions']).toBeUndefined()
  })
})

describe('Usage examples', () => {
  it('sends and receives text', async () => {
    const { wss, address } = await startPeerServer()
    wss.on('connection', (ws) => {
      ws.on('message', (data, isBinary) => {
        ws.send(`${data} (${isBinary ? 'binary' : 'text'})`)
        ws.close()
      })
    })
    const program = startExample(fill(example('Sending and receiving text data'), [['ws://www.host.com', address]]))
    expect(await program.ended).toMatchObject({ code: 0, stdout: 'received: something (text)\n', stderr: '' })
  })

  it('sends binary data', async () => {
    const { wss, address } = await startPeerServer()
    const received = new Promise<[WebSocket.RawData, boolean]>((resolve) => {
      wss.on('connection', (ws) => {
        ws.on('message', (data, isBinary) => {
          resolve([data, isBinary])
          ws.close()
        })
      })
    })
    const program = startExample(fill(example('Sending binary data'), [['ws://www.host.com', address]]))
    const [data, isBinary] = await received
    expect(isBinary).toBe(true)
    expect(data).toEqual(Buffer.from(new Float32Array([0, 0.5, 1, 1.5, 2]).buffer))
    expect(await program.ended).toMatchObject({ code: 0, stderr: '' })
  })

  it('is a simple server', async () => {
    const { program, address } = await startServer(example('Simple server'))
    const { ws, message } = connectClient(`ws:${address}`)
    expect(await message()).toBe('something')
    ws.send('anything')
    await program.printed(/^received: anything$/m)
  })

  it('serves WebSockets on an HTTPS server', async () => {
    const { program, address } = await startServer(
      fill(example('External HTTP/S server'), [
        ['/path/to/cert.pem', certificate],
        ['/path/to/key.pem', certificateKey]
      ])
    )
    const { ws, message } = connectClient(`wss:${address}`, { ca: readFileSync(certificate) })
    expect(await message()).toBe('something')
    ws.send('anything')
    await program.printed(/^received: anything$/m)
  })

  it('shares one HTTP server among several', async () => {
    const { program, address } = await startServer(
      example('Multiple servers sharing a single HTTP/S server'),
      `wss1.on('connection', (ws) => ws.send('first'))
      wss2.on('connection', (ws) => ws.send('second'))`
    )
    expect(await connectClient(`ws:${address}/foo`).message()).toBe('first')
    expect(await connectClient(`ws:${address}/bar`).message()).toBe('second')
    expect((await connectClient(`ws:${address}/other`).closed).code).toBe(1006)
    program.interrupt()
  })

  it('authenticates clients before the upgrade', async () => {
    const { program, address } = await startServer(
      example('Client authentication'),
      `function authenticate(request, next) {
        setImmediate(() => next(null, request.headers['x-user']))
      }`
    )
    expect(await refusal(`ws:${address}`)).toBe(401)
    const { ws, opened } = connectClient(`ws:${address}`, { headers: { 'X-User': 'ada' } })
    await opened
    ws.send('hello')
    await program.printed(/^Received message hello from user ada$/m)
  })

  it('broadcasts to all clients, the one that sent included', async () => {
    const { address } = await startServer(example('Server broadcast'))
    const clients = [1, 2, 3].map(() => connectClient(`ws:${address}`))
    await Promise.all(clients.map(({ opened }) => opened))
    clients[0].ws.send('to all')
    expect(await Promise.all(clients.map(({ message }) => message()))).toEqual(['to all', 'to all', 'to all'])
  })

  it('broadcasts to all clients but the one that sent', async () => {
    const { address } = await startServer(example('Server broadcast', 1))
    const clients = [1, 2, 3].map(() => connectClient(`ws:${address}`))
    await Promise.all(clients.map(({ opened }) => opened))
    clients[0].ws.send('from the first')
    expect(await Promise.all([clients[1].message(), clients[2].message()])).toEqual(['from the first', 'from the first'])
    // Had the first client got its own message, it would have come before this one.
    clients[1].ws.send('from the second')
    expect(await clients[0].message()).toBe('from the second')
  })

  it('measures round-trip times, over TLS', async () => {
    const { wss, address } = await startPeerServer({ secure: true })
    wss.on('connection', (ws) => {
      let count = 0
      ws.on('message', (data, isBinary) => {
        ws.send(data, { binary: isBinary })
        if (++count === 2) ws.close()
      })
    })
    const program = startExample(fill(example('Round-trip time'), [['wss://websocket-echo.com', address]]))
    const { code, stdout, stderr } = await program.ended
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^connected\n(Round-trip time: \d+ ms\n){2}disconnected\n$/)
  })

  it('is a stream', async () => {
    const { wss, address } = await startPeerServer({ secure: true })
    wss.on('connection', (ws) => {
      ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }))
    })
    const program = startExample(fill(example('Use the Node.js streams API'), [['wss://websocket-echo.com', address]]))
    program.type('through the stream and back\n')
    program.endInput()
    expect(await program.ended).toMatchObject({ code: 0, stdout: 'through the stream and back\n', stderr: '' })
  })
})

describe('FAQ', () => {
  const addresses = 'How to get the IP address of the client?'

  it('tells the IP address of the client', async () => {
    const { program, address } = await startServer(
      fill(example(addresses), [['remoteAddress;', `remoteAddress; console.log('client at ' + ip);`]])
    )
    connectClient(`ws:${address}`)
    await program.printed(/^client at 127\.0\.0\.1$/m)
  })

  it('tells the IP address of the client behind a proxy', async () => {
    const { program, address } = await startServer(
      fill(`import { WebSocketServer } from 'ws'; const wss = new WebSocketServer({ port: 8080 });` + example(addresses, 1), [
        ['.trim();', `.trim(); console.log('client at ' + ip);`]
      ])
    )
    connectClient(`ws:${address}`, { headers: { 'X-Forwarded-For': '192.0.2.7, 127.0.0.1' } })
    await program.printed(/^client at 192\.0\.2\.7$/m)
  })

  it('terminates clients that answer no ping, and keeps those that do', async () => {
    // Its clock is ours: each line on standard input is one round of pings.
    const clock = `globalThis.setInterval = (callback, delay) => {
      console.log('every %d ms', delay)
      process.stdin.on('data', callback)
    }
    wss.on('connection', (ws) => ws.on('pong', () => console.log('pong')))\n`
    const { program, address } = await startServer(
      fill(example('How to detect and close broken connections?'), [['const interval', clock + 'const interval']])
    )
    await program.printed(/^every 30000 ms$/m)
    const silent = connectClient(`ws:${address}`, { autoPong: false })
    const lively = connectClient(`ws:${address}`)
    await Promise.all([silent.opened, lively.opened])

    program.type('tick\n')
    await program.printed(/^pong$/m)
    const pinged = new Promise((resolve) => lively.ws.once('ping', resolve))
    program.type('tick\n')
    expect((await silent.closed).code).toBe(1006)
    await pinged
    expect(lively.ws.readyState).toBe(WebSocket.OPEN)
  })

  it('terminates the client when pings stop', async () => {
    const { wss, address } = await startPeerServer({ secure: true })
    const closed = new Promise<number>((resolve) => {
      wss.on('connection', (ws) => {
        ws.ping()
        ws.on('close', resolve)
      })
    })
    const program = startExample(
      fill(example('How to detect and close broken connections?', 1), [
        ['wss://websocket-echo.com', address],
        ['30000 + 1000', '250']
      ])
    )
    expect(await closed).toBe(1006)
    expect(await program.ended).toMatchObject({ code: 0, stderr: '' })
  })

  it.each([
    { name: 'HttpsProxyAgent', from: 'https-proxy-agent', scheme: 'http', startProxy: startConnectProxy },
    { name: 'SocksProxyAgent', from: 'socks-proxy-agent', scheme: 'socks5', startProxy: startSocksProxy }
  ])('connects via a proxy with $from', async ({ name, from, scheme, startProxy }) => {
    const proxy = await startProxy()
    for (const secure of [false, true]) {
      const { wss, address } = await startPeerServer({ secure })
      wss.on('connection', (ws) => ws.close(1000, 'through the proxy'))
      const program = startExample(`
        import { ${name} } from '${from}';
        import WebSocket from 'ws';
        const agent = new ${name}('${scheme}://127.0.0.1:${proxy.port}');
        const ws = new WebSocket('${address}', { agent });
        ws.on('error', console.error);
        ws.on('close', (code, reason) => console.log('%d %s', code, reason));`)
      expect(await program.ended).toMatchObject({ code: 0, stdout: '1000 through the proxy\n', stderr: '' })
      expect(proxy.targets.pop()).toMatch(new RegExp(`^(localhost|127\\.0\\.0\\.1):${new URL(address).port}$`))
    }
  })
})
