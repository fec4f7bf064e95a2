// Sockets that a program has its hands on, and peers that do not read: what they may cost and must not change.

import { once } from 'node:events'
import net from 'node:net'
import { expect, test } from 'vitest'
import { FrameParser } from '../support/frames.js'
import { connectRaw, type RawPeer, requestOctets } from '../support/raw-peer.js'
import { arrayBufferOctets } from './support/collect.js'
import { attach, eventually, link, linkRaw, listen, type Socket, turns } from './support/links.js'

type Prepare = (socket: net.Socket, written: Uint8Array[]) => void

/** A server's WebSocket whose socket `prepare` was given before the upgrade. */
async function upgraded(prepare: Prepare, written: Uint8Array[] = []): Promise<{ ws: Socket; socket: net.Socket; peer: RawPeer }> {
  const { server, port } = await listen()
  const http = (server as unknown as { _server: net.Server })._server
  let socket: net.Socket | undefined
  http.prependListener('upgrade', (_request: unknown, upgrading: net.Socket) => prepare((socket = upgrading), written))
  const peer = await connectRaw(port)
  peer.write(requestOctets())
  const [[ws]] = await Promise.all([once(server, 'connection'), peer.untilHead()])
  return { ws: ws as Socket, socket: socket!, peer }
}

/** A `write` of the program's that keeps what is written. */
const keepWrites: Prepare = (socket, written) => {
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean
  socket.write = ((chunk: Uint8Array, ...rest: unknown[]) => {
    written.push(chunk)
    return write(chunk, ...rest)
  }) as typeof socket.write
}

/** The texts that `written` holds now. */
function textsOf(written: Uint8Array[]): string[] {
  const parser = new FrameParser()
  return parser.push(Buffer.concat(written)).map(({ payload }) => payload.toString())
}

const TEXTS = ['one', 'two', 'three']

/** Sends each in a turn of its own, so that memory is free in between. */
async function sendAll(ws: Socket): Promise<void> {
  for (const text of TEXTS) {
    await new Promise<void>((resolve) => {
      ws.send(text, () => resolve())
    })
    await turns(2)
  }
}

test('who has put a `write` on the socket before the upgrade may keep what is written', async () => {
  const written: Uint8Array[] = []
  const { ws, peer } = await upgraded(keepWrites, written)
  written.length = 0
  await sendAll(ws)
  await peer.untilFrames(3)
  expect(textsOf(written)).toEqual(TEXTS)
})

test('who has put a `write` on the socket after the upgrade may keep what is written', async () => {
  const written: Uint8Array[] = []
  const { ws, peer, socket } = await upgraded(() => {})
  keepWrites(socket, written)
  await sendAll(ws)
  await peer.untilFrames(3)
  expect(textsOf(written)).toEqual(TEXTS)
})

test('a class of sockets with a `write` of its own may keep what is written', async () => {
  const written: Uint8Array[] = []
  class KeepingSocket extends net.Socket {
    override write(chunk: Uint8Array, ...rest: never[]): boolean {
      written.push(chunk)
      return super.write(chunk, ...rest)
    }
  }
  const sockets: net.Socket[] = []
  const server = net.createServer((peer) => sockets.push(peer.resume()))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = new KeepingSocket()
  socket.connect((server.address() as net.AddressInfo).port, '127.0.0.1')
  await once(socket, 'connect')
  // which has put that of net.Socket on it
  delete (socket as { write?: unknown }).write
  await sendAll(attach(socket, true))
  expect(textsOf(written)).toEqual(TEXTS)
  for (const peer of sockets) peer.destroy()
  server.close()
})

test.each(['end', 'destroySoon', 'destroy'] as const)(
  'a socket with a `write` of the program’s loses nothing when it calls %s in the turn of the sends',
  async (method) => {
    const { ws, socket, peer } = await upgraded(keepWrites)
    const errors: unknown[] = []
    for (const text of TEXTS) ws.send(text, (error) => errors.push(error ?? null))
    socket[method]()
    await peer.untilEnded()
    expect(peer.frames.map(({ payload }) => payload.toString())).toEqual(TEXTS)
    expect(errors).toEqual([null, null, null])
  }
)

test('an object that has the socket as its prototype writes behind what was sent', async () => {
  const { ws, socket, peer } = await upgraded(() => {})
  ws.send('one')
  ;(Object.create(socket) as net.Socket).write(Buffer.from([0x81, 3, 0x74, 0x77, 0x6f]))
  await peer.untilFrames(2)
  expect(peer.frames.map(({ payload }) => payload.toString())).toEqual(['one', 'two'])
})

test('what waits for a peer that does not read keeps no memory that others could use', async () => {
  const { server: slow, peer } = await linkRaw()
  const { server: busy, client } = await link()
  client.on('message', () => {})
  peer.socket.pause()
  // until the system takes no more
  const filler = Buffer.alloc(1 << 20)
  for (let full = 0; full < 3; full = slow.bufferedAmount > 0 ? full + 1 : 0) {
    slow.send(filler)
    await turns(20)
  }
  const waiting = slow.bufferedAmount
  const before = await arrayBufferOctets()
  const ROUNDS = 100
  for (let i = 0; i < ROUNDS; i++) {
    slow.send('a few octets')
    // more than a slab
    for (let j = 0; j < 70; j++) busy.send(Buffer.alloc(4000))
    await turns(1)
  }
  await eventually(() => busy.bufferedAmount === 0)
  const grown = (await arrayBufferOctets()) - before
  expect(slow.bufferedAmount - waiting).toBe(ROUNDS * 14)
  // A slab of 256 KiB for each would be 25 MiB
  expect(grown).toBeLessThan(6 * 2 ** 20)
})
