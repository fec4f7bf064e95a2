// What servers do beyond ws: the type of a client's context is inferred from `authenticate`.
import { IncomingMessage } from 'http'
import {
  Refusal,
  WebSocket,
  WebSocketServer,
  type BroadcastOptions,
  type RateLimitOptions,
  type ServerOptions,
  type ServerServices,
  type ShutdownOptions,
  type ShutdownResult
} from 'hybi'
import { equal, type Same } from '../equal.cjs'

interface User {
  name: string
}
declare function findUser(cookie: string | undefined): Promise<User | undefined>

const wss = new WebSocketServer({
  port: 0,
  authenticate: async (request, { signal }) => {
    equal<Same<typeof request, IncomingMessage>>(true)
    equal<Same<typeof signal, AbortSignal>>(true)
    if (request.headers.cookie === undefined)
      throw new Refusal(401, { headers: { 'WWW-Authenticate': 'Bearer', Age: 1 }, body: 'x' })
    return findUser(request.headers.cookie)
  },
  origins: ['https://example.com'],
  requireOrigin: true,
  maxConnections: 1000,
  maxConnectionsPerAddress: 10,
  addressOf: (request) => request.headers['x-real-ip']?.toString(),
  handshakeTimeout: 5000,
  rateLimit: { messages: 10, octets: 1024, interval: 1000, burst: 2, action: 'close' }
})
wss.on('connection', (ws, request, user) => {
  equal<Same<typeof request, IncomingMessage>>(true)
  equal<Same<typeof user, User>>(true)
  ws.send(user.name)
})
wss.once('connection', (_ws, _request, { name }) => console.log(name))
wss.addListener('connection', (ws) => ws.close())
wss.handleUpgrade({} as IncomingMessage, {} as never, Buffer.alloc(0), (ws, request, user) => {
  equal<Same<typeof user, User>>(true)
  wss.emit('connection', ws, request, user)
})

// Its name, and whoever takes any server takes this one
const named: WebSocketServer<User> = wss
const any: WebSocketServer = wss
const several: WebSocketServer<User>[] = [named]
console.log(any.clients.size, several)

// At once, and what is left when the refusals are taken away
new WebSocketServer({ noServer: true, authenticate: () => (Math.random() > 0.5 ? { id: 1 } : null) }).on(
  'connection',
  (_ws, _request, context) => {
    equal<Same<typeof context, { id: number }>>(true)
  }
)
new WebSocketServer({ noServer: true, authenticate: async (): Promise<'a' | 'b' | false> => 'a' }).on(
  'connection',
  (_ws, _request, context) => {
    equal<Same<typeof context, 'a' | 'b'>>(true)
  }
)

// A class of connections beside it
class Connection extends WebSocket {
  openedAt = Date.now()
}
const own = new WebSocketServer({ noServer: true, WebSocket: Connection, authenticate: async () => 5 })
own.on('connection', (connection, _request, context) => console.log(connection.openedAt, context.toFixed()))

// Without authenticate there is none; what ws's documentation puts there is of any type, as with @types/ws
const plain = new WebSocketServer({ port: 0 })
plain.on('connection', (ws, request) => {
  equal<Same<typeof request, IncomingMessage>>(true)
  ws.send('x')
})
plain.on('connection', (ws: WebSocket, request: IncomingMessage, client: any) => console.log(ws, request, client.whatever))
plain.on('connection', (ws: WebSocket, request: IncomingMessage, client: User) => console.log(ws, request, client.name))

const count: number = wss.broadcast('x')
wss.broadcast(Buffer.from('x'), {
  binary: false,
  compress: true,
  except: new Set<WebSocket>(),
  filter: (client) => client.readyState === 1
})
for (const client of own.clients) own.broadcast('x', { except: client, filter: ({ openedAt }) => openedAt > count })
const broadcastOptions: BroadcastOptions<WebSocket> = { except: null }
const shutdownOptions: ShutdownOptions = { code: 1012, reason: 'x', timeout: 1, spread: 0 }
const rateLimit: RateLimitOptions = { octets: 1 }
const options: ServerOptions = { origins: 'same-origin', rateLimit, authenticate: () => true }
new WebSocketServer({ noServer: true, origins: (origin, request) => origin === request.headers.host })
export async function stop(): Promise<ShutdownResult> {
  wss.broadcast('bye', broadcastOptions)
  await wss[Symbol.asyncDispose]()
  const { closed, terminated } = await wss.shutdown(shutdownOptions)
  return { closed, terminated }
}
const refusal: Error = new Refusal(403)
console.log(refusal, new WebSocketServer(options))

// A subclass may have methods of its own by these names, and names ours if it has not
class Rooms extends WebSocketServer {
  broadcast(room: string, message: string): void {
    console.log(room, message)
  }
}
new Rooms({ noServer: true }).broadcast('room', 'x')
class Polite extends WebSocketServer {
  declare broadcast: ServerServices['broadcast']
  declare shutdown: ServerServices['shutdown']
  async stop(): Promise<void> {
    this.broadcast('bye')
    await this.shutdown()
  }
}
new Polite({ noServer: true })

// @ts-expect-error: not a policy
new WebSocketServer({ noServer: true, origins: 5 })
// @ts-expect-error: an unknown action
new WebSocketServer({ noServer: true, rateLimit: { messages: 1, action: 'drop' } })
// @ts-expect-error: a misspelt limit
new WebSocketServer({ noServer: true, rateLimit: { mesages: 1 } })
// @ts-expect-error: no status
new Refusal('401')
// @ts-expect-error: not a client
wss.broadcast('x', { except: 'x' })
// @ts-expect-error: the context is a User
wss.on('connection', (_ws, _request, user) => user.nam)
// @ts-expect-error: a server of another context
export const other: WebSocketServer<{ admin: true }> = wss
