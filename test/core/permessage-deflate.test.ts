import fc from 'fast-check'
import { expect, test } from 'vitest'
import * as ws from 'ws'
import { accept, MessageDeflate, offer } from '../../src/core/permessage-deflate.js'
import type { NegotiationOptions } from '../../src/core/permessage-deflate.js'
import type { DeflateCodec, DeflaterOptions } from '../../src/core/codec.js'

interface Negotiator {
  offer(): object
  accept(list: unknown): object
}
const Oracle = (ws as unknown as { PerMessageDeflate: new (options: object) => Negotiator }).PerMessageDeflate

const wish = fc.option(fc.boolean(), { nil: undefined })
const bits = fc.oneof(fc.constantFrom(undefined, null, true, false), fc.integer({ min: 8, max: 15 }))
const options: fc.Arbitrary<NegotiationOptions> = fc.record(
  { serverNoContextTakeover: wish, clientNoContextTakeover: wish, serverMaxWindowBits: bits, clientMaxWindowBits: bits },
  { requiredKeys: [] }
)

const windowBits = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('8', '9', '10', '12', '14', '15') },
  { weight: 1, arbitrary: fc.constantFrom('7', '16', '010', '', 'x', '1e1', '9.5') },
  { weight: 1, arbitrary: fc.constant<true>(true) }
)
const flag = fc.oneof({ weight: 9, arbitrary: fc.constant<true>(true) }, { weight: 1, arbitrary: fc.constant('1') })
function listOf<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T[]> {
  return fc.oneof({ weight: 19, arbitrary: value.map((one) => [one]) }, { weight: 1, arbitrary: fc.tuple(value, value) })
}
/** What `extension.parse` may give; most of it is valid. */
const params = fc
  .tuple(
    fc.record(
      {
        server_no_context_takeover: listOf(flag),
        client_no_context_takeover: listOf(flag),
        server_max_window_bits: listOf(windowBits),
        client_max_window_bits: listOf(fc.oneof(windowBits, fc.constant<true>(true)))
      },
      { requiredKeys: [] }
    ),
    fc.oneof({ weight: 19, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: fc.constant({ other: [true] }) })
  )
  .map(([known, unknown]) => ({ ...known, ...unknown }) as Record<string, Array<string | true>>)

/** Entries in their order, as a response has its parameters in that order. */
function outcome(run: () => object): unknown {
  try {
    return Object.entries(run())
  } catch (error) {
    return { name: (error as Error).constructor.name, message: (error as Error).message }
  }
}

test('offers what ws offers, in its order, for any options (RFC 7692 §7.1)', () => {
  fc.assert(
    fc.property(options, (wanted) => {
      expect(Object.entries(offer(wanted))).toEqual(Object.entries(new Oracle({ ...wanted }).offer()))
    })
  )
})

test.each([
  ['a server, of any offers', true],
  ['a client, of any response', false]
])('accepts as %s, what ws accepts, or refuses it with the same error (RFC 7692 §7.1)', (_, isServer) => {
  fc.assert(
    fc.property(options, fc.array(params, { minLength: 1, maxLength: 3 }), (wanted, list) => {
      const oracle = new Oracle({ ...wanted, isServer })
      expect(outcome(() => accept(wanted, isServer, structuredClone(list)))).toEqual(
        outcome(() => oracle.accept(structuredClone(list)))
      )
    }),
    { numRuns: 5000 }
  )
})

function recordingCodec(log: unknown[]): DeflateCodec {
  return {
    name: 'pako',
    createDeflater: (given: DeflaterOptions) => {
      log.push(['deflater', given])
      return { deflate: (octets) => octets, close: () => void log.push('deflater closed') }
    },
    createInflater: (given: DeflaterOptions) => {
      log.push(['inflater', given])
      return { inflate: (octets) => octets, close: () => void log.push('inflater closed') }
    }
  }
}

const PARAMS = { server_max_window_bits: 10, server_no_context_takeover: true, client_max_window_bits: 12 } as const
const octets = new Uint8Array(1)
const ignore = (): void => {}

test.each([
  ['server', true, { windowBits: 10, noContextTakeover: true }, { windowBits: 12, noContextTakeover: false }],
  ['client', false, { windowBits: 12, noContextTakeover: false }, { windowBits: 10, noContextTakeover: true }]
])(
  'gives the %s the parameters of its side, and makes each part when it is needed (RFC 7692 §7.1)',
  (_, isServer, deflater, inflater) => {
    const log: unknown[] = []
    const transform = new MessageDeflate({ codec: recordingCodec(log), isServer, params: PARAMS, zlibDeflateOptions: { level: 1 } })
    expect(log).toEqual([])
    expect(transform.inflate(octets, true, 10, ignore)).toBe(octets)
    expect(transform.deflate(octets, true, ignore)).toBe(octets)
    transform.deflate(octets, true, ignore)
    expect(log).toEqual([
      ['inflater', { ...inflater, zlib: undefined }],
      ['deflater', { ...deflater, zlib: { level: 1 } }]
    ])
    transform.close()
    transform.close()
    expect(log.slice(2)).toEqual(['inflater closed', 'deflater closed'])
  }
)

test('uses a window of 32 KiB where none was negotiated (RFC 7692 §7.1.2)', () => {
  const log: unknown[] = []
  new MessageDeflate({ codec: recordingCodec(log), isServer: true, params: {} }).inflate(octets, true, 10, ignore)
  expect(log).toEqual([['inflater', { windowBits: 15, noContextTakeover: false, zlib: undefined }]])
})

test('leaves small messages alone only where context takeover is off for its own direction', () => {
  const codec = recordingCodec([])
  const worth = (isServer: boolean, threshold: number | undefined, length: number): boolean =>
    new MessageDeflate({ codec, isServer, params: PARAMS, threshold }).worthDeflating(length)
  expect([worth(true, undefined, 1023), worth(true, undefined, 1024)]).toEqual([false, true])
  expect([worth(true, 5, 4), worth(true, 5, 5), worth(true, 0, 0)]).toEqual([false, true, true])
  expect(worth(false, undefined, 0)).toBe(true)
})
