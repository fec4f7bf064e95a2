// Connects through an HTTP proxy, with an agent that knows how.
//
//   node proxy.mjs [proxy address] [server address]
//
// Without addresses it starts a proxy and a server of its own. For SOCKS, take SocksProxyAgent from socks-proxy-agent.

import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { HttpsProxyAgent } from 'https-proxy-agent'
import WebSocket, { WebSocketServer } from 'hybi'

let [proxyAddress, address] = process.argv.slice(2)
let wss, proxy

if (!proxyAddress) {
  wss = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  wss.on('connection', (ws) => {
    ws.on('error', console.error)
    ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }))
  })
  await once(wss, 'listening')

  proxy = createServer()
  proxy.on('connect', (request, socket) => {
    console.log('the proxy was asked for the server')
    const target = `http://${request.url}`
    const { hostname, port } = URL.canParse(target) ? new URL(target) : {}
    if (!hostname) return socket.destroy()

    const upstream = connect(port || 80, hostname, () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      socket.pipe(upstream).pipe(socket)
    })
    upstream.on('error', () => socket.destroy())
    socket.on('error', () => upstream.destroy())
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')

  proxyAddress = `http://127.0.0.1:${proxy.address().port}`
  address = `ws://127.0.0.1:${wss.address().port}`
}

const ws = new WebSocket(address, { agent: new HttpsProxyAgent(proxyAddress) })

ws.on('error', console.error)
ws.on('open', () => ws.send('through the proxy and back'))
ws.on('message', (data) => {
  console.log('received: %s', data)
  ws.close()
})
ws.on('close', () => {
  wss?.close()
  proxy?.close()
})
