// Runs one case of what leaves when, in a process of its own: it blocks, exits or dies behind a `send`, or has its surroundings replaced.
// Arguments: path of the implementation, role, name of the case, port of the peer (client role). With `workerData` it is the worker of such
// a case. What it prints, line by line, becomes the transcript.
//
// The peer writes one octet to the standard input for each frame whose payload begins with 'ask', so nothing waits for time to pass.

import { AsyncLocalStorage } from 'node:async_hooks'
import { spawnSync } from 'node:child_process'
import { existsSync, read, readSync, writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import net from 'node:net'
import { performance } from 'node:perf_hooks'
import stream from 'node:stream'
import { mock } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

const [implementation, role, name, port, flag] = isMainThread ? process.argv.slice(2) : workerData
const { nextTick } = process
const { queueMicrotask } = globalThis
const now = performance.now.bind(performance)
/** Never notified. */
const nobody = new Int32Array(new SharedArrayBuffer(4))

const print = (...values) => writeSync(1, `${values.map(String).join(' ')}\n`)

/** Blocks until the peer has one more frame that asks for it; says so if it never will. */
function answered() {
  const octet = Buffer.alloc(1)
  for (;;) {
    try {
      return print(readSync(0, octet, 0, 1, null) === 1 ? 'answered' : 'no answer')
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error
      Atomics.wait(nobody, 0, 0, 1)
    }
  }
}

/** The same, while the event loop turns; uses nothing that a case may replace. */
function answeredLater() {
  return new Promise((resolve) => {
    const look = () =>
      read(0, Buffer.alloc(1), 0, 1, null, (error, length) => {
        if (error?.code === 'EAGAIN') look()
        else resolve(print(length === 1 ? 'answered' : 'no answer'))
      })
    look()
  })
}

/** Computes for `ms`. */
function spin(ms) {
  const end = now() + ms
  while (now() < end);
}

let WebSocket

/** A CommonJS module is its class; an ES module has it as default. */
async function load() {
  if (!implementation.endsWith('.mjs')) {
    try {
      const main = createRequire(import.meta.url)(implementation)
      WebSocket = typeof main === 'function' ? main : main.default
      return
    } catch (error) {
      if (error.code !== 'ERR_REQUIRE_ESM') throw error
    }
  }
  WebSocket = (await import(pathToFileURL(implementation).href)).default
}

/** Frames that can be read where they are written: a key of zeros masks nothing. */
const LEGIBLE = { perMessageDeflate: false, generateMask: (key) => key.fill(0) }

/** An open WebSocket under test; `attach` is called with it as soon as it is there. */
async function open(options = {}, attach = () => {}) {
  if (role === 'client') {
    const ws = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false, ...options })
    attach(ws)
    await new Promise((resolve) => ws.once('open', resolve))
    return ws
  }
  const wss = new WebSocket.Server({ port: 0, host: '127.0.0.1', ...options })
  await new Promise((resolve) => wss.once('listening', resolve))
  print(`port ${wss.address().port}`)
  return new Promise((resolve) =>
    wss.once('connection', (ws) => {
      wss.close()
      attach(ws)
      resolve(ws)
    })
  )
}

/** Calls `run` in the listener of the message that the peer sends by itself, before this process has sent anything. */
const greeted = (run) => open({}, (ws) => ws.once('message', (data) => run(ws, data)))

/** What the process begins with, before the package is loaded. */
const before = {}
const cases = {}

cases['send and block'] = async () => {
  const ws = await open()
  ws.send('ask')
  answered()
  ws.terminate()
}

cases['send and block, again and again'] = async () => {
  const ws = await open()
  for (let i = 0; i < 20; i++) {
    ws.send(`ask ${i}`)
    answered()
  }
  ws.terminate()
}

for (const [label, send] of [
  ['a message', (ws) => ws.send('ask')],
  ['octets', (ws) => ws.send(Buffer.from('ask'))],
  ['a long message', (ws) => ws.send('ask'.padEnd(100_000))],
  ['long octets', (ws) => ws.send(Buffer.from('ask'.padEnd(100_000)))],
  ['the last fragment', (ws) => (ws.send('first', { fin: false }), ws.send('ask'))],
  ['a ping', (ws) => ws.ping('ask')],
  ['a pong', (ws) => ws.pong('ask')],
  [
    'a frame by hand',
    (ws) =>
      ws._sender.sendFrame(
        WebSocket.Sender.frame(Buffer.from('ask'), { opcode: 1, fin: true, mask: !ws._isServer, readOnly: true })
      )
  ]
]) {
  cases[`block in a message listener behind ${label}`] = () =>
    greeted((ws) => {
      send(ws)
      answered()
      process.exit()
    })
}

cases['block in the listener of the connection'] = () =>
  open({}, (ws) => {
    const run = () => {
      ws.send('ask')
      answered()
      process.exit()
    }
    if (role === 'client') ws.on('open', run)
    else run()
  })

cases['block in the callback of a send'] = async () => {
  const ws = await open()
  ws.send('first', () => {
    ws.send('ask')
    answered()
    process.exit()
  })
}

cases['progress messages of a computation'] = async () => {
  const ws = await open()
  for (let i = 0; i < 5; i++) {
    spin(3)
    ws.send(`ask ${i}`)
    answered()
  }
  ws.terminate()
}

cases['progress messages of a computation in a message listener'] = () =>
  greeted((ws) => {
    ws.send('begin')
    for (let i = 0; i < 5; i++) {
      spin(3)
      ws.send(`ask ${i}`)
      answered()
    }
    process.exit()
  })

cases['send and wait for a program'] = async () => {
  const ws = await open()
  ws.send('ask')
  // It ends when it has read the octet that this process would have
  print(spawnSync('head', ['-c', '1'], { stdio: ['inherit', 'pipe', 'ignore'] }).stdout.length)
  ws.terminate()
}

cases['kill the process behind a send'] = async () => {
  const ws = await open()
  ws.send('last words')
  process.kill(process.pid, 'SIGKILL')
}

cases['kill the process behind a send in a message listener'] = () =>
  greeted((ws) => {
    ws.send('last words')
    process.kill(process.pid, 'SIGKILL')
  })

cases['leave the process without its exit listeners'] = async () => {
  const ws = await open()
  ws.send('last words')
  process.reallyExit(3)
}

for (const [label, last] of [
  ['a message', (ws) => ws.send('first and last')],
  ['a close frame', (ws) => ws.close(4001, 'bye')],
  ['a ping', (ws) => ws.ping('first and last')],
  ['a burst', (ws) => Array.from({ length: 100 }, (_, i) => ws.send(`message ${i}`))],
  ['a message and a close frame', (ws) => (ws.send('first'), ws.send('second'), ws.close(1000))],
  ['a message and terminate()', (ws) => (ws.send('first'), ws.send('second'), ws.terminate())]
]) {
  cases[`exit in a message listener behind ${label}, the first that the process sends`] = () =>
    greeted((ws) => {
      last(ws)
      process.exit()
    })
}

/** Sends some, more than leave by themselves. */
const burst = (ws, from) => Array.from({ length: 4 }, (_, i) => ws.send(`${from} ${i}`))

let current = null
before['send in exit listeners of all ages'] = () => process.on('exit', () => burst(current, 'from the listener that was first'))
cases['send in exit listeners of all ages'] = async () => {
  current = await open()
  process.on('exit', () => burst(current, 'from the second'))
  process.prependListener('exit', () => burst(current, 'from one in front'))
  process.once('exit', () => burst(current, 'from the last'))
  process.exit()
}

before['send in an exit listener that is older than the package, first of all'] = () =>
  process.on('exit', () => burst(current, 'last words'))
cases['send in an exit listener that is older than the package, first of all'] = async () => {
  current = await open()
  process.exit()
}

cases['send in an exit listener of a process that ends by itself'] = async () => {
  const ws = await open()
  ws._socket.unref()
  process.on('exit', () => burst(ws, 'last words'))
}

cases['send in an exit listener behind an exception'] = async () => {
  const ws = await open()
  process.on('exit', () => burst(ws, 'last words'))
  throw new Error('uncaught')
}

cases['send in beforeExit and in exit'] = async () => {
  const ws = await open()
  ws._socket.unref()
  process.once('beforeExit', () => burst(ws, 'before'))
  process.once('exit', () => burst(ws, 'last words'))
}

/** A worker that runs the case of this name. */
const work = (of, ...more) =>
  new Worker(fileURLToPath(import.meta.url), { workerData: [implementation, role, of, port, flag, ...more] })

for (const [label, of] of [
  ['exits in a message listener', 'a message'],
  ['exits in a message listener behind a burst', 'a burst']
]) {
  cases[`a worker that ${label}`] = () =>
    void work(`exit in a message listener behind ${of}, the first that the process sends`).on('exit', (code) => print('exit', code))
}

cases['a worker that sends in its exit listener'] = () =>
  void work('send in exit listeners of all ages').on('exit', (code) => print('exit', code))

cases['a worker that blocks in a message listener'] = () =>
  void work('block in a message listener behind a message').on('exit', (code) => print('exit', code))

cases['a worker whose main thread blocks until the peer has answered'] = () => {
  const state = new Int32Array(new SharedArrayBuffer(4))
  work('as long as the main thread blocks', state)
  print(Atomics.wait(state, 0, 0))
  process.exit()
}
cases['as long as the main thread blocks'] = async () => {
  const ws = await open()
  ws.send('ask')
  await answeredLater()
  const state = workerData.at(-1)
  Atomics.store(state, 0, 1)
  Atomics.notify(state, 0)
}

cases['a worker that is terminated behind a send'] = () => {
  const worker = work('as long as nobody terminates the worker')
  worker.on('message', () => worker.terminate())
  worker.on('exit', (code) => print('exit', code))
}
cases['as long as nobody terminates the worker'] = async () => {
  const ws = await open()
  ws.send('last words')
  parentPort.postMessage('sent')
  Atomics.wait(nobody, 0, 0)
}

cases['a producer that awaits promises only, with blocks'] = async () => {
  const ws = await open()
  for (let i = 0; i < 5; i++) {
    await Promise.resolve()
    ws.send(`ask ${i}`)
    answered()
    await Promise.resolve().then(() => {})
  }
  ws.terminate()
}

/** Goes on until the peer has what asked for it, which has written a file then. */
async function produce(pause) {
  const ws = await open()
  // More than leave by themselves
  for (let i = 0; i < 30; i++) ws.send(`${i}`)
  ws.send('ask')
  while (!existsSync(flag)) {
    spin(0.05)
    ws.send('.')
    if (pause !== undefined) await pause
  }
  print('the peer has it')
  process.exit()
}
cases['a producer that awaits promises only, until the peer has what it sent'] = () => produce(null)
cases['a producer that awaits nothing, until the peer has what it sent'] = () => produce(undefined)

// Fakes, as test runners make them: what is to be called later is never called

/** Replaces what calls back later. */
function fake(...names) {
  for (const one of names) {
    if (one === 'nextTick') process.nextTick = () => {}
    else globalThis[one] = () => 0
  }
}
const ALL = ['nextTick', 'setImmediate', 'setTimeout', 'setInterval', 'queueMicrotask']

/** Sends within and outside of a message listener, with and without callbacks, and waits until the peer has all. */
async function talk(options = {}, change = () => {}) {
  const ws = await open(options)
  change()
  for (let i = 0; i < 40; i++) ws.send(`${i}`, i % 3 === 0 ? () => {} : undefined)
  ws.send(Buffer.alloc(70_000, 'x'))
  ws.ping('p')
  ws.send('ask')
  await answeredLater()
  ws.once('message', () => {
    for (let i = 0; i < 20; i++) ws.send(`in the listener ${i}`)
    ws.send('ask')
  })
  ws.send('go')
  await answeredLater()
  process.exit()
}

for (const names of [['nextTick'], ['setImmediate', 'setTimeout', 'setInterval'], ALL]) {
  // Node's own HTTP and sockets need ticks to connect
  cases[`${names.join(', ')} replaced when the connection is open`] = () => talk({}, () => fake(...names))
}
cases['all of them replaced, and the process blocks'] = async () => {
  const ws = await open()
  fake(...ALL)
  for (let i = 0; i < 3; i++) {
    ws.send(`ask ${i}`)
    answered()
  }
  process.exit()
}

cases["node:test's mock timers"] = async () => {
  const ws = await open()
  mock.timers.enable({ apis: ['setInterval', 'setTimeout', 'setImmediate', 'Date'] })
  for (let i = 0; i < 40; i++) ws.send(`${i}`)
  ws.send('ask')
  await answeredLater()
  ws.send('ask', () => {
    print('called back')
    ws.send('ask')
    answered()
    process.exit()
  })
  await answeredLater()
}

before["node:test's mock timers, enabled before the package is loaded"] = () =>
  mock.timers.enable({ apis: ['setInterval', 'setTimeout', 'setImmediate'] })
cases["node:test's mock timers, enabled before the package is loaded"] = () => talk()

before['a clock that stands'] = () => {
  performance.now = () => 1
  Date.now = () => 1
}
cases['a clock that stands'] = async () => {
  const ws = await open()
  for (let i = 0; i < 5; i++) {
    ws.send(`ask ${i}`)
    answered()
  }
  ws.terminate()
}
cases['a clock that is stopped after loading'] = async () => {
  before['a clock that stands']()
  await cases['a clock that stands']()
}

// Only what the package itself holds is a fake, as where a test runner has a `process` of its own
before['nextTick and queueMicrotask are fakes while the package is loaded'] = () => fake('nextTick', 'queueMicrotask')
cases['nextTick and queueMicrotask are fakes while the package is loaded'] = async () => {
  process.nextTick = nextTick
  globalThis.queueMicrotask = queueMicrotask
  const ws = await open()
  const storage = new AsyncLocalStorage()
  const order = []
  for (let i = 0; i < 40; i++) storage.run(i, () => ws.send(`${i}`, () => order.push(i === storage.getStore() ? i : 'lost')))
  await new Promise((resolve) => ws.send('ask', resolve))
  await answeredLater()
  print(order)
  process.on('uncaughtException', (error) => {
    print(error.message)
    process.exit()
  })
  ws.send('last', () => {
    throw new Error('of a callback')
  })
}

before['no global setImmediate'] = () => {
  delete globalThis.setImmediate
  delete globalThis.clearImmediate
}
cases['no global setImmediate'] = () => talk()
cases['no global setImmediate any more'] = async () => {
  before['no global setImmediate']()
  await talk()
}

// Methods that are replaced on the prototypes of sockets see all that is written

const seen = []
/** Puts a function in front of one of a prototype that notes chunks; `chunksOf` finds them among its arguments. */
function patch(prototype, method, chunksOf) {
  const original = prototype[method]
  prototype[method] = function (...args) {
    for (const chunk of chunksOf(...args)) seen.push(Buffer.from(chunk))
    return original.apply(this, args)
  }
}
const patches = {
  'net.Socket.prototype.write': () => patch(net.Socket.prototype, 'write', (chunk) => [chunk]),
  'stream.Duplex.prototype.write': () => patch(stream.Duplex.prototype, 'write', (chunk) => [chunk]),
  'net.Socket.prototype._write and _writev': () => {
    patch(net.Socket.prototype, '_write', (chunk) => [chunk])
    patch(net.Socket.prototype, '_writev', (chunks) => chunks.map(({ chunk }) => chunk))
  }
}
/** Sends what is short, long and by hand, and prints what the patch has seen of it. */
async function show() {
  const ws = await open(LEGIBLE)
  seen.length = 0
  ws.send('one')
  ws.send('two', () => {})
  for (let i = 0; i < 10; i++) ws.send(`burst ${i}`)
  ws.send(Buffer.alloc(300, 'x'))
  ws.send(Buffer.alloc(50_000, 'y'))
  ws.ping('ping')
  await new Promise((resolve) => ws.send('last', resolve))
  await new Promise((resolve) => setImmediate(resolve))
  ws.send('ask')
  answered()
  const octets = Buffer.concat(seen).toString('latin1')
  print(octets.replace(/(.)\1{20,}/g, (run, octet) => `${octet}*${run.length}`).replace(/[^\x20-\x7e]/g, '~'))
  process.exit()
}
for (const [what, replace] of Object.entries(patches)) {
  before[`${what} replaced before loading`] = replace
  cases[`${what} replaced before loading`] = show
  cases[`${what} replaced after loading`] = () => {
    replace()
    return show()
  }
  cases[`${what} replaced when the connection is open`] = async () => {
    const ws = await open(LEGIBLE)
    ws.send('before')
    await new Promise((resolve) => ws.send('before', resolve))
    replace()
    ws.send('ask')
    answered()
    for (let i = 0; i < 10; i++) ws.send(`burst ${i}`)
    await new Promise((resolve) => ws.send('last', resolve))
    const octets = Buffer.concat(seen).toString('latin1')
    print(octets.replace(/[^\x20-\x7e]/g, '~'))
    process.exit()
  }
}

before[name]?.()
await load()
await cases[name]()
