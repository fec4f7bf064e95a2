// Each of the two takes the other's; but a server of ws's has not all that one of ours has.
import * as hybi from 'hybi'
import * as ws from 'ws'

declare const ours: { socket: hybi.WebSocket; server: hybi.WebSocketServer; message: hybi.MessageEvent; close: hybi.CloseEvent }
declare const theirs: { socket: ws.WebSocket; server: ws.WebSocketServer; message: ws.MessageEvent; close: ws.CloseEvent }

export const given: typeof theirs = ours
export const taken: Omit<typeof ours, 'server'> & { server: hybi.Server } = theirs
export const classes: [typeof ws.WebSocket, typeof ws.WebSocketServer] = [hybi.WebSocket, hybi.WebSocketServer]
export const client: hybi.ClientOptions = {} as ws.ClientOptions

class Ours extends hybi.WebSocket {
  readonly isOurs = true
}
class Theirs extends ws.WebSocket {
  readonly isTheirs = true
}
new ws.WebSocketServer({ noServer: true, WebSocket: Ours }).on('connection', (socket) => console.log(socket.isOurs))
new hybi.WebSocketServer({ noServer: true, WebSocket: Theirs }).on('connection', (socket) => console.log(socket.isTheirs))
ws.createWebSocketStream(ours.socket).pipe(hybi.createWebSocketStream(theirs.socket))

// @ts-expect-error: what is not a WebSocket is not taken for one
new hybi.WebSocketServer({ noServer: true, WebSocket: Date })
// @ts-expect-error: nor is a server one
export const wrong: hybi.WebSocket = theirs.server
