import { describe, expect, test } from 'vitest'
import { MessageAssembler } from '../../src/core/message-assembler.js'
import { describeError, js, VIOLATIONS, wasm } from './support.js'

test('knows what the first frame said (§5.4, RFC 7692 §6)', () => {
  expect(new MessageAssembler(1, false)).toMatchObject({ isText: true, compressed: false, length: 0, utf8State: 0, fragments: [] })
  expect(new MessageAssembler(2, true)).toMatchObject({ isText: false, compressed: true, length: 0, fragments: [] })
})

test('counts frames, empty ones too, up to the limit', () => {
  const message = new MessageAssembler(2, false)
  for (let i = 0; i < 3; i++) expect(message.countFrame(3)).toBeNull()
  expect(describeError(message.countFrame(3) as Error)).toBe(VIOLATIONS.fragments)
})

test('counts without end where the limit is 0', () => {
  const message = new MessageAssembler(2, false)
  for (let i = 0; i < 100_000; i++) if (message.countFrame(0) !== null) expect.fail(`frame ${i}`)
})

test('keeps payloads in order, but no empty ones, and adds up their lengths', () => {
  const message = new MessageAssembler(2, false)
  const payloads = [Buffer.from('one'), Buffer.alloc(0), Buffer.from('three')]
  for (const payload of payloads) message.add(payload)
  expect(message.fragments).toEqual([payloads[0], payloads[2]])
  expect(message.fragments[0]).toBe(payloads[0])
  expect(message.length).toBe(8)
})

describe.each([
  ['js', js],
  ['wasm', wasm]
])('validate with %s kernels', (_, kernels) => {
  test('carries an incomplete sequence from fragment to fragment (§8.1)', () => {
    const message = new MessageAssembler(1, false)
    const octets = Buffer.from('κόσμε € 😀')
    for (let i = 0; i < octets.length; i++) {
      expect(message.validate(kernels, octets.subarray(i, i + 1))).toBeNull()
      expect(message.validate(kernels, new Uint8Array(0))).toBeNull()
      const isWhole =
        octets
          .subarray(0, i + 1)
          .toString()
          .endsWith('\ufffd') === false
      expect(message.utf8State === 0).toBe(isWhole)
    }
  })

  test('fails at the first octet that cannot stand where it does (§8.1)', () => {
    for (const [good, bad] of [
      [[0x61, 0xe2, 0x82], [0x28]],
      [[], [0xc0]],
      [[0xed], [0xa0]],
      [[0xf4], [0x90]],
      [[0xf0, 0x9f], [0x61]]
    ]) {
      const message = new MessageAssembler(1, false)
      expect(message.validate(kernels, Uint8Array.from(good))).toBeNull()
      expect(describeError(message.validate(kernels, Uint8Array.from(bad)) as Error)).toBe(VIOLATIONS.utf8)
    }
  })
})
