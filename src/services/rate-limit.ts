// How much a client may send: a token bucket for messages and one for octets, per connection. Who is faster is not read from until there are
// tokens again, so that TCP tells the client to wait; or, if the server wants it so, loses the connection.
//
// The limit stands in for some methods of a connection's delivery, of those connections only that have one.

import { Buffer } from 'node:buffer'
import { serializeClosePayload } from '../core/close.js'
import { noteCause, type Observed } from '../node/delivery/observer.js'
import { MOST_MS, numberOption, wrongType } from './option-checks.js'
import type { Time } from './time.js'
import { TokenBucket } from './token-bucket.js'

export interface RateLimitOptions {
  messages?: number | null | undefined
  octets?: number | null | undefined
  interval?: number | null | undefined
  burst?: number | null | undefined
  action?: 'pause' | 'close' | null | undefined
}

/** What a rate limit needs of a connection's delivery. */
export interface LimitedDelivery {
  onOctets(octets: Uint8Array, start: number, end: number, transient: boolean, isFull: boolean): void
  onEnd(): void
  onClose(): void
  onMessage(octets: Uint8Array, start: number, end: number, isBinary: boolean, nonAscii: boolean, kept: boolean): void
  onFragments(fragments: Uint8Array[], length: number, isBinary: boolean, nonAscii: boolean): void
  onPing(octets: Uint8Array, start: number, end: number): void
  onPong(octets: Uint8Array, start: number, end: number): void
  onWork(): number
  takeTurn(): void
  /** Reads nothing more until `takeTurn`; with `stops` nothing is delivered either, which only who is asked for work may demand. */
  waitForTokens(stops: boolean): void
  /** Closes as the program would. */
  answerClose(code: number, reason: Uint8Array): boolean
  readonly connection: { close(payload: Uint8Array): void }
  readonly owner: Observed
}

const DEFAULT_INTERVAL_MS = 1000
const CLOSE_POLICY_VIOLATION = 1008
const REASON = Buffer.from('Rate limit exceeded')
const ALLOWED = 'an object with "messages", "octets" or both'

/** What each client of a server may send. */
export class RateLimit {
  readonly closes: boolean
  private readonly intervalMs: number
  private readonly burst: number
  private readonly messages: number
  private readonly octets: number

  /** @throws {TypeError} or {RangeError} for options that are none */
  constructor(
    options: RateLimitOptions,
    readonly time: Time
  ) {
    if (typeof options !== 'object' || options === null) wrongType('rateLimit', options, ALLOWED)
    const { action = 'pause' } = options
    if (action !== null && action !== 'pause' && action !== 'close') {
      wrongType('rateLimit.action', action, '"pause" or "close"')
    }
    this.closes = action === 'close'
    this.intervalMs = numberOption('rateLimit.interval', options.interval, DEFAULT_INTERVAL_MS, 1, MOST_MS)
    this.burst = numberOption('rateLimit.burst', options.burst, 1, 1)
    this.messages = numberOption('rateLimit.messages', options.messages, Infinity, 1)
    this.octets = numberOption('rateLimit.octets', options.octets, Infinity, 1)
    if (this.messages === Infinity && this.octets === Infinity) wrongType('rateLimit', options, ALLOWED)
  }

  /** Limits what comes by `delivery` from here on. */
  limit(delivery: LimitedDelivery): void {
    const limited = delivery as LimitedDelivery & Partial<Limited>
    limited[kMeter] = new Meter(this, this.bucket(this.messages), this.bucket(this.octets), delivery)
    Object.assign(limited, LIMITED)
  }

  private bucket(rate: number): TokenBucket | null {
    if (rate === Infinity) return null
    return new TokenBucket(rate / this.intervalMs, rate * this.burst, this.time.now())
  }
}

const kMeter = Symbol('hybi.meter')

interface Limited extends LimitedDelivery {
  [kMeter]: Meter
}

/** States of a meter. */
const OPEN = 0
/** Nothing is read until there are tokens. */
const PAUSED = 1
/** It was too much: nothing more is delivered. */
const CLOSED = 2
/** The client sends nothing more. */
const OVER = 3

class Meter {
  state = OPEN
  private timer: unknown = null
  private readonly time: Time

  constructor(
    private readonly limit: RateLimit,
    private readonly messages: TokenBucket | null,
    private readonly octets: TokenBucket | null,
    private readonly delivery: LimitedDelivery
  ) {
    this.time = limit.time
  }

  /** Octets came; what is in them is about to be delivered. */
  received(length: number): void {
    if (this.octets !== null && !this.octets.take(length, this.time.now())) this.exceeded()
  }

  /** Whether one more message may be delivered. */
  mayDeliver(): boolean {
    if (this.messages !== null && this.state < CLOSED && !this.messages.take(1, this.time.now())) this.exceeded()
    return this.state !== CLOSED
  }

  /** Of so much that is to be done, how much may be done; at 0 the delivery goes on when there are tokens. */
  mayDo(work: number): number {
    if (this.messages === null || this.limit.closes || this.state >= CLOSED) return work
    // Each message is one unit or more
    const available = this.messages.available(this.time.now())
    if (available <= 0) this.pause(true)
    return Math.min(work, Math.max(0, available))
  }

  /** Lets all that came be delivered: there is nobody to wait for. */
  open(): void {
    if (this.state === CLOSED || this.state === OVER) return
    const wasPaused = this.state === PAUSED
    this.state = OVER
    if (this.timer !== null) this.time.clearTimer(this.timer)
    this.timer = null
    if (wasPaused) takeTurnOf(this.delivery)
  }

  /** Called by the timer. */
  resume(): void {
    this.timer = null
    if (this.wait() > 0) return this.startTimer()
    this.state = OPEN
    takeTurnOf(this.delivery)
  }

  private exceeded(): void {
    if (this.state >= CLOSED) return
    if (!this.limit.closes) return this.pause(false)
    this.state = CLOSED
    const { delivery } = this
    noteCause(delivery.owner, 'rate')
    if (!delivery.answerClose(CLOSE_POLICY_VIOLATION, REASON)) {
      delivery.connection.close(serializeClosePayload(CLOSE_POLICY_VIOLATION, REASON))
    }
  }

  private pause(stops: boolean): void {
    this.delivery.waitForTokens(stops)
    if (this.state === PAUSED) return
    this.state = PAUSED
    this.startTimer()
  }

  private startTimer(): void {
    this.timer = this.time.setTimer(resume, Math.max(1, Math.ceil(this.wait())), this)
  }

  /** Time until a message may come, in ms. */
  private wait(): number {
    const now = this.time.now()
    const forMessage = this.messages === null ? 0 : this.messages.untilAvailable(1, now)
    const forOctets = this.octets === null ? 0 : this.octets.untilAvailable(0, now)
    return Math.min(MOST_MS, Math.max(forMessage, forOctets))
  }
}

function resume(meter: Meter): void {
  meter.resume()
}

/** That of its class. */
function ownOf(delivery: LimitedDelivery): LimitedDelivery {
  return Object.getPrototypeOf(delivery) as LimitedDelivery
}

function takeTurnOf(delivery: LimitedDelivery): void {
  ownOf(delivery).takeTurn.call(delivery)
}

/** What stands in for the methods of a delivery. */
const LIMITED: Pick<
  LimitedDelivery,
  'onOctets' | 'onEnd' | 'onClose' | 'onMessage' | 'onFragments' | 'onPing' | 'onPong' | 'onWork' | 'takeTurn'
> &
  ThisType<Limited> = {
  onOctets(octets, start, end, transient, isFull) {
    this[kMeter].received(end - start)
    ownOf(this).onOctets.call(this, octets, start, end, transient, isFull)
  },

  onEnd() {
    this[kMeter].open()
    ownOf(this).onEnd.call(this)
  },

  onClose() {
    this[kMeter].open()
    ownOf(this).onClose.call(this)
  },

  onMessage(octets, start, end, isBinary, nonAscii, kept) {
    if (this[kMeter].mayDeliver()) ownOf(this).onMessage.call(this, octets, start, end, isBinary, nonAscii, kept)
  },

  onFragments(fragments, length, isBinary, nonAscii) {
    if (this[kMeter].mayDeliver()) ownOf(this).onFragments.call(this, fragments, length, isBinary, nonAscii)
  },

  onPing(octets, start, end) {
    if (this[kMeter].mayDeliver()) ownOf(this).onPing.call(this, octets, start, end)
  },

  onPong(octets, start, end) {
    if (this[kMeter].mayDeliver()) ownOf(this).onPong.call(this, octets, start, end)
  },

  onWork() {
    const work = ownOf(this).onWork!.call(this)
    return work <= 0 ? work : this[kMeter].mayDo(work)
  },

  takeTurn() {
    // There may be a turn before there are tokens
    if (this[kMeter].state !== PAUSED) takeTurnOf(this)
  }
}
