import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import WebSocket from '../../src/index.js'
import type { WebSocketServer } from '../../src/node/server.js'

test('a server that completes upgrades in its own way gets offers of subprotocols that nobody else has', async () => {
  const seen: string[][] = []
  class OwnServer extends WebSocket.Server {
    override completeUpgrade(...args: Parameters<WebSocketServer['completeUpgrade']>): void {
      const protocols = args[2]
      seen.push([...protocols])
      protocols.add(`of request ${seen.length}`)
      super.completeUpgrade(...args)
    }
  }
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
}, 10_000)
