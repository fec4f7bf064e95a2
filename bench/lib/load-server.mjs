// Load on a client: a raw server that feeds it frames, or takes its frames and asks for more.

import { once } from 'node:events'
import { createServer } from 'node:net'
import { pump } from './connections.mjs'
import { opcodeOf, payload, serverFrame } from './frames.mjs'
import { respond } from './handshake.mjs'
import { HOST } from './limits.mjs'

const FEED_CHUNK = 64 * 1024

/** An empty message, which asks a client for its next batch. */
const MORE = serverFrame(0x82, Buffer.alloc(0))

/**
 * Listens for the client under test.
 * @param options.mode 'feed': writes frames of `message` for as long as it runs; 'sink': takes batches of `batchLength` octets and keeps two
 * of them under way; `unmasked`: the octets are not a client's frames
 */
export async function listen({ mode, message, batchLength, unmasked = false }) {
  const sockets = new Set()
  const state = { running: false, writing: 0 }
  let failed = null

  const feed = (socket) => {
    const frame = serverFrame(opcodeOf(message.kind), payload(message.kind, message.size))
    const chunk = Buffer.concat(Array.from({ length: Math.max(1, Math.floor(FEED_CHUNK / frame.length)) }, () => frame))
    return () => pump(socket, chunk, state)
  }

  const sink = (socket) => {
    let received = 0
    let checked = false
    socket.on('data', (chunk) => {
      if (!checked && !unmasked && chunk[1] < 0x80) failed ??= new Error('the client did not mask its frame')
      checked = true
      received += chunk.length
      while (received >= batchLength) {
        received -= batchLength
        if (state.running) socket.write(MORE)
        else if (--state.writing < 0) failed ??= new Error('the client sent more than it was asked for')
      }
    })
    return () => {
      state.writing += 2
      socket.write(Buffer.concat([MORE, MORE]))
    }
  }

  const starters = []
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', (head) => {
      socket.write(respond(head.toString('latin1')).response)
      starters.push(mode === 'feed' ? feed(socket) : sink(socket))
    })
  })
  server.listen({ host: HOST, port: 0 })
  await once(server, 'listening')
  return {
    port: server.address().port,
    start() {
      state.running = true
      for (const startOne of starters) startOne()
    },
    async stop() {
      state.running = false
      const late = performance.now() + 10_000
      while (state.writing > 0 && performance.now() < late) await new Promise((resolve) => setTimeout(resolve, 2))
      if (failed !== null) throw failed
      if (state.writing > 0) throw new Error('what was asked for did not come')
    }
  }
}
