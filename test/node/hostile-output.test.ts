import { once } from 'node:events'
import type { Socket as NetSocket } from 'node:net'
import { Duplex } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { FrameParser } from '../support/frames.js'
import { attach, eventually, link, linkInMemory, linkRaw, turns } from './support/links.js'

test('a write that is delivered within itself loses nothing that other connections send meanwhile', async () => {
  const [one, two, three] = [linkInMemory(), linkInMemory(), linkInMemory()]
  const received: string[] = []
  for (const { client } of [one, two, three]) client.on('message', (data: Buffer) => received.push(data.toString()))
  one.server.send('one')
  two.server.send('two', () => three.server.send('three'))
  await turns(3)
  three.server.send('four')
  await turns(3)
  expect(received).toEqual(['one', 'two', 'three', 'four'])
})

test('handlers that answer on other connections, each in the middle of the write of another', async () => {
  const links = Array.from({ length: 5 }, () => linkInMemory())
  const received = links.map(() => 0)
  let budget = 500
  let called = 0
  let sent = 0
  const send = (index: number): void => {
    if (budget-- <= 0) return
    sent++
    links[index].server.send(`to ${index}`, () => {
      called++
      send((index + 2) % 5)
    })
  }
  links.forEach(({ client }, index) =>
    client.on('message', (data: Buffer) => {
      expect(data.toString()).toBe(`to ${index}`)
      received[index]++
      send((index + 1) % 5)
      send((index + 3) % 5)
    })
  )
  for (let i = 0; i < 5; i++) send(i)
  await eventually(() => called === sent && budget <= 0 && received.reduce((sum, count) => sum + count) === sent)
  expect(received.reduce((sum, count) => sum + count)).toBe(500)
  expect(called).toBe(500)
})

describe('memory of frames is not used again', () => {
  test('where a stream keeps what it was given beyond its callback', async () => {
    const kept: Buffer[] = []
    const stream = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        kept.push(chunk)
        done()
      }
    })
    const ws = attach(stream, true)
    const other = await link()
    for (let i = 0; i < 400; i++) {
      ws.send(`${i} `.padEnd(1000, String(i % 10)))
      other.server.send(Buffer.alloc(4000, 0xee))
      if (i % 7 === 0) await turns(1)
    }
    await turns(2)
    const frames = new FrameParser().push(Buffer.concat(kept))
    expect(frames.map(({ payload }) => payload.toString())).toEqual(
      Array.from({ length: 400 }, (_, i) => `${i} `.padEnd(1000, String(i % 10)))
    )
  })

  test('where a write is never called back', async () => {
    const kept: Buffer[] = []
    const stream = new Duplex({
      read() {},
      write(chunk: Buffer) {
        kept.push(chunk)
      },
      writev(chunks) {
        for (const { chunk } of chunks) kept.push(chunk as Buffer)
      }
    })
    const ws = attach(stream, true)
    const other = await link()
    let calls = 0
    ws.send('a'.repeat(1000), () => calls++)
    await turns(1)
    ws.send('b'.repeat(1000), () => calls++)
    for (let i = 0; i < 200; i++) {
      other.server.send(Buffer.alloc(4000, 0xee))
      await turns(1)
    }
    expect(calls).toBe(0)
    expect(ws.bufferedAmount).toBe(2 * 1004)
    ws.terminate()
    await turns(2)
    expect(new FrameParser().push(Buffer.concat(kept))[0].payload.toString()).toBe('a'.repeat(1000))
  })

  test('where a peer reads slowly while others are served', async () => {
    const slow = await linkRaw()
    slow.peer.socket.pause()
    const others = await Promise.all([link(), link(), link()])
    let callbacks = 0
    const expected: string[] = []
    for (let i = 0; i < 3000; i++) {
      const text = `${i} `.padEnd(3000, String(i % 10))
      expected.push(text)
      slow.server.send(text, () => callbacks++)
      others[i % 3].server.send(Buffer.alloc(3000, 0xee))
      if (i % 100 === 0) {
        await turns(1)
        slow.peer.socket.resume()
        await turns(1)
        slow.peer.socket.pause()
      }
    }
    slow.peer.socket.resume()
    await slow.peer.untilFrames(3000)
    expect(slow.peer.frames.map(({ payload }) => payload.toString())).toEqual(expected)
    await eventually(() => callbacks === 3000)
    expect(callbacks).toBe(3000)
  })

  test('where a connection is destroyed in the middle of its writes', async () => {
    const witness = await linkRaw()
    const expected: string[] = []
    for (let round = 0; round < 30; round++) {
      const { server, peer } = await linkRaw()
      peer.socket.pause()
      let callbacks = 0
      for (let i = 0; i < 200; i++) server.send('d'.repeat(4000), () => callbacks++)
      const text = `${round} `.padEnd(2000, 'w')
      expected.push(text)
      witness.server.send(text)
      if (round % 3 === 0) await turns(1)
      if (round % 3 === 1) (peer.socket as NetSocket).resetAndDestroy()
      server.terminate()
      await eventually(() => callbacks === 200)
      expect(callbacks).toBe(200)
    }
    await witness.peer.untilFrames(30)
    expect(witness.peer.frames.map(({ payload }) => payload.toString())).toEqual(expected)
  })
})

test('each callback comes once, in order, when the peer resets the connection while much is waiting', async () => {
  const { server, peer } = await linkRaw()
  peer.socket.pause()
  const order: number[] = []
  for (let i = 0; i < 500; i++) server.send(Buffer.alloc(20_000), () => order.push(i))
  await turns(2)
  ;(peer.socket as NetSocket).resetAndDestroy()
  await once(server, 'close')
  await eventually(() => order.length === 500)
  expect(order).toEqual(Array.from({ length: 500 }, (_, i) => i))
})

test('a list of no frames is called back', async () => {
  const { server } = await linkRaw()
  let called = 0
  server._sender!.sendFrame([], () => called++)
  await turns(2)
  server.send('')
  await turns(3)
  expect(called).toBe(1)
})
