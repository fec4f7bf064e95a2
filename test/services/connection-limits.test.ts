import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ConnectionLimits, type Place, TOO_MANY, TOO_MANY_OF_ADDRESS } from '../../src/services/connection-limits.js'

interface Request {
  socket: { remoteAddress?: string }
}

const from = (remoteAddress?: string): Request => ({ socket: { remoteAddress } })

test('places are given up to the limits, and again when they are free', () => {
  const limits = new ConnectionLimits<Request>({ maxConnections: 3, maxConnectionsPerAddress: 2 })
  const first = limits.take(from('a')) as Place
  limits.take(from('a'))
  expect(limits.take(from('a'))).toBe(TOO_MANY_OF_ADDRESS)
  limits.take(from('b'))
  expect(limits.take(from('b'))).toBe(TOO_MANY)
  limits.release(first)
  expect(limits.take(from('a'))).toEqual({ address: 'a' })
  expect(limits.take(from('a'))).toBe(TOO_MANY)
})

test('addresses that are not known are not counted by address', () => {
  const limits = new ConnectionLimits<Request>({ maxConnectionsPerAddress: 1 })
  expect([limits.take(from()), limits.take(from())]).toEqual([{ address: undefined }, { address: undefined }])
})

test('what the server knows better than the socket is asked for', () => {
  const limits = new ConnectionLimits<Request>({ maxConnectionsPerAddress: 1, addressOf: () => 'the same' })
  limits.take(from('a'))
  expect(limits.take(from('b'))).toBe(TOO_MANY_OF_ADDRESS)
})

test('there are never more than the limits allow, and nothing is left of addresses that are gone', () => {
  const step = fc.record({ takes: fc.boolean(), address: fc.constantFrom('a', 'b', 'c') })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const limits = new ConnectionLimits<Request>({ maxConnections: 5, maxConnectionsPerAddress: 2 })
      const places: Place[] = []
      for (const { takes, address } of steps) {
        if (!takes) {
          const index = places.findIndex((place) => place.address === address)
          if (index >= 0) limits.release(places.splice(index, 1)[0])
          continue
        }
        const ofAddress = places.filter((place) => place.address === address).length
        const place = limits.take(from(address))
        if (places.length >= 5) expect(place).toBe(TOO_MANY)
        else if (ofAddress >= 2) expect(place).toBe(TOO_MANY_OF_ADDRESS)
        else places.push(place as Place)
      }
      for (const place of places) limits.release(place)
      expect((limits as unknown as { counts: Map<string, number> }).counts.size).toBe(0)
    })
  )
})

test.each([
  [{ maxConnections: 0 }, RangeError, 'Invalid value for option "maxConnections": 0 (must be an integer of at least 1)'],
  [{ maxConnections: 1.5 }, RangeError, 'must be an integer of at least 1'],
  [{ maxConnections: NaN }, RangeError, 'must be an integer of at least 1'],
  [{ maxConnections: '5' }, TypeError, 'Invalid value for option "maxConnections": "5" (must be a number)'],
  [{ maxConnectionsPerAddress: -1 }, RangeError, '"maxConnectionsPerAddress": -1'],
  [{ addressOf: 'x-forwarded-for' }, TypeError, '"addressOf": "x-forwarded-for" (must be a function)']
])('%o is an error that says what is allowed', (options, Kind, message) => {
  const make = () => new ConnectionLimits(options as object)
  expect(make).toThrow(Kind)
  expect(make).toThrow(message)
})
