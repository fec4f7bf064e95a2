// permessage-deflate: what is compressed, what arrives, order, limits, faults.

import zlib from 'node:zlib'
import { describeFrame, describeOctets } from '../../support/frames.js'
import type { ParsedFrame } from '../../support/frames.js'
import type { RawPeer } from '../../support/raw-peer.js'
import { both, roles } from '../harness.js'
import type { Context, Scenario } from '../harness.js'
import type { Any } from '../implementations.js'

const TRAILER = Buffer.from([0, 0, 0xff, 0xff])

/** Compresses messages as a sender with (or without) context takeover does (RFC 7692 §7.2.1). */
class Packer {
  #history = Buffer.alloc(0)
  readonly #takeover: boolean
  readonly #windowBits: number
  constructor(takeover = true, windowBits = 15) {
    this.#takeover = takeover
    this.#windowBits = windowBits
  }
  pack(data: Buffer | string): Buffer {
    const octets = Buffer.from(data)
    const dictionary = this.#takeover && this.#history.length > 0 ? this.#history.subarray(-(1 << this.#windowBits)) : undefined
    const packed = zlib.deflateRawSync(octets, {
      windowBits: this.#windowBits,
      finishFlush: zlib.constants.Z_SYNC_FLUSH,
      dictionary
    })
    this.#history = Buffer.concat([this.#history, octets])
    return packed.subarray(0, -4)
  }
}

/** Decompresses messages as a receiver does; independent of which encoder made them. */
class Unpacker {
  #history = Buffer.alloc(0)
  readonly #takeover: boolean
  constructor(takeover = true) {
    this.#takeover = takeover
  }
  unpack(packed: Buffer): Buffer {
    const dictionary = this.#takeover && this.#history.length > 0 ? this.#history.subarray(-32768) : undefined
    const octets = zlib.inflateRawSync(Buffer.concat([packed, TRAILER]), { finishFlush: zlib.constants.Z_SYNC_FLUSH, dictionary })
    this.#history = Buffer.concat([this.#history, octets])
    return octets
  }
}

/** Whole messages of a peer's frames, compressed ones decompressed and marked; how far they shrank is not compared. */
function recordMessages(ctx: Context, peer: RawPeer, takeover: boolean, lane = 'messages'): void {
  const unpacker = new Unpacker(takeover)
  let parts: Buffer[] = []
  let first: ParsedFrame | null = null
  peer.on('frame', (frame: ParsedFrame) => {
    if (frame.opcode >= 8) {
      ctx.log(lane, describeFrame(frame))
      return
    }
    first ??= frame
    parts.push(frame.payload)
    ctx.log(lane, `frame opcode=${frame.opcode} fin=${frame.fin} rsv=${frame.rsv} ${frame.key ? 'masked' : 'unmasked'}`)
    if (!frame.fin) return
    const payload = Buffer.concat(parts)
    const octets = first.rsv === 4 ? unpacker.unpack(payload) : payload
    ctx.log(lane, `message ${first.rsv === 4 ? 'compressed' : 'plain'} ${describeOctets(octets)}`)
    if (first.rsv === 4 && octets.length > 2000) ctx.log(lane, `shrank ${payload.length < octets.length}`)
    parts = []
    first = null
  })
  peer.on('ended', () => ctx.log(lane, 'end of stream'))
}

const text = (length: number): string =>
  'The quick brown fox jumps over the lazy dog. '.repeat(Math.ceil(length / 45)).slice(0, length)

interface Setting {
  name: string
  /** What the bare peer says about the extension. */
  params: string
  options: Any
  /** Whether the side under test keeps its history when it sends. */
  takeover: { client: boolean; server: boolean }
}

const always = { client: true, server: true }
const never = { client: false, server: false }

const settings: Setting[] = [
  { name: 'context takeover', params: '', options: { threshold: 0 }, takeover: always },
  {
    name: 'no context takeover',
    params: '; server_no_context_takeover; client_no_context_takeover',
    options: { threshold: 0 },
    takeover: never
  },
  {
    name: 'no context takeover and the default threshold',
    params: '; server_no_context_takeover; client_no_context_takeover',
    options: {},
    takeover: never
  },
  { name: 'context takeover and the default threshold', params: '', options: {}, takeover: always },
  {
    name: 'a window of 9 bits',
    params: '; server_max_window_bits=9; client_max_window_bits=9',
    options: { threshold: 0 },
    takeover: always
  },
  {
    name: 'a window of 8 bits',
    params: '; server_max_window_bits=8; client_max_window_bits=8',
    options: { threshold: 0 },
    takeover: always
  }
]

/** An endpoint under test that has negotiated the extension with a bare peer. */
async function deflating(
  ctx: Context,
  role: 'client' | 'server',
  params = '',
  perMessageDeflate: Any = { threshold: 0 },
  options: Any = {}
): Promise<{ ws: Any; peer: RawPeer; socket: Any }> {
  const result = await ctx.endpoint(
    role,
    { perMessageDeflate, ...options },
    { headers: { 'Sec-WebSocket-Extensions': `permessage-deflate${params}` } }
  )
  ctx.log('extensions', result.ws.extensions)
  return result
}

export const scenarios: Scenario[] = [
  ...settings.flatMap((setting) =>
    roles('6', `sending with ${setting.name}`, async (ctx, role) => {
      // What the peer gets is compressed by this side's encoder: only the content is compared, in the lane `messages`.
      const { ws, peer } = await quiet(ctx, role, setting.params, setting.options)
      recordMessages(ctx, peer, setting.takeover[role])
      ws.send(text(300))
      ws.send(text(300))
      ws.send(Buffer.from(text(2000)))
      ws.send('')
      ws.send('short')
      ws.send(text(3000), { compress: false })
      ws.ping('control frames are not compressed')
      ws.send(text(1023))
      ws.send(text(1024))
      ws.send(text(500), { fin: false })
      ws.send(text(700), { fin: false, compress: false })
      ws.pong('between')
      ws.send('', { fin: false })
      ws.send(text(100))
      ws.send(text(10), { fin: false, compress: false })
      ws.send(text(2000), { compress: true })
      ws.send(text(5000))
      ws.close(1000, 'not compressed')
      await ctx.finish(ws, peer)
    })
  ),

  ...settings.flatMap((setting) =>
    roles('6', `receiving with ${setting.name}`, async (ctx, role) => {
      const { ws, peer, socket } = await deflating(ctx, role, setting.params, setting.options)
      const bits = setting.name.includes('window') ? 9 : 15
      // The other side's takeover is that of the role it plays.
      const packer = new Packer(setting.takeover[role === 'client' ? 'server' : 'client'], bits)
      peer.write(
        peer.text(packer.pack(text(300)), { rsv: 4 }),
        peer.text(packer.pack(text(300)), { rsv: 4 }),
        peer.text('plain between'),
        peer.binary(packer.pack(Buffer.alloc(5000, 3)), { rsv: 4 }),
        peer.ping('ping between'),
        peer.text(packer.pack(''), { rsv: 4 }),
        peer.pong('pong')
      )
      const whole = packer.pack(text(900))
      peer.write(
        peer.text(whole.subarray(0, 5), { rsv: 4, fin: false }),
        peer.ping('inside'),
        peer.frame({ opcode: 0, fin: false, payload: whole.subarray(5, 9) }),
        peer.frame({ opcode: 0, fin: false, payload: '' }),
        peer.frame({ opcode: 0, payload: whole.subarray(9) })
      )
      await peer.trickle(peer.text(packer.pack('octet by octet'), { rsv: 4 }), socket)
      peer.writeClose(1000, 'bye', peer.text(packer.pack('last'), { rsv: 4 }))
      await ctx.finish(ws, peer)
    })
  ),

  ...roles('6', 'compressed messages, plain ones and pings arrive in order', async (ctx, role) => {
    const { ws, peer } = await deflating(ctx, role)
    const packer = new Packer()
    const frames: Buffer[] = []
    for (let i = 0; i < 10; i++)
      frames.push(peer.text(packer.pack(`compressed ${i}`), { rsv: 4 }), peer.text(`plain ${i}`), peer.ping(`${i}`))
    peer.write(...frames)
    peer.writeClose(1000)
    await ctx.finish(ws, peer)
  }),

  ...roles('6', 'the close frame of the peer waits for compressed messages before it', async (ctx, role) => {
    const { ws, peer } = await deflating(ctx, role)
    const packer = new Packer()
    peer.writeClose(1001, 'after', peer.text(packer.pack(text(100000)), { rsv: 4 }), peer.text('plain'))
    await ctx.finish(ws, peer)
  }),

  ...roles('6', 'the end of the stream waits for compressed messages before it', async (ctx, role) => {
    const { ws, peer } = await deflating(ctx, role)
    const packer = new Packer()
    peer.socket.end(
      Buffer.concat([peer.text(packer.pack(text(100000)), { rsv: 4 }), peer.text('plain'), peer.text(packer.pack('x'), { rsv: 4 })])
    )
    await ctx.finish(ws, peer)
  }),

  ...(
    [
      ['a reserved block type', Buffer.from([0x07])],
      ['random octets', Buffer.from('ff00ff00ff00aa55', 'hex')],
      ['a distance too far back', Buffer.from([0x4b, 0x04, 0x82, 0x00])],
      ['a stored block with a wrong length check', Buffer.from([0x00, 0x05, 0x00, 0x00, 0x00, 0x61])],
      ['text that was not compressed', Buffer.from('plain text')]
    ] as [string, Buffer][]
  ).flatMap(([name, octets]) =>
    roles('6', `corrupt data: ${name}`, async (ctx, role) => {
      const { ws, peer } = await deflating(ctx, role)
      peer.write(peer.text('before'), peer.binary(octets, { rsv: 4 }), peer.text('after'), peer.close(1000))
      await ctx.finish(ws, peer)
    })
  ),

  ...roles('6', 'truncated data is taken for what it gives', async (ctx, role) => {
    const { ws, peer } = await deflating(ctx, role)
    const whole = new Packer().pack(text(200))
    peer.write(peer.binary(whole.subarray(0, whole.length - 4), { rsv: 4 }))
    await Promise.race([ctx.until(ws, 'message'), ctx.closed(ws)])
    if (ws.readyState === 1) peer.writeClose(1000)
    await ctx.finish(ws, peer)
  }),

  ...roles('6', 'an empty compressed message of the octet 0x00 and one of none', async (ctx, role) => {
    const { ws, peer } = await deflating(ctx, role)
    peer.write(peer.text(Buffer.from([0]), { rsv: 4 }), peer.binary(Buffer.from([0]), { rsv: 4 }), peer.text('', { rsv: 4 }))
    peer.writeClose(1000)
    await ctx.finish(ws, peer)
  }),

  ...roles('6', 'blocks of every kind, and a final block in a message', async (ctx, role) => {
    const { ws, peer } = await deflating(ctx, role)
    const stored = zlib
      .deflateRawSync(Buffer.from('stored'), { level: 0, finishFlush: zlib.constants.Z_SYNC_FLUSH })
      .subarray(0, -4)
    const fixed = zlib
      .deflateRawSync(Buffer.from('fixed'), { strategy: zlib.constants.Z_FIXED, finishFlush: zlib.constants.Z_SYNC_FLUSH })
      .subarray(0, -4)
    const final = Buffer.concat([zlib.deflateRawSync(Buffer.from('final')), Buffer.from([0])])
    peer.write(
      peer.text(stored, { rsv: 4 }),
      peer.text(fixed, { rsv: 4 }),
      peer.text(final, { rsv: 4 }),
      peer.text(fixed, { rsv: 4 })
    )
    await Promise.race([waitFor(ws, 'message', 4), ctx.closed(ws)])
    if (ws.readyState === 1) peer.writeClose(1000)
    await ctx.finish(ws, peer)
  }),

  ...['', '; server_no_context_takeover; client_no_context_takeover'].flatMap((params) =>
    roles('6', `messages behind final blocks that are cut like others${params}`, async (ctx, role) => {
      const { ws, peer } = await deflating(ctx, role, params)
      const message = (data: string): Buffer => zlib.deflateRawSync(data, { finishFlush: zlib.constants.Z_SYNC_FLUSH })
      const empty = Buffer.from([0x01])
      for (const data of ['first', 'second', 'third', 'fourth', 'fifth']) {
        const whole = message(data)
        // An empty stored block with BFINAL set, its lengths cut (RFC 7692 §7.2.3.4); in a frame of its own
        if (data === 'first') peer.write(peer.text(Buffer.concat([whole, empty]), { rsv: 4 }))
        else if (data === 'third') {
          peer.write(peer.text(whole, { rsv: 4, fin: false }), peer.frame({ opcode: 0, payload: empty }))
        } else peer.write(peer.text(whole.subarray(0, -4), { rsv: 4 }))
      }
      await Promise.race([waitFor(ws, 'message', 5), ctx.closed(ws)])
      if (ws.readyState === 1) peer.writeClose(1000)
      await ctx.finish(ws, peer)
    })
  ),

  ...roles('6', 'terminate() in a handler, with a compressed message and a close frame behind', async (ctx, role) => {
    const { ws, peer } = await deflating(ctx, role)
    ws.once('message', () => ws.terminate())
    peer.write(peer.text('first'), peer.text(new Packer().pack(text(50000)), { rsv: 4 }), peer.close(1001, 'behind'))
    await ctx.finish(ws, peer)
  }),

  ...roles('6', 'more compressed data than can be buffered at once, with pause and resume', async (ctx, role) => {
    const { ws, peer } = await deflating(ctx, role, '; server_no_context_takeover; client_no_context_takeover')
    const packer = new Packer(false)
    const noise = (seed: number): Buffer => {
      const octets = Buffer.alloc(30000)
      for (let i = 0, x = seed; i < octets.length; i++) octets[i] = (x = (Math.imul(x, 1103515245) + 12345) >>> 0) >>> 24
      return octets
    }
    let count = 0
    ws.on('message', () => {
      if (++count % 7 !== 0) return
      ws.pause()
      setImmediate(() => ws.resume())
    })
    for (let i = 0; i < 40; i++) peer.write(peer.binary(packer.pack(noise(i)), { rsv: 4 }))
    peer.writeClose(1000)
    await ctx.finish(ws, peer)
    ctx.log('count', count)
  }),

  ...roles('6', 'RSV1 on control frames and continuations with the extension', async (ctx, role) => {
    for (const fields of [
      { opcode: 9, rsv: 4 },
      { opcode: 10, rsv: 4 },
      { opcode: 8, rsv: 4 },
      { opcode: 0, rsv: 4 },
      { opcode: 1, rsv: 6 },
      { opcode: 3, rsv: 4 }
    ]) {
      const { ws, peer } = await deflating(ctx, role)
      peer.write(peer.frame(fields))
      await ctx.finish(ws, peer)
    }
  }),

  ...roles('6', 'RSV1 on a continuation of a compressed message', async (ctx, role) => {
    const { ws, peer } = await deflating(ctx, role)
    const whole = new Packer().pack('hello')
    peer.write(
      peer.text(whole.subarray(0, 2), { rsv: 4, fin: false }),
      peer.frame({ opcode: 0, rsv: 4, payload: whole.subarray(2) })
    )
    await ctx.finish(ws, peer)
  }),

  ...roles('6', 'compressed text that is not UTF-8', async (ctx, role) => {
    const { ws, peer } = await deflating(ctx, role)
    const packer = new Packer()
    peer.write(
      peer.text(packer.pack('fine'), { rsv: 4 }),
      peer.text(packer.pack(Buffer.from([0x61, 0xff])), { rsv: 4 }),
      peer.text('after')
    )
    await ctx.finish(ws, peer)
  }),

  ...roles('6', 'a bomb stops at maxPayload', async (ctx, role) => {
    const { ws, peer } = await deflating(ctx, role, '', { threshold: 0 }, { maxPayload: 100000 })
    peer.write(peer.text('before'), peer.binary(new Packer().pack(Buffer.alloc(10_000_000)), { rsv: 4 }), peer.text('after'))
    await ctx.finish(ws, peer)
  }),

  ...(
    [
      [1000, 1000],
      [1000, 999],
      [0, 100000]
    ] as [number, number][]
  ).flatMap(([maxPayload, length]) =>
    roles('6', `maxPayload ${maxPayload} with an inflated message of ${length} octets, then one more octet`, async (ctx, role) => {
      const { ws, peer } = await deflating(ctx, role, '', { threshold: 0 }, { maxPayload })
      const packer = new Packer()
      peer.write(
        peer.binary(packer.pack(Buffer.alloc(length, 1)), { rsv: 4 }),
        peer.binary(packer.pack(Buffer.alloc(1001, 1)), { rsv: 4 })
      )
      await Promise.race([waitFor(ws, 'message', 2), ctx.closed(ws)])
      if (ws.readyState === 1) peer.writeClose(1000)
      await ctx.finish(ws, peer)
    })
  ),

  ...roles('6', 'maxPayload over compressed fragments together', async (ctx, role) => {
    const { ws, peer } = await deflating(ctx, role, '', { threshold: 0 }, { maxPayload: 1000 })
    const halves = new PackerOfFragments()
    peer.write(
      peer.binary(halves.part(Buffer.alloc(600, 1)), { rsv: 4, fin: false }),
      peer.frame({ opcode: 0, payload: halves.last(Buffer.alloc(600, 1)) })
    )
    await ctx.finish(ws, peer)
  }),

  ...roles('6', 'maxFragments over compressed fragments', async (ctx, role) => {
    const { ws, peer } = await deflating(ctx, role, '', { threshold: 0 }, { maxFragments: 2 })
    const whole = new Packer().pack('hello')
    peer.write(
      peer.text(whole.subarray(0, 1), { rsv: 4, fin: false }),
      peer.frame({ opcode: 0, fin: false, payload: whole.subarray(1, 2) }),
      peer.frame({ opcode: 0, payload: whole.subarray(2) })
    )
    await ctx.finish(ws, peer)
  }),

  ...roles('6', 'callbacks and order of compressed sends, pings and the close frame', async (ctx, role) => {
    const { ws, peer } = await quiet(ctx, role, '', { threshold: 0 })
    recordMessages(ctx, peer, true)
    ws.send(text(200), ctx.callback('callbacks', '1'))
    ws.ping('2', undefined, ctx.callback('callbacks', '2'))
    ws.send('plain', { compress: false }, ctx.callback('callbacks', '3'))
    ws.send(new Blob([text(2000)]), ctx.callback('callbacks', '4'))
    ws.pong('5', undefined, ctx.callback('callbacks', '5'))
    ws.send(text(100), ctx.callback('callbacks', '6'))
    ctx.log('callbacks', 'returned')
    ws.close(1000)
    await ctx.finish(ws, peer)
    await ctx.turns()
  }),

  ...roles('6', 'terminate() while data is being compressed', async (ctx, role) => {
    const { ws, peer } = await quiet(ctx, role, '', { threshold: 0, codec: 'zlib' })
    ws.send(text(200000), (error: Any) =>
      ctx.log('callbacks', 'large', error === undefined || error === null || error instanceof Error)
    )
    ws.send('behind', (error: Any) =>
      ctx.log('callbacks', 'behind', error === undefined || error === null || error instanceof Error)
    )
    ws.terminate()
    await ctx.closed(ws)
    await ctx.turns()
    ctx.log('end', peer.role === 'client' ? 'server' : 'client', 'state', ws.readyState)
  }),

  both('6', 'negotiation between the two with options of both', async (ctx) => {
    const sides: [Any, Any][] = [
      [true, true],
      [undefined, true],
      [false, true],
      [true, false],
      [true, {}],
      [{ serverNoContextTakeover: true }, true],
      [{ clientNoContextTakeover: true }, true],
      [true, { serverNoContextTakeover: true }],
      [true, { clientNoContextTakeover: true }],
      [{ serverMaxWindowBits: 10 }, true],
      [{ clientMaxWindowBits: 10 }, true],
      [{ clientMaxWindowBits: 10 }, { clientMaxWindowBits: 9 }],
      [{ clientMaxWindowBits: 9 }, { clientMaxWindowBits: 10 }],
      [{ clientMaxWindowBits: false }, { clientMaxWindowBits: 10 }],
      [true, { serverMaxWindowBits: 10, clientMaxWindowBits: 11 }],
      [{ serverMaxWindowBits: 9 }, { serverMaxWindowBits: 12 }]
    ]
    for (const [i, [one, other]] of sides.entries()) {
      const { wss, port } = await ctx.listen({ perMessageDeflate: other })
      wss.on('connection', (ws: Any) => {
        ctx.log(`server ${i}`, ws.extensions, describeParams(ws))
        ws.on('message', (data: Buffer, isBinary: boolean) => ws.send(data, { binary: isBinary }))
      })
      wss.on('headers', (headers: string[]) =>
        ctx.log(
          `server ${i}`,
          headers.filter((line) => /extensions/i.test(line))
        )
      )
      const ws = ctx.connect(`ws://127.0.0.1:${port}`, undefined, { perMessageDeflate: one }, `client ${i}`)
      await Promise.race([ctx.until(ws, 'open'), ctx.closed(ws)])
      ctx.log(`client ${i}`, ws.extensions, describeParams(ws))
      if (ws.readyState !== 1) continue
      const echoes = waitFor(ws, 'message', 4)
      ws.send(text(2000))
      ws.send(text(2000))
      ws.send(Buffer.alloc(40000, 7))
      ws.send('')
      await ctx.wait('echoes', echoes)
      ws.close()
      await ctx.closed(ws)
    }
  }),

  both('6', 'messages of many sizes through the extension', async (ctx) => {
    const { ws, peer } = await ctx.pair({
      server: { perMessageDeflate: { threshold: 0 } },
      client: { perMessageDeflate: { threshold: 0 } }
    })
    peer.on('message', (data: Buffer, isBinary: boolean) => peer.send(data, { binary: isBinary }))
    const sizes = [0, 1, 2, 10, 100, 1000, 1024, 5000, 32767, 32768, 32769, 65536, 200000]
    const echoes = waitFor(ws, 'message', sizes.length * 2)
    for (const size of sizes) {
      ws.send(text(size))
      ws.send(Buffer.from(Array.from({ length: size }, (_, i) => (i * i * 31) >> 3)))
    }
    await ctx.wait('echoes', echoes)
    ws.close(1000)
    await ctx.closed(ws, peer)
  })
]

/** As `deflating`, without the frames that this side's encoder made in the lane `wire`. */
async function quiet(
  ctx: Context,
  role: 'client' | 'server',
  params: string,
  perMessageDeflate: Any
): Promise<{ ws: Any; peer: RawPeer }> {
  const recordPeer = ctx.recordPeer
  ctx.recordPeer = () => {}
  const result = await deflating(ctx, role, params, perMessageDeflate)
  ctx.recordPeer = recordPeer
  return result
}

/** A message compressed in fragments, each flushed to an octet boundary. */
class PackerOfFragments {
  #history = Buffer.alloc(0)
  part(octets: Buffer): Buffer {
    const dictionary = this.#history.length > 0 ? this.#history : undefined
    this.#history = Buffer.concat([this.#history, octets])
    return zlib.deflateRawSync(octets, { finishFlush: zlib.constants.Z_SYNC_FLUSH, dictionary })
  }
  last(octets: Buffer): Buffer {
    return this.part(octets).subarray(0, -4)
  }
}

function describeParams(ws: Any): string {
  return JSON.stringify(ws._extensions['permessage-deflate']?.params ?? null)
}

function waitFor(ws: Any, name: string, count: number): Promise<void> {
  return new Promise((resolve) => {
    ws.on(name, () => {
      if (--count === 0) resolve()
    })
  })
}
