// What a program sees of connections that have no socket until one is asked for: cases that are told the same with `direct: 'auto'` and
// with 'off'. They need no test runner, so that other Nodes can run them, too.

import { AsyncLocalStorage, createHook } from 'node:async_hooks'
import { channel } from 'node:diagnostics_channel'
import { type EventEmitter, once } from 'node:events'
import { rmSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setFlagsFromString } from 'node:v8'
import vm from 'node:vm'
import { inspect } from 'node:util'
import { buildFrame, CLOSE, closePayload, FrameParser, TEST_KEY } from '../../support/frames.mjs'

// The package may be the sources or the build
type Any = any

const HEAD =
  'GET /a?b HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
  'Sec-WebSocket-Version: 13\r\nCookie: a\r\nCookie: b\r\nX-Empty:\r\n'

const MIB = 1024 * 1024

export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Waits for turns of the event loop; a bound for what never comes. */
async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 20_000
  while (!condition()) {
    if (Date.now() > end) throw new Error(`it never comes: ${String(condition)}`)
    await turn()
  }
}

/** Whether nobody has asked for the stream of a socket: it has nothing of its own. Without asking for it. */
export function isDirect(socket: object): boolean {
  return !Object.hasOwn(socket, '_events')
}

/** A bare client, with all that it gets to read. */
class Client {
  readonly socket: net.Socket
  head = ''
  readonly frames: { opcode: number; payload: Buffer }[] = []
  octets = 0
  isEnded = false
  isClosed = false
  #parser = new FrameParser()

  constructor(where: net.NetConnectOpts) {
    this.socket = net.connect({ allowHalfOpen: true, ...where })
    this.socket.setNoDelay()
    this.socket.on('error', () => {})
    this.socket.on('data', (chunk: Buffer) => this.#read(chunk))
    this.socket.on('end', () => {
      this.isEnded = true
      this.socket.end()
    })
    this.socket.on('close', () => (this.isEnded = this.isClosed = true))
  }

  #read(chunk: Buffer): void {
    this.octets += chunk.length
    if (!this.head.includes('\r\n\r\n')) {
      this.head += chunk.toString('latin1')
      const end = this.head.indexOf('\r\n\r\n') + 4
      if (end < 4) return
      chunk = Buffer.from(this.head.slice(end), 'latin1')
      if (!this.head.startsWith('HTTP/1.1 101 ')) return
      this.head = this.head.slice(0, end)
    }
    for (const frame of this.#parser.push(chunk)) this.frames.push(frame)
  }

  get texts(): string[] {
    return this.frames.map(({ opcode, payload }) => `${opcode} ${payload.length > 40 ? payload.length : String(payload)}`)
  }

  upgrade(fields = ''): void {
    this.socket.write(`${HEAD}${fields}\r\n`)
  }

  send(text: string): void {
    this.socket.write(buildFrame({ payload: text, key: TEST_KEY }))
  }

  close(code = 1000): void {
    this.socket.write(buildFrame({ opcode: CLOSE, payload: closePayload(code, ''), key: TEST_KEY }))
  }

  async opened(): Promise<void> {
    await until(() => this.head.includes('\r\n\r\n') || this.isEnded)
  }
}

interface Setup {
  options?: Any
  http?: http.ServerOptions
  path?: string
  /** Called before the WebSocketServer is made, and before the server listens. */
  before?: (server: http.Server) => void
  after?: (server: http.Server, websockets: Any) => void
}

/** One run of a case. */
export class Run {
  readonly lines: string[] = []
  /** Whether a connection was without a stream when the program got it. */
  readonly ways: boolean[] = []
  readonly disposals: (() => unknown)[] = []
  private isOver = false

  constructor(
    readonly implementation: Any,
    readonly direct: 'auto' | 'off'
  ) {}

  say(...words: unknown[]): void {
    // What the end of the case sets off is not told
    if (!this.isOver) this.lines.push(words.map(String).join(' '))
  }

  /** Notes which way a connection took, before anything touches it. */
  look(ws: Any): void {
    this.ways.push(isDirect(ws._socket))
  }

  async serve({ options = {}, http: httpOptions = {}, path, before, after }: Setup = {}): Promise<{
    server: http.Server
    websockets: Any
    where: net.NetConnectOpts
  }> {
    const server = http.createServer(httpOptions, (request, response) => {
      this.say('request', request.url)
      response.end('ordinary')
    })
    before?.(server)
    const websockets = new this.implementation.WebSocketServer({ server, direct: this.direct, ...options })
    after?.(server, websockets)
    if (path === undefined) server.listen(0, '127.0.0.1')
    else server.listen(path)
    await once(server, 'listening')
    this.disposals.push(() => {
      for (const ws of websockets.clients) ws.terminate()
      websockets.close()
      server.closeAllConnections()
      server.close()
    })
    return { server, websockets, where: whereOf(server) }
  }

  connect(where: net.NetConnectOpts): Client {
    const client = new Client(where)
    this.disposals.push(() => client.socket.destroy())
    return client
  }

  /** A connection that is open at both ends; `touch` is called when the program gets it. */
  async open(setup: Setup = {}, touch: (ws: Any, request: Any) => void = () => {}, fields = ''): Promise<Any> {
    const served = await this.serve(setup)
    return { ...served, ...(await this.openAt(served, touch, fields)) }
  }

  async openAt({ websockets, where }: Any, touch: (ws: Any, request: Any) => void = () => {}, fields = ''): Promise<Any> {
    const accepted = new Promise<Any>((resolve) => {
      websockets.once('connection', (ws: Any, request: Any) => {
        this.look(ws)
        this.record(ws)
        touch(ws, request)
        resolve({ ws, request })
      })
    })
    const client = this.connect(where)
    client.upgrade(fields)
    const { ws, request } = await accepted
    await client.opened()
    return { ws, request, client }
  }

  record(ws: Any): void {
    ws.on('message', (data: Buffer) => this.say('message', data.length > 40 ? data.length : data))
    ws.on('error', (error: Any) => this.say('error', error.code))
    ws.on('close', (code: number, reason: Buffer) => this.say('close', code, reason))
  }

  async dispose(): Promise<void> {
    this.isOver = true
    for (const dispose of this.disposals.reverse()) await dispose()
  }
}

function whereOf(server: net.Server): net.NetConnectOpts {
  const address = server.address()
  return typeof address === 'string' ? { path: address } : { port: (address as net.AddressInfo).port, host: '127.0.0.1' }
}

/** A value as it can be compared: what differs from one connection to the next is not told. */
function describe(value: Any, name: string): string {
  if (typeof value === 'function') return `function ${value.name}`
  if (typeof value === 'object' && value !== null) {
    const type = value.constructor?.name ?? 'null'
    if (Array.isArray(value)) return JSON.stringify(value)
    return type.endsWith('Link') ? 'a link' : type
  }
  return /async_?id|port/i.test(name) ? typeof value : String(value)
}

/** All that an object has of its own. */
function propertiesOf(object: object): string[] {
  return Reflect.ownKeys(object)
    .map((key) => {
      const { value, get, enumerable, configurable, writable } = Object.getOwnPropertyDescriptor(object, key)!
      return `${String(key)}: ${get ? 'accessor' : describe(value, String(key))} ${enumerable} ${configurable} ${writable}`
    })
    .sort()
}

/** What the states of its streams say. */
function statesOf(stream: Any): string[] {
  return ['_readableState', '_writableState'].flatMap((name) => {
    const lines: string[] = []
    for (let one = stream[name]; one && one !== Object.prototype; one = Object.getPrototypeOf(one)) {
      for (const key of Object.getOwnPropertyNames(one)) {
        const value = stream[name][key]
        // Of a request that is made late it is true until the next tick
        if (['function', 'object'].includes(typeof value) || key === 'emittedReadable') continue
        lines.push(`${name}.${key} ${value}`)
      }
    }
    return lines.sort()
  })
}

function listenersOf(emitter: EventEmitter): string[] {
  return emitter
    .eventNames()
    .map(
      (name) =>
        `${String(name)}: ${emitter
          .listeners(name)
          .map((listener) => listener.name)
          .join(', ')}`
    )
    .sort()
}

function tellSocket(run: Run, socket: Any): void {
  void socket.readable
  for (const line of [...propertiesOf(socket), ...statesOf(socket), ...listenersOf(socket)]) run.say('socket', line)
  run.say(socket instanceof net.Socket, socket.constructor.name, Object.getPrototypeOf(socket) === net.Socket.prototype)
  run.say(
    Object.keys(socket.address()).sort().join(),
    socket.localAddress,
    typeof socket.localPort,
    socket.remoteFamily,
    socket.remoteAddress
  )
  run.say(socket.readyState, socket.readable, socket.writable, socket.destroyed, socket.closed, socket.pending, socket.connecting)
}

function tellRequest(run: Run, request: Any): void {
  void request.headers
  for (const line of [...propertiesOf(request), ...statesOf(request), ...listenersOf(request)]) run.say('request', line)
  run.say(
    request instanceof http.IncomingMessage,
    request.constructor.name,
    Object.getPrototypeOf(request) === http.IncomingMessage.prototype
  )
  run.say(
    JSON.stringify([request.headers, request.rawHeaders, request.headersDistinct, request.trailers, request.url, request.method])
  )
}

export interface Case {
  name: string
  /** Which way its connections take if they may be direct; undefined if it has none. */
  isDirect?: boolean
  run: (run: Run) => Promise<void>
}

export const cases: Case[] = []

function direct(name: string, run: Case['run']): void {
  cases.push({ name, isDirect: true, run })
}

/** Where somebody else has a hand on the connections. */
function notDirect(name: string, run: Case['run']): void {
  cases.push({ name, isDirect: false, run })
}

// What socket and request are

for (const [name, http] of Object.entries({
  'Node’s defaults': {},
  'keepAlive and noDelay': { keepAlive: true, keepAliveInitialDelay: 5000, noDelay: false },
  'a highWaterMark': { highWaterMark: 1000 }
})) {
  direct(`own properties, states and listeners with ${name}`, async (run) => {
    await run.open({ http: http as http.ServerOptions }, (ws, request) => {
      tellRequest(run, request)
      tellSocket(run, ws._socket)
      run.say(request.socket === ws._socket, request.connection === ws._socket, request.client === ws._socket)
    })
  })
}

direct('own properties after messages', async (run) => {
  const { ws, request, client } = await run.open()
  client.send('one')
  await until(() => run.lines.includes('message one'))
  ws.send('two')
  await until(() => client.frames.length === 1)
  run.say(isDirect(ws._socket) === (run.direct === 'auto'))
  tellSocket(run, ws._socket)
  tellRequest(run, request)
  run.say(ws._socket.bytesRead, ws._socket.bytesWritten)
  client.send('three')
  await until(() => run.lines.includes('message three'))
  ws.send('four')
  await until(() => client.frames.length === 2)
  run.say(client.texts)
})

direct('addresses need no stream, and neither do the fields of the request', async (run) => {
  const { ws, request } = await run.open()
  const { remoteAddress, remotePort, remoteFamily, destroyed, bytesRead } = ws._socket
  run.say(remoteAddress, typeof remotePort, remoteFamily, destroyed, bytesRead)
  run.say(request.url, request.method, request.headers.cookie, request.rawHeaders.length, request.httpVersion)
  run.say(isDirect(ws._socket) === (run.direct === 'auto'))
})

direct('inspection shows a socket and a request', async (run) => {
  const { ws, request } = await run.open()
  run.say(
    /^(<ref \*\d+> )?Socket \{/.test(inspect(ws._socket, { depth: 0 })),
    /^(<ref \*\d+> )?IncomingMessage \{/.test(inspect(request, { depth: 0 }))
  )
})

direct('an error listener of its own is the only one that is added', async (run) => {
  await run.open({}, (ws) => run.say(ws._socket.listeners('error').map(({ name }: Any) => name)))
})

direct('properties that a program sets', async (run) => {
  const { ws, request, client } = await run.open()
  ws._socket.mine = 1
  request.url = '/other'
  request.user = 'me'
  ws._socket.on('data', () => {})
  void request.headers
  run.say(ws._socket.mine, request.url, request.user)
  client.send('x')
  await until(() => run.lines.includes('message x'))
})

/** What has a connection call a method of its socket. */
const CALLS: Record<'write' | 'destroy' | 'end' | 'pause', (ws: Any, client: Client) => void> = {
  write: (ws) => ws.send('sent'),
  destroy: (ws) => ws.terminate(),
  end: (_ws, client) => client.close(),
  pause: (ws) => ws.pause()
}

for (const [name, call] of Object.entries(CALLS)) {
  for (const how of name === 'write' ? ['assigned', 'defined'] : ['assigned']) {
    direct(`a ${name} of the program's own, ${how} to the socket`, async (run) => {
      const { ws, client } = await run.open()
      const socket = ws._socket
      const theirs = (net.Socket.prototype as Any)[name]
      let calls = 0
      const own = function (this: net.Socket, ...args: unknown[]): unknown {
        calls++
        return theirs.apply(this, args)
      }
      if (how === 'assigned') socket[name] = own
      else Object.defineProperty(socket, name, { configurable: true, value: own })
      call(ws, client)
      await until(() => calls > 0)
      run.say(calls)
    })
  }
}

// Touching

const TOUCHES: Record<string, (socket: Any) => unknown> = {
  'its state': (socket) => socket.readableLength,
  'a listener': (socket) => socket.on('end', () => {}),
  'its timeout': (socket) => socket.setTimeout(100_000),
  'a pause and going on': (socket) => socket.pause().resume(),
  'cork and uncork': (socket) => (socket.cork(), socket.uncork()),
  'ref and unref': (socket) => socket.unref().ref(),
  'no delay and keep alive': (socket) => socket.setNoDelay(false).setKeepAlive(true, 1000),
  'its address': (socket) => socket.address()
}

for (const [what, touch] of Object.entries(TOUCHES)) {
  for (const when of [
    'headers',
    'verifyClient',
    'an asynchronous verifyClient',
    'handleProtocols',
    'connection',
    'message',
    'later'
  ]) {
    direct(`touching ${what} in ${when}`, async (run) => {
      const socketOf = (request: Any): void => {
        run.say(isDirect(request.socket) === (run.direct === 'auto'))
        touch(request.socket)
      }
      const options: Any = {}
      if (when === 'verifyClient') options.verifyClient = ({ req }: Any) => (socketOf(req), true)
      if (when === 'an asynchronous verifyClient') {
        options.verifyClient = ({ req }: Any, callback: (isAllowed: boolean) => void) => {
          setImmediate(() => {
            socketOf(req)
            setImmediate(() => callback(true))
          })
        }
      }
      if (when === 'handleProtocols')
        options.handleProtocols = (protocols: Set<string>, req: Any) => (socketOf(req), [...protocols][0])
      const after = (_server: Any, websockets: Any): void => {
        websockets.on('headers', (headers: string[], req: Any) => {
          headers.push('X-Own: 1')
          if (when === 'headers') socketOf(req)
        })
      }
      const isLate = ['connection', 'message', 'later'].includes(when)
      const served = await run.serve({ options, after })
      const got = new Promise<Any>((resolve) => {
        served.websockets.once('connection', (ws: Any, request: Any) => {
          run.ways.push(isLate ? isDirect(ws._socket) : run.direct === 'auto')
          run.record(ws)
          if (when === 'connection') socketOf(request)
          ws.once('message', () => when === 'message' && socketOf(request))
          ws.send('first')
          resolve({ ws, request })
        })
      })
      const client = run.connect(served.where)
      client.upgrade('Sec-WebSocket-Protocol: a, b\r\n')
      const { ws, request } = await got
      await until(() => client.frames.length === 1)
      if (when === 'later') socketOf(request)
      client.send('x'.repeat(1000))
      client.send('y')
      await until(() => run.lines.includes('message y'))
      run.say(ws._socket instanceof net.Socket, ws._socket === request.socket, ws.protocol, client.head)
      ws.send('second')
      await until(() => client.frames.length === 2)
      client.close()
      await until(() => run.lines.includes('close 1000 '))
      await until(() => client.isEnded)
      run.say(client.texts)
    })
  }
}

direct('writes of the socket come behind what was sent, and before what is sent then', async (run) => {
  const { ws, client } = await run.open()
  const frame = (text: string): Buffer => buildFrame({ payload: text })
  ws.send('one')
  ws._socket.write(frame('two'))
  ws.send('three')
  ws._socket.write(frame('four'))
  ws.send('five')
  await until(() => client.frames.length === 5)
  run.say(client.texts)
})

direct('a socket that was got before: looks at it and writes come behind what was gathered', async (run) => {
  const { ws, client } = await run.open()
  const socket = ws._socket
  const burst = (...texts: string[]): void => texts.forEach((text) => ws.send(text))
  const before = socket.bytesRead
  burst('one', 'two', 'three')
  socket.write(buildFrame({ payload: 'four' }))
  burst('five', 'six', 'seven')
  run.say(socket.bytesWritten, socket.writableLength, before)
  await until(() => client.frames.length === 7)
  run.say(client.texts)
})

direct('its lengths, with a burst gathered', async (run) => {
  const { ws, client } = await run.open()
  const socket = ws._socket
  for (const text of ['one', 'two', 'three']) ws.send(text)
  run.say(socket.bytesWritten, socket.writableLength)
  await until(() => client.frames.length === 3)
})

for (const method of ['end', 'destroy', 'destroySoon']) {
  direct(`${method} of the socket, behind what was sent`, async (run) => {
    const { ws, client } = await run.open()
    ws.send('one')
    ws._socket[method]()
    run.say(ws._socket.writable, ws._socket.destroyed)
    await until(() => client.isEnded)
    client.socket.end()
    await until(() => run.lines.some((line) => line.startsWith('close')))
    run.say(client.texts)
  })
}

direct('destroy with an error', async (run) => {
  const { ws, client } = await run.open()
  ws._socket.destroy(Object.assign(new Error('mine'), { code: 'EMINE' }))
  await until(() => client.isEnded && run.lines.length > 0)
  client.socket.end()
})

direct('a timeout of the socket', async (run) => {
  const { ws } = await run.open()
  await once(ws._socket.setTimeout(10), 'timeout')
  run.say(ws._socket.destroyed)
})

direct('setEncoding of the socket', async (run) => {
  const { ws } = await run.open()
  try {
    ws._socket.setEncoding('utf8')
    run.say('no error')
  } catch (error) {
    run.say((error as Any).code)
  }
})

direct('touching while 20 MiB wait for a slow reader', async (run) => {
  const { ws, client } = await run.open()
  client.socket.pause()
  const order: number[] = []
  for (let i = 0; i < 20; i++) ws.send(Buffer.alloc(MIB, i), () => order.push(i))
  run.say(ws.bufferedAmount > 10 * MIB, ws._socket.writableLength === ws.bufferedAmount, ws._socket.writableNeedDrain)
  ws.send('last')
  client.socket.resume()
  await until(() => client.frames.length === 21)
  await until(() => order.length === 20)
  run.say(order, client.texts, ws.bufferedAmount)
})

direct('a slow reader gets 64 MiB, untouched', async (run) => {
  const { ws, client } = await run.open()
  client.socket.pause()
  const order: number[] = []
  for (let i = 0; i < 1024; i++) ws.send(Buffer.alloc(64 * 1024, i), () => order.push(i))
  ws.close(1000, 'done')
  client.socket.resume()
  await until(() => client.frames.length === 1025)
  client.close()
  await until(() => run.lines.length > 0 && client.isEnded)
  run.say(
    order.length,
    order.every((one, i) => one === i),
    client.octets - client.head.length
  )
})

direct('pause and resume, and touching in between', async (run) => {
  const { ws, client } = await run.open()
  ws.pause()
  run.say(ws.isPaused, ws._socket.isPaused())
  client.send('one')
  for (let i = 0; i < 10; i++) await turn()
  run.say(run.lines.includes('message one'))
  ws.resume()
  await until(() => run.lines.includes('message one'))
  run.say(ws._socket.isPaused())
})

direct('between the close frames', async (run) => {
  const { ws, client } = await run.open()
  ws.close(1001, 'bye')
  await until(() => client.frames.length === 1)
  run.say(ws.readyState, ws._socket.writable, ws._socket.destroyed, ws._socket.readableFlowing)
  client.close(1001)
  await until(() => client.isEnded)
  client.socket.end()
  await until(() => run.lines.some((line) => line.startsWith('close')))
  run.say(client.texts.length)
})

for (const how of ['terminate', 'both close frames']) {
  direct(`touching behind ${how}, before 'close'`, async (run) => {
    const { ws, client } = await run.open()
    const { _socket: socket } = ws
    const { remoteAddress, remotePort } = socket
    let isSeen = false
    const look = (): void => {
      isSeen = true
      run.say(socket instanceof net.Socket, socket.destroyed, remoteAddress, typeof remotePort)
      socket.on('close', (hadError: boolean) => run.say('socket close', hadError))
      socket.on('end', () => {})
    }
    if (how === 'terminate') {
      ws.terminate()
      look()
    } else {
      ws.close(1000)
      await until(() => client.frames.length === 1)
      ws.on('message', () => {})
      client.close()
      // In ws the socket is destroyed when the peer has ended; it is over at once if there is no stream
      await until(() => ws.readyState > 1)
      look()
      await until(() => client.isEnded)
      client.socket.end()
    }
    await until(() => run.lines.some((line) => line.startsWith('socket close')))
    await until(() => run.lines.some((line) => line.startsWith('close')))
    for (let i = 0; i < 5; i++) await turn()
    run.lines.sort()
    run.say(isSeen, socket.destroyed, socket.closed)
  })
}

for (const how of ['terminate', 'close', 'a reset']) {
  direct(`touching after 'close' by ${how}`, async (run) => {
    const { ws, client, request } = await run.open()
    const { _socket: socket } = ws
    const { remoteAddress } = socket
    client.send('octets')
    await until(() => run.lines.includes('message octets'))
    ws.send('more')
    await until(() => client.frames.length === 1)
    if (how === 'terminate') ws.terminate()
    else if (how === 'a reset') client.socket.resetAndDestroy()
    else ws.close(1000)
    if (how === 'close') {
      await until(() => client.frames.length === 2)
      client.close()
      await until(() => client.isEnded)
      client.socket.end()
    }
    await until(() => run.lines.some((line) => line.startsWith('close')))
    for (let i = 0; i < 5; i++) await turn()
    run.say(ws.readyState, socket.destroyed, remoteAddress, socket.bytesRead)
    let isTwice = false
    socket.on('close', () => (isTwice = true))
    run.say(socket.bytesWritten, socket.bytesRead, socket.remoteAddress, socket.readable, socket.writable, socket.readyState)
    run.say(socket instanceof net.Socket, request.socket === socket, request.headers.host)
    socket.destroy()
    for (let i = 0; i < 5; i++) await turn()
    run.say(isTwice)
  })
}

// The server

direct('connections are counted, and the last one closes the server', async (run) => {
  const { server, websockets, ws, client } = await run.open()
  const count = (): Promise<number> => new Promise((resolve) => server.getConnections((_error: Any, n: number) => resolve(n)))
  run.say(await count())
  server.close(() => run.say('closed'))
  await turn()
  ws.terminate()
  await until(() => run.lines.includes('closed') && client.isEnded)
  run.say(await count(), websockets.clients.size)
})

for (const method of ['closeAllConnections', 'closeIdleConnections', 'close'] as const) {
  cases.push({
    name: `${method} with a silent connection`,
    run: async (run) => {
      const { server, where } = await run.serve()
      const client = run.connect(where)
      await until(() => (server as Any)._connections === 1)
      server[method]()
      for (let i = 0; i < 20; i++) await turn()
      run.say(client.isEnded, (server as Any)._connections)
      client.socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
      await until(() => client.isEnded)
      run.say(client.head.split('\r\n')[0])
    }
  })
}

cases.push({
  name: 'timeouts of heads hold for a silent client',
  run: async (run) => {
    const { where } = await run.serve({
      http: { headersTimeout: 200, requestTimeout: 200, connectionsCheckingInterval: 50 } as http.ServerOptions
    })
    const client = run.connect(where)
    await until(() => client.isEnded)
    run.say(client.head.split('\r\n')[0])
  }
})

cases.push({
  name: 'a client that ends, or resets, without a word',
  run: async (run) => {
    const { server, where } = await run.serve({ before: (one) => one.on('clientError', (error: Any) => run.say(error.code)) })
    const client = run.connect(where)
    await until(() => (server as Any)._connections === 1)
    client.socket.end()
    await until(() => client.isEnded)
    const other = run.connect(where)
    await until(() => (server as Any)._connections === 1)
    for (let i = 0; i < 5; i++) await turn()
    other.socket.resetAndDestroy()
    await until(() => (server as Any)._connections === 0)
    await until(() => run.lines.length > 0)
    run.say(client.head)
  }
})

cases.push({
  name: 'open handles are sockets to those who look at them',
  run: async (run) => {
    const { server, where } = await run.serve()
    const client = run.connect(where)
    await until(() => (server as Any)._connections === 1)
    const handles: Any[] = (process as Any)
      ._getActiveHandles()
      .filter((one: Any) => one instanceof net.Socket && (one as Any).server === server)
    run.say(handles.length, handles[0]?.localPort === (where as Any).port)
    client.socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    await until(() => client.isEnded)
    run.say(client.head.split('\r\n')[0])
  }
})

direct('listening, closing and listening again', async (run) => {
  const first = await run.open()
  first.ws.terminate()
  await until(() => run.lines.length === 1)
  const { server, websockets } = first
  server.close()
  await once(server, 'close')
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  await run.openAt({ websockets, where: whereOf(server) })
})

direct('a WebSocketServer behind another that was closed, and its silent connections', async (run) => {
  const { server, websockets } = await run.serve()
  websockets.close()
  await once(websockets, 'close')
  const other = new run.implementation.WebSocketServer({ server, direct: run.direct })
  const where = whereOf(server)
  const { ws } = await run.openAt({ websockets: other, where })
  const silent = run.connect(where)
  await until(() => (server as Any)._connections === 2)
  server.closeAllConnections()
  await until(() => silent.isEnded)
  run.say(ws.readyState)
  other.close()
  run.say(Object.getOwnPropertyNames(server).filter((name) => name.startsWith('close')))
})

direct('ref and unref of the server', async (run) => {
  const { server } = await run.open()
  server.unref()
  server.ref()
  run.say(server.listening)
})

direct('no delay is set, whatever the server says', async (run) => {
  const { ws } = await run.open({ http: { noDelay: false } })
  const symbol = Object.getOwnPropertySymbols((ws._socket.setNoDelay(true), ws._socket)).find(
    ({ description }) => description === 'kSetNoDelay'
  )
  run.say(ws._socket[symbol!])
})

direct('clients in a process of many', async (run) => {
  const served = await run.serve()
  let closed = 0
  const accepted: Any[] = []
  served.websockets.on('connection', (ws: Any) => {
    accepted.push(ws)
    if (accepted.length % 50 === 1) run.look(ws)
    ws.on('message', (data: Buffer) => ws.send(data))
    ws.on('close', () => closed++)
  })
  const clients = Array.from({ length: 200 }, () => run.connect(served.where))
  for (const [i, client] of clients.entries()) {
    client.upgrade()
    void client.opened().then(() => client.send(`message ${i}`))
  }
  await until(() => clients.every(({ frames }) => frames.length === 1))
  for (const client of clients) client.close()
  await until(() => clients.every(({ isEnded }) => isEnded))
  for (const { socket } of clients) socket.end()
  await until(() => closed === 200)
  run.say(clients.every(({ texts }, i) => texts[0] === `1 message ${i}` || texts[0] === `2 message ${i}`))
  run.say((served.server as Any)._connections, served.websockets.clients.size)
})

// Others who have a hand on it

const OTHERS: Record<string, Setup> = {
  maxConnections: { before: (server) => (server.maxConnections = 10) },
  'a timeout of the server': { before: (server) => server.setTimeout(100_000) },
  'a listener of connection, before': { before: (server) => server.on('connection', () => {}) },
  'a listener of connection, after': { after: (server) => server.on('connection', () => {}) },
  'a listener of connection in place of Node’s own': {
    after: (server) => {
      const [own] = server.listeners('connection') as ((...args: Any[]) => void)[]
      server.removeAllListeners('connection')
      server.on('connection', function (this: Any, socket) {
        own.call(this, socket)
      })
    }
  },
  'a listener of upgrade, before': { before: (server) => server.on('upgrade', () => {}) },
  'a listener of upgrade, after': { after: (server) => server.on('upgrade', () => {}) },
  pauseOnConnect: {
    before: (server) => (((server as Any).pauseOnConnect = false), ((server as Any).blockList = new net.BlockList()))
  },
  'a class of requests': { http: { IncomingMessage: class extends http.IncomingMessage {} as Any } },
  maxHeaderSize: { http: { maxHeaderSize: 20_000 } },
  maxHeadersCount: { before: (server) => (server.maxHeadersCount = 50) },
  'maxHeadersCount, later': { after: (server) => (server.maxHeadersCount = 50) },
  insecureHTTPParser: { http: { insecureHTTPParser: true } },
  joinDuplicateHeaders: { http: { joinDuplicateHeaders: true } },
  'a wrapped emit': {
    before: (server) => {
      const { emit } = server
      server.emit = function (this: Any, ...args: Any[]) {
        return emit.apply(this, args as Any)
      }
    }
  },
  'receiveBuffer off': { options: { receiveBuffer: 'off' } }
}

for (const [what, setup] of Object.entries(OTHERS)) {
  notDirect(`${what}`, async (run) => {
    const { client } = await run.open(setup, (_ws, request) => run.say(JSON.stringify(request.headers), request.constructor.name))
    client.send('x')
    await until(() => run.lines.includes('message x'))
  })
}

notDirect('a subscriber of net.server.socket', async (run) => {
  const subscriber = (): void => run.say('published')
  channel('net.server.socket').subscribe(subscriber)
  run.disposals.push(() => channel('net.server.socket').unsubscribe(subscriber))
  await run.open()
  run.lines.sort()
})

if (http.createServer().hasOwnProperty('shouldUpgradeCallback')) {
  for (const when of ['before', 'after'] as const) {
    notDirect(`shouldUpgradeCallback, set ${when}`, async (run) => {
      await run.open({
        [when]: (server: Any) => (server.shouldUpgradeCallback = (request: Any) => (run.say('asked', request.url), true))
      })
    })
  }
}

direct('listeners of connection and upgrade that come while a connection is open', async (run) => {
  const { server, ws, client, websockets, where } = await run.open()
  const listener = (): void => run.say('connected')
  server.on('connection', listener)
  client.send('x')
  await until(() => run.lines.includes('message x'))
  run.say(isDirect(ws._socket) === (run.direct === 'auto'))
  const others = new Run(run.implementation, run.direct)
  const { client: second } = await others.openAt({ websockets, where })
  run.say(others.ways)
  second.socket.destroy()
  server.removeListener('connection', listener)
  await run.openAt({ websockets, where })
})

notDirect('two WebSocketServers on one server', async (run) => {
  const { server, websockets, where } = await run.serve({ options: { path: '/a' } })
  const other = new run.implementation.WebSocketServer({ server, direct: run.direct, path: '/b' })
  void other
  await run.openAt({ websockets, where })
})

for (const method of ['handleUpgrade', 'completeUpgrade', 'shouldHandle']) {
  cases.push({
    name: `a subclass with its own ${method}`,
    run: async (run) => {
      class Own extends run.implementation.WebSocketServer {}
      ;(Own.prototype as Any)[method] = function (this: Any, ...args: Any[]) {
        const [request] = method === 'completeUpgrade' ? [args[3]] : args
        run.say(method, request.url, request.headers.cookie, request.socket.remoteAddress, request.socket.readable)
        return run.implementation.WebSocketServer.prototype[method].apply(this, args)
      }
      const server = http.createServer()
      const websockets: Any = new (Own as Any)({ server, direct: run.direct })
      run.disposals.push(() => {
        for (const ws of websockets.clients) ws.terminate()
        websockets.close()
        server.close()
      })
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { ws, client } = await run.openAt({ websockets, where: whereOf(server) })
      run.ways.length = 0
      client.send('x')
      await until(() => run.lines.includes('message x'))
      run.say(ws._socket.listeners('error').map(({ name }: Any) => name))
    }
  })
}

cases.push({
  name: 'a subclass that answers itself',
  run: async (run) => {
    class Own extends run.implementation.WebSocketServer {
      handleUpgrade(request: Any, socket: Any, head: Buffer): void {
        run.say(request.url, head.length, socket.listenerCount('error'))
        socket.end('HTTP/1.1 503 Not now\r\n\r\n')
      }
    }
    const server = http.createServer()
    const websockets: Any = new (Own as Any)({ server, direct: run.direct })
    run.disposals.push(() => (websockets.close(), server.close()))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = run.connect(whereOf(server))
    client.upgrade()
    await until(() => client.isEnded)
    client.socket.end()
    run.say(client.head)
  }
})

cases.push({
  name: 'refusals, by the program and by the RFC',
  run: async (run) => {
    const { where, websockets } = await run.serve({
      options: {
        path: '/a',
        verifyClient: ({ req }: Any, callback: Any) => callback(false, 401, 'No', { 'X-Why': req.headers.cookie })
      }
    })
    void websockets
    for (const fields of ['', 'Sec-WebSocket-Protocol: a,,b\r\n', 'Sec-WebSocket-Extensions: permessage-deflate; x=\r\n']) {
      const client = run.connect(where)
      client.upgrade(fields)
      await until(() => client.isEnded)
      client.socket.end()
      run.say(client.head)
    }
  }
})

cases.push({
  name: 'a client that goes on, ends or resets while it is verified',
  run: async (run) => {
    for (const what of ['goes on', 'ends', 'resets']) {
      let allow: Any
      const { where, websockets, server } = await run.serve({
        options: { verifyClient: (_info: Any, callback: Any) => (allow = callback) }
      })
      websockets.on('connection', (ws: Any) => run.record(ws))
      const client = run.connect(where)
      client.upgrade()
      await until(() => allow !== undefined)
      if (what === 'goes on') client.send('early')
      else if (what === 'ends') client.socket.end()
      else client.socket.resetAndDestroy()
      for (let i = 0; i < 5; i++) await turn()
      allow(true)
      if (what === 'goes on') {
        await until(() => run.lines.includes('message early'))
        client.socket.destroy()
      }
      await until(() => (server as Any)._connections === 0)
      run.say(what, client.head.split('\r\n')[0])
    }
  }
})

// Ends

for (const what of ['a reset', 'the end', 'the end of a half-open peer']) {
  direct(`${what} of the peer`, async (run) => {
    const { client, ws } = await run.open()
    ws.send('one')
    client.send('two')
    await until(() => run.lines.includes('message two') && client.frames.length === 1)
    if (what === 'a reset') client.socket.resetAndDestroy()
    else client.socket.end()
    await until(() => run.lines.some((line) => line.startsWith('close')))
    await until(() => client.isEnded)
    run.say(client.texts, ws.readyState)
  })
}

direct('sends to a peer that has gone', async (run) => {
  const { client, ws } = await run.open()
  client.socket.resetAndDestroy()
  const errors: boolean[] = []
  // Nobody has read that it is gone
  for (let i = 0; i < 5; i++) ws.send('x'.repeat(1000), (error: Error | undefined) => errors.push(error instanceof Error))
  await until(() => run.lines.some((line) => line.startsWith('close')))
  await until(() => errors.length === 5)
})

direct('a listener of connection that throws', async (run) => {
  const thrown: unknown[] = []
  const others = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  const note = (error: Error): unknown => thrown.push(error.message)
  process.on('uncaughtException', note)
  run.disposals.push(() => {
    process.removeListener('uncaughtException', note)
    for (const one of others) process.on('uncaughtException', one)
  })
  const served = await run.serve()
  let ws: Any
  served.websockets.once('connection', (one: Any) => {
    ws = one
    run.look(one)
    run.record(one)
    throw new Error('mine')
  })
  const client = run.connect(served.where)
  client.upgrade()
  await until(() => thrown.length > 0)
  await client.opened()
  client.send('still there')
  await until(() => run.lines.includes('message still there'))
  ws.send('too')
  await until(() => client.frames.length === 1)
  run.say(thrown)
})

// Contexts

direct('sends from hooks of async_hooks', async (run) => {
  const { ws, client } = await run.open()
  client.socket.pause()
  let left = 3
  const hook = createHook({
    init(_id, type) {
      if (type === 'WRITEWRAP' && left-- > 0) ws.send(`of a hook`)
    }
  })
  hook.enable()
  for (let i = 0; i < 10; i++) ws.send(Buffer.alloc(MIB))
  hook.disable()
  ws.send('last')
  client.socket.resume()
  await until(() => client.texts.includes('1 last'))
  run.say(client.frames.length > 11, client.frames.filter(({ payload }: Any) => payload.length === MIB).length)
  run.say(client.frames.every(({ payload }: Any) => [MIB, 4, 9].includes(payload.length)))
})

cases.push({
  name: 'ordinary requests have the context of the one who listened',
  run: async (run) => {
    const storage = new AsyncLocalStorage<string>()
    const server = http.createServer((_request, response) => {
      run.say('request', storage.getStore())
      response.end()
    })
    const websockets = new run.implementation.WebSocketServer({ server, direct: run.direct })
    run.disposals.push(() => (websockets.close(), server.closeAllConnections(), server.close()))
    storage.run('listening', () => server.listen(0, '127.0.0.1'))
    await once(server, 'listening')
    for (const isSilent of [false, true]) {
      const client = run.connect(whereOf(server))
      if (isSilent) {
        // Longer than silent connections are kept from Node
        await once(client.socket, 'connect')
        await new Promise((resolve) => setTimeout(resolve, 120))
      }
      client.socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
      await until(() => client.isEnded)
    }
  }
})

direct('what one connection enters, the next does not see', async (run) => {
  const storage = new AsyncLocalStorage<string>()
  const served = await run.serve()
  for (const name of ['one', 'two']) {
    let seen: Any = 'nothing'
    const { ws, client } = await run.openAt(served, (one) => {
      // Before Node 24 its own way lets the next see it
      seen = Number(process.versions.node.split('.')[0]) < 24 ? undefined : storage.getStore()
      if (run.direct === 'auto') seen = storage.getStore()
      storage.enterWith(name)
      one.on('message', () => run.say('in message', storage.getStore()))
    })
    client.send('x')
    await until(() => run.lines.at(-1)?.startsWith('in message') === true)
    run.say('in connection', seen)
    ws.terminate()
  }
  await until(() => run.lines.filter((line) => line.startsWith('close')).length === 2)
})

direct('run in a listener of connection', async (run) => {
  const storage = new AsyncLocalStorage<string>()
  const { client } = await run.open({}, (ws) => {
    storage.run('inside', () => {
      ws.on('message', () => run.say('in message', storage.getStore()))
      setImmediate(() => run.say('in a turn', storage.getStore()))
      ws.send('x', () => run.say('in a callback', storage.getStore()))
    })
  })
  await until(() => run.lines.length === 2)
  client.send('y')
  await until(() => run.lines.includes('message y'))
})

direct('600 connections come and go, and none is left', async (run) => {
  setFlagsFromString('--expose-gc')
  const collect = vm.runInNewContext('gc') as () => void
  const served = await run.serve()
  const refs: WeakRef<object>[] = []
  served.websockets.on('connection', (ws: Any, request: object) => {
    if (refs.length === 0) run.look(ws)
    refs.push(new WeakRef(ws), new WeakRef(ws._socket as object), new WeakRef(request))
    ws.on('message', (data: Buffer) => ws.send(data))
  })
  for (let round = 0; round < 6; round++) {
    const clients = Array.from({ length: 100 }, () => new Client(served.where))
    for (const client of clients) client.upgrade()
    await Promise.all(clients.map((client) => client.opened()))
    for (const client of clients) client.send('x')
    await until(() => clients.every(({ frames }) => frames.length === 1))
    for (const [i, client] of clients.entries()) {
      if (i % 3 === 0) client.socket.resetAndDestroy()
      else if (i % 3 === 1) client.socket.end()
      else client.close()
    }
    await until(() => (served.server as Any)._connections === 0)
  }
  for (let i = 0; i < 10; i++) {
    collect()
    await turn()
  }
  // What was used last may be held for the next
  run.say(refs.length, refs.filter((one) => one.deref() !== undefined).length < 20)
})

if (process.platform !== 'win32') {
  direct('a unix socket', async (run) => {
    const path = join(tmpdir(), `hybi-direct-${process.pid}-${run.direct}-${Date.now()}.sock`)
    run.disposals.push(() => rmSync(path, { force: true }))
    const { ws, client } = await run.open({ path })
    client.send('x')
    await until(() => run.lines.includes('message x'))
    ws.send('y')
    await until(() => client.frames.length === 1)
    run.say(ws._socket.remoteAddress, ws._socket.remotePort, client.texts)
    tellProperties(run, ws._socket)
    client.close()
    await until(() => client.isEnded)
  })
}

function tellProperties(run: Run, socket: Any): void {
  void socket.readable
  for (const line of [...propertiesOf(socket), ...statesOf(socket), ...listenersOf(socket)]) run.say('socket', line)
}

/** Carries out a case in one way; a case that hangs fails. */
export async function carryOut(one: Case, implementation: unknown, direct: 'auto' | 'off'): Promise<Run> {
  const run = new Run(implementation, direct)
  try {
    await one.run(run)
  } catch (error) {
    run.say('failed', (error as Error).stack)
  } finally {
    await run.dispose()
  }
  return run
}
