// A WebSocket to this page's server that comes back when it was lost.

const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 10_000

/** What close codes mean where the peer gave no reason (RFC 6455 §7.4.1). */
const MEANINGS = {
  1000: 'closed normally',
  1001: 'the other side is going away',
  1005: 'closed without a code',
  1006: 'no answer',
  1009: 'a message was too large',
  1011: 'an error on the server',
  1013: 'the server is busy'
}

/**
 * Opens `path` and opens it again whenever it closes, after a pause that doubles each time.
 * @param path of the address, or a function that gives it anew for each attempt
 * @param handlers `onOpen(socket)`, `onMessage(text)`, `onClose()` and `onState(state, detail)`, each optional; the state is
 * 'connecting', 'open' or 'waiting', the detail of the latter says why, and how long the pause is
 */
export function connect(path, protocols, { onOpen, onMessage, onClose, onState } = {}) {
  let socket
  let timer
  let attempts = 0

  function open() {
    clearTimeout(timer)
    const url = new URL(typeof path === 'function' ? path() : path, location.href)
    url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:'
    onState?.('connecting')
    socket = new WebSocket(url, protocols)
    let welcomed = false
    socket.onopen = () => {
      onState?.('open')
      onOpen?.(socket)
    }
    socket.onmessage = ({ data }) => {
      // A server that is full opens the connection only to close it, which must not start the pauses over.
      if (!welcomed) attempts = 0
      welcomed = true
      onMessage?.(data)
    }
    socket.onclose = ({ code, reason }) => {
      onClose?.()
      // A quarter up or down, so that the tabs of a server that went away do not all come back at once.
      const pause = Math.min(FIRST_RETRY_MS * 2 ** attempts++, LAST_RETRY_MS) * (0.75 + Math.random() / 2)
      onState?.('waiting', { code, reason: reason || MEANINGS[code] || 'closed', pauseMs: pause })
      timer = setTimeout(open, pause)
    }
  }

  open()
  return {
    /** Sends if the connection is open; says whether it was. */
    send(text) {
      if (socket.readyState !== WebSocket.OPEN) return false
      socket.send(text)
      return true
    },
    /** Ends a pause. */
    retry() {
      if (socket.readyState === WebSocket.CLOSED) open()
    }
  }
}
