// Whole conversations, generated: what is sent is what is received, and what is wrong is judged alike by all.

import fc from 'fast-check'
import * as pako from 'pako'
import { describe, expect, test } from 'vitest'
import * as ws from 'ws'
import { createPakoCodec } from '../../src/codecs/pako.js'
import { serializeClosePayload } from '../../src/core/close.js'
import { secureMaskingKeys } from '../../src/core/masking-key.js'
import { OctetQueue } from '../../src/core/octet-queue.js'
import { MessageDeflate } from '../../src/core/permessage-deflate.js'
import { Sender } from '../../src/core/sender.js'
import { buildFrame, closePayload, type FrameFields } from '../support/frames.js'
import {
  binary,
  closed,
  feeds,
  Fixture,
  js,
  ping,
  pong,
  roleOf,
  runtime,
  text,
  turn,
  wasm,
  type Setup,
  sendMessage,
  sendControl
} from './support.js'

type Item =
  | { kind: 'message'; isBinary: boolean; parts: (string | Uint8Array)[]; compress: boolean }
  | { kind: 'ping' | 'pong'; payload: Uint8Array }

const payload: fc.Arbitrary<string | Uint8Array> = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'grapheme', maxLength: 60 }) },
  { weight: 2, arbitrary: fc.string({ maxLength: 140 }) },
  { weight: 1, arbitrary: fc.integer({ min: 4090, max: 4100 }).map((length) => 'aé€'.repeat(length).slice(0, length)) },
  { weight: 4, arbitrary: fc.uint8Array({ maxLength: 140 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(4096, 4097, 65_535, 65_536, 70_000).map((length) => new Uint8Array(length).map((_, i) => i * 7))
  }
)

const item: fc.Arbitrary<Item> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.boolean(), fc.array(payload, { minLength: 1, maxLength: 4 }), fc.boolean())
      .map(([isBinary, parts, compress]): Item => {
        // octets that are to be text have to be UTF-8
        const given = isBinary
          ? parts
          : parts.map((part) => (typeof part === 'string' ? part : Buffer.from(part).toString('latin1')))
        return { kind: 'message', isBinary, parts: given, compress }
      })
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('ping' as const, 'pong' as const), fc.uint8Array({ maxLength: 125 }))
      .map(([kind, octets]): Item => ({ kind, payload: octets }))
  }
)

/** Octets of parts as UTF-8. */
function join(parts: readonly (string | Uint8Array)[]): Buffer {
  return Buffer.concat(parts.map((part) => Buffer.from(part as Uint8Array)))
}

/** What a sender writes for these items, with control frames between fragments where there are some behind, then a close frame. */
function send(
  items: readonly Item[],
  kernels: typeof js,
  mask: boolean,
  transform: MessageDeflate | null
): { wire: Buffer; events: string[] } {
  const queue = new OctetQueue(runtime)
  const sender = new Sender({ kernels, runtime, maskingKeys: secureMaskingKeys(runtime) }, queue)
  sender.deflater = transform
  const events: string[] = []
  for (const [i, one] of items.entries()) {
    if (one.kind !== 'message') {
      sendControl(sender, one.kind === 'ping' ? 9 : 10, one.payload, mask, false, undefined)
      events.push((one.kind === 'ping' ? ping : pong)(one.payload))
      continue
    }
    for (const [part, given] of one.parts.entries()) {
      const fin = part === one.parts.length - 1
      sendMessage(sender, given, one.isBinary, fin, one.compress, mask, false, undefined)
      if (!fin && i % 2 === 0) {
        sendControl(sender, 9, String(part), mask, true, undefined)
        events.push(ping(String(part)))
      }
    }
    events.push((one.isBinary ? binary : text)(join(one.parts)))
  }
  sendControl(sender, 8, serializeClosePayload(1000, Buffer.from('done')), mask, true, undefined)
  events.push(closed(1000, 'done'))
  return { wire: Buffer.concat(queue.take()), events }
}

/** Chunks of these lengths, over and over. */
function cutBy(stream: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = []
  for (let at = 0, i = 0; at < stream.length; i++) {
    const length = Math.min(lengths[i % lengths.length], 200_000)
    chunks.push(stream.subarray(at, at + length))
    at += length
  }
  return chunks
}

const lengths = fc.oneof(
  fc.constant([200_000]),
  fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }),
  fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 100, max: 70_000 })), { minLength: 1, maxLength: 8 })
)

/** Large streams in large chunks: the smaller ones show what small chunks do. */
function atLeast(minimum: number, wanted: readonly number[]): number[] {
  return wanted.map((length) => Math.max(minimum, length))
}

describe.each([false, true])('what is sent, compressed: %s', (isCompressed) => {
  test.each([true, false])('is what is received, by a server: %s (§5, RFC 7692 §6)', (isServer) => {
    const codec = createPakoCodec(() => pako)
    const transform = (): MessageDeflate => new MessageDeflate({ codec, isServer, params: {} })
    fc.assert(
      fc.property(fc.array(item, { maxLength: 8 }), lengths, fc.constantFrom(js, wasm), (items, wanted, kernels) => {
        const peer = isCompressed ? new MessageDeflate({ codec, isServer: !isServer, params: {} }) : null
        const { wire, events } = send(items, kernels, isServer, peer)
        const chunks = cutBy(wire, wire.length > 5000 ? atLeast(500, wanted) : wanted)
        for (const feed of feeds) {
          const fixture = new Fixture(feed, { isServer, inflater: isCompressed ? transform : undefined })
          for (const chunk of chunks) fixture.receive(chunk)
          if (fixture.recorder.events.join('\n') !== events.join('\n'))
            expect({ feed: feed.title, events: fixture.recorder.events }).toEqual({ feed: feed.title, events })
          expect(fixture.recorder.keepsakesAreUnchanged()).toBe(true)
        }
      }),
      { numRuns: isCompressed ? 40 : 120 }
    )
  })
})

/** Frames most of which are in order; some are not. */
const frame: fc.Arbitrary<FrameFields> = fc.record(
  {
    fin: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
    opcode: fc.oneof(
      { weight: 12, arbitrary: fc.constantFrom(0, 1, 1, 2, 9, 10) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 15 }) }
    ),
    rsv: fc.oneof({ weight: 30, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 7 }) }),
    payload: fc.oneof(
      { weight: 4, arbitrary: fc.string({ unit: 'grapheme', maxLength: 30 }).map((string) => Buffer.from(string)) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 12 }).map((octets) => Buffer.from(octets)) },
      { weight: 1, arbitrary: fc.integer({ min: 120, max: 400 }).map((length) => Buffer.alloc(length, 'é')) }
    ),
    lengthOctets: fc.oneof({ weight: 20, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.constant(8 as const) })
  },
  { requiredKeys: ['payload', 'opcode', 'fin', 'rsv'] }
)
const ending = fc.oneof(
  fc.constant<FrameFields[]>([]),
  fc.constantFrom(1000, 1005, 999, 4000).map((code): FrameFields[] => [{ opcode: 8, payload: closePayload(code, 'é') }]),
  fc.uint8Array({ maxLength: 6 }).map((octets): FrameFields[] => [{ opcode: 8, payload: Buffer.from(octets) }])
)
/** Puts one octet in place of another, leaves some out, or repeats some. */
const mutation = fc.record({
  at: fc.nat(),
  kind: fc.constantFrom('replace', 'remove', 'repeat'),
  octet: fc.integer({ min: 0, max: 255 }),
  length: fc.integer({ min: 1, max: 6 })
})

function mutate(stream: Buffer, { at, kind, octet, length }: { at: number; kind: string; octet: number; length: number }): Buffer {
  if (stream.length === 0) return stream
  const place = at % stream.length
  const [before, behind] = [stream.subarray(0, place), stream.subarray(place)]
  if (kind === 'remove') return Buffer.concat([before, behind.subarray(length)])
  if (kind === 'repeat') return Buffer.concat([before, behind.subarray(0, length), behind])
  return Buffer.concat([before, Buffer.from([octet]), behind.subarray(1)])
}

interface OracleEvents {
  on(event: string, listener: (...args: never[]) => void): void
  write(octets: Buffer): void
}

/** What the receiver of ws says of a stream. */
async function judgedByOracle(
  stream: Buffer,
  isServer: boolean,
  options: { maxPayload: number; maxFragments: number }
): Promise<string[]> {
  const events: string[] = []
  const { Receiver: Oracle } = ws as unknown as { Receiver: new (options: object) => OracleEvents }
  const oracle = new Oracle({ isServer, ...options })
  oracle.on('message', (data: Buffer, isBinary: boolean) => void events.push((isBinary ? binary : text)(data)))
  oracle.on('ping', (data: Buffer) => void events.push(ping(data)))
  oracle.on('pong', (data: Buffer) => void events.push(pong(data)))
  oracle.on('conclude', (code: number, reason: Buffer) => void events.push(closed(code, reason)))
  oracle.on(
    'error',
    (error: Error & { code: string }) => void events.push(`violation ${error.code} ${error.constructor.name} ${error.message}`)
  )
  // ws unmasks in place
  oracle.write(Buffer.from(stream))
  await turn()
  return events
}

describe('a stream with mistakes', () => {
  const streams = fc.tuple(
    fc.array(frame, { maxLength: 8 }),
    ending,
    fc.array(mutation, { maxLength: 3 }),
    fc.boolean(),
    fc.constantFrom(
      { maxPayload: 0, maxFragments: 0 },
      { maxPayload: 200, maxFragments: 3 },
      { maxPayload: 25, maxFragments: 0 },
      { maxPayload: 0, maxFragments: 2 }
    )
  )

  test('comes to the same with every kernel set, in every memory, however it is cut; and to what ws makes of it', async () => {
    let violations = 0
    await fc.assert(
      fc.asyncProperty(
        streams,
        fc.array(lengths, { minLength: 1, maxLength: 3 }),
        async ([list, last, mutations, isServer, limits], cuts) => {
          const key = isServer ? Buffer.from('37fa213d', 'hex') : null
          // continuations of nothing are rare enough without our help
          let isBegun = false
          const frames = [...list, ...last].map((fields) => {
            const opcode = (fields.opcode ?? 1) < 3 ? (isBegun ? 0 : fields.opcode === 0 ? 1 : fields.opcode) : fields.opcode
            const fin = (opcode ?? 1) < 3 ? fields.fin : true
            if ((opcode ?? 1) < 3) isBegun = fin === false
            return { key, ...fields, opcode, fin }
          })
          const stream = mutations.reduce(mutate, Buffer.concat(frames.map((fields) => buildFrame(fields))))
          let wanted: string | null = null
          for (const cutLengths of [[200_000], [1], ...cuts]) {
            for (const feed of feeds) {
              const fixture = new Fixture(feed, { isServer, ...limits } satisfies Setup)
              for (const chunk of cutBy(stream, cutLengths)) fixture.receive(chunk)
              const events = fixture.recorder.events.join('\n')
              wanted ??= events
              if (events !== wanted)
                expect({
                  who: `${roleOf(isServer)}, ${feed.title}, ${String(cutLengths)}`,
                  stream: stream.toString('hex'),
                  events
                }).toEqual(wanted)
            }
          }
          const ours = wanted ? wanted.split('\n').map((event) => event.replace(/(Error) 10\d\d /, '$1 ')) : []
          if (ours.at(-1)?.startsWith('violation')) violations++
          const theirs = await judgedByOracle(stream, isServer, limits)
          // §8.1: invalid UTF-8 is found at once here, and at the end of the message by ws: until then it says the same
          const isFast = ours.at(-1)?.includes('INVALID_UTF8') === true
          const common = isFast ? ours.slice(0, -1) : ours
          expect({ stream: stream.toString('hex'), events: isFast ? theirs.slice(0, common.length) : theirs }).toEqual({
            stream: stream.toString('hex'),
            events: common
          })
        }
      ),
      { numRuns: 400 }
    )
    // the mistakes are there to be found
    expect(violations).toBeGreaterThan(100)
  })
})
