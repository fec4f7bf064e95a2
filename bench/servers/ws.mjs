// ws, hybi and every package with the API of ws.

import { once } from 'node:events'
import { createServer } from 'node:https'
import { createRequire } from 'node:module'
import { HOST, MAX_MESSAGE } from '../lib/limits.mjs'
import { credentials } from './tls.mjs'

/** @param module package name, or directory of a package */
export default function adapt(module) {
  const WebSocket = createRequire(import.meta.url)(module)
  let server
  let publishes = false
  return {
    /** Sends to everybody by the server's own method; false if there is none, or a loop is wanted. */
    publish(data, isBinary) {
      if (publishes) server.broadcast(data, { binary: isBinary })
      return publishes
    },
    send: (ws, data, isBinary) => ws.send(data, { binary: isBinary }),
    onMessage: (ws, listener) => ws.on('message', listener),
    onClose: (ws, listener) => ws.on('close', listener),

    async listen({ secure, compress, codec, loops, backlog, onConnection }) {
      const perMessageDeflate = compress === undefined ? false : codec === undefined ? { threshold: 0 } : { threshold: 0, codec }
      const options = { maxPayload: MAX_MESSAGE, perMessageDeflate }
      const https = secure ? createServer(credentials()).listen({ host: HOST, port: 0, backlog }) : undefined
      const wss = new WebSocket.WebSocketServer(
        secure ? { ...options, server: https } : { ...options, host: HOST, port: 0, backlog }
      )
      wss.on('connection', (ws, request) => {
        ws.on('error', () => {})
        onConnection(ws, request.url)
      })
      server = wss
      publishes = wss.broadcast !== undefined && loops !== true
      await once(wss, 'listening')
      return wss.address().port
    },

    async connect(url, { onString, onMessage }) {
      const ws = new WebSocket(url, { perMessageDeflate: false, maxPayload: MAX_MESSAGE })
      if (onString) ws.onmessage = ({ data }) => onMessage(data)
      else ws.on('message', onMessage)
      await once(ws, 'open')
      ws.on('error', () => {})
      return ws
    }
  }
}
