import fc from 'fast-check'
import { assert, describe, expect, test } from 'vitest'
import { withCloseCode } from '../../src/core/errors.js'
import type { MessageInflater } from '../../src/core/message-codec.js'
import type { ReceiverHandler } from '../../src/core/message-events.js'
import { Receiver } from '../../src/core/receiver.js'
import { nodeRuntime } from '../../src/node/delivery/node-runtime.js'
import { validatedNaively } from '../kernels/support.js'
import {
  BINARY,
  buildFrame,
  CLOSE,
  closePayload,
  CONTINUATION,
  PING,
  PONG,
  TEST_KEY,
  TEXT,
  type FrameFields
} from '../support/frames.js'
import {
  binary,
  chunkings,
  closed,
  cut,
  EARLY,
  EARLY_EVENTS,
  expectEvents,
  expectEventsOf,
  expectViolation,
  feeds,
  Fixture,
  js,
  LATE,
  ping,
  pong,
  Recorder,
  roleOf,
  ROLES,
  runtime,
  streamFor,
  text,
  UNLIMITED,
  VIOLATIONS,
  type Feed,
  type Setup
} from './support.js'

/** A payload in which no two neighbouring octets are alike, so that a shifted or rotated one is noticed. */
function pattern(length: number, seed = 0): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8) * 7 + seed) & 0xff))
}

/** Places where a stream of these frames is worth splitting: about each frame's header and end, and along the payload. */
function seams(frames: readonly FrameFields[]): (isServer: boolean) => number[] {
  return (isServer) => {
    const places: number[] = []
    let start = 0
    for (const frame of frames) {
      const size = streamFor(isServer, [frame]).length
      const near = [
        ...Array(20).keys(),
        63,
        64,
        65,
        4095,
        4096,
        4097,
        16_384,
        65_536,
        size - 5,
        size - 4,
        size - 3,
        size - 2,
        size - 1
      ]
      for (const at of near) if (at < size) places.push(start + at)
      start += size
    }
    return [...new Set(places)]
  }
}

function reasonCodes(): number[] {
  return [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]
}

describe('valid frames', () => {
  test('text, binary, ping and pong, with and without payload (§5.5, §5.6)', () => {
    expectEvents(
      [
        { payload: 'Hello' },
        { payload: '' },
        { opcode: BINARY, payload: pattern(40) },
        { opcode: BINARY },
        { opcode: PING, payload: 'a' },
        { opcode: PING },
        { opcode: PONG, payload: 'b' },
        { opcode: PONG },
        { payload: 'end' }
      ],
      [text('Hello'), text(''), binary(pattern(40)), binary(''), ping('a'), ping(), pong('b'), pong(), text('end')]
    )
  })

  test.each([124, 125, 126, 127, 128, 255, 256, 4096, 65_535, 65_536, 65_537, 200_000])(
    'a payload of %d octets (§5.2)',
    (length) => {
      const letters = 'abcdefghijklmnopqrstuvwxyz'.repeat(length / 26 + 1).slice(0, length)
      const frames = [
        { opcode: BINARY, payload: pattern(length) },
        { payload: 'between' },
        { payload: letters },
        { payload: 'behind' }
      ]
      for (const isServer of ROLES) {
        const stream = streamFor(isServer, frames)
        const wanted = [binary(pattern(length)), text('between'), text(letters), text('behind')]
        const places = seams(frames)(isServer)
        // large streams at some of the places
        const ways = chunkings(stream, length > 60_000 ? places.filter((_, i) => i % 5 === length % 5) : places)
        for (const step of [1000, 65_536]) ways.push({ title: `by ${step}`, chunks: cut(stream, step) })
        for (const { title, chunks } of ways) {
          // the region that sockets read into is smaller than the longest of these streams
          if (chunks.some((chunk) => chunk.length > 260_000)) continue
          for (const feed of feeds) {
            const fixture = new Fixture(feed, { isServer })
            for (const chunk of chunks) fixture.receive(chunk)
            if (fixture.recorder.events.join('\n') !== wanted.join('\n'))
              expect.fail(`${roleOf(isServer)}, ${feed.title}, ${title}`)
          }
        }
      }
    }
  )

  test('each length up to 300 in one chunk with others', () => {
    const frames = Array.from({ length: 301 }, (_, length) => ({
      opcode: 1 + (length & 1),
      payload: Buffer.alloc(length, 97 + (length % 26))
    }))
    const events = frames.map(({ opcode, payload }) => (opcode === TEXT ? text : binary)(payload))
    expectEvents(frames, events, { places: () => [1, 500, 10_001, 30_003] })
  })

  test('more frames in one chunk than any table has room for', () => {
    const frames = Array.from({ length: 20_000 }, (_, i) => ({
      opcode: i % 5 === 0 ? PING : BINARY,
      payload: Buffer.from([i >> 8, i & 255])
    }))
    const events = frames.map(({ opcode, payload }) => (opcode === PING ? ping : binary)(payload))
    expectEvents(frames, events, { places: () => [] })
  })

  test('a length that is not minimally encoded, as ws takes it (§5.2)', () => {
    expectEvents(
      [
        { payload: 'two', lengthOctets: 2 },
        { payload: 'eight', lengthOctets: 8 },
        { opcode: BINARY, payload: pattern(200), lengthOctets: 8 },
        { payload: '', lengthOctets: 8 },
        { payload: 'end' }
      ],
      [text('two'), text('eight'), binary(pattern(200)), text(''), text('end')]
    )
  })

  test('a masking key of its own for each frame, also one of zeros (§5.3)', () => {
    const keys = ['00000000', 'ffffffff', '01020304', '00000001', '80000000', '37fa213d'].map((key) => Buffer.from(key, 'hex'))
    const frames = keys.flatMap((key, i) => [
      { key, payload: `text of length ${i}`.slice(0, 9 + i) },
      { key, opcode: BINARY, payload: pattern(20 + i, i) },
      { key, opcode: PING, payload: pattern(i) }
    ])
    const events = keys.flatMap((_, i) => [
      text(`text of length ${i}`.slice(0, 9 + i)),
      binary(pattern(20 + i, i)),
      ping(pattern(i))
    ])
    expectEventsOf(true, streamFor(true, frames), events)
  })

  test('text of sequences of one to four octets, wherever they are cut (§5.6, RFC 3629 §3)', () => {
    const texts = ['κόσμε', 'Hello-µ@ßöäüàá-UTF-8!!', '€uro', '\u{10ffff}\u{10000}😀', '\0', '\ufeff', '\uffff\ufffe\ud7ff\ue000']
    expectEvents(
      texts.map((payload) => ({ payload })),
      texts.map((payload) => text(payload))
    )
  })

  test('a message in fragments, control frames between them (§5.4)', () => {
    expectEvents(
      [
        { fin: false, payload: 'Hel' },
        { opcode: PING, payload: 'inside' },
        { opcode: CONTINUATION, fin: false, payload: 'lo ' },
        { opcode: PONG, payload: 'too' },
        { opcode: PING },
        { opcode: CONTINUATION, payload: 'world' },
        { opcode: BINARY, fin: false, payload: pattern(30) },
        { opcode: CONTINUATION, payload: pattern(9, 5) },
        { payload: 'end' }
      ],
      [ping('inside'), pong('too'), ping(), text('Hello world'), binary(Buffer.concat([pattern(30), pattern(9, 5)])), text('end')]
    )
  })

  test('empty fragments, and messages of nothing else (§5.4)', () => {
    expectEvents(
      [
        { fin: false },
        { opcode: CONTINUATION, fin: false },
        { opcode: CONTINUATION },
        { opcode: BINARY, fin: false },
        { opcode: CONTINUATION },
        { fin: false },
        { opcode: CONTINUATION, fin: false, payload: 'x' },
        { opcode: CONTINUATION },
        { opcode: BINARY, fin: false, payload: 'y' },
        { opcode: CONTINUATION, fin: false },
        { opcode: CONTINUATION, payload: 'z' }
      ],
      [text(''), binary(''), text('x'), binary('yz')]
    )
  })

  test('a sequence of UTF-8 cut by frames (§5.6, §8.1)', () => {
    const octets = Buffer.from('a€😀é')
    for (let one = 0; one <= octets.length; one++)
      expectEvents(
        [
          { fin: false, payload: octets.subarray(0, one) },
          { opcode: PING, payload: Buffer.from([0xff]) },
          { opcode: CONTINUATION, fin: false, payload: octets.subarray(one, one + 1) },
          { opcode: CONTINUATION, payload: octets.subarray(one + 1) }
        ],
        [ping(Buffer.from([0xff])), text(octets)],
        { places: () => [3, 9, 15, 21] }
      )
  })

  test('binary messages, pings and pongs may hold anything (§5.6)', () => {
    const octets = Buffer.from('fffec080eda080f4908080', 'hex')
    expectEvents(
      [
        { opcode: BINARY, payload: octets },
        { opcode: PING, payload: octets },
        { opcode: PONG, payload: octets },
        { opcode: BINARY, fin: false, payload: octets },
        { opcode: CONTINUATION, payload: octets }
      ],
      [binary(octets), ping(octets), pong(octets), binary(Buffer.concat([octets, octets]))]
    )
  })

  test('control frames of 125 octets whatever maxPayload says (§5.5)', () => {
    const payload = pattern(125)
    expectEvents(
      [
        { opcode: PING, payload },
        { opcode: PONG, payload },
        { opcode: CLOSE, payload: closePayload(1000, 'r'.repeat(123)) }
      ],
      [ping(payload), pong(payload), closed(1000, 'r'.repeat(123))],
      { maxPayload: 10 }
    )
  })
})

describe('close frames', () => {
  test('end what is received: nothing is delivered behind one (§5.5.1)', () => {
    expectEvents(
      [...EARLY, { opcode: CLOSE, payload: closePayload(1000, 'bye €') }, LATE, { opcode: PING }, { opcode: CLOSE }],
      [...EARLY_EVENTS, closed(1000, 'bye €')]
    )
  })

  test('without a payload say 1005 (§7.1.5)', () => {
    expectEvents([{ payload: 'a' }, { opcode: CLOSE }, LATE], [text('a'), closed(1005)])
  })

  test('may come inside a fragmented message, which is then not delivered (§5.4)', () => {
    expectEvents(
      [
        { fin: false, payload: 'a' },
        { opcode: CLOSE, payload: closePayload(1001) },
        { opcode: CONTINUATION, payload: 'b' }
      ],
      [closed(1001)]
    )
  })

  test('octets behind one may be anything at all', () => {
    for (const isServer of ROLES)
      expectEventsOf(isServer, Buffer.concat([streamFor(isServer, [{ opcode: CLOSE }]), Buffer.alloc(40, 0xff)]), [closed(1005)])
  })

  test.each(reasonCodes())('may carry %d (§7.4)', (code) => {
    expectEvents([{ opcode: CLOSE, payload: closePayload(code, 'x') }], [closed(code, 'x')])
  })

  test.each([0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535])('must not carry %d (§7.4)', (code) => {
    expectViolation([{ opcode: CLOSE, payload: closePayload(code) }], VIOLATIONS.closeCode(code), { places: () => [35, 40, 45] })
    expectViolation([{ opcode: CLOSE, payload: closePayload(code, Buffer.from([0xff])) }], VIOLATIONS.closeCode(code), {
      places: () => [35, 40, 45]
    })
  })

  test('must have a reason in UTF-8 (§5.5.1), where that is checked', () => {
    for (const hex of ['ff', '61c0af', 'eda080', 'e282', 'f4908080', '80']) {
      const payload = closePayload(1000, Buffer.from(hex, 'hex'))
      expectViolation([{ opcode: CLOSE, payload }], VIOLATIONS.utf8)
      expectEvents([{ opcode: CLOSE, payload }, LATE], [closed(1000, Buffer.from(hex, 'hex'))], { skipUtf8Validation: true })
    }
  })
})

describe('violations', () => {
  const begun: FrameFields = { fin: false, payload: 'begun' }
  const cases: [string, FrameFields[], string][] = [
    ...[1, 2, 3, 5, 6, 7].map((rsv): [string, FrameFields[], string] => [`RSV bits ${rsv} (§5.2)`, [{ rsv }], VIOLATIONS.rsv23]),
    ['RSV2 on a ping (§5.2)', [{ rsv: 2, opcode: PING }], VIOLATIONS.rsv23],
    ['RSV3 before a reserved opcode (§5.2)', [{ rsv: 1, opcode: 3 }], VIOLATIONS.rsv23],
    ...[0, 1, 2, 3, 8, 9, 10, 15].map((opcode): [string, FrameFields[], string] => [
      `RSV1 without extension on opcode ${opcode} (§5.2)`,
      [{ rsv: 4, opcode, payload: 'x' }],
      VIOLATIONS.rsv1
    ]),
    ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode): [string, FrameFields[], string] => [
      `reserved opcode ${opcode} (§5.2)`,
      [{ opcode, fin: opcode % 2 === 0, payload: 'x' }],
      VIOLATIONS.opcode(opcode)
    ]),
    ['reserved opcode inside a message (§5.2)', [begun, { opcode: 5 }], VIOLATIONS.opcode(5)],
    ['continuation of nothing (§5.4)', [{ opcode: CONTINUATION, payload: 'x' }], VIOLATIONS.opcode(0)],
    ['continuation of nothing, without FIN (§5.4)', [{ opcode: CONTINUATION, fin: false }], VIOLATIONS.opcode(0)],
    ['text inside a message (§5.4)', [begun, { payload: 'x' }], VIOLATIONS.opcode(1)],
    ['binary inside a message (§5.4)', [begun, { opcode: BINARY, fin: false }], VIOLATIONS.opcode(2)],
    ['ping without FIN (§5.5)', [{ opcode: PING, fin: false }], VIOLATIONS.fin],
    ['pong without FIN (§5.5)', [{ opcode: PONG, fin: false, payload: 'x' }], VIOLATIONS.fin],
    ['close without FIN, before its length (§5.5)', [{ opcode: CLOSE, fin: false, payload: 'x' }], VIOLATIONS.fin],
    ['ping of 126 octets (§5.5)', [{ opcode: PING, payload: pattern(126) }], VIOLATIONS.controlLength(126)],
    ['pong of 70000 octets (§5.5)', [{ opcode: PONG, claim: 70_000 }], VIOLATIONS.controlLength(127)],
    [
      'close of 126 octets (§5.5)',
      [{ opcode: CLOSE, payload: closePayload(1000, 'x'.repeat(124)) }],
      VIOLATIONS.controlLength(126)
    ],
    [
      'ping of 5 octets in an extended length (§5.5)',
      [{ opcode: PING, payload: 'short', lengthOctets: 2 }],
      VIOLATIONS.controlLength(126)
    ],
    ['close of one octet (§5.5.1)', [{ opcode: CLOSE, payload: 'x' }], VIOLATIONS.controlLength(1)],
    ['length of 2^53 (§5.2)', [{ opcode: BINARY, claim: 2n ** 53n }], VIOLATIONS.length],
    ['length with its most significant bit set (§5.2)', [{ claim: 2n ** 63n }], VIOLATIONS.length]
  ]
  test.each(cases)('%s', (_, frames, violation) => {
    expectViolation(frames, violation, { places: (isServer) => seams([...EARLY, ...frames])(isServer) })
    const valid = frames.filter((frame) => frame !== begun)
    // as the very first octets, too
    if (valid.length === frames.length) expectEvents([...frames, LATE], [violation], { places: () => [1, 2, 3, 7] })
  })

  test('a second message behind a fragmented one that ended is none (§5.4)', () => {
    expectViolation([begun, { opcode: CONTINUATION, payload: '!' }, { opcode: CONTINUATION }], VIOLATIONS.opcode(0), {
      before: [text('begun!')]
    })
  })

  test('an unmasked frame to a server, a masked one to a client (§5.1)', () => {
    for (const frame of [
      { payload: 'x' },
      { payload: '' },
      { opcode: PING },
      { opcode: CLOSE },
      { opcode: BINARY, payload: pattern(300) }
    ]) {
      for (const isServer of ROLES) {
        const wrong = buildFrame({ ...frame, key: isServer ? null : TEST_KEY })
        const stream = Buffer.concat([streamFor(isServer, EARLY), wrong, streamFor(isServer, [LATE])])
        expectEventsOf(isServer, stream, [...EARLY_EVENTS, isServer ? VIOLATIONS.noMask : VIOLATIONS.mask], {
          places: (isServer) => seams([...EARLY, frame])(isServer)
        })
      }
    }
  })

  test('a masked frame to a client is refused even with a key of zeros (§5.1)', () => {
    expectEventsOf(false, buildFrame({ key: Buffer.alloc(4), payload: 'x' }), [VIOLATIONS.mask])
  })

  test('text that is not UTF-8 (§8.1), except where that is not checked', () => {
    for (const hex of ['ff', 'c3', '6162e282', 'c080', 'eda080', 'f4908080', 'f8888080', '80', 'e28261', '61'.repeat(70) + 'f0']) {
      const payload = Buffer.from(hex, 'hex')
      expectViolation([{ payload }], VIOLATIONS.utf8)
      expectViolation(
        [
          { fin: false, payload: 'ok' },
          { opcode: CONTINUATION, payload }
        ],
        VIOLATIONS.utf8
      )
      expectEvents([{ payload }, { payload: 'x' }], [text(payload), text('x')], { skipUtf8Validation: true })
      expectEvents(
        [
          { fin: false, payload },
          { opcode: CONTINUATION, payload: 'x' }
        ],
        [text(Buffer.concat([payload, Buffer.from('x')]))],
        {
          skipUtf8Validation: true
        }
      )
    }
  })

  test('are told once, however much comes behind, and stop the receiver for good (§7.1.7)', () => {
    for (const feed of feeds) {
      const fixture = new Fixture(feed, { isServer: false })
      fixture.receive(buildFrame({ rsv: 1 }))
      for (let i = 0; i < 5; i++) fixture.receive(buildFrame({ payload: 'more' }))
      fixture.receiver.proceed()
      fixture.receiver.recover()
      expect(fixture.recorder.events).toEqual([VIOLATIONS.rsv23])
      expect(fixture.receiver.isDone).toBe(true)
    }
  })
})

describe('limits', () => {
  test('maxPayload refuses a frame by its header, before any payload (§10.4)', () => {
    for (const feed of feeds) {
      for (const isServer of ROLES) {
        for (const claim of [101, 126, 65_535, 65_536, 2 ** 32, 2 ** 53 - 1]) {
          const fixture = new Fixture(feed, { isServer, maxPayload: 100 })
          fixture.receive(buildFrame({ claim, key: isServer ? TEST_KEY : null }))
          expect(fixture.recorder.events).toEqual([VIOLATIONS.maxPayload])
        }
      }
    }
  })

  test('maxPayload allows exactly that much, in one frame or several', () => {
    expectEvents(
      [
        { payload: 'x'.repeat(100) },
        { opcode: BINARY, fin: false, payload: pattern(60) },
        { opcode: PING, payload: pattern(125) },
        { opcode: CONTINUATION, fin: false, payload: pattern(40) },
        { opcode: CONTINUATION },
        { payload: 'y'.repeat(100) }
      ],
      [text('x'.repeat(100)), ping(pattern(125)), binary(Buffer.concat([pattern(60), pattern(40)])), text('y'.repeat(100))],
      { maxPayload: 100 }
    )
  })

  test('maxPayload holds for the sum of fragments', () => {
    expectViolation(
      [
        { opcode: BINARY, fin: false, payload: pattern(60) },
        { opcode: CONTINUATION, fin: false, payload: pattern(41) }
      ],
      VIOLATIONS.maxPayload,
      { maxPayload: 100 }
    )
    expectViolation([{ payload: 'x'.repeat(101) }], VIOLATIONS.maxPayload, { maxPayload: 100 })
  })

  test('maxPayload may be one, and 0 means none', () => {
    expectEvents([{ payload: 'x' }, { payload: '' }, { payload: 'xy' }], [text('x'), text(''), VIOLATIONS.maxPayload], {
      maxPayload: 1
    })
    expectEvents([{ opcode: BINARY, payload: pattern(1000) }], [binary(pattern(1000))], { maxPayload: 0, places: () => [500] })
  })

  test('maxPayload of large frames in one chunk with others', () => {
    const frames = [{ opcode: BINARY, payload: pattern(70_000) }, { opcode: BINARY, payload: pattern(70_001) }, LATE]
    for (const isServer of ROLES)
      for (const feed of feeds) {
        const fixture = new Fixture(feed, { isServer, maxPayload: 70_000 })
        fixture.receive(streamFor(isServer, frames))
        expect(fixture.recorder.events).toEqual([binary(pattern(70_000)), VIOLATIONS.maxPayload])
      }
  })

  test('a length of up to 2^53 - 1 is believed, and costs nothing before its octets come (§5.2)', () => {
    const rest = streamFor(true, [{ payload: 'abc'.repeat(400) }]).subarray(-1200 + 3 * 4)
    for (const feed of feeds) {
      for (const claim of [2 ** 31, 2 ** 32 + 1, 2 ** 53 - 1]) {
        for (const opcode of [TEXT, BINARY]) {
          const fixture = new Fixture(feed, { isServer: true })
          const before = process.memoryUsage().arrayBuffers
          fixture.receive(buildFrame({ claim, opcode, key: TEST_KEY, payload: 'abcabcabcabc' }))
          fixture.receive(rest)
          expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 << 20)
          expect(fixture.recorder.events).toEqual([])
        }
      }
    }
  })

  test('maxFragments counts the frames of a message, empty ones too, but no control frames', () => {
    const whole: FrameFields[] = [
      { payload: 'whole' },
      { fin: false, payload: 'a' },
      { opcode: PING },
      { opcode: PONG },
      { opcode: PING },
      { opcode: CONTINUATION, fin: false },
      { opcode: CONTINUATION, payload: 'c' }
    ]
    const events = [text('whole'), ping(), pong(), ping(), text('ac')]
    expectEvents([...whole, ...whole], [...events, ...events], { maxFragments: 3 })
    for (const frames of [
      [{ fin: false }, { opcode: CONTINUATION, fin: false }, { opcode: CONTINUATION }],
      [
        { fin: false, payload: 'a' },
        { opcode: CONTINUATION, fin: false, payload: 'b' },
        { opcode: CONTINUATION, payload: 'c' }
      ],
      [
        { opcode: BINARY, fin: false, payload: 'a' },
        { opcode: CONTINUATION, fin: false, payload: 'b' },
        { opcode: CONTINUATION, fin: false }
      ]
    ])
      expectViolation(frames, VIOLATIONS.fragments, { maxFragments: 2 })
  })

  test('maxFragments of 1 leaves messages of one frame', () => {
    expectViolation([{ fin: false }, { opcode: CONTINUATION }], VIOLATIONS.fragments, { maxFragments: 1 })
    expectEvents([{ payload: 'a' }, { payload: 'b' }], [text('a'), text('b')], { maxFragments: 1 })
  })

  test('the fragment too many is refused when its payload is complete, as in ws', () => {
    for (const feed of feeds) {
      const fixture = new Fixture(feed, { isServer: false, maxFragments: 1 })
      fixture.receive(buildFrame({ fin: false, payload: 'a' }))
      const second = buildFrame({ opcode: CONTINUATION, payload: 'bcd' })
      for (let i = 0; i < second.length; i++) {
        expect(fixture.recorder.events).toEqual([])
        fixture.receive(second.subarray(i, i + 1))
      }
      expect(fixture.recorder.events).toEqual([VIOLATIONS.fragments])
    }
  })

  test.each([1, 2, 3, 10])(
    'maxBufferedChunks of %d: a payload in that many chunks is taken, in more it is not',
    (maxBufferedChunks) => {
      const payload = pattern(maxBufferedChunks + 1)
      for (const feed of feeds) {
        for (const isServer of ROLES) {
          const whole = buildFrame({ opcode: BINARY, key: isServer ? TEST_KEY : null, payload })
          const headerLength = whole.length - payload.length
          const fixture = new Fixture(feed, { isServer, maxBufferedChunks })
          // two octets with the header, then octet by octet: as many chunks as are allowed, over and over
          for (let round = 0; round < 3; round++) {
            fixture.receive(whole.subarray(0, headerLength + 2))
            for (let i = headerLength + 2; i < whole.length; i++) fixture.receive(whole.subarray(i, i + 1))
          }
          expect(fixture.recorder.events).toEqual(new Array(3).fill(binary(payload)))
          // one octet with the header
          fixture.receive(whole.subarray(0, headerLength + 1))
          for (let i = headerLength + 1; i < whole.length; i++) {
            expect(fixture.recorder.events).toHaveLength(3)
            fixture.receive(whole.subarray(i, i + 1))
          }
          expect(fixture.recorder.events.slice(3)).toEqual([VIOLATIONS.chunks])
        }
      }
    }
  )

  test('maxBufferedChunks does not count a chunk that held nothing but the header, as in ws', () => {
    for (const feed of feeds) {
      const fixture = new Fixture(feed, { isServer: false, maxBufferedChunks: 2 })
      for (const chunk of [[0x82, 2], [0x61], [0x62]]) fixture.receive(Uint8Array.from(chunk))
      expect(fixture.recorder.events).toEqual([binary('ab')])
    }
  })

  test('maxBufferedChunks does not count chunks of whole frames', () => {
    for (const feed of feeds) {
      const fixture = new Fixture(feed, { isServer: false, maxBufferedChunks: 2 })
      for (let i = 0; i < 20; i++)
        fixture.receive(buildFrame({ payload: String(i), fin: i === 19, opcode: i === 0 ? TEXT : CONTINUATION }))
      expect(fixture.recorder.events).toEqual([text(Array.from({ length: 20 }, (_, i) => i).join(''))])
    }
  })
})

describe('UTF-8 fails fast (§8.1)', () => {
  /** The least number of octets that already cannot be UTF-8; one more than there are where all can. */
  function fatalLength(octets: Buffer): number {
    for (let length = 1; length <= octets.length; length++) if (validatedNaively(octets.subarray(0, length)) === -1) return length
    return octets.length + 1
  }

  /** Feeds a text message that never ends, cut into frames and chunks as told; expects the violation with the octet that earns it. */
  function expectFast(octets: Buffer, frameLengths: number[], step: number, isServer: boolean, feed: Feed): void {
    const fatal = fatalLength(octets)
    const fixture = new Fixture(feed, { isServer })
    const key = isServer ? TEST_KEY : null
    let at = 0
    for (const [i, length] of [...frameLengths, 100_000].entries()) {
      const payload = octets.subarray(at, at + length)
      const frame = buildFrame({ fin: false, opcode: i === 0 ? TEXT : CONTINUATION, key, payload, claim: length })
      const headerLength = frame.length - payload.length
      if (at < fatal) fixture.receive(frame.subarray(0, headerLength))
      for (let from = 0; from < payload.length; from += step) {
        fixture.receive(frame.subarray(headerLength + from, headerLength + Math.min(from + step, payload.length)))
        const isFatal = at + Math.min(from + step, payload.length) >= fatal
        const expected = isFatal ? [VIOLATIONS.utf8] : []
        if (fixture.recorder.events.join() !== expected.join())
          expect({ feed: feed.title, octets: octets.toString('hex'), at: at + from, events: fixture.recorder.events }).toEqual({
            expected
          })
      }
      at += payload.length
    }
  }

  test.each([
    'c0',
    'c1',
    'f5',
    'ff',
    '80',
    'e080',
    'e09f',
    'eda0',
    'f080',
    'f490',
    '61c328',
    'e28228',
    'f09f9828',
    'e282ac80',
    'f09fff'
  ])('at the last octet of %s, in a frame that is not complete', (hex) => {
    const bad = Buffer.from(hex, 'hex')
    for (const lead of [0, 1, 2, 15, 16, 63, 64, 200]) {
      const octets = Buffer.concat([Buffer.alloc(lead, 'x'), bad, Buffer.from('tail')])
      expect(fatalLength(octets)).toBe(lead + bad.length)
      for (const feed of feeds)
        for (const isServer of ROLES) {
          for (const step of [1, 3]) expectFast(octets, [], step, isServer, feed)
          expectFast(octets, [lead + 1, 1, 0, 1], 1, isServer, feed)
          // header and octets in one chunk
          const fixture = new Fixture(feed, { isServer })
          fixture.receive(buildFrame({ key: isServer ? TEST_KEY : null, payload: octets, claim: octets.length + 1 }))
          expect(fixture.recorder.events).toEqual([VIOLATIONS.utf8])
        }
    }
  })

  test('for any octets, frames and chunks', () => {
    const part = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 20 }).map((string) => Buffer.from(string)),
      fc.uint8Array({ maxLength: 3 }).map((octets) => Buffer.from(octets))
    )
    fc.assert(
      fc.property(
        fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => Buffer.concat(parts)),
        fc.array(fc.nat(12), { maxLength: 6 }),
        fc.integer({ min: 1, max: 30 }),
        fc.boolean(),
        (octets, frameLengths, step, isServer) => {
          for (const feed of feeds) expectFast(octets, frameLengths, step, isServer, feed)
        }
      ),
      { numRuns: 300 }
    )
  })

  test('a sequence that its message cuts off fails with the last frame, no earlier', () => {
    for (const feed of feeds) {
      const fixture = new Fixture(feed, { isServer: false })
      fixture.receive(buildFrame({ fin: false, payload: Buffer.from('e282', 'hex') }))
      fixture.receive(buildFrame({ opcode: PING }))
      fixture.receive(buildFrame({ opcode: CONTINUATION, fin: false }))
      expect(fixture.recorder.events).toEqual([ping()])
      fixture.receive(buildFrame({ opcode: CONTINUATION }))
      expect(fixture.recorder.events).toEqual([ping(), VIOLATIONS.utf8])
    }
  })
})

/** Everything that may happen, then the end. */
const EVERYTHING: FrameFields[] = [
  { payload: 'one' },
  { opcode: BINARY, payload: pattern(20) },
  { opcode: PING, payload: 'two' },
  { payload: 'é' },
  { fin: false, payload: 'th' },
  { opcode: PONG },
  { opcode: CONTINUATION, payload: 'ree' },
  { payload: 'last' },
  { opcode: CLOSE, payload: closePayload(1000, 'bye') },
  LATE
]
const ALL_EVENTS = [
  text('one'),
  binary(pattern(20)),
  ping('two'),
  text('é'),
  pong(),
  text('three'),
  text('last'),
  closed(1000, 'bye')
]

describe('a handler that throws', () => {
  const thrown = new Error("a listener's")

  /** Calls `step`, and `recover` as long as handlers throw; returns how often they did. */
  function surviving(fixture: Fixture, step: () => void): number {
    let times = 0
    for (let next = step; ; next = () => fixture.receiver.recover()) {
      try {
        next()
        return times
      } catch (error) {
        expect(error).toBe(thrown)
        times++
      }
    }
  }

  test('is thrown through, and recover goes on behind its event', () => {
    for (const isServer of ROLES) {
      const stream = streamFor(isServer, EVERYTHING)
      for (const { title, chunks } of chunkings(stream)) {
        for (const feed of feeds) {
          const fixture = new Fixture(feed, { isServer })
          fixture.recorder.onEvent = () => {
            throw thrown
          }
          let times = 0
          for (const chunk of chunks) times += surviving(fixture, () => fixture.receive(chunk))
          const where = `${feed.title}, ${title}`
          expect({ where, times, events: fixture.recorder.events }).toEqual({ where, times: ALL_EVENTS.length, events: ALL_EVENTS })
          expect(fixture.recorder.keepsakesAreUnchanged()).toBe(true)
        }
      }
    }
  })

  test('at one event only loses nothing and repeats nothing, also where nobody recovers before more comes', () => {
    for (const [at] of ALL_EVENTS.entries()) {
      for (const feed of feeds) {
        for (const recovers of [true, false]) {
          const stream = streamFor(true, EVERYTHING)
          const fixture = new Fixture(feed, { isServer: true })
          fixture.recorder.onEvent = () => {
            if (fixture.recorder.events.length === at + 1) throw thrown
          }
          for (const chunk of [stream.subarray(0, 70), stream.subarray(70, 75), stream.subarray(75)]) {
            if (recovers) surviving(fixture, () => fixture.receive(chunk))
            else
              try {
                fixture.receive(chunk)
              } catch (error) {
                expect(error).toBe(thrown)
              }
          }
          surviving(fixture, () => fixture.receiver.recover())
          expect(fixture.recorder.events).toEqual(ALL_EVENTS)
        }
      }
    }
  })

  test('at a violation leaves the receiver done', () => {
    for (const feed of feeds) {
      const fixture = new Fixture(feed, { isServer: false })
      fixture.recorder.onEvent = (event) => {
        if (event.startsWith('violation')) throw thrown
      }
      expect(() => fixture.receive(streamFor(false, [...EARLY, { opcode: 3 }, LATE]))).toThrow(thrown)
      fixture.receiver.recover()
      fixture.receive(buildFrame(LATE))
      expect(fixture.recorder.events).toEqual([...EARLY_EVENTS, VIOLATIONS.opcode(3)])
    }
  })

  test('recover without anything thrown does nothing', () => {
    for (const feed of feeds) {
      const fixture = new Fixture(feed, { isServer: false })
      fixture.receiver.recover()
      const frame = buildFrame({ payload: 'abc' })
      for (let i = 0; i < frame.length; i++) {
        fixture.receive(frame.subarray(i, i + 1))
        fixture.receiver.recover()
      }
      expect(fixture.recorder.events).toEqual([text('abc')])
    }
  })
})

describe('deferred events', () => {
  /** Lets one turn of the event loop come for each that was asked for. */
  function turnTheLoop(fixture: Fixture): void {
    const { recorder, receiver } = fixture
    while (recorder.deferred > 0) {
      recorder.deferred--
      const before = recorder.events.length
      receiver.proceed()
      const now = recorder.events.slice(before).filter((event) => !/^(close|violation) /.test(event))
      expect(now.length).toBeLessThanOrEqual(1)
    }
  }

  test('come one a turn, none in the call that brought the octets', () => {
    expectEvents(EVERYTHING, ALL_EVENTS, { deferEvents: true, pump: turnTheLoop })
    for (const feed of feeds) {
      const fixture = new Fixture(feed, { isServer: true, deferEvents: true })
      fixture.receive(streamFor(true, EVERYTHING))
      expect(fixture.recorder.events).toEqual([])
      expect(fixture.recorder.deferred).toBe(1)
      for (let count = 1; count <= 6; count++) {
        fixture.recorder.deferred = 0
        fixture.receiver.proceed()
        expect(fixture.recorder.events).toEqual(ALL_EVENTS.slice(0, count))
        expect(fixture.recorder.deferred).toBe(1)
      }
      turnTheLoop(fixture)
      expect(fixture.recorder.events).toEqual(ALL_EVENTS)
    }
  })

  test('come in order whatever arrives while they wait', () => {
    for (const isServer of ROLES) {
      for (const { title, chunks } of chunkings(streamFor(isServer, EVERYTHING))) {
        for (const feed of feeds) {
          const fixture = new Fixture(feed, { isServer, deferEvents: true })
          for (const chunk of chunks) fixture.receive(chunk)
          turnTheLoop(fixture)
          const where = `${feed.title}, ${title}`
          expect({ where, events: fixture.recorder.events }).toEqual({ where, events: ALL_EVENTS })
          expect(fixture.receiver.heldLength).toBe(0)
        }
      }
    }
  })

  test('come before the violation behind them, and it alone when there are none', () => {
    expectViolation([{ opcode: 3 }], VIOLATIONS.opcode(3), { deferEvents: true, pump: turnTheLoop })
    expectEvents([{ opcode: 3 }], [VIOLATIONS.opcode(3)], { deferEvents: true, pump: turnTheLoop })
  })

  test('after a handler threw the rest still comes one a turn', () => {
    for (const feed of feeds) {
      const fixture = new Fixture(feed, { isServer: true, deferEvents: true })
      fixture.recorder.onEvent = () => {
        throw new Error('mine')
      }
      fixture.receive(streamFor(true, EVERYTHING))
      for (let i = 0; i < 30 && fixture.recorder.events.length < ALL_EVENTS.length; i++) {
        const before = fixture.recorder.events.length
        try {
          if (fixture.recorder.deferred > 0) {
            fixture.recorder.deferred--
            fixture.receiver.proceed()
          } else fixture.receiver.recover()
        } catch (error) {
          expect((error as Error).message).toBe('mine')
        }
        expect(fixture.recorder.events.length - before).toBeLessThanOrEqual(1)
      }
      expect(fixture.recorder.events).toEqual(ALL_EVENTS)
    }
  })
})

/** An inflater that gives the complement of what it gets, at once or when told. */
class Complement implements MessageInflater {
  readonly calls: { length: number; fin: boolean; maxLength: number }[] = []
  /** Finishes what is under way; null while nothing is. */
  finish: (() => void) | null = null
  isLate = true
  /** What to fail with at that call, counted from 1. */
  failure: { at: number; error: Error } | null = null

  inflate(
    octets: Uint8Array,
    fin: boolean,
    maxLength: number,
    done: (error: Error | null, octets: Uint8Array) => void
  ): Uint8Array | Error | null {
    assert.isNull(this.finish)
    this.calls.push({ length: octets.length, fin, maxLength })
    const error = this.failure?.at === this.calls.length ? this.failure.error : null
    const result = complement(octets)
    if (!this.isLate) return error ?? result
    this.finish = () => {
      this.finish = null
      done(error, result)
    }
    return null
  }
}
function complement(octets: Uint8Array | string): Buffer {
  return Buffer.from(Buffer.from(octets as Uint8Array).map((octet) => octet ^ 0xff))
}

/** A frame of a message that `Complement` turns into `payload`. */
function compressed(payload: string | Buffer, fields: FrameFields = {}): FrameFields {
  return { rsv: fields.opcode === CONTINUATION ? 0 : 4, ...fields, payload: complement(payload) }
}

const COMPRESSED: FrameFields[] = [
  { payload: 'plain' },
  compressed('deflated é'),
  { opcode: PING, payload: 'p' },
  compressed(pattern(40), { opcode: BINARY }),
  compressed(''),
  compressed('in ', { fin: false }),
  { opcode: PONG, payload: 'q' },
  compressed('', { opcode: CONTINUATION, fin: false }),
  compressed('three €', { opcode: CONTINUATION }),
  { opcode: BINARY, fin: false, payload: 'not ' },
  { opcode: CONTINUATION, payload: 'deflated' },
  { opcode: CLOSE, payload: closePayload(1001) },
  LATE
]
const COMPRESSED_EVENTS = [
  text('plain'),
  text('deflated é'),
  ping('p'),
  binary(pattern(40)),
  text(''),
  pong('q'),
  text('in three €'),
  binary('not deflated'),
  closed(1001)
]

describe('compressed messages (RFC 7692 §6.2)', () => {
  let current = new Complement()
  const late = (): MessageInflater => (current = new Complement())
  const prompt = (): MessageInflater => {
    current = new Complement()
    current.isLate = false
    return current
  }

  /** Finishes inflating, and goes on, as long as there is something to do. */
  function finishAll({ recorder, receiver }: Fixture): void {
    for (;;) {
      if (recorder.ready > 0) {
        recorder.ready--
        receiver.proceed()
      } else if (recorder.deferred > 0) {
        recorder.deferred--
        receiver.proceed()
      } else if (current.finish) current.finish()
      else break
    }
  }

  test('inflated at once come in order with all others', () => {
    expectEvents(COMPRESSED, COMPRESSED_EVENTS, { inflater: prompt })
  })

  test('inflated later come in order with all others', () => {
    expectEvents(COMPRESSED, COMPRESSED_EVENTS, { inflater: late, pump: finishAll })
  })

  test('come in order where each event is deferred, too', () => {
    expectEvents(COMPRESSED, COMPRESSED_EVENTS, { inflater: late, pump: finishAll, deferEvents: true })
  })

  test('inflated later than all the rest arrives hold that back', () => {
    for (const isServer of ROLES) {
      for (const { title, chunks } of chunkings(streamFor(isServer, COMPRESSED))) {
        for (const feed of feeds) {
          const where = `${roleOf(isServer)}, ${feed.title}, ${title}`
          const fixture = new Fixture(feed, { isServer, inflater: late })
          const { recorder, receiver } = fixture
          for (const chunk of chunks) fixture.receive(chunk)
          expect({ where, events: recorder.events }).toEqual({ where, events: [text('plain')] })
          expect(receiver.heldLength).toBeGreaterThan(0)
          expect(receiver.isIdle).toBe(false)
          expect(recorder.drains).toBe(0)
          // going on while the result is still missing does nothing
          receiver.recover()
          expect(recorder.events).toHaveLength(1)
          finishAll(fixture)
          expect({ where, events: recorder.events }).toEqual({ where, events: COMPRESSED_EVENTS })
          expect(receiver.heldLength).toBe(0)
          expect(recorder.keepsakesAreUnchanged()).toBe(true)
        }
      }
    }
  })

  test('say when what was held back is dealt with, once', () => {
    for (const feed of feeds) {
      const fixture = new Fixture(feed, { isServer: false, inflater: late })
      const { recorder, receiver } = fixture
      fixture.receive(streamFor(false, [{ payload: 'a' }]))
      expect(receiver.isIdle).toBe(true)
      fixture.receive(streamFor(false, [compressed('b'), { payload: 'c' }]))
      fixture.receive(streamFor(false, [{ payload: 'd' }]))
      expect([recorder.drains, recorder.ready, receiver.isIdle]).toEqual([0, 0, false])
      current.finish?.()
      expect(recorder.ready).toBe(1)
      finishAll(fixture)
      expect(recorder.events).toEqual(['a', 'b', 'c', 'd'].map((octets) => text(octets)))
      expect([recorder.drains, receiver.isIdle]).toEqual([1, true])
    }
  })

  test('say so wherever the last wait was, also for a result behind which nothing is held', () => {
    const empty = { opcode: PING }
    for (const frames of [
      [compressed('a'), compressed('b')],
      [compressed('a'), compressed('b'), empty],
      [compressed('a'), empty],
      [compressed('a'), { payload: 'b' }, compressed('c')],
      [compressed('a'), compressed('b', { fin: false }), compressed('c', { opcode: CONTINUATION })]
    ]) {
      for (const feed of feeds) {
        for (const deferEvents of [false, true]) {
          const fixture = new Fixture(feed, { isServer: true, inflater: late, deferEvents })
          fixture.receive(streamFor(true, frames))
          expect(fixture.receiver.heldLength).toBeGreaterThan(0)
          finishAll(fixture)
          const { recorder, receiver } = fixture
          const frameCount = frames.length
          expect({ frameCount, deferEvents, drains: recorder.drains, idle: receiver.isIdle }).toEqual({
            frameCount,
            deferEvents,
            drains: 1,
            idle: true
          })
        }
      }
    }
  })

  test('say so, too, where a handler threw at the last of it, once somebody has recovered', () => {
    for (const feed of feeds) {
      for (const deferEvents of [false, true]) {
        for (const frames of [
          [compressed('a'), { payload: 'last' }],
          [compressed('a'), compressed('last')],
          [{ payload: 'a' }, { payload: 'last' }]
        ]) {
          const fixture = new Fixture(feed, { isServer: true, inflater: late, deferEvents })
          fixture.recorder.onEvent = (event) => {
            if (event === text('last')) throw new Error('mine')
          }
          const step = (run: () => void): void => {
            try {
              run()
            } catch (error) {
              expect((error as Error).message).toBe('mine')
            }
          }
          step(() => fixture.receive(streamFor(true, frames)))
          const waited = fixture.receiver.heldLength > 0
          for (let i = 0; i < 5; i++) {
            step(() => finishAll(fixture))
            step(() => fixture.receiver.recover())
          }
          expect(fixture.recorder.events).toEqual([text('a'), text('last')])
          expect({ deferEvents, drains: fixture.recorder.drains }).toEqual({ deferEvents, drains: Number(waited) })
        }
      }
    }
  })

  test('hold back the violation behind them', () => {
    expectViolation([compressed('x'), { opcode: 3 }], VIOLATIONS.opcode(3), {
      inflater: late,
      pump: finishAll,
      before: [text('x')]
    })
    for (const feed of feeds) {
      const fixture = new Fixture(feed, { isServer: false, inflater: late })
      fixture.receive(streamFor(false, [compressed('x'), { rsv: 1 }]))
      expect(fixture.recorder.events).toEqual([])
      finishAll(fixture)
      expect(fixture.recorder.events).toEqual([text('x'), VIOLATIONS.rsv23])
    }
  })

  test('hand the inflater one fragment after the other, FIN with the last, and what maxPayload leaves', () => {
    for (const inflater of [prompt, late]) {
      for (const feed of feeds) {
        const fixture = new Fixture(feed, { isServer: true, inflater, maxPayload: 100 })
        fixture.receive(
          streamFor(true, [
            compressed(pattern(30), { opcode: BINARY, fin: false }),
            compressed('', { opcode: CONTINUATION, fin: false }),
            compressed(pattern(70), { opcode: CONTINUATION, fin: false }),
            compressed('', { opcode: CONTINUATION }),
            compressed(pattern(5), { opcode: BINARY })
          ])
        )
        finishAll(fixture)
        expect(current.calls.filter(({ length, fin }) => length > 0 || fin)).toEqual([
          { length: 30, fin: false, maxLength: 100 },
          { length: 70, fin: false, maxLength: 70 },
          { length: 0, fin: true, maxLength: 0 },
          { length: 5, fin: true, maxLength: 100 }
        ])
      }
    }
  })

  test('have no limit where maxPayload has none', () => {
    const fixture = new Fixture(feeds[0], { isServer: false, inflater: prompt })
    fixture.receive(streamFor(false, [compressed('a'), compressed('b', { fin: false }), compressed('c', { opcode: CONTINUATION })]))
    expect(current.calls.map(({ maxLength }) => maxLength)).toEqual([Infinity, Infinity, Infinity])
  })

  test('count against maxPayload as they come, too', () => {
    expectViolation([{ rsv: 4, opcode: BINARY, payload: pattern(101) }], VIOLATIONS.maxPayload, {
      maxPayload: 100,
      inflater: late,
      pump: finishAll
    })
  })

  test('whose frames are too many are refused', () => {
    expectViolation(
      [
        compressed('a', { fin: false }),
        compressed('b', { opcode: CONTINUATION, fin: false }),
        compressed('c', { opcode: CONTINUATION })
      ],
      VIOLATIONS.fragments,
      { maxFragments: 2, inflater: late, pump: finishAll }
    )
  })

  test('must be UTF-8 once they are inflated, across fragments (§8.1)', () => {
    const euro = Buffer.from('€')
    for (const [inflater, pump] of [
      [prompt, undefined],
      [late, finishAll]
    ] as const) {
      expectViolation([compressed(Buffer.from([0x61, 0xff]))], VIOLATIONS.utf8, { inflater, pump })
      expectViolation([compressed(euro.subarray(0, 2))], VIOLATIONS.utf8, { inflater, pump })
      expectViolation(
        [compressed('ok', { fin: false }), compressed(Buffer.from([0xc0]), { opcode: CONTINUATION, fin: false })],
        VIOLATIONS.utf8,
        {
          inflater,
          pump
        }
      )
      expectEvents(
        [compressed(euro.subarray(0, 1), { fin: false }), compressed(euro.subarray(1), { opcode: CONTINUATION })],
        [text('€')],
        { inflater, pump }
      )
      expectEvents([compressed(Buffer.from([0xff]))], [text(Buffer.from([0xff]))], { inflater, pump, skipUtf8Validation: true })
    }
  })

  test('that cannot be inflated fail with the error and close code of the inflater (§7.4.1)', () => {
    for (const isLate of [true, false]) {
      for (const at of [1, 2]) {
        const failing = (): MessageInflater => {
          current = new Complement()
          current.isLate = isLate
          const error = withCloseCode(Object.assign(new Error('invalid distance'), { code: 'Z_DATA_ERROR' }), 1007)
          current.failure = { at, error }
          return current
        }
        expectViolation(
          [compressed('a', { fin: false }), compressed('b', { opcode: CONTINUATION })],
          'violation Z_DATA_ERROR Error 1007 invalid distance',
          { inflater: failing, pump: finishAll }
        )
      }
    }
  })

  test('that a handler throws at are not delivered twice', () => {
    for (const inflater of [prompt, late]) {
      for (const feed of feeds) {
        const fixture = new Fixture(feed, { isServer: true, inflater })
        fixture.recorder.onEvent = () => {
          throw new Error('mine')
        }
        let step = (): void => fixture.receive(streamFor(true, COMPRESSED))
        for (let i = 0; i < 40; i++) {
          try {
            step()
          } catch (error) {
            expect((error as Error).message).toBe('mine')
          }
          step = () => {
            finishAll(fixture)
            fixture.receiver.recover()
          }
        }
        expect(fixture.recorder.events).toEqual(COMPRESSED_EVENTS)
      }
    }
  })

  test('set RSV1 on the first frame only (RFC 7692 §6.1)', () => {
    expectViolation([compressed('a', { fin: false }), { rsv: 4, opcode: CONTINUATION }], VIOLATIONS.rsv1, {
      inflater: late,
      pump: finishAll
    })
    for (const opcode of [CLOSE, PING, PONG])
      expectViolation([{ rsv: 4, opcode }], VIOLATIONS.rsv1, { inflater: late, pump: finishAll })
    for (const rsv of [1, 2, 5, 6, 7]) expectViolation([{ rsv }], VIOLATIONS.rsv23, { inflater: late, pump: finishAll })
  })
})

describe('re-entrancy', () => {
  /** Feeds a whole conversation to another receiver with the same kernels, from memory of its own. */
  function disturb(feed: Feed, size: number): void {
    const other = new Fixture({ ...feed, lend: feeds[0].lend, transient: false }, { isServer: true })
    const payload = pattern(size, 99)
    other.receive(
      streamFor(true, [{ payload: 'nested' }, { opcode: BINARY, payload }, { payload: 'é' }, { opcode: BINARY, payload }])
    )
    expect(other.recorder.events).toEqual([text('nested'), binary(payload), text('é'), binary(payload)])
  }

  test('a handler that feeds another receiver disturbs nothing', () => {
    for (const isServer of ROLES) {
      const frames = Array.from({ length: 30 }, (_, i) => ({
        opcode: 1 + (i & 1),
        payload: String.fromCharCode(97 + (i % 26)).repeat(i * 11)
      }))
      const wanted = frames.map(({ opcode, payload }) => (opcode === TEXT ? text : binary)(payload))
      const stream = streamFor(isServer, frames)
      for (const feed of feeds) {
        for (const size of [10, 3000]) {
          for (const chunks of [[stream], [stream.subarray(0, 700), stream.subarray(700)]]) {
            const fixture = new Fixture(feed, { isServer })
            fixture.recorder.onEvent = () => disturb(feed, size)
            for (const chunk of chunks) fixture.receive(chunk)
            expect(fixture.recorder.events).toEqual(wanted)
          }
        }
      }
    }
  })

  test('octets are valid through the call, whatever the handler does in it', () => {
    for (const isServer of ROLES) {
      for (const feed of feeds) {
        for (const size of [10, 1000, 20_000]) {
          const fixture = new Fixture(feed, { isServer })
          const { recorder } = fixture
          for (const event of ['onMessage', 'onPing', 'onPong'] as const) {
            const tell = recorder[event].bind(recorder) as (...args: unknown[]) => void
            recorder[event] = (...args: unknown[]) => {
              disturb(feed, size)
              tell(...args)
            }
          }
          const big = pattern(3000)
          const frames = [...EARLY, { opcode: BINARY, payload: big }, { opcode: PONG, payload: 'pong' }, { payload: 'end' }]
          fixture.receive(streamFor(isServer, frames))
          expect(recorder.events).toEqual([...EARLY_EVENTS, binary(big), pong('pong'), text('end')])
        }
      }
    }
  })

  test('what a handler gives to the same receiver comes behind the chunk at hand', () => {
    for (const isServer of ROLES) {
      for (const feed of feeds) {
        for (let at = 0; at < 6; at++) {
          const chunk = streamFor(isServer, [
            ...EARLY,
            { fin: false, payload: 'th' },
            { opcode: PING },
            { opcode: CONTINUATION, payload: 'ird' },
            { payload: 'fourth' }
          ])
          const more = streamFor(isServer, [{ payload: 'more' }, { opcode: BINARY, payload: pattern(700) }])
          const fixture = new Fixture(feed, { isServer })
          let given = false
          fixture.recorder.onEvent = () => {
            if (given || fixture.recorder.events.length !== at + 1) return
            given = true
            const memory = new Uint8Array(more)
            fixture.receiver.receive(memory, 0, 100, true)
            memory.fill(0, 0, 100)
            fixture.receiver.receive(memory, 100, memory.length, true)
            memory.fill(0)
          }
          fixture.receive(chunk)
          const wanted = [...EARLY_EVENTS, ping(), text('third'), text('fourth'), text('more'), binary(pattern(700))]
          expect({ feed: feed.title, at, events: fixture.recorder.events }).toEqual({ feed: feed.title, at, events: wanted })
        }
      }
    }
  })

  test('proceed and recover from inside a handler do not deliver anything twice', () => {
    for (const feed of feeds) {
      const fixture = new Fixture(feed, { isServer: true })
      fixture.recorder.onEvent = () => {
        fixture.receiver.proceed()
        fixture.receiver.recover()
      }
      fixture.receive(streamFor(true, EVERYTHING))
      expect(fixture.recorder.events).toEqual(ALL_EVENTS)
    }
  })
})

describe('a nested event loop inside a handler, in which others read into the same memory', () => {
  const frames: FrameFields[] = [
    ...Array.from({ length: 12 }, (_, i) => ({ opcode: 1 + (i & 1), payload: String(i).repeat(i * 5) })),
    { opcode: PING, payload: 'ping' },
    { fin: false, payload: 'th' },
    { opcode: PONG, payload: 'pong' },
    { opcode: CONTINUATION, payload: 'ree' },
    { opcode: BINARY, payload: pattern(5000) },
    compressed('inflated'),
    { opcode: BINARY, fin: false, payload: pattern(300) },
    { opcode: PING, payload: 'between' },
    { opcode: CONTINUATION, payload: pattern(200, 7) },
    ...EARLY,
    { payload: 'é' },
    { opcode: CLOSE, payload: closePayload(1000, 'bye') }
  ]

  test.each([
    ['a receiver', runtime],
    // which copies frames together, and gives views of the copies
    ['one on Node', nodeRuntime]
  ])('changes no octet of what %s has still to deliver, however chunks are cut', (_, lent) => {
    const settings = { ...UNLIMITED, isServer: true }
    const inflater: MessageInflater = { inflate: (octets) => complement(octets) }
    const stream = streamFor(true, frames)
    const places = Array.from({ length: 60 }, (_, i) => i * 7 + 1).concat(1300, 3000, stream.length - 560, stream.length - 3)
    for (const { title, lend, kernels, transient } of feeds) {
      const whole = new Recorder()
      const plain = new Receiver(settings, { kernels: js, runtime }, whole)
      plain.inflater = inflater
      plain.receive(new Uint8Array(stream), 0, stream.length, false)
      const byFrame = { title: 'frame by frame', chunks: frames.map((frame) => streamFor(true, [frame])) }
      for (const cut of [byFrame, ...chunkings(stream, places)]) {
        const recorder = new Recorder()
        const receiver = new Receiver(settings, { kernels, runtime: lent }, recorder)
        receiver.inflater = inflater
        let memory: Uint8Array | null = null
        let at = 0
        for (const event of ['onMessage', 'onPing', 'onPong', 'onFragments', 'onCloseFrame'] as const) {
          const tell = recorder[event].bind(recorder) as (...args: unknown[]) => void
          recorder[event] = (...args: unknown[]) => {
            // A pong is sent before the event of its ping
            if (event === 'onPing') memory?.fill(0xee, at)
            tell(...args)
            memory?.fill(0xee, at)
          }
        }
        for (const chunk of cut.chunks) {
          lend(chunk, (octets, start, end) => {
            if (transient) {
              memory = octets.subarray(0, end)
              at = start
            }
            receiver.receive(octets, start, end, transient)
          })
        }
        expect({ title, cut: cut.title, events: recorder.events }).toEqual({ title, cut: cut.title, events: whole.events })
        expect(recorder.keepsakesAreUnchanged()).toBe(true)
      }
    }
  })
})

describe('a handler that says how much may be done at a time', () => {
  /** Asked at least so often, in events and fragments; nothing else costs as little. */
  const CREDIT = 3

  /** A receiver that is told each time that it has done enough, except when it goes on. */
  class Patient extends Fixture {
    stops = 0
    private fresh = true

    constructor(feed: Feed, setup: Setup) {
      super(feed, setup)
      ;(this.recorder as ReceiverHandler).onWork = () => {
        if (this.fresh) {
          this.fresh = false
          return CREDIT
        }
        this.stops++
        return 0
      }
    }

    proceed(): void {
      this.fresh = true
      this.receiver.proceed()
    }

    /** Goes on until all is delivered; each time there are few events. */
    finish(): void {
      for (let i = 0; i < 5000 && !this.receiver.isIdle; i++) {
        const before = this.recorder.events.length
        this.proceed()
        expect(this.recorder.events.length - before).toBeLessThanOrEqual(CREDIT + 1)
      }
    }
  }

  test('gets everything in order, a few events at a time, whatever comes meanwhile', () => {
    for (const isServer of ROLES) {
      const stream = streamFor(isServer, COMPRESSED)
      for (const { title, chunks } of chunkings(stream)) {
        for (const feed of feeds) {
          const fixture = new Patient(feed, { isServer, inflater: () => Object.assign(new Complement(), { isLate: false }) })
          for (const chunk of chunks) fixture.receive(chunk)
          expect(fixture.recorder.events.length).toBeLessThanOrEqual(CREDIT + 1)
          fixture.finish()
          const where = `${feed.title}, ${title}`
          expect({ where, events: fixture.recorder.events }).toEqual({ where, events: COMPRESSED_EVENTS })
          expect(fixture.recorder.keepsakesAreUnchanged()).toBe(true)
          expect(fixture.stops).toBeGreaterThan(0)
        }
      }
    }
  })

  test.each([
    ['messages', { opcode: BINARY, payload: 'x' }],
    ['pings', { opcode: PING, payload: '' }],
    ['fragments that are empty', { opcode: CONTINUATION, fin: false, payload: '' }],
    ['compressed messages', compressed('', { opcode: BINARY })],
    ['compressed messages that are large', compressed(pattern(40_000), { opcode: BINARY })]
  ] as [string, FrameFields][])('is asked again before long where there are many %s', (_, frame) => {
    const first: FrameFields[] = frame.opcode === CONTINUATION ? [{ opcode: BINARY, fin: false, payload: 'begin' }] : []
    const last: FrameFields[] = frame.opcode === CONTINUATION ? [{ opcode: CONTINUATION, payload: 'end' }] : []
    const count = Number(frame.payload!.length) > 1000 ? 6 : 500
    const stream = streamFor(true, [...first, ...Array.from({ length: count }, () => frame), ...last])
    for (const feed of feeds) {
      const fixture = new Patient(feed, { isServer: true, inflater: () => Object.assign(new Complement(), { isLate: false }) })
      fixture.receive(stream)
      fixture.finish()
      expect(fixture.stops).toBeGreaterThanOrEqual(count / (CREDIT + 1) - 1)
      expect(fixture.receiver.isIdle).toBe(true)
    }
  })

  test('is told once when all that had to wait is dealt with', () => {
    const fixture = new Patient(feeds[1], { isServer: true })
    fixture.receive(
      streamFor(
        true,
        Array.from({ length: 20 }, () => ({ payload: 'x' }))
      )
    )
    expect(fixture.receiver.heldLength).toBeGreaterThan(0)
    fixture.finish()
    expect(fixture.recorder.drains).toBe(1)
    expect(fixture.receiver.heldLength).toBe(0)
  })
})

describe('frames that had to wait', () => {
  /** How many octets a receiver copies until all events of `stream` are delivered, one a turn. */
  function copied(feed: Feed, count: number): number {
    let octets = 0
    const counting = {
      ...runtime,
      copy: (source: Uint8Array, start: number, end: number) => {
        octets += end - start
        return runtime.copy(source, start, end)
      }
    }
    const recorder = new Recorder()
    const receiver = new Receiver(
      { ...UNLIMITED, isServer: true, deferEvents: true },
      { kernels: feed.kernels, runtime: counting },
      recorder
    )
    const stream = streamFor(
      true,
      Array.from({ length: count }, (_, i) => ({ opcode: i % 10 === 9 ? PING : BINARY, payload: pattern(50) }))
    )
    feed.lend(stream, (chunk, start, end) => receiver.receive(chunk, start, end, feed.transient))
    for (; recorder.deferred > 0; recorder.deferred--) receiver.proceed()
    expect(recorder.events.length).toBe(count)
    return octets
  }

  test('are copied once or twice, however often they have to wait', () => {
    for (const feed of feeds) for (const count of [10, 4000]) expect(copied(feed, count)).toBeLessThanOrEqual(2 * count * 56)
  })
})

describe('memory', () => {
  test('receivers that share kernels and chunks in turn keep their partial frames apart', () => {
    for (const feed of feeds) {
      const fixtures = Array.from({ length: 4 }, (_, i) => new Fixture(feed, { isServer: i % 2 === 0 }))
      const streams = fixtures.map((_, i) => {
        const frames: FrameFields[] = [
          { payload: `é${i}`.repeat(30) },
          { opcode: BINARY, fin: false, payload: pattern(90, i) },
          { opcode: CONTINUATION, payload: pattern(40, i * 3) },
          { opcode: BINARY, payload: pattern(2000, i) }
        ]
        return streamFor(i % 2 === 0, frames)
      })
      for (let at = 0; at < 2400; at += 37) fixtures.forEach((fixture, i) => fixture.receive(streams[i].subarray(at, at + 37)))
      fixtures.forEach(({ recorder }, i) => {
        expect(recorder.events).toEqual([
          text(`é${i}`.repeat(30)),
          binary(Buffer.concat([pattern(90, i), pattern(40, i * 3)])),
          binary(pattern(2000, i))
        ])
        expect(recorder.keepsakesAreUnchanged()).toBe(true)
      })
    }
  })

  test('fragments and close reasons are views of no memory of a chunk', () => {
    for (const feed of feeds.filter(({ transient }) => transient)) {
      const fixture = new Fixture(feed, { isServer: true })
      const kept: Uint8Array[] = []
      fixture.recorder.onFragments = (fragments) => void kept.push(...fragments)
      fixture.recorder.onCloseFrame = ({ reason }) => void kept.push(reason)
      fixture.receive(
        streamFor(true, [
          { fin: false, payload: 'abc' },
          { opcode: CONTINUATION, payload: 'def' },
          { opcode: CLOSE, payload: closePayload(1000, 'ghi') }
        ])
      )
      expect(kept.map((octets) => Buffer.from(octets).toString()).join('')).toBe('abcdefghi')
      for (const octets of kept) expect(octets.buffer.byteLength).toBeLessThan(1 << 16)
    }
  })

  test("a Node Buffer is a chunk like any other, and a reused one's octets are copied", () => {
    for (const { kernels } of [feeds[0], feeds[2]]) {
      const memory = Buffer.alloc(4096)
      const feed: Feed = {
        title: 'Buffer',
        kernels,
        transient: true,
        lend(octets, take) {
          memory.set(octets)
          take(memory, 0, octets.length)
          memory.fill(0xee)
        }
      }
      const stream = streamFor(true, EVERYTHING)
      for (const { title, chunks } of chunkings(stream)) {
        const fixture = new Fixture(feed, { isServer: true })
        for (const chunk of chunks) fixture.receive(chunk)
        expect({ title, events: fixture.recorder.events }).toEqual({ title, events: ALL_EVENTS })
        expect({ title, kept: fixture.recorder.keepsakesAreUnchanged() }).toEqual({ title, kept: true })
      }
    }
  })

  test('octets outside of what was handed over stay as they are', () => {
    for (const feed of feeds.slice(0, 4)) {
      const stream = streamFor(true, [...EARLY, { opcode: BINARY, payload: pattern(500) }, { payload: 'é'.repeat(50) }])
      const memory = new Uint8Array(stream.length + 40).fill(0xa5)
      memory.set(stream, 20)
      new Fixture(feed, { isServer: true }).receiver.receive(memory, 20, 20 + stream.length, feed.transient)
      const around = [...memory.subarray(0, 20), ...memory.subarray(20 + stream.length)]
      expect(around).toEqual(new Array(40).fill(0xa5))
    }
  })

  test('an empty chunk is nothing', () => {
    for (const feed of feeds) {
      const fixture = new Fixture(feed, { isServer: true })
      const stream = streamFor(true, EVERYTHING)
      for (let i = 0; i < stream.length; i++) {
        fixture.receive(new Uint8Array(0))
        fixture.receive(stream.subarray(i, i + 1))
      }
      expect(fixture.recorder.events).toEqual(ALL_EVENTS)
    }
  })
})

describe('options that change between chunks', () => {
  test('hold for what comes next', () => {
    for (const feed of feeds) {
      const fixture = new Fixture(feed, { isServer: false, maxPayload: 10 } satisfies Setup)
      const { receiver, recorder } = fixture
      receiver.options = { ...receiver.options, maxPayload: 20 }
      fixture.receive(buildFrame({ payload: 'x'.repeat(20) }))
      fixture.receive(buildFrame({ payload: 'x'.repeat(21) }))
      expect(recorder.events).toEqual([text('x'.repeat(20)), VIOLATIONS.maxPayload])
    }
  })

  test('permessage-deflate allows RSV1 from when it is set', () => {
    const fixture = new Fixture(feeds[0], { isServer: false })
    expect(fixture.receiver.allowsRsv1).toBe(false)
    const inflater = new Complement()
    inflater.isLate = false
    fixture.receiver.inflater = inflater
    expect(fixture.receiver.allowsRsv1).toBe(true)
    fixture.receive(streamFor(false, [compressed('now')]))
    expect(fixture.recorder.events).toEqual([text('now')])
  })
})
