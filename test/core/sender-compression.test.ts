import { describe, expect, test } from 'vitest'
import { userMaskingKeys } from '../../src/core/masking-key.js'
import { OctetQueue } from '../../src/core/octet-queue.js'
import { Sender, type MessageDeflater } from '../../src/core/sender.js'
import { BINARY, buildFrame, TEST_KEY, type FrameFields } from '../support/frames.js'
import { js, runtime } from './support.js'

/** Compression that makes `aaa` to `a`, and leaves the length of all else. */
class Shortener implements MessageDeflater {
  pending: (() => void)[] = []

  constructor(
    readonly noContextTakeover: boolean,
    private readonly isSlow = false
  ) {}

  worthDeflating(): boolean {
    return true
  }

  deflate(octets: Uint8Array, _fin: boolean, done: (error: Error | null, octets: Uint8Array) => void): Uint8Array | null {
    const result = Buffer.from(Buffer.from(octets).toString('latin1').replaceAll('aaa', 'a').toUpperCase(), 'latin1')
    if (!this.isSlow) return result
    this.pending.push(() => done(null, result))
    return null
  }
}

function open(deflater: MessageDeflater): { sender: Sender; wire: () => Buffer } {
  const queue = new OctetQueue(runtime)
  const keys = userMaskingKeys((target) => target.set(TEST_KEY), new Uint8Array(4))
  const sender = new Sender(js, runtime, queue, keys)
  sender.deflater = deflater
  return { sender, wire: () => Buffer.concat(queue.take()) }
}

function frames(...list: FrameFields[]): Buffer {
  return Buffer.concat(list.map((fields) => buildFrame(fields)))
}

const compressed = { rsv: 4 }

describe('a message that compression does not make smaller', () => {
  test('is sent as it is without context takeover, with RSV1 clear (RFC 7692 §6.1)', () => {
    for (const key of [null, TEST_KEY]) {
      const { sender, wire } = open(new Shortener(true))
      for (const payload of ['aaab', 'bbb', '']) sender.sendMessage(payload, false, true, true, key !== null, false, undefined)
      const octets = Buffer.from('bbb')
      sender.sendMessage(octets, true, true, true, key !== null, false, undefined)
      expect(octets.toString()).toBe('bbb')
      const expected = frames(
        { key, ...compressed, payload: 'AB' },
        { key, payload: 'bbb' },
        { key, payload: '' },
        { key, opcode: BINARY, payload: 'bbb' }
      )
      expect(wire()).toEqual(expected)
    }
  })

  test('is compressed all the same with context takeover, as later ones may refer to it', () => {
    const { sender, wire } = open(new Shortener(false))
    sender.sendMessage('bbb', false, true, true, false, false, undefined)
    expect(wire()).toEqual(frames({ ...compressed, payload: 'BBB' }))
  })

  test('is compressed all the same where it is one of several fragments, which share their RSV1', () => {
    const { sender, wire } = open(new Shortener(true))
    sender.sendMessage('bbb', false, false, true, false, false, undefined)
    sender.sendMessage('ccc', false, true, true, false, false, undefined)
    expect(wire()).toEqual(frames({ fin: false, ...compressed, payload: 'BBB' }, { opcode: 0, payload: 'CCC' }))
  })

  test('is sent as it was when it was given, also where compression took its time', () => {
    const deflater = new Shortener(true, true)
    const { sender, wire } = open(deflater)
    const small = Buffer.from('bbb')
    const large = Buffer.alloc(5000, 'b')
    const expected = []
    for (const payload of ['ddd', small, large]) {
      sender.sendMessage(payload, true, true, true, false, false, undefined)
      if (payload === small) small.fill('x')
      deflater.pending.shift()!()
      // nobody copied the small one
      if (payload === small) expected.push({ opcode: BINARY, ...compressed, payload: 'BBB' })
      else expected.push({ opcode: BINARY, payload })
    }
    expect(wire()).toEqual(frames(...expected))
  })
})
