// Raw sockets for load on a server: they hold the opening handshake and then read without keeping.

import { connect as connectNet } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { checkResponse, request } from './handshake.mjs'
import { HOST } from './limits.mjs'

/** How many connections are opened at once. */
const OPENING = 128

/** All sockets read into this: what comes is counted at once, never kept. */
const readBuffer = Buffer.allocUnsafe(256 * 1024)

/** One connection. `onOctets(buffer, start, end)` gets what comes after the handshake. */
export class Connection {
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
export function openAll(target, count) {
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

/** Writes `chunk` over and over while `state.running`; `state.writing` counts the writes that are under way. */
export function pump(socket, chunk, state) {
  let turns = 0
  const next = (error) => {
    state.writing--
    if (!state.running || error) return
    // a kernel that takes everything at once must not keep this process from hearing that it shall stop
    if (++turns % 8 === 0) setImmediate(write)
    else write()
  }
  const write = () => {
    state.writing++
    socket.write(chunk, next)
  }
  write()
}
