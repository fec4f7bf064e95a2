// Memory that the program transfers away, or resizes, between `send` and the end of compression.

import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { link, turns } from './support/links.js'

const SIZE = 1 << 20

/** Octets that compress to about half of their number. */
function content(seed: number): Buffer {
  const octets = Buffer.alloc(SIZE)
  for (let i = 0, x = seed; i < SIZE; i++) octets[i] = (x = (Math.imul(x, 1103515245) + 12345) >>> 0) >>> 28
  return octets
}

describe.each(['wasm', 'zlib', 'pako'])('with the codec %s', (codec) => {
  test.each([
    ['with context takeover', false],
    ['without context takeover', true]
  ])('a message is lost with its memory, if at all, and says so; the connection goes on, %s', async (_, forgets) => {
    const perMessageDeflate = { codec, threshold: 0, serverNoContextTakeover: forgets, clientNoContextTakeover: forgets }
    const { server, client } = await link({ perMessageDeflate }, { perMessageDeflate })
    for (const [sender, receiver] of [
      [client, server],
      [server, client]
    ]) {
      const received: Buffer[] = []
      const expected: Buffer[] = []
      const outcomes: string[] = []
      receiver.on('message', (data: Buffer) => received.push(data))
      let called = 0
      const send = (name: string, data: Uint8Array, octets: Buffer, fin = true): void =>
        sender.send(data, { fin }, (error?: Error) => {
          expect(name).toBe(names[called++])
          if (error) expect(error).toMatchObject({ code: 'WS_ERR_PAYLOAD_DETACHED' })
          else expected.push(octets)
          outcomes.push(error ? `${name} lost` : name)
        })
      const names = ['one', 'two', 'three', 'waiting', 'four', 'part', 'parts', 'five']

      send('one', Buffer.from('one'), Buffer.from('one'))
      const two = new Uint8Array(content(1))
      send('two', two, content(1))
      const three = new Uint8Array(content(2))
      send('three', three, content(2))
      const waiting = new Uint8Array(content(3))
      send('waiting', waiting, content(3))
      for (const { buffer } of [two, three]) structuredClone(buffer, { transfer: [buffer] })
      send('four', content(2).subarray(0, 5000), content(2).subarray(0, 5000))
      // Of a message in fragments nothing gets lost
      const parts = [new Uint8Array(content(4)), new Uint8Array(content(5))]
      send('part', parts[0], Buffer.alloc(0), false)
      send('parts', parts[1], Buffer.concat([content(4), content(5)]))
      for (const { buffer } of parts) structuredClone(buffer, { transfer: [buffer] })
      send('five', content(1).subarray(0, 5000), content(1).subarray(0, 5000))

      while (called < names.length) await turns(1)
      const arrived = expected.filter(({ length }) => length > 0)
      while (received.length < arrived.length) await turns(1)
      expect(received.map((data, i) => data.equals(arrived[i]))).toEqual(arrived.map(() => true))
      // pako is done before `send` returns
      const first = codec === 'pako' ? 'two' : 'two lost'
      const second = codec === 'pako' ? 'three' : 'three lost'
      expect(outcomes).toEqual(['one', first, second, 'waiting', 'four', 'part', 'parts', 'five'])
    }
    client.close()
    expect((await once(server, 'close'))[0]).toBe(1005)
  })
})
