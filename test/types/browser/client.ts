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

// @ts-expect-error: not an address
new WebSocket(1)
// @ts-expect-error: an option of the wrong type
new WebSocket('wss://example.com', [], { maxPayload: '1 MiB' })
// @ts-expect-error: there is no stream of Node's
ws.binaryType = 'fragments'
