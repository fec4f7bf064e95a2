// The sums of a server for Prometheus, by prom-client: they are read when somebody asks for the metrics.

import { once } from 'node:events'
import { createServer } from 'node:http'
import WebSocket, { WebSocketServer } from 'hybi'
import { Counter, Gauge, Registry } from 'prom-client'

const registers = [new Registry()]
const server = createServer(async (request, response) => {
  response.setHeader('Content-Type', registers[0].contentType)
  response.end(await registers[0].metrics())
})
const wss = new WebSocketServer({ server, heartbeat: true })
wss.on('connection', (ws) => ws.on('error', console.error))
wss.stats() // counting begins

/** Has a metric collected by what `read` gives, a list of values with their labels. */
function metric(Metric, name, help, labelNames, read) {
  const collect = function () {
    this.reset()
    for (const [labels, value] of read(wss.stats())) this.inc(labels, value)
  }
  new Metric({ name: `websocket_${name}`, help, labelNames, registers, collect })
}
const bothWays = (received, sent) => Object.entries({ received, sent }).map(([direction, value]) => [{ direction }, value])
metric(Gauge, 'connections', 'Open connections', [], (stats) => [[{}, stats.connections]])
metric(Counter, 'closed_total', 'Closed', ['cause'], ({ closed }) => Object.entries(closed).map(([cause, n]) => [{ cause }, n]))
metric(Counter, 'messages_total', 'Messages', ['direction'], (s) => bothWays(s.messagesReceived, s.messagesSent))
metric(Counter, 'octets_total', 'Octets on the wire', ['direction'], (s) => bothWays(s.octetsReceived, s.octetsSent))

await once(server.listen(0, '127.0.0.1'), 'listening')
const { port } = server.address()
const client = new WebSocket(`ws://127.0.0.1:${port}`)
client.on('open', () => client.send('hello'))
const [ws] = await once(wss, 'connection')
ws.on('message', () => ws.close())
await once(ws, 'close')
const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
console.log(text.replace(/^(#.*)?\n/gm, '').trim())
server.close().closeAllConnections()
