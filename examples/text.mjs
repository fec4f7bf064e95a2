// Sends text to a server and prints the answer.

import WebSocket, { WebSocketServer } from 'hybi'

const wss = new WebSocketServer({ host: '127.0.0.1', port: 0 }, connect)

wss.on('connection', (ws) => {
  ws.on('error', console.error)
  // Text arrives as a Buffer of UTF-8 too; `isBinary` tells the two kinds of message apart.
  ws.on('message', (data, isBinary) => {
    ws.send(isBinary ? 'that was binary' : `you said: ${data}`)
  })
})

function connect() {
  const ws = new WebSocket(`ws://127.0.0.1:${wss.address().port}`)

  ws.on('error', console.error)
  ws.on('open', () => ws.send('grüße 👋'))
  ws.on('message', (data) => {
    console.log('received: %s', data)
    ws.close(1000, 'done')
  })
  ws.on('close', (code, reason) => {
    console.log('closed: %d %s', code, reason)
    wss.close()
  })
}
