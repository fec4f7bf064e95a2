// Sends octets, and receives them in each of the forms there are.

import { once } from 'node:events'
import WebSocket, { WebSocketServer } from 'hybi'

const wss = new WebSocketServer({ host: '127.0.0.1', port: 0 })
await once(wss, 'listening')

wss.on('connection', (ws) => {
  ws.on('error', console.error)
  ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }))
})

const ws = new WebSocket(`ws://127.0.0.1:${wss.address().port}`)
ws.on('error', console.error)
await once(ws, 'open')

async function echo(data) {
  ws.send(data)
  const [answer, isBinary] = await once(ws, 'message')
  return isBinary ? answer : answer.toString()
}

// Anything with octets in it can be sent: Buffer, ArrayBuffer, typed arrays, DataView, Blob.
console.log('a Float32Array as a Buffer:', await echo(Float32Array.of(0.5, 1, 1.5)))
console.log('a Blob as a Buffer:', await echo(new Blob(['blob'])))

ws.binaryType = 'arraybuffer'
console.log('a Float32Array as an ArrayBuffer, viewed as floats:', new Float32Array(await echo(Float32Array.of(0.5, 1, 1.5))))

ws.binaryType = 'fragments'
console.log('a Buffer as a list of fragments:', await echo(Buffer.from('octets')))

ws.binaryType = 'blob'
console.log('a Buffer as a Blob of', (await echo(Buffer.from('octets'))).size, 'octets')

ws.close()
wss.close()
