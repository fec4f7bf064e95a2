import { expect, test } from 'vitest'
import * as ws from 'ws'
import * as hybi from '../../src/index.js'
import { chaos } from '../chaos/run.mjs'
import { cert, key } from '../support/tls.js'

// `npm run chaos` goes on for longer, with other seeds
const SESSIONS = 16
// a session that never ends says so itself
const timeout = 200_000

const ours = { WebSocket: hybi.default, WebSocketServer: hybi.default.WebSocketServer }

test.for(['zlib', 'wasm', 'pako', 'none'] as const)(
  'a proxy that delays, splits, merges and tears loses nothing of what was sent before close() (§1.4, §5.5.1), codec %s',
  { timeout },
  async (codec) => {
    const counts = await chaos({ client: ours, server: ours }, { sessions: SESSIONS, seed: 40, codec })
    expect(counts).toMatchObject({ sessions: SESSIONS, lost: 0 })
    expect(counts.torn).toBeGreaterThan(0)
    expect(counts.received).toBeGreaterThan(SESSIONS * 20)
    expect(counts.successes).toBeGreaterThan(SESSIONS * 10)
  }
)

test('nor does it over TLS', { timeout }, async () => {
  const counts = await chaos({ client: ours, server: ours }, { sessions: SESSIONS, seed: 80, tls: { key, cert } })
  expect(counts).toMatchObject({ sessions: SESSIONS, lost: 0 })
})

test('nor does it between ws and us, in either role', { timeout }, async () => {
  for (const ends of [
    { client: ws, server: ours },
    { client: ours, server: ws }
  ]) {
    expect(await chaos(ends, { sessions: SESSIONS / 2, seed: 120 })).toMatchObject({ sessions: SESSIONS / 2, lost: 0 })
  }
})
