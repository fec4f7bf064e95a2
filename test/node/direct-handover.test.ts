import { expect, test } from 'vitest'
import * as implementation from '../../src/index.js'
import { fuzzDirect } from '../fuzz/direct.mjs'

// `npm run fuzz:direct` goes on for longer, with other seeds
test('what clients get, and what programs see, is the same if connections are taken before they are sockets', async () => {
  const counts = await fuzzDirect(implementation.default, { connections: 2000, seed: 1, concurrency: 50 })
  expect(counts.connections).toBe(2000)
  expect(counts.upgraded).toBeGreaterThan(600)
  expect(counts.direct).toBeGreaterThan(300)
})
