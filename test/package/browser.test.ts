// The built file for browsers, over a stub of what browsers have.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { root } from './support/run.js'

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Any = any

/** As much of the WHATWG interface as the file may use, and a record of what was done with it. */
class StubWebSocket extends EventTarget {
  static last: StubWebSocket
  readonly sent: unknown[] = []
  readonly closes: unknown[][] = []
  readonly extensions = 'permessage-deflate'
  readonly protocol = 'chat'
  readonly bufferedAmount = 7
  binaryType = 'blob'
  readyState = 0
  readonly #attributes: Record<string, ((event: Event) => void) | null> = {}
  constructor(
    readonly url: string,
    readonly protocols: unknown
  ) {
    super()
    StubWebSocket.last = this
  }
  send(data: unknown): void {
    this.sent.push(data)
  }
  close(...args: unknown[]): void {
    this.closes.push(args)
  }
  deliver(type: string, members: object = {}): void {
    this.dispatchEvent(Object.assign(new Event(type), members))
  }
  attribute(name: string): ((event: Event) => void) | null {
    return this.#attributes[name] ?? null
  }
  setAttribute(name: string, listener: ((event: Event) => void) | null): void {
    const old = this.#attributes[name]
    if (old) this.removeEventListener(name, old)
    this.#attributes[name] = listener
    if (listener) this.addEventListener(name, listener)
  }
}
for (const name of ['open', 'message', 'close', 'error']) {
  Object.defineProperty(StubWebSocket.prototype, `on${name}`, {
    get(this: StubWebSocket) {
      return this.attribute(name)
    },
    set(this: StubWebSocket, listener: never) {
      this.setAttribute(name, listener)
    }
  })
}

const path = join(root, 'dist/browser.mjs')
const { WebSocket, WebSocketServer, createWebSocketStream, default: main } = (await import(/* @vite-ignore */ path)) as Any

beforeEach(() => vi.stubGlobal('WebSocket', StubWebSocket))
afterEach(() => void vi.unstubAllGlobals())

/** A connection, and the stub under it. */
function open(...args: unknown[]): { ws: Any; stub: StubWebSocket } {
  const ws: Any = new WebSocket('ws://example.com/', ...args)
  StubWebSocket.last.readyState = 1
  return { ws, stub: StubWebSocket.last }
}

/** Records every call of a listener. */
function recorder(): { calls: unknown[][]; listener: (...args: unknown[]) => void } {
  const calls: unknown[][] = []
  return { calls, listener: (...args) => void calls.push(args) }
}

describe('the file', () => {
  it('gives the class by default and by name, and imports nothing', () => {
    expect(main).toBe(WebSocket)
    expect(readFileSync(path, 'utf8')).not.toMatch(/^\s*import\b|\bfrom '|\brequire\(|\bimport\(|\bprocess\b|\bBuffer\b/m)
  })

  it('says what it needs where there is no WebSocket', () => {
    vi.stubGlobal('WebSocket', undefined)
    expect(() => new WebSocket('ws://example.com/')).toThrow('There is no WebSocket here: hybi needs a browser, or Node.js')
  })

  it('says that servers, streams, pings and pauses are for Node', () => {
    const { ws } = open()
    expect(() => new WebSocketServer({ port: 0 })).toThrow('WebSocketServer needs Node.js')
    expect(() => createWebSocketStream(ws)).toThrow('createWebSocketStream needs Node.js')
    for (const name of ['ping', 'pong', 'pause', 'resume', 'setSocket']) expect(() => ws[name]()).toThrow(`${name} needs Node.js`)
  })
})

describe('a connection', () => {
  it('is made with address and subprotocols; options for Node are ignored', () => {
    expect(open().stub).toMatchObject({ url: 'ws://example.com/', protocols: [] })
    expect(open('chat').stub.protocols).toBe('chat')
    expect(open(['a', 'b'], { headers: {} }).stub.protocols).toEqual(['a', 'b'])
    expect(open({ maxPayload: 1 }).stub.protocols).toEqual([])
    expect(new WebSocket(new URL('wss://example.com/x')).url).toBe('wss://example.com/x')
  })

  it('tells the state of the one under it', () => {
    const { ws, stub } = open()
    expect(ws).toMatchObject({ bufferedAmount: 7, extensions: 'permessage-deflate', protocol: 'chat', readyState: 1 })
    stub.readyState = 3
    expect(ws.readyState).toBe(3)
    const states = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 }
    for (const [name, value] of Object.entries(states)) expect([WebSocket[name], ws[name]]).toEqual([value, value])
  })

  it('gives text as a string, and binary messages as binaryType says', () => {
    const { ws, stub } = open()
    const { calls, listener } = recorder()
    const octets = new Uint8Array([1, 2]).buffer
    ws.on('message', listener)
    expect([ws.binaryType, stub.binaryType]).toEqual(['nodebuffer', 'arraybuffer'])
    stub.deliver('message', { data: 'text' })
    stub.deliver('message', { data: octets })
    ws.binaryType = 'arraybuffer'
    stub.deliver('message', { data: octets })
    ws.binaryType = 'blob'
    expect(stub.binaryType).toBe('blob')
    const blob = new Blob(['x'])
    stub.deliver('message', { data: blob })
    ws.binaryType = 'fragments'
    expect(ws.binaryType).toBe('blob')
    expect(calls).toEqual([
      ['text', false],
      [new Uint8Array([1, 2]), true],
      [octets, true],
      [blob, true]
    ])
    expect(calls[3][0]).toBe(blob)
  })

  it('knows octets of another realm, as of a frame or of jsdom', () => {
    const { ws, stub } = open()
    const { calls, listener } = recorder()
    ws.on('message', listener)
    stub.deliver('message', { data: runInNewContext('new Uint8Array([1, 2]).buffer') })
    expect(calls).toEqual([[new Uint8Array([1, 2]), true]])
  })

  it('emits open, close with code and reason, and an error that nobody has to hear', () => {
    const { ws, stub } = open()
    stub.deliver('error')
    const { calls, listener } = recorder()
    for (const name of ['open', 'close', 'error']) ws.on(name, listener)
    stub.deliver('open')
    stub.deliver('error')
    stub.deliver('close', { code: 1006, reason: 'why' })
    expect(calls).toEqual([[], [new Error('The WebSocket connection failed')], [1006, 'why']])
  })

  it('passes messages on, and tells the callback', async () => {
    const { ws, stub } = open()
    const { calls, listener } = recorder()
    const octets = new Uint8Array(3)
    ws.send('a', listener)
    ws.send(octets, { binary: true, compress: false }, listener)
    ws.send(undefined)
    expect(calls).toEqual([])
    await Promise.resolve()
    expect(calls).toEqual([[undefined], [undefined]])
    expect(stub.sent).toEqual(['a', octets, ''])
    expect(stub.sent[1]).toBe(octets)
  })

  it('does not send while connecting, nor when closed', async () => {
    const { ws, stub } = open()
    const { calls, listener } = recorder()
    stub.readyState = 0
    expect(() => ws.send('a')).toThrow('WebSocket is not open: readyState 0 (CONNECTING)')
    stub.readyState = 2
    ws.send('a', listener)
    stub.readyState = 3
    ws.send('a', {}, listener)
    ws.send('a')
    await Promise.resolve()
    expect(stub.sent).toEqual([])
    expect(calls).toEqual([
      [new Error('WebSocket is not open: readyState 2 (CLOSING)')],
      [new Error('WebSocket is not open: readyState 3 (CLOSED)')]
    ])
  })

  it('closes, and terminates by closing', () => {
    const { ws, stub } = open()
    ws.close(4000, 'bye')
    ws.terminate()
    expect(stub.closes).toEqual([[4000, 'bye'], []])
  })
})

describe('listeners', () => {
  it('are called with the connection as `this`, in order, once where so asked', () => {
    const { ws, stub } = open()
    const seen: unknown[] = []
    ws.on('open', function (this: unknown) {
      seen.push(this)
    })
    ws.once('open', () => seen.push('once')).addListener('open', () => seen.push('last'))
    stub.deliver('open')
    stub.deliver('open')
    expect(seen).toEqual([ws, 'once', 'last', ws, 'last'])
    expect(seen[0]).toBe(ws)
  })

  it('are counted and removed', () => {
    const { ws, stub } = open()
    const { calls, listener } = recorder()
    ws.on('open', listener).on('open', listener).on('close', listener)
    expect(ws.off('open', listener).listenerCount('open')).toBe(1)
    ws.removeListener('open', listener).removeListener('open', listener)
    stub.deliver('open')
    ws.removeAllListeners('close')
    stub.deliver('close', { code: 1005, reason: '' })
    ws.on('open', listener).removeAllListeners()
    stub.deliver('open')
    expect(calls).toEqual([])
    expect(ws.emit('open')).toBe(false)
  })

  it('may remove one another while they are called', () => {
    const { ws, stub } = open()
    const { calls, listener } = recorder()
    ws.on('open', () => ws.off('open', listener)).on('open', listener)
    stub.deliver('open')
    stub.deliver('open')
    expect(calls).toHaveLength(1)
  })

  it('that are to be called once are not mistaken for others of the same function', () => {
    const { ws, stub } = open()
    const { calls, listener } = recorder()
    ws.once('open', listener).on('open', listener)
    stub.deliver('open')
    expect(calls).toHaveLength(2)
    expect(ws.listenerCount('open')).toBe(1)
    stub.deliver('open')
    stub.deliver('open')
    expect(calls).toHaveLength(4)
  })

  it('that are to be called once may remove themselves, and are called once also where the event is emitted meanwhile', () => {
    const { ws } = open()
    const { calls, listener } = recorder()
    const itself = (): void => {
      listener()
      ws.off('open', itself)
    }
    let isNested = false
    ws.on('open', () => {
      if (isNested) return
      isNested = true
      ws.emit('open')
    })
    ws.once('open', itself)
    ws.emit('open')
    ws.emit('open')
    expect(calls).toHaveLength(1)
    expect(ws.listenerCount('open')).toBe(1)
  })

  it('of the kind that browsers have get the events of the browser', () => {
    const { ws, stub } = open()
    const { calls, listener } = recorder()
    const attribute = recorder()
    ws.addEventListener('message', listener, { once: true })
    ws.onmessage = attribute.listener
    expect(ws.onmessage).toBe(attribute.listener)
    stub.deliver('message', { data: 'one' })
    stub.deliver('message', { data: 'two' })
    ws.onmessage = null
    expect(ws.onmessage).toBeNull()
    ws.addEventListener('message', listener)
    ws.removeEventListener('message', listener)
    stub.deliver('message', { data: 'three' })
    const data = (all: unknown[][]) => all.map(([event]) => (event as { data: unknown }).data)
    expect([data(calls), data(attribute.calls)]).toEqual([['one'], ['one', 'two']])
  })
})
