import { constants, deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as ws from 'ws'
import { closeCodeOf } from '../../src/core/errors.js'
import { PerMessageDeflate } from '../../src/node/compat/permessage-deflate.js'
import type { PerMessageDeflateOptions } from '../../src/node/compat/permessage-deflate.js'

type Class = new (options?: PerMessageDeflateOptions) => PerMessageDeflate
const Oracle = (ws as unknown as { PerMessageDeflate: Class & { extensionName: string } }).PerMessageDeflate

const CLOSED = 'The deflate stream was closed while data was being processed'
const HELLO = Buffer.from('f248cdc9c90700', 'hex')

/** One operation on an instance, and what is to be compared of its outcome. */
type Step = [method: 'compress' | 'decompress', data: Buffer | string, fin: boolean]

function outcome(instance: PerMessageDeflate, [method, data, fin]: Step): Promise<unknown> {
  return new Promise((resolve) => {
    let returned = false
    instance[method](data as Buffer, fin, (error, octets) => {
      const result = error
        ? {
            name: error.constructor.name,
            message: error.message,
            code: (error as NodeJS.ErrnoException).code,
            errno: (error as NodeJS.ErrnoException).errno
          }
        : { octets: octets?.toString('hex'), isBuffer: Buffer.isBuffer(octets) }
      resolve({ ...result, returned })
    })
    returned = true
  })
}

async function outcomes(instance: PerMessageDeflate, params: object, steps: Step[]): Promise<unknown[]> {
  instance.params = params
  const results: unknown[] = []
  for (const step of steps) results.push(await outcome(instance, step))
  instance.cleanup()
  return results
}

const codeOf = (one: unknown): string | undefined => (one as { code?: string }).code
const isCorrupt = (one: unknown): boolean => codeOf(one) === 'Z_DATA_ERROR'
const isTooLong = (one: unknown): boolean => codeOf(one) === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'

test('has the name, the fields and the defaults of ws', () => {
  expect(PerMessageDeflate.extensionName).toBe(Oracle.extensionName)
  const fields = ['_options', '_threshold', '_maxPayload', '_isServer', 'params'] as const
  for (const options of [
    undefined,
    {},
    { threshold: 0, maxPayload: 2 ** 31 + 5, isServer: true },
    { threshold: undefined, maxPayload: 7.9 }
  ]) {
    const ours = new PerMessageDeflate(options)
    const theirs = new Oracle(options)
    for (const field of fields) expect(ours[field]).toEqual(theirs[field])
  }
  for (const method of Object.getOwnPropertyNames(Oracle.prototype).filter((name) => !name.startsWith('_'))) {
    expect(typeof (PerMessageDeflate.prototype as unknown as Record<string, unknown>)[method]).toBe('function')
  }
})

test('negotiates as ws does, and keeps what was agreed on', () => {
  const offers = (): Array<Record<string, Array<string | true>>> => [
    { client_max_window_bits: [true], server_max_window_bits: ['10'] }
  ]
  const options = { isServer: true, serverNoContextTakeover: true, clientMaxWindowBits: 9 }
  const ours = new PerMessageDeflate(options)
  const theirs = new Oracle(options)
  expect(ours.accept(offers())).toEqual(theirs.accept(offers()))
  expect(ours.params).toEqual(theirs.params)
  expect(new PerMessageDeflate({ serverMaxWindowBits: 9 }).offer()).toEqual(new Oracle({ serverMaxWindowBits: 9 }).offer())
  expect(() => ours.accept([{ x: [true] }])).toThrow(new Error('Unknown parameter "x"'))
})

const data = fc.oneof(
  fc.constantFrom('', 'Hello', 'Hello, Hello'),
  fc.uint8Array({ maxLength: 40 }).map((octets) => Buffer.from(octets))
)
const wire = fc.oneof(
  fc
    .constantFrom(
      'f248cdc9c90700',
      'f200110000',
      'f348cdc9c9070000',
      'f348cdc9c90700',
      '00',
      '000500faff48656c6c6f00',
      'f248',
      'ff',
      ''
    )
    .map((hex) => Buffer.from(hex, 'hex')),
  data.map((plain) => deflateRawSync(plain, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4))
)
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(fc.constant('compress' as const), data, fc.boolean()),
  fc.tuple(fc.constant('decompress' as const), wire, fc.boolean())
)
const params = fc.constantFrom(
  {},
  { server_no_context_takeover: true, client_no_context_takeover: true },
  { server_max_window_bits: 8, client_max_window_bits: 8 },
  { server_max_window_bits: 9, client_no_context_takeover: true }
)

test.each([
  ['server', true],
  ['client', false]
])('compresses and decompresses what ws does on a %s, with the same errors, and calls back later', async (_, isServer) => {
  await fc.assert(
    fc.asyncProperty(params, fc.constantFrom(0, 5, 1000), fc.array(step, { maxLength: 6 }), async (agreed, maxPayload, steps) => {
      const options: PerMessageDeflateOptions = { isServer, maxPayload, codec: 'zlib' }
      const ours = await outcomes(new PerMessageDeflate(options), { ...agreed }, steps)
      const theirs = await outcomes(new Oracle(options), { ...agreed }, steps)
      // See doc/differences.md: what is both too long and corrupt behind that is told as corrupt
      expect(ours.map((one, i) => (isCorrupt(one) && isTooLong(theirs[i]) ? theirs[i] : one))).toEqual(theirs)
    }),
    {
      numRuns: 150,
      examples: [
        [
          {},
          5,
          [
            ['decompress', Buffer.from([242, 72]), false],
            ['decompress', Buffer.from('f348cdc9c9070000', 'hex'), true]
          ]
        ]
      ]
    }
  )
})

/** The second 'Hello' refers to the first; how it says so is the codec's choice. */
const SECOND_HELLO = { auto: '02130000', wasm: '02130000', zlib: 'f200110000', pako: 'f200110000' }

describe.each(['auto', 'wasm', 'zlib', 'pako'] as const)('with the codec %s', (codec) => {
  const create = (options: PerMessageDeflateOptions = {}): PerMessageDeflate => {
    const instance = new PerMessageDeflate({ codec, isServer: true, ...options })
    instance.accept([{}])
    return instance
  }

  test('calls back later, in the order of the calls, with Buffers', async () => {
    const instance = create()
    const results = ['Hello', '', 'Hello'].map((text) => outcome(instance, ['compress', text, true]))
    expect(await Promise.all(results)).toEqual(
      ['f248cdc9c90700', '00', SECOND_HELLO[codec]].map((octets) => ({ octets, isBuffer: true, returned: true }))
    )
    const back = await Promise.all([HELLO, HELLO].map((octets) => outcome(instance, ['decompress', octets, true])))
    expect(back).toEqual([HELLO, HELLO].map(() => ({ octets: '48656c6c6f', isBuffer: true, returned: true })))
  })

  test('stops at maxPayload with an error to close with 1009, and at corrupt data with one for 1007', async () => {
    const instance = create({ maxPayload: 4 })
    const failure = (octets: Buffer): Promise<Error> =>
      new Promise((resolve) => instance.decompress(octets, true, (error) => resolve(error as Error)))
    expect(closeCodeOf(await failure(HELLO))).toBe(1009)
    expect(closeCodeOf(await failure(Buffer.from('ffff', 'hex')))).toBe(1007)
  })

  test('calls every callback once, those that wait with an error, where it is cleaned up during work', async () => {
    const instance = create()
    const calls: Array<string | undefined> = []
    for (let i = 0; i < 3; i++) instance.compress('Hello', true, (error) => void calls.push(error?.message))
    instance.decompress(HELLO, true, (error) => void calls.push(error?.message))
    instance.cleanup()
    expect(calls.filter((message) => message === CLOSED).length).toBeGreaterThanOrEqual(2)
    await outcome(instance, ['compress', 'Hello', true])
    await outcome(instance, ['decompress', HELLO, true])
    expect(calls.length).toBe(4)
  })

  test('begins anew after it was cleaned up', async () => {
    const instance = create()
    await outcome(instance, ['compress', 'Hello', true])
    instance.cleanup()
    expect(await outcome(instance, ['compress', 'Hello', true])).toMatchObject({ octets: 'f248cdc9c90700' })
  })
})

test('goes on after a callback that threw', async () => {
  const instance = new PerMessageDeflate({ codec: 'zlib' })
  instance.accept([{}])
  const thrown = new Error('of the callback')
  const caught = new Promise((resolve) => {
    const listeners = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.once('uncaughtException', (error) => {
      for (const listener of listeners) process.on('uncaughtException', listener)
      resolve(error)
    })
  })
  instance.compress('Hello', true, () => {
    throw thrown
  })
  const second = outcome(instance, ['compress', 'Hello', true])
  expect(await caught).toBe(thrown)
  expect(await second).toMatchObject({ octets: 'f200110000' })
})

test('names the codecs there are where the option names none of them', () => {
  expect(() => new PerMessageDeflate({ codec: 'gzip' as 'zlib' })).toThrow(
    new TypeError('Invalid value for option "perMessageDeflate.codec": gzip (must be one of "auto", "wasm", "zlib", "pako")')
  )
})

test('shares one transform between the callbacks and who uses it directly', async () => {
  const instance = new PerMessageDeflate({ codec: 'pako', isServer: true, threshold: 7 })
  instance.accept([{ server_no_context_takeover: [true] }])
  const { transform } = instance
  expect(transform.worthDeflating(6)).toBe(false)
  expect(transform.worthDeflating(7)).toBe(true)
  expect(Buffer.from(transform.inflate(HELLO, true, 5, () => {}) as Uint8Array).toString()).toBe('Hello')
  expect(await outcome(instance, ['decompress', Buffer.from('f200110000', 'hex'), true])).toMatchObject({ octets: '48656c6c6f' })
  expect(instance.transform).toBe(transform)
})
