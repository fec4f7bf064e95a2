const log = document.getElementById('log')
let ws

function show(text) {
  log.textContent += `${text}\n`
}

function onClick(id, handler) {
  document.getElementById(id).addEventListener('click', handler)
}

onClick('login', async () => {
  const { user } = await (await fetch('login', { method: 'POST' })).json()
  show(`logged in as ${user}`)
})

onClick('logout', async () => {
  await fetch('logout', { method: 'DELETE' })
  show('logged out')
})

onClick('open', () => {
  ws?.close()
  const socket = new WebSocket(`ws://${location.host}`)
  ws = socket
  socket.onopen = () => show('open')
  socket.onerror = () => show('failed')
  socket.onmessage = ({ data }) => show(`received ${data}`)
  socket.onclose = ({ code, reason }) => show(`closed with ${code} ${reason}`)
})

onClick('send', () => {
  if (ws?.readyState === WebSocket.OPEN) ws.send('hello')
  else show('the WebSocket is not open')
})
