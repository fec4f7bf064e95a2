// Programs have members of their own on servers by the names of what hybi adds: all goes on as without it, and nothing of ours calls theirs.

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import WebSocket from '../../src/index.js'

type Server = InstanceType<typeof WebSocket.WebSocketServer>

const NAMES = ['broadcast', 'shutdown', Symbol.asyncDispose] as const

let wss: Server | undefined
afterEach(() => wss?.close())

/** What a program may have there; each says how it was used. */
const MEMBERS: Record<string, (used: string[]) => PropertyDescriptor> = {
  data: () => ({ value: { of: 'the program' }, writable: true, enumerable: true, configurable: true }),
  method: (used) => ({ value: () => used.push('called'), writable: true, configurable: true }),
  accessor: (used) => ({
    get: () => used.push('read'),
    set: () => used.push('written'),
    configurable: true
  })
}

const cases = NAMES.flatMap((name) =>
  Object.keys(MEMBERS).flatMap((kind) => ['subclass', 'instance'].map((place) => [kind, String(name), place, name] as const))
)

describe.each(cases)('a %s called %s of a %s', (kind, _, place, name) => {
  test('is the program’s alone', async () => {
    const used: string[] = []
    const descriptor = MEMBERS[kind](used)
    class Own extends WebSocket.WebSocketServer {}
    if (place === 'subclass') Object.defineProperty(Own.prototype, name, descriptor)
    // All that there is: nothing of ours may go by the name
    wss = new Own({
      port: 0,
      host: '127.0.0.1',
      authenticate: async () => 'ada',
      maxConnections: 5,
      rateLimit: { messages: 100 }
    })
    if (place === 'instance') Object.defineProperty(wss, name, descriptor)
    await once(wss, 'listening')
    const client = new WebSocket(`ws://127.0.0.1:${(wss.address() as AddressInfo).port}`)
    const [[ws, , context]] = await Promise.all([once(wss, 'connection'), once(client, 'open')])
    expect(context).toBe('ada')
    const { prototype } = WebSocket.WebSocketServer
    const received = once(client, 'message')
    if (name !== 'broadcast') expect(wss.broadcast('a')).toBe(1)
    else expect(prototype.broadcast.call(wss, 'a')).toBe(1)
    expect(String((await received)[0])).toBe('a')
    const shutdown = name === 'shutdown' ? prototype[Symbol.asyncDispose].call(wss) : prototype.shutdown.call(wss)
    await shutdown
    expect((ws as { readyState: number }).readyState).toBe(3)
    expect(used).toEqual([])
    expect(Object.getOwnPropertyDescriptor(place === 'subclass' ? Own.prototype : wss, name)).toMatchObject(
      kind === 'accessor' ? { get: descriptor.get } : { value: descriptor.value }
    )
  })
})

test.each(NAMES)('%s may be assigned, and is listed by nobody', (name) => {
  wss = new WebSocket.WebSocketServer({ noServer: true })
  expect(Object.keys(wss)).not.toContain(name)
  const listed: unknown[] = []
  for (const key in wss) listed.push(key)
  expect(listed).not.toContain(name)
  const own = () => 1
  ;(wss as unknown as Record<PropertyKey, unknown>)[name] = own
  expect(wss[name]).toBe(own)
})
