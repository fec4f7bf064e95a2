// Sessions through a proxy that delays, splits, merges and stalls (proxy.mjs), and tears some of them:
// `node test/chaos/run.mjs --sessions 1000 --seed 1 --codec zlib`; without `--sessions` it ends after `--seconds`, by default 60.
// `--client ws`, `--server ws`, `--tls`, `--apart` (the proxy in a thread of its own), `--torn` (of a hundred sessions, by default 20).
//
// In a session that nobody tears, all that was sent before `close()`, by the side that closes and by the other one before it heard of it,
// arrives: once, in order, unchanged (RFC 6455 §1.4, §5.5.1, §7.1.1), whatever is under way at that time, and callbacks say so.
// `closeTimeout` is out of the way. In sessions that are torn, what arrives is the beginning of what was sent. Every session ends.

import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import http from 'node:http'
import https from 'node:https'
import { pathToFileURL } from 'node:url'
import { openInWorker, openProxy, randomFrom } from './proxy.mjs'

/** Two connections each: to the proxy and on to the server. */
const SESSIONS_AT_ONCE = 24
const CLOSE_TIMEOUT_MS = 600_000
/** Until a session counts as one that never ends; nothing else depends on time. */
const PATIENCE_MS = 120_000
const LARGEST = 300 * 1024

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** What payloads are cut from: every third octet at random, so that it compresses somewhat. */
function poolOf(random) {
  const octets = Buffer.alloc(LARGEST + 65536)
  for (let i = 0; i < octets.length; i++) octets[i] = i % 3 === 0 ? random(256) : 97 + ((i >> 4) % 26)
  let text = ''
  while (text.length < octets.length) text += ['chaos ', 'é', '€', '漢字', '{"id":', '\n'][random(6)] + random(1000)
  return { octets, text }
}
const POOL = poolOf(randomFrom(20))

function sizeFrom(random) {
  const chance = random(1000)
  if (chance < 30) return 0
  if (chance < 480) return random(126)
  if (chance < 730) return 126 + random(900)
  if (chance < 890) return 1000 + random(4000)
  if (chance < 980) return 5000 + random(28_000)
  return chance < 994 ? 33_000 + random(40_000) : random(LARGEST)
}

/** The message of this number, as octets or a string: the number, then whatever the seed gives. */
function payloadOf(number, { isBinary, size, at }) {
  const header = `#${number} `.slice(0, size)
  if (!isBinary) return header + POOL.text.slice(at, at + size - header.length)
  return Buffer.concat([Buffer.from(header), POOL.octets.subarray(at, at + size - header.length)])
}

const messagePlan = (random, size = sizeFrom(random)) => ({
  isBinary: random(2) === 0,
  size,
  at: random(65536),
  form: ['plain', 'plain', 'plain', 'view', 'fragments', 'slow fragments', 'blob'][random(10)] ?? 'plain',
  pieces: 2 + random(4),
  compress: random(8) !== 0,
  withCallback: random(3) === 0,
  // what is sent in its callback, and by who receives it
  next: random(8) === 0 ? messagePlan(random, random(400)) : null,
  reply: random(6) === 0 ? messagePlan(random, random(8) === 0 ? random(40_000) : random(400)) : null
})

/** What a side does, until it ends or the peer closes. */
function scriptOf(random) {
  const steps = []
  for (let n = 4 + random(24); n > 0; n--) {
    const chance = random(20)
    if (chance < 8) steps.push({ do: 'send', messages: [messagePlan(random)] })
    else if (chance < 12) steps.push({ do: 'send', messages: Array.from({ length: 2 + random(14) }, () => messagePlan(random)) })
    else if (chance < 14) steps.push({ do: 'ping', withCallback: random(2) === 0 })
    else if (chance < 17) steps.push({ do: 'turn' })
    else if (chance < 19) steps.push({ do: 'wait', milliseconds: random(8) })
    else steps.push({ do: 'pause', milliseconds: random(12) })
  }
  // close() right behind sends
  if (random(4) !== 0) steps.push({ do: 'send', messages: Array.from({ length: 1 + random(6) }, () => messagePlan(random)) })
  return steps
}

function sessionPlan(random, tornInHundred) {
  const style = () => ['quick', 'uneven', 'uneven', 'slow'][random(4)]
  const torn = random(100) < tornInHundred ? ['end', 'reset', 'terminate'][random(3)] : null
  return {
    variant: random(4),
    torn,
    proxy: {
      directions: [
        { seed: random(1 << 30), style: style() },
        { seed: random(1 << 30), style: style() }
      ],
      // the opening handshake is about 500 octets
      tearBehind: torn === 'end' || torn === 'reset' ? 1500 + random(random(3) === 0 ? 3000 : 300_000) : undefined,
      tearBy: torn
    },
    sides: Array.from({ length: 2 }, () => ({
      script: scriptOf(random),
      binaryType: ['nodebuffer', 'nodebuffer', 'arraybuffer', 'fragments'][random(4)],
      code: [undefined, 1000, 4321][random(3)],
      terminates: random(2) === 0
    })),
    closes: ['client', 'server', 'each', 'together'][random(4)],
    closesWithinListener: random(4) === 0
  }
}

/** One end of a session: what it sent, and what its peer got of it. */
class Side {
  constructor(session, name, plan) {
    this.session = session
    this.name = name
    this.plan = plan
    this.ws = null
    this.peer = null
    /** What was wholly sent while open, in order. */
    this.messages = []
    this.pings = []
    /** How many of the peer's came. */
    this.received = 0
    this.pinged = 0
    this.number = 0
    this.callbacksDue = 0
    this.calledBack = 0
    this.sendsWithCallback = 0
    this.closes = 0
    this.isSendingFragments = false
    this.onNextMessage = null
    this.closed = new Promise((resolve) => {
      this.resolveClosed = resolve
    })
  }

  fault(text) {
    this.session.faults.push(`${this.name}: ${text}`)
  }

  get isOpen() {
    return this.ws.readyState === 1
  }

  start(ws) {
    this.ws = ws
    ws.binaryType = this.plan.binaryType
    ws.on('message', (data, isBinary) => this.receive(data, isBinary))
    ws.on('ping', (data) => {
      this.live('ping')
      const expected = this.peer.pings[this.pinged++]
      if (expected === undefined || expected.text !== String(data)) this.fault(`ping ${data} where ${expected?.text} was due`)
      else expected.came = true
    })
    let ponged = -1
    ws.on('pong', (data) => {
      this.live('pong')
      if (Number(data) <= ponged || Number(data) >= this.pings.length) this.fault(`pong ${data} after ${ponged}`)
      ponged = Number(data)
    })
    ws.on('error', (error) => {
      this.live('error')
      if (!this.session.plan.torn) this.fault(`error ${error.code} ${error.message}`)
    })
    ws.on('close', (code) => {
      this.live('close')
      this.closes++
      this.code = code
      this.resolveClosed()
    })
  }

  live(event) {
    if (this.closes > 0) this.fault(`${event} after close`)
  }

  receive(data, isBinary) {
    this.live('message')
    const octets = Array.isArray(data) ? Buffer.concat(data) : Buffer.isBuffer(data) ? data : Buffer.from(data)
    const expected = this.peer.messages[this.received++]
    const wanted = expected && Buffer.from(payloadOf(expected.number, expected.plan))
    if (!expected || expected.plan.isBinary !== isBinary || !wanted.equals(octets)) {
      const start = octets.toString('latin1', 0, 12)
      this.fault(`message ${this.received - 1}, ${octets.length} octets from ${JSON.stringify(start)}, is not #${expected?.number}`)
      return
    }
    expected.came = true
    if (expected.said === 'error') this.fault(`#${expected.number} came in spite of an error`)
    this.session.counts.received++
    if (expected.plan.reply !== null) this.send(expected.plan.reply)
    const { onNextMessage } = this
    this.onNextMessage = null
    onNextMessage?.()
  }

  /** A callback for what `record` is, or undefined. */
  callbackFor(record, next) {
    this.callbacksDue++
    const order = record.isOpen ? this.sendsWithCallback++ : -1
    let called = false
    return (error) => {
      if (called) this.fault(`a second callback of #${record.number}`)
      called = true
      this.callbacksDue--
      this.session.counts[error ? 'failures' : 'successes']++
      if (record.isOpen) {
        if (order !== this.calledBack++) this.fault(`callback ${order} came as number ${this.calledBack - 1}`)
        if (error && !this.session.plan.torn) this.fault(`#${record.number}: ${error.message}`)
        if (error && record.came && !this.session.plan.torn) this.fault(`#${record.number} came in spite of an error`)
      } else if (!error) {
        this.fault(`success of #${record.number}, which was sent too late`)
      }
      record.said ??= error ? 'error' : 'ok'
      if (next && this.isOpen) this.send(next)
    }
  }

  /** Sends what `plan` says; how long that takes is only of interest to the script. */
  send(plan) {
    // a data frame between those of a message would be part of it
    if (this.isSendingFragments) return
    const record = { number: this.number++, plan, isOpen: this.isOpen, came: false, said: undefined }
    const payload = payloadOf(record.number, plan)
    const options = { binary: plan.isBinary, compress: plan.compress }
    if (plan.form.endsWith('fragments')) return this.sendFragments(record, Buffer.from(payload), options)
    this.note(record)
    let data = payload
    if (plan.isBinary && plan.form === 'view') data = Uint8Array.from(payload)
    else if (plan.isBinary && plan.form === 'blob') data = new Blob([payload])
    this.ws.send(data, options, plan.withCallback ? this.callbackFor(record, plan.next) : undefined)
  }

  note(record) {
    if (!record.isOpen) return
    this.messages.push(record)
    this.session.counts.sent++
  }

  sendFragments(record, octets, options) {
    const { plan } = record
    const size = Math.ceil(octets.length / plan.pieces)
    const fragment = (index) => {
      record.isOpen = this.isOpen
      const fin = index === plan.pieces - 1
      if (fin) this.note(record)
      const piece = octets.subarray(index * size, (index + 1) * size)
      this.ws.send(piece, { ...options, fin }, plan.withCallback ? this.callbackFor({ ...record }) : undefined)
    }
    if (plan.form === 'fragments') {
      for (let i = 0; i < plan.pieces; i++) fragment(i)
      return
    }
    this.isSendingFragments = true
    return (async () => {
      for (let i = 0; i < plan.pieces; i++) {
        // what nobody hears of the end of, the peer never gets
        if (!this.isOpen) break
        fragment(i)
        if (i % 2 === 0) this.ping(plan.withCallback)
        if (i < plan.pieces - 1) await turn()
      }
      this.isSendingFragments = false
    })()
  }

  ping(withCallback) {
    if (!this.isOpen) return
    const record = { number: 'a ping', text: String(this.pings.length), isOpen: true, came: false, said: undefined }
    this.pings.push(record)
    this.ws.ping(record.text, undefined, withCallback ? this.callbackFor(record) : undefined)
  }

  async play() {
    for (const step of this.plan.script) {
      if (!this.isOpen) return
      switch (step.do) {
        case 'send':
          for (const message of step.messages) await this.send(message)
          break
        case 'ping':
          this.ping(step.withCallback)
          break
        case 'turn':
          await turn()
          break
        case 'wait':
          await sleep(step.milliseconds)
          break
        default:
          this.ws.pause()
          await sleep(step.milliseconds)
          this.ws.resume()
      }
    }
  }

  /** Calls `end` at once, or within the next 'message'. */
  atEnd(end) {
    if (!this.session.plan.closesWithinListener) return end()
    this.onNextMessage = end
    // none may come
    setTimeout(() => {
      if (this.onNextMessage !== end) return
      this.onNextMessage = null
      end()
    }, 30)
  }

  close() {
    // unless in the middle of a message
    if (this.isSendingFragments) setImmediate(() => this.close())
    else this.ws.close(this.plan.code, this.plan.code === undefined ? undefined : 'enough')
  }

  /** What the peer never got of what this side sent. */
  check(received, pinged) {
    const lost = this.messages.slice(received)
    const said = lost.filter((record) => record.said === 'ok').length
    if (lost.length > 0)
      this.fault(
        `${lost.length} of ${this.messages.length} messages are lost, from #${lost[0].number} on; of ${said} success was told`
      )
    if (pinged < this.pings.length) this.fault(`${this.pings.length - pinged} pings are lost`)
    return lost.length
  }
}

class Session {
  constructor(plan, counts) {
    this.plan = plan
    this.counts = counts
    this.faults = []
    this.client = new Side(this, 'client', plan.sides[0])
    this.server = new Side(this, 'server', plan.sides[1])
    this.client.peer = this.server
    this.server.peer = this.client
  }

  async run() {
    const { plan, client, server } = this
    const sides = [client, server]
    const closers = plan.closes === 'client' ? [client] : plan.closes === 'server' ? [server] : sides
    const playing = sides.map(async (side) => {
      await side.play()
      if (plan.torn === 'terminate' && side.plan.terminates === (side === client)) side.ws.terminate()
      else if (plan.closes === 'together') return
      else if (closers.includes(side)) side.atEnd(() => side.close())
    })
    if (plan.closes === 'together') void Promise.all(playing).then(() => sides.forEach((side) => side.close()))
    let timer
    const impatience = new Promise((resolve) => {
      timer = setTimeout(resolve, PATIENCE_MS, 'never')
    })
    const ended = await Promise.race([impatience, Promise.all([client.closed, server.closed, ...playing])])
    for (let i = 0; i < 1000 && sides.some((side) => side.callbacksDue > 0); i++) await (i < 100 ? turn() : sleep(5))
    clearTimeout(timer)
    if (ended === 'never') {
      this.faults.push(`it never ended: ${sides.map((side) => `${side.name} ${side.ws.readyState}`).join(', ')}`)
      for (const side of sides) side.ws.terminate()
    }
    for (const side of sides) if (side.callbacksDue > 0) side.fault(`${side.callbacksDue} callbacks never came`)
    if (plan.torn !== null) return
    for (const side of sides) {
      this.counts.lost += side.check(side.peer.received, side.peer.pinged)
      if (side.code === 1006) side.fault('closed with 1006')
    }
  }
}

/** What differs between servers, and which sessions choose from. */
const VARIANTS = [
  { threshold: 0 },
  { threshold: 0, serverNoContextTakeover: true, clientNoContextTakeover: true, zlibDeflateOptions: { level: 1 } },
  { threshold: 1024, clientNoContextTakeover: true, concurrencyLimit: 2 },
  { threshold: 100, serverNoContextTakeover: true, zlibDeflateOptions: { level: 1, memLevel: 7 } }
]

/**
 * Runs until `sessions` are done or `milliseconds` are over; throws at the first fault, naming its seed, unless `onFault` is given.
 * @param ends `client` and `server`: modules that export WebSocket and WebSocketServer
 * @returns counts of sessions, messages and callbacks
 */
export async function chaos(ends, options) {
  const { sessions = Infinity, milliseconds = Infinity, seed = 1, codec = 'zlib', torn = 20, tls, apart = false } = options
  const { progress = () => {}, onFault } = options
  const counts = { sessions: 0, torn: 0, sent: 0, received: 0, lost: 0, successes: 0, failures: 0 }
  const waiting = new Map()
  const web = tls ? https.createServer(tls) : http.createServer()
  const optionsOf = (variant) => ({
    closeTimeout: CLOSE_TIMEOUT_MS,
    allowSynchronousEvents: variant !== 3,
    perMessageDeflate: codec === 'none' ? false : { ...VARIANTS[variant], codec }
  })
  const servers = VARIANTS.map(
    (_, variant) => new ends.server.WebSocketServer({ noServer: true, clientTracking: false, ...optionsOf(variant) })
  )
  web.on('upgrade', (request, socket, head) => {
    const [, name, variant] = request.url.split('/')
    servers[variant].handleUpgrade(request, socket, head, (ws) => waiting.get(name)(ws))
  })
  web.listen(0, '127.0.0.1')
  await once(web, 'listening')
  const { port } = web.address()
  const worker = apart ? openInWorker() : null
  const open = worker === null ? openProxy : worker.open

  const runOne = async (number) => {
    const session = new Session(sessionPlan(randomFrom(Math.imul(seed + number, 0x9e3779b1)), torn), counts)
    const { plan, client, server } = session
    const nearPort = await open(plan.proxy, port)
    const name = String(number)
    const accepted = new Promise((resolve) => {
      waiting.set(name, (ws) => {
        server.start(ws)
        resolve()
      })
    })
    const ws = new ends.client.WebSocket(`${tls ? 'wss' : 'ws'}://127.0.0.1:${nearPort}/${name}/${plan.variant}`, {
      rejectUnauthorized: false,
      ...optionsOf(plan.variant)
    })
    client.start(ws)
    const opened = await Promise.race([once(ws, 'open').then(() => true), client.closed.then(() => false)])
    await Promise.race([accepted, sleep(PATIENCE_MS)])
    waiting.delete(name)
    if (opened) await session.run()
    else if (!plan.torn) session.faults.push('it never opened')
    else server.ws?.terminate()
    counts.sessions++
    if (plan.torn) counts.torn++
    if (session.faults.length === 0) return
    const text = `seed ${seed + number} (closed by ${plan.closes}, torn by ${plan.torn}): ${[...new Set(session.faults)].slice(0, 6).join('; ')}`
    if (onFault === undefined) throw new Error(text)
    onFault(text)
  }

  const end = Date.now() + milliseconds
  let number = 0
  const lane = async () => {
    while (number < sessions && Date.now() < end) {
      await runOne(number++)
      progress(counts)
    }
  }
  try {
    await Promise.all(Array.from({ length: Math.min(SESSIONS_AT_ONCE, sessions) }, lane))
  } finally {
    number = Infinity
    await worker?.close()
    web.close()
    web.closeAllConnections()
  }
  return counts
}

async function certificate() {
  const [key, cert] = await Promise.all(
    ['key', 'cert'].map((name) => readFile(new URL(`../../examples/certificates/${name}.pem`, import.meta.url)))
  )
  return { key, cert }
}

async function main() {
  const argument = (name, otherwise) => {
    const index = process.argv.indexOf(`--${name}`)
    return index < 0 ? otherwise : process.argv[index + 1]
  }
  const implementations = { hybi: await import('../../dist/index.mjs'), ws: await import('ws') }
  const sessions = Number(argument('sessions', Infinity))
  const seconds = Number(argument('seconds', sessions === Infinity ? 60 : Infinity))
  const seed = Number(argument('seed', Date.now() & 0x3fffffff || 1))
  const started = Date.now()
  let faults = 0
  let shown = 0
  const line = ({ sessions: done, torn, sent, received, lost, successes, failures }) =>
    `from seed ${seed}: ${done} sessions (${torn} torn), ${sent} messages sent, ${received} received, ${lost} lost; ` +
    `callbacks: ${successes} of success, ${failures} of failure; ${Math.round((Date.now() - started) / 1000)} s `
  const counts = await chaos(
    { client: implementations[argument('client', 'hybi')], server: implementations[argument('server', 'hybi')] },
    {
      sessions,
      milliseconds: seconds * 1000,
      seed,
      codec: argument('codec', 'zlib'),
      torn: Number(argument('torn', 20)),
      tls: process.argv.includes('--tls') ? await certificate() : undefined,
      apart: process.argv.includes('--apart'),
      progress: (done) => {
        if (Date.now() - shown < 500) return
        shown = Date.now()
        process.stdout.write(`\r${line(done)}`)
      },
      onFault: (text) => {
        faults++
        process.stdout.write(`\n${text}\n`)
      }
    }
  )
  process.stdout.write(`\r${line(counts)}\n${faults === 0 ? 'no fault' : `${faults} sessions with faults`}\n`)
  process.exitCode = faults === 0 ? 0 : 1
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await main()
