// RFC 6455 §10.2, RFC 6454 §6.2.

import { describe, expect, test } from 'vitest'
import { isOriginAllowed, type OriginOptions, originPolicy } from '../../src/services/origins.js'

interface Request {
  headers: { host?: string }
  socket?: { encrypted?: boolean }
}

const plain = (host?: string): Request => ({ headers: host === undefined ? {} : { host }, socket: {} })
const secure = (host: string): Request => ({ headers: { host }, socket: { encrypted: true } })

function allowed(options: OriginOptions<Request>, origin: unknown, request = plain('example.com')): boolean {
  return isOriginAllowed(originPolicy(options)!, origin, request)
}

test('without the options there is no policy', () => {
  expect(originPolicy({})).toBe(null)
  expect(originPolicy({ origins: null, requireOrigin: false })).toBe(null)
})

test.each([
  ['http://example.com', plain('example.com'), true],
  ['http://example.com', plain('EXAMPLE.com:80'), true],
  ['http://example.com:8080', plain('example.com:8080'), true],
  ['https://example.com', secure('example.com'), true],
  ['https://example.com', secure('example.com:443'), true],
  ['http://[::1]:80', plain('[::1]'), false],
  ['http://[::1]', plain('[::1]:80'), true],
  ['https://example.com', plain('example.com'), false],
  ['http://example.com', secure('example.com'), false],
  ['http://example.com:8080', plain('example.com'), false],
  ['http://evil.example.com', plain('example.com'), false],
  ['http://example.com.evil.org', plain('example.com'), false],
  ['http://example.com/', plain('example.com'), false],
  ['HTTP://example.com', plain('example.com'), false],
  ['null', plain('example.com'), false],
  ['', plain('example.com'), false],
  ['undefined', plain('no host:port:'), false],
  ['http://example.com', plain(), false],
  ['http://example.com', plain('user@example.com'), true]
])('same origin: %s to %o', (origin, request, verdict) => {
  expect(allowed({ origins: 'same-origin' }, origin, request)).toBe(verdict)
})

test('a list is compared exactly', () => {
  const origins = ['https://example.com', 'http://localhost:3000', 'chrome-extension://abcdef']
  for (const origin of origins) expect(allowed({ origins }, origin)).toBe(true)
  for (const origin of [
    'https://example.com:443',
    'https://example.com/',
    'https://a.example.com',
    'null',
    '',
    'http://localhost'
  ]) {
    expect(allowed({ origins }, origin)).toBe(false)
  }
  expect(allowed({ origins: [] }, 'https://example.com')).toBe(false)
})

test('a function is asked, and only true is yes', () => {
  const asked: unknown[] = []
  const request = plain('example.com')
  const answer = (value: unknown) => (origin: string, given: Request) => {
    asked.push([origin, given === request])
    return value as boolean
  }
  expect(allowed({ origins: answer(true) }, 'a', request)).toBe(true)
  for (const value of [false, 1, 'yes', Promise.resolve(true), undefined]) {
    expect(allowed({ origins: answer(value) }, 'b', request)).toBe(false)
  }
  expect(asked.slice(0, 2)).toEqual([
    ['a', true],
    ['b', true]
  ])
})

test('a request without Origin is no browser, and passes unless it must have one', () => {
  expect(allowed({ origins: [] }, undefined)).toBe(true)
  expect(allowed({ origins: [], requireOrigin: true }, undefined)).toBe(false)
  expect(allowed({ requireOrigin: true }, undefined)).toBe(false)
  expect(allowed({ requireOrigin: true }, 'https://any.example')).toBe(true)
  // Of a request that was made by hand
  expect(allowed({ origins: ['a://b'] }, ['a://b'])).toBe(false)
})

describe('options that are none', () => {
  test.each([
    ['*'],
    [['*']],
    [['https://example.com/']],
    [['https://Example.com']],
    [['https://example.com:443']],
    [['example.com']],
    [['null']],
    [[undefined]],
    [{}],
    [true],
    [/example/]
  ])('%o', (origins) => {
    expect(() => originPolicy({ origins: origins as 'same-origin' })).toThrow(
      /^Invalid value for option "origins": .* \(must be "same-origin", a list of origins such as "https:\/\/example.com", or a function\)$/
    )
    expect(() => originPolicy({ origins: origins as 'same-origin' })).toThrow(TypeError)
  })

  test('requireOrigin', () => {
    expect(() => originPolicy({ requireOrigin: 'yes' as unknown as boolean })).toThrow(
      new TypeError('Invalid value for option "requireOrigin": "yes" (must be true or false)')
    )
  })
})
