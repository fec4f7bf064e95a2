import { initTRPC } from '@trpc/server'
import { applyWSSHandler, getWSConnectionHandler, type CreateWSSContextFnOptions } from '@trpc/server/adapters/ws'
import { WebSocket, WebSocketServer } from 'hybi'

const createContext = ({ req, res }: CreateWSSContextFnOptions): { url: string | undefined; socket: WebSocket } => ({
  url: req.url,
  socket: res
})
const t = initTRPC.context<typeof createContext>().create()
const router = t.router({ kernels: t.procedure.query(({ ctx }) => ctx.socket.kernels) })

class Connection extends WebSocket {
  readonly openedAt = Date.now()
}

applyWSSHandler({ wss: new WebSocketServer({ port: 0 }), router, createContext, keepAlive: { enabled: true } })
const own = new WebSocketServer({ noServer: true, WebSocket: Connection })
const handler = applyWSSHandler({ wss: own, router, createContext })
own.on('connection', (connection, request) => {
  console.log(connection.openedAt)
  getWSConnectionHandler({ wss: own, router, createContext })(connection, request)
})
own.on('close', () => handler.broadcastReconnectNotification())
