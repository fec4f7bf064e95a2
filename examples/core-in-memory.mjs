// The protocol without sockets: a client and a server of hybi/core talk in memory. Nothing here belongs to Node.js but console.log.

import {
  acceptanceLines,
  acceptKey,
  checkRequest,
  checkResponse,
  Connection,
  createKey,
  createPortableRuntime,
  OctetQueue,
  parseRequest,
  parseResponse,
  portableClock,
  requestHeaders,
  secureMaskingKeys,
  selectKernels,
  serializeClosePayload,
  serializeHead,
  serializeRequest
} from 'hybi/core'

// The one thing that JavaScript does not have by itself is a secure source of random octets.
const runtime = createPortableRuntime((octets) => crypto.getRandomValues(octets))
const platform = {
  runtime,
  kernels: selectKernels('auto'),
  clock: portableClock,
  maskingKeys: secureMaskingKeys(runtime)
}

// The opening handshake. `request` and `response` are what would go through a socket.
const key = createKey(runtime)
const request = serializeRequest('/chat', 'example.com', requestHeaders({ key, version: 13 }))

const parsedRequest = parseRequest(request)
const refusal = parsedRequest.refusal ?? checkRequest(parsedRequest)
if (refusal) throw new Error(refusal.message)
const accept = acceptKey(parsedRequest.headers['sec-websocket-key'], runtime)
const response = serializeHead(acceptanceLines({ accept }))

const parsedResponse = parseResponse(response)
const expectation = { accept: acceptKey(key, runtime), subprotocols: new Set(), acceptDeflate: null }
const { error } = checkResponse(parsedResponse.headers, expectation)
if (error) throw new Error(error)
console.log(`${parsedRequest.method} ${parsedRequest.target}: ${parsedResponse.status} ${parsedResponse.reason}`)

// One connection for each side. What it sends is in `output` until somebody takes it.
function open(name, isServer, onText) {
  const output = new OctetQueue(runtime)
  const handler = {
    onMessage: (octets, start, end) => onText(side, runtime.utf8Decode(octets, start, end)),
    onFragments: (fragments) => console.log(`${name} received ${fragments.length} fragments`),
    onPing: () => console.log(`${name} received a ping`),
    onPong: () => console.log(`${name} received a pong`),
    onError: (error) => console.log(`${name} failed: ${error.code}`),
    // What a byte stream would have to do
    discard() {},
    drop() {},
    end: () => console.log(`${name} ends with ${side.connection.closeCode}`)
  }
  const options = {
    isServer,
    autoPong: true,
    maxPendingAutoPongs: 60,
    maxPayload: 1024 * 1024,
    maxFragments: 1024,
    maxBufferedChunks: 1024,
    skipUtf8Validation: false,
    deferEvents: false,
    closeTimeoutMs: 30_000
  }
  const side = {
    name,
    output,
    connection: new Connection(options, platform, output, handler),
    send: (text) => side.connection.send(text)
  }
  return side
}

function deliver(from, to) {
  for (const octets of from.output.take()) {
    console.log(`${from.name} -> ${to.name}: ${octets.length} octets`)
    to.connection.receive(octets, 0, octets.length, false)
  }
}

const server = open('server', true, (side, text) => side.send(`you said: ${text}`))
const client = open('client', false, (side, text) => {
  console.log(`client received: ${text}`)
  side.connection.close(serializeClosePayload(1000))
})

client.send('grüße 👋')
deliver(client, server)
deliver(server, client)
deliver(client, server)
deliver(server, client)

// Both byte streams are gone: the timers of the closing handshake end as well.
server.connection.disconnected(null)
client.connection.disconnected(null)
