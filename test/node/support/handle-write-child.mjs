// Cases of writing to sockets in a process of their own, because HYBI_HANDLE_WRITES is read when hybi is loaded.
// Arguments: path of the implementation, names of cases. It prints a line of JSON for each case: its transcript, and how its octets were
// written. With an IPC channel and the case 'exit' or 'passed' it is the child of such a case.

import { AsyncLocalStorage, createHook } from 'node:async_hooks'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import tls from 'node:tls'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import vm from 'node:vm'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { FrameParser } from '../../support/frames.mjs'

const [implementation, ...names] = isMainThread ? process.argv.slice(2) : workerData
const { default: WebSocket } = await import(pathToFileURL(implementation).href)

setFlagsFromString('--expose-gc')
const collect = vm.runInNewContext('gc')

// How octets were written: by streams, or past them.

const NOTHING_YET = { atOnce: 0, begun: 0, inPart: 0, failed: 0, byStream: 0 }
let written = { ...NOTHING_YET }
let inStream = false

const watched = new WeakSet()
const watchedHandles = new WeakSet()
const { _writeGeneric: writeGeneric } = net.Socket.prototype
net.Socket.prototype._writeGeneric = function (...args) {
  if (watched.has(this)) written.byStream++
  inStream = true
  try {
    return writeGeneric.apply(this, args)
  } finally {
    inStream = false
  }
}

function watch(socket) {
  watched.add(socket)
  watchedHandles.add(socket._handle)
  let prototype = Object.getPrototypeOf(socket._handle)
  while (!Object.hasOwn(prototype, 'writeBuffer')) prototype = Object.getPrototypeOf(prototype)
  const { writeBuffer } = prototype
  if (writeBuffer.name === 'watchedWrite') return
  prototype.writeBuffer = function watchedWrite(request, octets) {
    const isOwn = !inStream && watchedHandles.has(this)
    const status = writeBuffer.call(this, request, octets)
    if (isOwn && status === 0 && (request === null || request.getAsyncId() === -1)) written.atOnce++
    else if (isOwn && typeof status === 'number' && status < 0) written.failed++
    else if (isOwn) {
      written.begun++
      if (this.writeQueueSize < octets.length) written.inPart++
    }
    return status
  }
}

// A case's means

let lines = []
const disposals = []
const finallyDo = (dispose) => disposals.push(dispose)
const log = (...values) => {
  lines.push(values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))).join(' '))
}
const turn = () => new Promise((resolve) => setImmediate(resolve))
/** A case takes a second, or many beside others that keep the processors busy. */
const HANG_MS = 120_000
/** Messages after which a socket that nobody reads holds some of them. */
const FILL_LIMIT = 100_000
let deadline = Infinity
const until = async (condition) => {
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('it hangs')
    await turn()
  }
}
const describe = (error) => (error ? `${error.code} ${error.message.replace(/:\d{4,5}\b/, '')}` : 'done')
const text = (i, length) => `${i} `.padEnd(length, String.fromCharCode(97 + (i % 26)))

const REQUEST = [
  'GET / HTTP/1.1',
  'Host: localhost',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
  '',
  ''
].join('\r\n')

/** A bare socket that keeps what comes. */
class Peer {
  chunks = []
  length = 0
  /** Octets that belong to no frame: how many, and how many of the stream came before. */
  gaps = []
  ended = false
  isClosed = false

  constructor(socket) {
    this.socket = socket
    socket.on('data', (chunk) => {
      this.chunks.push(chunk)
      this.length += chunk.length
    })
    socket.on('end', () => (this.ended = true))
    socket.on('error', () => {})
    socket.on('close', () => (this.isClosed = true))
  }

  forget() {
    this.chunks = []
    this.length = 0
    this.gaps = []
  }

  /** What came as frames: [opcode, payload]. */
  get frames() {
    let octets = Buffer.concat(this.chunks)
    for (const gap of this.gaps) octets = Buffer.concat([octets.subarray(0, gap.at), octets.subarray(gap.at + gap.length)])
    return new FrameParser().push(octets).map(({ opcode, payload }) => [opcode, payload])
  }

  get texts() {
    return this.frames.map(([, payload]) => payload.toString())
  }

  /** Waits for as many frames as are expected and says whether they are those. */
  async expect(expected) {
    let least = 0
    for (const { length } of this.gaps) least += length
    for (const { length } of expected) least += length + (length < 126 ? 2 : length < 65_536 ? 4 : 10)
    await until(() => this.isClosed || (this.length >= least && this.frames.length >= expected.length))
    const { texts } = this
    const wrong = expected.findIndex((one, i) => texts[i] !== one)
    log(
      'arrived',
      wrong < 0 && texts.length === expected.length ? 'as sent' : `${texts.length} frames of ${expected.length}, wrong at ${wrong}`
    )
  }
}

/** A server's WebSocket and its bare peer; `path` is that of a Unix domain socket. */
async function open({ path, options } = {}) {
  const httpServer = http.createServer()
  httpServer.listen(path ?? { port: 0, host: '127.0.0.1' })
  await once(httpServer, 'listening')
  const server = new WebSocket.WebSocketServer({ server: httpServer, ...options })
  const peer = new Peer(net.connect(path ?? { port: httpServer.address().port, host: '127.0.0.1' }))
  peer.socket.write(REQUEST)
  const [ws] = await once(server, 'connection')
  await until(() => Buffer.concat(peer.chunks).includes('\r\n\r\n'))
  peer.forget()
  finallyDo(() => {
    ws.terminate()
    peer.socket.destroy()
    httpServer.close()
  })
  const socket = ws._socket
  watch(socket)
  return { ws, socket, peer, start: socket.bytesWritten }
}

/** A WebSocket on a bare socket, without a handshake: what it sends is the first that hybi writes. */
async function attach({ isServer }) {
  const listener = net.createServer()
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const socket = net.connect(listener.address().port, '127.0.0.1')
  const [[far]] = await Promise.all([once(listener, 'connection'), once(socket, 'connect')])
  const ws = new WebSocket(null, undefined, { autoPong: true, closeTimeout: 1000 })
  ws._isServer = isServer
  ws.setSocket(socket, Buffer.alloc(0), { maxPayload: 1000 })
  finallyDo(() => {
    ws.terminate()
    far.destroy()
    listener.close()
  })
  watch(socket)
  return { ws, socket, peer: new Peer(far), start: 0 }
}

/** A link whose first write is over, so that the way of writing is what it will be. */
async function warm(options) {
  const link = await open(options)
  await new Promise((resolve) => link.ws.send('', resolve))
  await until(() => link.peer.length === 2)
  link.peer.forget()
  link.start = link.socket.bytesWritten
  await turn()
  return link
}

/** Has the system hold as much for a peer that does not read as it will, without the stream's knowledge. */
function choke({ socket, peer, start }) {
  peer.socket.pause()
  const { fd } = socket._handle
  const filling = Buffer.alloc(65_536)
  let length = 0
  try {
    for (;;) length += writeSync(fd, filling)
  } catch (error) {
    if (error.code !== 'EAGAIN') throw error
  }
  peer.gaps.push({ at: socket.bytesWritten - start, length })
}

/** Sends until the system does not take all of it; a callback's line is logged where it says an error. */
function fill(link, order, length = 3500) {
  const { ws, socket, peer } = link
  peer.socket.pause()
  const sent = []
  while (socket.writableLength === 0) {
    const i = sent.length
    if (i === FILL_LIMIT) throw new Error('nothing is held')
    sent.push(text(i, length + (i % 7)))
    ws.send(sent[i], (error) => order.push(error ? describe(error) : i))
    void ws.bufferedAmount
  }
  return sent
}

const inOrder = (order, count) => order.length === count && order.every((one, i) => one === i)
const logEvents = (ws, socket) => {
  ws.on('error', (error) => log('error', describe(error), 'state', ws.readyState))
  ws.on('close', (code) => log('close', code))
  socket.on('error', (error) => log('socket error', describe(error)))
  socket.on('close', (hadError) => log('socket close', hadError))
}

const cases = {
  async 'small messages'() {
    const { ws, socket, peer } = await warm()
    const expected = []
    for (let i = 0; i < 40; i++) {
      expected.push(text(i, i * 100))
      const before = socket.bytesWritten
      await new Promise((resolve) => ws.send(expected[i], (error) => resolve(log('called', describe(error)))))
      log(socket.bytesWritten - before, socket.writableLength, ws.bufferedAmount, socket.writableNeedDrain)
    }
    await peer.expect(expected)
  },

  async 'a peer that reads late'() {
    for (const start of ['choked', 'filled']) {
      const link = await warm()
      const { ws, socket, peer } = link
      let drains = 0
      socket.on('drain', () => drains++)
      const order = []
      if (start === 'choked') choke(link)
      const sent = fill(link, order)
      const held = socket.writableLength
      log(held > 0 && held <= sent.at(-1).length + 4, ws.bufferedAmount === held, socket.writableNeedDrain)
      if (start === 'choked') log(held)
      await turn()
      log('called', inOrder(order, sent.length - 1))
      let expected = held
      for (let i = 0; i < 60; i++) {
        const n = sent.length
        sent.push(text(n, [100, 3000, 20_000, 70_000][i % 4]))
        expected += sent[n].length + (sent[n].length < 126 ? 2 : sent[n].length < 65_536 ? 4 : 10)
        ws.send(sent[n], (error) => order.push(error ? describe(error) : n))
        if (i % 9 === 0) log('held', ws.bufferedAmount === expected, socket.writableLength === expected)
        if (i % 5 === 0) await turn()
      }
      log('drains', drains, 'called', order.length === sent.length - 61)
      peer.socket.resume()
      await peer.expect(sent)
      await until(() => order.length >= sent.length && socket.writableLength === 0)
      await turn()
      log('called', inOrder(order, sent.length), 'drains', drains, ws.bufferedAmount, socket.writableNeedDrain)
      const before = socket.bytesWritten
      ws.send('and goes on')
      await peer.expect([...sent, 'and goes on'])
      log(socket.bytesWritten - before)
    }
  },

  async "'drain' comes to who wrote to the socket"() {
    const link = await warm()
    const { ws, socket, peer } = link
    choke(link)
    ws.send('small')
    await turn()
    let drains = 0
    socket.on('drain', () => {
      drains++
      log('drain', ws.bufferedAmount)
    })
    log(socket.write(Buffer.from([0x89, 0])), socket.writableNeedDrain)
    const mark = Math.min(65_535, socket.writableHighWaterMark)
    log(
      socket.write(Buffer.concat([Buffer.from([0x82, 126, mark >> 8, mark & 255]), Buffer.alloc(mark)])),
      socket.writableNeedDrain
    )
    ws.send('last')
    peer.socket.resume()
    await until(() => drains === 1 && socket.writableLength === 0)
    await peer.expect(['small', '', '\0'.repeat(mark), 'last'])
    for (let i = 0; i < 10; i++) {
      ws.send(text(i, 10_000))
      await turn()
    }
    log(drains)
  },

  async 'a peer that resets while a write waits'() {
    for (const start of ['choked', 'filled']) {
      const link = await warm()
      logEvents(link.ws, link.socket)
      if (start === 'choked') choke(link)
      const order = []
      const sent = fill(link, order)
      for (let i = 0; i < 3; i++) link.ws.send('more', (error) => order.push(describe(error)))
      await turn()
      log('called', inOrder(order, sent.length - 1))
      link.peer.socket.resetAndDestroy()
      await once(link.ws, 'close')
      await until(() => order.length >= sent.length + 3)
      await turn()
      // How much fits into the system is another number each time
      log(order[sent.length - 1] === sent.length - 1, order.slice(sent.length), order.length - sent.length)
    }
  },

  async 'a peer that has reset'() {
    const { ws, socket, peer } = await warm()
    logEvents(ws, socket)
    peer.socket.resetAndDestroy()
    ws.send('one', (error) => log('one', describe(error)))
    log(ws.bufferedAmount)
    ws.send('two', (error) => log('two', describe(error)))
    await once(ws, 'close')
    await turn()
    log(socket.destroyed, ws.readyState)
  },

  async 'a handle that was closed'() {
    const { ws, socket } = await warm()
    logEvents(ws, socket)
    const handle = socket._handle
    handle.close()
    ws.send('one', (error) => log('one', describe(error)))
    await once(socket, 'error')
    await turn()
  },

  async 'ends while a write waits'() {
    for (const way of ['terminate', 'destroy', 'destroy with an error', 'end', 'destroySoon', 'close']) {
      for (const start of ['choked', 'filled']) {
        log(way, start)
        const link = await warm()
        const { ws, socket, peer } = link
        logEvents(ws, socket)
        if (start === 'choked') choke(link)
        const order = []
        const sent = fill(link, order)
        await turn()
        if (way === 'terminate' || way === 'close') ws[way]()
        else if (way === 'destroy with an error') socket.destroy(new Error('of the program'))
        else socket[way]()
        if (!way.startsWith('end') && way !== 'destroySoon')
          ws.send('refused', (error) => log('refused', error !== undefined && error !== null))
        peer.socket.resume()
        if (way === 'end' || way === 'destroySoon') {
          await peer.expect(sent)
          await until(() => peer.ended)
          peer.socket.end()
        } else if (way === 'close') {
          await until(() => peer.frames.length > sent.length)
          log(peer.texts.slice(0, -1).join() === sent.join(), peer.frames.at(-1)[0])
          peer.socket.end(Buffer.from([0x88, 0x80, 1, 2, 3, 4]))
        }
        if (ws.readyState !== 3) await once(ws, 'close')
        await until(() => order.length >= sent.length)
        await turn()
        log(
          order.slice(sent.length - 1).map((one) => (one === sent.length - 1 ? 'done' : one)),
          order.length - sent.length
        )
      }
    }
  },

  async 'a program that corks and writes'() {
    const link = await warm()
    const { ws, socket, peer } = link
    const ping = (word) => Buffer.concat([Buffer.from([0x89, word.length]), Buffer.from(word)])
    const order = []
    const called = (name) => () => order.push(name)
    const expected = []
    for (const isChoked of [false, true]) {
      if (isChoked) choke(link)
      socket.cork()
      for (const word of ['a', 'b']) {
        ws.send(word, called(word))
        socket.write(ping(`${word}!`), called(`${word}!`))
      }
      log('corked', ws.bufferedAmount, socket.writableLength)
      await turn()
      log(order)
      socket.uncork()
      ws.send('c', called('c'))
      socket.write(ping('c!'), called('c!'))
      ws.send('d', called('d'))
      log(ws.bufferedAmount)
      ws._socket.write(ping('d!'), called('d!'))
      await turn()
      log(order)
      socket.cork()
      socket.cork()
      ws.send('e', called('e'))
      await turn()
      socket.uncork()
      ws.send('f', called('f'))
      await turn()
      socket.uncork()
      peer.socket.resume()
      expected.push('a', 'a!', 'b', 'b!', 'c', 'c!', 'd', 'd!', 'e', 'f')
      await until(() => order.length >= expected.length)
      await peer.expect(expected)
      await turn()
      log(order)
    }
  },

  async 'a program that replaces methods of the socket'() {
    for (const name of ['write', '_write']) {
      const { ws, socket, peer } = await warm()
      const original = socket[name]
      const seen = []
      socket[name] = function (chunk, ...rest) {
        seen.push(Buffer.from(chunk).toString('latin1'))
        return original.call(this, chunk, ...rest)
      }
      if (name === '_write') socket._writev = null
      for (const word of ['one', 'two', 'three']) {
        await new Promise((resolve) => ws.send(word, resolve))
        await turn()
      }
      log(name, seen.join(''))
      await peer.expect(['one', 'two', 'three'])
    }
  },

  async "a program that replaces a handle's writeBuffer"() {
    const link = await warm()
    const { ws, socket, peer } = link
    const handle = socket._handle
    const { writeBuffer } = handle
    const seen = []
    const own = (request, octets) => {
      seen.push(octets.length)
      return writeBuffer.call(handle, request, octets)
    }
    handle.writeBuffer = own
    ws.send('one')
    await turn()
    choke(link)
    ws.send('two')
    ws.send('two')
    await turn()
    ws.send('three')
    await turn()
    log(seen, handle.writeBuffer === own)
    peer.socket.resume()
    await peer.expect(['one', 'two', 'two', 'three'])
    log(seen, handle.writeBuffer === own, Object.keys(handle).filter((key) => key === 'writeBuffer').length)
  },

  async 'the idle timer begins anew with each write'() {
    const link = await warm()
    const { ws, socket, peer } = link
    ws.send('before there is one')
    await turn()
    socket.setTimeout(600_000)
    const symbol = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'timeout')
    let refreshed = 0
    socket[symbol].refresh = () => refreshed++
    for (let i = 0; i < 5; i++) {
      ws.send('at once')
      await turn()
      log(refreshed)
    }
    choke(link)
    refreshed = 0
    ws.send('held')
    await turn()
    log(refreshed > 0)
    refreshed = 0
    peer.socket.resume()
    await until(() => socket.writableLength === 0)
    log(refreshed > 0)
    socket.setTimeout(0)
    ws.send('after it')
    await turn()
  },

  async 'a socket is idle while nothing is written'() {
    const link = await warm()
    const { ws, socket } = link
    choke(link)
    ws.send('held')
    socket.setTimeout(20)
    await once(socket, 'timeout')
    log('timeout', socket.writableLength)
    socket.setTimeout(0)
  },

  async 'callbacks run in the context of their sends'() {
    const context = new AsyncLocalStorage()
    const link = await warm()
    const { ws, peer } = link
    const seen = []
    const send = (i) => context.run(i, () => ws.send(text(i, 200), () => seen.push([i, context.getStore()])))
    for (let i = 0; i < 4; i++) send(i)
    await turn()
    log(seen)
    choke(link)
    for (let i = 4; i < 8; i++) {
      send(i)
      if (i === 4) await context.run('elsewhere', () => turn())
    }
    log(seen.length)
    context.run('the reader', () => peer.socket.resume())
    await until(() => seen.length === 8)
    log(seen)
  },

  async 'hooks of async_hooks see what is held, once'() {
    const link = await warm()
    const { ws, peer } = link
    const events = []
    const ids = new Map()
    const note = (what) => (id) => ids.has(id) && events.push(`${what} ${ids.get(id)}`)
    const hook = createHook({
      init(id, type) {
        if (!type.startsWith('WRITEWRAP')) return
        ids.set(id, ids.size)
        events.push(`init ${ids.get(id)}`)
      },
      before: note('before'),
      after: note('after'),
      destroy: note('destroy')
    }).enable()
    try {
      ws.send('at once', () => events.push('called'))
      await turn()
      log(events)
      choke(link)
      ws.send('held', () => events.push('called'))
      await turn()
      peer.socket.resume()
      await peer.expect(['at once', 'held'])
      await turn()
      await turn()
      log(events)
    } finally {
      hook.disable()
    }
  },

  async 'a hook that sends in the middle of a write'() {
    const link = await warm()
    const other = await warm()
    const { ws, peer } = link
    const order = []
    let budget = 3
    const hook = createHook({
      init(_id, type) {
        if (!type.startsWith('WRITEWRAP') || budget-- <= 0) return
        ws.send('by the hook', () => order.push('hook'))
        other.ws.send('to another', () => order.push('other'))
        void ws.bufferedAmount
        void other.ws.bufferedAmount
      }
    }).enable()
    try {
      choke(link)
      for (let i = 0; i < 3; i++) {
        ws.send(text(i, 500), () => order.push(i))
        void ws.bufferedAmount
        await turn()
      }
      peer.socket.resume()
      await other.peer.expect(['to another'])
      await peer.expect([text(0, 500), 'by the hook', text(1, 500), text(2, 500)])
      await until(() => order.length === 5)
      log(order)
    } finally {
      hook.disable()
    }
  },

  async 'callbacks that throw'() {
    const link = await warm()
    const { ws, peer } = link
    const caught = []
    const onError = (error) => caught.push(error.message)
    process.on('uncaughtException', onError)
    const order = []
    const send = (i) =>
      ws.send(text(i, 50), () => {
        order.push(i)
        if (i % 2 === 0) throw new Error(`of ${i}`)
      })
    for (let i = 0; i < 3; i++) send(i)
    await turn()
    for (let i = 3; i < 6; i++) {
      send(i)
      void ws.bufferedAmount
    }
    await turn()
    await turn()
    choke(link)
    send(6)
    void ws.bufferedAmount
    for (let i = 7; i < 10; i++) send(i)
    await turn()
    peer.socket.resume()
    await peer.expect(Array.from({ length: 10 }, (_, i) => text(i, 50)))
    await until(() => order.length === 10 && caught.length === 5)
    await turn()
    process.off('uncaughtException', onError)
    log(order, caught.sort())
  },

  async 'sends within callbacks'() {
    const link = await warm()
    const { ws, peer } = link
    const expected = []
    let called = 0
    const next = () => {
      called++
      const i = expected.length
      if (i === 300) return
      if (i === 100) choke(link)
      if (i === 100) setImmediate(() => peer.socket.resume())
      expected.push(text(i, 1 + ((i * 37) % 2000)))
      ws.send(expected[i], next)
      if (i % 3 === 0) void ws.bufferedAmount
    }
    next()
    await until(() => called === 301)
    await peer.expect(expected)
  },

  async 'a Unix domain socket'() {
    const folder = mkdtempSync(join(tmpdir(), 'hybi-'))
    finallyDo(() => rmSync(folder, { recursive: true }))
    const link = await warm({ path: join(folder, 'socket') })
    const { ws, socket, peer } = link
    const order = []
    for (const start of ['choked', 'filled']) {
      peer.forget()
      link.start = socket.bytesWritten
      if (start === 'choked') choke(link)
      order.length = 0
      const sent = fill(link, order)
      for (let i = 0; i < 20; i++) {
        const n = sent.length
        sent.push(text(n, i * 50))
        ws.send(sent[n], () => order.push(n))
      }
      await turn()
      peer.socket.resume()
      await peer.expect(sent)
      await until(() => order.length >= sent.length)
      await turn()
      log(inOrder(order, sent.length), ws.bufferedAmount)
    }
    logEvents(ws, socket)
    peer.socket.destroy()
    await once(ws, 'close')
  },

  async 'many slow peers at the same time'() {
    const links = await Promise.all(Array.from({ length: 12 }, () => warm()))
    const state = links.map(() => ({ sent: [], order: [] }))
    let seed = 1
    const random = (limit) => (seed = (seed * 48_271) % 2_147_483_647) % limit
    for (let round = 0; round < 600; round++) {
      for (const [at, link] of links.entries()) {
        const { ws, socket, peer } = link
        const { sent, order } = state[at]
        if (random(100) === 0 && ws.bufferedAmount === 0) choke(link)
        else if (random(60) === 0 || socket.writableLength > 200_000) peer.socket.resume()
        const n = sent.length
        sent.push(text(n * 12 + at, 1 + random(random(10) === 0 ? 15_000 : 4000)))
        ws.send(sent[n], () => order.push(n))
        if (random(4) === 0) void ws.bufferedAmount
      }
      if (round % 3 === 0) await turn()
      if (round % 60 === 0) collect()
    }
    for (const { peer } of links) peer.socket.resume()
    for (const [at, { peer, ws }] of links.entries()) {
      const { sent, order } = state[at]
      await peer.expect(sent)
      await until(() => order.length >= sent.length)
      log(inOrder(order, sent.length), ws.bufferedAmount)
    }
  },

  async 'garbage is collected while writes are held'() {
    const links = await Promise.all(Array.from({ length: 6 }, () => warm()))
    const sent = links.map((link, i) => {
      choke(link)
      const sentTo = fill(link, [], 3000 + i)
      link.ws.send('behind it')
      return [...sentTo, 'behind it']
    })
    for (let i = 0; i < 4; i++) {
      collect()
      await turn()
      // takes the place of what was freed
      for (let j = 0; j < 50; j++) Buffer.alloc(9000, 0xee)
    }
    for (const { peer } of links.slice(3)) peer.socket.resetAndDestroy()
    for (const { peer } of links.slice(0, 3)) peer.socket.resume()
    collect()
    for (let i = 0; i < 3; i++) await links[i].peer.expect(sent[i])
    collect()
    await turn()
    collect()
  },

  async 'an attached client, which masks'() {
    const link = await attach({ isServer: false })
    const { ws, peer } = link
    const sent = ['first', 'second']
    for (const word of sent) {
      ws.send(word)
      await turn()
    }
    await peer.expect(sent)
    choke(link)
    const order = []
    sent.push(...fill(link, order))
    ws.send('last')
    peer.socket.resume()
    await peer.expect([...sent, 'last'])
    log(inOrder(order, sent.length - 2))
  },

  async 'a worker that is ended while writes are held'() {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: [implementation, 'in a worker'] })
    const [port] = await once(worker, 'message')
    const peers = Array.from({ length: 4 }, () => new Peer(net.connect(port, '127.0.0.1')))
    for (const { socket } of peers) {
      socket.write(REQUEST)
      // its head is still read, what follows is not
      socket.once('data', () => socket.pause())
    }
    const [counts] = await once(worker, 'message')
    written = counts
    await worker.terminate()
    for (const peer of peers) {
      peer.socket.resume()
      await until(() => peer.isClosed)
    }
    log('closed', peers.length)
  },

  async 'a socket that another process accepted'() {
    const child = fork(fileURLToPath(import.meta.url), [implementation, 'passed'])
    await once(child, 'message')
    const listener = net.createServer({ pauseOnConnect: true }, (socket) => child.send('socket', socket))
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const peer = new Peer(net.connect(listener.address().port, '127.0.0.1'))
    peer.socket.write(REQUEST)
    const [counts] = await once(child, 'message')
    written = counts
    await until(() => Buffer.concat(peer.chunks).includes('three'))
    const octets = Buffer.concat(peer.chunks)
    peer.chunks = [octets.subarray(octets.indexOf('\r\n\r\n') + 4)]
    await peer.expect(['one', 'two', 'three'])
    child.disconnect()
    await once(child, 'exit')
    listener.close()
  },

  async 'a process that exits in the turn of a send'() {
    const child = fork(fileURLToPath(import.meta.url), [implementation, 'exit'])
    const [port] = await once(child, 'message')
    const peer = new Peer(net.connect(port, '127.0.0.1'))
    peer.socket.write(REQUEST)
    const [counts] = await once(child, 'message')
    written = counts
    await until(() => peer.isClosed)
    const octets = Buffer.concat(peer.chunks)
    peer.chunks = [octets.subarray(octets.indexOf('\r\n\r\n') + 4)]
    await peer.expect(['first', 'second', 'last words', 'and more'])
  },

  // What a process begins with

  async 'the first write is held'() {
    const link = await attach({ isServer: true })
    choke(link)
    const order = []
    const sent = fill(link, order)
    const last = sent.length
    link.ws.send('second', () => order.push(last))
    await turn()
    // The system may have found room for more meanwhile
    log(link.socket.writableLength > 0 && order.includes(last))
    link.peer.socket.resume()
    await link.peer.expect([...sent, 'second'])
    await until(() => order.length > last)
    log(inOrder(order, last + 1))
    for (const word of ['third', 'fourth']) {
      link.ws.send(word)
      await turn()
    }
    await link.peer.expect([...sent, 'second', 'third', 'fourth'])
  },

  async 'the first write is to a stream that is no socket'() {
    const chunks = []
    const stream = new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        chunks.push(chunk)
        done()
      }
    })
    const ws = new WebSocket(null, undefined, { autoPong: true, closeTimeout: 1000 })
    ws._isServer = true
    ws.setSocket(stream, Buffer.alloc(0), { maxPayload: 1000 })
    await new Promise((resolve) => ws.send('here', resolve))
    log(Buffer.concat(chunks).toString('latin1'))
    const link = await open()
    for (const word of ['one', 'two', 'three']) {
      link.ws.send(word)
      await turn()
    }
    await link.peer.expect(['one', 'two', 'three'])
    stream.destroy()
  },

  async 'the first write is to a TLS socket'() {
    const pems = readFileSync(new URL('../../support/tls.ts', import.meta.url), 'utf8')
    const [key, cert] = pems.match(/-----BEGIN [^`]+-----END [A-Z ]+-----/g)
    const listener = tls.createServer({ key, cert })
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const client = tls.connect({ port: listener.address().port, host: '127.0.0.1', ca: cert, servername: 'localhost' })
    const [socket] = await once(listener, 'secureConnection')
    const peer = new Peer(client)
    const ws = new WebSocket(null, undefined, { autoPong: true, closeTimeout: 1000 })
    ws._isServer = true
    ws.setSocket(socket, Buffer.alloc(0), { maxPayload: 1000 })
    finallyDo(() => {
      ws.terminate()
      client.destroy()
      listener.close()
    })
    client.pause()
    const sent = []
    const order = []
    for (let i = 0; i < 400 || socket.writableLength === 0; i++) {
      if (i === FILL_LIMIT) throw new Error('nothing is held')
      sent.push(text(i, 12_000))
      ws.send(sent[i], () => order.push(i))
      void ws.bufferedAmount
    }
    client.resume()
    await peer.expect(sent)
    await until(() => order.length >= sent.length)
    log(inOrder(order, sent.length))
    const link = await open()
    for (const word of ['one', 'two', 'three']) {
      link.ws.send(word)
      await turn()
    }
    await link.peer.expect(['one', 'two', 'three'])
  },

  async 'the first write is in pieces'() {
    const link = await attach({ isServer: true })
    link.ws.send(Buffer.alloc(50_000, 'x'))
    await turn()
    for (const word of ['one', 'two', 'three']) {
      link.ws.send(word)
      await turn()
    }
    await link.peer.expect(['x'.repeat(50_000), 'one', 'two', 'three'])
  },

  async 'the first write is to a socket that is corked'() {
    const link = await attach({ isServer: true })
    link.socket.cork()
    link.ws.send('one')
    await turn()
    link.socket.uncork()
    for (const word of ['two', 'three', 'four']) {
      link.ws.send(word)
      await turn()
    }
    await link.peer.expect(['one', 'two', 'three', 'four'])
  }
}

/** What the children of cases do. */
const roles = {
  async exit() {
    const server = new WebSocket.WebSocketServer({ port: 0, host: '127.0.0.1' })
    await once(server, 'listening')
    process.send(server.address().port)
    const [ws] = await once(server, 'connection')
    watch(ws._socket)
    for (const word of ['first', 'second']) await new Promise((resolve) => ws.send(word, resolve))
    await new Promise((resolve) => process.send(written, resolve))
    ws.send('last words')
    ws.send('and more')
    process.exit()
  },

  async passed() {
    const server = http.createServer()
    const websockets = new WebSocket.WebSocketServer({ server })
    process.on('message', (_message, socket) => {
      server.emit('connection', socket)
      socket.resume()
    })
    process.send('ready')
    const [ws] = await once(websockets, 'connection')
    watch(ws._socket)
    for (const word of ['one', 'two', 'three']) await new Promise((resolve) => ws.send(word, resolve))
    process.send(written)
    await once(process, 'disconnect')
    process.exit()
  },

  async 'in a worker'() {
    const server = new WebSocket.WebSocketServer({ port: 0, host: '127.0.0.1' })
    const open = []
    server.on('connection', (ws) => open.push(ws))
    await once(server, 'listening')
    parentPort.postMessage(server.address().port)
    await until(() => open.length === 4)
    for (const ws of open) {
      watch(ws._socket)
      for (let i = 0; ws._socket.writableLength === 0; i++) {
        if (i === FILL_LIMIT) throw new Error('nothing is held')
        ws.send(text(i, 3500), () => {})
        void ws.bufferedAmount
      }
    }
    parentPort.postMessage(written)
  }
}

const role = process.send !== undefined && names[0] in roles ? roles[names[0]] : isMainThread ? undefined : roles[names[0]]
if (role !== undefined) {
  await role()
} else {
  for (const name of names) {
    lines = []
    deadline = Date.now() + HANG_MS
    written = { ...NOTHING_YET }
    try {
      await cases[name]()
    } catch (error) {
      log('failed', error.stack)
    }
    writeSync(1, `${JSON.stringify([name, { lines, written }])}\n`)
    for (const dispose of disposals.splice(0).reverse()) dispose()
    await turn()
  }
  process.exit()
}
