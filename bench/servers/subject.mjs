// A process under test: a server or a client of one library, which counts its messages and tells what they cost it.
//   node subject.mjs ADAPTER [MODULE]

import { serve } from '../lib/child.mjs'
import { opcodeOf, payload, serverFrame } from '../lib/frames.mjs'
import { HOST } from '../lib/limits.mjs'

const [adapterName, module] = process.argv.slice(2)
const { default: adapt } = await import(`./${adapterName}.mjs`)
const adapter = adapt(module)
const { raw, send, onMessage, onClose } = adapter

const collectGarbage = globalThis.Bun === undefined ? globalThis.gc : () => Bun.gc(true)

/** Different messages of one kind and size, so that no library may take one for the last. */
const VARIETY = 61

let messages = 0
let connections = 0
const everyone = new Set()

/** Gives a function that sends `batch` messages to a connection. */
function batchSender({ kind, size, batch }) {
  const list = Array.from({ length: VARIETY }, (_, index) => {
    const octets = payload(kind, size, index)
    if (kind !== 'binary') octets.set(Buffer.from(String(index).padStart(4, '0')))
    return octets
  })
  if (raw) {
    const frames = Buffer.concat(Array.from({ length: batch }, (_, index) => serverFrame(opcodeOf(kind), list[index % VARIETY])))
    return (socket) => {
      send(socket, frames)
      messages += batch
    }
  }
  const isBinary = kind === 'binary'
  const contents = isBinary ? list : list.map((octets) => octets.toString())
  let next = 0
  return (connection) => {
    for (let i = 0; i < batch; i++) {
      send(connection, contents[next], isBinary)
      if (++next === VARIETY) next = 0
    }
    messages += batch
  }
}

/** Broadcast by what the library has for it. */
function throughTopic(connection) {
  adapter.join(connection)
  everyone.add(connection)
  onClose(connection, () => everyone.delete(connection))
  onMessage(connection, (data) => {
    messages += everyone.size
    adapter.broadcast(data)
  })
}

/** What the server does on each path. With the raw socket a 'message' is a chunk of frames of `incoming` octets each. */
function pathHandlers(options) {
  const { incoming } = options
  const amount = raw ? (chunk) => chunk.length / incoming : () => 1
  const sendBatch = options.batch === undefined ? undefined : batchSender(options)
  return {
    '/echo': (connection) =>
      onMessage(connection, (data, isBinary) => {
        messages += amount(data)
        send(connection, data, isBinary)
      }),
    '/receive': (connection) =>
      onMessage(connection, (data) => {
        messages += amount(data)
      }),
    '/send': (connection) =>
      onMessage(connection, (data) => {
        for (let due = Math.round(amount(data)); due > 0; due--) sendBatch(connection)
      }),
    '/broadcast': (connection) => {
      if (adapter.broadcast !== undefined) return throughTopic(connection)
      everyone.add(connection)
      onClose(connection, () => everyone.delete(connection))
      onMessage(connection, (data, isBinary) => {
        messages += amount(data) * everyone.size
        for (const peer of everyone) send(peer, data, isBinary)
      })
    },
    '/publish': (connection) => {
      if (adapter.broadcast !== undefined) return throughTopic(connection)
      everyone.add(connection)
      onClose(connection, () => everyone.delete(connection))
      onMessage(connection, (data, isBinary) => {
        messages += everyone.size
        if (adapter.publish(data, isBinary)) return
        for (const peer of everyone) send(peer, data, isBinary)
      })
    },
    '/handshake': (connection) => {
      if (raw) connection.once('data', (chunk) => connection.end(chunk))
      onClose(connection, () => messages++)
    }
  }
}

serve({
  async listen(options) {
    const handlers = pathHandlers(options)
    const onConnection = (connection, path) => {
      connections++
      handlers[path](connection)
      onClose(connection, () => connections--)
    }
    return adapter.listen({ ...options, backlog: 4096, onConnection })
  },

  /** Connects as a client that counts what it receives and, with `batch`, sends that many messages for each one. */
  async connect({ port, count, onString, ...options }) {
    const amount = raw ? (chunk) => chunk.length / options.incoming : () => 1
    const receive = (data) => {
      messages += amount(data)
    }
    const sendBatch = options.batch === undefined ? undefined : batchSender(options)
    const connect = async () => {
      const answer = (data) => {
        for (let due = Math.round(amount(data)); due > 0; due--) sendBatch(connection)
      }
      const onMessage = sendBatch === undefined ? receive : answer
      const connection = await adapter.connect(`ws://${HOST}:${port}/`, { onString, onMessage })
    }
    await Promise.all(Array.from({ length: count }, connect))
  },

  /** Time, CPU time of all threads of this process (both in µs) and the messages until now. */
  usage() {
    const { user, system } = process.cpuUsage()
    return { time: performance.now() * 1000, cpu: user + system, messages, connections }
  },

  /** Resident set after garbage collection, in octets. */
  async memory() {
    for (let i = 0; i < 3; i++) {
      collectGarbage()
      // what finalizers and closing sockets free is freed a turn later
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
    return process.memoryUsage.rss()
  }
})
