// Messages to many connections: which memory their frames hold, and for how long.

import { expect, test } from 'vitest'
import { serializeFrameHeader } from '../../src/core/frame-header.js'
import { Gathering } from '../../src/node/links/gathering.js'
import { forgetMessage, type Gatherer, repeats, SlabMessage } from '../../src/node/links/prepared-message.js'
import { Slab } from '../../src/node/links/slab.js'

const TEXT = 0x81
const BINARY = 0x82

/** An output that has written the unmasked frame of `payload` to `slab`. */
function written(slab: Slab, payload: Buffer, first: number): Gatherer {
  const gathered = new Gathering()
  gathered.adopt(slab, slab.position, slab.position + 2 + payload.length)
  serializeFrameHeader(slab.octets, slab.position, first, payload.length, false)
  payload.copy(slab.octets, slab.position + 2)
  slab.position += 2 + payload.length
  return { gathered } as Gatherer
}

/** An output that has nothing yet. */
const empty = (): Gatherer => ({ gathered: new Gathering() }) as Gatherer

test('octets that change each time they are sent leave one frame, in one slab', () => {
  const slabs = Array.from({ length: 20 }, () => new Slab(1024, []))
  const payload = Buffer.from('0')
  const message = new SlabMessage(payload)
  for (const [i, slab] of slabs.entries()) {
    payload[0] = i
    expect(message.repeat(empty(), BINARY)).toBe(false)
    const output = written(slab, payload, BINARY)
    message.keep(output, BINARY, 3, null)
    // That of the write itself ends
    slab.release()
  }
  expect(slabs.map(({ users }) => users)).toEqual([...Array<number>(19).fill(0), 1])
  expect(message.repeat(empty(), BINARY)).toBe(true)
  expect(slabs[19].users).toBe(2)
  message.release()
  expect(slabs[19].users).toBe(1)
})

test('each first octet has a frame of its own', () => {
  const slab = new Slab(1024, [])
  const message = new SlabMessage('text')
  message.keep(written(slab, Buffer.from('text'), TEXT), TEXT, 6, null)
  expect(message.repeat(empty(), BINARY)).toBe(false)
  message.keep(written(slab, Buffer.from('text'), BINARY), BINARY, 6, null)
  for (const [first, start] of [
    [TEXT, 0],
    [BINARY, 6]
  ]) {
    const output = empty()
    expect(message.repeat(output, first)).toBe(true)
    expect([output.gathered.start, output.gathered.end]).toEqual([start, start + 6])
  }
})

test('a payload is known the second time in a row that it is sent, until the turn ends', () => {
  expect(repeats.find('a')).toBe(null)
  const message = repeats.find('a')
  expect(message).toBeInstanceOf(SlabMessage)
  expect(repeats.find('a')).toBe(message)
  expect(repeats.find('b')).toBe(null)
  expect(repeats.find('a')).toBe(null)
  expect(repeats.find('a')).not.toBe(message)
  forgetMessage()
  expect(repeats.find('a')).toBe(null)
  forgetMessage()
})
