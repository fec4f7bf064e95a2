// In ES modules the augmentation reaches every WebSocket, those of a server included.
import WebSocket, { WebSocketServer } from 'ws'

declare module 'ws' {
  interface WebSocket {
    isAlive: boolean
    userId?: string
  }
}

const wss = new WebSocketServer({ noServer: true })
wss.on('connection', (ws) => {
  ws.isAlive = true
  ws.on('pong', () => {
    ws.isAlive = true
  })
})
wss.clients.forEach((ws) => {
  if (ws.userId === undefined || !ws.isAlive) ws.terminate()
})

export const isAlive = (ws: WebSocket): boolean => ws.isAlive
