// Messages one by one, text as strings: a loop for the greeting, another one for the rest.

import { once } from 'node:events'
import WebSocket, { WebSocketServer } from 'hybi'

const wss = new WebSocketServer({ host: '127.0.0.1', port: 0 })
await once(wss, 'listening')

wss.on('connection', async (ws) => {
  try {
    let name
    for await (const message of ws) {
      name = message
      break
    }
    ws.send(`welcome, ${name}`)
    for await (const message of ws) {
      // Nothing more is read while this waits
      await new Promise(setImmediate)
      ws.send(typeof message === 'string' ? message.toUpperCase() : message.reverse())
    }
    console.log(`${name} is gone`)
  } catch (error) {
    console.error(error)
  }
})

const client = new WebSocket(`ws://127.0.0.1:${wss.address().port}`)
await once(client, 'open')
for (const message of ['ada', 'text', Buffer.from([1, 2, 3])]) client.send(message)
for await (const message of client) {
  console.log('received:', message)
  if (typeof message !== 'string') break
}
// What `await using` calls at the end of a block: closes with 1000, and waits
await client[Symbol.asyncDispose]()
wss.close()
