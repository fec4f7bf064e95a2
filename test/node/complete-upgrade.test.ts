import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import WebSocket from '../../src/index.js'
import type { WebSocketServer } from '../../src/node/server.js'

type Complete = WebSocketServer['completeUpgrade']

const { prototype } = WebSocket.Server
const { completeUpgrade: original } = prototype
afterEach(() => {
  prototype.completeUpgrade = original
})

test.each(['subclass', 'prototype'])(
  'a %s that completes upgrades in its own way gets offers that nobody else has',
  async (way) => {
    const seen: string[][] = []
    const complete = function (this: WebSocketServer, ...args: Parameters<Complete>): void {
      const protocols = args[2]
      seen.push([...protocols])
      protocols.add(`of request ${seen.length}`)
      original.apply(this, args)
    }
    class OwnServer extends WebSocket.Server {}
    ;(way === 'subclass' ? OwnServer.prototype : prototype).completeUpgrade = complete
    const server = new OwnServer({ port: 0, host: '127.0.0.1' })
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const chosen: string[] = []
    server.on('connection', (peer) => chosen.push(peer.protocol))
    for (const offers of [[], [], ['chat'], []]) {
      const client = new WebSocket(`ws://127.0.0.1:${port}`, offers)
      client.on('error', () => {})
      client.on('open', () => client.close())
      await new Promise((resolve) => client.on('close', resolve))
    }
    server.close()
    expect(seen).toEqual([[], [], ['chat'], []])
    expect(chosen).toEqual(['of request 1', 'of request 2', 'chat', 'of request 4'])
  },
  10_000
)
