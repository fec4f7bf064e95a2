// The Node entry: the WebSocket class, with everything else as its statics.

import * as extension from './core/extension.js'
import * as subprotocol from './core/subprotocol.js'
import { createWebSocketStream } from './node/duplex.js'
import { kernels } from './node/runtime/kernels.js'
import { PerMessageDeflate } from './node/compat/permessage-deflate.js'
import { Receiver } from './node/compat/receiver.js'
import { Sender } from './node/compat/sender.js'
import { WebSocketServer } from './node/server.js'
import { WebSocket } from './node/websocket.js'
import { Refusal } from './services/refusal.js'

export default Object.assign(WebSocket, {
  createWebSocketStream,
  extension: { format: extension.format, parse: extension.parse },
  kernels,
  PerMessageDeflate,
  Receiver,
  Refusal,
  Sender,
  Server: WebSocketServer,
  subprotocol: { parse: subprotocol.parse },
  WebSocket,
  WebSocketServer
})
