// What @types/ws 8.18.2 lacks.
import { Blob } from 'buffer'
import * as http from 'http'
import * as net from 'net'
import type { Duplex } from 'stream'
import * as tls from 'tls'
import {
  PerMessageDeflate,
  Receiver,
  Sender,
  WebSocket,
  WebSocketServer,
  extension,
  kernels,
  subprotocol,
  type BinaryType,
  type BinaryTypeMap,
  type Connection,
  type ClientOptions,
  type CloseCause,
  type CodedError,
  type DiagnosticsMessages,
  type ErrorCode,
  type KernelsName,
  type KernelsOption,
  type PerMessageDeflateOptions,
  type RawData,
  type SendOptions,
  type TextType,
  type ServerOptions,
  type ServerStats
} from 'hybi'
import { equal, type Same } from '../equal.cjs'

const perMessageDeflate: PerMessageDeflateOptions = { codec: 'wasm', serverMaxWindowBits: false, clientMaxWindowBits: true }
const client: ClientOptions = {
  ALPNProtocols: ['http/1.1'],
  allowSynchronousEvents: false,
  auth: 'user:password',
  closeTimeout: 5_000,
  coalesce: false,
  heartbeat: { expect: 41_000 },
  idleTimeout: 60_000,
  kernels: 'wasm',
  maxLifetime: { limit: 3_600_000, spread: 60_000 },
  maxPendingAutoPongs: 10,
  perMessageDeflate,
  protocols: ['chat', 'superchat'],
  receiveBuffer: 'off',
  servername: 'example.com',
  highWaterMark: 1 << 20,
  maxBufferedAmount: 1 << 24,
  overflow: 'drop',
  textType: 'string',
  signal: AbortSignal.timeout(1_000)
}
const server: ServerOptions = {
  port: 0,
  closeTimeout: 1,
  coalesce: true,
  heartbeat: { interval: 30_000, timeout: 10_000 },
  idleTimeout: 0,
  kernels: 'auto',
  maxLifetime: 3_600_000,
  maxPendingAutoPongs: 0,
  receiveBuffer: 'shared',
  highWaterMark: Infinity,
  overflow: 'terminate',
  textType: 'buffer',
  perMessageDeflate
}

const ws = new WebSocket('ws://localhost', client)
new WebSocket('ws://localhost', {
  protocols: 'chat',
  agent: false,
  headers: { 'X-Many': ['a', 'b'] },
  signal: new AbortController().signal
})
new WebSocket('ws://localhost', { createConnection: (options, oncreate) => connectLater(options, oncreate) })
new WebSocket('wss://localhost', { createConnection: (options) => tls.connect({ ...options, path: undefined }), kernels: 'js' })
new WebSocket('wss://localhost', { checkServerIdentity: (host, cert) => (cert.subject.CN === host ? undefined : new Error(host)) })
function connectLater(options: http.ClientRequestArgs, done: (error: Error | null, socket: Duplex) => void): undefined {
  const socket = net.connect({ host: options.host ?? 'localhost', port: 80 }, () => done(null, socket))
}

// optional, so that connections typed by @types/ws are of this type too
equal<Same<typeof ws.kernels, KernelsName | undefined>>(true)
equal<Same<typeof kernels.default, 'auto' | 'wasm' | 'js' | 'native'>>(true)
equal<Same<typeof kernels.available, ReadonlyArray<'wasm' | 'js' | 'native'>>>(true)
equal<Same<KernelsOption, 'auto' | KernelsName>>(true)
equal<Same<typeof WebSocket.kernels, typeof kernels>>(true)
// likewise: what is read is of a type that @types/ws knows, what is set may be any
equal<Same<WebSocket['binaryType'], Exclude<BinaryType, 'blob'>>>(true)
equal<Same<BinaryType, 'nodebuffer' | 'arraybuffer' | 'fragments' | 'blob'>>(true)
equal<Same<RawData, Buffer | ArrayBuffer | Buffer[]>>(true)

ws.binaryType = 'blob'
ws.on('message', async (data: Buffer | BinaryTypeMap['blob'], isBinary: boolean) => {
  if (!Buffer.isBuffer(data)) console.log(await data.arrayBuffer(), isBinary)
})
ws.on('message', (data, isBinary) => {
  equal<Same<typeof data, RawData>>(true)
  equal<Same<typeof isBinary, boolean>>(true)
})
ws.on('error', (error) => {
  equal<Same<typeof error, CodedError>>(true)
  const code: ErrorCode = 'WS_ERR_INVALID_UTF8'
  if (error.code === code || error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' || error.code === 'ECONNREFUSED') throw error
})
ws.once('close', (code, reason) => {
  equal<Same<typeof code, number>>(true)
  equal<Same<typeof reason, Buffer>>(true)
})
ws.ping((error) => console.log(error?.message))
ws.pong('x', (error?: Error) => console.log(error?.message))
ws.ping('x', false, (error) => {
  equal<Same<typeof error, Error | undefined>>(true)
})
ws.close(1000, new Uint8Array(3))
const options: SendOptions = { binary: true }
ws.send(new Blob(['x']), options)
ws.send(new SharedArrayBuffer(1))
ws.send({ valueOf: () => new Uint8Array(1) }, (error) => {
  equal<Same<typeof error, Error | undefined>>(true)
})

const accepted = new WebSocket(null, undefined, { autoPong: false, closeTimeout: 1, kernels: 'js' })
accepted.setSocket?.(net.connect(80), Buffer.alloc(0), { maxPayload: 1024, skipUTF8Validation: true })

// Members that @types/ws lacks are optional in the class, and there in the type of its own connections
const connection = ws as Connection
equal<Same<typeof ws.writableNeedDrain, boolean | undefined>>(true)
equal<Same<typeof connection.writableNeedDrain, boolean>>(true)
equal<Same<typeof connection.droppedMessages, number>>(true)
equal<Same<typeof connection.textType, TextType>>(true)
export async function iterate(given: WebSocket): Promise<void> {
  for await (const message of connection) equal<Same<typeof message, string | Buffer>>(true)
  for await (const message of given[Symbol.asyncIterator]!()) equal<Same<typeof message, string | Buffer>>(true)
  if (connection.writableNeedDrain) await connection.drained({ signal: AbortSignal.timeout(1) })
  await given.drained?.()
  await connection[Symbol.asyncDispose]()
}
ws.textType = 'string'
ws.on('message', (text: string, isBinary: boolean) => console.log(isBinary, text))
ws.on('drain', () => ws.close(1000, 'bye', { signal: AbortSignal.timeout(1_000) }))

const wss = new WebSocketServer(server)
wss.on('connection', (socket, request) => {
  equal<Same<typeof request, http.IncomingMessage>>(true)
  socket.send(Sender.frame(Buffer.from('x'), { fin: true, opcode: 1, mask: false, readOnly: true, rsv1: false })[0])
})

const receiver = new Receiver({ isServer: true, maxPayload: 1024, binaryType: 'fragments' })
receiver.on('message', (data, isBinary) => console.log(data.toString(), isBinary))
receiver.once('conclude', (code, reason) => console.log(code.toFixed(), reason.length))
receiver.on('drain', () => receiver.write(Buffer.alloc(2)))
const deflate = new PerMessageDeflate({ threshold: 0, isServer: true, maxPayload: 1024 })
const sender = new Sender(net.connect(80), { [PerMessageDeflate.extensionName]: deflate }, (mask) => mask.fill(0))
sender.send('x', { fin: true, compress: false, binary: false, mask: true }, (error) => console.log(error))
deflate.accept(extension.parse('permessage-deflate; client_max_window_bits')['permessage-deflate'])
deflate.compress(Buffer.from('x'), true, (error, octets) => {
  if (octets) deflate.decompress(octets, true, (_error, text) => console.log(error, text?.toString()))
})
console.log(extension.format({ 'permessage-deflate': deflate.offer() }), subprotocol.parse('a, b').has('a'))
console.log(extension.format(extension.parse('a; b=1')))

// @ts-expect-error: an unknown set of kernels
new WebSocket('ws://localhost', { kernels: 'simd' })
// @ts-expect-error: an option of the wrong type, beside options of http.request
new WebSocket('ws://localhost', { maxPayload: '1 MiB', headers: { a: 'b' } })
// @ts-expect-error: a misspelt option
new WebSocket('ws://localhost', { maxPaylod: 1 })
// @ts-expect-error: an unknown codec
new WebSocket('ws://localhost', [], { perMessageDeflate: { codec: 'brotli' } })
// @ts-expect-error: a server's option
new WebSocket('ws://localhost', { clientTracking: true })
// @ts-expect-error: a client's option
new WebSocket(null, undefined, { handshakeTimeout: 1 })
// @ts-expect-error: a client's option
new WebSocketServer({ port: 0, followRedirects: true })
// @ts-expect-error: an unknown set of kernels
new WebSocketServer({ port: 0, kernels: 'simd' })
// @ts-expect-error: windows have 8 to 15 bits, or are refused; true means nothing here
new WebSocketServer({ port: 0, perMessageDeflate: { serverMaxWindowBits: true } })
// @ts-expect-error: not a receive buffer
new WebSocketServer({ port: 0, receiveBuffer: 'on' })
// @ts-expect-error: not a form of text
ws.textType = 'text'
// @ts-expect-error: no policy
new WebSocketServer({ port: 0, overflow: 'close' })
// @ts-expect-error: no signal
ws.close(1000, '', { signal: true })
// @ts-expect-error: undefined is not data
ws.send()
// @ts-expect-error: not a form of binary messages
ws.binaryType = 'uint8array'
// @ts-expect-error: read only
ws.kernels = 'js'
// @ts-expect-error: read only
ws.readyState = 1
// @ts-expect-error: read only
kernels.default = 'js'
// @ts-expect-error: an unknown code
export const unknownCode: ErrorCode = 'WS_ERR_UNKNOWN'
// @ts-expect-error: a Blob has no octets to read at once, so it is not among what listeners are given by default
export const blob: RawData = new Blob([])

// @ts-expect-error only clients may expect
const expecting: ServerOptions = { port: 0, heartbeat: { expect: 1 } }
equal<Same<typeof ws.latency, number | undefined>>(true)
const stats: ServerStats = new WebSocketServer(server).stats!()
equal<Same<typeof stats.closed.heartbeat, number | undefined>>(true)
const onClose = ({ websocket, cause }: DiagnosticsMessages['hybi:close']): [WebSocket, CloseCause] => [websocket, cause]
void [expecting, onClose]
