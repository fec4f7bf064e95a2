// What the suite is written with: cases, links between WebSockets, and peers that are bare sockets.

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import { createRequire } from 'node:module'
import net from 'node:net'
import tls from 'node:tls'
import imported from 'hybi'
import { buildFrame } from '../support/frames.mjs'
import { RawPeer, requestOctets } from '../support/raw-peer.ts'
import { cert, key } from '../support/tls.ts'

/** The package by either module system: servers are those of the one, clients those of the other. */
export { imported }
export const require = createRequire(import.meta.url)
export const required = require('hybi')

/** What this run is about: `--tls`, HYBI_RECEIVE_BUFFER and HYBI_KERNELS. */
export const isTls = process.argv.includes('--tls')
export const way = process.env.HYBI_RECEIVE_BUFFER
export const kernels = process.env.HYBI_KERNELS

const only = process.argv.find((argument) => argument.startsWith('--only='))?.slice('--only='.length)
const cases = []
const disposals = []
/** Where errors go that nobody catches, while a case wants to see them. */
let uncaught = null

/** A case; with `--only=words` in the arguments only those that have the words in their name are run. */
export function test(name, run) {
  if (only === undefined || name.includes(only)) cases.push({ name, run })
}

/** Calls `dispose` when the current case is over. */
export function finallyDo(dispose) {
  disposals.push(dispose)
}

/** Errors that surface from here on, to the end of the case, instead of failing it. */
export function catchUncaught() {
  uncaught = []
  return uncaught
}

/** A case that takes this long hangs. */
const HANG_MS = 30_000

/** Runs all cases one after the other, prints a line for each and then the count; sets the exit code. */
export async function runCases() {
  let failed = 0
  let fail = () => {}
  const surface = (error) => (uncaught === null ? fail(error) : uncaught.push(error))
  process.on('uncaughtException', surface)
  process.on('unhandledRejection', surface)
  for (const [index, { name, run }] of cases.entries()) {
    let timer
    const trouble = new Promise((_resolve, reject) => {
      fail = reject
      timer = setTimeout(() => reject(new Error('it hangs')), HANG_MS)
    })
    let error = null
    try {
      await Promise.race([run(), trouble])
    } catch (reason) {
      error = reason ?? new Error('failed for no reason')
    }
    clearTimeout(timer)
    fail = () => {}
    for (const dispose of disposals.splice(0).reverse()) await dispose()
    uncaught = null
    if (error !== null) failed++
    console.log(`${error === null ? 'ok' : 'not ok'} ${index + 1} - ${name}`)
    if (error !== null) console.log(String(error.stack ?? error).replace(/^/gm, '  # '))
  }
  console.log(`1..${cases.length}`)
  console.log(`${cases.length - failed} passed, ${failed} failed`)
  process.exit(failed === 0 ? 0 : 1)
}

export const digest = (octets) => createHash('sha1').update(octets).digest('latin1')

/** Octets that say where they are, so that a piece in a wrong place shows. */
export function octetsOf(length, seed = 0) {
  const words = new Uint32Array(Math.ceil(length / 4))
  let state = (length * 31 + seed * 2_654_435_761 + 1) >>> 0 || 1
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    words[i] = state
  }
  return Buffer.from(words.buffer, 0, length)
}

/** Messages as they were delivered, with what they were then. */
const kept = []
let keptLength = 0
const KEPT_LIMIT = 96 * 1024 * 1024

export function keep(data) {
  if (keptLength > KEPT_LIMIT) return
  keptLength += data.length
  kept.push({ data, was: digest(data) })
}

/** Compares them all. */
export function checkKept() {
  assert.ok(kept.length > 1000, `only ${kept.length} messages were kept`)
  let changed = 0
  for (const { data, was } of kept) if (digest(data) !== was) changed++
  assert.equal(changed, 0, `${changed} of ${kept.length} messages changed after they were delivered`)
}

/** Messages and the end of a WebSocket, in order. */
export class Inbox {
  messages = []
  pings = []
  pongs = []
  error = null
  closed = null
  #wake = () => {}

  constructor(ws) {
    ws.on('message', (data, isBinary) => {
      keep(data)
      this.messages.push({ data, isBinary })
      this.#wake()
    })
    ws.on('ping', (data) => this.#add(this.pings, data))
    ws.on('pong', (data) => this.#add(this.pongs, data))
    ws.on('error', (error) => (this.error = error))
    ws.on('close', (code, reason) => {
      this.closed = { code, reason: String(reason) }
      this.#wake()
    })
  }

  #add(list, data) {
    keep(data)
    list.push(data)
    this.#wake()
  }

  /** Waits until `condition` holds; an end before that is an error. */
  async until(condition) {
    while (!condition()) {
      if (this.closed !== null)
        throw new Error(`closed with ${this.closed.code} after ${this.messages.length} messages; ${this.error}`)
      await new Promise((resolve) => (this.#wake = resolve))
    }
  }

  async take(count) {
    await this.until(() => this.messages.length >= count)
    return this.messages.splice(0, count)
  }

  async end() {
    while (this.closed === null) await new Promise((resolve) => (this.#wake = resolve))
    return this.closed
  }

  /** Takes as many messages as are expected and compares them. */
  async expect(expected) {
    const messages = await this.take(expected.length)
    for (const [i, { data, isBinary }] of messages.entries()) {
      const wanted = expected[i]
      assert.equal(isBinary, typeof wanted !== 'string', `type of message ${i}`)
      const octets = Buffer.from(wanted)
      assert.ok(octets.equals(data), `message ${i} of ${octets.length} octets came as ${data.length} others`)
    }
  }
}

export function echo(ws) {
  ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }))
  ws.on('error', () => {})
}

/** An HTTP server, by TLS where this run is about that. */
export async function listenHttp(onRequest, secure = isTls) {
  const server = secure ? https.createServer({ key, cert }, onRequest) : http.createServer(onRequest)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  finallyDo(() => {
    server.closeAllConnections()
    server.close()
  })
  return server
}

/** A WebSocketServer with an HTTP server of its own, or of ours for TLS. */
export async function listen(options = {}, onConnection = echo, implementation = imported) {
  const own = isTls ? { server: await listenHttp() } : { port: 0, host: '127.0.0.1' }
  const server = new implementation.WebSocketServer({ ...own, ...options })
  server.on('connection', onConnection)
  if (!isTls) await once(server, 'listening')
  finallyDo(() => {
    for (const ws of server.clients) ws.terminate()
    server.close()
  })
  return server
}

export function urlOf(server, secure = isTls) {
  return `${secure ? 'wss' : 'ws'}://127.0.0.1:${server.address().port}/`
}

export async function connect(server, options = {}, implementation = required) {
  const ws = new implementation.WebSocket(typeof server === 'string' ? server : urlOf(server), { ca: cert, ...options })
  finallyDo(() => ws.terminate())
  const inbox = new Inbox(ws)
  await once(ws, 'open')
  return { ws, inbox }
}

/** Both ends of a connection, with what they received. */
export async function link(serverOptions = {}, clientOptions = {}) {
  let accept
  const accepted = new Promise((resolve) => (accept = resolve))
  const server = await listen(serverOptions, (ws) => accept({ ws, inbox: new Inbox(ws) }))
  const [near, far] = await Promise.all([connect(server, clientOptions), accepted])
  return { server, client: near.ws, clientInbox: near.inbox, peer: far.ws, peerInbox: far.inbox }
}

/** What Node holds on a socket as the memory to read into; null where it reads into memory of its own. */
export function sharedBuffer(socket) {
  // A server's connection that has no socket until it is touched has one then
  void socket.readable
  const symbol = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'kBuffer')
  return symbol === undefined ? undefined : socket[symbol]
}

/** Whether `socket` is read as `expected` says: into a shared buffer, or by 'data' events; our listener of these is there in any case. */
export function assertWay(socket, expected = way) {
  const isShared = expected === 'shared'
  assert.equal(sharedBuffer(socket) instanceof Uint8Array, isShared, `a shared buffer${isShared ? ' is missing' : ''}`)
  assert.equal(socket.listenerCount('data'), 1, "listeners of 'data'")
}

/** A frame whose first octet is `first`; masked unless told otherwise. */
export const frame = (first, payload, masked = true) => buildFrame({ first, payload, key: masked ? randomBytes(4) : null })

/** A client that is a bare socket and has its answer; `behind` is sent in one write with the request. */
export async function openRaw(server, ...behind) {
  // Under TLS the other's transport
  const base = net.connect(server.address().port, '127.0.0.1')
  base.on('error', () => {})
  await once(base, 'connect')
  base.setNoDelay()
  finallyDo(() => base.destroy())
  let socket = base
  if (isTls) {
    socket = tls.connect({ socket: base, ca: cert, servername: 'localhost' })
    await once(socket, 'secureConnect')
  }
  const peer = new RawPeer(socket, 'client')
  peer.echoClose = false
  peer.write(requestOctets(), ...behind)
  await peer.untilHead()
  assert.ok(peer.framed, String(peer.head))
  return { peer, base }
}

/** A WebSocket on an upgraded socket. */
export function adopt(socket, isServer, options = {}) {
  const ws = new imported.WebSocket(null, undefined, { autoPong: true, ...options })
  ws._isServer = isServer
  finallyDo(() => ws.terminate())
  const inbox = new Inbox(ws)
  ws.setSocket(socket, Buffer.alloc(0), {})
  return { ws, inbox }
}
