import { expect, test } from 'vitest'
import { Refusal } from '../../src/services/refusal.js'

test('it is an error with a response', () => {
  const refusal = new Refusal(403, { headers: { 'X-Reason': 'quota', 'content-type': 'application/json' }, body: '{}' })
  expect(refusal).toBeInstanceOf(Error)
  expect(refusal).toMatchObject({ name: 'Refusal', message: 'Refused with status 403', status: 403, body: '{}' })
  expect(refusal.headers).toEqual({ 'X-Reason': 'quota', 'Content-Type': 'application/json' })
})

test('its body is plain text unless the program says otherwise, and its length is counted', () => {
  const refusal = new Refusal(429, { headers: { 'Content-length': 1, 'Retry-After': 5 }, body: 'später' })
  expect(refusal.headers).toEqual({ 'Content-Type': 'text/plain; charset=utf-8', 'Retry-After': 5 })
  expect(new Refusal(401).headers).toEqual({ 'Content-Type': 'text/plain; charset=utf-8' })
})

test.each([200, 101, 600, 401.5, NaN, '401', undefined])('status %o is a RangeError', (status) => {
  expect(() => new Refusal(status as number)).toThrow(RangeError)
  expect(() => new Refusal(status as number)).toThrow('must be an integer from 300 to 599')
})

test.each([[{ body: 1 }], [{ headers: { 'a b': 'c' } }], [{ headers: { a: 'b\r\nc: d' } }], [{ headers: { a: 'b\0' } }]])(
  '%o is a TypeError',
  (options) => {
    expect(() => new Refusal(401, options as object)).toThrow(TypeError)
  }
)
