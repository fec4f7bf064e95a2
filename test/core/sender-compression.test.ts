import { describe, expect, test } from 'vitest'
import { detachedError } from '../../src/core/errors.js'
import { userMaskingKeys } from '../../src/core/masking-key.js'
import { OctetQueue } from '../../src/core/octet-queue.js'
import type { MessageDeflater } from '../../src/core/message-codec.js'
import { Sender } from '../../src/core/sender.js'
import { BINARY, buildFrame, TEST_KEY, type FrameFields } from '../support/frames.js'
import { js, runtime, sendMessage } from './support.js'

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
  const sender = new Sender({ kernels: js, runtime, maskingKeys: keys }, queue)
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
      for (const payload of ['aaab', 'bbb', '']) sendMessage(sender, payload, false, true, true, key !== null, false, undefined)
      const octets = Buffer.from('bbb')
      sendMessage(sender, octets, true, true, true, key !== null, false, undefined)
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
    sendMessage(sender, 'bbb', false, true, true, false, false, undefined)
    expect(wire()).toEqual(frames({ ...compressed, payload: 'BBB' }))
  })

  test('is compressed all the same where it is one of several fragments, which share their RSV1', () => {
    const { sender, wire } = open(new Shortener(true))
    sendMessage(sender, 'bbb', false, false, true, false, false, undefined)
    sendMessage(sender, 'ccc', false, true, true, false, false, undefined)
    expect(wire()).toEqual(frames({ fin: false, ...compressed, payload: 'BBB' }, { opcode: 0, payload: 'CCC' }))
  })

  test('is sent as it was when it was given, also where compression took its time', () => {
    const deflater = new Shortener(true, true)
    const { sender, wire } = open(deflater)
    const small = Buffer.from('bbb')
    const large = Buffer.alloc(5000, 'b')
    const expected = []
    for (const payload of ['ddd', small, large]) {
      sendMessage(sender, payload, true, true, true, false, false, undefined)
      if (payload === small) small.fill('x')
      deflater.pending.shift()!()
      // nobody copied the small one
      if (payload === small) expected.push({ opcode: BINARY, ...compressed, payload: 'BBB' })
      else expected.push({ opcode: BINARY, payload })
    }
    expect(wire()).toEqual(frames(...expected))
  })
})

describe('memory that is transferred away before its message is sent', () => {
  const detach = (octets: Uint8Array): void => void structuredClone(octets.buffer, { transfer: [octets.buffer as ArrayBuffer] })
  const large = (letter: string): Uint8Array => new Uint8Array(40_000).fill(letter.charCodeAt(0))
  const CODE = 'WS_ERR_PAYLOAD_DETACHED'

  /** Sends binary messages or fragments and notes what their callbacks are given. */
  function sending(noContextTakeover = false) {
    const deflater = new Shortener(noContextTakeover, true)
    const { sender, wire } = open(deflater)
    const calls: string[] = []
    const send = (name: string, payload: Uint8Array, { fin = true, compress = true } = {}): void =>
      sendMessage(sender, payload, true, fin, compress, false, false, (error) =>
        calls.push(`${name} ${(error as { code?: string } | undefined)?.code ?? 'ok'}`)
      )
    return { deflater, sender, send, calls, wire }
  }

  test('fails that message where the codec needed it, when its turn has come, and no other', () => {
    const { deflater, sender, send, calls, wire } = sending()
    let fail = (): void => {}
    send('first', Buffer.from('first'))
    deflater.pending.shift()!()
    deflater.deflate = (_octets, _fin, done) => {
      fail = () => done(detachedError(), new Uint8Array(0))
      return null
    }
    send('lost', large('b'))
    send('plain', Buffer.from('plain'), { compress: false })
    delete (deflater as Partial<Shortener>).deflate
    send('last', Buffer.from('last'))
    expect(sender.bufferedLength).toBe(40_009)
    fail()
    deflater.pending.shift()!()
    expect(sender.bufferedLength).toBe(0)
    expect(wire()).toEqual(
      frames(
        { opcode: BINARY, ...compressed, payload: 'FIRST' },
        { opcode: BINARY, payload: 'plain' },
        { opcode: BINARY, ...compressed, payload: 'LAST' }
      )
    )
    expect(calls).toEqual(['first ok', `lost ${CODE}`, 'plain ok', 'last ok'])
  })

  test('fails that message where it waited behind another, compressed or not', () => {
    const { deflater, send, calls, wire } = sending()
    send('first', Buffer.from('first'))
    const [plain, packed, kept] = [large('p'), large('q'), large('k')]
    send('plain', plain, { compress: false })
    send('packed', packed)
    send('kept', kept, { compress: false })
    for (const octets of [plain, packed]) detach(octets)
    deflater.pending.shift()!()
    expect(deflater.pending).toEqual([])
    const expected = frames({ opcode: BINARY, ...compressed, payload: 'FIRST' }, { opcode: BINARY, payload: Buffer.from(kept) })
    expect(wire()).toEqual(expected)
    expect(calls).toEqual(['first ok', `plain ${CODE}`, `packed ${CODE}`, 'kept ok'])
  })

  test('loses no fragment, without which the others would make another message (§5.4)', () => {
    for (const compress of [true, false]) {
      const { deflater, send, calls, wire } = sending()
      send('first', Buffer.from('first'))
      const parts = [large('x'), large('y'), large('z')]
      parts.forEach((octets, i) => send(`part ${i}`, octets, { fin: i === 2, compress }))
      for (const octets of parts) detach(octets)
      while (deflater.pending.length > 0) deflater.pending.shift()!()
      const [x, y, z] = ['x', 'y', 'z'].map((letter) => Buffer.alloc(40_000, compress ? letter.toUpperCase() : letter))
      expect(wire()).toEqual(
        frames(
          { opcode: BINARY, ...compressed, payload: 'FIRST' },
          { opcode: BINARY, fin: false, ...(compress && compressed), payload: x },
          { opcode: 0, fin: false, payload: y },
          { opcode: 0, payload: z }
        )
      )
      expect(calls).toEqual(['first ok', 'part 0 ok', 'part 1 ok', 'part 2 ok'])
    }
  })

  test('also where a fragment is compressed at once, but not done at once', () => {
    const { deflater, send, wire } = sending()
    const part = large('x')
    const deflate = deflater.deflate.bind(deflater)
    // A codec that reads later
    deflater.deflate = (octets, fin, done) => {
      deflater.pending.push(() => {
        deflate(octets, fin, done)
        deflater.pending.pop()!()
      })
      return null
    }
    send('part', part, { fin: false })
    detach(part)
    deflater.pending.shift()!()
    expect(wire()).toEqual(frames({ opcode: BINARY, fin: false, ...compressed, payload: Buffer.alloc(40_000, 'X') }))
  })

  test('does not matter where the codec is done with it, and compression does not pay', () => {
    const Resizable = ArrayBuffer as unknown as new (
      length: number,
      options: object
    ) => ArrayBuffer & { resize(length: number): void }
    const memory = new Resizable(40_000, { maxByteLength: 40_000 })
    const shrinking = new Uint8Array(memory).fill(0x62)
    const transferred = large('b')
    const { deflater, send, calls, wire } = sending(true)
    const expected = frames({ opcode: BINARY, ...compressed, payload: Buffer.alloc(40_000, 'B') })
    for (const octets of [transferred, shrinking]) {
      send('whole', octets)
      if (octets === transferred) detach(octets)
      else memory.resize(5000)
      deflater.pending.shift()!()
      expect(wire()).toEqual(expected)
    }
    expect(calls).toEqual(['whole ok', 'whole ok'])
  })
})
