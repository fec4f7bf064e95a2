import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import type { FrameTable, Kernels } from '../../src/core/kernels.js'
import { NON_ASCII, SCAN_FRAGMENTED, SCAN_MASKED, SCAN_RSV1, SCAN_SKIP_UTF8 } from '../../src/core/scan-flags.js'
import { equal, maskedNaively, Place, pseudoRandom, sets, validatedNaively } from './support.js'

interface FrameParts {
  first: number
  masked: boolean
  key: number
  payload: Uint8Array
  /** 7, 16 or 64 bits for the length; as few as it takes by default. */
  lengthBits?: number
  /** High 32 bits of a 64-bit length. */
  lengthHigh?: number
}

/** RFC 6455 §5.2. */
function frame({ first, masked, key, payload, lengthBits, lengthHigh = 0 }: FrameParts): Buffer {
  const least = payload.length < 126 ? 7 : payload.length < 65536 ? 16 : 64
  const bits = Math.max(least, lengthBits ?? least)
  const header = Buffer.alloc(2 + (bits === 7 ? 0 : bits / 8))
  header[0] = first
  header[1] = (masked ? 0x80 : 0) | (bits === 7 ? payload.length : bits === 16 ? 126 : 127)
  if (bits === 16) header.writeUInt16BE(payload.length, 2)
  if (bits === 64) header.writeBigUInt64BE((BigInt(lengthHigh) << 32n) | BigInt(payload.length), 2)
  if (!masked) return Buffer.concat([header, payload])
  const keyOctets = Buffer.alloc(4)
  keyOctets.writeUInt32LE(key >>> 0)
  return Buffer.concat([header, keyOctets, maskedNaively(payload, key)])
}

interface Found {
  frames: { first: number; payload: Buffer }[]
  consumed: number
  invalidUtf8: boolean
}

/** What `Kernels.scan` has to find, by a parser that goes through the rules one after the other. */
function parse(chunk: Buffer, flags: number, maxPayload: number, capacity = Infinity): Found {
  const found: Found = { frames: [], consumed: 0, invalidUtf8: false }
  let rest = chunk
  while (found.frames.length < capacity && rest.length >= 2) {
    const fin = rest[0] >> 7 === 1
    const rsv = (rest[0] >> 4) & 7
    const opcode = rest[0] % 16
    const isControl = opcode > 7
    const masked = rest[1] >> 7 === 1
    if (!fin || ![1, 2, 9, 10].includes(opcode)) break
    if (rsv !== 0 && !(rsv === 4 && !isControl && (flags & SCAN_RSV1) !== 0)) break
    if (!isControl && (flags & SCAN_FRAGMENTED) !== 0) break
    if (masked !== ((flags & SCAN_MASKED) !== 0)) break
    const shortLength = rest[1] % 128
    if (isControl && shortLength > 125) break
    const extended = shortLength === 127 ? 8 : shortLength === 126 ? 2 : 0
    const headerLength = 2 + extended + (masked ? 4 : 0)
    if (rest.length < headerLength) break
    const length = extended === 8 ? Number(rest.readBigUInt64BE(2)) : extended === 2 ? rest.readUInt16BE(2) : shortLength
    if (maxPayload > 0 && length > maxPayload) break
    if (length > rest.length - headerLength) break
    const coded = rest.subarray(headerLength, headerLength + length)
    const payload = Buffer.from(masked ? maskedNaively(coded, rest.readUInt32LE(headerLength - 4)) : coded)
    let first = rest[0]
    if (opcode === 1 && rsv === 0) {
      if ((flags & SCAN_SKIP_UTF8) === 0 && ![0, 1 << 24].includes(validatedNaively(payload))) {
        found.invalidUtf8 = true
        break
      }
      if (payload.some((octet) => octet > 0x7f)) first |= NON_ASCII
    }
    found.frames.push({ first, payload })
    found.consumed += headerLength + length
    rest = rest.subarray(headerLength + length)
  }
  return found
}

/** What a table says, copied out of it. */
function read(table: FrameTable): Found {
  const frames = []
  for (let i = 0; i < table.count; i++) {
    const [first, start, end] = table.entries.subarray(i * 3, i * 3 + 3)
    frames.push({ first, payload: Buffer.from(table.octets.subarray(start, end)) })
  }
  return { frames, consumed: table.consumed, invalidUtf8: table.invalidUtf8 }
}

const texts = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'binary-ascii', maxLength: 140 }) },
  { weight: 3, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
  { weight: 1, arbitrary: fc.nat(3000).map((length) => 'long ASCII text '.repeat(200).slice(0, length)) },
  { weight: 1, arbitrary: fc.nat(1500).map((length) => 'längerer Text '.repeat(120).slice(0, length)) }
)

/** Frames that a scan takes most often, so that it gets far. */
const frames = (masked: boolean) =>
  fc.record<FrameParts>({
    first: fc.oneof(
      { weight: 10, arbitrary: fc.constantFrom(0x81, 0x81, 0x82, 0x89, 0x8a) },
      { weight: 2, arbitrary: fc.constantFrom(0xc1, 0xc2) },
      { weight: 1, arbitrary: fc.nat(255) }
    ),
    masked: fc.integer({ min: 0, max: 30 }).map((n) => (n === 0 ? !masked : masked)),
    key: fc.oneof({ weight: 5, arbitrary: fc.integer() }, { weight: 1, arbitrary: fc.constant(0) }),
    payload: fc.oneof(
      { weight: 8, arbitrary: texts.map((text) => new Uint8Array(Buffer.from(text))) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 130 }) },
      // cut in the middle of a sequence, as often as not
      { weight: 1, arbitrary: texts.map((text) => new Uint8Array(Buffer.from(text + '😀').subarray(0, -2))) }
    ),
    lengthBits: fc.oneof({ weight: 8, arbitrary: fc.constant(7) }, { weight: 1, arbitrary: fc.constantFrom(16, 64) }),
    lengthHigh: fc.oneof({ weight: 20, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constant(1) })
  })

const scans = fc.integer({ min: 0, max: 15 }).chain((flags) =>
  fc.record({
    flags: fc.constant(flags),
    list: fc.array(frames((flags & SCAN_MASKED) !== 0), { maxLength: 12 }),
    cut: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(20) }),
    maxPayload: fc.oneof(
      { weight: 3, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.constantFrom(1, 100, 125, 2000, 2 ** 40) }
    ),
    alignment: fc.nat(15)
  })
)

describe.each(sets)('scan of $title kernels', ({ kernels, memory }) => {
  const places = memory === null ? [null] : [null, memory]

  /** Scans `chunk` in a place, checks what is around and behind it, and compares with the parser. */
  function check(chunk: Buffer, flags: number, maxPayload: number, where: typeof memory, alignment = 0): Found {
    const place = new Place(where, chunk.length, alignment).write(chunk)
    const found = read(kernels.scan(place.octets, place.start, place.end, flags, maxPayload))
    expect(found).toEqual(parse(chunk, flags, maxPayload))
    expect(place.isGuarded()).toBe(true)
    const untouched = found.consumed + (found.invalidUtf8 ? frameLength(chunk.subarray(found.consumed)) : 0)
    expect(equal(place.read().subarray(untouched), chunk.subarray(untouched))).toBe(true)
    return found
  }

  function frameLength(octets: Buffer): number {
    const short = octets[1] & 127
    const masked = octets[1] > 127 ? 4 : 0
    if (short < 126) return 2 + masked + short
    return short === 126 ? 4 + masked + octets.readUInt16BE(2) : 10 + masked + octets.readUInt32BE(6)
  }

  it('finds what a simple parser finds, whatever the frames, flags and limits (§5.2)', () => {
    fc.assert(
      fc.property(scans, fc.constantFrom(...places), ({ flags, list, cut, maxPayload, alignment }, where) => {
        const all = Buffer.concat(list.map(frame))
        check(all.subarray(0, Math.max(0, all.length - cut)), flags, maxPayload, where, alignment)
      }),
      { numRuns: 800 }
    )
  })

  it('takes the whole frames of a chunk that is cut at any octet', () => {
    const parts = [
      { first: 0x81, payload: Buffer.from('Hellö') },
      { first: 0x8a, payload: Buffer.alloc(0) },
      { first: 0x82, payload: Buffer.alloc(130, 7) },
      { first: 0x81, payload: Buffer.from('x'), lengthBits: 64 }
    ]
    for (const masked of [true, false]) {
      const chunk = Buffer.concat(parts.map((part) => frame({ ...part, masked, key: 0x11223344 })))
      for (const where of places) {
        for (let end = 0; end <= chunk.length; end++) check(chunk.subarray(0, end), masked ? SCAN_MASKED : 0, 0, where)
        expect(check(chunk, masked ? SCAN_MASKED : 0, 0, where).frames.length).toBe(4)
      }
    }
  })

  it.each([
    ['a fragment (§5.4)', 0x01, 5, SCAN_MASKED],
    ['a continuation (§5.4)', 0x80, 5, SCAN_MASKED],
    ['a close frame (§5.5.1)', 0x88, 5, SCAN_MASKED],
    ['a reserved opcode (§5.2)', 0x83, 5, SCAN_MASKED],
    ['a reserved control opcode (§5.2)', 0x8b, 5, SCAN_MASKED],
    ['RSV1 that nobody negotiated (§5.2)', 0xc1, 5, SCAN_MASKED],
    ['RSV1 on a ping (RFC 7692 §6)', 0xc9, 5, SCAN_MASKED | SCAN_RSV1],
    ['RSV2 (§5.2)', 0xa1, 5, SCAN_MASKED | SCAN_RSV1],
    ['RSV3 (§5.2)', 0x91, 5, SCAN_MASKED | SCAN_RSV1],
    ['a ping of 126 octets (§5.5)', 0x89, 126, SCAN_MASKED],
    ['text inside a fragmented message (§5.4)', 0x81, 5, SCAN_MASKED | SCAN_FRAGMENTED],
    ['binary inside a fragmented message (§5.4)', 0x82, 5, SCAN_MASKED | SCAN_FRAGMENTED],
    ['a frame without a masking key (§5.1)', 0x82, 5, SCAN_MASKED, false],
    ['a masked frame from a server (§5.1)', 0x82, 5, 0, true]
  ] as const)('stops before %s', (_, first, length, flags, masked = true) => {
    const good = frame({ first: 0x89, masked: (flags & SCAN_MASKED) !== 0, key: 0x01020304, payload: Buffer.from('good') })
    const bad = frame({ first, masked, key: 0x05060708, payload: Buffer.alloc(length, 'a') })
    for (const where of places) {
      const found = check(Buffer.concat([good, bad, good]), flags, 0, where)
      expect(found).toMatchObject({ consumed: good.length, invalidUtf8: false })
    }
  })

  it('stops before text that is not UTF-8 and says so, and leaves what is behind it as it was (§8.1)', () => {
    const good = frame({ first: 0x81, masked: true, key: 0x55667788, payload: Buffer.from('gut für den Anfang') })
    for (const invalid of [
      Buffer.from([0x61, 0xff]),
      Buffer.from('😀').subarray(0, 3),
      Buffer.from([0xc2]),
      Buffer.concat([Buffer.alloc(700, 'ä'), Buffer.of(0xe0)]),
      Buffer.concat([Buffer.alloc(5000, 'a'), Buffer.of(0xed, 0xa0, 0x80)])
    ]) {
      const bad = frame({ first: 0x81, masked: true, key: 0x12345678, payload: invalid })
      for (const where of places) {
        for (const head of [Buffer.alloc(0), good]) {
          const found = check(Buffer.concat([head, bad, good, good]), SCAN_MASKED, 0, where)
          expect(found).toMatchObject({ consumed: head.length, invalidUtf8: true })
        }
        // the verdict is not carried into the next scan
        expect(check(good, SCAN_MASKED, 0, where).invalidUtf8).toBe(false)
      }
    }
  })

  it('takes a chunk that is longer than the arena, and frames that are', () => {
    const big = frame({ first: 0x82, masked: true, key: 0x0badf00d, payload: Uint8Array.from({ length: 90_000 }, pseudoRandom(5)) })
    const text = frame({ first: 0x81, masked: true, key: 0x0badf00d, payload: Buffer.alloc(70_002, 'äöü') })
    const small = frame({ first: 0x81, masked: true, key: 0x7ec0de00, payload: Buffer.from('small') })
    for (const where of places) {
      expect(check(Buffer.concat([small, big, small, text, small]), SCAN_MASKED, 0, where).frames.length).toBe(5)
    }
  })

  it('reads all octets of a 64-bit length (§5.2)', () => {
    for (const where of places) {
      for (let at = 2; at < 10; at++) {
        const chunk = frame({ first: 0x82, masked: true, key: 0x01020304, payload: Buffer.alloc(5), lengthBits: 64 })
        chunk[at] |= 0x80
        expect(check(chunk, SCAN_MASKED, 0, where).frames).toEqual([])
      }
    }
  })

  it('leaves what sockets have read as it is while it works on octets elsewhere', () => {
    if (memory === null) return expect(places).toEqual([null])
    const { start, end } = memory.receiveRegion
    const region = memory.octets.subarray(start, end).fill(0x5a)
    const chunk = frame({ first: 0x81, masked: true, key: 0x0badf00d, payload: Buffer.alloc(250_002, 'äöü') })
    expect(kernels.scan(chunk, 0, chunk.length, SCAN_MASKED, 0).count).toBe(1)
    kernels.mask(chunk, 0, chunk.length, chunk, 0, 0x12345678)
    kernels.validate(chunk, 0, chunk.length, 0)
    kernels.maskValidate(chunk, 0, chunk.length, chunk, 0, 0x12345678, 0)
    expect(equal(region, Buffer.alloc(end - start, 0x5a))).toBe(true)
  })

  it('stops when its table is full, and goes on from there', () => {
    const chunk = Buffer.alloc(6 * 5000, frame({ first: 0x82, masked: true, key: 0, payload: Buffer.alloc(0) }))
    for (const where of places) {
      const place = new Place(where, chunk.length, 0).write(chunk)
      const table = kernels.scan(place.octets, place.start, place.end, SCAN_MASKED, 0)
      expect(table).toMatchObject({ count: 4096, consumed: 6 * 4096, invalidUtf8: false })
      const rest = kernels.scan(place.octets, place.start + table.consumed, place.end, SCAN_MASKED, 0)
      expect(rest).toMatchObject({ count: 5000 - 4096, consumed: 6 * (5000 - 4096) })
    }
  })

  it('finds the same at any start in a chunk', () => {
    const one = frame({ first: 0x81, masked: true, key: 0x31415926, payload: Buffer.from('thirty-one octets of plain text') })
    for (const where of places) {
      const place = new Place(where, one.length * 6, 3).write(Buffer.alloc(one.length * 6, one))
      for (let i = 0; i < 6; i++) {
        const table = kernels.scan(place.octets, place.start + i * one.length, place.end - (5 - i) * one.length, SCAN_MASKED, 0)
        expect(read(table)).toEqual(parse(one, SCAN_MASKED, 0))
      }
    }
  })

  describe('from inside a handler', () => {
    const opened: FrameTable[] = []
    const open = (table: FrameTable): FrameTable => {
      table.inUse = true
      opened.push(table)
      return table
    }
    afterEach(() => {
      for (const table of opened.splice(0)) table.inUse = false
    })

    const messages = (text: string, count: number): Buffer =>
      Buffer.concat(
        Array.from({ length: count }, (_, i) => frame({ first: 0x81, masked: true, key: i * 77, payload: Buffer.from(text + i) }))
      )

    it('takes another table, and leaves the one that is walked and its payloads alone', () => {
      for (const where of places) {
        for (const nestedWhere of places) {
          const outer = messages('outer message ', 20)
          const inner = messages('another connection’s message ', 20)
          const outerPlace = new Place(where, outer.length, 0, 0).write(outer)
          const innerPlace = new Place(nestedWhere, inner.length, 0, 1).write(inner)
          const table = open(kernels.scan(outerPlace.octets, outerPlace.start, outerPlace.end, SCAN_MASKED, 0))
          const nested = open(kernels.scan(innerPlace.octets, innerPlace.start, innerPlace.end, SCAN_MASKED, 0))
          expect(nested === table).toBe(false)
          expect(read(nested)).toEqual(parse(inner, SCAN_MASKED, 0))
          const third = kernels.scan(Buffer.from(inner), 0, inner.length, SCAN_MASKED, 0)
          expect([table, nested].includes(third)).toBe(false)
          expect(read(third)).toEqual(parse(inner, SCAN_MASKED, 0))
          // sending, too, works in memory that is not the table's
          workOnPayloads(kernels)
          expect(read(nested)).toEqual(parse(inner, SCAN_MASKED, 0))
          expect(read(table)).toEqual(parse(outer, SCAN_MASKED, 0))
          for (const each of opened.splice(0)) each.inUse = false
          expect(kernels.scan(Buffer.from(outer), 0, outer.length, SCAN_MASKED, 0) === table).toBe(true)
        }
      }
    })

    function workOnPayloads(kernels: Kernels): void {
      const octets = Buffer.alloc(40_000, 'ä')
      kernels.mask(octets, 0, octets.length, Buffer.alloc(octets.length), 0, 0x12345678)
      kernels.validate(octets, 0, octets.length, 0)
      kernels.maskValidate(octets, 0, octets.length, octets, 0, 0x12345678, 0)
    }
  })
})
