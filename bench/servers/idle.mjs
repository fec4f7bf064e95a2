// A server whose connections do nothing but live, or the clients of such a server, which do nothing but answer pings.
//   node idle.mjs server PACKAGE | node idle.mjs clients

import { once } from 'node:events'
import { createRequire } from 'node:module'
import { connect as connectNet } from 'node:net'
import { serve } from '../lib/child.mjs'
import { request } from '../lib/handshake.mjs'
import { HOST } from '../lib/limits.mjs'

const [role, module] = process.argv.slice(2)

/** Connections of a local address: those of its ports that may be used. */
const PER_ADDRESS = 25_000
/** How many connections are opened at once. */
const OPENING = 64

const PING_LENGTH = 2
const PONG_HEADER = [0x8a, 0x80, 0, 0, 0, 0]

let pings = 0

/** All sockets read into this. */
const buffer = Buffer.allocUnsafe(64 * 1024)

function openOne(port, localAddress) {
  return new Promise((resolve, reject) => {
    let isOpen = false
    const callback = (length, octets) => {
      if (!isOpen) {
        isOpen = true
        resolve(socket)
        return true
      }
      // Nothing else comes, and what is written at once comes at once
      for (let at = 0; at < length;) {
        const size = octets[at + 1]
        const payload = octets.subarray(at + PING_LENGTH, at + PING_LENGTH + size)
        const pong = Buffer.from([...PONG_HEADER, ...payload])
        pong[1] |= size
        socket.write(pong)
        at += PING_LENGTH + size
        pings++
      }
      return true
    }
    const socket = connectNet({ host: HOST, port, localAddress, noDelay: true, onread: { buffer, callback } })
    socket.once('connect', () => socket.write(request('/')))
    socket.on('error', reject)
  })
}

/** What a program on ws does for a heartbeat. */
function byHand(wss, interval) {
  wss.on('connection', (ws) => {
    ws.isAlive = true
    ws.on('pong', () => (ws.isAlive = true))
  })
  setInterval(() => {
    for (const ws of wss.clients) {
      if (!ws.isAlive) ws.terminate()
      ws.isAlive = false
      ws.ping()
    }
  }, interval)
}

let wss

const server = {
  async listen({ options, handmade }) {
    const { WebSocketServer } = createRequire(import.meta.url)(module)
    wss = new WebSocketServer({ host: HOST, port: 0, backlog: 4096, ...options })
    wss.on('connection', (ws) => ws.on('error', () => {}))
    if (handmade !== undefined) byHand(wss, handmade)
    await once(wss, 'listening')
    return wss.address().port
  },

  /** Time and CPU time in µs, and connections. */
  usage() {
    const { user, system } = process.cpuUsage()
    return { time: performance.now() * 1000, cpu: user + system, connections: wss.clients.size }
  },

  /** Resident set after garbage collection, in octets. */
  async memory() {
    for (let i = 0; i < 3; i++) {
      globalThis.gc()
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
    return process.memoryUsage.rss()
  }
}

const clients = {
  /** Opens connections number `from` to `to`, each `PER_ADDRESS` of them from another loopback address. */
  async open({ port, from, to }) {
    let next = from
    const openNext = async () => {
      while (next < to) await openOne(port, `127.0.0.${1 + Math.floor(next++ / PER_ADDRESS)}`)
    }
    await Promise.all(Array.from({ length: OPENING }, openNext))
  },

  /** Pings that came since it was asked last. */
  pings() {
    const count = pings
    pings = 0
    return count
  }
}

serve(role === 'server' ? server : clients)
