// The exported parts used directly: Sender.frame, Sender, Receiver, PerMessageDeflate, extension, subprotocol.

import { PassThrough } from 'node:stream'
import zlib from 'node:zlib'
import { describeValue } from '../../support/describe-value.js'
import { buildFrame, closePayload, describeFrame, FrameParser, TEST_KEY } from '../../support/frames.js'
import type { FrameFields } from '../../support/frames.js'
import { module } from '../harness.js'
import type { Context, Scenario } from '../harness.js'
import type { Any } from '../implementations.js'

const octets = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, i) => (i * 5) & 255))
const fixedMask = (buffer: Buffer): void => void TEST_KEY.copy(buffer)

/** A Sender over a PassThrough, whose frames are recorded. */
function sender(ctx: Context, extensions?: Any, generateMask?: Any, lane = 'wire'): { sender: Any; socket: PassThrough } {
  const socket = new PassThrough({ highWaterMark: 1 << 20 })
  const parser = new FrameParser()
  socket.on('data', (chunk: Buffer) => {
    for (const frame of parser.push(chunk)) ctx.log(lane, describeFrame(frame))
  })
  return { sender: new ctx.subject.Sender(socket, extensions, generateMask), socket }
}

/** A Receiver whose events are recorded. */
function receiver(ctx: Context, options?: Any, lane = 'receiver'): Any {
  const one = new ctx.subject.Receiver(options)
  for (const name of ['message', 'ping', 'pong', 'conclude', 'drain', 'error', 'finish', 'close']) {
    one.on(name, (...args: unknown[]) => ctx.log(lane, name, args))
  }
  return one
}

const headers = [
  '',
  ' ',
  'foo',
  'foo; bar',
  'foo; bar=baz',
  'foo; bar="baz"',
  'foo;bar=1;qux="2";bar',
  'foo, bar; a=1, foo; b',
  'foo ; bar = baz',
  'foo;bar= baz',
  'foo; bar=baz qux',
  'foo; bar="b\\az"',
  'foo; bar="b az"',
  'foo; bar="baz',
  'foo; bar=""',
  'foo; bar=',
  'foo;',
  'foo,',
  ',foo',
  ';foo',
  'foo;;bar',
  'foo bar',
  'foo; =baz',
  'foo; bar=baz=qux',
  'foo; ba"r',
  'foo"bar"',
  '\tfoo',
  'foo\t;\tbar',
  'foo\t',
  'foo; bar="baz"x',
  'foo; bar="baz" ',
  'foo; bar="\\"',
  'foo; bar="\\baz"',
  'foo; bar="b\\az", qux; a="\\b"; c',
  'foo; bar=,',
  'foo; bar=;',
  'foo; bar="\\ "',
  'é',
  'f\x00oo',
  '__proto__; constructor; __proto__=x',
  'permessage-deflate; client_max_window_bits; server_max_window_bits=10, permessage-deflate'
]

const lists = [
  '',
  'a,b,a,c',
  ' ',
  'a',
  'a,b',
  'a, b',
  'a ,b',
  'a\t,\tb',
  ' a',
  'a ',
  'a,',
  ',a',
  'a,,b',
  'a b',
  'a, a',
  'a, A',
  'a;b',
  'é',
  'a/b',
  "!#$%&'*+-.^_`|~09azAZ",
  'a\n',
  'a,b,c,d,a',
  '"a"'
]

export const scenarios: Scenario[] = [
  module('7', 'Sender.frame: every kind of data and option', (ctx) => {
    const { Sender } = ctx.subject
    for (const length of [0, 1, 3, 4, 100, 125, 126, 300, 65535, 65536]) {
      for (const options of [
        { fin: true, opcode: 2, mask: false, readOnly: false, rsv1: false },
        { fin: true, opcode: 2, mask: true, readOnly: false, rsv1: false, generateMask: fixedMask },
        { fin: true, opcode: 2, mask: true, readOnly: true, rsv1: false, generateMask: fixedMask },
        { fin: false, opcode: 1, mask: true, readOnly: true, rsv1: true, generateMask: (buffer: Buffer) => buffer.fill(0) },
        { fin: false, opcode: 0, mask: false, readOnly: true, rsv1: true }
      ]) {
        const data = octets(length)
        const list = Sender.frame(data, options)
        ctx.log('frames', length, Object.values(options).slice(0, 5).map(String).join(), list.length, list)
        ctx.log('frames', 'same buffer', list[1] === data, data.equals(octets(length)))
      }
    }
  }),

  module('7', 'Sender.frame: strings, maskBuffer and bare options', (ctx) => {
    const { Sender } = ctx.subject
    ctx.log('frames', Sender.frame('žluť', { fin: true, opcode: 1, mask: false, readOnly: false, rsv1: false }))
    ctx.log(
      'frames',
      Sender.frame('žluť', { fin: true, opcode: 1, mask: true, readOnly: false, rsv1: false, generateMask: fixedMask })
    )
    ctx.log('frames', Sender.frame('', { fin: true, opcode: 1, mask: true, readOnly: false, rsv1: false, generateMask: fixedMask }))
    const maskBuffer = Buffer.from('abcd')
    ctx.log(
      'frames',
      Sender.frame('masked', { fin: true, opcode: 1, mask: true, maskBuffer, readOnly: false, rsv1: false, generateMask: () => {} })
    )
    ctx.log('frames', Sender.frame(octets(3), { fin: true, opcode: 10 }))
    ctx.log(
      'frames',
      Sender.frame(octets(3), {}).map((one: Buffer) => one.length)
    )
    ctx.attempt('frames', 'no options', () => Sender.frame(octets(3)))
    const random = Sender.frame(octets(3), { fin: true, opcode: 2, mask: true, readOnly: false, rsv1: false })
    ctx.log('random', random.length, random[0].length, random[1].length)
    const one = Sender.frame(Buffer.from('same'), { fin: true, opcode: 2, mask: true, readOnly: true, rsv1: false })
    const other = Sender.frame(Buffer.from('same'), { fin: true, opcode: 2, mask: true, readOnly: true, rsv1: false })
    ctx.log('random', one[0].equals(other[0]), one.length)
    ctx.log('Uint8Array', Sender.frame(new Uint8Array([1, 2]), { fin: true, opcode: 2, mask: false, readOnly: false, rsv1: false }))
  }),

  module('7', 'Sender over a stream: send, ping, pong and close', async (ctx) => {
    const { sender: one, socket } = sender(ctx)
    const options = { binary: false, compress: false, fin: true, mask: false }
    one.send('text', options, ctx.callback('callbacks', 'send'))
    one.send(octets(200), { ...options, binary: true })
    one.send('masked', { ...options, mask: true })
    one.send('part', { ...options, fin: false })
    one.send('end', options)
    one.ping('p', false, ctx.callback('callbacks', 'ping'))
    one.pong(octets(2), true, ctx.callback('callbacks', 'pong'))
    ctx.attempt('errors', 'ping', () => one.ping(octets(126), false))
    ctx.attempt('errors', 'pong', () => one.pong('x'.repeat(126), false))
    ctx.attempt('errors', 'close', () => one.close(1, 'x', false))
    ctx.attempt('errors', 'close', () => one.close(1000, 'x'.repeat(124), false))
    one.close(1000, 'bye', false, ctx.callback('callbacks', 'close'))
    one.close(undefined, undefined, true)
    await ctx.turns()
    ctx.log('state', one._bufferedBytes, socket.readableEnded)
  }),

  module('7', 'Sender with generateMask', async (ctx) => {
    const { sender: one } = sender(ctx, undefined, (buffer: Buffer) => {
      ctx.log('generateMask', buffer.length)
      buffer.fill(9)
    })
    one.send('a', { binary: false, compress: false, fin: true, mask: true })
    one.ping('b', true)
    one.close(1000, '', true)
    await ctx.turns()
  }),

  module('7', 'Sender with permessage-deflate keeps the order', async (ctx) => {
    const { PerMessageDeflate } = ctx.subject
    const deflate = new PerMessageDeflate({ threshold: 0 })
    deflate.accept([{}])
    const { sender: one } = sender(ctx, { 'permessage-deflate': deflate }, undefined, 'raw wire')
    const lanes = ctx.transcript
    const done = new Promise<void>((resolve) => {
      const count = { left: 4 }
      const cb = (label: string) => (): void => {
        ctx.log('callbacks', label)
        if (--count.left === 0) resolve()
      }
      const options = { binary: true, compress: true, fin: true, mask: false }
      one.send(octets(2000), options, cb('1'))
      one.ping('2', false, cb('2'))
      one.send(octets(20), options, cb('3'))
      one.close(1000, '', false, cb('4'))
      ctx.log('buffered', one._bufferedBytes)
    })
    await ctx.wait('callbacks', done)
    await ctx.turns()
    ctx.log('buffered', one._bufferedBytes)
    // The compressed octets are the encoder's affair.
    const lines = lanes['raw wire'].map((line) => (line.includes('rsv=4') ? line.replace(/(masked) .*/, '$1 <compressed>') : line))
    delete lanes['raw wire']
    for (const line of lines) ctx.log('wire', line)
    deflate.cleanup()
  }),

  ...[false, true].flatMap((isServer) => {
    const role = isServer ? 'server' : 'client'
    const frame = (fields: FrameFields): Buffer => buildFrame({ key: isServer ? TEST_KEY : null, ...fields })
    return [
      module('7', `Receiver as ${role}: valid frames`, async (ctx) => {
        const one = receiver(ctx, { isServer })
        const results = [
          one.write(frame({ payload: 'text' })),
          one.write(frame({ opcode: 2, payload: octets(300) }), ctx.callback('callbacks', 'write')),
          one.write(
            Buffer.concat([frame({ opcode: 9, payload: 'p' }), frame({ opcode: 10 }), frame({ fin: false, payload: 'a' })])
          ),
          one.write(frame({ opcode: 0, payload: 'b' }))
        ]
        ctx.log('results', results)
        for (const octet of frame({ payload: 'octets' })) one.write(Buffer.from([octet]))
        one.write(frame({ opcode: 8, payload: closePayload(1001, 'bye') }))
        await ctx.turns()
      }),

      module('7', `Receiver as ${role}: violations`, async (ctx) => {
        const wrong: [string, Buffer[], Any?][] = [
          ['RSV1', [frame({ rsv: 4 })]],
          ['opcode', [frame({ opcode: 5 })]],
          ['mask', [buildFrame({ payload: 'x', key: isServer ? null : TEST_KEY })]],
          ['UTF-8', [frame({ payload: Buffer.from([0xff]) })]],
          ['close code', [frame({ opcode: 8, payload: closePayload(1005) })]],
          ['length', [frame({ opcode: 2, claim: 1n << 60n })]],
          ['maxPayload', [frame({ payload: 'x'.repeat(11) })], { maxPayload: 10 }],
          ['maxFragments', [frame({ fin: false }), frame({ opcode: 0 })], { maxFragments: 1 }],
          [
            'maxBufferedChunks',
            [
              frame({ payload: 'abc' }).subarray(0, 3),
              frame({ payload: 'abc' }).subarray(3, 4),
              frame({ payload: 'abc' }).subarray(4, 5)
            ],
            { maxBufferedChunks: 1 }
          ]
        ]
        for (const [name, chunks, options] of wrong) {
          const one = receiver(ctx, { isServer, ...options }, name)
          for (const chunk of chunks) one.write(chunk, ctx.callback(name, 'write'))
          await ctx.turns()
          one.write(frame({ payload: 'after' }), ctx.callback(name, 'write after'))
          await ctx.turns()
          ctx.log(name, 'errored', one._writableState.errorEmitted)
        }
      }),

      module('7', `Receiver as ${role}: binaryType, allowSynchronousEvents and skipUTF8Validation`, async (ctx) => {
        for (const options of [
          { binaryType: 'arraybuffer' },
          { binaryType: 'fragments' },
          { allowSynchronousEvents: false },
          { skipUTF8Validation: true },
          { maxPayload: 5 }
        ]) {
          const lane = describeValue(options)
          const one = receiver(ctx, { isServer, ...options }, lane)
          one.write(Buffer.concat([frame({ opcode: 2, payload: 'a' }), frame({ payload: 'b' }), frame({ opcode: 9 })]))
          ctx.log(lane, 'returned')
          if ('skipUTF8Validation' in options) one.write(frame({ payload: Buffer.from([0xff]) }))
          await ctx.turns()
          one.end()
          await ctx.turns()
        }
      })
    ]
  }),

  module('7', 'Receiver: chunks that wait behind a close frame are dropped', async (ctx) => {
    const one = receiver(ctx, { allowSynchronousEvents: false })
    one.write(
      Buffer.concat([buildFrame({ opcode: 9 }), buildFrame({ opcode: 8, payload: closePayload(1000) })]),
      ctx.callback('callbacks', 'first')
    )
    one.write(buildFrame({ payload: 'after' }), ctx.callback('callbacks', 'second'))
    one.write(buildFrame({ opcode: 15 }), ctx.callback('callbacks', 'third'))
    await ctx.turns()
    ctx.log('state', one.writableEnded, one.writableFinished)
  }),

  module('7', 'Receiver: the end of the stream in and between frames', async (ctx) => {
    for (const [name, chunk] of [
      ['nothing', Buffer.alloc(0)],
      ['part of a header', Buffer.from([0x81])],
      ['part of a payload', buildFrame({ payload: 'abc' }).subarray(0, 3)],
      ['a whole frame', buildFrame({ payload: 'abc' })],
      ['a close frame', buildFrame({ opcode: 8 })]
    ] as [string, Buffer][]) {
      const one = receiver(ctx, {}, name)
      if (chunk.length > 0) one.write(chunk)
      if (name !== 'a close frame') one.end()
      await ctx.turns()
      ctx.log(name, one.writableFinished, one.destroyed)
    }
  }),

  module('7', 'Receiver with permessage-deflate', async (ctx) => {
    const { PerMessageDeflate } = ctx.subject
    const deflate = new PerMessageDeflate({})
    deflate.accept([{}])
    const one = receiver(ctx, { extensions: { 'permessage-deflate': deflate } })
    const packed = zlib.deflateRawSync(Buffer.from('Hello'), { finishFlush: zlib.constants.Z_SYNC_FLUSH }).subarray(0, -4)
    const two = ctx.wait(
      'messages',
      new Promise<void>((resolve) => {
        let count = 0
        one.on('message', () => {
          if (++count === 2) resolve()
        })
      })
    )
    one.write(
      Buffer.concat([
        buildFrame({ rsv: 4, payload: packed }),
        buildFrame({ opcode: 9, payload: 'p' }),
        buildFrame({ payload: 'plain' })
      ])
    )
    await two
    await ctx.turns()
    deflate.cleanup()
  }),

  module('7', 'Sender and Receiver that are there before the extension is', async (ctx) => {
    const { PerMessageDeflate } = ctx.subject
    for (const when of ['accepted later', 'given later']) {
      const deflate = new PerMessageDeflate({ threshold: 0 })
      const extensions: Any = when === 'accepted later' ? { 'permessage-deflate': deflate } : {}
      const { sender: one } = sender(ctx, extensions, undefined, `${when}: wire`)
      const other = receiver(ctx, { extensions }, `${when}: receiver`)
      one.send('plain', { fin: true, compress: false, binary: false, mask: false })
      extensions['permessage-deflate'] = deflate
      deflate.accept([{}])
      const sent = new Promise((resolve) =>
        one.send('hi', { fin: true, compress: true, binary: false, mask: false }, (...args: unknown[]) => {
          ctx.log(when, args)
          resolve(args)
        })
      )
      const packed = zlib.deflateRawSync(Buffer.from('hi'), { finishFlush: zlib.constants.Z_SYNC_FLUSH }).subarray(0, -4)
      const got = ctx.until(other, 'message')
      other.write(buildFrame({ rsv: 4, payload: packed }))
      await Promise.all([ctx.wait('callback', sent), got])
      deflate.cleanup()
    }
  }),

  module('7', 'a Receiver without the extension refuses what is compressed', async (ctx) => {
    const one = receiver(ctx, { extensions: {} })
    one.write(buildFrame({ rsv: 4, payload: 'x' }))
    await ctx.until(one, 'close')
  }),

  module('7', 'extension.parse', (ctx) => {
    for (const header of headers)
      ctx.attempt('parse', describeValue(header), () => JSON.stringify(ctx.subject.extension.parse(header)))
    ctx.log(
      'prototype',
      Object.getPrototypeOf(ctx.subject.extension.parse('foo; bar')),
      Object.getPrototypeOf(ctx.subject.extension.parse('foo; bar').foo[0])
    )
  }),

  module('7', 'extension.format', (ctx) => {
    const { format } = ctx.subject.extension
    for (const value of [
      {},
      { foo: {} },
      { foo: [{}] },
      { foo: [{ bar: true }] },
      { foo: [{ bar: 10, baz: 'x' }] },
      { foo: [{ bar: [true, 2] }, {}] },
      { foo: {}, bar: { a: 1 } },
      { foo: { a: false, b: '' } }
    ]) {
      ctx.attempt('format', describeValue(value), () => format(value))
    }
  }),

  module('7', 'subprotocol.parse', (ctx) => {
    for (const list of lists) ctx.attempt('parse', describeValue(list), () => ctx.subject.subprotocol.parse(list))
  }),

  module('7', 'PerMessageDeflate: offers', (ctx) => {
    const { PerMessageDeflate } = ctx.subject
    for (const options of [
      undefined,
      {},
      { serverNoContextTakeover: true },
      { clientNoContextTakeover: true, serverNoContextTakeover: false },
      { serverMaxWindowBits: 10 },
      { clientMaxWindowBits: 10 },
      { clientMaxWindowBits: true },
      { clientMaxWindowBits: false },
      { clientMaxWindowBits: null },
      { serverMaxWindowBits: true },
      { serverMaxWindowBits: false },
      { clientMaxWindowBits: 0 }
    ]) {
      ctx.attempt('offer', describeValue(options), () => new PerMessageDeflate(options).offer())
    }
  }),

  ...[false, true].map((isServer) =>
    module('7', `PerMessageDeflate: accept as ${isServer ? 'server' : 'client'}`, (ctx) => {
      const { PerMessageDeflate, extension } = ctx.subject
      const values = [
        'x',
        'x; server_no_context_takeover',
        'x; client_no_context_takeover',
        'x; server_no_context_takeover=1',
        'x; server_no_context_takeover; server_no_context_takeover',
        'x; server_max_window_bits',
        'x; server_max_window_bits=8',
        'x; server_max_window_bits=15',
        'x; server_max_window_bits=16',
        'x; server_max_window_bits=a',
        'x; client_max_window_bits',
        'x; client_max_window_bits=8',
        'x; client_max_window_bits=12',
        'x; client_max_window_bits=7',
        'x; foo',
        'x; foo=bar, x',
        'x; server_max_window_bits=9, x; client_max_window_bits, x'
      ]
      const all = [
        {},
        { serverNoContextTakeover: true },
        { serverNoContextTakeover: false },
        { clientNoContextTakeover: true },
        { clientNoContextTakeover: false },
        { serverMaxWindowBits: 10 },
        { serverMaxWindowBits: false },
        { clientMaxWindowBits: 10 },
        { clientMaxWindowBits: false },
        { clientMaxWindowBits: true }
      ]
      for (const options of all) {
        for (const value of values) {
          const one = new PerMessageDeflate({ ...options, isServer })
          ctx.attempt('accept', `${describeValue(options)} ${value}`, () => one.accept(extension.parse(value).x))
          ctx.log('params', describeValue(one.params))
        }
      }
    })
  ),

  module('7', 'PerMessageDeflate: what one side compresses the other decompresses', async (ctx) => {
    const { PerMessageDeflate } = ctx.subject
    for (const params of [
      {},
      { client_no_context_takeover: [true], server_no_context_takeover: [true] },
      { server_max_window_bits: ['9'], client_max_window_bits: ['9'] }
    ]) {
      const one = new PerMessageDeflate({ threshold: 0 })
      const other = new PerMessageDeflate({ threshold: 0, isServer: true })
      one.accept([{ ...params }])
      other.accept([{ ...params }])
      for (const data of ['hello', 'hello', '', 'x'.repeat(5000)]) {
        for (const fin of [false, true]) {
          const packed = await ctx.wait('compress', call(one, 'compress', Buffer.from(data), fin))
          ctx.log('compress', packed.constructor.name, Buffer.isBuffer(packed))
          const unpacked = await ctx.wait('decompress', call(other, 'decompress', packed, fin))
          ctx.log('decompress', unpacked)
        }
      }
      one.cleanup()
      other.cleanup()
    }
  }),

  module('7', 'PerMessageDeflate: corrupt data and maxPayload give errors', async (ctx) => {
    const { PerMessageDeflate } = ctx.subject
    const one = new PerMessageDeflate({ maxPayload: 100 })
    one.accept([{}])
    ctx.log(
      'errors',
      await ctx.wait(
        'decompress',
        call(one, 'decompress', Buffer.from([0x07]), true).catch((error: Error) => error)
      )
    )
    const bomb = zlib.deflateRawSync(Buffer.alloc(10000), { finishFlush: zlib.constants.Z_SYNC_FLUSH })
    ctx.log(
      'errors',
      await ctx.wait(
        'decompress',
        call(one, 'decompress', bomb, true).catch((error: Error) => error)
      )
    )
    one.cleanup()
    one.cleanup()
  }),

  module('6', 'PerMessageDeflate: cleanup while compressing calls back with an error or the result', async (ctx) => {
    const { PerMessageDeflate } = ctx.subject
    const one = new PerMessageDeflate({ zlibDeflateOptions: { level: 9, memLevel: 9, strategy: 0 } })
    one.accept([{}])
    const result = call(one, 'compress', Buffer.alloc(1_000_000, 'abcdefgh'), true).catch((error: Error) => error)
    one.cleanup()
    const outcome = (await ctx.wait('callback', result)) as unknown
    ctx.log('outcome', outcome instanceof Error || Buffer.isBuffer(outcome))
  })
]

function call(target: Any, method: string, data: Buffer, fin: boolean): Promise<Any> {
  return new Promise((resolve, reject) => {
    target[method](data, fin, (error: Error | null, result: Buffer) => (error ? reject(error) : resolve(result)))
  })
}
