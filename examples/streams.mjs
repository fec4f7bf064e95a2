// A WebSocket as a Node.js stream: the server sends a file, the client hashes it; neither holds all of it in memory.

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, readFileSync } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import WebSocket, { createWebSocketStream, WebSocketServer } from 'hybi'

const file = process.argv[2] ?? process.execPath
const wss = new WebSocketServer({ host: '127.0.0.1', port: 0 })
await once(wss, 'listening')

wss.on('connection', (ws) => {
  // When the file ends the stream ends, and with it the WebSocket.
  pipeline(createReadStream(file), createWebSocketStream(ws)).catch(console.error)
})

const ws = new WebSocket(`ws://127.0.0.1:${wss.address().port}`)
const hash = createHash('sha256')
let octets = 0

await pipeline(createWebSocketStream(ws), async (chunks) => {
  for await (const chunk of chunks) {
    octets += chunk.length
    hash.update(chunk)
  }
})

const expected = createHash('sha256').update(readFileSync(file)).digest('hex')
console.log(`received ${octets} octets, ${hash.digest('hex') === expected ? 'the same as' : 'other than'} in the file`)
wss.close()
