// How late a timer of 1 ms is beside a large message that is sent, or received. The process forks itself: the other one is the peer.

import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import * as ws from 'ws'
import * as hybi from '../../dist/index.mjs'

const LENGTH = 64 * 1024 * 1024
const LIBRARIES = { hybi, ws }
const optionsFor = (compressed) => ({ perMessageDeflate: compressed && { threshold: 0 }, maxPayload: 2 * LENGTH })

/** The peer: takes one message, and gives it back when told. */
async function peer(port, compressed) {
  const socket = new hybi.WebSocket(`ws://127.0.0.1:${port}`, optionsFor(compressed))
  socket.once('message', (message) => {
    process.send(message.length)
    process.once('message', () => socket.send(message, () => {}))
  })
}

/**
 * Until `done` resolves: the longest that a timer of 1 ms was late, the most CPU that the process took between two of its calls (which
 * leaves out what other processes take, and counts all threads), and how long it was, in ms.
 */
async function lateness(done) {
  const started = performance.now()
  let last = started
  let lastCpu = cpu()
  let longest = 0
  let busiest = 0
  let running = true
  const tick = () => {
    const now = performance.now()
    const nowCpu = cpu()
    longest = Math.max(longest, now - last - 1)
    busiest = Math.max(busiest, nowCpu - lastCpu)
    last = now
    lastCpu = nowCpu
    if (running) setTimeout(tick, 1)
  }
  setTimeout(tick, 1)
  await done
  running = false
  return { longest, busiest, total: performance.now() - started }
}

function cpu() {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

const once = (emitter, event) => new Promise((resolve) => emitter.once(event, resolve))

/** @param message of LENGTH octets */
async function measureOne(message, library, compressed) {
  const server = new LIBRARIES[library].WebSocketServer({ port: 0, host: '127.0.0.1', ...optionsFor(compressed) })
  await once(server, 'listening')
  const child = fork(fileURLToPath(import.meta.url), ['peer', String(server.address().port), compressed ? 'compressed' : 'plain'])
  const socket = await once(server, 'connection')
  const arrived = once(child, 'message')
  socket.send(message)
  const sent = await lateness(arrived)
  const returned = once(socket, 'message')
  child.send('back')
  const received = await lateness(returned)
  child.kill()
  server.close()
  socket.terminate()
  return { sent, received }
}

/**
 * Rows of a table, by text, library and direction.
 * @param texts names, and functions that make so many octets
 * @param report is told what is being measured
 */
export async function timer(texts, rounds, report) {
  const rows = [['64 MiB of', 'late by at most, ms', 'CPU between, ms', 'in all, ms']]
  const add = (name, all) => {
    const list = (key) => all.map((one) => one[key].toFixed(1)).join(' ')
    rows.push([name, list('longest'), list('busiest'), Math.min(...all.map(({ total }) => total)).toFixed(0)])
  }
  // nothing beside: what the machine itself adds
  const idle = []
  for (let round = 0; round < rounds; round++) idle.push(await lateness(new Promise((resolve) => setTimeout(resolve, 1000))))
  add('nothing', idle)
  for (const [name, make] of Object.entries(texts)) {
    const message = make(LENGTH)
    const isFirst = name === Object.keys(texts)[0]
    // ws takes 14 s for one of DNA
    for (const library of isFirst ? Object.keys(LIBRARIES) : ['hybi']) {
      for (const compressed of isFirst ? [false, true] : [true]) {
        const title = `${name}, ${compressed ? '' : 'not compressed, '}${library}`
        const all = []
        for (let round = 1; round <= rounds; round++) {
          report(`${title}, round ${round}`)
          all.push(await measureOne(message, library, compressed))
        }
        for (const direction of ['sent', 'received']) {
          add(
            `${title}, ${direction}`,
            all.map((one) => one[direction])
          )
        }
      }
    }
  }
  return rows
}

if (process.argv[2] === 'peer') await peer(process.argv[3], process.argv[4] === 'compressed')
