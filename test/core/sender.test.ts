import fc from 'fast-check'
import { assert, describe, expect, test } from 'vitest'
import { userMaskingKeys } from '../../src/core/masking-key.js'
import { OctetQueue } from '../../src/core/octet-queue.js'
import type { MessageDeflater } from '../../src/core/message-codec.js'
import { Sender, type DeferredOctets, type Payload } from '../../src/core/sender.js'
import {
  BINARY,
  buildFrame,
  CLOSE,
  closePayload,
  FrameParser,
  PING,
  PONG,
  TEST_KEY,
  TEXT,
  type FrameFields
} from '../support/frames.js'
import { js, runtime, turn, wasm, sendMessage, sendControl } from './support.js'

const kernelSets = [js, wasm]

class Fixture {
  readonly queue = new OctetQueue(runtime)
  readonly calls: string[] = []
  readonly failures: Error[] = []
  readonly sender: Sender

  constructor(kernels = js, key: Buffer = TEST_KEY) {
    const keys = userMaskingKeys((target) => target.set(key), new Uint8Array(4))
    this.sender = new Sender({ kernels, runtime, maskingKeys: keys }, this.queue)
    this.sender.errorHandler = { failSending: (error) => void this.failures.push(error) }
  }

  /** Octets sent since the last call, which are then written. */
  wire(): Buffer {
    return Buffer.concat(this.queue.take())
  }

  callback(name: string): (error?: Error | null) => void {
    return (error) => void this.calls.push(error ? `${name}: ${error.message}` : name)
  }

  text(payload: Payload, name?: string, options: { fin?: boolean; compress?: boolean; mask?: boolean } = {}): void {
    this.send(payload, false, name, options)
  }

  binary(payload: Payload, name?: string, options: { fin?: boolean; compress?: boolean; mask?: boolean } = {}): void {
    this.send(payload, true, name, options)
  }

  private send(
    payload: Payload,
    isBinary: boolean,
    name: string | undefined,
    { fin = true, compress = true, mask = false }: { fin?: boolean; compress?: boolean; mask?: boolean }
  ): void {
    sendMessage(this.sender, payload, isBinary, fin, compress, mask, false, name === undefined ? undefined : this.callback(name))
  }
}

function frames(...list: FrameFields[]): Buffer {
  return Buffer.concat(list.map((fields) => buildFrame(fields)))
}

/** Octets that differ from their neighbours. */
function pattern(length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 0xff))
}

const LENGTHS = [
  0, 1, 2, 3, 4, 5, 124, 125, 126, 127, 128, 1000, 4094, 4095, 4096, 4097, 5000, 65_534, 65_535, 65_536, 65_537, 200_000
]

describe('frames', () => {
  test.each(LENGTHS)('of %d octets have the shortest header, and are masked where told (§5.2, §5.3)', (length) => {
    for (const kernels of kernelSets) {
      for (const key of [null, TEST_KEY, Buffer.alloc(4), Buffer.from([0, 0, 0, 0x80])]) {
        for (const isBinary of [true, false]) {
          for (const owned of [true, false]) {
            const { sender, queue } = new Fixture(kernels, key ?? TEST_KEY)
            const payload = isBinary ? pattern(length) : Buffer.alloc(length, 'abcdefghijklmnopqrstuvwxyz')
            const expected = buildFrame({ opcode: isBinary ? BINARY : TEXT, key, payload: Buffer.from(payload) })
            for (let i = 0; i < 2; i++)
              sendMessage(sender, Buffer.from(payload), isBinary, true, true, key !== null, owned, undefined)
            if (!Buffer.concat(queue.take()).equals(Buffer.concat([expected, expected])))
              expect.fail(`${key?.toString('hex')} ${isBinary} ${owned}`)
          }
        }
      }
    }
  })

  test.each(LENGTHS)('of text of %d characters are those of its octets', (length) => {
    for (const kernels of kernelSets)
      for (const key of [null, TEST_KEY]) {
        const { sender, queue } = new Fixture(kernels)
        const payload = 'abcdefghijklmnopqrstuvwxyz'.repeat(length / 26 + 1).slice(0, length)
        sendMessage(sender, payload, false, true, true, key !== null, false, undefined)
        expect(Buffer.concat(queue.take()).equals(buildFrame({ key, payload }))).toBe(true)
      }
  })

  test('of text beyond ASCII count octets, not characters, also where that changes the form of the header (§5.2)', () => {
    const around = [
      ...Array(132).keys(),
      ...[1365, 2048, 4096, 16_384, 21_845, 32_768, 65_536].flatMap((at) => [-2, -1, 0, 1, 2].map((by) => at + by))
    ]
    const fixtures = kernelSets.map((kernels) => new Fixture(kernels))
    for (const length of around) {
      const letters = 'x'.repeat(length)
      const texts = [`${letters}é`, `€${letters}`, `${letters}😀`]
      // of nothing but sequences of two, three or four octets
      if (length < 22_000) texts.push('é'.repeat(length), '€'.repeat(length), '😀'.repeat(length >> 1))
      for (const payload of texts) {
        for (const fixture of fixtures) {
          for (const key of [null, TEST_KEY]) {
            sendMessage(fixture.sender, payload, false, true, true, key !== null, false, undefined)
            sendControl(fixture.sender, PING, '', key !== null, true, undefined)
            const expected = frames({ key, payload }, { opcode: PING, key })
            if (!fixture.wire().equals(expected)) expect.fail(`${length} ${payload.slice(-2)} ${key?.toString('hex')}`)
          }
        }
      }
    }
  })

  test('of text with lone surrogates carry U+FFFD in their place (§5.6: text is UTF-8)', () => {
    const { sender, queue } = new Fixture()
    for (const lone of [
      '\ud800',
      '\udfff',
      'a\udc00b',
      '\ud83d',
      '\ude00\ud83d',
      'x'.repeat(124) + '\ud800',
      'x'.repeat(5000) + '\udbff'
    ]) {
      for (const key of [null, TEST_KEY]) {
        sendMessage(sender, lone, false, true, true, key !== null, false, undefined)
        sendControl(sender, PING, lone.slice(-20), key !== null, true, undefined)
        const payload = lone.replace(/[\ud800-\udfff]/g, '\ufffd')
        const expected = frames(
          { key, payload: Buffer.from(payload) },
          { opcode: PING, key, payload: Buffer.from(payload.slice(-20)) }
        )
        expect(Buffer.concat(queue.take()).equals(expected)).toBe(true)
      }
    }
  })

  test('of any string are those of its UTF-8', () => {
    const fixtures = kernelSets.map((kernels) => new Fixture(kernels))
    const unit = fc
      .oneof(fc.integer({ max: 0xffff, min: 0 }), fc.constantFrom(0x61, 0xe9, 0x20ac))
      .map((code) => String.fromCharCode(code))
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 200 }), fc.boolean(), (payload, mask) => {
        for (const fixture of fixtures) {
          sendMessage(fixture.sender, payload, false, true, true, mask, false, undefined)
          expect(fixture.wire()).toEqual(buildFrame({ key: mask ? TEST_KEY : null, payload: Buffer.from(payload) }))
        }
      })
    )
  })

  test('of binary messages may be given as text, which is then sent as UTF-8', () => {
    const fixture = new Fixture()
    fixture.binary('é')
    fixture.text(Buffer.from('é'))
    expect(fixture.wire()).toEqual(frames({ opcode: BINARY, payload: 'é' }, { payload: 'é' }))
  })

  test('of control messages carry their payload (§5.5)', () => {
    for (const kernels of kernelSets) {
      for (const key of [null, TEST_KEY]) {
        const { sender, queue } = new Fixture(kernels)
        const payloads = [Buffer.alloc(0), Buffer.from('x'), pattern(125)]
        for (const opcode of [PING, PONG])
          for (const payload of payloads) sendControl(sender, opcode, Buffer.from(payload), key !== null, false, undefined)
        sendControl(sender, CLOSE, closePayload(1000, 'bye'), key !== null, true, undefined)
        sendControl(sender, PONG, 'é', key !== null, true, undefined)
        expect(Buffer.concat(queue.take())).toEqual(
          frames(
            ...[PING, PONG].flatMap((opcode) => payloads.map((payload) => ({ opcode, key, payload }))),
            { opcode: CLOSE, key, payload: closePayload(1000, 'bye') },
            { opcode: PONG, key, payload: 'é' }
          )
        )
      }
    }
  })

  test('take a masking key each, the first octet of the key for the first octet of the payload (§5.3)', () => {
    let next = 0
    const queue = new OctetQueue(runtime)
    const sender = new Sender({ kernels: js, runtime, maskingKeys: () => 0x04030201 + next++ }, queue)
    for (let i = 0; i < 5; i++) sendMessage(sender, pattern(9), true, true, true, true, false, undefined)
    sendControl(sender, PING, '', true, true, undefined)
    sendMessage(sender, 'no key is used up', false, true, true, false, false, undefined)
    sendMessage(sender, 'é', false, true, true, true, false, undefined)
    const keys = new FrameParser().push(Buffer.concat(queue.take())).map(({ key }) => key?.toString('hex'))
    expect(keys).toEqual(['01020304', '02020304', '03020304', '04020304', '05020304', '06020304', undefined, '07020304'])
  })

  test('of one turn leave together, and in order, small ones and large ones', () => {
    const fixture = new Fixture()
    const list = [10, 5000, 0, 70_000, 4096, 4097, 1].map((length) => ({ opcode: BINARY, payload: pattern(length) }))
    for (const { payload } of list) fixture.binary(payload)
    expect(fixture.wire().equals(frames(...list))).toBe(true)
  })
})

describe('fragments (§5.4)', () => {
  test('are a first frame with the opcode and continuations, the last with FIN', () => {
    const fixture = new Fixture()
    fixture.text('one', undefined, { fin: false })
    fixture.text('two', undefined, { fin: false })
    sendControl(fixture.sender, PING, 'between', false, true, undefined)
    fixture.text('three')
    fixture.text('next')
    expect(fixture.wire()).toEqual(
      frames(
        { fin: false, payload: 'one' },
        { fin: false, opcode: 0, payload: 'two' },
        { opcode: PING, payload: 'between' },
        { opcode: 0, payload: 'three' },
        { payload: 'next' }
      )
    )
  })

  test('keep the type of the first, whatever is said later', () => {
    const fixture = new Fixture()
    fixture.binary(Buffer.from('a'), undefined, { fin: false })
    fixture.text('b', undefined, { fin: false })
    fixture.text('c')
    fixture.text('', undefined, { fin: false })
    fixture.binary('', undefined, { mask: true })
    expect(fixture.wire()).toEqual(
      frames(
        { opcode: BINARY, fin: false, payload: 'a' },
        { opcode: 0, fin: false, payload: 'b' },
        { opcode: 0, payload: 'c' },
        { fin: false },
        { opcode: 0, key: TEST_KEY }
      )
    )
  })
})

describe("the caller's memory", () => {
  test('is not modified where it is not ours, masked or not', () => {
    for (const kernels of kernelSets) {
      for (const length of LENGTHS) {
        for (const mask of [true, false]) {
          const { sender, queue } = new Fixture(kernels)
          const memory = Buffer.concat([pattern(8), pattern(length), pattern(8)])
          const before = Buffer.from(memory)
          sendMessage(sender, memory.subarray(8, 8 + length), true, true, true, mask, false, undefined)
          if (length <= 125) sendControl(sender, PING, memory.subarray(8, 8 + length), mask, false, undefined)
          queue.take()
          expect(memory.equals(before)).toBe(true)
        }
      }
    }
  })

  test('is not referenced after the call up to 4 KiB, nor where it is masked', () => {
    for (const kernels of kernelSets) {
      for (const length of LENGTHS) {
        for (const key of [null, TEST_KEY]) {
          if (length > 4096 && key === null) continue
          const { sender, queue } = new Fixture(kernels)
          const payload = pattern(length)
          sendMessage(sender, payload, true, true, true, key !== null, false, undefined)
          if (length <= 125) sendControl(sender, PING, payload, key !== null, false, undefined)
          const expected = [{ opcode: BINARY, key, payload: Buffer.from(payload) }]
          if (length <= 125) expected.push({ opcode: PING, key, payload: Buffer.from(payload) })
          payload.fill(0x5a)
          expect(Buffer.concat(queue.take()).equals(frames(...expected))).toBe(true)
        }
      }
    }
  })

  test('up to 4 KiB may change while an earlier message is compressed', async () => {
    const fixture = new Fixture()
    const deflater = new SlowDeflater()
    fixture.sender.deflater = deflater
    fixture.text('slow')
    const payload = pattern(100)
    const control = Buffer.from('control')
    fixture.binary(payload, undefined, { compress: false })
    sendControl(fixture.sender, PING, control, false, false, undefined)
    payload.fill(0)
    control.fill(0)
    deflater.finish()
    await turn()
    expect(fixture.wire()).toEqual(
      frames({ rsv: 4, payload: reversed('slow') }, { opcode: BINARY, payload: pattern(100) }, { opcode: PING, payload: 'control' })
    )
  })
})

/** Compression that reverses the octets, and finishes when told. */
class SlowDeflater implements MessageDeflater {
  readonly calls: { payload: string; fin: boolean }[] = []
  isSlow = true
  least = 0
  pending: ((error: Error | null) => void) | null = null

  worthDeflating(length: number): boolean {
    return length >= this.least
  }

  deflate(octets: Uint8Array, fin: boolean, done: (error: Error | null, octets: Uint8Array) => void): Uint8Array | null {
    assert.isNull(this.pending)
    this.calls.push({ payload: Buffer.from(octets).toString(), fin })
    const result = reversed(octets)
    if (!this.isSlow) return result
    this.pending = (error) => done(error, result)
    return null
  }

  finish(error: Error | null = null): void {
    const { pending } = this
    if (pending === null) throw new Error('nothing is compressed')
    this.pending = null
    pending(error)
  }
}

function reversed(octets: Uint8Array | string): Buffer {
  return Buffer.from(Buffer.from(octets as Uint8Array)).reverse()
}

describe('compression (RFC 7692 §6.1)', () => {
  test('at once sets RSV1 on the first frame of the message, and on no other', () => {
    const fixture = new Fixture()
    const deflater = new SlowDeflater()
    deflater.isSlow = false
    fixture.sender.deflater = deflater
    fixture.text('abc', 'abc', { mask: true })
    fixture.binary(Buffer.from('one'), 'one', { fin: false })
    sendControl(fixture.sender, PING, 'plain', false, true, fixture.callback('ping'))
    fixture.binary(Buffer.from('two'), 'two', { fin: false })
    fixture.binary(Buffer.from('three'), 'three')
    fixture.text('not', 'not', { compress: false })
    expect(fixture.wire()).toEqual(
      frames(
        { rsv: 4, key: TEST_KEY, payload: 'cba' },
        { rsv: 4, opcode: BINARY, fin: false, payload: 'eno' },
        { opcode: PING, payload: 'plain' },
        { opcode: 0, fin: false, payload: 'owt' },
        { opcode: 0, payload: 'eerht' },
        { payload: 'not' }
      )
    )
    expect(fixture.calls).toEqual(['abc', 'one', 'ping', 'two', 'three', 'not'])
    expect(deflater.calls).toEqual([
      { payload: 'abc', fin: true },
      { payload: 'one', fin: false },
      { payload: 'two', fin: false },
      { payload: 'three', fin: true }
    ])
    expect(fixture.sender.bufferedLength).toBe(0)
  })

  test('is asked for by the first fragment and holds for the rest', () => {
    const fixture = new Fixture()
    const deflater = new SlowDeflater()
    deflater.isSlow = false
    fixture.sender.deflater = deflater
    fixture.text('ab', undefined, { fin: false, compress: true })
    fixture.text('cd', undefined, { compress: false })
    fixture.text('ef', undefined, { fin: false, compress: false })
    fixture.text('gh', undefined, { compress: true })
    expect(fixture.wire()).toEqual(
      frames(
        { rsv: 4, fin: false, payload: 'ba' },
        { opcode: 0, payload: 'dc' },
        { fin: false, payload: 'ef' },
        { opcode: 0, payload: 'gh' }
      )
    )
  })

  test('is left out where the first fragment is not worth it', () => {
    const fixture = new Fixture()
    const deflater = new SlowDeflater()
    deflater.isSlow = false
    deflater.least = 4
    fixture.sender.deflater = deflater
    fixture.text('abc')
    fixture.text('éé')
    fixture.text('abc', undefined, { fin: false })
    fixture.text('defghi')
    fixture.text('abcd', undefined, { fin: false })
    fixture.text('e')
    expect(fixture.wire()).toEqual(
      frames(
        { payload: 'abc' },
        { rsv: 4, payload: reversed('éé') },
        { fin: false, payload: 'abc' },
        { opcode: 0, payload: 'defghi' },
        { rsv: 4, fin: false, payload: 'dcba' },
        { opcode: 0, payload: 'e' }
      )
    )
  })

  test('is not there without the extension', () => {
    const fixture = new Fixture()
    fixture.text('abc', undefined, { compress: true })
    expect(fixture.wire()).toEqual(frames({ payload: 'abc' }))
  })

  test('that takes time holds back all that is sent behind it, in order', () => {
    const fixture = new Fixture()
    const deflater = new SlowDeflater()
    fixture.sender.deflater = deflater
    const { sender } = fixture
    fixture.text('before', 'before', { compress: false })
    expect(sender.isReady).toBe(true)
    fixture.text('slow', 'slow')
    expect(sender.isReady).toBe(false)
    expect(sender.bufferedLength).toBe(4)
    fixture.text('é', 'text', { compress: false })
    expect(sender.bufferedLength).toBe(6)
    sendControl(sender, PING, 'ping', false, true, fixture.callback('ping'))
    fixture.binary(Buffer.from('12'), 'first', { fin: false })
    fixture.binary(Buffer.from('345'), 'second', { mask: true })
    sendControl(sender, CLOSE, closePayload(1000), false, true, fixture.callback('close'))
    expect(sender.bufferedLength).toBe(4 + 2 + 4 + 2 + 3 + 2)
    expect(fixture.wire()).toEqual(frames({ payload: 'before' }))
    expect(fixture.calls).toEqual(['before'])

    deflater.finish()
    expect(fixture.wire()).toEqual(frames({ rsv: 4, payload: 'wols' }, { payload: 'é' }, { opcode: PING, payload: 'ping' }))
    expect(fixture.calls).toEqual(['before', 'slow', 'text', 'ping'])
    expect(sender.bufferedLength).toBe(2 + 3 + 2)
    expect(sender.isReady).toBe(false)

    deflater.finish()
    expect(fixture.wire()).toEqual(frames({ rsv: 4, opcode: BINARY, fin: false, payload: '21' }))
    deflater.finish()
    expect(fixture.wire()).toEqual(
      frames({ opcode: 0, key: TEST_KEY, payload: '543' }, { opcode: CLOSE, payload: closePayload(1000) })
    )
    expect(fixture.calls).toEqual(['before', 'slow', 'text', 'ping', 'first', 'second', 'close'])
    expect([sender.bufferedLength, sender.isReady]).toEqual([0, true])
  })

  test('that ends behind the byte stream calls all back with the reason, in order', async () => {
    const fixture = new Fixture()
    const deflater = new SlowDeflater()
    fixture.sender.deflater = deflater
    fixture.text('slow', 'slow')
    fixture.text('next', 'next')
    sendControl(fixture.sender, PING, '', false, true, fixture.callback('ping'))
    fixture.text('no callback')
    sendControl(fixture.sender, CLOSE, '', false, true, fixture.callback('close'))
    fixture.queue.isClosed = true
    deflater.finish()
    await turn()
    const why = 'The socket was closed while data was being compressed'
    expect(fixture.calls).toEqual(['slow', 'next', 'ping', 'close'].map((name) => `${name}: ${why}`))
    expect(fixture.queue.take()).toEqual([])
  })
})

/** Octets that come when told. */
class SlowOctets implements DeferredOctets {
  readonly size: number
  arrive: () => void = () => {}
  fail: (error: Error) => void = () => {}
  private readonly octets: Buffer

  constructor(octets: string | Buffer) {
    this.octets = Buffer.from(octets as Buffer)
    this.size = this.octets.length
  }

  arrayBuffer(): Promise<ArrayBuffer> {
    return new Promise((resolve, reject) => {
      this.arrive = () => resolve(new Uint8Array(this.octets).buffer)
      this.fail = reject
    })
  }
}

describe('octets that are there later', () => {
  test('hold back all that is sent behind them, in order', async () => {
    const fixture = new Fixture()
    const { sender } = fixture
    const [one, two] = [new SlowOctets('one'), new SlowOctets(pattern(5000))]
    fixture.binary(one, 'one')
    sendControl(sender, PONG, 'pong', false, true, fixture.callback('pong'))
    fixture.binary(two, 'two', { mask: true })
    fixture.text('text', 'text')
    expect(sender.bufferedLength).toBe(3 + 4 + 5000 + 4)
    expect(sender.isReady).toBe(false)
    await turn()
    expect(fixture.wire()).toHaveLength(0)
    one.arrive()
    await turn()
    expect(fixture.wire()).toEqual(frames({ opcode: BINARY, payload: 'one' }, { opcode: PONG, payload: 'pong' }))
    expect(sender.bufferedLength).toBe(5004)
    two.arrive()
    await turn()
    expect(fixture.wire().equals(frames({ opcode: BINARY, key: TEST_KEY, payload: pattern(5000) }, { payload: 'text' }))).toBe(true)
    expect(fixture.calls).toEqual(['one', 'pong', 'two', 'text'])
    expect([sender.bufferedLength, sender.isReady]).toEqual([0, true])
  })

  test.each([1000, '1000', null, [1, 2], { length: 3 }])('are no octets where they are %j', async (result) => {
    const fixture = new Fixture()
    const failed: unknown[] = []
    fixture.sender.errorHandler = { failSending: (error) => failed.push(error) }
    const blob = { size: 3, arrayBuffer: () => Promise.resolve(result) } as unknown as DeferredOctets
    sendMessage(fixture.sender, blob, true, true, false, false, false, (error) => failed.push(error))
    for (let i = 0; i < 5; i++) await turn()
    expect(failed).toEqual([expect.any(TypeError), expect.any(TypeError)])
    expect(fixture.wire()).toHaveLength(0)
  })

  test('may be a Blob, in control frames and fragments too, empty as well', async () => {
    const fixture = new Fixture()
    fixture.binary(new Blob(['ab', 'c']), 'a', { fin: false })
    fixture.binary(new Blob([]), 'b')
    sendControl(fixture.sender, PING, new Blob(['ping']), true, true, fixture.callback('c'))
    fixture.text(new Blob(['é']), 'd')
    const octets: Buffer[] = []
    while (fixture.calls.length < 4) {
      await turn()
      octets.push(fixture.wire())
    }
    expect(Buffer.concat(octets)).toEqual(
      frames(
        { opcode: BINARY, fin: false, payload: 'abc' },
        { opcode: 0 },
        { opcode: PING, key: TEST_KEY, payload: 'ping' },
        { payload: 'é' }
      )
    )
    expect(fixture.calls).toEqual(['a', 'b', 'c', 'd'])
  })

  test('are compressed when they have come', async () => {
    const fixture = new Fixture()
    const deflater = new SlowDeflater()
    deflater.least = 3
    fixture.sender.deflater = deflater
    const [one, short] = [new SlowOctets('abc'), new SlowOctets('ab')]
    fixture.text(one, 'one')
    fixture.text(short, 'short')
    fixture.text('last', 'last', { compress: false })
    one.arrive()
    await turn()
    expect(fixture.wire()).toHaveLength(0)
    expect(fixture.sender.bufferedLength).toBe(3 + 2 + 4)
    deflater.finish()
    expect(fixture.wire()).toEqual(frames({ rsv: 4, payload: 'cba' }))
    short.arrive()
    await turn()
    expect(fixture.wire()).toEqual(frames({ payload: 'ab' }, { payload: 'last' }))
    expect(fixture.calls).toEqual(['one', 'short', 'last'])
    expect(fixture.sender.bufferedLength).toBe(0)
  })

  test('that cannot be read end sending: all are called back with the reason, and the handler is told', async () => {
    const fixture = new Fixture()
    const one = new SlowOctets('abc')
    fixture.binary(one, 'one')
    fixture.text('next', 'next')
    sendControl(fixture.sender, CLOSE, '', false, true, fixture.callback('close'))
    const error = new Error('the file has changed')
    one.fail(error)
    await turn()
    await turn()
    expect(fixture.calls).toEqual(['one', 'next', 'close'].map((name) => `${name}: the file has changed`))
    expect(fixture.failures).toEqual([error])
    expect(fixture.queue.take()).toEqual([])
    expect(fixture.sender.isReady).toBe(false)
  })

  test('that come behind the byte stream call all back with the reason', async () => {
    const fixture = new Fixture()
    const one = new SlowOctets('abc')
    fixture.binary(one, 'one')
    fixture.text('next', 'next')
    fixture.queue.isClosed = true
    one.arrive()
    await turn()
    await turn()
    const why = 'The socket was closed while the blob was being read'
    expect(fixture.calls).toEqual([`one: ${why}`, `next: ${why}`])
    expect(fixture.queue.take()).toEqual([])
  })
})

describe('callbacks', () => {
  test('come when their octets are written, in the order of sending, also of frames by reference', () => {
    const fixture = new Fixture()
    fixture.text('a', 'a')
    fixture.binary(pattern(100_000), 'b')
    sendControl(fixture.sender, PING, '', false, true, fixture.callback('c'))
    fixture.text('d', 'd', { fin: false })
    fixture.text('', 'e')
    expect(fixture.calls).toEqual([])
    fixture.wire()
    expect(fixture.calls).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  test('may send more', () => {
    const fixture = new Fixture()
    sendMessage(fixture.sender, 'a', false, true, true, false, false, () => fixture.text('b', 'b'))
    expect(fixture.wire()).toEqual(frames({ payload: 'a' }))
    expect(fixture.wire()).toEqual(frames({ payload: 'b' }))
    expect(fixture.calls).toEqual(['b'])
  })
})

test('tells the length of a payload in octets', () => {
  const { sender } = new Fixture()
  const payloads: [Payload, number][] = [
    ['', 0],
    ['abc', 3],
    ['é€😀', 9],
    ['\ud800', 3],
    [new Uint8Array(7), 7],
    [new SlowOctets('four'), 4]
  ]
  for (const [payload, length] of payloads) expect(sender.lengthOf(payload)).toBe(length)
})

test('frames in any mixture are those of RFC 6455 §5.2, in order', () => {
  const message = fc.record({
    payload: fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 150 }),
      fc.integer({ min: 0, max: 300 }).map(pattern),
      fc.constantFrom(4090, 4096, 4097, 9000, 70_000).map(pattern)
    ),
    isBinary: fc.boolean(),
    fin: fc.boolean(),
    mask: fc.boolean(),
    owned: fc.boolean(),
    control: fc.option(fc.uint8Array({ maxLength: 125 }))
  })
  const fixtures = kernelSets.map((kernels) => new Fixture(kernels))
  fc.assert(
    fc.property(fc.array(message, { maxLength: 12 }), fc.boolean(), (messages, takesEach) => {
      for (const fixture of fixtures) {
        let isBegun = false
        const expected: FrameFields[] = []
        const wire: Buffer[] = []
        for (const [i, { payload, isBinary, mask, owned, control, ...rest }] of messages.entries()) {
          const fin = rest.fin || i === messages.length - 1
          const key = mask ? TEST_KEY : null
          expected.push({ fin, opcode: isBegun ? 0 : isBinary ? BINARY : TEXT, key, payload: Buffer.from(payload as Buffer) })
          isBegun = !fin
          const given = typeof payload === 'string' ? payload : Buffer.from(payload)
          sendMessage(fixture.sender, given, isBinary, fin, true, mask, owned, undefined)
          if (control) {
            expected.push({ opcode: PING, key, payload: Buffer.from(control) })
            sendControl(fixture.sender, PING, control, mask, false, undefined)
          }
          if (takesEach) wire.push(fixture.wire())
        }
        wire.push(fixture.wire())
        expect(Buffer.concat(wire).equals(frames(...expected))).toBe(true)
      }
    }),
    { numRuns: 150 }
  )
})
