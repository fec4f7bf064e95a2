// Every violation of the framing rules, in both roles: the error, the events, the close frame on the wire.

import { buildFrame, closePayload, TEST_KEY } from '../../support/frames.js'
import type { FrameFields } from '../../support/frames.js'
import type { RawPeer } from '../../support/raw-peer.js'
import { roles } from '../harness.js'
import type { Context, Scenario } from '../harness.js'

interface Violation {
  name: string
  frames: (peer: RawPeer) => Buffer[]
  options?: Record<string, unknown>
  /** Left out of the octet-by-octet run. */
  large?: boolean
}

const one = (name: string, fields: FrameFields, options?: Record<string, unknown>): Violation => ({
  name,
  frames: (peer) => [peer.frame(fields)],
  options
})

const many = (name: string, ...list: FrameFields[]): Violation => ({
  name,
  frames: (peer) => list.map((fields) => peer.frame(fields))
})

const invalidUtf8 = Buffer.from([0xce, 0xba, 0xe1, 0xbd, 0xb9, 0xcf, 0x83, 0xed, 0xa0, 0x80])

const violations: Violation[] = [
  ...[1, 2, 3].flatMap((rsv) => [
    one(`RSV bits ${rsv} on text`, { rsv, payload: 'x' }),
    one(`RSV bits ${rsv} on an empty binary frame`, { rsv, opcode: 2 }),
    one(`RSV bits ${rsv} on ping`, { rsv, opcode: 9 }),
    one(`RSV bits ${rsv} on close`, { rsv, opcode: 8 })
  ]),
  ...[4, 5, 6, 7].map((rsv) => one(`RSV bits ${rsv} on text without extension`, { rsv, payload: 'x' })),
  one('RSV1 on ping without extension', { rsv: 4, opcode: 9 }),
  one('RSV1 on pong without extension', { rsv: 4, opcode: 10 }),
  one('RSV1 on close without extension', { rsv: 4, opcode: 8 }),
  one('RSV1 on a continuation without extension', { rsv: 4, opcode: 0 }),
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) => one(`reserved opcode ${opcode}`, { opcode, payload: 'x' })),
  one('reserved opcode without FIN', { opcode: 3, fin: false }),
  one('a continuation without a start', { opcode: 0, payload: 'x' }),
  one('a continuation without a start and without FIN', { opcode: 0, fin: false, payload: 'x' }),
  many('a text frame inside a fragmented message', { fin: false, payload: 'a' }, { payload: 'b' }),
  many('a binary frame inside a fragmented message', { fin: false, payload: 'a' }, { opcode: 2, payload: 'b' }),
  many('a text fragment inside a fragmented message', { fin: false, opcode: 2, payload: 'a' }, { fin: false, payload: 'b' }),
  many(
    'a continuation after the message ended',
    { fin: false, payload: 'a' },
    { opcode: 0, payload: 'b' },
    { opcode: 0, payload: 'c' }
  ),
  many('RSV1 on a continuation', { fin: false, payload: 'a' }, { opcode: 0, rsv: 4, payload: 'b' }),
  one('ping without FIN', { opcode: 9, fin: false, payload: 'x' }),
  one('pong without FIN', { opcode: 10, fin: false }),
  one('close without FIN', { opcode: 8, fin: false }),
  one('ping of 126 octets', { opcode: 9, payload: 'p'.repeat(126) }),
  one('pong of 126 octets', { opcode: 10, payload: 'p'.repeat(126) }),
  one('close of 126 octets', { opcode: 8, payload: closePayload(1000, 'p'.repeat(124)) }),
  one('ping that claims 65536 octets', { opcode: 9, lengthOctets: 8, claim: 65536 }),
  one('ping of one octet in the 16-bit form', { opcode: 9, payload: 'x', lengthOctets: 2 }),
  one('close of one octet', { opcode: 8, payload: Buffer.from([3]) }),
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535].map((code) =>
    one(`close code ${code}`, { opcode: 8, payload: closePayload(code) })
  ),
  one('close code 1006 with a reason', { opcode: 8, payload: closePayload(1006, 'why') }),
  one('close reason that is not UTF-8', { opcode: 8, payload: closePayload(1000, invalidUtf8) }),
  one('close reason cut inside a sequence', { opcode: 8, payload: closePayload(1000, Buffer.from([0x61, 0xc3])) }),
  one('text that is not UTF-8', { payload: invalidUtf8 }),
  one('text of one stray continuation octet', { payload: Buffer.from([0x80]) }),
  one('text that ends inside a sequence', { payload: Buffer.from([0x61, 0xe2, 0x82]) }),
  one('text with an overlong form', { payload: Buffer.from([0xc0, 0xaf]) }),
  one('text with an overlong form of three octets', { payload: Buffer.from([0xe0, 0x80, 0xaf]) }),
  one('text with a surrogate', { payload: Buffer.from([0xed, 0xb0, 0x80]) }),
  one('text beyond U+10FFFF', { payload: Buffer.from([0xf4, 0x90, 0x80, 0x80]) }),
  one('text of 40 octets whose last is invalid', { payload: Buffer.concat([Buffer.alloc(39, 'a'), Buffer.from([0xff])]) }),
  one('text of 300 octets with an invalid one amid non-ASCII', {
    payload: Buffer.concat([Buffer.from('é'.repeat(80)), Buffer.from([0xff]), Buffer.from('é'.repeat(70))])
  }),
  many(
    'fragments that are UTF-8 each but for the last octet',
    { fin: false, payload: 'ok ' },
    { fin: false, opcode: 0, payload: 'ok ' },
    { opcode: 0, payload: Buffer.from([0xc3]) }
  ),
  one('a length above 2^53 - 1', { opcode: 2, lengthOctets: 8, claim: 1n << 53n }),
  one('a length with the highest bit set', { opcode: 2, lengthOctets: 8, claim: (1n << 63n) + 1n }),
  one('a length above maxPayload', { opcode: 2, lengthOctets: 8, claim: 100 * 1024 * 1024 + 1 }),
  one('a length above a small maxPayload', { payload: 'x'.repeat(11) }, { maxPayload: 10 }),
  one('a length above maxPayload in the 16-bit form', { opcode: 2, payload: 'x'.repeat(126) }, { maxPayload: 125 }),
  {
    name: 'fragments above maxPayload together',
    frames: (peer) => [peer.text('x'.repeat(6), { fin: false }), peer.frame({ opcode: 0, payload: 'y'.repeat(5) })],
    options: { maxPayload: 10 }
  },
  {
    name: 'more fragments than maxFragments',
    frames: (peer) => [
      peer.text('a', { fin: false }),
      peer.frame({ opcode: 0, fin: false, payload: 'b' }),
      peer.frame({ opcode: 0, payload: 'c' })
    ],
    options: { maxFragments: 2 }
  },
  {
    name: 'more empty fragments than maxFragments',
    frames: (peer) => [
      peer.binary('', { fin: false }),
      peer.frame({ opcode: 0, fin: false }),
      peer.frame({ opcode: 0, fin: false }),
      peer.frame({ opcode: 0 })
    ],
    options: { maxFragments: 3 }
  },
  { name: 'a frame with the wrong mask bit', frames: (peer) => [wrongMask(peer, { payload: 'hello' })] },
  { name: 'an empty frame with the wrong mask bit', frames: (peer) => [wrongMask(peer, { opcode: 2 })] },
  { name: 'a ping with the wrong mask bit', frames: (peer) => [wrongMask(peer, { opcode: 9 })] },
  {
    name: 'a close frame with the wrong mask bit',
    frames: (peer) => [wrongMask(peer, { opcode: 8, payload: closePayload(1000) })]
  },
  // Which of two faults is named shows the order of the checks.
  { name: 'RSV2 and a wrong mask bit', frames: (peer) => [wrongMask(peer, { rsv: 2, payload: 'x' })] },
  { name: 'RSV1 and RSV3', frames: (peer) => [peer.frame({ rsv: 5, opcode: 3 })] },
  { name: 'a reserved opcode and a wrong mask bit', frames: (peer) => [wrongMask(peer, { opcode: 3 })] },
  { name: 'RSV1 and a reserved opcode', frames: (peer) => [peer.frame({ rsv: 4, opcode: 3 })] },
  {
    name: 'ping without FIN, too long and with a wrong mask bit',
    frames: (peer) => [wrongMask(peer, { opcode: 9, fin: false, payload: 'p'.repeat(126) })]
  },
  { name: 'ping too long and with a wrong mask bit', frames: (peer) => [wrongMask(peer, { opcode: 9, payload: 'p'.repeat(126) })] },
  { name: 'a length above maxPayload and a wrong mask bit', frames: (peer) => [wrongMask(peer, { opcode: 2, claim: 1n << 60n })] },
  {
    name: 'a length above 2^53 - 1 without a limit',
    frames: (peer) => [peer.frame({ opcode: 2, lengthOctets: 8, claim: 1n << 53n })],
    options: { maxPayload: 0 }
  },
  { name: 'a continuation without a start and a wrong mask bit', frames: (peer) => [wrongMask(peer, { opcode: 0 })] }
]

function wrongMask(peer: RawPeer, fields: FrameFields): Buffer {
  return buildFrame({ ...fields, key: peer.role === 'client' ? null : TEST_KEY })
}

/** Puts the violation on the wire in one chunk, between a frame that must be delivered and frames that must not. */
async function inOneChunk(ctx: Context, role: 'client' | 'server', violation: Violation): Promise<void> {
  const { ws, peer } = await ctx.endpoint(role, violation.options)
  peer.write(peer.text('before'), peer.ping('p'), ...violation.frames(peer), peer.text('after'), peer.close(1000))
  await ctx.finish(ws, peer)
}

async function octetByOctet(ctx: Context, role: 'client' | 'server', violation: Violation): Promise<void> {
  const { ws, peer, socket } = await ctx.endpoint(role, violation.options)
  await ctx.wait('trickle', peer.trickle(Buffer.concat([peer.binary('b4'), ...violation.frames(peer)]), socket))
  if (ws.readyState === 1) peer.write(Buffer.alloc(600))
  await ctx.finish(ws, peer)
}

/** Puts all but the last octets on the wire, then looks whether the connection has failed already. */
async function early(ctx: Context, role: 'client' | 'server', frames: (peer: RawPeer) => Buffer[], rest: number): Promise<void> {
  const { ws, peer, socket } = await ctx.endpoint(role)
  let failed = false
  ws.on('error', () => (failed = true))
  const octets = Buffer.concat([peer.text('before'), ...frames(peer)])
  await ctx.wait('trickle', peer.trickle(octets.subarray(0, octets.length - rest), socket, octets.length))
  await ctx.turns(30)
  ctx.log('early', `failed before the last octets: ${failed}`)
  if (!peer.ended && peer.socket.writable) peer.write(octets.subarray(octets.length - rest))
  await ctx.finish(ws, peer)
}

const earlyCases: Scenario[] = [
  ...roles('3', 'an invalid octet in a frame that is not complete', (ctx, role) =>
    early(ctx, role, (peer) => [peer.text(Buffer.concat([Buffer.from('abc'), Buffer.from([0xff]), Buffer.from('defghijkl')]))], 5)
  ),
  ...roles('3', 'an invalid octet in a large frame that is not complete', (ctx, role) =>
    early(
      ctx,
      role,
      (peer) => [peer.text(Buffer.concat([Buffer.alloc(5000, 'ž'), Buffer.from([0xff]), Buffer.alloc(5000, 'ž')]))],
      3
    )
  ),
  ...roles('3', 'an invalid octet in a fragment before the last', (ctx, role) =>
    early(
      ctx,
      role,
      (peer) => [peer.text(Buffer.from([0x61, 0xff]), { fin: false }), peer.frame({ opcode: 0, payload: 'rest' })],
      role === 'client' ? 6 : 10
    )
  ),
  ...roles('3', 'an octet that cannot follow, in the second fragment of three', (ctx, role) =>
    early(
      ctx,
      role,
      (peer) => [
        peer.text(Buffer.from([0x61, 0xe2]), { fin: false }),
        peer.frame({ opcode: 0, fin: false, payload: Buffer.from([0x61]) }),
        peer.frame({ opcode: 0, payload: 'rest' })
      ],
      role === 'client' ? 6 : 10
    )
  ),
  ...roles('3', 'an invalid octet in binary data does not matter', (ctx, role) =>
    early(ctx, role, (peer) => [peer.binary(Buffer.from([0xff, 0xfe, 0x80])), peer.frame({ opcode: 15, payload: 'abc' })], 8)
  )
]

export const scenarios: Scenario[] = violations
  .flatMap((violation) => [
    ...roles('3', `${violation.name}, in one chunk`, (ctx, role) => inOneChunk(ctx, role, violation)),
    ...(violation.large ? [] : roles('3', `${violation.name}, octet by octet`, (ctx, role) => octetByOctet(ctx, role, violation)))
  ])
  .concat(earlyCases)
