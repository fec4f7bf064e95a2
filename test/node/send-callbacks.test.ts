// Callbacks of `send`: their order, what they see of AsyncLocalStorage, and that the event loop has its turn beside them.

import { AsyncLocalStorage } from 'node:async_hooks'
import type net from 'node:net'
import { Duplex } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { attach, eventually, link, linkInMemory, linkRaw, type Socket, turns } from './support/links.js'
import { uncaughtDuring } from './support/uncaught.js'

const LARGE = Buffer.alloc(4 * 2 ** 20)

/** Sends until the system takes no more; how many that took. */
async function choke({ server, peer }: Awaited<ReturnType<typeof linkRaw>>): Promise<number> {
  peer.socket.pause()
  let count = 0
  for (let full = 0; full < 2; full = server.bufferedAmount > 0 ? full + 1 : 0) {
    server.send(LARGE)
    count++
    await turns(2)
  }
  return count
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

/** Ways in which sends can be under way, each of which calls back by another path. */
const WAYS: [string, () => Promise<{ ws: Socket; release: () => void }>][] = [
  [
    'to a peer that reads',
    async () => {
      const { server } = await link()
      return { ws: server, release: () => {} }
    }
  ],
  [
    'to a peer that reads, each in a write of its own',
    async () => {
      const { server } = await link({ coalesce: false })
      return { ws: server, release: () => {} }
    }
  ],
  [
    'to a peer that reads late',
    async () => {
      const raw = await linkRaw()
      await choke(raw)
      return { ws: raw.server, release: () => void raw.peer.socket.resume() }
    }
  ],
  [
    'to a socket that is corked',
    async () => {
      const { server } = await link()
      const socket = server._socket as net.Socket
      socket.cork()
      return { ws: server, release: () => socket.uncork() }
    }
  ],
  ['over a stream in memory', () => Promise.resolve({ ws: linkInMemory().server, release: () => {} })],
  [
    'over a stream that takes its time',
    () => {
      const stream = new Duplex({
        read() {},
        write: (_chunk, _encoding, done) => void setImmediate(done)
      })
      return Promise.resolve({ ws: attach(stream, true), release: () => {} })
    }
  ]
]

describe.each(WAYS)('callbacks of sends %s', (_name, make) => {
  test('come once each, in order, whatever is sent without one in between', async () => {
    const { ws, release } = await make()
    const order: number[] = []
    const errors: unknown[] = []
    for (const i of numbers(500)) {
      ws.send(i % 7 === 0 ? Buffer.alloc(i * 100) : `${i}`, (error) => {
        order.push(i)
        if (error) errors.push(error)
      })
      if (i % 3 === 0) ws.send('without')
      if (i % 11 === 0) ws.ping()
      if (i % 50 === 0) await turns(1)
    }
    release()
    await eventually(() => order.length >= 500)
    expect(errors).toEqual([])
    expect(order).toEqual(numbers(500))
  })

  test('are called when `send` has returned, and not within another send', async () => {
    const { ws, release } = await make()
    let isSending = false
    let calls = 0
    const send = (): void => {
      isSending = true
      ws.send('x', () => {
        expect(isSending).toBe(false)
        if (++calls < 100) send()
      })
      isSending = false
    }
    for (let i = 0; i < 10; i++) send()
    release()
    await eventually(() => calls >= 100 + 9)
    expect(calls).toBe(109)
  })

  test('that throw do not silence those behind them', async () => {
    const { ws, release } = await make()
    const order: string[] = []
    const note = (error: Error): unknown => order.push(error.message)
    const errors = await uncaughtDuring(async () => {
      process.prependListener('uncaughtException', note)
      for (const i of numbers(30)) {
        ws.send(`${i}`, () => {
          order.push(`called ${i}`)
          if (i % 4 === 1) throw new Error(`of ${i}`)
        })
        if (i === 15) await turns(1)
      }
      release()
      await eventually(() => order.length >= 38)
      process.removeListener('uncaughtException', note)
    })
    const thrown = numbers(30).filter((i) => i % 4 === 1)
    expect(order.filter((line) => line.startsWith('called'))).toEqual(numbers(30).map((i) => `called ${i}`))
    expect(errors.map(({ message }) => message)).toEqual(thrown.map((i) => `of ${i}`))
    expect(thrown.every((i) => order.indexOf(`of ${i}`) > order.indexOf(`called ${i}`))).toBe(true)
  })

  test('may send, which is called back behind those that were there', async () => {
    const { ws, release } = await make()
    const order: string[] = []
    for (const i of numbers(20)) {
      ws.send(`${i}`, () => {
        order.push(`${i}`)
        ws.send('again', () => order.push(`again ${i}`))
        ws.send('without')
        ws.send(LARGE.subarray(0, 40_000), () => order.push(`once more ${i}`))
      })
    }
    release()
    await eventually(() => order.length >= 60)
    expect(order).toEqual([...numbers(20).map(String), ...numbers(20).flatMap((i) => [`again ${i}`, `once more ${i}`])])
  })

  test('see the stores of their own sends', async () => {
    const { ws, release } = await make()
    const [one, two] = [new AsyncLocalStorage<string>(), new AsyncLocalStorage<string>()]
    const seen: string[] = []
    const look = (i: number | string) => () => seen.push(`${i}: ${one.getStore()} ${two.getStore()}`)
    const expected: string[] = []
    ws.send('x', look('none'))
    expected.push('none: undefined undefined')
    for (const i of numbers(40)) {
      one.run(`one ${i >> 2}`, () => {
        if (i % 3 === 0) {
          two.run(`two ${i}`, () => ws.send(`${i}`, look(i)))
          expected.push(`${i}: one ${i >> 2} two ${i}`)
        } else {
          ws.send(`${i}`, look(i))
          expected.push(`${i}: one ${i >> 2} undefined`)
        }
      })
      if (i % 10 === 0) {
        ws.send('outside', look('outside'))
        expected.push('outside: undefined undefined')
      }
      if (i === 20) await turns(2)
    }
    await one.run('entered', async () => {
      one.enterWith('left')
      ws.send('x', look('left'))
      one.enterWith('entered again')
      ws.send('x', look('again'))
      await turns(1)
      two.enterWith('both')
      ws.send('x', look('both'))
    })
    expected.push('left: left undefined', 'again: entered again undefined', 'both: entered again both')
    two.run('whoever lets go', release)
    await eventually(() => seen.length >= expected.length)
    expect(seen).toEqual(expected)
    // What a callback does later is in its context, too
    const later = await one.run(
      'later',
      () => new Promise((resolve) => ws.send('x', () => setImmediate(() => resolve(one.getStore()))))
    )
    expect(later).toBe('later')
  })

  test('leave no store behind for those that have none', async () => {
    const { ws, release } = await make()
    const storage = new AsyncLocalStorage<string>()
    const seen: unknown[] = []
    // What is written, and waited for, is written by somebody who has one
    storage.run('of a write', () => ws.send(LARGE))
    for (let i = 0; i < 10; i++) {
      storage.run('inside', () => ws.send('x', () => storage.enterWith('entered in a callback')))
      ws.send('x', () => seen.push(storage.getStore()))
    }
    await turns(1)
    storage.run('of the next write', () => ws.send(LARGE))
    for (let i = 0; i < 10; i++) ws.send('x', () => seen.push(storage.getStore()))
    storage.run('whoever lets go', release)
    await eventually(() => seen.length >= 20)
    expect(seen).toEqual(Array(20).fill(undefined))
    expect(storage.getStore()).toBe(undefined)
  })
})

test('a store that a callback enters is not there for callbacks of later writes', async () => {
  const raw = await linkRaw()
  const storage = new AsyncLocalStorage<string>()
  const seen: unknown[] = []
  for (let round = 0; round < 3; round++) {
    await choke(raw)
    raw.server.send('x', () => {
      seen.push(storage.getStore())
      storage.enterWith('entered in a callback')
    })
    await turns(1)
    raw.peer.socket.resume()
    await eventually(() => seen.length > round)
  }
  expect(seen).toEqual([undefined, undefined, undefined])
})

describe('a callback that sends again', () => {
  /** More than any machine does before a turn that is due. */
  const MANY = 3_000_000

  test.each([1, 50])('lets the event loop turn, and is called in order: %i at a time', async (width) => {
    const { server } = await link()
    let calls = 0
    let hasTurned = false
    const order: number[] = []
    await new Promise<void>((resolve) => {
      const next = (i: number): void => {
        if (order.length < 10_000) order.push(i)
        calls++
        if (hasTurned || calls > MANY) resolve()
        else server.send('x', () => next(i))
      }
      for (const i of numbers(width)) server.send('x', () => next(i))
      setImmediate(() => setImmediate(() => (hasTurned = true)))
    })
    expect(hasTurned).toBe(true)
    expect(order).toEqual(order.map((_, i) => i % width))
  })

  test('sees the store of its own send, also when it had to wait for a turn of the event loop', async () => {
    const { server } = await link()
    const storage = new AsyncLocalStorage<number>()
    const wrong: unknown[] = []
    let turned = 0
    let isOver = false
    const turn = (): void => {
      turned++
      if (!isOver) setImmediate(turn)
    }
    setImmediate(turn)
    let serial = 0
    await new Promise<void>((resolve) => {
      const next = (expected: number): void => {
        if (storage.getStore() !== expected) wrong.push([expected, storage.getStore()])
        if (turned > 6 || serial > MANY) return resolve()
        const own = ++serial
        storage.run(own, () => server.send('x', () => next(own)))
      }
      storage.run(0, () => server.send('x', () => next(0)))
    })
    isOver = true
    expect(wrong.slice(0, 5)).toEqual([])
    expect(turned).toBeGreaterThan(6)
  })

  test('that throws after it had to wait does not silence those behind it', async () => {
    const { server } = await link()
    const order: string[] = []
    let turned = 0
    let isOver = false
    const turn = (): void => {
      turned++
      if (!isOver) setImmediate(turn)
    }
    setImmediate(turn)
    let calls = 0
    const errors = await uncaughtDuring(() =>
      new Promise<void>((resolve) => {
        const next = (): void => {
          if (++calls > MANY) return resolve()
          if (turned < 3) return server.send('x', next)
          // The rest of what waits, and some that is sent now
          for (const i of numbers(5)) {
            server.send('x', () => {
              order.push(`${i}`)
              if (i === 4) resolve()
              if (i % 2 === 0) throw new Error(`of ${i}`)
            })
          }
        }
        server.send('x', next)
      }).then(() => turns(2))
    )
    isOver = true
    expect(order).toEqual(['0', '1', '2', '3', '4'])
    expect(errors.map(({ message }) => message)).toEqual(['of 0', 'of 2', 'of 4'])
  })

  test('holds up nobody who sends beside it', async () => {
    const [one, two] = [await link(), await link()]
    let isOver = false
    let calls = 0
    const next = (): void => {
      calls++
      if (!isOver && calls < MANY) one.server.send('x', next)
    }
    next()
    const received: string[] = []
    two.client.on('message', (data: Buffer) => received.push(data.toString()))
    for (const i of numbers(20)) {
      await new Promise<void>((resolve) => two.server.send(`${i}`, () => resolve()))
      await turns(1)
    }
    await eventually(() => received.length === 20)
    isOver = true
    expect(received).toEqual(numbers(20).map(String))
    expect(calls).toBeLessThan(MANY)
  })
})

describe('80,000 callbacks', () => {
  const COUNT = 80_000

  test.each([
    ['of a burst, all called in the tick behind it', false],
    ['that wait for a peer that does not read', true]
  ])('%s: once each, in order, without an error', async (_name, isSlow) => {
    const raw = await linkRaw()
    const held = isSlow ? await choke(raw) : 0
    let inOrder = 0
    let failed = 0
    await new Promise<void>((resolve) => {
      for (let i = 0; i < COUNT; i++) {
        raw.server.send('x', (error) => {
          if (error) failed++
          if (inOrder === i) inOrder++
          if (i === COUNT - 1) resolve()
        })
        if (i === COUNT >> 1) void raw.server.bufferedAmount
      }
      setImmediate(() => raw.peer.socket.resume())
    })
    expect([inOrder, failed]).toEqual([COUNT, 0])
    await raw.peer.untilFrames(held + COUNT)
  })

  test('that wait for a peer that resets: once each, in order', async () => {
    const raw = await linkRaw()
    await choke(raw)
    let inOrder = 0
    let failed = 0
    await new Promise<void>((resolve) => {
      for (let i = 0; i < COUNT; i++) {
        raw.server.send('x', (error) => {
          if (error) failed++
          if (inOrder === i) inOrder++
          if (i === COUNT - 1) resolve()
        })
        if (i % 1000 === 0) void raw.server.bufferedAmount
      }
      ;(raw.peer.socket as net.Socket).resetAndDestroy()
    })
    expect([inOrder, failed]).toEqual([COUNT, COUNT])
  })
})
