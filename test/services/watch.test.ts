import { describe, expect, test } from 'vitest'
import { Ticker } from '../../src/services/ticker.js'
import { kPlace, type Keeper, Watch, type Watchable } from '../../src/services/watch.js'
import { type WatchOptions, watchRules } from '../../src/services/watch-options.js'
import { VirtualTime } from './support.js'

interface Peer extends Watchable {
  name: string
  isOpen: boolean
  isReading: boolean
  pings: Uint8Array[]
}

/** How much later than asked for something may be done, in ticks. */
const LATENESS = 3

class World implements Keeper<Peer> {
  readonly time: VirtualTime
  readonly watch: Watch<Peer>
  readonly log: string[] = []
  /** Called when a peer is pinged. */
  onPing: (peer: Peer) => void = () => {}
  empties = 0

  constructor(options: WatchOptions, isServer = true, random: () => number = () => 0.5, time = new VirtualTime(0)) {
    this.time = time
    this.watch = new Watch(watchRules(options, isServer)!, new Ticker(this.time), this, random, () => this.empties++)
  }

  open(name = 'peer'): Peer {
    const peer = { name, isOpen: true, isReading: true, pings: [] }
    this.watch.opened(peer)
    return peer
  }

  receive(peer: Peer): void {
    this.watch.received(peer)
  }

  /** Answers the last ping, as what is read. */
  answer(peer: Peer, payload = peer.pings.at(-1)!): void {
    this.watch.received(peer)
    const octets = Uint8Array.of(1, 2, ...payload, 3)
    this.watch.ponged(peer, octets, 2, 2 + payload.length)
  }

  isOpen = (peer: Peer): boolean => peer.isOpen
  isReading = (peer: Peer): boolean => peer.isReading

  ping(peer: Peer, payload: Uint8Array): void {
    this.log.push(`${peer.name}: ping`)
    peer.pings.push(payload.slice())
    this.onPing(peer)
  }

  terminate(peer: Peer, cause: string): void {
    this.log.push(`${peer.name}: terminated, ${cause}`)
    peer.isOpen = false
    this.watch.closed(peer)
  }

  close(peer: Peer, code: number, reason: string, cause: string): void {
    this.log.push(`${peer.name}: closed with ${code} ${reason}, ${cause}`)
    peer.isOpen = false
  }

  report(error: unknown): void {
    this.log.push(`reported: ${(error as Error).message}`)
  }

  /** What was done while so much time passed. */
  pass(ms: number): string[] {
    this.time.pass(ms)
    return this.log.splice(0)
  }

  get late(): number {
    return LATENESS * this.watch.tickMs
  }
}

const HEARTBEAT = { heartbeat: { interval: 30_000, timeout: 10_000 } }

describe('a heartbeat', () => {
  test('pings what is silent, not before the interval is over and not much later', () => {
    const world = new World(HEARTBEAT)
    world.open()
    expect(world.pass(30_000)).toEqual([])
    expect(world.pass(world.late)).toEqual(['peer: ping'])
  })

  test('drops what does not answer, not before the timeout is over and not much later', () => {
    const world = new World(HEARTBEAT)
    world.open()
    world.pass(30_000)
    while (world.log.length === 0) world.time.pass(world.watch.tickMs / 2)
    expect(world.pass(10_000 - world.watch.tickMs)).toEqual(['peer: ping'])
    expect(world.pass(world.late + world.watch.tickMs)).toEqual(['peer: terminated, heartbeat'])
    expect(world.empties).toBe(1)
  })

  test('leaves alone what is heard, however long', () => {
    const world = new World(HEARTBEAT)
    const peer = world.open()
    for (let i = 0; i < 100; i++) {
      expect(world.pass(29_000)).toEqual([])
      world.receive(peer)
    }
  })

  test('anything that comes is life, also after a ping', () => {
    const world = new World(HEARTBEAT)
    const peer = world.open()
    for (let i = 0; i < 100; i++) {
      expect(world.pass(30_000 + world.late)).toEqual(['peer: ping'])
      expect(world.pass(9000)).toEqual([])
      world.receive(peer)
    }
  })

  test('counts from the last that came, not from when it looked', () => {
    const world = new World(HEARTBEAT)
    const peer = world.open()
    world.pass(20_000)
    world.receive(peer)
    expect(world.pass(30_000)).toEqual([])
    expect(world.pass(world.late)).toEqual(['peer: ping'])
  })

  test('works with a timeout that is longer than the interval, and much longer', () => {
    const world = new World({ heartbeat: { interval: 100, timeout: 60_000 } })
    world.open()
    expect(world.pass(60_000)).toEqual(['peer: ping'])
    expect(world.pass(200 + 2 * world.late)).toEqual(['peer: terminated, heartbeat'])
  })

  test('pings in its interval, also where the timeout is longer', () => {
    const world = new World({ heartbeat: { interval: 1000, timeout: 10_000 } })
    const peer = world.open()
    world.onPing = () => world.answer(peer)
    const most = Math.floor(60_000 / 1000)
    const count = world.pass(60_000).length
    expect(count).toBeLessThanOrEqual(most)
    expect(count).toBeGreaterThan(60_000 / (1000 + world.late) - 1)
  })

  test('of a client may only expect to hear something', () => {
    const world = new World({ heartbeat: { expect: 41_000 } }, false)
    const peer = world.open()
    world.pass(40_000)
    world.receive(peer)
    expect(world.pass(41_000)).toEqual([])
    expect(world.pass(world.late)).toEqual(['peer: terminated, heartbeat'])
    expect(peer.pings).toEqual([])
  })

  test('does nothing to what is closing', () => {
    const world = new World(HEARTBEAT)
    world.open().isOpen = false
    expect(world.pass(1_000_000)).toEqual([])
  })

  test('does not blame a peer that nobody listens to', () => {
    const world = new World(HEARTBEAT)
    const peer = world.open()
    peer.isReading = false
    world.pass(300_000)
    expect(peer.isOpen).toBe(true)
    peer.isReading = true
    expect(world.pass(40_000 + 2 * world.late)).toContain('peer: terminated, heartbeat')
    const client = new World({ heartbeat: { expect: 1000 } }, false)
    client.open().isReading = false
    expect(client.pass(100_000)).toEqual([])
  })
})

describe('latency', () => {
  test('is that of the last ping that was answered, in ms', () => {
    const world = new World(HEARTBEAT)
    const peer = world.open()
    expect(world.watch.latencyOf(peer)).toBe(undefined)
    world.onPing = () => {
      world.time.jump(12.345)
      world.answer(peer)
    }
    world.pass(30_000 + world.late)
    expect(world.watch.latencyOf(peer)).toBeCloseTo(12.345, 3)
    world.onPing = () => {}
    world.pass(30_000 + world.late)
    expect(world.watch.latencyOf(peer)).toBeCloseTo(12.345, 3)
    world.time.jump(200)
    world.answer(peer)
    expect(world.watch.latencyOf(peer)).toBeGreaterThanOrEqual(200)
  })

  test('is not changed by other pongs: none of ours, an old one, one that comes twice', () => {
    const world = new World(HEARTBEAT)
    const peer = world.open()
    world.answer(peer, Uint8Array.of(0, 0, 0, 0))
    world.pass(30_000 + world.late)
    const [payload] = peer.pings
    for (const other of [payload.subarray(1), Uint8Array.of(...payload, 0), payload.map((octet) => octet ^ 1), new Uint8Array(0)]) {
      world.answer(peer, other)
      expect(world.watch.latencyOf(peer)).toBe(undefined)
    }
    world.answer(peer)
    const latency = world.watch.latencyOf(peer)
    expect(latency).not.toBe(undefined)
    world.time.jump(100)
    world.answer(peer)
    expect(world.watch.latencyOf(peer)).toBe(latency)
    world.pass(30_000 + world.late)
    world.answer(peer, payload)
    expect(world.watch.latencyOf(peer)).toBe(latency)
  })

  test('is that of each connection, and gone with it', () => {
    const world = new World(HEARTBEAT)
    const [a, b] = [world.open('a'), world.open('b')]
    world.pass(30_000 + world.late)
    world.answer(b)
    expect(world.watch.latencyOf(a)).toBe(undefined)
    expect(world.watch.latencyOf(b)).not.toBe(undefined)
    world.watch.closed(b)
    expect(world.watch.latencyOf(b)).toBe(undefined)
    expect(world.watch.latencyOf(world.open('c'))).toBe(undefined)
  })
})

describe('idleTimeout', () => {
  const options = { idleTimeout: 60_000, ...HEARTBEAT }

  test('closes with 1001 where there was no message either way, pings and pongs or not', () => {
    const world = new World(options)
    const peer = world.open()
    world.onPing = () => world.answer(peer)
    expect(world.pass(60_000)).toEqual(['peer: ping'])
    expect(world.pass(world.late)).toContain('peer: closed with 1001 Idle timeout, idle')
    // The rest is the close timer's
    expect(world.pass(100_000)).toEqual([])
  })

  test.each(['messageReceived', 'messageSent'] as const)('does not where there are: %s', (method) => {
    const world = new World({ idleTimeout: 60_000 })
    const peer = world.open()
    for (let i = 0; i < 10; i++) {
      expect(world.pass(59_000)).toEqual([])
      world.watch[method](peer)
    }
    expect(world.pass(60_000 + world.late)).toEqual(['peer: closed with 1001 Idle timeout, idle'])
  })
})

describe('maxLifetime', () => {
  test('closes with 1001, whatever comes and goes', () => {
    const world = new World({ maxLifetime: { limit: 3_600_000, spread: 0 } })
    const peer = world.open()
    for (let i = 0; i < 60; i++) {
      expect(world.pass(59_990)).toEqual([])
      world.receive(peer)
      world.watch.messageReceived(peer)
    }
    expect(world.pass(600 + world.late)).toEqual(['peer: closed with 1001 Maximum lifetime, lifetime'])
  })

  test('is spread, so that not all end at once, and never longer than its limit', () => {
    let chance = 0
    const world = new World({ maxLifetime: { limit: 100_000, spread: 50_000 } }, true, () => (chance = (chance + 0.01) % 1))
    for (let i = 0; i < 100; i++) world.open(`${i}`)
    const ended: number[] = []
    for (let i = 0; i < 20; i++) ended.push(world.pass(5000).length)
    expect(ended.slice(0, 9)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0])
    // Ten in each of ten twentieths, but for how late they may be
    for (const count of ended.slice(11)) expect(count).toBeGreaterThanOrEqual(8)
    world.pass(world.late)
    expect(world.log).toEqual([])
  })
})

describe('the clock', () => {
  test.each([
    ['the machine slept for hours', 5 * 3_600_000],
    ['the process was stopped as long as a timeout', 10_000],
    ['the event loop was blocked for a while', 2000]
  ])('that jumps, as %s, ends nobody: a ping and its timeout come anew', (_, ms) => {
    const world = new World(HEARTBEAT)
    const waiting = world.open('waiting')
    world.pass(10_000)
    const quiet = world.open('quiet')
    world.pass(20_000 + world.late)
    expect(waiting.pings).toHaveLength(1)
    world.pass(9000)
    world.time.jump(ms)
    world.pass(0)
    expect(waiting.pings).toHaveLength(2)
    expect(world.pass(9000)).not.toContain('waiting: terminated, heartbeat')
    expect(world.pass(1000 + world.late)).toContain('waiting: terminated, heartbeat')
    // Time that nobody was there does not count for who was not pinged either
    expect(quiet.isOpen).toBe(true)
    expect(quiet.pings).toHaveLength(1)
  })

  test('that jumps ends nobody who expects to hear something, who is idle, or who is old', () => {
    const client = new World({ heartbeat: { expect: 41_000 }, idleTimeout: 60_000, maxLifetime: 100_000 }, false)
    client.open()
    client.pass(40_000)
    client.time.jump(1_000_000)
    expect(client.pass(19_000)).toEqual([])
    expect(client.pass(2000)).toEqual(['peer: closed with 1001 Idle timeout, idle'])
  })

  test('that goes back does no harm', () => {
    const world = new World(HEARTBEAT)
    world.open()
    world.pass(20_000)
    world.time.jump(-1_000_000)
    world.pass(1_000_000)
    expect(world.log.splice(0)).toEqual([])
    expect(world.pass(10_000 + world.late)).toEqual(['peer: ping'])
  })

  test('is late, as in an event loop that has much to do: what waits to be read counts before anybody is judged', () => {
    const world = new World(HEARTBEAT)
    const peer = world.open()
    world.pass(30_000 + world.late)
    world.pass(9000)
    const { tickMs } = world.watch
    // From before the time is over to after it, in one go
    world.time.jump(3 * tickMs)
    world.pass(0)
    expect(peer.isOpen).toBe(true)
    world.receive(peer)
    expect(world.pass(20_000)).toEqual([])
    // And if it stays so, who is silent is dropped all the same
    const silent = new World(HEARTBEAT)
    silent.open()
    const done: string[] = []
    for (let i = 0; i < 60; i++) {
      silent.time.jump(3 * tickMs)
      done.push(...silent.pass(0))
    }
    expect(done).toEqual(['peer: ping', 'peer: terminated, heartbeat'])
  })
})

describe('many connections', () => {
  test('have one timer, whatever they do, and none when they are gone', () => {
    const world = new World(HEARTBEAT)
    const peers = Array.from({ length: 5000 }, (_, i) => world.open(`${i}`))
    for (let i = 0; i < 50; i++) {
      world.pass(1000)
      for (const peer of peers) if (Number(peer.name) % 50 === i) world.receive(peer)
      expect(world.time.timers.size).toBe(1)
    }
    for (const peer of peers) world.watch.closed(peer)
    expect(world.time.timers.size).toBe(0)
    expect(world.watch.size).toBe(0)
    expect(world.empties).toBe(1)
  })

  test('that came at once are pinged a part at a time, so that others have their turn, and then stay apart', () => {
    const world = new World(HEARTBEAT)
    const peers = Array.from({ length: 5000 }, (_, i) => world.open(`${i}`))
    world.onPing = (peer) => world.answer(peer)
    let most = 0
    const times = new Map<string, number>()
    for (let run = 0; run < 3000 && times.size < peers.length; run++) {
      const [timer] = world.time.timers
      const done = world.pass(timer.at - world.time.now())
      for (const line of done) times.set(line, world.time.now())
      most = Math.max(most, done.length)
    }
    expect(times.size).toBe(5000)
    expect(most).toBe(512)
    const all = [...times.values()]
    expect(all.at(-1)! - all[0]).toBeLessThan(100)
  })

  test('come and go while the others are looked at', () => {
    const world = new World(HEARTBEAT)
    const peers = Array.from({ length: 100 }, (_, i) => world.open(`${i}`))
    let fresh = 0
    world.onPing = (peer) => {
      // Those beside it go, it goes itself, and others take their places
      const index = peers.indexOf(peer)
      if (index < 0) return
      for (const other of peers.slice(index, index + 3)) world.watch.closed(other)
      world.open(`fresh ${fresh++}`)
    }
    world.pass(30_000 + world.late)
    expect(world.watch.size).toBe(100 - countClosed(peers) + fresh)
    world.onPing = () => {}
    const then = world.pass(30_000 + world.late)
    expect(fresh).toBeGreaterThan(30)
    expect(then.filter((line) => /^fresh \d+: ping/.test(line))).toHaveLength(fresh)
  })

  test('are not kept from theirs by one that throws, which is reported', () => {
    const world = new World(HEARTBEAT)
    for (let i = 0; i < 3; i++) world.open(`${i}`)
    world.onPing = (peer) => {
      if (peer.name === '1') throw new Error('mine')
    }
    expect(world.pass(30_000 + world.late).sort()).toEqual(['0: ping', '1: ping', '2: ping', 'reported: mine'])
    expect(world.pass(10_000 + world.late).sort()).toEqual([0, 1, 2].map((i) => `${i}: terminated, heartbeat`))
  })

  test('that never opened, or are closed twice, are none of them', () => {
    const world = new World(HEARTBEAT)
    const never = { name: 'never', isOpen: false, isReading: true, pings: [] }
    world.watch.received(never)
    world.watch.closed(never)
    const peer = world.open()
    world.watch.closed(peer)
    world.watch.closed(peer)
    world.receive(peer)
    expect(world.watch.size).toBe(0)
    expect(world.pass(100_000)).toEqual([])
  })
})

function countClosed(peers: Peer[]): number {
  return peers.filter((peer) => peer[kPlace] === -1).length
}
