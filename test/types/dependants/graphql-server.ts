// The manner of a GraphQL-over-WebSocket server: takes any server, tells its connections' context by generics.
import * as http from 'http'
import * as ws from 'ws'

type WebSocket = InstanceType<typeof ws.WebSocket>
type WebSocketServer = ws.Server

interface Extra {
  readonly socket: WebSocket
  readonly request: http.IncomingMessage
}

export function useServer(onConnect: (extra: Extra) => boolean, server: WebSocketServer, keepAlive = 12_000): () => Promise<void> {
  if (server.options.handleProtocols === undefined) {
    server.options.handleProtocols = (protocols) => (protocols.has('graphql-transport-ws') ? 'graphql-transport-ws' : false)
  }
  server.on('error', (error) => console.error(error))
  server.on('connection', (socket, request) => {
    socket.once('error', (error) => {
      socket.close(4500, error.message.slice(0, 123))
    })
    let pongWait: NodeJS.Timeout | null = null
    const pinger = setInterval(() => {
      if (socket.readyState === socket.OPEN) {
        pongWait = setTimeout(() => socket.terminate(), keepAlive)
        socket.once('pong', () => {
          if (pongWait) clearTimeout(pongWait)
        })
        socket.ping()
      }
    }, keepAlive)
    if (!onConnect({ socket, request })) return socket.close(4403, 'Forbidden')
    socket.on('message', async (event) => {
      const message = JSON.parse(event.toString()) as { type: string }
      await new Promise<void>((resolve, reject) => {
        socket.send(JSON.stringify({ type: message.type }), (error) => (error ? reject(error) : resolve()))
      })
    })
    socket.once('close', (code, reason) => {
      clearInterval(pinger)
      console.log(socket.protocol, code, reason.toString())
    })
  })
  return async () => {
    for (const client of server.clients) client.close(1001, 'Going away')
    server.removeAllListeners()
    await new Promise<void>((resolve, reject) => server.close((error) => (error ? reject(error) : resolve())))
  }
}
