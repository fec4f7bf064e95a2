// A server's and a client's WebSocket over each kind of stream.

import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { inject, onTestFinished } from 'vitest'
import WebSocket from '../../../src/index.js'
import { slowPair } from '../../support/slow-pair.js'
import { cert, key } from '../../support/tls.js'
import { attach, type Options, type Socket } from './links.js'

export interface Pair {
  server: Socket
  client: Socket
}

let pipes = 0

async function over(
  server: http.Server,
  where: number | string,
  address: () => string,
  options: Options,
  client: Options
): Promise<Pair> {
  const wss = new WebSocket.WebSocketServer({ server, ...options })
  server.listen(where)
  await once(server, 'listening')
  const ws = new WebSocket(address(), { rejectUnauthorized: false, ...client })
  onTestFinished(() => {
    ws.terminate()
    for (const one of wss.clients!) one.terminate()
    wss.close()
    server.close()
  })
  const [[connection]] = await Promise.all([once(wss, 'connection'), once(ws, 'open')])
  return { server: connection as Socket, client: ws }
}

const portOf = (server: http.Server): number => (server.address() as AddressInfo).port

export const transports: Record<string, (options: Options, client?: Options) => Promise<Pair>> = {
  TCP: (options, client = {}) => {
    const server = http.createServer()
    return over(server, 0, () => `ws://127.0.0.1:${portOf(server)}`, options, client)
  },
  TLS: (options, client = {}) => {
    const server = https.createServer({ key, cert })
    return over(server, 0, () => `wss://127.0.0.1:${portOf(server)}`, options, client)
  },
  'a unix socket': (options, client = {}) => {
    const pipe = path.join(inject('runFolder'), `pipe-${process.pid}-${pipes++}`)
    return over(http.createServer(), pipe, () => `ws+unix:${pipe}:/`, options, client)
  },
  'a plain Duplex': async (options, client = {}) => {
    const [one, two] = slowPair()
    return { server: attach(one, true, options), client: attach(two, false, client) }
  }
}
