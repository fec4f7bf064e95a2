import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  FrameHeader,
  headerSize,
  parseFrameHeader,
  serializeFrameHeader,
  serializeMaskingKey,
  type HeaderContext
} from '../../src/core/frame-header.js'
import { buildFrame, TEST_KEY, type FrameFields } from '../support/frames.js'
import { describeError, VIOLATIONS } from './support.js'

const CLIENT: HeaderContext = { isServer: false, allowsRsv1: false, fragmentedOpcode: 0, messageLength: 0, maxPayload: 0 }
const SERVER: HeaderContext = { ...CLIENT, isServer: true }
const KEY = TEST_KEY.readInt32LE(0)

/** Header of a frame: all of it but the payload. */
function header(fields: FrameFields): Buffer {
  return buildFrame({ ...fields, payload: '', claim: fields.claim ?? 0 })
}

/** Verdict on each prefix of `octets`, from the empty one to all of them, at an offset into other octets. */
function verdicts(octets: Buffer, context: HeaderContext): string[] {
  const memory = Buffer.concat([Buffer.from([0xff, 0xff, 0xff]), octets, Buffer.alloc(16, 0xff)])
  return Array.from({ length: octets.length + 1 }, (_, length) => {
    const verdict = parseFrameHeader(memory, 3, 3 + length, context, new FrameHeader())
    return typeof verdict === 'boolean' ? String(verdict) : describeError(verdict)
  })
}

/** Expects that nothing is said before `at` octets are there (two at least, as in ws), and from there on `violation`. */
function expectVerdictFrom(at: number, octets: Buffer, context: HeaderContext, violation: string): void {
  const expected = Array.from({ length: octets.length + 1 }, (_, length) => (length < at ? 'false' : violation))
  expect(verdicts(octets, context)).toEqual(expected)
}

/** Expects a header that is complete with its last octet, and returns it. */
function expectComplete(octets: Buffer, context: HeaderContext): FrameHeader {
  const expected = Array.from({ length: octets.length + 1 }, (_, length) => String(length === octets.length))
  expect(verdicts(octets, context)).toEqual(expected)
  const parsed = new FrameHeader()
  expect(parseFrameHeader(Buffer.concat([octets, Buffer.alloc(20, 0xff)]), 0, octets.length + 20, context, parsed)).toBe(true)
  expect(parsed.size).toBe(octets.length)
  return parsed
}

describe('parseFrameHeader', () => {
  const lengths = [0, 1, 125, 126, 127, 255, 256, 65535, 65536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1]
  test.each(lengths)('reads a payload length of %d, minimally encoded (§5.2)', (claim) => {
    for (const fin of [true, false]) {
      for (const opcode of [1, 2]) {
        expect(expectComplete(header({ fin, opcode, claim }), CLIENT)).toMatchObject({
          fin,
          opcode,
          length: claim,
          rsv1: false,
          key: 0
        })
        const masked = expectComplete(header({ fin, opcode, claim, key: TEST_KEY }), SERVER)
        expect(masked).toMatchObject({ fin, opcode, length: claim, rsv1: false })
        expect(masked.key | 0).toBe(KEY)
      }
    }
  })

  test.each([
    [0, 2],
    [125, 2],
    [0, 8],
    [126, 8],
    [65535, 8]
  ] as const)('reads a length of %d in %d octets, as ws does (§5.2)', (claim, lengthOctets) => {
    expect(expectComplete(header({ claim, lengthOctets }), CLIENT).length).toBe(claim)
    expect(expectComplete(header({ claim, lengthOctets, key: TEST_KEY }), SERVER).length).toBe(claim)
  })

  test('forgets the frame before: RSV1, FIN, key and length of one are not those of the next', () => {
    const parsed = new FrameHeader()
    const big = header({ fin: false, rsv: 4, opcode: 2, claim: 70_000, key: TEST_KEY })
    expect(parseFrameHeader(big, 0, big.length, { ...SERVER, allowsRsv1: true }, parsed)).toBe(true)
    expect(parsed).toMatchObject({ fin: false, rsv1: true, opcode: 2, length: 70_000, size: 14 })
    const small = header({ opcode: 9, claim: 3 })
    expect(parseFrameHeader(small, 0, small.length, CLIENT, parsed)).toBe(true)
    expect(parsed).toMatchObject({ fin: true, rsv1: false, opcode: 9, length: 3, size: 2, key: 0 })
  })

  test.each([1, 2, 3, 5, 6, 7])('refuses RSV bits %d, with permessage-deflate too (§5.2)', (rsv) => {
    for (const opcode of [0, 1, 2, 3, 8, 9, 10, 11])
      for (const allowsRsv1 of [false, true])
        expectVerdictFrom(2, header({ rsv, opcode }), { ...CLIENT, allowsRsv1 }, VIOLATIONS.rsv23)
  })

  test('refuses RSV1 where no extension gives it a meaning, before it looks at the opcode (§5.2)', () => {
    for (let opcode = 0; opcode < 16; opcode++) expectVerdictFrom(2, header({ rsv: 4, opcode }), CLIENT, VIOLATIONS.rsv1)
  })

  test('takes RSV1 on text and binary frames with permessage-deflate (RFC 7692 §6)', () => {
    const context = { ...CLIENT, allowsRsv1: true }
    for (const opcode of [1, 2])
      for (const fin of [true, false])
        expect(expectComplete(header({ rsv: 4, opcode, fin, claim: 5 }), context)).toMatchObject({ rsv1: true, opcode, fin })
  })

  test('refuses RSV1 on a continuation and on control frames even then (RFC 7692 §6.1)', () => {
    const context = { ...CLIENT, allowsRsv1: true }
    expectVerdictFrom(2, header({ rsv: 4, opcode: 0 }), { ...context, fragmentedOpcode: 1 }, VIOLATIONS.rsv1)
    expectVerdictFrom(2, header({ rsv: 4, opcode: 0 }), context, VIOLATIONS.rsv1)
    for (const opcode of [8, 9, 10]) expectVerdictFrom(2, header({ rsv: 4, opcode }), context, VIOLATIONS.rsv1)
  })

  test.each([3, 4, 5, 6, 7, 11, 12, 13, 14, 15])('refuses the reserved opcode %d (§5.2)', (opcode) => {
    for (const context of [CLIENT, SERVER, { ...CLIENT, fragmentedOpcode: 2 }])
      for (const fin of [true, false]) expectVerdictFrom(2, header({ opcode, fin }), context, VIOLATIONS.opcode(opcode))
  })

  test('refuses a continuation where nothing was begun (§5.4)', () => {
    for (const fin of [true, false]) expectVerdictFrom(2, header({ opcode: 0, fin }), CLIENT, VIOLATIONS.opcode(0))
  })

  test('refuses a data frame inside a fragmented message (§5.4)', () => {
    for (const fragmentedOpcode of [1, 2])
      for (const opcode of [1, 2])
        expectVerdictFrom(2, header({ opcode }), { ...CLIENT, fragmentedOpcode }, VIOLATIONS.opcode(opcode))
  })

  test('takes control frames and continuations inside a fragmented message (§5.4)', () => {
    for (const opcode of [0, 8, 9, 10])
      expect(expectComplete(header({ opcode, claim: 2 }), { ...CLIENT, fragmentedOpcode: 1 }).opcode).toBe(opcode)
  })

  test('refuses a control frame without FIN (§5.5)', () => {
    for (const opcode of [8, 9, 10]) expectVerdictFrom(2, header({ opcode, fin: false }), CLIENT, VIOLATIONS.fin)
  })

  test('refuses a control frame of more than 125 octets at its second octet, whatever its mask bit (§5.5)', () => {
    for (const opcode of [8, 9, 10])
      for (const key of [null, TEST_KEY])
        for (const context of [CLIENT, SERVER]) {
          expectVerdictFrom(2, header({ opcode, claim: 126, key }), context, VIOLATIONS.controlLength(126))
          expectVerdictFrom(2, header({ opcode, claim: 65536, key }), context, VIOLATIONS.controlLength(127))
          expectVerdictFrom(2, header({ opcode, claim: 5, lengthOctets: 2, key }), context, VIOLATIONS.controlLength(126))
        }
  })

  test('refuses a close frame of one octet, takes pings of one (§5.5.1)', () => {
    expectVerdictFrom(2, header({ opcode: 8, claim: 1 }), CLIENT, VIOLATIONS.controlLength(1))
    expectVerdictFrom(2, header({ opcode: 8, claim: 1 }), SERVER, VIOLATIONS.controlLength(1))
    for (const opcode of [9, 10]) expect(expectComplete(header({ opcode, claim: 1 }), CLIENT).length).toBe(1)
  })

  test('refuses an unmasked frame to a server and a masked one to a client at the second octet (§5.1)', () => {
    for (const opcode of [1, 2, 8, 9, 10])
      for (const claim of [0, 2, 125]) {
        expectVerdictFrom(2, header({ opcode, claim }), SERVER, VIOLATIONS.noMask)
        expectVerdictFrom(2, header({ opcode, claim, key: TEST_KEY }), CLIENT, VIOLATIONS.mask)
      }
    expectVerdictFrom(2, header({ claim: 65536 }), { ...SERVER, maxPayload: 10 }, VIOLATIONS.noMask)
  })

  test('takes a masking key of zeros (§5.3)', () => {
    expect(expectComplete(header({ claim: 4, key: Buffer.alloc(4) }), SERVER)).toMatchObject({ key: 0, length: 4, size: 6 })
  })

  test.each([2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n])(
    'refuses a payload length of %d: it is beyond 2^53 - 1 (§5.2)',
    (claim) => {
      for (const context of [CLIENT, { ...CLIENT, maxPayload: 1000 }]) {
        const seen = verdicts(header({ claim }), context)
        expect(seen.slice(0, 3)).toEqual(['false', 'false', 'false'])
        expect(seen.at(-1)).toBe(VIOLATIONS.length)
        for (const verdict of seen) expect(['false', VIOLATIONS.length]).toContain(verdict)
      }
      expect(verdicts(header({ claim, key: TEST_KEY }), SERVER).at(-1)).toBe(VIOLATIONS.length)
    }
  )

  test('refuses what maxPayload does not allow as soon as the length is there (§10.4)', () => {
    for (const [context, key] of [
      [CLIENT, null],
      [SERVER, TEST_KEY]
    ] as const) {
      expect(expectComplete(header({ claim: 100, key }), { ...context, maxPayload: 100 }).length).toBe(100)
      expectVerdictFrom(2, header({ claim: 101, key }), { ...context, maxPayload: 100 }, VIOLATIONS.maxPayload)
      expectVerdictFrom(4, header({ claim: 301, key }), { ...context, maxPayload: 300 }, VIOLATIONS.maxPayload)
      const huge = verdicts(header({ claim: 2 ** 53 - 1, key }), { ...context, maxPayload: 2 ** 31 - 1 })
      expect(huge.at(key === null ? -1 : -5)).toBe(VIOLATIONS.maxPayload)
    }
  })

  test('counts the earlier frames of the message, but no control frame, against maxPayload', () => {
    const context = { ...CLIENT, fragmentedOpcode: 1, messageLength: 60, maxPayload: 100 }
    expectComplete(header({ opcode: 0, claim: 40 }), context)
    expectComplete(header({ opcode: 0, claim: 0 }), { ...context, messageLength: 100 })
    expectComplete(header({ opcode: 9, claim: 125 }), context)
    expectComplete(header({ opcode: 8, claim: 125 }), { ...context, maxPayload: 1, messageLength: 0 })
    expectVerdictFrom(2, header({ opcode: 0, claim: 41 }), context, VIOLATIONS.maxPayload)
  })
})

describe('serializeFrameHeader', () => {
  const lengths = [0, 1, 124, 125, 126, 127, 255, 256, 65534, 65535, 65536, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 53 - 1]
  test.each(lengths)('encodes a length of %d minimally and says how long that is (§5.2)', (length) => {
    for (const key of [null, TEST_KEY]) {
      const expected = header({ fin: false, rsv: 4, opcode: 2, claim: length, key })
      const target = Buffer.alloc(20, 0xaa)
      let end = serializeFrameHeader(target, 2, 0x42, length, key !== null)
      if (key) end = serializeMaskingKey(target, end, KEY)
      expect(headerSize(length, key !== null)).toBe(expected.length)
      expect(end).toBe(2 + expected.length)
      expect(target.subarray(2, end)).toEqual(expected)
      expect(target.subarray(0, 2)).toEqual(Buffer.alloc(2, 0xaa))
      expect(target.subarray(end)).toEqual(Buffer.alloc(20 - end, 0xaa))
    }
  })

  test('writes what parseFrameHeader reads, for any length and key', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.nat(300), fc.nat(70_000), fc.maxSafeNat()),
        fc.integer(),
        fc.constantFrom(1, 2),
        fc.boolean(),
        fc.boolean(),
        (length, key, opcode, fin, masked) => {
          const target = new Uint8Array(14)
          let end = serializeFrameHeader(target, 0, (fin ? 0x80 : 0) | opcode, length, masked)
          if (masked) end = serializeMaskingKey(target, end, key)
          const parsed = new FrameHeader()
          expect(parseFrameHeader(target, 0, end, masked ? SERVER : CLIENT, parsed)).toBe(true)
          expect(parsed).toMatchObject({ fin, opcode, length, size: end })
          if (masked) expect(parsed.key | 0).toBe(key)
        }
      )
    )
  })
})
