// Bun's server and client, part of the runtime of that name, which runs this.

import { once } from 'node:events'
import { HOST, MAX_MESSAGE } from '../lib/limits.mjs'
import { credentials } from './tls.mjs'

/** What a connection that is too slow may leave unsent, in octets, before messages to it are dropped: none is here. */
const UNSENT_LIMIT = 2 ** 30

/** The topic of everybody. */
const ALL = 'all'

export default () => {
  let server
  // what has no compression must not ask for it; what has must
  let compressing = false
  return {
    send: (ws, data) => ws.send(data, compressing),
    onMessage(ws, listener) {
      ws.data.onMessage = listener
    },
    onClose: (ws, listener) => ws.data.onClose.push(listener),
    /** Bun's own way of sending to everybody. */
    join: (ws) => ws.subscribe(ALL),
    broadcast: (data) => server.publish(ALL, data),

    listen({ secure, compress, onConnection }) {
      compressing = compress !== undefined
      server = Bun.serve({
        hostname: HOST,
        port: 0,
        ...(secure ? { tls: credentials() } : {}),
        fetch(request, { upgrade }) {
          const data = { path: new URL(request.url).pathname, onMessage: undefined, onClose: [] }
          if (!upgrade.call(server, request, { data })) return new Response('no', { status: 400 })
        },
        websocket: {
          maxPayloadLength: MAX_MESSAGE,
          backpressureLimit: UNSENT_LIMIT,
          idleTimeout: 0,
          sendPings: false,
          perMessageDeflate: compressing ? { compress: 'dedicated', decompress: 'dedicated' } : false,
          open: (ws) => onConnection(ws, ws.data.path),
          message: (ws, data) => ws.data.onMessage(data, typeof data !== 'string'),
          close(ws) {
            for (const listener of ws.data.onClose) listener()
          }
        }
      })
      return server.port
    },

    async connect(url, { onMessage }) {
      const ws = new WebSocket(url)
      ws.binaryType = 'nodebuffer'
      ws.addEventListener('message', ({ data }) => onMessage(data))
      await once(ws, 'open')
      return ws
    }
  }
}
