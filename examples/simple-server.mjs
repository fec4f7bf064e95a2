// A server that sends back what it receives, until Ctrl-C. PORT sets its port.

import { WebSocketServer } from 'hybi'

const wss = new WebSocketServer({ host: '127.0.0.1', port: Number(process.env.PORT ?? 8080) })

wss.on('listening', () => {
  console.log(`listening on ws://127.0.0.1:${wss.address().port}`)
})

wss.on('error', (error) => {
  console.error(`cannot serve: ${error.message}`)
  process.exitCode = 1
})

wss.on('connection', (ws) => {
  ws.on('error', console.error)
  ws.on('message', (data, isBinary) => {
    console.log(isBinary ? `received ${data.length} octets` : `received: ${data}`)
    ws.send(data, { binary: isBinary })
  })
  ws.on('close', (code) => console.log(`closed with ${code}`))
})

process.once('SIGINT', () => {
  console.log('closing')
  // The server stops listening; connections that are open stay so until they are closed.
  wss.close()
  for (const ws of wss.clients) ws.close(1001, 'server is going away')
})
