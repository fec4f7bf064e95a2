// The manner of an MQTT client: the protocol runs over a Duplex.
import { WebSocket, createWebSocketStream, type ClientOptions } from 'ws'
import type { Duplex } from 'stream'

interface StreamOptions {
  protocolVersion: 3 | 4 | 5
  wsOptions?: ClientOptions
  browserBufferSize?: number
}

export function buildStream(url: string, options: StreamOptions): Duplex {
  const subprotocol = options.protocolVersion === 3 ? 'mqttv3.1' : 'mqtt'
  const socket = new WebSocket(url, [subprotocol], options.wsOptions)
  const stream: Duplex & { url?: string; socket?: WebSocket } = createWebSocketStream(socket, {
    ...(options.browserBufferSize === undefined ? {} : { highWaterMark: options.browserBufferSize }),
    readableObjectMode: false
  })
  stream.url = socket.url
  stream.socket = socket
  socket.on('close', () => stream.destroy())
  stream.on('data', (chunk: Buffer) => console.log(chunk.length, socket.bufferedAmount))
  return stream
}
