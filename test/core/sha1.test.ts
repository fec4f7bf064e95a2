import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sha1 } from '../../src/core/sha1.js'

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex')

test('gives the digests of RFC 3174 §7.3', () => {
  expect(hex(sha1(Buffer.from('abc')))).toBe('a9993e364706816aba3e25717850c26c9cd0d89d')
  expect(hex(sha1(Buffer.from('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq')))).toBe(
    '84983e441c3bd26ebaae4aa1f95129e5e54670f1'
  )
  expect(hex(sha1(Buffer.from('0123456701234567012345670123456701234567012345670123456701234567'.repeat(10))))).toBe(
    'dea356a2cddd90c7a7ecedc5ebb563934f460452'
  )
})

test('gives the digest of Node for every length around the block boundaries', () => {
  for (let length = 0; length <= 200; length++) {
    const octets = new Uint8Array(length).map((_, i) => i * 31 + length)
    expect(hex(sha1(octets))).toBe(createHash('sha1').update(octets).digest('hex'))
  }
})

test('gives the digest of Node for any octets', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (octets) => {
      expect(hex(sha1(octets))).toBe(createHash('sha1').update(octets).digest('hex'))
    })
  )
})
