// Load on a server: raw sockets that write prebuilt frames and count what comes back.

import { Connection, openAll, pump } from './connections.mjs'
import { BroadcastLoad, EchoLoad, FixedLengthCounter, Ring } from './counted-loads.mjs'
import { flood } from './floods.mjs'
import { clientFrames, closeFrame, opcodeOf, payload, serverFrame } from './frames.mjs'

/** How much a flood gives the kernel in one write, in octets, where its frames are smaller. */
const FLOOD_CHUNK = 64 * 1024

const turn = () => new Promise((resolve) => setImmediate(resolve))
const closed = (socket) => new Promise((resolve) => (socket.closed ? resolve() : socket.once('close', resolve)))

/** Connections that write as much as is taken, and expect no reply. */
class FloodLoad {
  #chunk
  #state = { running: false, writing: 0 }

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
    this.#state.running = true
    for (const socket of this.sockets) pump(socket, this.#chunk, this.#state)
  }

  async stop() {
    this.#state.running = false
    while (this.#state.writing > 0) await turn()
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
