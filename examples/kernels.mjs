// The kernels are the hot paths (masking, frame scanning, UTF-8 validation). Here each set of them echoes a message.

import { once } from 'node:events'
import WebSocket, { kernels, WebSocketServer } from 'hybi'

console.log(`available: ${kernels.available.join(', ')}; used by default: ${kernels.default}`)

for (const name of kernels.available) {
  const wss = new WebSocketServer({ host: '127.0.0.1', port: 0, kernels: name })
  wss.on('connection', (ws) => {
    ws.on('error', console.error)
    ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }))
  })
  await once(wss, 'listening')

  const ws = new WebSocket(`ws://127.0.0.1:${wss.address().port}`, { kernels: name })
  ws.on('error', console.error)
  await once(ws, 'open')
  const text = 'žluťoučký kůň '.repeat(10_000)
  ws.send(text)
  const [data] = await once(ws, 'message')
  console.log(`${ws.kernels}: ${data.length} octets came back ${data.toString() === text ? 'the same' : 'changed'}`)

  ws.close()
  wss.close()
}
