import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { equal, js, Place, pseudoRandom, sets, wasm } from './support.js'

/** What `toUtf16` may write behind the UTF-16. */
const EXCESS = 16

/** Code points at the bounds of all lengths of sequences, and around the surrogates (RFC 3629 §3). */
// prettier-ignore
const EDGES = [
  0x00, 0x7f, 0x80, 0x7ff, 0x800, 0xfff, 0x1000, 0xcfff, 0xd000, 0xd7ff, 0xe000, 0xfeff, 0xfffd, 0xffff, 0x10000, 0x103ff, 0x10400,
  0x3ffff, 0x40000, 0xfffff, 0x100000, 0x10fc00, 0x10ffff
]

/** Lengths around the steps of 8 and 16 octets, the scratch memory and the text region. */
const SIZES = [96, 16_383, 16_384, 16_385, 16_387, 32_768, 65_536, 262_144]

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.string({ unit: fc.constantFrom(...EDGES.map((point) => String.fromCodePoint(point))), maxLength: 200 }),
  fc
    .tuple(fc.string({ unit: 'binary-ascii', maxLength: 100 }), fc.string({ unit: 'binary', maxLength: 3 }))
    .map(([ascii, other]) => ascii + other + ascii)
)

describe.each(sets)('toUtf16 of $title kernels', ({ kernels, memory }) => {
  const places = memory === null ? [null] : [null, memory]

  /** Converts `octets` between places in and outside the kernels' memory, with `before` in front of them. */
  function convert(octets: Uint8Array, from: typeof memory, to: typeof memory, alignment: number, before: number): string {
    const source = new Place(from, octets.length, alignment).write(octets)
    source.octets[source.start - 1] = before
    let target: Uint8Array
    let start: number
    if (to === null) {
      target = new Uint8Array(octets.length * 2 + EXCESS + 3).fill(0xaa)
      start = 3
    } else {
      target = to.octets
      start = to.textRegion.start
      target.fill(0xaa, start, start + octets.length * 2 + EXCESS + 1)
    }
    const guardBefore = target[start - 1]
    const guardBehind = target[start + octets.length * 2 + EXCESS]
    const length = kernels.toUtf16(source.octets, source.start, source.end, target, start)
    if (target[start - 1] !== guardBefore) expect.fail('an octet in front of the target has changed')
    if (target[start + octets.length * 2 + EXCESS] !== guardBehind) expect.fail('an octet behind the target has changed')
    if (Buffer.compare(source.read(), octets) !== 0) expect.fail('the source has changed')
    return Buffer.from(target.buffer, target.byteOffset + start, length).toString('utf16le')
  }

  function expectText(octets: Uint8Array, alignment = 0, before = 0xff): void {
    const expected = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets)
    for (const from of places) {
      for (const to of places) {
        const result = convert(octets, from, to, alignment, before)
        if (result !== expected) expect(result).toBe(expected)
      }
    }
  }

  it('converts what TextDecoder decodes, wherever it lies', () => {
    fc.assert(
      fc.property(text, fc.nat(15), fc.nat(255), (string, alignment, before) => {
        expectText(Buffer.from(string), alignment, before)
      }),
      { numRuns: 300 }
    )
  })

  it('converts every edge of sequences of one to four octets at every offset, beside every other (RFC 3629 §3)', () => {
    for (const first of EDGES) {
      for (const second of EDGES) {
        for (let offset = 0; offset < 17; offset++) {
          const string = 'x'.repeat(offset) + String.fromCodePoint(first, second)
          const octets = Buffer.from(string)
          for (const [from, to] of [
            [null, null],
            [memory, memory]
          ]) {
            if (convert(octets, from, to, 0, 0xf4) !== string) expect.fail(JSON.stringify(string))
          }
        }
      }
    }
  })

  it('converts every code point', () => {
    let string = ''
    for (let point = 0; point <= 0x10ffff; point += 1) {
      if (point === 0xd800) point = 0xe000
      string += String.fromCodePoint(point)
      if (string.length > 60_000 || point === 0x10ffff) {
        expectText(Buffer.from(string.slice(0, 20_000)))
        expectText(Buffer.from(string.slice(20_000)))
        string = ''
      }
    }
  })

  it.each(SIZES)('converts texts of about %i octets, with sequences across every boundary', (size) => {
    for (const sample of ['aé€😀', 'ж', '漢', '😀', 'a', `${'plain '.repeat(9)}é`]) {
      for (let shift = 0; shift < 4; shift++) {
        const octets = Buffer.alloc(size, sample)
        const whole = Buffer.from('x'.repeat(shift) + octets.toString().replace(/\ufffd+$/, ''))
        const isRoomInPlace = whole.length < 100_000 && memory !== null
        const to = memory !== null && whole.length * 2 <= memory.textRegion.end - memory.textRegion.start ? memory : null
        for (const [from, into] of [
          [null, null],
          [null, to],
          [isRoomInPlace ? memory : null, null]
        ]) {
          if (convert(whole, from, into, 0, 0xff) !== whole.toString()) expect.fail(`${sample}, shifted by ${shift}`)
        }
      }
    }
  })
})

describe('toUtf16', () => {
  it('never writes more than two octets for each one, whatever the octets are', () => {
    const random = pseudoRandom(16)
    const { start } = wasm.memory.textRegion
    for (let length = 0; length < 300; length++) {
      const place = new Place(wasm.memory, length, length & 15).write(Uint8Array.from({ length }, random))
      const before = wasm.memory.octets.slice(start - 64, start)
      wasm.memory.octets.fill(0x55, start, start + 2 * length + 64)
      const written = wasm.toUtf16(place.octets, place.start, place.end, wasm.memory.octets, start)
      expect(written).toBeLessThanOrEqual(2 * length)
      expect(equal(wasm.memory.octets.subarray(start - 64, start), before)).toBe(true)
      expect(
        wasm.memory.octets.subarray(start + 2 * length + EXCESS, start + 2 * length + 64).every((octet) => octet === 0x55)
      ).toBe(true)
      expect(place.isGuarded()).toBe(true)
    }
  })

  it('has a region of its own for text, and works beside it', () => {
    const { receiveRegion, textRegion } = wasm.memory
    expect(textRegion.start).toBeGreaterThanOrEqual(receiveRegion.end + 64)
    expect(textRegion.end + 64).toBeLessThanOrEqual(wasm.memory.octets.length)
    expect(js.toUtf16(Buffer.from('ü'), 0, 2, new Uint8Array(20), 0)).toBe(2)
  })
})
