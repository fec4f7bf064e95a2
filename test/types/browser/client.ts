import WebSocket, { WebSocket as Named, type RawData } from 'hybi'
import { equal, type Same } from '../equal.cjs'

equal<Same<typeof WebSocket, typeof Named>>(true)
const ws = new WebSocket('wss://example.com', ['chat'])
ws.binaryType = 'arraybuffer'
ws.on('open', () => ws.send('x'))
  .on('message', (data, isBinary) => {
    equal<Same<typeof data, RawData>>(true)
    console.log(isBinary, data.toString())
  })
  .once('close', function (code, reason) {
    console.log(code.toFixed(), reason.length, this.readyState === WebSocket.CLOSED)
  })
  .on('error', (error) => console.error(error.message))
ws.onmessage = (event) => {
  equal<Same<typeof event.data, RawData>>(true)
}
ws.addEventListener('close', (event) => console.log(event.code, event.wasClean), { once: true })
ws.send(new Uint8Array(1))
ws.close(1000, 'bye')

// @ts-expect-error: there are no request headers in a browser
new WebSocket('wss://example.com', [], { headers: { a: 'b' } })
// @ts-expect-error: nor pings
ws.ping()
// @ts-expect-error: Buffers are Node's
ws.binaryType = 'nodebuffer'
