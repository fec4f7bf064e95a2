// The npm package faye-websocket.

import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import WebSocket from 'faye-websocket'
import { HOST, MAX_MESSAGE } from '../lib/limits.mjs'
import { credentials } from './tls.mjs'

export default () => ({
  send: (ws, data) => ws.send(data),
  onMessage: (ws, listener) => ws.on('message', ({ data }) => listener(data, typeof data !== 'string')),
  onClose: (ws, listener) => ws.on('close', listener),

  async listen({ secure, backlog, onConnection }) {
    const server = secure ? createSecureServer(credentials()) : createServer()
    server.on('upgrade', (request, socket, head) => {
      const ws = new WebSocket(request, socket, head, null, { maxLength: MAX_MESSAGE })
      socket.setNoDelay(true)
      ws.on('error', () => {})
      onConnection(ws, request.url)
    })
    server.listen({ host: HOST, port: 0, backlog })
    await once(server, 'listening')
    return server.address().port
  },

  async connect(url, { onMessage }) {
    const ws = new WebSocket.Client(url, null, { maxLength: MAX_MESSAGE })
    ws.on('message', ({ data }) => onMessage(data))
    await once(ws, 'open')
    ws.on('error', () => {})
    return ws
  }
})
