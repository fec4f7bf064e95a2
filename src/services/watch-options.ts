// The options of what is done to connections by the clock: heartbeat, idleTimeout and maxLifetime.

import { MOST_MS } from './option-checks.js'

/** Pings what is silent, and gives up what does not answer; or, for clients, gives up what is silent. */
export type HeartbeatOption = boolean | { interval?: number; timeout?: number } | { expect: number }

export interface WatchOptions {
  heartbeat?: HeartbeatOption
  idleTimeout?: number
  maxLifetime?: number | { limit: number; spread?: number }
}

/** What holds for a connection, in ms; 0 where nothing does. */
export interface WatchRules {
  /** How long nothing may be received before a ping, and after it. */
  readonly interval: number
  readonly timeout: number
  /** How long nothing may be received from a server that pings. */
  readonly expect: number
  /** How long there may be no message, either way. */
  readonly idle: number
  /** How long it may be open; by up to `spread` less, as chance will have it. */
  readonly lifetime: number
  readonly spread: number
}

const DEFAULT_INTERVAL_MS = 30_000
const DEFAULT_TIMEOUT_MS = 10_000
/** The part of a lifetime by which it is spread, unless that is given. */
const SPREAD = 0.1

const HEARTBEATS = '"heartbeat" must be a boolean, { interval, timeout }, or, for a client, { expect }'

/**
 * Reads the options.
 * @returns null if they ask for nothing
 * @throws {TypeError} for values of another type, and unknown members; {RangeError} for times that are none
 */
export function watchRules({ heartbeat, idleTimeout, maxLifetime }: WatchOptions, isServer: boolean): WatchRules | null {
  // What most connections pay
  if (heartbeat === undefined && idleTimeout === undefined && maxLifetime === undefined) return null
  const rules = { ...heartbeatRules(heartbeat, isServer), idle: 0, ...lifetimeRules(maxLifetime) }
  if (idleTimeout !== undefined && idleTimeout !== null) rules.idle = duration('idleTimeout', idleTimeout, 0)
  return rules.interval + rules.expect + rules.idle + rules.lifetime === 0 ? null : rules
}

function heartbeatRules(option: unknown, isServer: boolean): Pick<WatchRules, 'interval' | 'timeout' | 'expect'> {
  if (option === undefined || option === null || option === false) return { interval: 0, timeout: 0, expect: 0 }
  if (option === true) return { interval: DEFAULT_INTERVAL_MS, timeout: DEFAULT_TIMEOUT_MS, expect: 0 }
  if (typeof option !== 'object') throw new TypeError(HEARTBEATS)
  const { interval, timeout, expect, ...others } = option as Record<string, unknown>
  if (Object.keys(others).length > 0) throw new TypeError(`${HEARTBEATS}: not ${Object.keys(others)[0]}`)
  if (expect !== undefined) {
    if (isServer || interval !== undefined || timeout !== undefined) throw new TypeError(HEARTBEATS)
    return { interval: 0, timeout: 0, expect: duration('heartbeat.expect', expect, 1) }
  }
  return {
    interval: duration('heartbeat.interval', interval ?? DEFAULT_INTERVAL_MS, 1),
    timeout: duration('heartbeat.timeout', timeout ?? DEFAULT_TIMEOUT_MS, 1),
    expect: 0
  }
}

function lifetimeRules(option: unknown): Pick<WatchRules, 'lifetime' | 'spread'> {
  if (option === undefined || option === null) return { lifetime: 0, spread: 0 }
  if (typeof option !== 'object') {
    const lifetime = duration('maxLifetime', option, 0)
    return { lifetime, spread: lifetime * SPREAD }
  }
  const { limit, spread, ...others } = option as Record<string, unknown>
  if (Object.keys(others).length > 0) {
    throw new TypeError(`"maxLifetime" must be a number or { limit, spread }: not ${Object.keys(others)[0]}`)
  }
  const lifetime = duration('maxLifetime.limit', limit, 1)
  const least = duration('maxLifetime.spread', spread ?? lifetime * SPREAD, 0)
  if (least > lifetime) throw new RangeError('"maxLifetime.spread" must not be more than "maxLifetime.limit"')
  return { lifetime, spread: least }
}

function duration(name: string, value: unknown, least: number): number {
  if (typeof value !== 'number') throw new TypeError(`"${name}" must be a number of milliseconds`)
  // NaN is none either
  if (!(value >= least && value <= MOST_MS)) {
    throw new RangeError(`"${name}" must be from ${least} to ${MOST_MS} milliseconds`)
  }
  return value
}
