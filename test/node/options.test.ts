// Settings of connections: made of a server's options once, and anew when those have changed.

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { afterEach, expect, test } from 'vitest'
import WebSocket from '../../src/index.js'
import { type CommonOptions, connectionSettings, type ConnectionSettings, type SocketOptions } from '../../src/node/options.js'
import type { ServerOptions } from '../../src/node/options.js'
import { kernels } from '../../src/node/runtime/kernels.js'

/** Values that are not those of `ALIKE`. */
const COMMON: Required<CommonOptions> = {
  autoPong: true,
  maxPendingAutoPongs: 7,
  closeTimeout: 1,
  kernels: kernels.default === 'js' ? 'auto' : 'js',
  receiveBuffer: 'off',
  coalesce: false
}
const LIMITS: Required<Omit<SocketOptions, 'generateMask'>> = {
  allowSynchronousEvents: false,
  maxBufferedChunks: 1,
  maxFragments: 2,
  maxPayload: 3,
  skipUTF8Validation: true
}

const settings = (common: CommonOptions, limits: SocketOptions, last: ConnectionSettings | null): ConnectionSettings =>
  connectionSettings(true, common, limits, limits.generateMask, last)

test('options that say the same make one object, however they say it', () => {
  const first = settings({}, {}, null)
  const same = { autoPong: false, maxPendingAutoPongs: 0, closeTimeout: 30_000, kernels: undefined, receiveBuffer: undefined }
  expect(settings(same as CommonOptions, { allowSynchronousEvents: true, maxPayload: 2 ** 32 }, first)).toBe(first)
})

test.each([
  ...Object.entries(COMMON).map(([name, value]) => [name, { [name]: value }, {}] as const),
  ...Object.entries(LIMITS).map(([name, value]) => [name, {}, { [name]: value }] as const),
  ['generateMask', {}, { generateMask: () => {} }] as const
])('another value of %s makes another object', (_name, common, limits) => {
  const first = settings({}, {}, null)
  const other = settings(common, limits, first)
  expect(other).not.toBe(first)
  const isFunction = 'generateMask' in limits
  // A user's masking keys are a connection's own
  expect(settings(common, limits, other) === other).toBe(!isFunction)
})

test('the other role has another object', () => {
  const first = settings({}, {}, null)
  expect(connectionSettings(false, {}, {}, undefined, first)).not.toBe(first)
})

type WebSocket = InstanceType<typeof WebSocket>

const servers: { close(): void; clients: Set<WebSocket> | undefined }[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    for (const client of server.clients ?? []) client.terminate()
    server.close()
  }
})

interface Running {
  server: InstanceType<typeof WebSocket.Server>
  /** A client, and the server's connection with it. */
  connect(): Promise<[WebSocket, WebSocket]>
}

async function listen(options: ServerOptions<typeof WebSocket>): Promise<Running> {
  const server = new WebSocket.Server({ ...options, port: 0, host: '127.0.0.1' })
  servers.push(server)
  await once(server, 'listening')
  const connect = async (): Promise<[WebSocket, WebSocket]> => {
    const accepted = once(server, 'connection')
    const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`)
    await once(client, 'open')
    return [client, (await accepted)[0] as WebSocket]
  }
  return { server, connect }
}

/** What becomes of a message of three octets. */
async function closeCodeFor([client, peer]: [WebSocket, WebSocket]): Promise<number> {
  peer.on('error', () => {})
  peer.on('message', () => peer.close(1000))
  client.send('abc')
  return ((await once(client, 'close')) as [number])[0]
}

test('options of a server that change hold for the connections that come later', async () => {
  const { server, connect } = await listen({})
  const before = await connect()
  server.options.maxPayload = 2
  const limited = await connect()
  server.options.maxPayload = 3
  const after = await connect()
  expect(await Promise.all([before, limited, after].map(closeCodeFor))).toEqual([1000, 1009, 1000])
})

test('connections of a server share their settings, also beside those of another server, until an option changes', async () => {
  const one = await listen({})
  const other = await listen({ maxPayload: 1 })
  const seen = new Map<object, Set<unknown>>()
  const look = ({ server }: Running): number => {
    const [key] = Object.getOwnPropertySymbols(server).filter(({ description }) => description === 'hybi.settings')
    const objects = seen.get(server) ?? new Set()
    seen.set(server, objects.add((server as unknown as Record<symbol, unknown>)[key]))
    return objects.size
  }
  for (const running of [one, other, one, other]) {
    await running.connect()
    expect(look(running)).toBe(1)
  }
  one.server.options.autoPong = false
  const [, peer] = await one.connect()
  expect(look(one)).toBe(2)
  expect((peer as unknown as { _autoPong: boolean })._autoPong).toBe(false)
})

test('a class with its own setSocket is asked, with options that are its own to change', async () => {
  const given: SocketOptions[] = []
  class Limited extends WebSocket {
    override setSocket(socket: Duplex, head: Uint8Array, options: SocketOptions): void {
      given.push({ ...options })
      if (given.length === 1) options.maxPayload = 2
      super.setSocket(socket, head, options)
    }
  }
  const { connect } = await listen({ WebSocket: Limited as typeof WebSocket, maxPayload: 5 })
  const [first, second] = [await connect(), await connect()]
  expect(await Promise.all([first, second].map(closeCodeFor))).toEqual([1009, 1000])
  const options = { allowSynchronousEvents: true, maxBufferedChunks: 262_144, maxFragments: 16_384, maxPayload: 5 }
  expect(given).toEqual([1, 2].map(() => ({ ...options, skipUTF8Validation: false })))
})

test('a class that changes the options it is made with gets what it asked for', async () => {
  class Silent extends WebSocket {
    constructor(address: null, protocols: undefined, options: CommonOptions) {
      super(address, protocols, { ...options, autoPong: false })
    }
  }
  const { connect } = await listen({ WebSocket: Silent as unknown as typeof WebSocket })
  const [client, peer] = await connect()
  let pongs = 0
  client.on('pong', () => pongs++)
  client.ping()
  await once(peer, 'ping')
  // Behind the pong, if there is one
  peer.close(1000)
  await once(client, 'close')
  expect(pongs).toBe(0)
})
