import fc from 'fast-check'
import { expect, test } from 'vitest'
import { base64Decode, base64Encode } from '../../src/core/base64.js'

const octets = fc.uint8Array({ maxLength: 200 })

test.each([
  ['', ''],
  ['f', 'Zg=='],
  ['fo', 'Zm8='],
  ['foo', 'Zm9v'],
  ['foob', 'Zm9vYg=='],
  ['fooba', 'Zm9vYmE='],
  ['foobar', 'Zm9vYmFy']
])('encodes and decodes %j as %j (RFC 4648 §10)', (plain, text) => {
  expect(base64Encode(Buffer.from(plain))).toBe(text)
  expect(Buffer.from(base64Decode(text)).toString()).toBe(plain)
})

test('encodes any octets as Node does', () => {
  fc.assert(
    fc.property(octets, (input) => {
      expect(base64Encode(input)).toBe(Buffer.from(input).toString('base64'))
    })
  )
})

test('decodes what it encoded', () => {
  fc.assert(
    fc.property(octets, (input) => {
      expect(base64Decode(base64Encode(input))).toEqual(input)
    })
  )
})

test('refuses every truncation that leaves an incomplete group', () => {
  const text = 'Zm9vYmE='
  for (let length = 0; length < text.length; length++) {
    if (length % 4 === 0) expect(base64Decode(text.slice(0, length)).length).toBe((length / 4) * 3)
    else expect(() => base64Decode(text.slice(0, length))).toThrow(RangeError)
  }
})

test.each(['Zm9*', 'Zm9\n', 'Zm9\u0100', 'Z=9v', '=m9v', 'Zg==Zm9v', '====', 'Zg=v', '-_-_'])(
  'refuses %j, which has a character outside the alphabet (RFC 4648 §3.3)',
  (text) => {
    expect(() => base64Decode(text)).toThrow(/unexpected character at index \d/)
  }
)

test.each(['Zh==', 'Zm9='])('refuses %j, whose unused bits are not zero (RFC 4648 §3.5)', (text) => {
  expect(() => base64Decode(text)).toThrow('unused bits')
})
