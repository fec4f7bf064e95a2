import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rotateKey } from '../../src/core/masking-key.js'
import { equal, maskedNaively, Place, pseudoRandom, sets } from './support.js'

/** Lengths around every step of a kernel and every threshold of a set. */
const LONG = [301, 319, 320, 511, 512, 599, 600, 601, 1023, 1027, 4096, 16383, 16384, 16385, 33000, 70001]

describe.each(sets)('mask of $title kernels', ({ kernels, memory }) => {
  const places = memory === null ? [null] : [null, memory]

  it('XORs in place at every length to 300 and every alignment, and nothing else (§5.3)', () => {
    const random = pseudoRandom(1)
    for (const where of places) {
      for (let length = 0; length <= 300; length++) {
        const octets = Uint8Array.from({ length }, random)
        for (let alignment = 0; alignment < 16; alignment++) {
          const key = (random() | (random() << 8) | (random() << 16) | (random() << 24)) >>> 0
          const place = new Place(where, length, alignment).write(octets)
          kernels.mask(place.octets, place.start, place.end, place.octets, place.start, key)
          if (!equal(place.read(), maskedNaively(octets, key)) || !place.isGuarded()) {
            expect.fail(`length ${length}, alignment ${alignment}, key ${key}`)
          }
        }
      }
    }
  })

  it('XORs from one place to another, which may lie in different memories, and leaves the source as it was', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.nat(300), fc.constantFrom(...LONG)),
        fc.nat(15),
        fc.nat(15),
        fc.integer(),
        fc.constantFrom(...places),
        fc.constantFrom(...places),
        fc.nat(),
        (length, fromAlignment, toAlignment, key, sourceMemory, targetMemory, seed) => {
          const octets = Uint8Array.from({ length }, pseudoRandom(seed))
          const source = new Place(sourceMemory, length, fromAlignment, 0).write(octets)
          const target = new Place(targetMemory, length, toAlignment, 1)
          kernels.mask(source.octets, source.start, source.end, target.octets, target.start, key)
          expect(equal(target.read(), maskedNaively(octets, key))).toBe(true)
          expect(equal(source.read(), octets)).toBe(true)
          expect(source.isGuarded() && target.isGuarded()).toBe(true)
        }
      ),
      { numRuns: 500 }
    )
  })

  it('XORs long payloads in place', () => {
    for (const where of places) {
      for (const length of LONG) {
        const octets = Uint8Array.from({ length }, pseudoRandom(length))
        const place = new Place(where, length, length & 15).write(octets)
        kernels.mask(place.octets, place.start, place.end, place.octets, place.start, 0x87654321)
        expect(equal(place.read(), maskedNaively(octets, 0x87654321)), `length ${length}`).toBe(true)
        expect(place.isGuarded()).toBe(true)
      }
    }
  })

  it('XORs a payload in two pieces as in one, whatever the phase of the key', () => {
    const octets = Uint8Array.from({ length: 150 }, pseudoRandom(3))
    const key = 0xfedcba98
    for (let split = 0; split <= octets.length; split++) {
      const place = new Place(memory, octets.length, 5).write(octets)
      const middle = place.start + split
      kernels.mask(place.octets, place.start, middle, place.octets, place.start, key)
      kernels.mask(place.octets, middle, place.end, place.octets, middle, rotateKey(key, split))
      expect(equal(place.read(), maskedNaively(octets, key)), `split at ${split}`).toBe(true)
    }
  })

  it('takes a view of its memory that begins anywhere', () => {
    if (memory === null) return expect(places).toEqual([null])
    const octets = Uint8Array.from({ length: 200 }, pseudoRandom(4))
    const place = new Place(memory, octets.length, 3).write(octets)
    const view = new Uint8Array(memory.octets.buffer, place.start - 7, 300)
    kernels.mask(view, 7, 207, view, 7, 0x01020304)
    expect(equal(place.read(), maskedNaively(octets, 0x01020304))).toBe(true)
    expect(place.isGuarded()).toBe(true)
  })
})
