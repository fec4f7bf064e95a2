import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, Server as HttpServer, type IncomingMessage } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { connect, createServer as createTcpServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import WebSocket, { WebSocketServer, type ServerOptions } from 'ws'
import { certificate, certificateKey } from './program.js'

/** What a client received and how its connection ended. */
export interface Client {
  ws: WebSocket
  /** The headers of the server's handshake response. */
  headers: Promise<IncomingMessage['headers']>
  /** Resolves when the connection is open; rejects if it never is. */
  opened: Promise<void>
  /** The next message not yet taken, as text. */
  message(): Promise<string>
  closed: Promise<{ code: number; reason: string }>
}

/** Connects a client of `ws` (an implementation other than the one under test); it is terminated when the test is over. */
export function connectClient(address: string, options: WebSocket.ClientOptions = {}): Client {
  const ws = new WebSocket(address, options)
  onTestFinished(() => ws.terminate())
  const messages: string[] = []
  const waiting: ((text: string) => void)[] = []
  ws.on('message', (data) => {
    const text = String(data)
    const resolve = waiting.shift()
    if (resolve) resolve(text)
    else messages.push(text)
  })
  const headers = once(ws, 'upgrade').then(([response]) => (response as IncomingMessage).headers)
  const opened = once(ws, 'open').then(() => {})
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    ws.on('close', (code, reason) => resolve({ code, reason: String(reason) }))
  })
  // Whichever of these a test does not await must not count as unhandled.
  headers.catch(() => {})
  opened.catch(() => {})
  ws.on('error', () => {})
  return {
    ws,
    headers,
    opened,
    closed,
    message() {
      const text = messages.shift()
      return text === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(text)
    }
  }
}

/** The status code with which a server refuses the opening handshake. */
export async function refusal(address: string, options: WebSocket.ClientOptions = {}): Promise<number | undefined> {
  const ws = new WebSocket(address, options)
  ws.on('error', () => {})
  onTestFinished(() => ws.terminate())
  const [, response] = (await once(ws, 'unexpected-response')) as [unknown, IncomingMessage]
  response.resume()
  return response.statusCode
}

/** Starts a server on a port of 127.0.0.1 that the system chooses; it is closed when the test is over. */
export async function listen<S extends TcpServer>(server: S): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    if (server instanceof HttpServer) server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}

/** A server of `ws` (an implementation other than the one under test), over TLS if asked for. */
export async function startPeerServer(
  options: ServerOptions & { secure?: boolean } = {}
): Promise<{ wss: WebSocketServer; port: number; address: string }> {
  const { secure = false, ...rest } = options
  const server = secure
    ? createSecureServer({ cert: readFileSync(certificate), key: readFileSync(certificateKey) })
    : createServer()
  const wss = new WebSocketServer({ ...rest, server })
  onTestFinished(() => wss.clients.forEach((ws) => ws.terminate()))
  const port = await listen(server)
  return { wss, port, address: `${secure ? 'wss' : 'ws'}://localhost:${port}` }
}

/** The next connection of a server and its handshake request. */
export async function nextConnection(wss: WebSocketServer): Promise<{ ws: WebSocket; request: IncomingMessage }> {
  const [ws, request] = (await once(wss, 'connection')) as [WebSocket, IncomingMessage]
  return { ws, request }
}

/** A proxy for HTTP's CONNECT method; `targets` collects what it was asked for. */
export async function startConnectProxy(): Promise<{ port: number; targets: string[] }> {
  const targets: string[] = []
  const server = createServer()
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    targets.push(request.url!)
    const { hostname, port } = new URL(`http://${request.url}`)
    tunnel(socket, hostname, Number(port), 'HTTP/1.1 200 Connection Established\r\n\r\n')
  })
  return { port: await listen(server), targets }
}

/** A SOCKS proxy, version 5, without authentication and for names and IPv4 addresses only (RFC 1928). */
export async function startSocksProxy(): Promise<{ port: number; targets: string[] }> {
  const targets: string[] = []
  const server = createTcpServer((socket) => {
    socket.once('data', () => {
      socket.write(Buffer.from([5, 0]))
      socket.once('data', (request: Buffer) => {
        const named = request[3] === 3
        const host = named ? request.toString('latin1', 5, 5 + request[4]) : request.subarray(4, 8).join('.')
        const port = request.readUInt16BE(named ? 5 + request[4] : 8)
        targets.push(`${host}:${port}`)
        tunnel(socket, host, port, Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]))
      })
    })
  })
  return { port: await listen(server), targets }
}

/** Joins a proxy's client with the server it asked for. */
function tunnel(socket: Socket, host: string, port: number, answer: string | Buffer): void {
  // Every name in these tests is this machine, and every server listens on its IPv4 address.
  const upstream = connect(port, host === 'localhost' ? '127.0.0.1' : host, () => {
    socket.write(answer)
    socket.pipe(upstream).pipe(socket)
  })
  upstream.on('error', () => socket.destroy())
  socket.on('error', () => upstream.destroy())
}
