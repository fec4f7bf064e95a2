import fc from 'fast-check'
import { expect, test } from 'vitest'
import { utf8Decode, utf8Length, utf8Write } from '../../src/core/utf8.js'

/** Any UTF-16 units, lone surrogates included. */
const text = fc
  .array(
    fc.oneof(
      fc.integer({ min: 0, max: 0xffff }),
      fc.integer({ min: 0xd7fe, max: 0xe001 }),
      fc.constantFrom(0x41, 0x7f, 0x80, 0x7ff, 0x800)
    ),
    {
      maxLength: 40
    }
  )
  .map((units) => String.fromCharCode(...units))

function decodeLikeWhatwg(octets: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(octets)
}

test('measures and writes any string as TextEncoder encodes it, lone surrogates as U+FFFD', () => {
  fc.assert(
    fc.property(text, fc.nat(5), (input, offset) => {
      const expected = new TextEncoder().encode(input)
      expect(utf8Length(input)).toBe(expected.length)
      const target = new Uint8Array(offset + expected.length + 1).fill(0xaa)
      expect(utf8Write(input, target, offset)).toBe(expected.length)
      expect(target.subarray(offset, offset + expected.length)).toEqual(expected)
      expect(target[offset + expected.length]).toBe(0xaa)
    }),
    { numRuns: 2000 }
  )
})

test('decodes what it wrote, cut at any octet too, as TextDecoder does', () => {
  fc.assert(
    fc.property(text, (input) => {
      const octets = new TextEncoder().encode(input)
      for (let end = 0; end <= octets.length; end++) {
        expect(utf8Decode(octets, 0, end)).toBe(decodeLikeWhatwg(octets.subarray(0, end)))
      }
    })
  )
})

test('decodes octets that are not UTF-8 with the replacement characters of TextDecoder', () => {
  const octet = fc.oneof(
    fc.constantFrom(0x80, 0xbf, 0xc0, 0xc2, 0xe0, 0xa0, 0xed, 0x9f, 0xef, 0xf0, 0x90, 0xf4, 0x8f, 0xf5, 0xff, 0x41),
    fc.nat(255)
  )
  fc.assert(
    fc.property(fc.array(octet, { maxLength: 12 }), (list) => {
      const octets = Uint8Array.from(list)
      expect(utf8Decode(octets, 0, octets.length)).toBe(decodeLikeWhatwg(octets))
    }),
    { numRuns: 5000 }
  )
})

test('decodes every code point that there is (RFC 3629 §3)', () => {
  for (let plane = 0; plane <= 0x10; plane++) {
    let input = ''
    for (let point = plane << 16; point < (plane + 1) << 16; point++) {
      if (point < 0xd800 || point > 0xdfff) input += String.fromCodePoint(point)
    }
    const octets = new Uint8Array(utf8Length(input))
    utf8Write(input, octets, 0)
    expect(utf8Decode(octets, 0, octets.length) === input).toBe(true)
  }
})

test('keeps pairs together across its internal pieces, and takes a part of an array', () => {
  for (const lead of ['', 'x', 'xy']) {
    const input = lead + '\u{1f600}'.repeat(5000)
    const octets = Buffer.from('<' + input + '>')
    expect(utf8Decode(octets, 1, octets.length - 1) === input).toBe(true)
  }
})
