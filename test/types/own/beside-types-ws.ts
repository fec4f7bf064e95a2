// What was received, and options that were prepared, pass between code typed by @types/ws and code typed by this package.
import * as hybi from 'hybi'
import * as ws from 'ws'

declare function fromUs(data: ws.RawData): void
declare function toUs(data: hybi.RawData): void
declare const theirs: ws.RawData
toUs(theirs)

const perMessageDeflate: ws.PerMessageDeflateOptions = { threshold: 1 }
new hybi.WebSocketServer({ noServer: true, perMessageDeflate }).on('connection', (socket) => {
  socket.on('message', fromUs)
  socket.send(theirs)
})
export const event: ws.Data = {} as hybi.Data
export const address: ws.AddressInfo = {} as hybi.AddressInfo
export const verify: hybi.VerifyClientCallbackAsync = {} as ws.VerifyClientCallbackAsync
