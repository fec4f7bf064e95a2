import { expect, test } from 'vitest'
import * as implementation from '../../src/index.js'
import { fuzzTransport } from '../fuzz/transport.mjs'

// `node test/fuzz/transport.mjs` goes on for longer, with other seeds
test('conversations and assaults keep the order of octets, events and callbacks', { timeout: 60_000 }, async () => {
  expect(await fuzzTransport(implementation.default, { runs: 250, seed: 1 })).toBe(250)
})
