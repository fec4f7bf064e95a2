// Fuzz of the transport: `node test/fuzz/transport.mjs --runs 100000 --seed 1`; without `--runs` it ends after a minute.
// Each run holds a few conversations in one process, over streams in memory or over TCP. Some are between two WebSockets, whose handlers
// send, ping, pause and throw from inside of one another; there all that was sent has to arrive, once, in order and unchanged. Others
// have a peer that mutates frames, cuts them anywhere and ends at any octet; there events have to keep their order, and nothing may be
// thrown but what the handlers throw themselves.

import { EventEmitter } from 'node:events'
import net from 'node:net'
import { Duplex } from 'node:stream'
import { pathToFileURL } from 'node:url'
import { deflateRawSync } from 'node:zlib'
import { BINARY, buildFrame, CLOSE, CONTINUATION, PING, PONG, TEXT } from '../support/frames.mjs'

/** What fills memory that others may be given by mistake: it must never be seen in a message or on the wire. */
export const SECRET = Buffer.from('\x01secret\x02that\x03nobody\x04sends\x05')
const NOTHING = Buffer.alloc(0)

/** Integers from 0 to below n, from a seed (xorshift). */
function randomFrom(seed) {
  let state = seed | 0 || 1
  return (n) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % n
  }
}

/** Leaves `SECRET` in the memory from which unsafe Buffers are made. */
export function fillPoolsWithSecret() {
  const buffers = []
  for (const size of [64, 512, 4096, 8192, 65536, 1 << 20]) {
    for (let i = 0; i < (size > 65536 ? 1 : 8); i++) buffers.push(Buffer.allocUnsafe(size).fill(SECRET))
  }
  return buffers.length
}

/** What a handler throws on purpose. */
class Intended extends Error {}

/** Two streams in memory, each of which reads what is written to the other: at once, or in a later turn. */
function streamPair(random) {
  const late = random(2) === 0
  const sides = []
  const make = (other) =>
    new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        const deliver = () => {
          if (!sides[other].destroyed && !sides[other].readableEnded) sides[other].push(Buffer.from(chunk))
          // a stream may keep what it was given: nobody may write to it afterwards
          done()
        }
        if (late) setImmediate(deliver)
        else deliver()
      },
      final(done) {
        if (!sides[other].destroyed) sides[other].push(null)
        done()
      },
      destroy(error, done) {
        setImmediate(() => sides[other].destroy())
        done(error)
      }
    })
  sides.push(make(1), make(0))
  return sides
}

let listener = null

/** Two ends of a TCP connection. */
async function socketPair() {
  listener ??= await new Promise((resolve) => {
    const server = net.createServer()
    server.unref()
    server.listen(0, '127.0.0.1', () => resolve(server))
  })
  const near = net.connect(listener.address().port, '127.0.0.1')
  const [far] = await Promise.all([
    new Promise((resolve) => listener.once('connection', resolve)),
    new Promise((resolve) => near.once('connect', resolve))
  ])
  return [far, near]
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Waits until `condition` holds, or nothing has come of it in a second. */
async function until(condition) {
  const end = Date.now() + 1000
  for (let i = 0; !condition(); i++) {
    if (i > 20 && Date.now() > end) return false
    await (i < 200 ? turn() : new Promise((resolve) => setTimeout(resolve, 2)))
  }
  return true
}

function deflateOf(implementation, random, isServer) {
  const { PerMessageDeflate } = implementation
  const codec = ['wasm', 'zlib', 'pako'][random(3)]
  const deflate = new PerMessageDeflate({ codec, isServer, threshold: random(2) * 64 })
  deflate.params = random(2) ? { server_no_context_takeover: true, client_no_context_takeover: true } : {}
  return deflate
}

/** A WebSocket on `socket` that notes its events; violations of their order go to `faults`. */
function open(WebSocket, socket, isServer, options, deflate, faults) {
  const ws = new WebSocket(null, undefined, { autoPong: true, closeTimeout: 100, receiveBuffer: options.receiveBuffer })
  ws._isServer = isServer
  if (deflate !== null) ws._extensions = { 'permessage-deflate': deflate }
  const state = { ws, errors: 0, closes: 0, kept: [] }
  const keep = (data) => {
    if (state.closes > 0) faults.push('an event after close')
    if (!Buffer.isBuffer(data)) return
    if (data.includes(SECRET)) faults.push('a message with octets of others')
    state.kept.push({ data, copy: Buffer.from(data) })
  }
  ws.on('message', keep)
  ws.on('ping', keep)
  ws.on('pong', keep)
  ws.on('error', () => {
    if (state.closes > 0) faults.push('error after close')
    if (++state.errors > 1) faults.push('error twice')
  })
  ws.on('close', () => {
    if (++state.closes > 1) faults.push('close twice')
  })
  ws.setSocket(socket, NOTHING, options)
  return state
}

function checkKept({ kept }, faults) {
  for (const { data, copy } of kept) if (!data.equals(copy)) faults.push('a message changed after it was delivered')
}

/** A payload that says who sent it and what it must be. */
function payloadOf(random, number) {
  const size = [0, 3, 40, 120, 126, 1000, 4090, 4100, 9000, 66000][random(10)]
  const octets = Buffer.alloc(4 + size)
  octets.writeUInt32LE(number, 0)
  for (let i = 4; i < octets.length; i++) octets[i] = 32 + ((number * 31 + i) % 90)
  return octets
}

/** WebSockets that talk to each other: all that is sent arrives, in order. */
async function converse(implementation, random, faults, isIntended) {
  const { WebSocket } = implementation
  const links = []
  let number = 1
  let budget = 40 + random(60)
  const act = () => {
    if (budget <= 0) return
    for (let n = random(3); n > 0 && budget > 0; n--) {
      budget--
      const link = links[random(links.length)]
      const side = link.sides[random(2)]
      const { ws } = side.state
      switch (random(9)) {
        case 0:
          ws.ping(Buffer.from(String(number)))
          break
        case 1:
          void ws.bufferedAmount
          break
        case 2:
          void ws._socket
          break
        case 3:
          if (random(4) === 0) {
            ws.pause()
            setImmediate(() => ws.resume())
          }
          break
        default: {
          const payload = payloadOf(random, number++)
          side.sent.push(payload)
          side.callbacksDue++
          const data = random(3) === 0 ? Uint8Array.from(payload) : payload
          ws.send(data, (error) => {
            if (error) faults.push(`a callback with ${error.message}`)
            side.callbacksDue--
            if (random(2) === 0) act()
          })
        }
      }
    }
    if (random(12) === 0) throw new Intended()
  }
  const count = 1 + random(4)
  for (let i = 0; i < count; i++) {
    const ends = random(3) === 0 ? await socketPair() : streamPair(random)
    const link = { sides: [] }
    const compressed = random(3) === 0
    const seed = random(1 << 30)
    for (const [index, socket] of ends.entries()) {
      // both ends agree on the parameters
      const deflate = compressed ? deflateOf(implementation, randomFrom(seed), index === 0) : null
      const options = {
        allowSynchronousEvents: random(4) !== 0,
        maxPayload: 1 << 20,
        receiveBuffer: random(3) === 0 ? 'off' : 'auto'
      }
      const side = { state: open(WebSocket, socket, index === 0, options, deflate, faults), sent: [], received: 0, callbacksDue: 0 }
      link.sides.push(side)
      const { ws } = side.state
      for (const event of ['ping', 'pong']) ws.on(event, () => random(2) === 0 && act())
      ws.on('error', (error) => faults.push(`error: ${error.message}`))
      ws.on('close', () => side.finished || faults.push('closed by nobody'))
    }
    for (const [index, side] of link.sides.entries()) {
      const from = link.sides[1 - index]
      side.state.ws.on('message', (data) => {
        const expected = from.sent[side.received++]
        if (expected === undefined || !expected.equals(data)) faults.push(`message ${side.received} is not what was sent`)
        act()
      })
    }
    links.push(link)
  }
  for (let i = 0; i < 6; i++) {
    try {
      act()
    } catch (error) {
      if (!isIntended(error)) throw error
    }
    if (random(2)) await turn()
  }
  const sides = links.flatMap((link) => link.sides.map((side, index) => ({ side, from: link.sides[1 - index] })))
  const isDone = () => sides.every(({ side, from }) => side.received === from.sent.length && side.callbacksDue === 0)
  // handlers may send again, so look twice
  let done = await until(isDone)
  await turn()
  done = done && (await until(isDone))
  if (!done) faults.push('something that was sent, or its callback, never came')
  budget = 0
  for (const { side } of sides) {
    side.finished = true
    if (random(2)) side.state.ws.close()
    else side.state.ws.terminate()
  }
  if (!(await until(() => sides.every(({ side }) => side.state.closes === 1)))) faults.push('close never came')
  await turn()
  for (const { side } of sides) checkKept(side.state, faults)
}

function frameOctets(random, { first, payload, masked }) {
  const key = masked ? Buffer.from([random(256), random(256), random(256), random(256)]) : null
  return buildFrame({ first, payload, key })
}

/** Frames that may break any rule. */
function hostileOctets(random, masked, compressed) {
  const frames = []
  let fragmented = false
  for (let n = 1 + random(30); n > 0; n--) {
    let payload = Buffer.alloc([0, 1, 2, 20, 125, 126, 300, 5000, 70000][random(9)], 0x61)
    if (random(6) === 0 && payload.length > 0) payload[random(payload.length)] = random(256)
    let opcode = [TEXT, TEXT, BINARY, BINARY, PING, PONG][random(6)]
    let fin = opcode > BINARY || random(4) !== 0
    let bits = 0
    if (opcode <= BINARY) {
      if (fragmented) opcode = CONTINUATION
      else if (compressed && random(2) === 0) bits = 0x40
      if (bits !== 0) {
        payload = deflateRawSync(random(5) === 0 ? Buffer.alloc(random(400_000)) : payload, { finishFlush: 2 }).subarray(0, -4)
        if (random(4) === 0 && payload.length > 0) payload[random(payload.length)] ^= 1 << random(8)
      }
      fragmented = !fin
    } else {
      payload = payload.subarray(0, 125)
    }
    if (random(40) === 0) opcode = random(16)
    if (random(60) === 0) fin = !fin
    if (random(60) === 0) bits ^= 0x10 << random(3)
    if (random(25) === 0) {
      opcode = CLOSE
      payload = [NOTHING, Buffer.from([3, 232]), Buffer.from([3, 232, 0x62]), Buffer.from([random(256)]), Buffer.alloc(130)][
        random(5)
      ]
    }
    const octets = frameOctets(random, {
      first: (fin ? 0x80 : 0) | bits | opcode,
      payload,
      masked: random(80) === 0 ? !masked : masked
    })
    if (random(40) === 0) octets[random(Math.min(14, octets.length))] = random(256)
    frames.push(octets)
  }
  return Buffer.concat(frames)
}

/** A peer that obeys no rule: events keep their order, and the connection ends. */
async function assault(implementation, random, faults) {
  const [socket, peer] = random(2) === 0 ? await socketPair() : streamPair(random)
  const isServer = random(2) === 0
  const compressed = random(2) === 0
  const options = {
    allowSynchronousEvents: random(4) !== 0,
    maxPayload: [0, 1, 125, 4096, 100_000, 1 << 20][random(6)],
    maxFragments: random(5),
    maxBufferedChunks: random(4) === 0 ? 5 : 0,
    skipUTF8Validation: random(5) === 0,
    receiveBuffer: random(3) === 0 ? 'off' : 'auto'
  }
  const state = open(
    implementation.WebSocket,
    socket,
    isServer,
    options,
    compressed ? deflateOf(implementation, random, isServer) : null,
    faults
  )
  const { ws } = state
  ws.binaryType = ['nodebuffer', 'arraybuffer', 'fragments', 'blob'][random(4)]
  const wildness = random(3)
  const act = () => {
    if (wildness === 0 || random(3) !== 0) return
    switch (random(wildness === 1 ? 7 : 12)) {
      case 0:
        ws.send('x'.repeat(random(5000)))
        break
      case 1:
        ws.ping()
        break
      case 2:
        ws.pause()
        setImmediate(() => ws.resume())
        break
      case 3:
        ws.send(Buffer.alloc(random(70_000)), () => act())
        break
      case 4:
        void ws.bufferedAmount
        break
      case 5:
        ws.send('fragment', { fin: random(2) === 0 })
        break
      case 6:
        throw new Intended()
      case 7:
        ws.close(1000, 'enough')
        break
      case 8:
        ws.terminate()
        break
      case 9:
        ws.removeAllListeners(['message', 'ping', 'pong'][random(3)])
        break
      case 10:
        ws._socket?.destroy()
        break
      default:
        if (state.closes > 0) break
        ws._receiver?.write(frameOctets(random, { first: 0x81, payload: Buffer.from('nested'), masked: isServer }))
    }
  }
  for (const event of ['message', 'ping', 'pong', 'error', 'close']) ws.on(event, act)

  const heard = []
  peer.on('error', () => {})
  if (random(4) === 0) peer.pause()
  else peer.on('data', (chunk) => heard.push(chunk))
  const octets = hostileOctets(random, isServer, compressed)
  for (let at = 0; at < octets.length && !peer.destroyed && peer.writable;) {
    const size = [1, 2, 7, 100, 4000, 70_000][random(6)]
    peer.write(octets.subarray(at, at + size))
    at += size
    if (random(3) === 0) await turn()
    if (random(60) === 0) break
  }
  switch (random(4)) {
    case 0:
      peer.destroy()
      break
    case 1:
      peer.resetAndDestroy?.()
      peer.destroy()
      break
    case 2:
      peer.end()
      break
    default:
      peer.write(frameOctets(random, { first: 0x88, payload: NOTHING, masked: isServer }))
  }
  await turn()
  ws.resume()
  peer.resume()
  if (!(await until(() => state.closes === 1))) {
    // a peer that only ended its side, while we have more to say than it reads
    ws.terminate()
    if (!(await until(() => state.closes === 1))) faults.push('close never came')
  }
  peer.destroy()
  await turn()
  if (Buffer.concat(heard).includes(SECRET)) faults.push('octets of others on the wire')
  checkKept(state, faults)
}

/**
 * Runs until `runs` are done or `milliseconds` are over; throws at the first fault, naming seed and run.
 * `implementation` is what the package exports. Uncaught exceptions are watched for meanwhile.
 */
export async function fuzzTransport(implementation, { runs = Infinity, milliseconds = Infinity, seed = 1, progress = () => {} }) {
  const others = process.listeners('uncaughtException')
  const faults = []
  const isIntended = (error) => error instanceof Intended
  const onUncaught = (error) => {
    if (!isIntended(error)) faults.push(`uncaught ${error?.stack ?? error}`)
  }
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', onUncaught)
  EventEmitter.setMaxListeners?.(0)
  const end = Date.now() + milliseconds
  let run = 0
  try {
    while (run < runs && Date.now() < end) {
      // each run by its own seed, so that one can be repeated alone
      const random = randomFrom(Math.imul(seed + run, 0x9e3779b1))
      for (let i = 0; i < 8; i++) random(2)
      if (run % 16 === 0) fillPoolsWithSecret()
      if (random(2) === 0) await converse(implementation, random, faults, isIntended)
      else await assault(implementation, random, faults)
      if (faults.length > 0) throw new Error(`seed ${seed + run}: ${[...new Set(faults)].slice(0, 5).join('; ')}`)
      progress(++run)
    }
  } finally {
    process.removeListener('uncaughtException', onUncaught)
    for (const other of others) process.on('uncaughtException', other)
    listener?.close()
    listener = null
  }
  return run
}

async function main() {
  const argument = (name, otherwise) => {
    const index = process.argv.indexOf(name)
    return index < 0 ? otherwise : Number(process.argv[index + 1])
  }
  const runs = argument('--runs', Infinity)
  const seed = argument('--seed', Date.now() & 0x3fffffff || 1)
  const { default: implementation } = await import('../../dist/index.mjs')
  const started = Date.now()
  const done = await fuzzTransport(implementation, {
    runs,
    milliseconds: runs === Infinity ? 60_000 : Infinity,
    seed,
    progress: (count) => {
      if (count % 100 === 0)
        process.stdout.write(`\rfrom seed ${seed}: ${count} runs in ${Math.round((Date.now() - started) / 1000)} s `)
    }
  })
  process.stdout.write(`\nno fault in ${done} runs\n`)
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await main()
