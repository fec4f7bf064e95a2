import express from 'express'
import expressWs from 'express-ws'
import { WebSocketServer, type RawData, type Server, type WebSocket } from 'hybi'

const { app, getWss } = expressWs(express(), undefined, { wsOptions: { maxPayload: 1024, perMessageDeflate: { threshold: 1 } } })

function echo(ws: WebSocket): void {
  ws.on('message', (data: RawData, isBinary) => ws.send(data, { binary: isBinary }))
  ws.binaryType = 'fragments'
}
function count(wss: Server): number {
  let open = 0
  for (const client of wss.clients) if (client.readyState === client.OPEN) open++
  return open
}

app.ws('/echo', (ws, request) => {
  echo(ws)
  console.log(request.query, count(getWss()))
})
export const server: ReturnType<typeof getWss> = new WebSocketServer({ noServer: true })
