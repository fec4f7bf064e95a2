import { expect, test } from 'vitest'
import { watchRules } from '../../src/services/watch-options.js'

const NONE = { interval: 0, timeout: 0, expect: 0, idle: 0, lifetime: 0, spread: 0 }

test.each([
  [{}, null],
  [{ heartbeat: undefined, idleTimeout: undefined, maxLifetime: undefined }, null],
  [{ heartbeat: false, idleTimeout: 0, maxLifetime: 0 }, null],
  [{ heartbeat: null, idleTimeout: null, maxLifetime: null }, null],
  [{ heartbeat: true }, { interval: 30_000, timeout: 10_000 }],
  [{ heartbeat: {} }, { interval: 30_000, timeout: 10_000 }],
  [{ heartbeat: { interval: 5 } }, { interval: 5, timeout: 10_000 }],
  [{ heartbeat: { timeout: 5 } }, { interval: 30_000, timeout: 5 }],
  [{ idleTimeout: 5 }, { idle: 5 }],
  [{ maxLifetime: 1000 }, { lifetime: 1000, spread: 100 }],
  [{ maxLifetime: { limit: 1000 } }, { lifetime: 1000, spread: 100 }],
  [{ maxLifetime: { limit: 1000, spread: 0 } }, { lifetime: 1000, spread: 0 }],
  [
    { maxLifetime: { limit: 1000, spread: 1000 }, heartbeat: false },
    { lifetime: 1000, spread: 1000 }
  ]
])('%j means %j', (options, rules) => {
  expect(watchRules(options as never, true)).toEqual(rules && { ...NONE, ...rules })
})

test('only a client may expect', () => {
  expect(watchRules({ heartbeat: { expect: 5 } }, false)).toEqual({ ...NONE, expect: 5 })
  expect(() => watchRules({ heartbeat: { expect: 5 } }, true)).toThrow(TypeError)
})

test.each([
  [{ heartbeat: 'on' }, TypeError, '"heartbeat" must be a boolean, { interval, timeout }, or, for a client, { expect }'],
  [{ heartbeat: 30_000 }, TypeError, '"heartbeat" must be'],
  [{ heartbeat: { every: 5 } }, TypeError, 'not every'],
  [{ heartbeat: { expect: 5, interval: 5 } }, TypeError, '"heartbeat" must be'],
  [{ heartbeat: { expect: 5, timeout: 5 } }, TypeError, '"heartbeat" must be'],
  [{ heartbeat: { interval: '5' } }, TypeError, '"heartbeat.interval" must be a number of milliseconds'],
  [{ heartbeat: { interval: 0 } }, RangeError, '"heartbeat.interval" must be from 1 to 2147483647 milliseconds'],
  [{ heartbeat: { interval: NaN } }, RangeError, '"heartbeat.interval"'],
  [{ heartbeat: { timeout: Infinity } }, RangeError, '"heartbeat.timeout"'],
  [{ heartbeat: { expect: -1 } }, RangeError, '"heartbeat.expect"'],
  [{ idleTimeout: true }, TypeError, '"idleTimeout" must be a number of milliseconds'],
  [{ idleTimeout: -1 }, RangeError, '"idleTimeout" must be from 0 to'],
  [{ idleTimeout: 2 ** 31 }, RangeError, '"idleTimeout"'],
  [{ maxLifetime: '1h' }, TypeError, '"maxLifetime" must be a number'],
  [{ maxLifetime: {} }, TypeError, '"maxLifetime.limit"'],
  [{ maxLifetime: { limit: 10, jitter: 1 } }, TypeError, 'not jitter'],
  [{ maxLifetime: { limit: 10, spread: 11 } }, RangeError, '"maxLifetime.spread" must not be more than "maxLifetime.limit"']
])('%j is refused', (options, type, message) => {
  const read = () => watchRules(options as never, false)
  expect(read).toThrow(type)
  expect(read).toThrow(message)
})
