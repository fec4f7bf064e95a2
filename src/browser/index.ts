// The same import in a browser: every name is there that Node has.

import {
  createWebSocketStream,
  extension,
  kernels,
  PerMessageDeflate,
  Receiver,
  Refusal,
  Sender,
  subprotocol,
  WebSocketServer
} from './only-on-node.js'
import { WebSocket } from './websocket.js'

export default Object.assign(WebSocket, {
  createWebSocketStream,
  extension,
  kernels,
  PerMessageDeflate,
  Receiver,
  Refusal,
  Sender,
  Server: WebSocketServer,
  subprotocol,
  WebSocket,
  WebSocketServer
})

export {
  createWebSocketStream,
  extension,
  kernels,
  PerMessageDeflate,
  Receiver,
  Refusal,
  Sender,
  subprotocol,
  WebSocket,
  WebSocketServer
}
