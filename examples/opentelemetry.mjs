// The sums of a server as metrics of OpenTelemetry. A library needs no more than its API; which SDK collects is for the program to say.

import { once } from 'node:events'
import { metrics } from '@opentelemetry/api'
import WebSocket, { WebSocketServer } from 'hybi'
import { PrintingProvider } from './opentelemetry/printing-provider.mjs'

// In earnest, `new MeterProvider({ readers })` of @opentelemetry/sdk-metrics
const provider = new PrintingProvider()
metrics.setGlobalMeterProvider(provider)
/** Has the sums of `wss` observed. */
function instrument(wss) {
  const meter = metrics.getMeter('hybi')
  const connections = meter.createObservableUpDownCounter('websocket.connections', { unit: '{connection}' })
  const closed = meter.createObservableCounter('websocket.closed', { unit: '{connection}' })
  const octets = meter.createObservableCounter('websocket.io', { unit: 'By' })
  meter.addBatchObservableCallback(
    (result) => {
      const stats = wss.stats()
      result.observe(connections, stats.connections)
      for (const [cause, count] of Object.entries(stats.closed)) result.observe(closed, count, { cause })
      result.observe(octets, stats.octetsReceived, { 'network.io.direction': 'receive' })
      result.observe(octets, stats.octetsSent, { 'network.io.direction': 'transmit' })
    },
    [connections, closed, octets]
  )
  wss.stats() // counting begins
}

const wss = new WebSocketServer({ host: '127.0.0.1', port: 0 })
wss.on('connection', (ws) => ws.on('error', console.error))
instrument(wss)
await once(wss, 'listening')
const client = new WebSocket(`ws://127.0.0.1:${wss.address().port}`)
client.on('open', () => client.send('hello'))
const [ws] = await once(wss, 'connection')
ws.on('message', () => ws.close())
await once(ws, 'close')
provider.collect()
wss.close()
