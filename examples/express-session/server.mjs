// WebSockets for users who logged in with express-session: the upgrade request carries the session's cookie.
// Open the printed address in a browser. Ctrl-C ends the server; PORT sets its port.

import { createServer } from 'node:http'
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import express from 'express'
import session from 'express-session'
import { WebSocketServer } from 'hybi'

const app = express()
const parseSession = session({ secret: randomUUID(), resave: false, saveUninitialized: false })
/** The open WebSocket of each user. */
const sockets = new Map()

app.use(parseSession)
app.use(express.static(fileURLToPath(new URL('public', import.meta.url))))

app.post('/login', (request, response) => {
  // Here a program in earnest asks for a name and a password.
  request.session.user = randomUUID()
  console.log(`${request.session.user} logged in`)
  response.json({ user: request.session.user })
})

app.delete('/logout', (request, response) => {
  const { user } = request.session
  request.session.destroy(() => {
    sockets.get(user)?.close(1008, 'logged out')
    console.log(`${user} logged out`)
    response.sendStatus(204)
  })
})

const server = createServer(app)
const wss = new WebSocketServer({ noServer: true })

/**
 * Whether a request comes from a page of this server, or from no browser. A browser lets any page connect, and sends the cookie along:
 * without this, pages of others could act as the user (RFC 6455 §10.2).
 */
function isOwnPage({ headers: { origin, host } }) {
  return origin === undefined || (URL.canParse(origin) && new URL(origin).host === host)
}

server.on('upgrade', (request, socket, head) => {
  socket.on('error', console.error)
  const refuse = (status) => socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`)

  if (!isOwnPage(request)) return refuse('403 Forbidden')
  // `*` and `http://...` are targets, too, which the middleware does not expect.
  if (!request.url.startsWith('/')) return refuse('400 Bad Request')
  parseSession(request, {}, (error) => {
    if (error) {
      console.error(error)
      return refuse('500 Internal Server Error')
    }
    if (!request.session?.user) return refuse('401 Unauthorized')
    socket.off('error', console.error)
    wss.handleUpgrade(request, socket, head, (ws) => wss.emit('connection', ws, request))
  })
})

wss.on('connection', (ws, request) => {
  const { user } = request.session
  sockets.set(user, ws)
  ws.on('error', console.error)
  ws.on('message', (data) => {
    console.log(`received ${data} from ${user}`)
    ws.send(`${user}: ${data}`)
  })
  ws.on('close', () => {
    if (sockets.get(user) === ws) sockets.delete(user)
  })
})

server.listen(Number(process.env.PORT ?? 8080), '127.0.0.1', () => {
  console.log(`open http://127.0.0.1:${server.address().port}`)
})

process.once('SIGINT', () => {
  server.close()
  server.closeAllConnections()
  for (const ws of wss.clients) ws.close(1001)
})
