// More connections than there are slabs of their own to go round.

import { Duplex } from 'node:stream'
import { expect, test } from 'vitest'
import { FrameParser } from '../support/frames.js'
import { attach, type Socket, turns } from './support/links.js'

const CONNECTIONS = 3000

test('many connections get messages of their own and common ones in one turn, in order and without a slab for each', async () => {
  const all: { ws: Socket; parser: FrameParser; received: string[] }[] = []
  for (let i = 0; i < CONNECTIONS; i++) {
    const parser = new FrameParser()
    const received: string[] = []
    const stream = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        for (const { payload } of parser.push(chunk)) received.push(payload.toString())
        done()
      }
    })
    all.push({ ws: attach(stream, true), parser, received })
  }
  for (let round = 0; round < 3; round++) {
    const before = process.memoryUsage().arrayBuffers
    const common = `to all ${round} `.padEnd(60 + round * 600, 'é')
    for (const [i, { ws }] of all.entries()) ws.send(`to ${i}`)
    for (const { ws } of all) ws.send(common)
    // 8 KiB for each would be 23 MiB
    if (round === 0) expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 2 ** 20)
    for (const { ws } of all.slice(0, 600)) ws.send('some')
    for (const [i, { ws }] of all.entries()) ws.send(`again ${i}`)
    await turns(1)
    for (const [i, { received }] of all.entries()) {
      const expected = [`to ${i}`, common, ...(i < 600 ? ['some'] : []), `again ${i}`]
      if (received.splice(0).join() !== expected.join()) expect.fail(`connection ${i}, round ${round}`)
    }
  }
})
