// Text as strings for listeners of 'message', binary data as Buffers.

import { once } from 'node:events'
import WebSocket, { WebSocketServer } from 'hybi'

const wss = new WebSocketServer({ host: '127.0.0.1', port: 0, textType: 'string' })
await once(wss, 'listening')

wss.on('connection', (ws) => {
  ws.on('error', console.error)
  ws.on('message', (data) => {
    console.log(typeof data === 'string' ? `text: ${data}` : `binary: ${data.toString('hex')}`)
    ws.send(data)
  })
})

const client = new WebSocket(`ws://127.0.0.1:${wss.address().port}`)
client.on('error', console.error)
await once(client, 'open')
client.send('grüße 👋')
console.log('sent back as', (await once(client, 'message'))[0])
client.textType = 'string'
client.send('grüße 👋')
console.log('sent back as', (await once(client, 'message'))[0])
client.send(Buffer.from([1, 2]))
await once(client, 'message')

client.close()
wss.close()
