// The demo server: static page, chat at /chat, echo at / and /echo. `npm start -- --help` lists the options.

import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { UsageError, readArguments, USAGE } from './arguments.mjs'
import { createChat } from './chat.mjs'
import { echo } from './echo.mjs'
import { selfCheck } from './self-check.mjs'
import { loadPage } from './static-files.mjs'
import { createTerminal } from './terminal.mjs'

/** Connections at a time, chat and echo together; one more is closed with 1013 (try again later). */
const MAX_CLIENTS = 100
/** TCP connections at a time, those of HTTP requests included. */
const MAX_SOCKETS = 4 * MAX_CLIENTS
/** Largest message to /chat, in octets; a larger one closes the connection with 1009. */
const MAX_CHAT_PAYLOAD = 2_000
/** Largest message to the echo paths, in octets. */
const MAX_ECHO_PAYLOAD = 16 * 1024 * 1024
/** Ports tried from the one asked for. */
const PORTS_TRIED = 100
const HEARTBEAT_MS = 30_000
const PARENT_CHECK_MS = 500
/** How long clients have to answer the close frame when the server stops. */
const STOP_MS = 1_500

const CLOSE_GOING_AWAY = 1001
const CLOSE_TRY_AGAIN_LATER = 1013
const CHAT_SUBPROTOCOL = 'chat.hybi'

const options = argumentsOrExit()
const { respond, WebSocket, WebSocketServer, kernels } = await libraryOrExit()
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))

const terminal = createTerminal(process.stdout)
const traffic = { received: 0, sent: 0 }

const { chatServer, echoServer } = serversOrExit()
const chat = createChat({
  traffic,
  maxPayload: MAX_CHAT_PAYLOAD,
  about: { library: `hybi ${version}`, runtime: `Node.js ${process.versions.node}`, kernels }
})
const server = createServer(respond)
server.maxConnections = MAX_SOCKETS
server.on('upgrade', upgrade)

/** Clients that have not answered the last ping. */
const silent = new WeakSet()
const heartbeat = setInterval(checkPeers, HEARTBEAT_MS)
let stopping = false
// A terminal's Ctrl-C reaches this process directly and once more through npm, so the signal may come twice.
process.on('SIGINT', stop)
process.on('SIGTERM', stop)
// A signal sent to npm alone ends the shell between, which does not pass it on: without a parent the server stops as well.
const parent = process.ppid
if (process.env.npm_lifecycle_event) setInterval(() => process.ppid !== parent && stop(), PARENT_CHECK_MS)

const port = await listenOrExit()
terminal.line(`hybi ${version} on Node.js ${process.versions.node}`)
await checkOrExit()
terminal.line(`Serving ${origin('http')}/`)
terminal.line(`  chat  ${origin('ws')}/chat`)
terminal.line(`  echo  ${origin('ws')}/ and /echo`)
terminal.line(`  kernels: ${options.kernels ?? kernels.default} (available: ${kernels.available.join(', ')})`)
terminal.line('Ctrl-C stops the server.')
terminal.watch(() => ({ connections: clients().length, ...traffic }))

function argumentsOrExit() {
  try {
    const parsed = readArguments(process.argv.slice(2))
    if (!parsed.help) return parsed
    process.stdout.write(USAGE)
    process.exit(0)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    process.stderr.write(`${error.message}\n\n${USAGE}`)
    process.exit(2)
  }
}

/** The built package, and the page, which needs a built file as well. */
async function libraryOrExit() {
  try {
    return { ...(await import('../../dist/index.mjs')), respond: loadPage() }
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND' && error.code !== 'ENOENT') throw error
    process.stderr.write(`hybi is not built (${error.message}).\nRun "npm install" first, or "npm run build".\n`)
    process.exit(1)
  }
}

/** The WebSocket servers; a set of kernels that this machine lacks ends the process. */
function serversOrExit() {
  const common = { noServer: true, ...(options.kernels && { kernels: options.kernels }) }
  try {
    return {
      chatServer: new WebSocketServer({
        ...common,
        maxPayload: MAX_CHAT_PAYLOAD,
        perMessageDeflate: true,
        handleProtocols: (offered) => (offered.has(CHAT_SUBPROTOCOL) ? CHAT_SUBPROTOCOL : false)
      }),
      echoServer: new WebSocketServer({ ...common, maxPayload: MAX_ECHO_PAYLOAD })
    }
  } catch (error) {
    process.stderr.write(`Kernels "${options.kernels ?? 'auto'}" cannot be used here: ${error.message}\n`)
    process.exit(2)
  }
}

/** Listens on the port asked for, or on the next free one; returns its number. */
async function listenOrExit() {
  const last = Math.min(options.port + PORTS_TRIED - 1, 65_535)
  for (let candidate = options.port; candidate <= last; candidate++) {
    try {
      await new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen(candidate, options.host, () => {
          server.off('error', reject)
          resolve()
        })
      })
      const taken = server.address().port
      if (candidate !== options.port) terminal.line(`Port ${options.port} is in use; taking ${taken} instead.`)
      return taken
    } catch (error) {
      if (error.code !== 'EADDRINUSE') {
        process.stderr.write(`Cannot listen on ${options.host}, port ${candidate}: ${error.message}\n`)
        process.exit(1)
      }
    }
  }
  process.stderr.write(`Ports ${options.port} to ${last} of ${options.host} are all in use; choose another with --port.\n`)
  process.exit(1)
}

async function checkOrExit() {
  try {
    for (const line of await selfCheck({ WebSocket, WebSocketServer, kernels })) terminal.line(line)
  } catch (error) {
    process.stderr.write(`The self-check failed: ${error.message}\n`)
    process.exit(1)
  }
}

function origin(scheme) {
  const wildcard = options.host === '0.0.0.0' || options.host === '::'
  const host = wildcard ? 'localhost' : options.host.includes(':') ? `[${options.host}]` : options.host
  return `${scheme}://${host}:${port}`
}

function clients() {
  return [...chatServer.clients, ...echoServer.clients]
}

/** Opening handshakes, by path. Pages of other origins are refused: a browser lets any page connect to this address (RFC 6455 §10.2). */
function upgrade(request, socket, head) {
  const url = URL.canParse(request.url, 'http://localhost') ? new URL(request.url, 'http://localhost') : null
  if (url === null) return refuse(socket, '400 Bad Request')
  if (stopping) return refuse(socket, '503 Service Unavailable')
  if (!isSameOrigin(request)) return refuse(socket, '403 Forbidden')
  if (url.pathname === '/chat') {
    chatServer.handleUpgrade(request, socket, head, (ws) => admit(ws) && chat.join(ws, url.searchParams.get('name') ?? ''))
  } else if (url.pathname === '/' || url.pathname === '/echo') {
    echoServer.handleUpgrade(request, socket, head, (ws) => admit(ws) && echo(ws, traffic))
  } else {
    refuse(socket, '404 Not Found')
  }
}

function isSameOrigin({ headers }) {
  if (headers.origin === undefined) return true // not a browser
  return URL.canParse(headers.origin) && new URL(headers.origin).host === headers.host
}

function refuse(socket, status) {
  socket.on('error', () => socket.destroy())
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

function admit(ws) {
  // What a peer did wrong was answered with a close code; without a listener it would end the process.
  ws.on('error', () => {})
  ws.on('pong', () => silent.delete(ws))
  if (clients().length <= MAX_CLIENTS) return true
  ws.close(CLOSE_TRY_AGAIN_LATER, 'too many connections')
  return false
}

/** Drops the peers that did not answer the last ping, and pings the others. */
function checkPeers() {
  for (const ws of clients()) {
    if (silent.has(ws)) {
      ws.terminate()
    } else {
      silent.add(ws)
      ws.ping()
    }
  }
}

async function stop() {
  if (stopping) return
  stopping = true
  clearInterval(heartbeat)
  const open = clients()
  terminal.end()
  terminal.line(`Stopping: ${open.length} connection${open.length === 1 ? '' : 's'} to close.`)
  server.close()
  server.closeIdleConnections()
  const closed = open.map((ws) => new Promise((resolve) => ws.once('close', resolve)))
  for (const ws of open) ws.close(CLOSE_GOING_AWAY, 'the server is stopping')
  await Promise.race([Promise.all(closed), new Promise((resolve) => setTimeout(resolve, STOP_MS))])
  for (const ws of clients()) ws.terminate()
  process.exit(0)
}
