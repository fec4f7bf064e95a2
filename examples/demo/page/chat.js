// The chat, and what its connection negotiated.

import { connect } from './connection.js'

const MAX_LINES = 300
const NAME_KEY = 'hybi-demo-name'
const encoder = new TextEncoder()
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
const byId = (id) => document.getElementById(id)

export function startChat() {
  const log = byId('log')
  const nameInput = byId('name')
  const textInput = byId('text')
  const sendButton = byId('send')
  const problem = byId('chat-problem')

  let maxMessage = Infinity
  let ownName = ''
  let session = ''
  let lastSequence = 0
  let everLost = false
  let followsLog = true

  nameInput.value = storedName()
  log.addEventListener('scroll', () => {
    followsLog = log.scrollHeight - log.scrollTop - log.clientHeight < 24
  })
  new ResizeObserver(() => followLog()).observe(log)

  const connection = connect(() => `/chat?name=${encodeURIComponent(nameInput.value)}`, ['chat.hybi'], {
    onOpen(socket) {
      byId('c-address').textContent = socket.url.split('?')[0]
      byId('c-protocol').textContent = socket.protocol || 'none'
      byId('c-extensions').textContent = socket.extensions || 'none'
    },
    onMessage: (json) => receive(JSON.parse(json)),
    onState: showState
  })

  byId('retry').addEventListener('click', () => connection.retry())
  nameInput.addEventListener('change', rename)
  textInput.addEventListener('input', () => {
    problem.textContent = lengthProblem()
  })
  byId('composer').addEventListener('submit', (event) => {
    event.preventDefault()
    rename()
    problem.textContent = lengthProblem()
    if (textInput.value.trim() === '' || problem.textContent !== '') return
    if (connection.send(message())) textInput.value = ''
    else problem.textContent = 'Not sent: there is no connection.'
  })

  function message() {
    return JSON.stringify({ type: 'say', text: textInput.value })
  }

  function lengthProblem() {
    const excess = encoder.encode(message()).length - maxMessage
    return excess > 0 ? `Too long by ${excess} octet${excess === 1 ? '' : 's'}.` : ''
  }

  function rename() {
    const name = nameInput.value.trim()
    if (name === ownName) return
    if (name === '') nameInput.value = ownName
    else if (connection.send(JSON.stringify({ type: 'name', name }))) {
      ownName = name
      store(name)
    }
  }

  function receive(event) {
    switch (event.type) {
      case 'hello':
        welcome(event)
        break
      case 'said':
        addMessage(event)
        break
      case 'joined':
        addEvent(`${event.name} joined`)
        break
      case 'left':
        addEvent(`${event.name} left`)
        break
      case 'renamed':
        addEvent(`${event.before} is now ${event.name}`)
        break
      case 'problem':
        problem.textContent = event.text
    }
    if (event.people !== undefined) byId('people').textContent = `${event.people} here`
  }

  function welcome({ name, session: current, history, limits, connection: seen, server }) {
    if (current !== session) lastSequence = 0
    session = current
    maxMessage = limits.message
    nameInput.maxLength = limits.name
    ownName = name
    nameInput.value = name
    byId('c-kernels').textContent = seen.kernels ?? 'unknown'
    byId('c-available').textContent = `${server.kernels.available.join(', ')} (default: ${server.kernels.default})`
    byId('c-server').textContent = `${server.library}, ${server.runtime}`
    for (const said of history) addMessage(said)
    addEvent(everLost ? `Connected again, as ${name}` : `You are here as ${name}`)
  }

  function addMessage({ sequence, time, name, text }) {
    if (sequence <= lastSequence) return // known from before the connection was lost
    lastSequence = sequence
    const who = document.createElement('span')
    who.className = 'who'
    who.textContent = name
    addLine(name === ownName ? 'own' : '', new Date(time), who, text)
  }

  function addEvent(text) {
    addLine('event', new Date(), text)
  }

  /** Appends a line; strings become text nodes, never markup. */
  function addLine(className, date, ...content) {
    const time = document.createElement('time')
    time.dateTime = date.toISOString()
    time.textContent = clock.format(date)
    const what = document.createElement('div')
    what.className = 'what'
    what.append(...content)
    const line = document.createElement('li')
    line.className = className
    line.append(time, what)
    log.append(line)
    while (log.childElementCount > MAX_LINES) log.firstElementChild.remove()
    followLog()
  }

  /** Keeps the latest line in sight, unless the reader has scrolled up. */
  function followLog() {
    if (followsLog) log.scrollTop = log.scrollHeight
  }

  function showState(state, detail) {
    const wasOpen = byId('status').dataset.state === 'open'
    byId('status').dataset.state = state
    byId('retry').hidden = state !== 'waiting'
    sendButton.disabled = state !== 'open'
    if (state === 'open') return setStatus('Connected')
    byId('people').textContent = ''
    if (state === 'connecting') return setStatus(everLost ? 'Connecting again' : 'Connecting')
    everLost = true
    const why = `${detail.code}: ${detail.reason}`
    if (wasOpen) addEvent(`The connection was closed (${why})`)
    // Said once and not counted down: a screen reader would read out every second.
    const seconds = Math.max(1, Math.round(detail.pauseMs / 1_000))
    setStatus(`Not connected (${why}). Next try in ${seconds} s.`)
  }

  function setStatus(text) {
    byId('status-text').textContent = text
  }
}

/** The name of this tab, kept over reloads; storage may be switched off. */
function storedName() {
  try {
    return sessionStorage.getItem(NAME_KEY) ?? ''
  } catch {
    return ''
  }
}

function store(name) {
  try {
    sessionStorage.setItem(NAME_KEY, name)
  } catch {
    // The name then lasts until the page is left.
  }
}
