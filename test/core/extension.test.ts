import fc from 'fast-check'
import { expect, test } from 'vitest'
import * as ws from 'ws'
import { format, parse } from '../../src/core/extension.js'

interface Grammar {
  parse(header: string): unknown
  format(extensions: unknown): string
}
const oracle = (ws as unknown as { extension: Grammar }).extension

function outcome(run: () => unknown): unknown {
  try {
    return { value: run() }
  } catch (error) {
    return { name: (error as Error).constructor.name, message: (error as Error).message }
  }
}

const header = fc
  .array(fc.constantFrom('a', 'b', 'foo', '1', '__proto__', ';', '; ', ',', ', ', '=', '="', '"', '\\', ' ', '\t', 'é', '\0'), {
    maxLength: 14
  })
  .map((parts) => parts.join(''))

test('parses the examples of RFC 6455 §9.1', () => {
  expect(parse('foo')).toEqual({ foo: [{}] })
  expect(parse('bar; baz=2')).toEqual({ bar: [{ baz: ['2'] }] })
  expect(parse('foo, bar; baz=2')).toEqual({ foo: [{}], bar: [{ baz: ['2'] }] })
  expect(parse('deflate-stream')).toEqual({ 'deflate-stream': [{}] })
  expect(parse('mux; max-channels=4; flow-control, deflate-stream')).toEqual({
    mux: [{ 'max-channels': ['4'], 'flow-control': [true] }],
    'deflate-stream': [{}]
  })
  expect(parse('private-extension')).toEqual({ 'private-extension': [{}] })
})

test('keeps every offer of an extension, and every value of a parameter, in order (§9.1)', () => {
  expect(parse('foo; a=1; a; a="2", bar, foo;b')).toEqual({ foo: [{ a: ['1', true, '2'] }, { b: [true] }], bar: [{}] })
})

test('removes the backslashes of a quoted string (RFC 7230 §3.2.6)', () => {
  expect(parse('foo; a="\\b\\a\\r"; c="d\\e"')).toEqual({ foo: [{ a: ['bar'], c: ['de'] }] })
})

test('returns objects without prototype, so that no name is special', () => {
  const offers = parse('__proto__; constructor=toString; __proto__')
  expect(Object.getPrototypeOf(offers)).toBe(null)
  expect(Object.keys(offers)).toEqual(['__proto__'])
  expect(Object.getPrototypeOf(offers['__proto__'][0])).toBe(null)
  expect(Object.keys(offers['__proto__'][0])).toEqual(['constructor', '__proto__'])
})

test.each([
  ['', 'Unexpected end of input'],
  [' foo', 'Unexpected character at index 0'],
  ['foo ', 'Unexpected end of input'],
  ['foo,', 'Unexpected end of input'],
  ['foo;', 'Unexpected end of input'],
  ['foo;bar=', 'Unexpected end of input'],
  ['foo;bar="baz', 'Unexpected end of input'],
  ['foo;bar=""', 'Unexpected character at index 9'],
  ['foo;bar ="1"', 'Unexpected character at index 8'],
  ['foo;bar= 1', 'Unexpected character at index 8'],
  ['foo;bar="a b"', 'Unexpected character at index 10'],
  ['foo;bar="1"2', 'Unexpected character at index 11'],
  ['foo bar', 'Unexpected character at index 4'],
  ['foo=1', 'Unexpected character at index 3'],
  ['foo;bar="\\ "', 'Unexpected character at index 10']
])('refuses %j: %s', (text, message) => {
  expect(() => parse(text)).toThrow(new SyntaxError(message))
})

test('parses any header to what ws parses it to, or refuses it with the same error', () => {
  fc.assert(
    fc.property(header, (text) => {
      expect(outcome(() => parse(text))).toEqual(outcome(() => oracle.parse(text)))
    }),
    { numRuns: 5000 }
  )
})

test('judges a header that is cut at any character as ws does', () => {
  for (const text of ['mux; max-channels=4; flow-control, deflate-stream', 'foo ;bar="b\\az" ; q , foo; a=1;a']) {
    for (let length = 0; length <= text.length; length++) {
      const cut = text.slice(0, length)
      expect(outcome(() => parse(cut))).toEqual(outcome(() => oracle.parse(cut)))
    }
  }
})

test('formats lists, single values and single sets of parameters as ws does', () => {
  const value = fc.oneof(fc.constant(true), fc.constantFrom('x', 'y'), fc.integer({ min: 8, max: 15 }))
  const params = fc.dictionary(fc.constantFrom('a', 'b', '1'), fc.oneof(value, fc.array(value, { minLength: 1, maxLength: 3 })))
  const extensions = fc.dictionary(
    fc.constantFrom('foo', 'bar'),
    fc.oneof(params, fc.array(params, { minLength: 1, maxLength: 3 }))
  )
  fc.assert(
    fc.property(extensions, (input) => {
      expect(format(input)).toBe(oracle.format(input))
    })
  )
})

test('formats the examples of RFC 6455 §9.1', () => {
  expect(format({ mux: { 'max-channels': 4, 'flow-control': true }, 'deflate-stream': {} })).toBe(
    'mux; max-channels=4; flow-control, deflate-stream'
  )
  expect(format({ foo: [{}, { bar: ['1', true] }] })).toBe('foo, foo; bar=1; bar')
})
