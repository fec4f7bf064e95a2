import { WebSocket, WebSocketServer, type RawData } from 'ws'

interface ExtWebSocket extends WebSocket {
  isAlive: boolean
}

function heartbeat(this: WebSocket): void {
  ;(this as ExtWebSocket).isAlive = true
}

const wss = new WebSocketServer({ port: 8080, clientTracking: true })

wss.on('connection', (ws: ExtWebSocket, request) => {
  ws.isAlive = true
  ws.on('pong', heartbeat)
  ws.on('error', console.error)
  ws.on('message', (data: RawData, isBinary) => {
    const text: string | null = isBinary ? null : data.toString()
    console.log(request.socket.remoteAddress, text)
  })
})

const interval: NodeJS.Timeout = setInterval(() => {
  wss.clients.forEach((client) => {
    const ws = client as ExtWebSocket
    if (!ws.isAlive) return ws.terminate()
    ws.isAlive = false
    ws.ping()
  })
  for (const client of wss.clients) if (client.readyState === WebSocket.OPEN) client.send('tick')
}, 30_000)

wss.on('close', () => clearInterval(interval))
