// Echo: every message goes back as it came, text as text and binary as binary.

/** Octets echoed between two looks at what the peer has not read yet. */
const LOOK_EVERY = 256 * 1024
/** Octets a peer may be behind before reading from it stops. */
const MAX_BEHIND = 1024 * 1024

/** Echoes on an open connection. A peer that sends without reading is paused until it caught up. */
export function echo(ws, traffic) {
  let unlooked = 0
  ws.on('message', (data, isBinary) => {
    traffic.received++
    traffic.sent++
    unlooked += data.length
    if (unlooked < LOOK_EVERY) return ws.send(data, { binary: isBinary })
    // Not for each message: to look at bufferedAmount writes out what a tick's messages would share one write for.
    unlooked = 0
    if (ws.bufferedAmount < MAX_BEHIND) return ws.send(data, { binary: isBinary })
    ws.pause()
    ws.send(data, { binary: isBinary }, () => ws.resume())
  })
}
