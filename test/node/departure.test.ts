// When a frame leaves, in virtual time: outputs, reads, ticks and the clock are made up.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

type Module = typeof import('../../src/node/links/departure.js')
type Departing = import('../../src/node/links/departure.js').Departing

/** Spacing of a fast burst, in ms: a send takes less. */
const FAST = 0.001

let departure: Module
let now = 0
let looks = 0
let ticks: ((...args: unknown[]) => void)[] = []
let immediates: (() => void)[] = []
let thrown: unknown[] = []

beforeEach(async () => {
  now = 1000
  looks = 0
  ticks = []
  immediates = []
  thrown = []
  vi.resetModules()
  // Whatever the environment of the run says
  vi.stubEnv('HYBI_COALESCE', '')
  vi.doMock('../../src/node/runtime/ticks.js', () => ({
    nextTick: (run: () => void) => ticks.push(run),
    setImmediate: (run: () => void) => immediates.push(run),
    rethrowLater: (error: unknown) => thrown.push(error),
    clock: () => {
      looks++
      return now
    }
  }))
  departure = await import('../../src/node/links/departure.js')
  looks = 0
})

afterEach(() => {
  vi.doUnmock('../../src/node/runtime/ticks.js')
  vi.unstubAllEnvs()
})

/** All that was put off to the next tick. */
function tick(): void {
  for (const run of ticks.splice(0)) run()
}

/** All that was put off to the end of this turn of the event loop. */
function turn(): void {
  for (const run of immediates.splice(0)) run()
}

/** Who writes frames of `size` octets; its writes are noted as the frames that they have. */
class Output implements Departing {
  flags = 0
  turn = -1
  gatheredLength = 0
  readonly writes: number[] = []
  #frames = 0
  onWrite: () => void = () => {}

  /** Sends one; returns whether it left in the call. */
  send(size = 10): boolean {
    this.gatheredLength += size
    this.#frames++
    const leaves = departure.leavesNow(this)
    if (leaves) this.flush()
    return leaves
  }

  flush(): void {
    if (this.#frames === 0) return
    this.flags &= ~departure.GATHERED
    this.gatheredLength = 0
    this.writes.push(this.#frames)
    this.#frames = 0
    this.onWrite()
  }

  get waiting(): number {
    return this.#frames
  }
}

/** Sends `count` frames, `gap` ms apart; returns which of them left in the call, as their numbers. */
function burst(output: Output, count: number, gap = FAST): number[] {
  const left: number[] = []
  for (let i = 0; i < count; i++) {
    if (output.send()) left.push(i)
    now += gap
  }
  return left
}

/** An output that sent a burst in the turn before. */
function busy(): Output {
  const output = new Output()
  burst(output, 5)
  tick()
  output.writes.length = 0
  looks = 0
  return output
}

describe('outside of reads', () => {
  test('a frame leaves in its call', () => {
    const output = new Output()
    for (let turn = 0; turn < 20; turn++) {
      expect(output.send()).toBe(true)
      tick()
      now += FAST
    }
    expect(output.writes).toEqual(Array(20).fill(1))
  })

  test('a connection that sends once in a turn never looks at the clock', () => {
    const outputs = Array.from({ length: 20 }, () => new Output())
    for (const output of outputs) {
      output.send()
      tick()
      now += 10
    }
    expect(looks).toBe(0)
  })

  test('of a burst the first leave in their calls, and the others together in the next tick', () => {
    const output = new Output()
    // How long after the first the second came is not known: there was no look then
    expect(burst(output, 50)).toEqual([0, 1])
    expect(output.waiting).toBe(48)
    tick()
    expect(output.writes).toEqual([1, 1, 48])
    expect(ticks).toEqual([])
  })

  test('of a connection that sent a burst in its last turn, the first only', () => {
    const output = busy()
    expect(burst(output, 50)).toEqual([0])
    tick()
    expect(output.writes).toEqual([1, 49])
  })

  test('a connection is busy no longer when it sent one frame in a turn', () => {
    const output = busy()
    output.send()
    tick()
    looks = 0
    output.send()
    expect(looks).toBe(0)
  })

  test('frames of others that began to send earlier in the turn are no burst of this one', () => {
    const outputs = Array.from({ length: 4 }, () => new Output())
    expect(outputs.map((output) => output.send())).toEqual([true, true, true, true])
  })

  test('over all connections eight frames leave in their calls, the others in the next tick', () => {
    const outputs = Array.from({ length: 30 }, () => new Output())
    const left = outputs.map((output) => {
      now += FAST
      return output.send()
    })
    expect(left).toEqual(outputs.map((_, i) => i < 8))
    tick()
    expect(outputs.every(({ writes }) => writes.join() === '1')).toBe(true)
    // And the count begins anew
    expect(new Output().send()).toBe(true)
  })

  test('frames are written in the order in which their connections began to wait', () => {
    const order: number[] = []
    const outputs = Array.from({ length: 20 }, (_, i) => {
      const output = new Output()
      output.onWrite = () => order.push(i)
      return output
    })
    for (const output of outputs) {
      output.send()
      now += FAST
    }
    tick()
    expect(order).toEqual(outputs.map((_, i) => i))
  })
})

describe('a burst that is long', () => {
  test.each([100, 1000, 16_384, 65_536])('leaves whenever 64 KiB wait: frames of %i octets', (size) => {
    const output = busy()
    let most = 0
    for (let i = 0; i < 3000; i++) {
      output.send(size)
      most = Math.max(most, output.gatheredLength)
    }
    expect(most).toBeLessThan(64 * 1024 + size)
    // The first in its call, then as much each time
    const [first, ...writes] = output.writes
    expect([first, new Set(writes)]).toEqual([1, new Set([Math.ceil((64 * 1024) / size)])])
  })
})

describe('time', () => {
  test('frames that are 0.1 ms apart leave in their calls', () => {
    for (const output of [new Output(), busy()]) {
      expect(burst(output, 30, 0.11)).toEqual(Array.from({ length: 30 }, (_, i) => i))
      tick()
    }
  })

  test('frames that are less apart do not', () => {
    for (const output of [new Output(), busy()]) {
      const begin = output.writes.length
      burst(output, 30, 0.09)
      expect(output.writes.length - begin).toBeLessThan(10)
      tick()
    }
  })

  test('a pause of 0.1 ms behind the first frames of a turn is no burst', () => {
    const output = new Output()
    expect(burst(output, 2)).toEqual([0, 1])
    now += 0.1
    expect(output.send()).toBe(true)
    now += 0.1
    expect(output.send()).toBe(true)
    // And a burst may begin then
    now += FAST
    expect(output.send()).toBe(false)
  })

  test('a pause of 1 ms ends any burst, at one of the next 17 frames', () => {
    for (let length = 2; length < 100; length++) {
      const output = busy()
      burst(output, length)
      now += 1
      const before = output.writes.length
      let more = 0
      while (output.writes.length === before) {
        output.send()
        more++
      }
      expect(more).toBeLessThanOrEqual(17)
      expect(output.waiting).toBe(0)
      tick()
    }
  })

  test('a pause of others is noticed, too: what waits leaves with a frame of any connection', () => {
    const waiting = busy()
    burst(waiting, 2)
    expect(waiting.waiting).toBe(1)
    const other = new Output()
    for (let i = 0; i < 17 && waiting.waiting > 0; i++) {
      now += 1
      other.send()
    }
    expect([waiting.writes, other.waiting]).toEqual([[1, 1], 0])
  })

  test('no frame waits for more than 5 ms while its program goes on sending, and the time of 17 sends', () => {
    for (const gap of [0.002, 0.01, 0.05, 0.09]) {
      const output = busy()
      let since = NaN
      let longest = 0
      for (let i = 0; i < 20_000; i++) {
        output.send(1)
        if (output.waiting === 0) since = NaN
        else if (Number.isNaN(since)) since = now
        else longest = Math.max(longest, now - since)
        now += gap
      }
      // It is noticed with the first look that finds it waiting, and looked for with one that comes later
      expect(longest).toBeLessThanOrEqual(5 + 36 * gap)
      expect(longest).toBeGreaterThan(gap)
      tick()
    }
  })

  test('the next turn begins when what waited has left', () => {
    const output = busy()
    burst(output, 20)
    now += 10
    while (output.waiting > 0) output.send()
    const { length } = output.writes
    // Their own count of writes in the call
    const others = Array.from({ length: 20 }, () => new Output())
    const left = others.map((other) => {
      now += FAST
      return other.send()
    })
    expect(left.filter(Boolean).length).toBe(7)
    expect(output.writes.length).toBe(length)
    tick()
    expect(others.every(({ writes }) => writes.join() === '1')).toBe(true)
  })

  test('the clock is looked at once in 17 frames of a fast burst, and rarely at its beginning', () => {
    for (const count of [1, 2, 3, 10, 100, 1000, 10_000]) {
      const output = busy()
      burst(output, count)
      expect([count, looks <= 4 + Math.ceil(count / 17)]).toEqual([count, true])
      tick()
    }
  })

  test('a clock that goes back holds nothing', () => {
    const output = busy()
    burst(output, 5)
    now -= 1000
    burst(output, 100)
    now += 2000
    burst(output, 20)
    expect(output.writes.length).toBeGreaterThan(1)
    tick()
    expect(output.waiting).toBe(0)
  })
})

describe('within a read', () => {
  const reading = { hasMore: false }

  test('a frame leaves in its call, if nothing of the read is still to be delivered', () => {
    const output = new Output()
    const outer = departure.enterRead({ hasMore: false })
    expect(output.send()).toBe(true)
    departure.leaveRead(outer)
    expect(ticks).toEqual([])
    expect(output.writes).toEqual([1])
  })

  test('else it leaves when the read ends, without a tick', () => {
    const output = new Output()
    const receiver = { hasMore: true }
    const outer = departure.enterRead(receiver)
    expect([output.send(), output.send()]).toEqual([false, false])
    receiver.hasMore = false
    expect(output.send()).toBe(false)
    expect(output.writes).toEqual([])
    departure.leaveRead(outer)
    expect(output.writes).toEqual([3])
    expect(ticks).toEqual([])
    turn()
    expect(output.writes).toEqual([3])
  })

  test('in a loop of events within a read, what was gathered leaves in the next turn of that', () => {
    const output = new Output()
    const outer = departure.enterRead({ hasMore: true })
    output.send()
    turn()
    expect(output.writes).toEqual([1])
    output.send()
    expect(output.waiting).toBe(1)
    turn()
    expect(output.writes).toEqual([1, 1])
    departure.leaveRead(outer)
  })

  test('a read within a read has its own end; the outer one goes on with its own', () => {
    const [one, two] = [new Output(), new Output()]
    const outer = { hasMore: true }
    const inner = { hasMore: false }
    const atOuter = departure.enterRead(outer)
    expect(one.send()).toBe(false)
    const atInner = departure.enterRead(inner)
    expect(atInner).toBe(outer)
    expect(two.send()).toBe(true)
    departure.leaveRead(atInner)
    // With the inner read all leaves that waits
    expect(one.writes).toEqual([1])
    expect(one.send()).toBe(false)
    departure.leaveRead(atOuter)
    expect(one.writes).toEqual([1, 1])
    expect(atOuter).toBe(null)
  })

  test('what a read sent is no burst of the next read', () => {
    const output = new Output()
    for (let i = 0; i < 20; i++) {
      const outer = departure.enterRead(reading)
      expect(output.send()).toBe(true)
      departure.leaveRead(outer)
    }
    expect([output.writes, looks, ticks]).toEqual([Array(20).fill(1), 0, []])
  })

  test('time that passes in a read counts', () => {
    const output = new Output()
    const outer = departure.enterRead({ hasMore: true })
    expect(output.send()).toBe(false)
    now += 0.2
    // The first look there
    output.send()
    now += 0.2
    output.send()
    expect(output.waiting).toBe(0)
    departure.leaveRead(outer)
  })

  test('a turn that began before the read ends with it', () => {
    const output = new Output()
    output.send()
    expect(ticks.length).toBe(1)
    const outer = departure.enterRead(reading)
    departure.leaveRead(outer)
    expect(output.send()).toBe(true)
    tick()
    expect(output.send()).toBe(true)
    tick()
    expect(output.writes).toEqual([1, 1, 1])
    expect(ticks).toEqual([])
  })
})

describe('with coalesce: false', () => {
  test('each frame leaves in its call, in a burst and within a read', () => {
    const output = new Output()
    output.flags = departure.AT_ONCE
    expect(burst(output, 100).length).toBe(100)
    const outer = departure.enterRead({ hasMore: true })
    expect(burst(output, 100).length).toBe(100)
    departure.leaveRead(outer)
    tick()
    expect(output.writes).toEqual(Array(200).fill(1))
  })

  test('it does not keep the frames of others from leaving in their calls', () => {
    const output = new Output()
    output.flags = departure.AT_ONCE
    burst(output, 100)
    expect(new Output().send()).toBe(true)
  })

  test.each([
    [undefined, true],
    [null, true],
    [true, true],
    [false, false]
  ])('the option %s', (option, expected) => {
    expect(departure.coalesces(option)).toBe(expected)
  })

  test('HYBI_COALESCE is its default', async () => {
    for (const [value, expected] of [
      ['off', false],
      ['auto', true],
      ['', true]
    ] as const) {
      vi.resetModules()
      vi.stubEnv('HYBI_COALESCE', value)
      const { coalesces, checkCoalesce } = await import('../../src/node/links/departure.js')
      expect([value, coalesces(undefined), coalesces(true), coalesces(false)]).toEqual([value, expected, true, false])
      checkCoalesce()
    }
    vi.resetModules()
    vi.stubEnv('HYBI_COALESCE', 'on')
    const { checkCoalesce } = await import('../../src/node/links/departure.js')
    expect(checkCoalesce).toThrow(
      new TypeError('Invalid value of the environment variable HYBI_COALESCE: on (must be one of "auto", "off")')
    )
  })
})

describe('writes that do more than write', () => {
  test('a write that throws keeps no other one from leaving', () => {
    const outputs = Array.from({ length: 15 }, () => new Output())
    let isThrown = false
    outputs[9].onWrite = () => {
      if (isThrown) return
      isThrown = true
      throw new Error('of 9')
    }
    for (const output of outputs) output.send()
    tick()
    expect(outputs.map(({ writes }) => writes.join())).toEqual(outputs.map(() => '1'))
    expect(thrown.map(String)).toEqual(['Error: of 9'])
    expect(outputs[9].send()).toBe(true)
  })

  test('a write that makes others send writes those as well', () => {
    const outputs = Array.from({ length: 15 }, () => new Output())
    const late = Array.from({ length: 15 }, () => new Output())
    outputs.forEach((output, i) => {
      output.onWrite = () => void late[i].send()
    })
    for (const output of outputs) output.send()
    tick()
    tick()
    expect(late.map(({ writes }) => writes.join())).toEqual(late.map(() => '1'))
  })

  test('a write that ends a read, and so the turn, writes all the same', () => {
    const outputs = Array.from({ length: 15 }, () => new Output())
    outputs[8].onWrite = () => {
      const outer = departure.enterRead({ hasMore: true })
      outputs[0].send()
      departure.leaveRead(outer)
    }
    for (const output of outputs) output.send()
    tick()
    tick()
    expect(outputs.map(({ writes }) => writes.join())).toEqual(outputs.map((_, i) => (i === 0 ? '1,1' : '1')))
  })

  test('an output that was written for another reason is not written again, nor forgotten', () => {
    const output = busy()
    burst(output, 3)
    output.flush()
    tick()
    expect(output.writes).toEqual([1, 2])
    burst(output, 3)
    output.flush()
    output.send()
    tick()
    expect(output.waiting).toBe(0)
  })
})

test('at the end of the process what waits leaves, and each frame after that in its call', () => {
  departure.watchExit()
  departure.watchExit()
  const calls = (process as unknown as Record<symbol, { value: Set<WeakRef<() => void>> }>)[Symbol.for('hybi.exit.1')].value
  const own = [...calls].at(-1)!.deref()!
  const output = busy()
  burst(output, 10)
  expect(output.waiting).toBe(9)
  own()
  expect(output.waiting).toBe(0)
  expect(burst(output, 100).length).toBe(100)
  const outer = departure.enterRead({ hasMore: true })
  expect(output.send()).toBe(true)
  departure.leaveRead(outer)
})
