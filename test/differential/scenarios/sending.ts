// send(), ping(), pong(): every data type, option and state; the frames on the wire; callbacks and bufferedAmount.

import { buildFrame } from '../../support/frames.js'
import { turn } from '../../support/raw-peer.js'
import { both, roles } from '../harness.js'
import type { Context, Scenario } from '../harness.js'
import type { Any } from '../implementations.js'

const octets = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, i) => (i * 7) & 255))

/** Data of every type that ws takes, made afresh so that none is shared between runs. */
const dataTypes: [string, () => unknown][] = [
  ['a string', () => 'hello'],
  ['an empty string', () => ''],
  ['a string of non-ASCII', () => 'žluťoučký 🐎'],
  ['a string with a lone surrogate', () => 'a\ud800b'],
  ['a number', () => 42],
  ['a negative zero', () => -0],
  ['NaN', () => NaN],
  ['zero', () => 0],
  ['a Buffer', () => octets(5)],
  ['an empty Buffer', () => Buffer.alloc(0)],
  ['a Buffer that is a view', () => octets(20).subarray(3, 9)],
  ['an ArrayBuffer', () => Uint8Array.from([1, 2, 3]).buffer],
  ['an empty ArrayBuffer', () => new ArrayBuffer(0)],
  ['a Uint8Array', () => Uint8Array.from([1, 2, 3])],
  ['a Uint16Array', () => Uint16Array.from([1, 515])],
  ['a Float64Array that is a view', () => new Float64Array(Float64Array.from([1, 2, 3]).buffer, 8, 1)],
  ['a DataView', () => new DataView(Uint8Array.from([9, 8, 7, 6]).buffer, 1, 2)],
  ['an array', () => [1, 2, 300]],
  ['an empty array', () => []],
  ['an array-like object', () => ({ length: 3, 0: 7, 1: 8, 2: 9 })],
  ['an object with valueOf', () => ({ valueOf: () => 'inner' })],
  ['a String object', () => new String('boxed')],
  ['a SharedArrayBuffer', () => new SharedArrayBuffer(3)],
  ['a Buffer with a tag of its own', () => Object.defineProperty(octets(20), Symbol.toStringTag, { value: 'Blob' })],
  [
    'a Uint8Array with a tag of its own',
    () => Object.defineProperty(new Uint8Array(20), Symbol.toStringTag, { value: 'Uint16Array' })
  ],
  ['a Buffer that was shrunk', () => shrunk((memory) => Buffer.from(memory), 5)],
  ['a Uint8Array over memory that was shrunk', () => shrunk((memory) => new Uint8Array(memory), 5)],
  ['a part of memory that is gone', () => shrunk((memory) => new Uint8Array(memory, 4, 8), 5)],
  ['a DataView over memory that was shrunk', () => shrunk((memory) => new DataView(memory), 5)],
  ['memory that was shrunk', () => shrunk((memory) => memory, 5)],
  ['undefined', () => undefined],
  ['null', () => null],
  ['false', () => false],
  ['true', () => true],
  ['a plain object', () => ({ a: 1 })],
  ['a symbol', () => Symbol('s')],
  ['a bigint', () => BigInt(5)],
  ['a Blob', () => new Blob(['from a ', 'blob'])],
  ['an empty Blob', () => new Blob([])],
  ['125 octets', () => octets(125)],
  ['126 octets', () => octets(126)],
  ['65535 octets', () => octets(65535)],
  ['65536 octets', () => octets(65536)],
  ['200000 octets', () => octets(200000)],
  ['a string of 4096 octets', () => 'x'.repeat(4096)],
  ['a string of 4097 octets', () => 'x'.repeat(4097)],
  ['a string of 70000 octets of non-ASCII', () => 'é'.repeat(35000)]
]

/** What `make` makes of 16 octets of memory, of which only `length` are left. */
function shrunk(make: (memory: ArrayBuffer) => unknown, length: number): unknown {
  const memory = new (
    ArrayBuffer as unknown as new (size: number, options: object) => ArrayBuffer & { resize(size: number): void }
  )(16, { maxByteLength: 16 })
  new Uint8Array(memory).set(octets(16))
  const made = make(memory)
  memory.resize(length)
  return made
}

/** What is no Blob, but has all by which one is told. */
const blobLike = (arrayBuffer: () => unknown, size: unknown = 10): object => ({
  [Symbol.toStringTag]: 'Blob',
  size,
  type: '',
  stream() {},
  arrayBuffer
})

const blobLikes: [string, () => unknown, unknown?][] = [
  ['a number', () => Promise.resolve(1000)],
  ['digits', () => Promise.resolve('1000')],
  ['text', () => Promise.resolve('žluť')],
  ['nothing', () => Promise.resolve()],
  ['null', () => Promise.resolve(null)],
  ['a list', () => Promise.resolve([1, 2, 3])],
  ['an object', () => Promise.resolve({})],
  ['an object with a length', () => Promise.resolve({ length: 3 })],
  ['an object like Buffer as JSON', () => Promise.resolve({ type: 'Buffer', data: [1, 2] })],
  ['a Buffer', () => Promise.resolve(octets(10))],
  ['a part of memory', () => Promise.resolve(new Uint8Array(new Uint8Array(octets(20)).buffer, 2, 5))],
  ['words', () => Promise.resolve(new Uint16Array([1, 2, 3]))],
  ['a DataView', () => Promise.resolve(new DataView(new ArrayBuffer(4)))],
  ['shared memory', () => Promise.resolve(new SharedArrayBuffer(4))],
  ['a Blob', () => Promise.resolve(new Blob(['inner']))],
  ['a symbol', () => Promise.resolve(Symbol('x'))],
  ['a rejection', () => Promise.reject(new Error('unreadable'))],
  ['a rejection with something else', () => Promise.reject(new TypeError('unreadable'))],
  ['more than its size says', () => Promise.resolve(new Uint8Array(octets(100)).buffer), 1],
  ['less than its size says', () => Promise.resolve(octets(3)), 100],
  ['octets, of no size', () => Promise.resolve(octets(3)), undefined],
  ['octets, of a negative size', () => Promise.resolve(octets(3)), -5]
]

/** Reads `bufferedAmount` as a line. */
const amount = (ctx: Context, ws: Any, when: string): void => ctx.log('bufferedAmount', when, ws.bufferedAmount)

const largeOctets = 16 * 1024 * 1024

export const scenarios: Scenario[] = [
  ...dataTypes.flatMap(([name, make]) =>
    roles('2.4', `sends ${name}`, async (ctx, role) => {
      const { ws, peer } = await ctx.endpoint(role)
      let sent = 0
      for (const method of ['send', 'ping', 'pong']) {
        const data = make()
        if (method === 'ping' && Buffer.isBuffer(data) && data.length > 125) ctx.log('long', data.length)
        let called = false
        const done = new Promise<void>((resolve) => {
          ctx.attempt('calls', method, () => {
            const result = ws[method](data, (...args: unknown[]) => {
              called = true
              ctx.log('callbacks', method, args)
              resolve()
            })
            sent++
            return result
          })
          if (sent === 0 || called) resolve()
          setImmediate(() => setImmediate(resolve))
        })
        amount(ctx, ws, `after ${method}`)
        await done
        if (Buffer.isBuffer(data)) ctx.log('data afterwards', data)
      }
      await ctx.turns(3)
      ws.close(1000)
      await ctx.finish(ws, peer)
    })
  ),

  ...roles('2.4', 'send options choose opcode, FIN and mask', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws.send('text as binary', { binary: true })
    ws.send(Buffer.from('binary as text'), { binary: false })
    ws.send(5, { binary: true })
    ws.send('masked', { mask: true })
    ws.send('unmasked', { mask: false })
    ws.send(octets(10), { mask: true })
    ws.send(octets(10), { mask: false })
    ws.send('', { mask: true })
    ws.send('compressed without extension', { compress: true })
    ws.send('unknown option', { nonsense: 1 })
    ws.send('options undefined', undefined)
    ws.send('options null', null)
    ws.send('explicit undefined', { binary: undefined, fin: undefined, mask: undefined })
    ws.send('end of it', {})
    ws.ping('masked', true)
    ws.ping('unmasked', false)
    ws.ping('mask undefined', undefined)
    ws.pong('masked', true)
    ws.pong('unmasked', false)
    ws.pong('truthy', 1)
    ws.ping(undefined, true)
    ws.ping(Buffer.from([1, 2, 3]), true)
    ws.close(1000)
    await ctx.finish(ws, peer)
  }),

  ...roles('2.4', 'fragments: later calls are continuations whatever they say', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws.send('one', { fin: false })
    ws.send(Buffer.from('two'), { fin: false, binary: true })
    ws.ping('between')
    ws.send('', { fin: false })
    ws.send('three', { fin: true }, ctx.callback('callbacks', 'last fragment'))
    ws.send('', { fin: false })
    ws.send('', { fin: true })
    ws.send(octets(3), { fin: false })
    ws.pong('between')
    ws.send('four')
    ws.send('whole')
    ws.send('open end', { fin: false })
    ws.close(1000)
    await ctx.finish(ws, peer)
  }),

  ...roles('2.4', 'ping and pong take their arguments in every form', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    for (const method of ['ping', 'pong']) {
      const cb = ctx.callback('callbacks', method)
      ctx.attempt('calls', method, () => ws[method]())
      ctx.attempt('calls', method, () => ws[method](cb))
      ctx.attempt('calls', method, () => ws[method]('a', cb))
      ctx.attempt('calls', method, () => ws[method]('b', true, cb))
      ctx.attempt('calls', method, () => ws[method](undefined, undefined, cb))
      ctx.attempt('calls', method, () => ws[method](null, null, cb))
      ctx.attempt('calls', method, () => ws[method](7, cb))
      ctx.attempt('calls', method, () => ws[method](octets(125), cb))
      ctx.attempt('calls', method, () => ws[method](octets(126), cb))
      ctx.attempt('calls', method, () => ws[method]('é'.repeat(63), cb))
      ctx.attempt('calls', method, () => ws[method](new Blob(['b'.repeat(126)]), cb))
      ctx.attempt('calls', method, () => ws[method]({}, cb))
    }
    await ctx.turns()
    ws.close()
    await ctx.finish(ws, peer)
  }),

  ...roles('2.4', 'send takes its arguments in every form', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    const cb = ctx.callback('callbacks', 'send')
    ctx.attempt('calls', 'send', () => ws.send())
    ctx.attempt('calls', 'send', () => ws.send('a', cb))
    ctx.attempt('calls', 'send', () => ws.send('b', {}, cb))
    ctx.attempt('calls', 'send', () => ws.send('c', undefined, cb))
    ctx.attempt('calls', 'send', () => ws.send('d', null, cb))
    ctx.attempt('calls', 'send', () => ws.send('e', cb, cb))
    ctx.attempt('calls', 'send', () => ws.send({}, cb))
    ctx.attempt('calls', 'send', () => ws.send(Symbol('x')))
    ctx.attempt('calls', 'send', () => ws.send('after an error'))
    await ctx.turns()
    ws.close()
    await ctx.finish(ws, peer)
  }),

  ...roles('2.4', 'callbacks come in order, after send has returned', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    const order: string[] = []
    const last = new Promise<void>((resolve) => {
      ws.send('1', () => order.push('1'))
      ws.send(octets(100000), () => order.push('2'))
      ws.ping('3', true, () => order.push('3'))
      ws.send('4', { fin: false }, () => order.push('4'))
      ws.pong('5', undefined, () => order.push('5'))
      ws.send('', () => (order.push('6'), resolve()))
      order.push('returned')
    })
    process.nextTick(() => ctx.log('before callbacks', order.slice(0, 1)))
    await ctx.wait('last callback', last)
    ctx.log('order', order)
    ws.close()
    await ctx.finish(ws, peer)
  }),

  ...roles('2.4', 'what callbacks get, and how often', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    let called = 0
    const all = new Promise<void>((resolve) => {
      const count = (label: string) =>
        function (this: unknown, ...args: unknown[]): void {
          ctx.log('callbacks', label, args.length, args)
          if (++called === 4) resolve()
        }
      ws.send('a', count('send'))
      ws.ping('b', undefined, count('ping'))
      ws.pong('c', undefined, count('pong'))
      ws.send(octets(70000), count('large'))
    })
    await ctx.wait('all callbacks', all)
    await ctx.turns()
    ws.terminate()
    await ctx.finish(ws, peer)
  }),

  ...roles('2.3', 'bufferedAmount at each step while the peer does not read', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    peer.socket.pause()
    amount(ctx, ws, 'at first')
    ws.send('small')
    amount(ctx, ws, 'after a small one')
    await turn()
    const large = Buffer.alloc(largeOctets, 1)
    ws.send(large, ctx.callback('callbacks', 'large'))
    amount(ctx, ws, 'after a large one')
    ws.send('x'.repeat(10))
    amount(ctx, ws, 'after ten octets more')
    ws.ping('12345')
    amount(ctx, ws, 'after a ping')
    ws.send('', { fin: false })
    amount(ctx, ws, 'after an empty fragment')
    ws.send(Buffer.alloc(300))
    amount(ctx, ws, 'after 300 octets more')
    await ctx.turns()
    amount(ctx, ws, 'some turns later')
    ws.send('é')
    amount(ctx, ws, 'after a string of two octets')
    peer.socket.resume()
    await ctx.wait('frames', peer.untilFrames(6))
    await ctx.turns(20)
    amount(ctx, ws, 'when all is read')
    ws.close(1000)
    amount(ctx, ws, 'after close()')
    ws.send('too late')
    amount(ctx, ws, 'after a send while CLOSING')
    ws.ping('late', undefined, ctx.callback('callbacks', 'late ping'))
    amount(ctx, ws, 'after a ping while CLOSING')
    await ctx.finish(ws, peer)
    amount(ctx, ws, 'when CLOSED')
    ws.send(Buffer.alloc(7))
    amount(ctx, ws, 'after a send while CLOSED')
  }),

  ...roles('2.3', 'bufferedAmount counts data sent after close by its length', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws.terminate()
    for (const [name, make] of dataTypes.slice(0, 32)) {
      const data = make()
      ctx.attempt('calls', name, () => ws.send(data))
      amount(ctx, ws, name)
    }
    await ctx.finish(ws, peer)
  }),

  ...roles('2.4', 'send, ping and pong in every state', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    const tryAll = (state: string): void => {
      ctx.log('states', state, ws.readyState)
      for (const method of ['send', 'ping', 'pong']) {
        ctx.attempt(state, method, () => ws[method]('data', ctx.callback(`${state} callbacks`, method)))
        ctx.attempt(state, `${method} without callback`, () => ws[method]('data'))
        ctx.attempt(state, `${method} with options`, () =>
          ws[method]('data', method === 'send' ? {} : true, ctx.callback(`${state} callbacks`, method))
        )
        ctx.attempt(state, `${method} of nothing`, () => ws[method](undefined, ctx.callback(`${state} callbacks`, method)))
        ctx.attempt(state, `${method} callback alone`, () => ws[method](ctx.callback(`${state} callbacks`, method)))
      }
      ctx.log(state, 'returned')
      process.nextTick(() => ctx.log(`${state} callbacks`, 'tick'))
    }
    tryAll('OPEN')
    await ctx.turns()
    ws.close(1000)
    tryAll('CLOSING')
    await ctx.finish(ws, peer)
    tryAll('CLOSED')
    await ctx.turns()
  }),

  ...roles('2.4', "the caller's octets are not changed by sending", async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    const all: [string, Any][] = [
      ['Buffer', octets(100)],
      ['large Buffer', octets(70000)],
      ['Uint8Array', new Uint8Array(octets(100))],
      ['ArrayBuffer', new Uint8Array(octets(100)).buffer],
      ['DataView', new DataView(new Uint8Array(octets(100)).buffer)],
      ['array', [1, 2, 3]]
    ]
    for (const [name, data] of all) {
      ws.send(data, { mask: true })
      ctx.log('data', name, data)
    }
    await ctx.wait('frames', peer.untilFrames(all.length))
    for (const [name, data] of all) ctx.log('data at the end', name, data)
    ws.close()
    await ctx.finish(ws, peer)
  }),

  ...roles('2.4', 'a Blob keeps its place among what is sent after it', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws.send('before')
    ws.send(new Blob(['blob 1']), ctx.callback('callbacks', 'blob 1'))
    amount(ctx, ws, 'after a Blob')
    ws.send('between', ctx.callback('callbacks', 'between'))
    amount(ctx, ws, 'after text behind it')
    ws.ping('ping', undefined, ctx.callback('callbacks', 'ping'))
    ws.send(new Blob(['blob 2']), { binary: false }, ctx.callback('callbacks', 'blob 2'))
    ws.pong(new Blob(['pong']), undefined, ctx.callback('callbacks', 'pong'))
    ws.ping(new Blob(['ping']), undefined, ctx.callback('callbacks', 'ping blob'))
    ws.send(new Blob(['part ']), { fin: false })
    ws.send(new Blob([]), { fin: false })
    ws.send('of it')
    amount(ctx, ws, 'after all')
    ws.close(1000, 'done')
    amount(ctx, ws, 'after close()')
    await ctx.finish(ws, peer)
    amount(ctx, ws, 'when CLOSED')
  }),

  ...roles('2.4', 'terminate() while a Blob is being read fails what is queued', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws.send(new Blob(['blob']), ctx.callback('callbacks', 'blob'))
    ws.send('queued', ctx.callback('callbacks', 'queued'))
    ws.ping('queued', undefined, ctx.callback('callbacks', 'ping'))
    ws.terminate()
    await ctx.finish(ws, peer)
    await ctx.turns()
  }),

  ...roles('2.5', 'a Blob that cannot be read is an error', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    peer.on('ended', () => peer.socket.end())
    const blob = new Blob(['blob'])
    Object.defineProperty(blob, 'arrayBuffer', { value: () => Promise.reject(new Error('unreadable')) })
    ws.send(blob, ctx.callback('callbacks', 'blob'))
    ws.send('queued', ctx.callback('callbacks', 'queued'))
    await ctx.finish(ws, peer)
  }),

  ...blobLikes.flatMap(([name, arrayBuffer, size = 10]) =>
    ['send', 'ping', 'pong'].flatMap((method) =>
      roles('2.4', `${method} of something like a Blob that gives ${name}`, async (ctx, role) => {
        const { ws, peer } = await ctx.endpoint(role)
        peer.on('ended', () => peer.socket.end())
        const settled = ctx.wait(
          'callback',
          new Promise<void>((resolve) => {
            ws[method](blobLike(arrayBuffer, size), (...args: unknown[]) => {
              ctx.log('callbacks', method, args)
              resolve()
            })
          })
        )
        ws.send('behind it', ctx.callback('callbacks', 'behind it'))
        await settled
        await ctx.turns()
        if (ws.readyState === 1) ws.close()
        await ctx.finish(ws, peer)
      })
    )
  ),

  ...roles('2.4', 'something like a Blob whose arrayBuffer gives no promise', async (ctx, role) => {
    for (const [name, value] of Object.entries({ number: 5, text: 'text', memory: new ArrayBuffer(4), object: {} })) {
      const { ws, peer } = await ctx.endpoint(role)
      ctx.attempt('calls', name, () => ws.send(blobLike(() => value)))
      ws.terminate()
      await ctx.finish(ws, peer)
    }
  }),

  ...roles('2.4', 'terminate() while something like a Blob is never read', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws.send(
      blobLike(() => new Promise(() => {})),
      ctx.callback('callbacks', 'blob')
    )
    ws.send('behind it', ctx.callback('callbacks', 'behind it'))
    await ctx.turns()
    amount(ctx, ws, 'while it is waited for')
    ws.terminate()
    await ctx.finish(ws, peer)
    await ctx.turns()
  }),

  ...roles('2.2', 'pings are answered with their own payload while OPEN', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    peer.write(peer.ping(), peer.ping('a'), peer.ping(octets(125)), peer.text('x'), peer.pong('unsolicited'))
    await ctx.wait('pongs', peer.untilFrames(3))
    ws.close(1000)
    peer.write(peer.ping('while closing'))
    await ctx.finish(ws, peer)
  }),

  ...roles('2.2', 'autoPong: false leaves pings to the user', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role, { autoPong: false })
    ws.on('ping', (data: Buffer) => ws.pong(Buffer.concat([Buffer.from('own '), data])))
    peer.write(peer.ping('a'), peer.ping('b'))
    await ctx.wait('pongs', peer.untilFrames(2))
    ws.close()
    await ctx.finish(ws, peer)
  }),

  ...roles('2.2', 'autoPong answers before the ping event is emitted', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws.on('ping', () => ws.send('from the ping handler'))
    peer.write(peer.ping('a'), peer.ping('b'))
    await ctx.wait('frames', peer.untilFrames(4))
    ws.close()
    await ctx.finish(ws, peer)
  }),

  ...roles('2.2', 'a ping handler that closes still leaves the pong before the close frame', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    ws.on('ping', () => ws.close(1001, 'bye'))
    peer.write(peer.ping('a'), peer.ping('b'), peer.text('c'))
    await ctx.finish(ws, peer)
  }),

  ...[
    ['3', 3],
    ['a fraction', 2.9],
    ['a string', '2'],
    ['0', 0],
    ['negative', -1],
    ['undefined', undefined],
    ['2^32 + 2', 2 ** 32 + 2]
  ].flatMap(([name, maxPendingAutoPongs]) =>
    roles('2.2', `maxPendingAutoPongs ${name}: too many unwritten pongs terminate the connection`, async (ctx, role) => {
      const { ws, peer } = await ctx.endpoint(role, { maxPendingAutoPongs })
      // Something large goes first, so that no pong behind it can be written while the peer does not read.
      peer.socket.pause()
      ws.send(Buffer.alloc(largeOctets))
      void ws.bufferedAmount
      peer.write(...Array.from({ length: 5 }, (_, i) => peer.ping(`${i}`)))
      await Promise.race([ctx.closed(ws), waitForEvents(ws, 'ping', 5)])
      await ctx.turns()
      ctx.log('state', ws.readyState)
      ws.terminate()
      await ctx.closed(ws)
    })
  ),

  ...roles('2.2', 'the default of maxPendingAutoPongs is 60', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    peer.socket.pause()
    ws.send(Buffer.alloc(largeOctets))
    void ws.bufferedAmount
    peer.write(...Array.from({ length: 62 }, (_, i) => peer.ping(`${i}`)))
    await ctx.closed(ws)
  }),

  ...roles('2.2', 'pings in one chunk beyond maxPendingAutoPongs', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role, { maxPendingAutoPongs: 2 })
    peer.write(peer.ping('1'), peer.ping('2'), peer.ping('3'), peer.text('after'))
    await ctx.finish(ws, peer)
  }),

  ...roles('2.2', 'pings in separate chunks do not add up once their pongs are written', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role, { maxPendingAutoPongs: 2 })
    for (let i = 0; i < 6; i++) {
      peer.write(peer.ping(`${i}`))
      await ctx.wait('pong', peer.untilFrames(i + 1))
      await turn()
    }
    ws.close()
    await ctx.finish(ws, peer)
  }),

  both('2.4', 'messages of every size arrive as they were sent', async (ctx) => {
    const { ws, peer } = await ctx.pair()
    const sizes = [
      0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 32, 33, 47, 48, 63, 64, 65, 100, 125, 126, 127, 128, 255, 256, 1000, 4095, 4096, 4097,
      16383, 65535, 65536, 65537, 131072, 300001
    ]
    let echoed = 0
    peer.on('message', (data: Buffer, isBinary: boolean) => peer.send(data, { binary: isBinary }))
    const all = new Promise<void>((resolve) =>
      ws.on('message', () => {
        if (++echoed === 2 * sizes.length) resolve()
      })
    )
    for (const size of sizes) {
      ws.send(octets(size))
      ws.send('€'.repeat(size / 3) + 'x'.repeat(size % 3))
    }
    await ctx.wait('echoes', all)
    ws.close(1000)
    await ctx.closed(ws, peer)
  }),

  ...roles('2.2', 'generateMask gives the masking key of each frame', async (ctx, role) => {
    let calls = 0
    const options = {
      generateMask: (buffer: Buffer) => {
        ctx.log('generateMask', buffer)
        buffer.fill(++calls)
      }
    }
    const { ws, peer } = await ctx.endpoint(role, options)
    const keys: (Buffer | null)[] = []
    peer.on('frame', (frame) => keys.push(frame.key))
    ws.send('a')
    ws.send(octets(300))
    ws.send('')
    ws.ping('p')
    ws.send('not masked', { mask: false })
    ws.send('masked', { mask: true })
    ws.close(1000)
    await ctx.finish(ws, peer)
    ctx.log('calls', calls)
    ctx.log('keys', role === 'client' ? keys : keys.map((key) => key !== null))
  }),

  ...roles('2.2', 'an all-zero masking key leaves the payload as it is', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role, { generateMask: (buffer: Buffer) => buffer.fill(0) })
    ws.send('zero', { mask: true })
    ws.send(octets(70000), { mask: true })
    ws.close(1000, 'bye')
    await ctx.finish(ws, peer)
  }),

  ...roles('11', 'a list of Sender.frame is sent as it stands', async (ctx, role) => {
    const { ws, peer } = await ctx.endpoint(role)
    const { Sender } = ctx.subject
    const frame = (data: Any, more = {}): Buffer[] =>
      Sender.frame(data, { fin: true, rsv1: false, opcode: 1, mask: role === 'client', readOnly: false, ...more })
    ws.send('before')
    ctx.attempt('calls', 'sendFrame', () =>
      ws._sender.sendFrame(frame(Buffer.from('prepared')), ctx.callback('callbacks', 'sendFrame'))
    )
    ws.send('between')
    ctx.attempt('calls', 'sendFrame', () => ws._sender.sendFrame(frame(Buffer.alloc(0)), ctx.callback('callbacks', 'empty')))
    ctx.attempt('calls', 'sendFrame', () => ws._sender.sendFrame(frame('as string')))
    ctx.attempt('calls', 'sendFrame', () =>
      ws._sender.sendFrame([buildFrame({ opcode: 2, payload: 'hand made', key: role === 'client' ? Buffer.from('abcd') : null })])
    )
    ws.send('after', ctx.callback('callbacks', 'send'))
    await ctx.wait('frames', peer.untilFrames(7))
    await ctx.turns()
    ws.close()
    await ctx.finish(ws, peer)
  })
]

function waitForEvents(ws: Any, name: string, count: number): Promise<void> {
  return new Promise((resolve) => {
    ws.on(name, () => {
      if (--count === 0) resolve()
    })
  })
}
