import { expect, test } from 'vitest'
import { MessageAssembler } from '../../src/core/message-assembler.js'
import { PartialFrame } from '../../src/core/partial-frame.js'
import { buildFrame, TEST_KEY } from '../support/frames.js'
import { js, runtime } from './support.js'

const MIB = 1024 * 1024

/** How much memory a frame of `length` octets has got, and how much of it has come, after each chunk of `step` octets. */
function growth(length: number, step: number, trusted = 0): { received: number; size: number }[] {
  const sizes: { received: number; size: number }[] = []
  const frame = new PartialFrame()
  let size = 0
  const allocate = (octets: number): Uint8Array => {
    size += octets
    return new Uint8Array(octets)
  }
  const head = buildFrame({ opcode: 2, payload: Buffer.alloc(length), key: TEST_KEY }).subarray(0, 14)
  const context = { isServer: true, allowsRsv1: true, fragmentedOpcode: 0, messageLength: 0, maxPayload: 0 }
  expect(frame.takeHead(head, 0, head.length, context)).toBe(14)
  const chunk = new Uint8Array(step)
  while (!frame.isComplete) {
    const taken = Math.min(step, length - frame.received)
    expect(frame.takePayload(chunk, 0, taken, null, js, { ...runtime, allocate }, trusted)).toBeNull()
    sizes.push({ received: frame.received, size })
  }
  return sizes
}

test.each([
  [32 * MIB, 64 * 1024],
  [32 * MIB, 5 * MIB],
  [900 * 1024, 1024],
  [100_000, 7]
])('a frame of %d octets never has more than twice the memory of what has come, in chunks of %d', (length, step) => {
  for (const { received, size } of growth(length, step)) expect(size).toBeLessThanOrEqual(2 * received + 16 * 1024)
})

test('a frame as large as one that came before has all of its memory at once, and a larger one no more than that', () => {
  expect(growth(8 * MIB, 64 * 1024, 8 * MIB)[0].size).toBe(8 * MIB)
  expect(growth(32 * MIB, 64 * 1024, 8 * MIB)[0].size).toBe(8 * MIB)
})

test('a payload in many pieces is whole and in order, for text across their seams, too (§5.6)', () => {
  const text = Buffer.from('aé€😀'.repeat(40_000))
  for (const step of [999, 16_384, 70_001]) {
    const frame = new PartialFrame()
    const octets = buildFrame({ opcode: 1, payload: text, key: TEST_KEY })
    const context = { isServer: true, allowsRsv1: false, fragmentedOpcode: 0, messageLength: 0, maxPayload: 0 }
    const message = new MessageAssembler(1, false)
    expect(frame.takeHead(octets, 0, 14, context)).toBe(14)
    for (let at = 14; at < octets.length; at += step) {
      const length = Math.min(step, octets.length - at)
      expect(frame.takePayload(octets, at, length, message, js, runtime, 0)).toBeNull()
    }
    expect(text.equals(frame.payload(runtime)!)).toBe(true)
    expect(message.utf8State).toBe(0)
  }
})

test('a payload for which there is no memory in the end is none', () => {
  const frame = new PartialFrame()
  const octets = buildFrame({ opcode: 2, payload: Buffer.alloc(200_000), key: TEST_KEY })
  const context = { isServer: true, allowsRsv1: false, fragmentedOpcode: 0, messageLength: 0, maxPayload: 0 }
  expect(frame.takeHead(octets, 0, 14, context)).toBe(14)
  for (let at = 14; at < octets.length; at += 20_000) {
    expect(frame.takePayload(octets, at, Math.min(20_000, octets.length - at), null, js, runtime, 0)).toBeNull()
  }
  const allocate = (): Uint8Array => {
    throw new RangeError('no memory')
  }
  expect(frame.payload({ ...runtime, allocate })).toBeNull()
})
