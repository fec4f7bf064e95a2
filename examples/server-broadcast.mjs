// One message to all clients, but for those that do not want it.

import { once } from 'node:events'
import WebSocket, { WebSocketServer } from 'hybi'

const wss = new WebSocketServer({ host: '127.0.0.1', port: 0 })
await once(wss, 'listening')

wss.on('connection', (ws, request) => {
  ws.room = request.url
  ws.on('error', console.error)
  ws.on('message', (data, binary) => {
    const count = wss.broadcast(data, { binary, except: ws, filter: (client) => client.room === ws.room })
    console.log(`${count} got what was said in ${ws.room}`)
    console.log(`${wss.broadcast('we close')} got what was said to all`)
    wss.shutdown()
  })
})

async function connect(room) {
  const ws = new WebSocket(`ws://127.0.0.1:${wss.address().port}${room}`)
  const heard = []
  ws.on('error', console.error)
  ws.on('message', (data) => heard.push(String(data)))
  await once(ws, 'open')
  return { ws, heard }
}

const ada = await connect('/tea')
const grace = await connect('/tea')
const joan = await connect('/coffee')

ada.ws.send('hello, tea drinkers')
await Promise.all([ada, grace, joan].map(({ ws }) => once(ws, 'close')))
console.log({ ada: ada.heard, grace: grace.heard, joan: joan.heard })
