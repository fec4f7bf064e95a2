// The same package from CommonJS: require('hybi') is the WebSocket class, with everything else on it.

const WebSocket = require('hybi')

const wss = new WebSocket.Server({ host: '127.0.0.1', port: 0 }, () => {
  const ws = new WebSocket(`ws://127.0.0.1:${wss.address().port}`)

  ws.on('error', console.error)
  ws.on('message', (data) => {
    console.log('received: %s', data)
    ws.close()
    wss.close()
  })
})

wss.on('connection', (ws) => {
  ws.on('error', console.error)
  ws.send('hello from CommonJS')
})
