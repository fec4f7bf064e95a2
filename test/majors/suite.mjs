// The built package on the Node that runs this, with HYBI_RECEIVE_BUFFER ('shared' or 'off'), HYBI_KERNELS ('wasm' or 'js'),
// HYBI_HANDLE_WRITES, and over TLS with `--tls`. It needs no test runner, so that any Node can run it: run.mjs makes one file of it and of
// what it shares with other tests, and runs that on all of them.

import assert from 'node:assert/strict'
import { AsyncLocalStorage, createHook } from 'node:async_hooks'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tls from 'node:tls'
import { setFlagsFromString } from 'node:v8'
import vm from 'node:vm'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { carryOut, cases as directCases, isDirect } from '../node/support/direct-cases.ts'
import { responseOctets, turn } from '../support/raw-peer.ts'
import { streamPair } from '../support/stream-pair.ts'
import { cert, key } from '../support/tls.ts'
import {
  adopt,
  assertWay,
  catchUncaught,
  checkKept,
  connect,
  digest,
  echo,
  finallyDo,
  frame,
  imported,
  Inbox,
  isTls,
  keep,
  kernels,
  link,
  listen,
  listenHttp,
  octetsOf,
  openRaw,
  require,
  required,
  runCases,
  sharedBuffer,
  test,
  urlOf,
  way
} from './support.mjs'

const SIZES = [
  0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 100, 124, 125, 126, 127, 128, 129, 255, 256, 257, 600, 1000, 4095, 4096,
  4097, 8191, 8193, 16_383, 16_384, 16_385, 65_535, 65_536, 65_537, 100_000, 262_143, 262_144, 262_145, 300_000
]
const MIB = 1024 * 1024

setFlagsFromString('--expose-gc')
const gc = vm.runInNewContext('gc')
const TEXT = 0x81
const BINARY = 0x82
const CLOSE = 0x88
const PING = 0x89

const textOf = (sample, length) => sample.repeat(Math.ceil(length / Buffer.byteLength(sample)))

test('import and require give the same classes', () => {
  assert.equal(imported, required)
  assert.equal(imported.WebSocket, imported)
  assert.equal(required.WebSocketServer, imported.Server)
})

test('the environment chooses kernels and the way of reading', async () => {
  const { client, clientInbox, peer } = await link()
  assert.equal(client.kernels, kernels)
  assert.equal(peer.kernels, kernels)
  assertWay(peer._socket)
  peer.send('the octets lie here')
  await clientInbox.take(1)
  assertWay(client._socket)
  if (way === 'shared') assert.ok(sharedBuffer(client._socket).includes('the octets lie here'))
})

if (way === 'shared') {
  test('all connections read into the same memory', async () => {
    const one = await link()
    const other = await link()
    assert.equal(sharedBuffer(one.peer._socket), sharedBuffer(other.peer._socket))
    assert.equal(sharedBuffer(one.client._socket), sharedBuffer(other.peer._socket))
  })
}

test('echoes binary messages of many sizes', async () => {
  const { ws, inbox } = await connect(await listen())
  const sent = SIZES.map((size) => octetsOf(size))
  for (const octets of sent) ws.send(octets)
  await inbox.expect(sent)
})

test('echoes texts of many sizes', async () => {
  const { ws, inbox } = await connect(await listen())
  for (const sample of ['ascii ', 'é', '€', '😀', 'a é € 😀 ']) {
    const sent = SIZES.filter((size) => size < 70_000).map((size) => textOf(sample, size))
    for (const text of sent) ws.send(text)
    await inbox.expect(sent)
  }
})

test('echoes with the defaults of all options', async () => {
  const options = { kernels: 'auto', receiveBuffer: 'auto' }
  const { ws, inbox } = await connect(await listen(options), options)
  const sent = SIZES.flatMap((size) => [octetsOf(size), textOf('a € ', size)])
  for (const data of sent) ws.send(data)
  await inbox.expect(sent)
})

test('gives one message a turn with allowSynchronousEvents: false', async () => {
  const { client, peerInbox } = await link({ allowSynchronousEvents: false })
  const sent = Array.from({ length: 300 }, (_, i) => octetsOf(i * 7, i))
  for (const octets of sent) client.send(octets)
  await peerInbox.expect(sent)
})

test('receives frames that come octet by octet (§5.2)', async () => {
  const server = await listen()
  const { peer } = await openRaw(server)
  const [ws] = server.clients
  const inbox = new Inbox(ws)
  const expected = ['a é € 😀', octetsOf(130), '']
  const octets = Buffer.concat([frame(TEXT, expected[0]), frame(BINARY, expected[1]), frame(TEXT, '')])
  for (let i = 0; i < octets.length; i++) {
    peer.socket.write(octets.subarray(i, i + 1))
    await turn()
  }
  await inbox.expect(expected)
})

test('joins fragments, with control frames between them (§5.4)', async () => {
  const { client, clientInbox, peer, peerInbox } = await link()
  const text = Buffer.from('a é € 😀 '.repeat(100))
  const binary = octetsOf(100_000)
  for (const [data, isBinary] of [
    [text, false],
    [binary, true]
  ]) {
    const step = Math.ceil(data.length / 20)
    for (let at = 0; at < data.length; at += step) {
      client.send(data.subarray(at, at + step), { binary: isBinary, fin: at + step >= data.length })
      client.ping(String(at))
    }
  }
  await peerInbox.expect([text.toString(), binary])
  await clientInbox.until(() => clientInbox.pongs.length === 40)
  assert.deepEqual(peerInbox.pings.map(String), clientInbox.pongs.map(String))
  peer.send('an', { fin: false })
  peer.send('swer', { fin: true })
  await clientInbox.expect(['answer'])
})

test('answers pings in order (§5.5.2)', async () => {
  const { client, clientInbox, peer, peerInbox } = await link()
  for (let i = 0; i < 125; i++) {
    client.ping(octetsOf(i))
    if (i % 25 === 24) await clientInbox.until(() => clientInbox.pongs.length === i + 1)
  }
  clientInbox.pongs.forEach((pong, i) => assert.ok(octetsOf(i).equals(pong)))
  peer.pong('unasked')
  await clientInbox.until(() => clientInbox.pongs.length === 126)
  assert.equal(peerInbox.pings.length, 125)
})

test('closes from either side, with and without a code (§7)', async () => {
  for (const closeBy of ['client', 'peer']) {
    for (const [args, expected] of [
      [[], { code: 1005, reason: '' }],
      [[4000, 'é €'], { code: 4000, reason: 'é €' }]
    ]) {
      const sides = await link()
      sides.client.send('before')
      sides.peer.send('before')
      sides[closeBy].close(...args)
      assert.deepEqual(await sides.clientInbox.end(), expected)
      assert.deepEqual(await sides.peerInbox.end(), expected)
      assert.equal(sides.clientInbox.messages.length, 1)
      assert.equal(sides.peerInbox.messages.length, 1)
    }
  }
})

test('discards what follows a close frame in the same chunk (§5.5.1)', async () => {
  const server = await listen()
  const { peer } = await openRaw(server)
  const inbox = new Inbox([...server.clients][0])
  peer.write(frame(TEXT, 'one'), frame(CLOSE, Buffer.from([3, 232])), frame(TEXT, 'two'), frame(0xff, 'no frame'))
  assert.deepEqual(await inbox.end(), { code: 1000, reason: '' })
  assert.deepEqual(
    inbox.messages.map(({ data }) => String(data)),
    ['one']
  )
  assert.equal(inbox.error, null)
})

test('fails the connection for what breaks the rules, behind what came before (§7.1.7)', async () => {
  const server = await listen({ maxPayload: MIB })
  for (const [octets, code, errorCode] of [
    [frame(TEXT, Buffer.from([0x61, 0xff])), 1006, 'WS_ERR_INVALID_UTF8'],
    [frame(TEXT, Buffer.concat([Buffer.alloc(5000, 0x61), Buffer.from([0xc0, 0x80])])), 1006, 'WS_ERR_INVALID_UTF8'],
    [frame(TEXT, 'bare', false), 1006, 'WS_ERR_EXPECTED_MASK'],
    [frame(0xf1, 'bits'), 1006, 'WS_ERR_UNEXPECTED_RSV_2_3'],
    [frame(BINARY, Buffer.alloc(MIB + 1)).subarray(0, 1000), 1006, 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH']
  ]) {
    const { peer } = await openRaw(server)
    const inbox = new Inbox([...server.clients].at(-1))
    peer.write(frame(TEXT, 'fine'), octets)
    while (peer.frames.at(-1)?.opcode !== 8) await once(peer, 'frame')
    peer.socket.destroy()
    assert.equal((await inbox.end()).code, code)
    assert.equal(inbox.error?.code, errorCode)
    assert.equal(inbox.messages.length, 1)
  }
})

test('loses nothing and keeps the order over many pauses', async () => {
  const { client, peer, peerInbox } = await link()
  const sent = Array.from({ length: 4000 }, (_, i) => octetsOf((i * 37) % 1500, i))
  let count = 0
  peer.on('message', () => {
    if (++count % 90 !== 0) return
    peer.pause()
    if (count % 180 === 0) setImmediate(() => peer.resume())
    else setTimeout(() => peer.resume(), 1)
  })
  for (const octets of sent) client.send(octets)
  await peerInbox.expect(sent)
})

test('delivers nothing while it is paused', async () => {
  const { client, peer, peerInbox } = await link()
  client.send('first')
  await peerInbox.expect(['first'])
  peer.pause()
  const sent = Array.from({ length: 50 }, (_, i) => octetsOf(60_000, i))
  for (const octets of sent) client.send(octets)
  for (let i = 0; i < 50; i++) await turn()
  assert.equal(peerInbox.messages.length, 0)
  peer.resume()
  await peerInbox.expect(sent)
})

test('pauses in the middle of a large message', async () => {
  const { client, peer, peerInbox } = await link()
  const sent = [octetsOf(8 * MIB), octetsOf(10)]
  for (const octets of sent) client.send(octets)
  for (let i = 0; i < 20; i++) {
    await turn()
    peer.pause()
    await turn()
    await turn()
    peer.resume()
  }
  await peerInbox.expect(sent)
})

test('shows the end of a connection that was paused', async () => {
  const { client, peer, peerInbox } = await link()
  client.send('first')
  await peerInbox.expect(['first'])
  peer.pause()
  client.send('last words')
  client.close(1000)
  for (let i = 0; i < 20; i++) await turn()
  assert.equal(peerInbox.closed, null)
  peer.resume()
  assert.equal((await peerInbox.end()).code, 1000)
  assert.deepEqual(
    peerInbox.messages.map(({ data }) => String(data)),
    ['last words']
  )
})

test('terminates behind what was sent', async () => {
  for (const side of ['client', 'peer']) {
    const sides = await link()
    const other = side === 'client' ? sides.peerInbox : sides.clientInbox
    sides[side].send('last words')
    sides[side].terminate()
    assert.equal((await other.end()).code, 1006)
    assert.deepEqual(
      other.messages.map(({ data }) => String(data)),
      ['last words']
    )
  }
})

test('reads large messages into their place', async () => {
  const { ws, inbox } = await connect(await listen())
  const before = sharedBuffer(ws._socket)
  const large = octetsOf(16 * MIB)
  const sent = [octetsOf(MIB), octetsOf(5), large, textOf('a € ', MIB), octetsOf(MIB + 1)]
  for (const data of sent) ws.send(data)
  const received = await inbox.take(sent.length)
  for (const [i, { data }] of received.entries()) {
    assert.equal(digest(data), digest(sent[i]), `message ${i}`)
    // no more memory than the message takes
    if (data.length >= MIB) assert.equal(data.buffer.byteLength, data.length)
  }
  if (way === 'shared' && before !== null) assert.equal(sharedBuffer(ws._socket), before)
})

test('holds back what the peer does not read, and calls back in order', async () => {
  const { client, clientInbox, peer } = await link()
  client.pause()
  const sent = Array.from({ length: 256 }, (_, i) => octetsOf(65_536, i))
  const called = []
  const done = new Promise((resolve) => {
    for (const [i, octets] of sent.entries()) {
      peer.send(octets, (error) => {
        called.push(error ?? i)
        if (called.length === sent.length) resolve()
      })
    }
  })
  await turn()
  assert.ok(peer.bufferedAmount > MIB, `${peer.bufferedAmount} octets are held`)
  assert.ok(called.length < sent.length)
  client.resume()
  await clientInbox.expect(sent)
  await done
  assert.deepEqual(
    called,
    sent.map((_, i) => i)
  )
  assert.equal(peer.bufferedAmount, 0)
})

/** Counts the writes to the handle of `socket` from here on: those of the stream, and the others. */
function countWrites(socket) {
  const counts = { atOnce: 0, begun: 0, byStream: 0 }
  const handle = socket._handle
  const { writeBuffer } = handle
  const { _writeGeneric: writeGeneric } = socket
  let inStream = false
  socket._writeGeneric = function (...args) {
    counts.byStream++
    inStream = true
    try {
      return writeGeneric.apply(this, args)
    } finally {
      inStream = false
    }
  }
  handle.writeBuffer = (request, octets) => {
    const beside = !inStream
    const status = writeBuffer.call(handle, request, octets)
    if (beside) counts[status === 0 && (request === null || request.getAsyncId() === -1) ? 'atOnce' : 'begun']++
    return status
  }
  return counts
}

const takesHandle = !isTls && process.platform === 'linux' && process.env.HYBI_HANDLE_WRITES !== 'off'

/** Sends until something is held; returns what was sent. The other end must not read. */
async function fill(ws, socket, onCalled) {
  const sent = []
  do {
    const i = sent.length
    sent.push(octetsOf(2000 + (i % 1500), i))
    ws.send(sent[i], (error) => onCalled(error ?? i))
    void ws.bufferedAmount
    // a write of TLS is never done at once
    for (let j = 0; isTls && j < 3 && socket.writableLength > 0; j++) await turn()
  } while (socket.writableLength === 0)
  return sent
}

test(`writes small messages ${takesHandle ? 'straight to the handle' : 'through the stream'}`, async () => {
  const { peer, clientInbox } = await link()
  // the first write of a process shows how it is done
  peer.send('first')
  await clientInbox.expect(['first'])
  const counts = countWrites(peer._socket)
  const sent = Array.from({ length: 50 }, (_, i) => octetsOf(i * 80, i))
  for (const octets of sent) {
    await new Promise((resolve) => peer.send(octets, resolve))
    assert.equal(peer.bufferedAmount, 0)
  }
  await clientInbox.expect(sent)
  assert.deepEqual(counts, takesHandle ? { atOnce: 50, begun: 0, byStream: 0 } : { atOnce: 0, begun: 0, byStream: 50 })
})

test('a write that the system does not take goes on as one of the stream', async () => {
  const { client, clientInbox, peer } = await link()
  const socket = peer._socket
  const counts = countWrites(socket)
  const called = []
  client.pause()
  const sent = await fill(peer, socket, (result) => called.push(result))
  const last = sent.at(-1).length + 4
  if (!isTls) assert.ok(socket.writableLength <= last && peer.bufferedAmount === socket.writableLength, 'what is held')
  assert.equal(counts.begun, takesHandle ? 1 : 0)
  const context = new AsyncLocalStorage()
  const contexts = []
  for (let i = 0; i < 20; i++) {
    const n = sent.length
    sent.push(octetsOf(i * 2000, n))
    context.run(n, () => {
      peer.send(sent[n], () => {
        contexts.push(context.getStore() === n)
        called.push(n)
      })
    })
    if (i % 7 === 0) await turn()
  }
  gc()
  assert.ok(called.length < sent.length)
  client.resume()
  await clientInbox.expect(sent)
  while (called.length < sent.length) await turn()
  assert.deepEqual(called, [...sent.keys()])
  assert.ok(contexts.length === 20 && contexts.every(Boolean), 'the context of a callback')
  assert.equal(peer.bufferedAmount, 0)
  peer.send('at last')
  await clientInbox.expect(['at last'])
})

for (const end of ['reset', 'terminate', 'destroy', 'close']) {
  test(`calls back once, in order, what is held when the connection ends by ${end}`, async () => {
    const { client, clientInbox, peer, peerInbox } = await link()
    const called = []
    client.pause()
    const sent = await fill(peer, peer._socket, (result) => called.push(result))
    peer.send('behind it', (error) => called.push(error ?? sent.length))
    await turn()
    gc()
    // what it has not read makes it a reset
    if (end === 'reset') client._socket.destroy()
    else if (end === 'destroy') peer._socket.destroy()
    else peer[end]()
    if (end === 'close') {
      client.resume()
      await clientInbox.expect([...sent, 'behind it'])
    }
    await peerInbox.end()
    while (called.length <= sent.length) await turn()
    await turn()
    assert.equal(called.length, sent.length + 1)
    const done = called.filter((one) => typeof one === 'number')
    assert.deepEqual(done, [...done.keys()])
    if (end === 'close') assert.equal(done.length, called.length)
    else assert.ok(called.at(-1) instanceof Error)
  })
}

test('sends of a hook that is told of a write come behind it', async () => {
  const { client, clientInbox, peer } = await link()
  const other = await link()
  let budget = 1
  const hook = createHook({
    init(_id, type) {
      if (!type.startsWith('WRITEWRAP') || budget-- <= 0) return
      peer.send('of the hook')
      other.peer.send('to another')
      void peer.bufferedAmount
      void other.peer.bufferedAmount
    }
  }).enable()
  finallyDo(() => hook.disable())
  client.pause()
  const sent = await fill(peer, peer._socket, () => {})
  hook.disable()
  peer.send('the end')
  client.resume()
  await other.clientInbox.expect(['to another'])
  // TLS has a request for each write, TCP for the last
  await clientInbox.expect(isTls ? [sent[0], 'of the hook', ...sent.slice(1), 'the end'] : [...sent, 'of the hook', 'the end'])
})

test('keeps 200 connections apart whose frames come in pieces', async () => {
  const expected = new Map()
  let pending = 200
  const wrong = []
  let finish
  const finished = new Promise((resolve) => (finish = resolve))
  const server = await listen({}, (ws) => {
    ws.on('error', (error) => wrong.push(String(error)))
    let next = 0
    let hashes = null
    ws.on('message', (data) => {
      keep(data)
      if (hashes === null) {
        hashes = expected.get(String(data))
        return
      }
      if (hashes[next++] !== digest(data)) wrong.push(`message ${next}`)
      if (next === hashes.length && --pending === 0) finish()
    })
    ws.on('close', () => next < 6 && finish(wrong.push('closed')))
  })
  const peers = await Promise.all(
    Array.from({ length: 200 }, async (_, number) => {
      const payloads = [40, 130, 3000, 9000, 20, 15_000].map((size, i) => octetsOf(size + ((number * 13) % 97), number * 10 + i))
      const name = `connection ${number}`
      expected.set(name, payloads.map(digest))
      const octets = Buffer.concat([frame(TEXT, name), ...payloads.map((payload) => frame(BINARY, payload))])
      return { octets, at: 0, peer: (await openRaw(server)).peer }
    })
  )
  for (let round = 0, left = peers.length; left > 0; round++) {
    left = 0
    for (const [number, one] of peers.entries()) {
      if (one.at >= one.octets.length) continue
      const size = [1, 3, 500, 4000, 13, 9000][(round + number) % 6]
      one.peer.write(one.octets.subarray(one.at, one.at + size))
      one.at += size
      left++
    }
    await turn()
  }
  await finished
  assert.deepEqual(wrong, [])
})

test('a server takes frames that come with the request', async () => {
  let inbox
  const server = await listen({}, (ws) => {
    inbox = new Inbox(ws)
  })
  const large = octetsOf(3000)
  const cut = frame(TEXT, 'two')
  const behind = Buffer.concat([frame(TEXT, 'one'), frame(BINARY, large), cut.subarray(0, 7)])
  const { peer } = await openRaw(server, behind)
  peer.write(cut.subarray(7), frame(TEXT, 'three'))
  await inbox.expect(['one', large, 'two', 'three'])
  assertWay([...server.clients][0]._socket)
})

test('a client takes frames that come with the response, then reads as it is told', async () => {
  const server = await listenHttp()
  const large = octetsOf(200_000)
  let respond
  server.on('upgrade', (request, socket) => {
    finallyDo(() => socket.destroy())
    socket.on('error', () => {})
    const octets = Buffer.concat([
      responseOctets(request.headers['sec-websocket-key']),
      frame(TEXT, 'one', false),
      frame(BINARY, large, false),
      frame(TEXT, 'two', false)
    ])
    // the third frame is cut; the rest of it comes when the client has what is before it
    socket.write(octets.subarray(0, -3))
    respond = () => socket.write(Buffer.concat([octets.subarray(-3), frame(TEXT, 'three', false)]))
  })
  const { ws, inbox } = await connect(server)
  await inbox.expect(['one', large])
  respond()
  await inbox.expect(['two', 'three'])
  assertWay(ws._socket)
})

test("listeners of 'data' on the socket get copies of what came", async () => {
  const server = await listen({}, () => {})
  const { peer } = await openRaw(server)
  const [ws] = server.clients
  const inbox = new Inbox(ws)
  const chunks = []
  ws._socket.on('data', (chunk) => {
    keep(chunk)
    chunks.push(chunk)
  })
  const payloads = [octetsOf(10), octetsOf(5000), octetsOf(70_000)]
  const octets = Buffer.concat(payloads.map((payload) => frame(BINARY, payload)))
  peer.write(octets)
  await inbox.expect(payloads)
  peer.write(frame(PING, 'again'))
  await inbox.until(() => inbox.pings.length === 1)
  assert.equal(Buffer.concat(chunks).length, octets.length + 11)
  for (const chunk of chunks) assert.notEqual(chunk.buffer, sharedBuffer(ws._socket)?.buffer)
})

test('delivers what came before the end of the stream', async () => {
  const server = await listen({}, () => {})
  for (const rest of [Buffer.alloc(0), frame(BINARY, octetsOf(5000)).subarray(0, 2000)]) {
    const { peer } = await openRaw(server)
    const inbox = new Inbox([...server.clients].at(-1))
    peer.socket.end(Buffer.concat([frame(TEXT, 'whole'), rest]))
    assert.deepEqual(await inbox.end(), { code: 1006, reason: '' })
    assert.equal(String(inbox.messages[0]?.data), 'whole')
    assert.equal(inbox.messages.length, 1)
  }
})

test('survives connections that are reset', async () => {
  const server = await listen({}, () => {})
  const ends = []
  for (let i = 0; i < 20; i++) {
    const { peer, base } = await openRaw(server)
    const ws = [...server.clients].at(-1)
    const inbox = new Inbox(ws)
    ends.push(inbox.end())
    peer.write(frame(BINARY, octetsOf(5000)).subarray(0, 300 * i))
    if (i % 2 === 0) await turn()
    ws.send(octetsOf(i * 10_000))
    base.resetAndDestroy()
  }
  for (const { code } of await Promise.all(ends)) assert.equal(code, 1006)
})

test('delivers the rest when a listener throws', async () => {
  const errors = catchUncaught()
  const server = await listen({}, () => {})
  const { peer } = await openRaw(server)
  const [ws] = server.clients
  const intended = new Error('intended')
  ws.once('message', () => {
    throw intended
  })
  const inbox = new Inbox(ws)
  peer.write(frame(TEXT, 'one'), frame(TEXT, 'two'), frame(BINARY, octetsOf(100_000)))
  await inbox.expect(['two', octetsOf(100_000)])
  assert.deepEqual(errors, [intended])
})

test('listens at a path in the file system', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hybi-'))
  finallyDo(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'socket')
  const httpServer = await listenHttp(undefined, false)
  const server = net.createServer((socket) => httpServer.emit('connection', socket))
  server.listen(path)
  await once(server, 'listening')
  finallyDo(() => server.close())
  const websockets = new imported.WebSocketServer({ server: httpServer })
  websockets.on('connection', echo)
  const { ws, inbox } = await connect(`ws+unix:${path}:/some/path`)
  const sent = SIZES.flatMap((size) => [octetsOf(size), textOf('a € ', size)])
  for (const data of sent) ws.send(data)
  await inbox.expect(sent)
  assertWay(ws._socket)
  assertWay([...websockets.clients][0]._socket)
})

for (const codec of ['wasm', 'zlib', 'pako']) {
  test(`compresses with the codec '${codec}' (RFC 7692)`, async () => {
    const options = { perMessageDeflate: { codec, threshold: 0 } }
    const { ws, inbox } = await connect(await listen(options), options)
    assert.equal(ws.extensions, 'permessage-deflate')
    const sent = [0, 1, 20, 126, 1000, 5000, 70_000].flatMap((size) => [octetsOf(size), textOf('{"value": "a é €"}, ', size)])
    sent.push(textOf('a large one € ', MIB))
    for (const data of [...sent, ...sent]) ws.send(data)
    await inbox.expect([...sent, ...sent])
    ws.close(1000)
    assert.equal((await inbox.end()).code, 1000)
  })
}

test('createWebSocketStream carries octets both ways', async () => {
  const server = await listen({}, (ws) => {
    const stream = imported.createWebSocketStream(ws)
    stream.on('error', () => {})
    stream.pipe(stream)
  })
  const { ws } = await connect(server)
  const stream = required.createWebSocketStream(ws)
  const sent = createHash('sha1')
  const received = createHash('sha1')
  let length = 0
  const total = 100 * 20_000 + 4950 * 400
  const ended = new Promise((resolve, reject) => {
    stream.on('data', (chunk) => {
      received.update(chunk)
      length += chunk.length
      if (length >= total) stream.end()
    })
    stream.on('end', resolve)
    stream.on('error', reject)
  })
  for (let i = 0; i < 100; i++) {
    const octets = octetsOf(20_000 + i * 400, i)
    sent.update(octets)
    // the end may come before the last 'drain'
    if (!stream.write(octets) && i < 99) await once(stream, 'drain')
  }
  await ended
  assert.equal(length, total)
  assert.equal(received.digest('hex'), sent.digest('hex'))
})

for (const secure of [false, true]) {
  test(`takes upgrades from a server of ${secure ? 'https' : 'http'} that answers requests as well`, async () => {
    const httpServer = await listenHttp((_request, response) => response.end('a page'), secure)
    const websockets = new imported.WebSocketServer({ noServer: true })
    httpServer.on('upgrade', (request, socket, head) => {
      websockets.handleUpgrade(request, socket, head, (ws) => {
        echo(ws)
        assertWay(socket)
      })
    })
    const get = (await import(secure ? 'node:https' : 'node:http')).get
    const page = () =>
      new Promise((resolve, reject) => {
        get({ port: httpServer.address().port, host: '127.0.0.1', ca: cert }, async (response) => {
          let text = ''
          for await (const chunk of response) text += chunk
          resolve(text)
        }).on('error', reject)
      })
    assert.equal(await page(), 'a page')
    const { ws, inbox } = await connect(urlOf(httpServer, secure))
    const sent = [octetsOf(100_000), 'text', octetsOf(4096)]
    for (const data of sent) ws.send(data)
    assert.equal(await page(), 'a page')
    await inbox.expect(sent)
  })
}

if (isTls) {
  test('refuses a certificate that nobody signed', async () => {
    const ws = new required.WebSocket(urlOf(await listen()))
    const [error] = await once(ws, 'error')
    assert.equal(error.code, 'DEPTH_ZERO_SELF_SIGNED_CERT')
  })

  test('an empty write by a listener, which makes a TLS socket read, harms no message', async () => {
    const { client, peer, peerInbox } = await link()
    peer.on('message', () => peer._socket.write(''))
    const sent = Array.from({ length: 300 }, (_, i) => octetsOf((i * 97) % 3000, i))
    const socket = client._socket
    socket.cork()
    for (const [i, octets] of sent.entries()) {
      client.send(octets)
      // which writes, as a TLS record of several frames
      if (i % 8 === 7) void client.bufferedAmount
    }
    socket.uncork()
    await peerInbox.expect(sent)
  })

  /** WebSockets over TLS over streams, where a write on one side is a read on the other. */
  const linkOverStreams = async () => {
    const [near, far] = streamPair()
    const ends = [
      new tls.TLSSocket(near, { isServer: true, key, cert }),
      tls.connect({ socket: far, ca: cert, servername: 'localhost' })
    ]
    for (const end of ends) end.on('error', () => {})
    await once(ends[1], 'secureConnect')
    const server = adopt(ends[0], true)
    const client = adopt(ends[1], false)
    assertWay(ends[0])
    // what TLS itself writes after its handshake is then written
    await turn()
    await turn()
    return { ends, server, client }
  }

  test('WebSockets over TLS over streams keep apart what they read within each other', async () => {
    const { ends, server, client } = await linkOverStreams()
    let within = false
    let nested = 0
    const answers = []
    server.ws.on('message', (data) => {
      within = true
      // longer than what is copied at once of the messages under way
      const answer = octetsOf(14_000, data.length)
      answers.push(answer)
      server.ws.send(answer)
      // which writes at once
      void server.ws.bufferedAmount
      within = false
    })
    ends[1].on('data', () => (nested += within ? 1 : 0))
    for (let round = 0; round < 5; round++) {
      const sent = Array.from({ length: 40 }, (_, i) => octetsOf((i % 7) * 700 + round, i))
      for (const octets of sent) client.ws.send(octets)
      await server.inbox.expect(sent)
      await client.inbox.expect(answers.splice(0))
    }
    if (way === 'off') assert.ok(nested > 0, 'nothing was read within a listener')
  })

  test('a TLS socket that reads within a listener of a TCP socket harms neither', async () => {
    const { server, client } = await linkOverStreams()
    const httpServer = await listenHttp(undefined, false)
    const websockets = new imported.WebSocketServer({ server: httpServer })
    const received = new Promise((resolve) => {
      websockets.on('connection', (ws) => {
        resolve(new Inbox(ws))
        ws.on('message', (data) => {
          server.ws.send(octetsOf(14_000, data.length))
          // which writes at once
          void server.ws.bufferedAmount
        })
      })
    })
    const { ws } = await connect(urlOf(httpServer, false))
    const inbox = await received
    for (let round = 0; round < 5; round++) {
      const sent = Array.from({ length: 10 }, (_, i) => octetsOf(4200 + i, round))
      for (const octets of sent) ws.send(octets)
      await inbox.expect(sent)
      await client.inbox.expect(sent.map(({ length }) => octetsOf(14_000, length)))
    }
  })
} else {
  test('serves any Duplex', async () => {
    const [near, far] = streamPair()
    const server = adopt(near, true)
    const client = adopt(far, false)
    const sent = SIZES.map((size) => octetsOf(size))
    for (const octets of sent) client.ws.send(octets)
    await server.inbox.expect(sent)
    assertWay(near, 'off')
    server.ws.close(1000, 'done')
    assert.deepEqual(await client.inbox.end(), { code: 1000, reason: 'done' })
  })

  if (typeof WebSocket === 'function') {
    test("talks with Node's own client", async () => {
      const ws = new WebSocket(urlOf(await listen({ perMessageDeflate: true })))
      ws.binaryType = 'arraybuffer'
      const received = []
      let done
      const finished = new Promise((resolve) => (done = resolve))
      ws.onmessage = ({ data }) => received.push(data) === 4 && done()
      await new Promise((resolve) => (ws.onopen = resolve))
      const sent = ['a é €', octetsOf(1000), textOf('long ', 5000), octetsOf(100_000)]
      for (const data of sent) ws.send(data)
      await finished
      for (const [i, data] of received.entries()) assert.ok(Buffer.from(data).equals(Buffer.from(sent[i])), `message ${i}`)
      const closed = new Promise((resolve) => (ws.onclose = resolve))
      ws.close(4000, 'enough')
      assert.equal((await closed).code, 4000)
    })
  }
}

test('a worker that is ended in the middle takes nobody with it', async () => {
  const worker = new Worker(new URL(import.meta.url), { argv: process.argv.slice(2) })
  const [port] = await once(worker, 'message')
  const url = `${isTls ? 'wss' : 'ws'}://127.0.0.1:${port}/`
  const clients = await Promise.all(Array.from({ length: 8 }, () => connect(url)))
  const sent = [octetsOf(100_000), 'text', octetsOf(50)]
  const large = octetsOf(4 * MIB)
  for (const { ws, inbox } of clients) {
    for (const data of sent) ws.send(data)
    await inbox.expect(sent)
    ws.send(large)
  }
  await turn()
  await worker.terminate()
  for (const { inbox } of clients) assert.equal((await inbox.end()).code, 1006)
})

test('reads by data events where a handle cannot be given memory', async () => {
  const httpServer = await listenHttp()
  httpServer.on(isTls ? 'secureConnection' : 'connection', (socket) => {
    socket._handle.useUserBuffer = undefined
  })
  const websockets = new imported.WebSocketServer({ server: httpServer })
  websockets.on('connection', echo)
  const { ws, inbox } = await connect(httpServer)
  const sent = SIZES.map((size) => octetsOf(size))
  for (const data of sent) ws.send(data)
  await inbox.expect(sent)
  assertWay([...websockets.clients][0]._socket, 'off')
})

for (const missing of ['kBuffer', 'kBufferCb', 'kBufferGen']) {
  test(`reads by data events where Node has no ${missing}`, async () => {
    const path = require.resolve('hybi')
    const cached = require.cache[path]
    const { getOwnPropertySymbols } = Object
    delete require.cache[path]
    finallyDo(() => {
      require.cache[path] = cached
      Object.getOwnPropertySymbols = getOwnPropertySymbols
    })
    Object.getOwnPropertySymbols = (object) => getOwnPropertySymbols(object).filter(({ description }) => description !== missing)
    const fresh = require(path)
    assert.notEqual(fresh, imported)
    assert.throws(() => new fresh.WebSocketServer({ noServer: true, receiveBuffer: 'shared' }), /cannot read into a shared buffer/)
    Object.getOwnPropertySymbols = getOwnPropertySymbols
    const options = { receiveBuffer: 'auto' }
    const server = await listen(options, echo, fresh)
    const { ws, inbox } = await connect(server, options, fresh)
    const sent = SIZES.map((size) => octetsOf(size))
    for (const data of sent) ws.send(data)
    await inbox.expect(sent)
    assertWay([...server.clients][0]._socket, 'off')
  })
}

test('a server’s connections have no socket, where they need none', async () => {
  const { peer, client, peerInbox } = await link()
  client.send('one')
  await peerInbox.take(1)
  assert.equal(isDirect(peer._socket), !isTls && way === 'shared' && process.env.HYBI_DIRECT !== 'off')
  assert.ok(peer._socket.readable)
  assert.ok(!isDirect(peer._socket))
  client.send('two')
  await peerInbox.take(1)
})

if (!isTls && way === 'shared' && process.env.HYBI_DIRECT !== 'off') {
  for (const one of directCases) {
    test(`without a socket: ${one.name}`, async () => {
      const [auto, off] = [await carryOut(one, imported, 'auto'), await carryOut(one, imported, 'off')]
      assert.deepEqual(auto.lines, off.lines)
      assert.ok(!auto.lines.some((line) => line.startsWith('failed')), String(auto.lines))
      if (one.isDirect === undefined) return
      assert.deepEqual([...new Set(auto.ways)], [one.isDirect])
      assert.deepEqual([...new Set(off.ways)], [false])
    })
  }
}

test('no message that was delivered has changed since', () => checkKept())

if (isMainThread) {
  assert.ok(
    ['shared', 'off'].includes(way) && ['wasm', 'js'].includes(kernels),
    'HYBI_RECEIVE_BUFFER and HYBI_KERNELS are to be set'
  )
  await runCases()
} else {
  const server = await listen()
  parentPort.postMessage(server.address().port)
}
