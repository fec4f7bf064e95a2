// A chat room over WebSocket. Both directions carry JSON text messages.
// From a client: {type: 'say', text} and {type: 'name', name}.
// To a client: hello (first), said, joined, left, renamed, and problem where its message was no use.

const MAX_NAME = 24 // code points
const HISTORY = 50 // messages
/** Octets a client may be behind; one that does not read is dropped instead of filling memory. */
const MAX_BEHIND = 1024 * 1024

/**
 * A room. `join(ws, name)` takes an open connection in and greets it with the name it got, the recent messages, the limits,
 * and how the server sees the connection.
 */
export function createChat({ traffic, maxPayload, about }) {
  const room = new Map()
  const history = []
  // Tells a reconnecting page whether the sequence numbers it knows are still those of this room.
  const session = `${process.pid}-${Date.now()}`
  let guests = 0
  let sequence = 0

  function join(ws, wishedName) {
    const name = readName(wishedName) || `guest ${++guests}`
    broadcast({ type: 'joined', name, people: room.size + 1 })
    room.set(ws, name)
    send(
      ws,
      JSON.stringify({
        type: 'hello',
        session,
        name,
        people: room.size,
        history,
        limits: { message: maxPayload, name: MAX_NAME },
        connection: { kernels: ws.kernels, extensions: ws.extensions, protocol: ws.protocol },
        server: about
      })
    )
    ws.on('message', (data, isBinary) => {
      traffic.received++
      const problem = isBinary ? 'This room takes text messages only.' : receive(ws, String(data))
      if (problem) send(ws, JSON.stringify({ type: 'problem', text: problem }))
    })
    ws.on('close', () => {
      const last = room.get(ws)
      room.delete(ws)
      broadcast({ type: 'left', name: last, people: room.size })
    })
  }

  /** Carries out one message; returns what is wrong with it, if anything. */
  function receive(ws, json) {
    const message = parseObject(json)
    if (message?.type === 'say' && typeof message.text === 'string') {
      const text = message.text.trim()
      if (text === '') return 'The message is empty.'
      const said = { type: 'said', sequence: ++sequence, time: Date.now(), name: room.get(ws), text }
      history.push(said)
      if (history.length > HISTORY) history.shift()
      broadcast(said)
    } else if (message?.type === 'name' && typeof message.name === 'string') {
      const name = readName(message.name)
      if (name === '') return 'The name is empty.'
      const before = room.get(ws)
      room.set(ws, name)
      if (name !== before) broadcast({ type: 'renamed', before, name })
    } else {
      return 'This room takes {"type": "say", "text": …} and {"type": "name", "name": …}.'
    }
  }

  function broadcast(message) {
    const json = JSON.stringify(message)
    for (const ws of room.keys()) {
      if (ws.bufferedAmount > MAX_BEHIND) ws.terminate()
      else send(ws, json)
    }
  }

  function send(ws, json) {
    ws.send(json)
    traffic.sent++
  }

  return { join }
}

function parseObject(json) {
  try {
    return JSON.parse(json)
  } catch {
    return null
  }
}

/** A name fit for display: on one line, without control or direction characters, not too long. */
function readName(name) {
  const plain = name.normalize('NFC').replace(/\p{C}/gu, '').replace(/\s+/gu, ' ').trim()
  return [...plain].slice(0, MAX_NAME).join('').trim()
}
