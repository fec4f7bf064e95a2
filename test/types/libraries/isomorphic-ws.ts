import * as isomorphic from 'isomorphic-ws'
import { WebSocket, WebSocketServer, createWebSocketStream, type MessageEvent, type Server } from 'hybi'

type Theirs = InstanceType<typeof isomorphic.WebSocket>

const theirs: Theirs = new WebSocket('ws://localhost')
export const ours: WebSocket = new isomorphic.WebSocket('ws://localhost')
export const Class: typeof isomorphic.WebSocket.Server = WebSocketServer
export function listen(wss: Server): void {
  wss.on('connection', (ws) => ws.on('message', (data, isBinary) => theirs.send(data, { binary: isBinary })))
}
listen(new isomorphic.Server({ port: 0 }))

createWebSocketStream(new isomorphic.WebSocket('ws://localhost')).pipe(
  isomorphic.createWebSocketStream(new WebSocket('ws://localhost'))
)
const onmessage = ({ data, target }: MessageEvent): void => target.send(data)
new isomorphic.WebSocket('ws://localhost').onmessage = onmessage
new isomorphic.WebSocket('ws://localhost').addEventListener('message', onmessage)
