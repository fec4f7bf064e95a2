import { useServer, type Extra } from 'graphql-ws/use/ws'
import WebSocket, { WebSocketServer } from 'hybi'

const sockets = new Set<WebSocket>()
const wss = new WebSocketServer({ port: 0, path: '/graphql', perMessageDeflate: { codec: 'wasm', serverMaxWindowBits: false } })
const { dispose } = useServer({}, wss)
useServer<Record<string, string>, { user: string }>(
  {
    onConnect: ({ extra }) => {
      sockets.add(extra.socket)
      return extra.request.headers.origin === 'https://example.com'
    },
    onDisconnect: ({ extra }) => void sockets.delete(extra.socket)
  },
  new WebSocketServer({ noServer: true }),
  10_000
)

export const extra = (socket: WebSocket, request: Extra['request']): Extra => ({ socket, request })
export const stop = async (): Promise<void> => await dispose()
