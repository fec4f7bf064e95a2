// Fakes of a test runner, for real: what is sent leaves, and is received, while nobody lets the faked time go on.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { link, type Socket } from './support/links.js'

type Fakes = NonNullable<NonNullable<Parameters<typeof vi.useFakeTimers>[0]>['toFake']>

const { setImmediate: realImmediate } = globalThis

const SETS: [string, Fakes | undefined][] = [
  ['the default', undefined],
  // But `nextTick`, which vitest refuses where its tests are processes: see children/leaving.mjs of the differential suite
  ['all that can be', ['setImmediate', 'setTimeout', 'setInterval', 'queueMicrotask', 'performance', 'Date', 'hrtime']],
  ['setImmediate only', ['setImmediate']]
]

/** Waits for turns of the real event loop, as many as it takes; a bound for what never comes. */
function until(condition: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    let turns = 0
    const look = (): void => {
      if (condition() || ++turns > 200_000) resolve()
      else realImmediate(look)
    }
    look()
  })
}

afterEach(() => {
  vi.useRealTimers()
})

describe.each(SETS)('with fakes of %s', (_name, toFake) => {
  let server: Socket
  let client: Socket
  const received: string[] = []

  beforeEach(async () => {
    ;({ server, client } = await link())
    received.length = 0
    client.on('message', (data: Buffer) => received.push(data.toString()))
    vi.useFakeTimers(toFake && { toFake })
  })

  test('a message leaves and arrives', async () => {
    server.send('one')
    await until(() => received.length === 1)
    expect(received).toEqual(['one'])
  })

  test('a burst does, and answers to it', async () => {
    const answers: string[] = []
    server.on('message', (data: Buffer) => answers.push(data.toString()))
    client.on('message', (data: Buffer) => {
      client.send(`answer to ${data}`)
      client.ping()
    })
    for (let i = 0; i < 50; i++) server.send(`${i}`, i % 2 ? () => {} : undefined)
    server.send(Buffer.alloc(100_000, 'x'))
    await until(() => answers.length === 51)
    expect(received.length).toBe(51)
    expect(answers.length).toBe(51)
  })

  test('callbacks are called, also where the system has not taken all at once', async () => {
    const order: number[] = []
    for (let i = 0; i < 20; i++) server.send('x', () => order.push(i))
    await until(() => order.length === 20)
    expect(order).toEqual(Array.from({ length: 20 }, (_, i) => i))
  })
})
