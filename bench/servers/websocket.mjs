// The npm package websocket.

import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import websocket from 'websocket'
import { HOST, MAX_MESSAGE } from '../lib/limits.mjs'
import { credentials } from './tls.mjs'

const limits = { maxReceivedFrameSize: MAX_MESSAGE, maxReceivedMessageSize: MAX_MESSAGE, fragmentOutgoingMessages: false }

const content = (message) => (message.type === 'utf8' ? message.utf8Data : message.binaryData)

export default () => ({
  send: (connection, data, isBinary) => (isBinary ? connection.sendBytes(data) : connection.sendUTF(data)),
  onMessage: (connection, listener) => connection.on('message', (message) => listener(content(message), message.type === 'binary')),
  onClose: (connection, listener) => connection.on('close', listener),

  async listen({ secure, backlog, onConnection }) {
    const httpServer = secure ? createSecureServer(credentials()) : createServer()
    const server = new websocket.server({ httpServer, keepalive: false, disableNagleAlgorithm: true, ...limits })
    server.on('request', (request) => {
      const connection = request.accept(null, request.origin)
      connection.on('error', () => {})
      onConnection(connection, request.resource)
    })
    httpServer.listen({ host: HOST, port: 0, backlog })
    await once(httpServer, 'listening')
    return httpServer.address().port
  },

  async connect(url, { onMessage }) {
    const client = new websocket.client(limits)
    client.connect(url)
    const [connection] = await once(client, 'connect')
    connection.on('error', () => {})
    connection.on('message', (message) => onMessage(content(message)))
    return connection
  }
})
