// The WebSocket that is part of Node, a client only.

import { once } from 'node:events'

export default () => ({
  send: (ws, data) => ws.send(data),

  async connect(url, { onMessage }) {
    const ws = new WebSocket(url)
    ws.binaryType = 'arraybuffer'
    ws.addEventListener('message', ({ data }) => onMessage(data))
    await once(ws, 'open')
    return ws
  }
})
