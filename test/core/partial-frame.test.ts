import { expect, test } from 'vitest'
import { PartialFrame } from '../../src/core/partial-frame.js'
import { buildFrame, TEST_KEY } from '../support/frames.js'
import { js, runtime } from './support.js'

const MIB = 1024 * 1024

/** How many octets were there each time that a frame of `length` octets got new memory, and how much of it. */
function growth(length: number, step: number): { received: number; size: number }[] {
  const sizes: { received: number; size: number }[] = []
  const frame = new PartialFrame()
  const allocate = (size: number): Uint8Array => {
    sizes.push({ received: frame.received, size })
    return new Uint8Array(size)
  }
  const head = buildFrame({ opcode: 2, payload: Buffer.alloc(length), key: TEST_KEY }).subarray(0, 14)
  const context = { isServer: true, allowsRsv1: true, fragmentedOpcode: 0, messageLength: 0, maxPayload: 0 }
  expect(frame.takeHead(head, 0, head.length, context)).toBe(14)
  const chunk = new Uint8Array(step)
  while (!frame.isComplete) {
    const taken = Math.min(step, length - frame.received)
    expect(frame.takePayload(chunk, 0, taken, null, js, { ...runtime, allocate }, 0)).toBeNull()
  }
  return sizes
}

test('a large frame gets all of its memory while there is little of it to be copied', () => {
  const sizes = growth(32 * MIB, 64 * 1024)
  expect(sizes.at(-1)!.size).toBe(32 * MIB)
  for (const { received } of sizes) expect(received).toBeLessThanOrEqual(MIB)
})

test('a frame of which little is there gets little more', () => {
  for (const { received, size } of growth(900 * 1024, 1024)) {
    expect(size).toBeLessThanOrEqual(Math.max(16 * 1024, 8 * (received + 1024)))
  }
})
