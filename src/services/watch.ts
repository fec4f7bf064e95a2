// What is done to connections by the clock: the heartbeat, idleTimeout and maxLifetime, for all connections with the same rules.
//
// Nothing is scheduled for a connection. It has a place in a timing wheel, which the watch looks at when something could be due, and what
// happens in between only leaves the tick in which it did. A tick is a fraction of the shortest time that the rules name; whatever is due is
// done up to three ticks late, and never early.

import { CLOSE_GOING_AWAY } from '../core/constants.js'
import type { Observer } from '../node/delivery/observer.js'
import type { CloseCause } from './close-cause.js'
import { type Numbers, resized } from './numbers.js'
import type { Ticker, Ticking } from './ticker.js'
import { HORIZON, laterTick, ticksFrom, TimingWheel } from './timing-wheel.js'
import type { WatchRules } from './watch-options.js'

/** Ticks in the shortest time that the rules name; and how long a tick may be, in ms. */
const RESOLUTION = 32
const SHORTEST_TICK_MS = 10
const LONGEST_TICK_MS = 1000

/** Ticks without a run from which on it counts as a jump of the clock: the process was stopped, or the machine slept. */
const JUMP = 4

/** Connections that are pinged, dropped or closed in one run; the others have theirs a moment later, when others had their turn. */
const MOST_ACTIONS = 512
const NEXT_TURN_MS = 1

/** A tick that is before another is so many after it, or more. */
const BEFORE = 2 ** 30

/** No ping waits to be answered. */
const NO_PING = -1

/** What is to be done to a connection. */
const NOTHING = 0
const PING = 1
const DROP = 2
const CLOSE_IDLE = 3
const CLOSE_OLD = 4

/** Octets of a ping's payload: when it was sent, as only we can tell. */
const PAYLOAD_LENGTH = 4

export const kPlace = Symbol('hybi.place')

/** A connection, and its place; none, or -1, as long as it is not watched. */
export interface Watchable {
  [kPlace]?: number
}

/** What a watch does to connections. */
export interface Keeper<Connection> {
  isOpen(connection: Connection): boolean
  /** Whether what comes is read: else silence says nothing of the peer. */
  isReading(connection: Connection): boolean
  /** @param payload used again after the call */
  ping(connection: Connection, payload: Uint8Array): void
  /** @param cause for those who observe */
  terminate(connection: Connection, cause: CloseCause): void
  close(connection: Connection, code: number, reason: string, cause: CloseCause): void
  /** Something of the program's threw. */
  report(error: unknown): void
}

export class Watch<Connection extends Watchable> implements Observer<Connection>, Ticking {
  /** Length of a tick, in ms. */
  readonly tickMs: number
  private readonly ticker: Ticker
  private readonly keeper: Keeper<Connection>
  private readonly random: () => number
  private readonly onEmpty: () => void
  private readonly rules: WatchRules
  // In ticks; 0 where there is no such rule
  private readonly interval: number
  private readonly timeout: number
  private readonly expect: number
  private readonly idle: number

  private readonly wheel = new TimingWheel()
  /** When the tick began, and when the last run did. */
  private tickAt = 0
  private ranAt = 0
  /** How many ticks the last run went on. */
  private steps = 0
  /** For how many ticks a connection that was looked at need not be again. */
  private rest = 0
  /** What times of pings are counted from, in µs. */
  private readonly origin: number
  private readonly payload = new Uint8Array(PAYLOAD_LENGTH)

  // By place
  private connections: (Connection | undefined)[] = []
  /** Tick of the last read; and of the ping since, if there was one. */
  private receivedIn: Numbers
  private pingedIn: Numbers
  /** When the last ping was sent, in µs, or 0 if it was answered; and how long that took, or 0 if none was. */
  private sentAt: Numbers
  private latency: Numbers
  /** Tick of the last message, and that with which the lifetime ends; null without such a rule. */
  private activeIn: Numbers | null
  private endsIn: Numbers | null

  /**
   * @param random from 0 to 1
   * @param onEmpty called when the last connection has left
   */
  constructor(rules: WatchRules, ticker: Ticker, keeper: Keeper<Connection>, random: () => number, onEmpty: () => void = () => {}) {
    const { interval, timeout, expect, idle, lifetime } = rules
    const shortest = Math.min(...[interval, timeout, expect, idle, lifetime].filter((ms) => ms > 0))
    this.tickMs = Math.min(LONGEST_TICK_MS, Math.max(SHORTEST_TICK_MS, shortest / RESOLUTION))
    this.ticker = ticker
    this.keeper = keeper
    this.random = random
    this.onEmpty = onEmpty
    this.rules = rules
    this.interval = this.ticks(interval)
    this.timeout = this.ticks(timeout)
    this.expect = this.ticks(expect)
    this.idle = this.ticks(idle)
    // A peer has no use for how long we have been running
    this.origin = Math.floor(random() * 2 ** 32)
    const numbers = (): Numbers => new Int32Array(this.wheel.capacity)
    this.receivedIn = numbers()
    this.pingedIn = numbers()
    this.sentAt = numbers()
    this.latency = numbers()
    this.activeIn = idle > 0 ? numbers() : null
    this.endsIn = lifetime > 0 ? numbers() : null
  }

  /** How many connections it watches. */
  get size(): number {
    return this.wheel.size
  }

  opened(connection: Connection): void {
    const { wheel, rules } = this
    if (wheel.size === 0) this.start()
    const { tick } = wheel
    const lifetime = this.endsIn === null ? 0 : this.ticks(rules.lifetime - this.random() * rules.spread)
    const first = Math.min(...[this.interval, this.expect, this.idle, lifetime].filter((ticks) => ticks > 0))
    const place = wheel.add(first)
    this.fit()
    connection[kPlace] = place
    this.connections[place] = connection
    this.receivedIn[place] = tick
    this.pingedIn[place] = NO_PING
    this.sentAt[place] = 0
    this.latency[place] = 0
    if (this.activeIn !== null) this.activeIn[place] = tick
    if (this.endsIn !== null) this.endsIn[place] = laterTick(tick, lifetime)
  }

  received(connection: Connection): void {
    const place = connection[kPlace]!
    if (place >= 0) this.receivedIn[place] = this.wheel.tick
  }

  ponged(connection: Connection, octets: Uint8Array, start: number, end: number): void {
    const place = connection[kPlace]!
    if (!(place >= 0) || end - start !== PAYLOAD_LENGTH || this.sentAt[place] === 0) return
    const sentAt = (octets[start] << 24) | (octets[start + 1] << 16) | (octets[start + 2] << 8) | octets[start + 3]
    if (sentAt !== this.sentAt[place]) return
    this.sentAt[place] = 0
    // At least a µs: 0 is for none
    this.latency[place] = Math.max(1, (this.microseconds() - sentAt) & 0x7fffffff)
  }

  messageReceived(connection: Connection): void {
    this.noteMessage(connection)
  }

  messageSent(connection: Connection): void {
    this.noteMessage(connection)
  }

  closed(connection: Connection): void {
    const place = connection[kPlace]!
    // Its opening handshake may have failed
    if (!(place >= 0)) return
    connection[kPlace] = -1
    this.connections[place] = undefined
    this.wheel.remove(place)
    if (this.wheel.size > 0) return
    this.ticker.remove(this)
    this.connections = []
    this.fit()
    this.onEmpty()
  }

  /** How long the last ping that was answered took to be, in ms; undefined as long as none was. */
  latencyOf(connection: Connection): number | undefined {
    const place = connection[kPlace]!
    const latency = place >= 0 ? this.latency[place] : 0
    return latency === 0 ? undefined : latency / 1000
  }

  run(now: number): number {
    const { wheel, tickMs } = this
    const gap = now - this.ranAt
    this.ranAt = now
    if (gap >= JUMP * tickMs || gap < 0) {
      this.forgive()
      // As if no time but a tick had passed
      this.tickAt = now - tickMs
    }
    this.steps = Math.floor((now - this.tickAt) / tickMs)
    this.tickAt += this.steps * tickMs
    for (let i = 0; i < this.steps; i++) wheel.advance()
    this.lookAtDue()
    return wheel.due < 0 ? this.tickAt + tickMs : now + NEXT_TURN_MS
  }

  /** Looks at connections that are due, until something was done to so many of them that the others have to wait. */
  private lookAtDue(): void {
    const { wheel, keeper } = this
    let actions = 0
    for (let place = wheel.due; place >= 0 && actions < MOST_ACTIONS; place = wheel.due) {
      const connection = this.connections[place]!
      this.rest = HORIZON
      const action = keeper.isOpen(connection) ? this.judge(place, connection) : NOTHING
      // Before anything is done, which may end it
      wheel.move(place, this.rest)
      if (action === NOTHING) continue
      actions++
      try {
        this.act(action, place, connection)
      } catch (error) {
        keeper.report(error)
      }
    }
  }

  /** What is to be done to a connection; `rest` becomes when it is to be looked at again if that does not end it. */
  private judge(place: number, connection: Connection): number {
    const { tick } = this.wheel
    if (this.endsIn !== null) {
      const left = ticksFrom(tick, this.endsIn[place])
      if (left === 0 || left >= BEFORE) return CLOSE_OLD
      this.restFor(left)
    }
    if (this.activeIn !== null && this.isOver(this.activeIn[place], this.idle)) return CLOSE_IDLE
    if (this.expect > 0 && this.isOver(this.receivedIn[place], this.expect)) {
      if (this.keeper.isReading(connection)) return DROP
      this.receivedIn[place] = tick
    }
    return this.interval > 0 ? this.judgeHeartbeat(place, connection) : NOTHING
  }

  private judgeHeartbeat(place: number, connection: Connection): number {
    const { tick } = this.wheel
    const pinged = this.pingedIn[place]
    if (pinged !== NO_PING) {
      const isAlive = ticksFrom(pinged, this.receivedIn[place]) < BEFORE
      if (!isAlive && !this.isOver(pinged, this.timeout)) return NOTHING
      if (!isAlive && this.keeper.isReading(connection)) return DROP
      this.pingedIn[place] = NO_PING
      if (!isAlive) this.receivedIn[place] = tick
    }
    const silent = ticksFrom(this.receivedIn[place], tick)
    if (silent < this.interval) {
      this.restFor(this.interval - silent)
      return NOTHING
    }
    this.pingedIn[place] = tick
    this.restFor(Math.min(this.timeout, this.interval))
    return PING
  }

  /**
   * Whether a time is over, or else when that is to be looked at. What came in the meantime may be about to be read, as timers come before
   * reads: it is over in a run that is not the first to see it.
   */
  private isOver(since: number, ticks: number): boolean {
    const passed = ticksFrom(since, this.wheel.tick)
    if (passed >= ticks + this.steps) return true
    this.restFor(passed < ticks ? ticks - passed : 1)
    return false
  }

  private restFor(ticks: number): void {
    if (ticks < this.rest) this.rest = ticks
  }

  private act(action: number, place: number, connection: Connection): void {
    const { keeper } = this
    if (action === PING) this.ping(place, connection)
    else if (action === DROP) keeper.terminate(connection, 'heartbeat')
    else if (action === CLOSE_IDLE) keeper.close(connection, CLOSE_GOING_AWAY, 'Idle timeout', 'idle')
    else keeper.close(connection, CLOSE_GOING_AWAY, 'Maximum lifetime', 'lifetime')
  }

  private ping(place: number, connection: Connection): void {
    const { payload } = this
    const sentAt = this.microseconds() || 1
    this.sentAt[place] = sentAt
    for (let i = 0; i < PAYLOAD_LENGTH; i++) payload[i] = sentAt >>> (24 - 8 * i)
    this.keeper.ping(connection, payload)
  }

  /** After a jump of the clock: who has not answered could not, or was not heard. */
  private forgive(): void {
    const { wheel, connections, interval, expect } = this
    const { tick } = wheel
    for (let place = 0; place < connections.length; place++) {
      if (connections[place] === undefined) continue
      if (expect > 0) this.receivedIn[place] = tick
      if (interval === 0 || this.pingedIn[place] === NO_PING) continue
      this.pingedIn[place] = NO_PING
      this.receivedIn[place] = laterTick(tick, -interval)
      wheel.move(place, 1)
    }
  }

  private noteMessage(connection: Connection): void {
    const place = connection[kPlace]!
    if (this.activeIn !== null && place >= 0) this.activeIn[place] = this.wheel.tick
  }

  private start(): void {
    this.tickAt = this.ranAt = this.ticker.now()
    this.ticker.add(this, this.tickAt + this.tickMs)
  }

  /** Time in µs, in 32 bits. */
  private microseconds(): number {
    return (Math.floor(this.ticker.now() * 1000) + this.origin) | 0
  }

  /** So many ticks are at least `ms`, whenever in a tick it began. */
  private ticks(ms: number): number {
    return ms > 0 ? Math.ceil(ms / this.tickMs) + 1 : 0
  }

  /** Gives each place its numbers. */
  private fit(): void {
    const { capacity } = this.wheel
    if (this.receivedIn.length === capacity) return
    this.receivedIn = resized(this.receivedIn, capacity)
    this.pingedIn = resized(this.pingedIn, capacity)
    this.sentAt = resized(this.sentAt, capacity)
    this.latency = resized(this.latency, capacity)
    if (this.activeIn !== null) this.activeIn = resized(this.activeIn, capacity)
    if (this.endsIn !== null) this.endsIn = resized(this.endsIn, capacity)
  }
}
