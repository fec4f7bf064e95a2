// Load on a server: raw sockets that write prebuilt frames and count what comes back.

import { connect as connectNet } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { flood } from './floods.mjs'
import { clientFrames, closeFrame, opcodeOf, payload, serverFrame } from './frames.mjs'
import { checkResponse, request } from './handshake.mjs'
import { HOST } from './limits.mjs'

/** How many connections are opened at once. */
const OPENING = 128
/** How much a flood gives the kernel in one write, in octets, where its frames are smaller. */
const FLOOD_CHUNK = 64 * 1024

/** All sockets read into this: what comes is counted at once, never kept. */
const readBuffer = Buffer.allocUnsafe(256 * 1024)

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Octets to send, `count` frames at a time, over and over. */
class Ring {
  constructor(frames, atOnce) {
    const list = []
    while (list.length < atOnce || list.length % frames.length !== 0) list.push(...frames)
    this.octets = list.length === 1 ? list[0] : Buffer.concat(list)
    this.ends = [0]
    for (const frame of list) this.ends.push(this.ends.at(-1) + frame.length)
    this.size = list.length
    // frames that are all the same may be taken from the front each time
    this.uniform = frames.length === 1
  }
}

/** Counts whole replies in octets that come in any pieces. */
class FixedLengthCounter {
  #length
  #partial = 0
  constructor(length) {
    this.#length = length
  }
  count(octets, start, end) {
    const total = this.#partial + end - start
    const replies = Math.floor(total / this.#length)
    this.#partial = total - replies * this.#length
    return replies
  }
}

/** The same where replies differ in length: reads the frame headers of a server. */
class FrameCounter {
  octets = 0
  replies = 0
  #left = 0
  #header = Buffer.alloc(10)
  #have = 0
  count(octets, start, end) {
    this.octets += end - start
    let replies = 0
    while (start < end) {
      if (this.#left > 0) {
        const step = Math.min(this.#left, end - start)
        this.#left -= step
        start += step
        if (this.#left === 0) replies++
        continue
      }
      this.#header[this.#have++] = octets[start++]
      if (this.#have < 2) continue
      if (this.#header[0] < 0x80) throw new Error('a reply came in fragments')
      const short = this.#header[1] & 0x7f
      if (this.#have < (short < 126 ? 2 : short === 126 ? 4 : 10)) continue
      this.#left = short < 126 ? short : short === 126 ? this.#header.readUInt16BE(2) : this.#header.readUIntBE(4, 6)
      this.#have = 0
      if (this.#left === 0) replies++
    }
    this.replies += replies
    return replies
  }
}

/** One connection. `onOctets(buffer, start, end)` gets what comes after the handshake. */
class Connection {
  constructor({ port, path, secure, compress }, { onOpen, onFail, onClose = () => {} }) {
    this.onOctets = () => {}
    let head = ''
    let open = false
    const callback = (length, buffer) => {
      if (open) {
        this.onOctets(buffer, 0, length)
        return true
      }
      const before = head.length
      head += buffer.latin1Slice(0, length)
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) return true
      try {
        checkResponse(head.slice(0, end), compress)
      } catch (error) {
        onFail(error)
        this.socket.destroy()
        return false
      }
      open = true
      onOpen(this)
      if (end + 4 < head.length) this.onOctets(buffer, end + 4 - before, length)
      return true
    }
    const options = { host: HOST, port, noDelay: true, onread: { buffer: readBuffer, callback } }
    this.socket = secure ? connectTls({ ...options, rejectUnauthorized: false }) : connectNet(options)
    this.socket.once(secure ? 'secureConnect' : 'connect', () => this.socket.write(request(path, compress)))
    this.socket.on('error', (error) => {
      this.error = error
    })
    this.socket.on('close', () => {
      if (!open) onFail(this.error ?? new Error('closed during the handshake'))
      onClose(this)
    })
  }
}

/** Opens `count` connections, some at a time. */
function openAll(target, count) {
  return new Promise((resolve, reject) => {
    const connections = []
    let asked = 0
    const next = () => {
      if (asked === count) return
      asked++
      const connection = new Connection(target, {
        onOpen: () => {
          connections.push(connection)
          if (connections.length === count) resolve(connections)
          else next()
        },
        onFail: reject
      })
    }
    for (let i = 0; i < Math.min(OPENING, count); i++) next()
  })
}

const closed = (socket) => new Promise((resolve) => (socket.closed ? resolve() : socket.once('close', resolve)))

/** Connections that keep `depth` messages under way each and write a new one for each reply. */
class EchoLoad {
  #connections
  #ring
  #depth
  #running = false
  #outstanding = 0
  #drained = () => {}
  #failed = null

  static async open({ count, depth, message, replyLength, ...target }) {
    const frames = message.octets === undefined ? await clientFrames(message) : [Buffer.from(message.octets)]
    const load = new EchoLoad()
    load.#ring = new Ring(frames, depth)
    load.#depth = depth
    load.#connections = await openAll({ ...target, compress: message.compress }, count)
    for (const connection of load.#connections) {
      connection.position = 0
      connection.counter = replyLength === undefined ? new FrameCounter() : new FixedLengthCounter(replyLength)
      connection.onOctets = (octets, start, end) => {
        const replies = connection.counter.count(octets, start, end)
        if (replies === 0) return
        if (load.#running) return load.#write(connection, replies)
        load.#outstanding -= replies
        if (load.#outstanding === 0) load.#drained()
      }
      connection.socket.on('close', () => {
        load.#failed ??= connection.error ?? new Error('the server closed a connection')
        load.#drained()
      })
    }
    return load
  }

  get sockets() {
    return this.#connections.map(({ socket }) => socket)
  }

  /** Mean length of a reply's frame, in octets, where replies differ. */
  get replyLength() {
    const counters = this.#connections.map(({ counter }) => counter)
    const sum = (key) => counters.reduce((total, counter) => total + counter[key], 0)
    return sum('octets') / sum('replies')
  }

  #write(connection, count) {
    const { octets, ends, size, uniform } = this.#ring
    let from = uniform ? 0 : connection.position
    while (count > 0) {
      const to = Math.min(from + count, size)
      connection.socket.write(octets.subarray(ends[from], ends[to]))
      count -= to - from
      from = to === size ? 0 : to
    }
    connection.position = from
  }

  /** Sends one message on each connection and waits for the replies; those of the first are compared with `expected`. */
  async once(expected) {
    const [first] = this.#connections
    const received = []
    const { onOctets } = first
    if (expected !== undefined) {
      first.onOctets = (octets, start, end) => {
        received.push(Buffer.from(octets.subarray(start, end)))
        onOctets(octets, start, end)
      }
    }
    this.#outstanding = this.#connections.length
    const drained = this.#untilDrained()
    for (const connection of this.#connections) this.#write(connection, 1)
    await drained
    first.onOctets = onOctets
    if (expected !== undefined && !Buffer.concat(received).equals(expected))
      throw new Error('the reply is not the message that was sent')
  }

  #untilDrained() {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${this.#outstanding} replies did not come`)), 20_000)
      this.#drained = () => {
        clearTimeout(timer)
        if (this.#failed === null) resolve()
        else reject(this.#failed)
      }
    })
  }

  start() {
    this.#running = true
    this.#outstanding = this.#depth * this.#connections.length
    for (const connection of this.#connections) this.#write(connection, this.#depth)
  }

  async stop() {
    if (this.#failed !== null) throw this.#failed
    const drained = this.#untilDrained()
    this.#running = false
    await drained
  }
}

/** Connections that all get what the last of them sends; `depth` messages are under way until all have them. */
class BroadcastLoad {
  #connections
  #octets
  #length
  #depth
  #published = 0
  #delivered = 0
  #running = false
  #due = false
  #failed = null
  #done = () => {}

  static async open({ count, depth, message, replyLength, ...target }) {
    const load = new BroadcastLoad()
    const frames = new Ring(await clientFrames(message), depth)
    load.#octets = frames.octets
    load.#length = frames.ends[1]
    load.#depth = depth
    load.#connections = await openAll(target, count)
    load.sockets = load.#connections.map(({ socket }) => socket)
    for (const connection of load.#connections) {
      const counter = new FixedLengthCounter(replyLength)
      connection.onOctets = (octets, start, end) => {
        load.#delivered += counter.count(octets, start, end)
        if (load.#due) return
        load.#due = true
        setImmediate(load.#publish)
      }
      connection.socket.on('close', () => {
        load.#failed ??= connection.error ?? new Error('the server closed a connection')
        load.#done()
      })
    }
    return load
  }

  #publish = () => {
    this.#due = false
    const complete = Math.floor(this.#delivered / this.#connections.length)
    if (this.#running) this.#write(complete + this.#depth - this.#published)
    else if (complete === this.#published) this.#done()
  }

  #write(count) {
    if (count === 0) return
    this.#published += count
    this.#connections.at(-1).socket.write(this.#octets.subarray(0, count * this.#length))
  }

  #untilDelivered() {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('not everybody got every message')), 20_000)
      this.#done = () => {
        clearTimeout(timer)
        if (this.#failed === null) resolve()
        else reject(this.#failed)
      }
    })
  }

  /** Sends one message to everybody; what the first gets is compared with `expected`. */
  async once(expected) {
    const [first] = this.#connections
    const received = []
    const { onOctets } = first
    first.onOctets = (octets, start, end) => {
      received.push(Buffer.from(octets.subarray(start, end)))
      onOctets(octets, start, end)
    }
    const delivered = this.#untilDelivered()
    this.#write(1)
    await delivered
    first.onOctets = onOctets
    if (expected !== undefined && !Buffer.concat(received).equals(expected)) throw new Error('the message is not what was sent')
  }

  start() {
    this.#running = true
    this.#write(this.#depth)
  }

  async stop() {
    if (this.#failed !== null) throw this.#failed
    const delivered = this.#untilDelivered()
    this.#running = false
    setImmediate(this.#publish)
    await delivered
  }
}

/** Connections that write as much as is taken, and expect no reply. */
class FloodLoad {
  #running = false
  #chunk
  #writing = 0

  static async open({ count, message, ...target }) {
    const load = new FloodLoad()
    if (message.flood === undefined) {
      const [frame] = await clientFrames(message)
      load.#chunk = new Ring([frame], Math.ceil(FLOOD_CHUNK / frame.length)).octets
    } else {
      load.#chunk = flood(message.flood)
    }
    load.sockets = (await openAll({ ...target, compress: message.compress }, count)).map(({ socket }) => socket)
    return load
  }

  start() {
    this.#running = true
    for (const socket of this.sockets) this.#flood(socket)
  }

  #flood(socket) {
    let turns = 0
    const next = (error) => {
      this.#writing--
      if (!this.#running || error) return
      // a kernel that takes everything at once must not keep this process from hearing that it shall stop
      if (++turns % 8 === 0) setImmediate(write)
      else write()
    }
    const write = () => {
      this.#writing++
      socket.write(this.#chunk, next)
    }
    write()
  }

  async stop() {
    this.#running = false
    while (this.#writing > 0) await turn()
  }
}

/** Connections that send one message now and then, and keep the times until the replies, in µs. */
class PulseLoad {
  #frame
  #latencies = []
  #timer
  #intervalMs

  static async open({ count, message, replyLength, intervalMs, ...target }) {
    const load = new PulseLoad()
    ;[load.#frame] = await clientFrames(message)
    load.#intervalMs = intervalMs
    load.connections = await openAll(target, count)
    load.sockets = load.connections.map(({ socket }) => socket)
    for (const connection of load.connections) {
      connection.sentAt = 0
      const counter = new FixedLengthCounter(replyLength)
      connection.onOctets = (octets, start, end) => {
        if (counter.count(octets, start, end) === 0 || connection.sentAt === 0) return
        load.#latencies.push((performance.now() - connection.sentAt) * 1000)
        connection.sentAt = 0
      }
    }
    return load
  }

  start() {
    this.#latencies = []
    this.#timer = setInterval(() => {
      for (const connection of this.connections) {
        if (connection.sentAt !== 0) continue
        connection.sentAt = performance.now()
        connection.socket.write(this.#frame)
      }
    }, this.#intervalMs)
  }

  async stop() {
    clearInterval(this.#timer)
    const late = performance.now() + 5000
    while (this.connections.some(({ sentAt }) => sentAt !== 0) && performance.now() < late) await turn()
    // no reply in all that time is worse than any
    for (const connection of this.connections.filter(({ sentAt }) => sentAt !== 0)) {
      this.#latencies.push((performance.now() - connection.sentAt) * 1000)
      connection.sentAt = 0
    }
    return this.#latencies
  }
}

/** Connections that are opened, closed and opened again, `count` at a time. */
class HandshakeLoad {
  sockets = []
  #target
  #count
  #running = false
  #open = 0
  #failed = null

  static async open({ count, ...target }) {
    const load = new HandshakeLoad()
    load.#target = target
    load.#count = count
    return load
  }

  start() {
    this.#running = true
    for (let i = 0; i < this.#count; i++) this.#next()
  }

  #next() {
    this.#open++
    const connection = new Connection(this.#target, {
      onOpen: () => connection.socket.write(closeFrame),
      onFail: (error) => {
        this.#failed ??= error
      },
      onClose: () => {
        this.#open--
        if (this.#running && this.#failed === null) this.#next()
      }
    })
  }

  async stop() {
    this.#running = false
    while (this.#open > 0 && this.#failed === null) await turn()
    if (this.#failed !== null) throw this.#failed
  }
}

const MODES = { echo: EchoLoad, broadcast: BroadcastLoad, flood: FloodLoad, pulse: PulseLoad, handshake: HandshakeLoad }

/** Opens a load; `mode` says which. */
export const openLoad = ({ mode, ...options }) => MODES[mode].open(options)

/** The reply to the first message of a load. */
export function expectedReply({ kind, size }) {
  return serverFrame(opcodeOf(kind), payload(kind, size))
}

/** Breaks all connections of a load off; resolves when they are gone. */
export async function closeLoad({ sockets }) {
  for (const socket of sockets) socket.destroy()
  await Promise.all(sockets.map(closed))
}
