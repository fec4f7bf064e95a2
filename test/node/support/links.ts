// WebSockets in pairs, over streams in memory or over TCP, and WebSockets with a bare peer.

import { once } from 'node:events'
import type net from 'node:net'
import type { Duplex } from 'node:stream'
import { afterEach } from 'vitest'
import WebSocket from '../../../src/index.js'
import type { RawPeer } from '../../support/raw-peer.js'
import { connectRaw, requestOctets } from '../../support/raw-peer.js'
import { streamPair } from '../../support/stream-pair.js'

export type Options = Record<string, unknown>
export type Socket = InstanceType<typeof WebSocket>

const cleanups: (() => void)[] = []

afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

/** A WebSocket on any stream. */
export function attach(stream: Duplex, isServer: boolean, options: Options = {}): Socket {
  const ws = new WebSocket(null, undefined, { autoPong: true, closeTimeout: 1000, ...options })
  ws._isServer = isServer
  ws.setSocket(stream, Buffer.alloc(0), { maxPayload: 100 * 1024 * 1024, ...options })
  cleanups.push(() => ws.terminate())
  return ws
}

/** A server's and a client's WebSocket over streams in memory. */
export function linkInMemory(options: Options = {}): { server: Socket; client: Socket } {
  const [one, two] = streamPair()
  return { server: attach(one, true, options), client: attach(two, false, options) }
}

/** A listening server. */
export async function listen(
  options: Options = {}
): Promise<{ server: InstanceType<typeof WebSocket.WebSocketServer>; port: number }> {
  const server = new WebSocket.WebSocketServer({ host: '127.0.0.1', port: 0, ...options })
  await once(server, 'listening')
  cleanups.push(() => {
    server.close()
    for (const client of server.clients ?? []) client.terminate()
  })
  return { server, port: (server.address() as net.AddressInfo).port }
}

/** A server's and a client's WebSocket over TCP. */
export async function link(serverOptions: Options = {}, clientOptions: Options = {}): Promise<{ server: Socket; client: Socket }> {
  const { server, port } = await listen(serverOptions)
  const client = new WebSocket(`ws://127.0.0.1:${port}`, clientOptions)
  cleanups.push(() => client.terminate())
  const [[connection]] = await Promise.all([once(server, 'connection'), once(client, 'open')])
  return { server: connection as Socket, client }
}

/** A server's WebSocket with a bare client. */
export async function linkRaw(
  options: Options = {},
  headers: Record<string, string> = {}
): Promise<{ server: Socket; peer: RawPeer }> {
  const { server, port } = await listen(options)
  const peer = await connectRaw(port)
  cleanups.push(() => peer.socket.destroy())
  peer.write(requestOctets('/', headers))
  const [[connection]] = await Promise.all([once(server, 'connection'), peer.untilHead()])
  return { server: connection as Socket, peer }
}

/** Events of a WebSocket, one line each, in order. */
export function eventsOf(ws: Socket): string[] {
  const lines: string[] = []
  ws.on('open', () => lines.push('open'))
  ws.on('message', (data: Buffer) => lines.push(`message ${data.length}`))
  ws.on('ping', (data: Buffer) => lines.push(`ping ${data.length}`))
  ws.on('pong', (data: Buffer) => lines.push(`pong ${data.length}`))
  ws.on('error', (error: Error) => lines.push(`error ${error.message}`))
  ws.on('close', (code: number) => lines.push(`close ${code}`))
  return lines
}

/** Waits until `condition` holds, for a minute at most: what is looked at afterwards tells whether it does. */
export async function eventually(condition: () => boolean): Promise<void> {
  const end = Date.now() + 60_000
  while (!condition() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 2))
}

/** So many turns of the event loop. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}
