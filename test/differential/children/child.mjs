// Runs one case in a process of its own, because it ends the process or lets errors go uncaught.
// Arguments: path of the implementation, role, name of the case, port of the peer (client role).
// What it prints, line by line, becomes the transcript.

import { AsyncLocalStorage } from 'node:async_hooks'
import { EventEmitter } from 'node:events'
import { writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import net from 'node:net'
import { pathToFileURL } from 'node:url'

const [, , implementation, role, name, port] = process.argv
const require = createRequire(import.meta.url)

/** What a program does before the package is loaded. */
const before = {
  'emit that was patched before sees text as a Buffer'() {
    const { emit } = EventEmitter.prototype
    EventEmitter.prototype.emit = function (event, ...args) {
      if (event === 'message' && this.constructor.name === 'WebSocket') print('traced', ...args)
      return emit.call(this, event, ...args)
    }
  }
}
before[name]?.()
const WebSocket = await load()

/** A CommonJS module is its class; an ES module has it as default. */
async function load() {
  if (!implementation.endsWith('.mjs')) {
    try {
      const main = require(implementation)
      return typeof main === 'function' ? main : main.default
    } catch (error) {
      if (error.code !== 'ERR_REQUIRE_ESM') throw error
    }
  }
  return (await import(pathToFileURL(implementation).href)).default
}

function print(...values) {
  writeSync(
    1,
    `${values.map((value) => (value instanceof Error ? `${value.name} [${value.code ?? ''}]: ${value.message}` : Buffer.isBuffer(value) ? `Buffer ${value}` : String(value))).join(' ')}\n`
  )
}

/** An open WebSocket under test; the peer sits in the parent process. */
async function open(options = {}) {
  if (role === 'client') {
    const ws = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false, ...options })
    await new Promise((resolve) => ws.once('open', resolve))
    return { ws, go: () => ws.send('go') }
  }
  const wss = new WebSocket.Server({ port: 0, host: '127.0.0.1', ...options })
  await new Promise((resolve) => wss.once('listening', resolve))
  print(`port ${wss.address().port}`)
  const ws = await new Promise((resolve) => wss.once('connection', resolve))
  wss.close()
  return { ws, go: () => ws.send('go') }
}

const listen = (ws, events = ['message', 'ping', 'pong', 'error', 'close']) => {
  for (const event of events) ws.on(event, (...args) => print(event, ...args, 'state', ws.readyState))
}

/** Some turns of the event loop later, when all of a chunk has been delivered. */
const later = (run, turns = 30) => setImmediate(() => (turns === 0 ? run() : later(run, turns - 1)))

const cases = {
  async 'send, close, exit'() {
    const { ws } = await open()
    ws.send('first')
    ws.send(Buffer.alloc(100, 1))
    ws.close(1000, 'bye')
    process.exit(0)
  },

  async 'emit that was patched before sees text as a Buffer'() {
    const { ws, go } = await open()
    ws.onmessage = ({ data }) => print('DOM', typeof data, data)
    ws.addEventListener('close', () => process.exit(0))
    go()
  },

  async 'send and exit'() {
    const { ws } = await open()
    for (let i = 0; i < 20; i++) ws.send(`message ${i}`)
    ws.ping('p')
    process.exit(0)
  },

  async 'send in an exit handler'() {
    const { ws } = await open()
    process.on('exit', () => ws.send('from the exit handler'))
    ws.send('before')
    process.exit(0)
  },

  async 'send and an uncaught exception'() {
    const { ws } = await open()
    ws.send('before the exception')
    throw new Error('uncaught')
  },

  async 'send, terminate, exit'() {
    const { ws } = await open()
    ws.send('before terminate')
    ws.terminate()
    process.exit(0)
  },

  async 'close and let the process end by itself'() {
    const { ws } = await open()
    listen(ws)
    ws.send('last')
    ws.close(1000)
    process.on('exit', (code) => print('exit', code, 'state', ws.readyState))
  },

  async 'an idle connection keeps the process alive, a terminated one does not'() {
    const { ws } = await open()
    setTimeout(() => {
      print('still alive', ws.readyState)
      ws.terminate()
    }, 50)
    process.on('exit', () => print('exit'))
  },

  async 'an error without a listener is uncaught'() {
    const { ws, go } = await open()
    process.on('uncaughtException', (error) => print('uncaught', error))
    ws.on('close', (...args) => print('close', ...args))
    go()
  },

  async 'an error without any handler ends the process'() {
    const { go } = await open()
    go()
  },

  async 'a connection that fails without a listener ends the process'() {
    new WebSocket(`ws://127.0.0.1:${port}`)
  },

  async 'a message listener that throws'() {
    const { ws, go } = await open()
    process.on('uncaughtException', (error) => {
      print('uncaught', error, 'state', ws.readyState)
      if (error.message === 'from the listener') later(() => ws.terminate())
    })
    let thrown = false
    ws.on('message', (data) => {
      print('message', data)
      if (!thrown) {
        thrown = true
        throw new Error('from the listener')
      }
    })
    listen(ws, ['ping', 'error', 'close'])
    go()
  },

  async 'a ping listener that throws'() {
    const { ws, go } = await open()
    process.on('uncaughtException', (error) => {
      print('uncaught', error)
      later(() => ws.terminate())
    })
    ws.once('ping', () => {
      throw new Error('from the listener')
    })
    listen(ws, ['message', 'error', 'close'])
    go()
  },

  async 'a close listener that throws'() {
    const { ws, go } = await open()
    process.on('uncaughtException', (error) => print('uncaught', error, 'state', ws.readyState))
    ws.on('close', () => {
      throw new Error('from the listener')
    })
    ws.on('close', () => print('second close listener'))
    go()
    ws.close(1000)
  },

  async 'an error listener that throws'() {
    const { ws, go } = await open()
    process.on('uncaughtException', (error) => print('uncaught', error, 'state', ws.readyState))
    ws.on('error', () => {
      throw new Error('from the listener')
    })
    ws.on('close', (...args) => print('close', ...args))
    go()
  },

  async 'a send callback that throws'() {
    const { ws } = await open()
    process.on('uncaughtException', (error) => {
      print('uncaught', error, 'state', ws.readyState)
      ws.send('after', (...args) => {
        print('callback after', ...args)
        ws.terminate()
      })
    })
    ws.send('a', () => {
      print('callback a')
      throw new Error('from the callback')
    })
    ws.send('b', () => print('callback b'))
  },

  async 'a callback of a send after close that throws'() {
    const { ws } = await open()
    process.on('uncaughtException', (error) => print('uncaught', error))
    ws.terminate()
    ws.send('a', () => {
      throw new Error('from the callback')
    })
    ws.send('b', (error) => print('callback b', error))
  },

  async 'the store of a listener that throws does not leak'() {
    const { ws, go } = await open()
    const storage = new AsyncLocalStorage()
    process.on('uncaughtException', (error) => print('uncaught', error))
    ws.send('x', () => print('store', storage.getStore()))
    storage.run('inside', () => ws.send('y', () => print('store', storage.getStore())))
    ws.once('message', () => {
      print('message store', storage.getStore())
      later(() => ws.terminate())
    })
    go()
  },

  async 'upgrade and open listeners that throw'() {
    process.on('uncaughtException', (error) => print('uncaught', error))
    const ws = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false })
    ws.on('upgrade', () => print('upgrade'))
    ws.on('open', () => {
      print('open')
      later(() => ws.terminate())
      throw new Error('from the open listener')
    })
    listen(ws)
  },

  async 'a connection listener that throws'() {
    process.on('uncaughtException', (error) => print('uncaught', error))
    const wss = new WebSocket.Server({ port: 0, host: '127.0.0.1' })
    wss.on('connection', (ws) => {
      listen(ws)
      ws.on('close', () => wss.close(() => print('closed')))
      print('clients', wss.clients.size)
      later(() => ws.terminate())
      throw new Error('from the connection listener')
    })
    await new Promise((resolve) => wss.once('listening', resolve))
    print(`port ${wss.address().port}`)
  },

  async 'an unref-ed socket lets the process end'() {
    const { ws } = await open()
    print('unref', ws._socket.unref() instanceof net.Socket)
    process.on('exit', () => print('exit', ws.readyState))
  },

  async 'a stream error without a listener is uncaught'() {
    const { ws, go } = await open()
    process.on('uncaughtException', (error) => print('uncaught', error, 'state', ws.readyState))
    const stream = WebSocket.createWebSocketStream(ws)
    stream.on('data', (data) => print('data', data))
    stream.on('close', () => print('stream close'))
    ws.on('close', (...args) => print('close', ...args))
    go()
  },

  async 'environment variables'() {
    const { ws, go } = await open()
    listen(ws, ['message', 'ping', 'close'])
    ws.send(Buffer.alloc(300, 7))
    go()
    ws.on('message', (data) => {
      if (String(data) === '4') ws.close(1000)
    })
  }
}

await cases[name]()
