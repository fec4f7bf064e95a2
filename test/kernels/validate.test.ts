import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rotateKey } from '../../src/core/masking-key.js'
import { equal, maskedNaively, Place, pseudoRandom, sets, validatedNaively, wasm } from './support.js'

const SEEN = 1 << 24
const KEY = 0xa1b2c3d4

/** Octets at the bounds of every range in RFC 3629 §4. */
// prettier-ignore
const BOUNDARIES = [
  0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4,
  0xf5, 0xf8, 0xff
]

/** Text of all lengths of sequences, in which each may stand at any offset. */
const SAMPLE = Buffer.from(
  'aé€😀'.repeat(3) +
    'plain ASCII text that is longer than one vector of sixty-four octets. ' +
    'ж漢𝄞z\u{10ffff}\ud7ff\ue000'.repeat(20)
)

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }).map((s) => new Uint8Array(Buffer.from(s))),
  fc.string({ unit: 'binary-ascii', maxLength: 300 }).map((s) => new Uint8Array(Buffer.from(s)))
)
/** Text, text with an octet changed, cut text, and noise of boundary octets. */
const octetsOfAllKinds = fc.oneof(
  text,
  fc.tuple(text, fc.nat(), fc.constantFrom(...BOUNDARIES)).map(([octets, at, octet]) => {
    if (octets.length > 0) octets[at % octets.length] = octet
    return octets
  }),
  fc.tuple(text, fc.nat()).map(([octets, at]) => octets.subarray(0, at % (octets.length + 1))),
  fc.array(fc.constantFrom(...BOUNDARIES), { maxLength: 6 }).map((list) => Uint8Array.from(list))
)

function decodes(octets: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(octets)
    return true
  } catch {
    return false
  }
}

describe('the oracle of these tests', () => {
  it('agrees with TextDecoder on every two octets, and on four at the bounds of all ranges (RFC 3629 §4)', () => {
    for (let first = 0; first < 256; first++) {
      for (let second = 0; second < 256; second++) {
        const octets = Uint8Array.of(first, second)
        const result = validatedNaively(octets)
        if ((result === 0 || result === SEEN) !== decodes(octets)) expect.fail(`${first} ${second}`)
      }
    }
    for (const a of BOUNDARIES) {
      for (const b of BOUNDARIES) {
        for (const c of BOUNDARIES) {
          for (const d of [0x00, 0x80, 0xbf, 0xc2, 0xff]) {
            const octets = Uint8Array.of(a, b, c, d)
            const result = validatedNaively(octets)
            if ((result === 0 || result === SEEN) !== decodes(octets)) expect.fail(`${a} ${b} ${c} ${d}`)
          }
        }
      }
    }
  })
})

describe.each(sets)('validate and maskValidate of $title kernels', ({ kernels, memory }) => {
  const places = memory === null ? [null] : [null, memory]

  /** `maskValidate` of masked `octets` in place, which has to unmask them wherever it finds no fault. */
  function maskValidate(octets: Uint8Array, where: typeof memory, alignment: number, state = 0): number {
    const place = new Place(where, octets.length, alignment).write(maskedNaively(octets, KEY))
    const result = kernels.maskValidate(place.octets, place.start, place.end, place.octets, place.start, KEY, state)
    if (!place.isGuarded()) expect.fail('octets around the target have changed')
    if (result !== -1 && !equal(place.read(), octets)) expect.fail('octets are not unmasked')
    return result
  }

  function validate(octets: Uint8Array, where: typeof memory, alignment: number, state = 0): number {
    const place = new Place(where, octets.length, alignment).write(octets)
    const result = kernels.validate(place.octets, place.start, place.end, state)
    if (!place.isGuarded() || !equal(place.read(), octets)) expect.fail('octets have changed')
    return result
  }

  it('find what the ABNF says of any octets, at any alignment (RFC 3629 §4)', () => {
    fc.assert(
      fc.property(octetsOfAllKinds, fc.nat(15), fc.nat(700), fc.constantFrom(...places), (octets, alignment, padding, where) => {
        // behind ASCII of any length the same octets reach every step and threshold
        for (const padded of [octets, Buffer.concat([Buffer.alloc(padding, 0x61), octets])]) {
          const expected = validatedNaively(padded)
          expect(validate(padded, where, alignment)).toBe(expected)
          expect(maskValidate(padded, where, alignment)).toBe(expected)
        }
      }),
      { numRuns: 600 }
    )
  })

  it('find the same in every length to 300 at every alignment', () => {
    for (const where of places) {
      for (let length = 0; length <= 300; length++) {
        const plain = Buffer.alloc(length, 'plain text')
        const mixed = SAMPLE.subarray(0, length)
        const expected = validatedNaively(mixed)
        for (let alignment = 0; alignment < 16; alignment++) {
          expect(validate(plain, where, alignment)).toBe(0)
          expect(maskValidate(plain, where, alignment)).toBe(0)
          expect(validate(mixed, where, alignment)).toBe(expected)
          expect(maskValidate(mixed, where, alignment)).toBe(expected)
        }
      }
    }
  })

  it('carry the state over a split at every octet, and fail in the piece with the first impossible octet', () => {
    const spoilt = Buffer.from(SAMPLE)
    spoilt[spoilt.length - 20] = 0xc0
    for (const octets of [SAMPLE, spoilt]) {
      const masked = maskedNaively(octets, KEY)
      const whole = validatedNaively(octets)
      for (let split = 0; split <= octets.length; split++) {
        const head = validatedNaively(octets.subarray(0, split))
        for (const where of places) {
          expect(validate(octets.subarray(0, split), where, 1)).toBe(head)
          if (head === -1) continue
          const state = head & 0xffffff
          const seen = head & SEEN
          const tail = validate(octets.subarray(split), where, 2, state)
          expect(tail === -1 ? -1 : tail | seen).toBe(whole)

          const place = new Place(where, octets.length - split, 3).write(masked.subarray(split))
          const key = rotateKey(KEY, split)
          expect(kernels.maskValidate(place.octets, place.start, place.end, place.octets, place.start, key, state)).toBe(tail)
          if (tail !== -1) expect(equal(place.read(), octets.subarray(split))).toBe(true)
        }
      }
    }
  })

  it('fail at an octet that no sequence has, even if it is the last', () => {
    for (const octet of [0x80, 0xbf, 0xc0, 0xc1, 0xf5, 0xf8, 0xff]) {
      for (const padding of [0, 1, 15, 16, 17, 63, 64, 127, 128, 300, 599, 600, 1024, 20_000]) {
        const octets = Buffer.concat([Buffer.alloc(padding, 0x20), Buffer.of(octet)])
        for (const where of places) {
          expect(validate(octets, where, 0), `${octet} behind ${padding}`).toBe(-1)
          expect(maskValidate(octets, where, 0), `${octet} behind ${padding}`).toBe(-1)
        }
      }
    }
  })

  it('find a sequence that stops short, and one that does not, at every octet of plain text', () => {
    const sequence = Buffer.from('\u{1f600}')
    for (const where of places) {
      for (let at = 0; at < 160; at++) {
        for (let length = 1; length <= 4; length++) {
          const octets = Buffer.alloc(180, 'plain')
          octets.set(sequence.subarray(0, length), at)
          expect(validate(octets, where, 0)).toBe(length === 4 ? SEEN : -1)
          expect(maskValidate(octets, where, 0)).toBe(length === 4 ? SEEN : -1)
        }
      }
    }
  })

  it('find what the ABNF says of every two octets, and of four at the bounds of all ranges, behind text and alone', () => {
    for (const padding of [0, 14, 61, 62, 63, 130]) {
      for (const where of places) {
        const place = new Place(where, padding + 4, 0).write(Buffer.alloc(padding, 0x61))
        const { octets, start } = place
        const at = start + padding
        for (let first = 0x70; first < 256; first++) {
          for (let second = 0x70; second < 256; second++) {
            octets[at] = first
            octets[at + 1] = second
            const result = kernels.validate(octets, start, at + 2, 0)
            if (result !== validatedNaively([first, second])) expect.fail(`${first} ${second} behind ${padding}: ${result}`)
          }
        }
        for (const a of BOUNDARIES) {
          for (const b of BOUNDARIES) {
            for (const c of BOUNDARIES) {
              for (const d of [0x41, 0x80, 0xbf, 0xc2, 0xff]) {
                octets[at] = a
                octets[at + 1] = b
                octets[at + 2] = c
                octets[at + 3] = d
                const result = kernels.validate(octets, start, at + 4, 0)
                if (result !== validatedNaively([a, b, c, d])) expect.fail(`${a} ${b} ${c} ${d} behind ${padding}: ${result}`)
              }
            }
          }
        }
      }
    }
  })

  it('validate long text, from one place to another and in place, that is plain, mixed or spoilt', () => {
    for (const length of [511, 512, 513, 599, 600, 1024, 16_384, 16_385, 50_000, 70_001]) {
      const mixed = Buffer.alloc(length, SAMPLE)
      const plain = Buffer.alloc(length, 'ascii only ')
      const late = Buffer.from(plain)
      late.set(Buffer.from('é'), length - 3)
      const spoilt = Buffer.from(mixed)
      spoilt[length - 100] = 0xff
      for (const octets of [mixed, plain, late, spoilt]) {
        const expected = validatedNaively(octets)
        const masked = maskedNaively(octets, KEY)
        for (const where of places) {
          expect(validate(octets, where, 3)).toBe(expected)
          expect(maskValidate(octets, where, 5)).toBe(expected)
          for (const from of places) {
            const source = new Place(from, length, 1, 0).write(masked)
            const target = new Place(where, length, 2, 1)
            expect(kernels.maskValidate(source.octets, source.start, source.end, target.octets, target.start, KEY, 0)).toBe(
              expected
            )
            if (expected !== -1) expect(equal(target.read(), octets)).toBe(true)
            expect(equal(source.read(), masked)).toBe(true)
            expect(source.isGuarded() && target.isGuarded()).toBe(true)
          }
        }
      }
    }
  })

  it('take up a state in long text, and with no octets return it', () => {
    const rest = Buffer.concat([Buffer.of(0x9f, 0x98, 0x80), Buffer.alloc(2000, 'a')])
    for (const where of places) {
      expect(validate(rest, where, 0, 0xf0)).toBe(SEEN)
      expect(maskValidate(rest, where, 0, 0xf0)).toBe(SEEN)
      expect(validate(rest.subarray(1), where, 0, 0xf09f)).toBe(SEEN)
      expect(validate(rest.subarray(3), where, 0, 0xf09f98)).toBe(-1)
      expect(maskValidate(rest.subarray(3), where, 0, 0xf09f98)).toBe(-1)
      expect(validate(rest.subarray(0, 0), where, 0, 0xf09f)).toBe(0xf09f)
      expect(maskValidate(rest.subarray(0, 0), where, 0, 0xf09f)).toBe(0xf09f)
    }
  })

  it('are not misled by what lies behind the octets', () => {
    const random = pseudoRandom(7)
    for (const where of places) {
      for (let length = 1; length < 140; length++) {
        const place = new Place(where, length + 64, 0).write(Uint8Array.from({ length: length + 64 }, random))
        place.octets.fill(0x61, place.start, place.start + length)
        expect(kernels.validate(place.octets, place.start, place.start + length, 0)).toBe(0)
        expect(kernels.maskValidate(place.octets, place.start, place.start + length, place.octets, place.start, 0, 0)).toBe(0)
      }
    }
  })
})

describe('validate of the module', () => {
  it('finds what the ABNF says of every three octets (RFC 3629 §4)', () => {
    // 37 octets before them: long enough for the module, and across the bounds of its vectors
    const { octets, receiveRegion } = wasm.memory
    const { start } = receiveRegion
    octets.fill(0x61, start, start + 64)
    const at = start + 46
    const two: number[] = []
    for (let i = 0; i < 65536; i++) two.push(validatedNaively([i >> 8, i & 255]))
    for (let first = 0x80; first < 256; first++) {
      octets[at] = first
      for (let second = 0; second < 256; second++) {
        octets[at + 1] = second
        const head = two[(first << 8) | second]
        for (let third = 0; third < 256; third++) {
          octets[at + 2] = third
          const result = wasm.validate(octets, start, at + 3, 0)
          // what was impossible in two octets stays so; a sequence that they begin decides with the third, else the third stands alone
          const expected =
            head === -1
              ? -1
              : head === SEEN
                ? two[third] === -1
                  ? -1
                  : two[third] | SEEN
                : validatedNaively([first, second, third])
          if (result !== expected) expect.fail(`${first} ${second} ${third}: ${result}`)
        }
      }
    }
  })
})
