import fc from 'fast-check'
import { expect, test } from 'vitest'
import * as ws from 'ws'
import { parse } from '../../src/core/subprotocol.js'

const oracle = (ws as unknown as { subprotocol: { parse(header: string): Set<string> } }).subprotocol

function outcome(run: () => Set<string>): unknown {
  try {
    return [...run()]
  } catch (error) {
    return { name: (error as Error).constructor.name, message: (error as Error).message }
  }
}

test('parses the offers of RFC 6455 §1.3 in order', () => {
  expect([...parse('chat, superchat')]).toEqual(['chat', 'superchat'])
  expect([...parse('b,a ,\tc')]).toEqual(['b', 'a', 'c'])
})

test.each([
  ['', 'Unexpected end of input'],
  ['chat,', 'Unexpected end of input'],
  ['chat ', 'Unexpected end of input'],
  [' chat', 'Unexpected character at index 0'],
  [',chat', 'Unexpected character at index 0'],
  ['chat,,b', 'Unexpected character at index 5'],
  ['chat b', 'Unexpected character at index 5'],
  ['ch(at', 'Unexpected character at index 2'],
  ['a, b, a', 'The "a" subprotocol is duplicated'],
  ['a,a,(', 'The "a" subprotocol is duplicated']
])('refuses %j: %s (§4.1)', (text, message) => {
  expect(() => parse(text)).toThrow(new SyntaxError(message))
})

test('parses any header to what ws parses it to, or refuses it with the same error', () => {
  const header = fc
    .array(fc.constantFrom('a', 'b', 'cd', ',', ', ', ' ', '\t', ';', '"', 'é'), { maxLength: 12 })
    .map((parts) => parts.join(''))
  fc.assert(
    fc.property(header, (text) => {
      expect(outcome(() => parse(text))).toEqual(outcome(() => oracle.parse(text)))
    }),
    { numRuns: 5000 }
  )
})

test('judges a header that is cut at any character as ws does', () => {
  const text = 'chat, superchat ,\tx'
  for (let length = 0; length <= text.length; length++) {
    const cut = text.slice(0, length)
    expect(outcome(() => parse(cut))).toEqual(outcome(() => oracle.parse(cut)))
  }
})
