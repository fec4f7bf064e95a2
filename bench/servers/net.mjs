// The limit of Node's sockets: the handshake, then octets as they come. Nothing is parsed, masked or validated.

import { once } from 'node:events'
import { createServer, connect } from 'node:net'
import { createServer as createSecureServer } from 'node:tls'
import { checkResponse, request, respond } from '../lib/handshake.mjs'
import { HOST } from '../lib/limits.mjs'
import { credentials } from './tls.mjs'

const onOctets = (socket, listener) => socket.on('data', listener)

export default () => ({
  /** 'message' is a chunk of octets here, and what is sent are frames as they are. */
  raw: true,
  send: (socket, octets) => socket.write(octets),
  onMessage: onOctets,
  onClose: (socket, listener) => socket.on('close', listener),

  async listen({ secure, backlog, onConnection }) {
    const accept = (socket) => {
      socket.on('error', () => {})
      socket.once('data', (head) => {
        const { path, response } = respond(head.toString('latin1'))
        socket.write(response)
        onConnection(socket, path)
      })
    }
    const server = secure
      ? createSecureServer({ ...credentials(), noDelay: true }, accept)
      : createServer({ noDelay: true }, accept)
    server.listen({ host: HOST, port: 0, backlog })
    await once(server, 'listening')
    return server.address().port
  },

  async connect(url, { onMessage }) {
    const { port, pathname } = new URL(url)
    const socket = connect({ host: HOST, port: Number(port), noDelay: true })
    socket.write(request(pathname))
    const [head] = await once(socket, 'data')
    const end = head.indexOf('\r\n\r\n') + 4
    checkResponse(head.toString('latin1', 0, end))
    socket.on('error', () => {})
    onOctets(socket, onMessage)
    if (end < head.length) onMessage(head.subarray(end))
    return socket
  }
})
