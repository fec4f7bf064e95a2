import WebSocket, { WebSocket as Named, type RawData } from 'hybi'
import { equal, type Same } from '../equal.cjs'

equal<Same<typeof WebSocket, typeof Named>>(true)
const ws = new WebSocket('wss://example.com', ['chat'])
ws.binaryType = 'nodebuffer'
ws.on('open', () => ws.send('x', (error) => console.log(error?.message)))
  .on('message', (data, isBinary) => {
    equal<Same<typeof data, RawData>>(true)
    if (data instanceof Uint8Array) console.log(data.buffer.byteLength, isBinary)
    else console.log(data.toString())
  })
  .once('close', function (code, reason) {
    console.log(code.toFixed(), reason.length, this.readyState === WebSocket.CLOSED)
  })
  .on('error', (error) => console.error(error.message))
ws.onmessage = (event) => {
  equal<Same<typeof event.data, string | ArrayBuffer | Blob>>(true)
}
ws.addEventListener('close', (event) => console.log(event.code, event.wasClean), { once: true })
ws.send(new Uint8Array(1))
ws.close(1000, 'bye')
ws.removeAllListeners('message').terminate()

// @ts-expect-error: there are no request headers in a browser
new WebSocket('wss://example.com', [], { headers: { a: 'b' } })
// @ts-expect-error: nor pings
ws.ping()
// @ts-expect-error: nor is there a stream of Node's
ws.binaryType = 'fragments'
