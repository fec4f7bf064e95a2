// A program with a server whose connections have no socket until one is asked for, in a process of its own.
// Arguments: path of the implementation, how it runs ('alone', 'cluster', 'worker' or 'idle'), and for 'cluster' the scheduling. Prints
// the port, and then a line for each event.

import cluster from 'node:cluster'
import http from 'node:http'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

const [implementation, how, scheduling] = isMainThread ? process.argv.slice(2) : workerData
const say = (line) => (isMainThread ? (process.send ? process.send(line) : console.log(line)) : parentPort.postMessage(line))

async function serve() {
  const { default: WebSocket } = await import(pathToFileURL(implementation).href)
  const server = http.createServer((request, response) => response.end(`ordinary ${request.url}`))
  const websockets = new WebSocket.WebSocketServer({ server })
  websockets.on('connection', (ws) => {
    say(`connection ${Object.hasOwn(ws._socket, '_events') ? 'with' : 'without'} a socket`)
    ws.on('message', (data) => {
      if (String(data) === 'exit') process.exit(7)
      if (String(data) === 'unref') {
        // What is still open must not keep the process
        server.unref()
        ws._socket.unref()
      }
      ws.send(data)
    })
    ws.on('close', (code) => {
      say(`close ${code} ${ws._socket?.destroyed}`)
      if (how === 'alone') return
      server.close()
      server.closeIdleConnections()
      if (cluster.isWorker) process.disconnect()
      if (!isMainThread) parentPort.close()
    })
  })
  server.listen(0, '127.0.0.1', () => say(`port ${server.address().port}`))
}

if (how === 'cluster' && cluster.isPrimary) {
  cluster.schedulingPolicy = scheduling === 'none' ? cluster.SCHED_NONE : cluster.SCHED_RR
  cluster.setupPrimary({ exec: fileURLToPath(import.meta.url), args: process.argv.slice(2) })
  const worker = cluster.fork()
  worker.on('message', (line) => console.log(line))
} else if (how === 'worker' && isMainThread) {
  const worker = new Worker(new URL(import.meta.url), { workerData: process.argv.slice(2) })
  worker.on('message', (line) => console.log(line))
} else {
  await serve()
}
