// In CommonJS the namespace's interface is what an augmentation merges with.
import { WebSocket, WebSocketServer } from 'ws'

declare module 'ws' {
  interface WebSocket {
    isAlive: boolean
  }
  interface WebSocketServer {
    startedAt: number
  }
}

const wss = new WebSocketServer({ noServer: true })
wss.on('connection', (ws: WebSocket) => {
  ws.isAlive = true
})

export const uptime = (server: WebSocketServer): number => Date.now() - server.startedAt
