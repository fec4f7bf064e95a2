// What every DEFLATE codec must do (RFC 7692 §7.2), as one suite for all of them.

import { constants, createDeflateRaw, deflateRawSync, inflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { closeCodeOf } from '../../src/core/errors.js'
import type { DeflateCodec, Deflater, DeflaterOptions, Inflater } from '../../src/core/codec.js'

export const WITH_TAKEOVER: DeflaterOptions = { windowBits: 15, noContextTakeover: false, zlib: undefined }
export const WITHOUT_TAKEOVER: DeflaterOptions = { windowBits: 15, noContextTakeover: true, zlib: undefined }

/** The result, whether it comes at once or later. */
export function deflate(deflater: Deflater, octets: Uint8Array, fin = true): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const result = deflater.deflate(octets, fin, (error, output) => (error === null ? resolve(output) : reject(error)))
    if (result !== null) resolve(result)
  })
}

/** The result, octets or error, whether it comes at once or later. */
export function inflate(inflater: Inflater, octets: Uint8Array, fin = true, maxLength = Infinity): Promise<Uint8Array | Error> {
  return new Promise((resolve) => {
    const result = inflater.inflate(octets, fin, maxLength, (error, output) => resolve(error ?? output))
    if (result !== null) resolve(result)
  })
}

export function octetsOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
}

export function hexOf(result: Uint8Array | Error): string {
  if (result instanceof Error) throw result
  return Buffer.from(result).toString('hex')
}

function textOf(result: Uint8Array | Error): string {
  return Buffer.from(hexOf(result), 'hex').toString('latin1')
}

const HELLO = octetsOf('f2 48 cd c9 c9 07 00')

/** Octets that compress, with repetitions from near and far. */
const message = fc
  .array(fc.tuple(fc.constantFrom('{"price":', 'abc', '0123456789', '\x00\xff\xfe', 'q'), fc.integer({ min: 1, max: 120 })), {
    maxLength: 8
  })
  .map((parts) => Buffer.from(parts.map(([part, count]) => part.repeat(count)).join(''), 'latin1'))

export function testConformance(codec: DeflateCodec): void {
  describe('deflating', () => {
    test('cuts the trailer, and uses the history of the connection (RFC 7692 §7.2.3.1, §7.2.3.2)', async () => {
      const deflater = codec.createDeflater(WITH_TAKEOVER)
      expect(hexOf(await deflate(deflater, Buffer.from('Hello')))).toBe('f248cdc9c90700')
      // Five octets refer back to the first message; the codecs may say so in their own ways
      const second = await deflate(deflater, Buffer.from('Hello'))
      expect(second.length).toBeLessThanOrEqual(5)
      expect(hexOf(second)).toMatch(/^(f200110000|02130000)$/)
      deflater.close()
    })

    test('forgets the history after each message, not after each fragment, without context takeover (RFC 7692 §7.1.1)', async () => {
      const deflater = codec.createDeflater(WITHOUT_TAKEOVER)
      expect(hexOf(await deflate(deflater, Buffer.from('Hello')))).toBe('f248cdc9c90700')
      const first = await deflate(deflater, Buffer.from('Hello'), false)
      expect(hexOf(first)).toBe('f248cdc9c907000000ffff')
      expect(hexOf(await deflate(deflater, Buffer.from('Hello'))).length).toBeLessThan(HELLO.length * 2)
      expect(hexOf(await deflate(deflater, Buffer.from('Hello'), false))).toBe(hexOf(first))
      expect(hexOf(await deflate(deflater, new Uint8Array(0)))).toBe('00')
      expect(hexOf(await deflate(deflater, Buffer.from('Hello')))).toBe('f248cdc9c90700')
      deflater.close()
    })

    test('makes one octet of an empty message, every time (RFC 7692 §7.2.3.6)', async () => {
      const deflater = codec.createDeflater(WITH_TAKEOVER)
      expect(hexOf(await deflate(deflater, new Uint8Array(0)))).toBe('00')
      expect(hexOf(await deflate(deflater, new Uint8Array(0)))).toBe('00')
      expect(hexOf(await deflate(deflater, new Uint8Array(0), false))).toBe('000000ffff')
      expect(hexOf(await deflate(deflater, Buffer.from('Hello')))).toBe('f248cdc9c90700')
      deflater.close()
    })

    test.each([8, 9, 10, 15])('keeps every distance within a window of %i bits (RFC 7692 §7.1.2)', async (windowBits) => {
      const deflater = codec.createDeflater({ ...WITH_TAKEOVER, windowBits })
      const parts: Uint8Array[] = []
      const noise = Uint8Array.from({ length: 256 }, (_, i) => (i * i * 7 + (i >> 3) * 31) & 0xff)
      let input = Buffer.alloc(0)
      for (let i = 0; i < 200; i++) {
        const piece = Buffer.concat([noise.subarray((i * 37) % 200), Buffer.from(String(i))])
        input = Buffer.concat([input, piece])
        parts.push(await deflate(deflater, piece, false))
      }
      const output = Buffer.concat(parts)
      expect(inflateRawSync(output, { windowBits, finishFlush: constants.Z_SYNC_FLUSH }).equals(input)).toBe(true)
      expect(output.length).toBeLessThan(input.length)
      deflater.close()
    })

    test('leaves its input as it was, and gives octets that it does not touch again', async () => {
      const deflater = codec.createDeflater(WITH_TAKEOVER)
      const input = Buffer.from('Hello')
      const first = await deflate(deflater, input)
      await deflate(deflater, Buffer.alloc(100, 'x'))
      expect(input.toString()).toBe('Hello')
      expect(hexOf(first)).toBe('f248cdc9c90700')
      deflater.close()
    })

    test.each([
      ['with context takeover', false, false],
      ['without context takeover', true, false],
      ['with context takeover and a dictionary', false, true],
      ['without context takeover, with a dictionary', true, true]
    ])(
      'loses a message whose memory goes away meanwhile, if it needs it, and nothing else, %s',
      async (_, noContextTakeover, hasDictionary) => {
        const dictionary = Buffer.from('a dictionary of a few words that come again')
        const options = { ...WITH_TAKEOVER, noContextTakeover, zlib: hasDictionary ? { dictionary } : undefined }
        const deflater = codec.createDeflater(options)
        const inflater = codec.createInflater(options)
        const takeAway: ((memory: ArrayBuffer) => void)[] = [
          (memory) => void structuredClone(memory, { transfer: [memory] }),
          (memory) => (memory as ArrayBuffer & { resize(length: number): void }).resize(100)
        ]
        const roundTrip = async (message: Uint8Array): Promise<void> => {
          expect(hexOf(await inflate(inflater, await deflate(deflater, message)))).toBe(Buffer.from(message).toString('hex'))
        }
        await roundTrip(Buffer.from('what was there before'))
        for (const take of takeAway) {
          for (const turns of [0, 1, 3]) {
            const Resizable = ArrayBuffer as new (length: number, options: object) => ArrayBuffer
            const memory = new Resizable(1 << 20, { maxByteLength: 1 << 20 })
            const large = new Uint8Array(memory)
            for (let i = 0, x = turns + 1; i < large.length; i++) large[i] = (x = (Math.imul(x, 1103515245) + 12345) >>> 0) >>> 28
            const content = large.slice()
            const result = deflate(deflater, large).catch((error: Error) => error)
            for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve))
            take(memory)
            const output = await result
            if (output instanceof Error) expect(output).toMatchObject({ code: 'WS_ERR_PAYLOAD_DETACHED' })
            else expect(Buffer.from(content).equals((await inflate(inflater, output)) as Uint8Array)).toBe(true)
            // These would refer to it, were it not lost
            await roundTrip(content.subarray(0, 500))
            await roundTrip(Buffer.concat([dictionary, content.subarray(60_000, 60_500)]))
            await roundTrip(content.subarray(0, 70_000))
          }
        }
        deflater.close()
        inflater.close()
      }
    )

    test('compresses megabytes that do not compress', async () => {
      const deflater = codec.createDeflater(WITH_TAKEOVER)
      const inflater = codec.createInflater(WITH_TAKEOVER)
      let state = 1
      const input = Buffer.from(
        Uint8Array.from({ length: 1 << 20 }, () => {
          state = (state ^ (state << 13)) >>> 0
          state ^= state >>> 17
          state = (state ^ (state << 5)) >>> 0
          return state >>> 8
        })
      )
      const output = await deflate(deflater, input)
      expect(output.length).toBeGreaterThan(input.length)
      expect(input.equals((await inflate(inflater, output)) as Uint8Array)).toBe(true)
      deflater.close()
      inflater.close()
    })
  })

  describe('inflating', () => {
    test.each([
      ['a message in one compressed block (RFC 7692 §7.2.3.1)', ['f2 48 cd c9 c9 07 00'], 'Hello'],
      ['a message in two fragments (RFC 7692 §7.2.3.1)', ['f2 48 cd', 'c9 c9 07 00'], 'Hello'],
      ['a stored block (RFC 7692 §7.2.3.3)', ['00 05 00 fa ff 48 65 6c 6c 6f 00'], 'Hello'],
      ['a block with BFINAL set (RFC 7692 §7.2.3.4)', ['f3 48 cd c9 c9 07 00 00'], 'Hello'],
      ['two blocks in one message (RFC 7692 §7.2.3.5)', ['f2 48 05 00 00 00 ff ff ca c9 c9 07 00'], 'Hello'],
      ['an empty message (RFC 7692 §7.2.3.6)', ['00'], ''],
      ['an empty message with an empty compressed block', ['02 00'], '']
    ])('reads %s', async (_, fragments, text) => {
      const inflater = codec.createInflater(WITH_TAKEOVER)
      let output = ''
      for (const [i, fragment] of fragments.entries()) {
        output += textOf(await inflate(inflater, octetsOf(fragment), i === fragments.length - 1))
      }
      expect(output).toBe(text)
      inflater.close()
    })

    test('uses the history of the connection (RFC 7692 §7.2.3.2)', async () => {
      const inflater = codec.createInflater(WITH_TAKEOVER)
      expect(textOf(await inflate(inflater, HELLO))).toBe('Hello')
      expect(textOf(await inflate(inflater, octetsOf('f2 00 11 00 00')))).toBe('Hello')
      inflater.close()
    })

    test('has no history after a message without context takeover (RFC 7692 §7.1.1)', async () => {
      const inflater = codec.createInflater(WITHOUT_TAKEOVER)
      expect(textOf(await inflate(inflater, HELLO))).toBe('Hello')
      expect(await inflate(inflater, octetsOf('f2 00 11 00 00'))).toMatchObject({ message: 'invalid distance too far back' })
      expect(textOf(await inflate(inflater, HELLO))).toBe('Hello')
      inflater.close()
    })

    test('begins anew after a block with BFINAL set, as other receivers do (RFC 7692 §7.2.3.4)', async () => {
      const inflater = codec.createInflater(WITH_TAKEOVER)
      expect(textOf(await inflate(inflater, octetsOf('f3 48 cd c9 c9 07 00 00')))).toBe('Hello')
      expect(textOf(await inflate(inflater, HELLO))).toBe('Hello')
      expect(textOf(await inflate(inflater, octetsOf('f3 48 cd c9 c9 07 00')))).toBe('Hello')
      expect(await inflate(inflater, octetsOf('f2 00 11 00 00'))).toMatchObject({ code: 'Z_DATA_ERROR' })
      // The rest of a message whose first fragment is the whole final block is nothing.
      expect(textOf(await inflate(inflater, octetsOf('f3 48 cd c9 c9 07 00'), false))).toBe('Hello')
      expect(textOf(await inflate(inflater, octetsOf('00')))).toBe('')
      expect(textOf(await inflate(inflater, HELLO))).toBe('Hello')
      inflater.close()
    })

    // An empty stored block with BFINAL set, whose end is cut like any other trailer
    const CUT_FINAL = '00 05 00 fa ff 48 65 6c 6c 6f 01'

    test('reads the next message after a final block that was cut, without context takeover (RFC 7692 §7.2.3.4)', async () => {
      const inflater = codec.createInflater(WITHOUT_TAKEOVER)
      for (let i = 0; i < 3; i++) {
        expect(textOf(await inflate(inflater, octetsOf(CUT_FINAL)))).toBe('Hello')
        expect(textOf(await inflate(inflater, HELLO))).toBe('Hello')
      }
      // In fragments, too
      expect(textOf(await inflate(inflater, octetsOf(CUT_FINAL).subarray(0, 10), false))).toBe('Hello')
      expect(textOf(await inflate(inflater, octetsOf('01'), false))).toBe('')
      expect(textOf(await inflate(inflater, octetsOf('')))).toBe('')
      expect(textOf(await inflate(inflater, HELLO))).toBe('Hello')
      inflater.close()
    })

    test('loses what follows a final block that was cut, as ws does, with context takeover, and not what follows that', async () => {
      const inflater = codec.createInflater(WITH_TAKEOVER)
      expect(textOf(await inflate(inflater, octetsOf(CUT_FINAL)))).toBe('Hello')
      // Only now zlib has input behind the end of its stream
      expect(textOf(await inflate(inflater, new Uint8Array(0), false))).toBe('')
      expect(textOf(await inflate(inflater, HELLO))).toBe('')
      expect(textOf(await inflate(inflater, HELLO))).toBe('Hello')
      inflater.close()
    })

    test('gives what there is of a message that ends within a block, as ws does', async () => {
      const inflater = codec.createInflater(WITHOUT_TAKEOVER)
      for (let length = 1; length < HELLO.length; length++) {
        const cut = HELLO.subarray(0, length)
        const expected = inflateRawSync(Buffer.concat([cut, octetsOf('00 00 ff ff')]), { finishFlush: constants.Z_SYNC_FLUSH })
        expect(hexOf(await inflate(inflater, cut))).toBe(expected.toString('hex'))
        expect(textOf(await inflate(inflater, HELLO))).toBe('Hello')
      }
      inflater.close()
    })

    test('takes fragments without octets for nothing, wherever they come', async () => {
      const message = Buffer.from('{"price":12.5,"price":12.75}'.repeat(3))
      const compressed = await deflate(codec.createDeflater(WITH_TAKEOVER), message)
      for (let split = 0; split <= compressed.length; split++) {
        const inflater = codec.createInflater(WITH_TAKEOVER)
        let output = ''
        for (const part of [compressed.subarray(0, 0), compressed.subarray(0, split), compressed.subarray(0, 0)]) {
          output += textOf(await inflate(inflater, part, false))
        }
        output += textOf(await inflate(inflater, compressed.subarray(split), false))
        output += textOf(await inflate(inflater, compressed.subarray(0, 0)))
        expect(output).toBe(message.toString())
        inflater.close()
      }
    })

    test('keeps connections apart whose messages come in fragments, in turns', async () => {
      const messages = [8, 9, 15].flatMap((windowBits) =>
        [false, true].map((noContextTakeover) => ({
          options: { ...WITH_TAKEOVER, windowBits, noContextTakeover },
          text: `{"window":${windowBits},"forgets":${noContextTakeover},"data":"${'abcdefghij'.slice(windowBits % 7).repeat(9)}"}`
        }))
      )
      const connections = await Promise.all(
        messages.map(async ({ options, text }) => {
          const deflater = codec.createDeflater(options)
          const octets = Buffer.concat([await deflate(deflater, Buffer.from(text)), Buffer.alloc(0)])
          return { octets, text, inflater: codec.createInflater(options), at: 0, output: '' }
        })
      )
      for (let round = 0; round < 3; round++) {
        for (const connection of connections) Object.assign(connection, { at: 0, output: '' })
        while (connections.some(({ at, octets }) => at < octets.length)) {
          for (const connection of connections) {
            const { at, octets, inflater } = connection
            if (at === octets.length) continue
            connection.at = Math.min(octets.length, at + 1 + (at % 3))
            const fin = connection.at === octets.length
            connection.output += textOf(await inflate(inflater, octets.subarray(at, connection.at), fin))
          }
        }
        for (const { output, text } of connections) expect(output).toBe(text)
      }
      for (const { inflater } of connections) inflater.close()
    })

    test('gives the same for a message split at any octet', async () => {
      const input = Buffer.from('{"price":12.5,"price":12.75}'.repeat(3))
      const compressed = await deflate(codec.createDeflater(WITH_TAKEOVER), input)
      for (let split = 0; split <= compressed.length; split++) {
        const inflater = codec.createInflater(WITH_TAKEOVER)
        const first = await inflate(inflater, compressed.subarray(0, split), false)
        const second = await inflate(inflater, compressed.subarray(split), true)
        expect(textOf(first) + textOf(second)).toBe(input.toString())
        inflater.close()
      }
    })

    test('gives a message of exactly the largest length, and an error for one octet more', async () => {
      const inflater = codec.createInflater(WITH_TAKEOVER)
      expect(textOf(await inflate(inflater, HELLO, true, 5))).toBe('Hello')
      const error = (await inflate(inflater, HELLO, true, 4)) as Error
      expect(error).toBeInstanceOf(RangeError)
      expect(error).toMatchObject({ code: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH', message: 'Max payload size exceeded' })
      expect(closeCodeOf(error)).toBe(1009)
      inflater.close()
    })

    test('takes 0 for a limit like any other', async () => {
      const inflater = codec.createInflater(WITH_TAKEOVER)
      expect(textOf(await inflate(inflater, octetsOf('00'), true, 0))).toBe('')
      expect(await inflate(inflater, HELLO, true, 0)).toBeInstanceOf(RangeError)
      inflater.close()
    })

    test('stops a bomb at the limit, wherever it lies', async () => {
      const bomb = deflateRawSync(Buffer.alloc(8 << 20), { finishFlush: constants.Z_SYNC_FLUSH })
      for (const maxLength of [0, 1, 16383, 16384, 16385, 65536, 100_000, (8 << 20) - 1]) {
        const inflater = codec.createInflater(WITH_TAKEOVER)
        expect(await inflate(inflater, bomb, true, maxLength)).toBeInstanceOf(RangeError)
        inflater.close()
      }
      const inflater = codec.createInflater(WITH_TAKEOVER)
      expect(((await inflate(inflater, bomb, true, 8 << 20)) as Uint8Array).length).toBe(8 << 20)
      inflater.close()
    })

    test.each([
      ['a reserved block type (RFC 1951 §3.2.3)', 'ff ff ff ff', 'invalid block type'],
      ['a stored block whose lengths disagree (RFC 1951 §3.2.4)', '00 05 00 05 00', 'invalid stored block lengths'],
      ['a distance beyond the beginning', 'f2 00 11 00 00', 'invalid distance too far back']
    ])('fails %s with the error of zlib, and reads the next message', async (_, hex, text) => {
      const inflater = codec.createInflater(WITH_TAKEOVER)
      const error = (await inflate(inflater, octetsOf(hex))) as Error
      expect(error).toMatchObject({ message: text, code: 'Z_DATA_ERROR', errno: -3 })
      expect(closeCodeOf(error)).toBe(1007)
      expect(textOf(await inflate(inflater, HELLO))).toBe('Hello')
      inflater.close()
    })

    test('stops bombs of a KiB to a GiB at the limit, with no more memory for the larger ones', async () => {
      const piece = deflateRawSync(Buffer.alloc(1 << 20), { level: 9, finishFlush: constants.Z_SYNC_FLUSH })
      const inflater = codec.createInflater(WITH_TAKEOVER)
      const grown: number[] = []
      for (const mebibytes of [1 / 1024, 1, 64, 1024]) {
        const small = deflateRawSync(Buffer.alloc(1024), { finishFlush: constants.Z_SYNC_FLUSH })
        const bomb = mebibytes < 1 ? small : Buffer.concat(Array.from({ length: mebibytes }, () => piece))
        const before = process.memoryUsage().rss
        for (let i = 0; i < 3; i++) expect(await inflate(inflater, bomb, true, 1000)).toBeInstanceOf(RangeError)
        grown.push(process.memoryUsage().rss - before)
      }
      for (const octets of grown) expect(octets).toBeLessThan(32 << 20)
      expect(textOf(await inflate(inflater, HELLO, true, 5))).toBe('Hello')
      inflater.close()
    })

    test('needs its input during the call only', async () => {
      const inflater = codec.createInflater(WITH_TAKEOVER)
      const input = Uint8Array.from(HELLO)
      const result = inflate(inflater, input)
      input.fill(0xff)
      expect(textOf(await result)).toBe('Hello')
      inflater.close()
    })

    test('gives octets that hold no larger memory than a few kilobytes, and that it does not touch again', async () => {
      const inflater = codec.createInflater(WITH_TAKEOVER)
      const first = (await inflate(inflater, HELLO)) as Uint8Array
      expect(first.buffer.byteLength).toBeLessThanOrEqual(8192)
      await inflate(inflater, HELLO)
      expect(textOf(first)).toBe('Hello')
      inflater.close()
    })

    test('reads what zlib writes at any level and window', async () => {
      const input = Buffer.from(Array.from({ length: 3000 }, (_, i) => `{"n":${i % 97}}`).join(','))
      for (const level of [0, 1, 6, 9]) {
        for (const windowBits of [9, 15]) {
          const inflater = codec.createInflater({ ...WITH_TAKEOVER, windowBits })
          const compressed = await flushed(input, { level, windowBits })
          expect(input.equals((await inflate(inflater, compressed)) as Uint8Array)).toBe(true)
          inflater.close()
        }
      }
    })
  })

  test.each([
    ['with', false, 15],
    ['with', false, 8],
    ['without', true, 15],
    ['without', true, 9]
  ])(
    'inflates what it deflated: %s context takeover, in fragments, %# (RFC 7692 §7.2)',
    async (_, noContextTakeover, windowBits) => {
      await fc.assert(
        fc.asyncProperty(fc.array(fc.tuple(message, fc.boolean()), { minLength: 1, maxLength: 6 }), async (fragments) => {
          const options = { ...WITH_TAKEOVER, noContextTakeover, windowBits }
          const deflater = codec.createDeflater(options)
          const inflater = codec.createInflater(options)
          for (const [octets, fin] of fragments) {
            expect(hexOf(await inflate(inflater, await deflate(deflater, octets, fin), fin))).toBe(octets.toString('hex'))
          }
          deflater.close()
          inflater.close()
        }),
        { numRuns: 40 }
      )
    }
  )

  test('honours a level: 0 stores', async () => {
    const deflater = codec.createDeflater({ ...WITH_TAKEOVER, zlib: { level: 0 } })
    expect(hexOf(await deflate(deflater, Buffer.from('Hello')))).toBe('000500faff48656c6c6f00')
    deflater.close()
  })

  test('throws where a level is out of range, as nobody could be told later', () => {
    expect(() => {
      const deflater = codec.createDeflater({ ...WITH_TAKEOVER, zlib: { level: 77 } })
      deflater.deflate(Buffer.from('Hello'), true, () => {})
    }).toThrow(RangeError)
  })

  test("gives no octets in an array of the caller's own, which may be transferred away", async () => {
    const inflater = codec.createInflater(WITH_TAKEOVER)
    const buffers = new Set<ArrayBufferLike>()
    const inputs: [string, boolean][] = [
      ['', false],
      ['00', false],
      ['0000ffff', false],
      ['00', true]
    ]
    for (const [hex, fin] of [...inputs, ...inputs]) {
      const result = (await inflate(inflater, octetsOf(hex), fin)) as Uint8Array
      expect(result).toHaveLength(0)
      expect(buffers.has(result.buffer)).toBe(false)
      buffers.add(result.buffer)
    }
    inflater.close()
  })

  test('honours a dictionary, also after the history was forgotten', async () => {
    const options = { ...WITHOUT_TAKEOVER, zlib: { dictionary: Buffer.from('Hello, world') } }
    const deflater = codec.createDeflater(options)
    const inflater = codec.createInflater(options)
    for (let i = 0; i < 2; i++) {
      const compressed = await deflate(deflater, Buffer.from('Hello, world'))
      expect(compressed.length).toBeLessThan(7)
      expect(textOf(await inflate(inflater, compressed))).toBe('Hello, world')
    }
    deflater.close()
    inflater.close()
  })
}

/** What zlib makes of a message, without the trailer. */
function flushed(input: Uint8Array, options: object): Promise<Uint8Array> {
  return new Promise((resolve) => {
    const stream = createDeflateRaw(options)
    const chunks: Buffer[] = []
    stream.on('data', (chunk) => chunks.push(chunk))
    stream.write(input)
    stream.flush(constants.Z_SYNC_FLUSH, () => {
      stream.close()
      resolve(Buffer.concat(chunks).subarray(0, -4))
    })
  })
}
