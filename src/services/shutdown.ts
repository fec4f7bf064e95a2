// How a server ends: it closes its clients, at once or spread over a while so that they do not all come back to another at once, waits for
// them, and drops those that do not answer.

import { Buffer } from 'node:buffer'
import { serializeClosePayload } from '../core/close.js'
import { type Observed, observe, type Observers } from '../node/delivery/observer.js'
import { MOST_MS, numberOption, wrongType } from './option-checks.js'
import type { Time } from './time.js'

export interface ShutdownOptions {
  code?: number | undefined
  reason?: string | undefined
  timeout?: number | undefined
  spread?: number | undefined
}

export interface ShutdownResult {
  /** Clients whose connections closed in time. */
  closed: number
  /** Clients that were dropped. */
  terminated: number
}

/** A client of the server. */
export interface Closable extends Observed {
  close(code: number, reason: string): void
  terminate(): void
}

/** What a shutdown does with the server. */
export interface ShutdownServer {
  /** Accepts nothing more; calls back when it is closed. */
  stop(closed: () => void): void
  /** Connections that are open. */
  readonly clients: ReadonlySet<Closable> | undefined
  /** Drops what is no WebSocket: nobody is left who waits for it. */
  drop(): void
}

const CLOSE_GOING_AWAY = 1001
const DEFAULT_TIMEOUT_MS = 10_000
/** How long streams that were destroyed may take to say so, in ms: those of others may never. */
const DESTROYED_MS = 1000

type CompleteOptions = Required<ShutdownOptions>

/**
 * The options with the defaults.
 * @throws {TypeError} or {RangeError} for what is none
 */
export function shutdownOptions(options: ShutdownOptions = {}): CompleteOptions {
  if (typeof options !== 'object' || options === null) return wrongType('shutdown', options, 'an object')
  const { code = CLOSE_GOING_AWAY, reason = '' } = options
  if (typeof reason !== 'string') return wrongType('reason', reason, 'a string')
  // As `close` checks them
  serializeClosePayload(code, Buffer.from(reason))
  const spread = numberOption('spread', options.spread, 0, 0, MOST_MS)
  const timeout = numberOption('timeout', options.timeout, DEFAULT_TIMEOUT_MS, 0, MOST_MS - spread)
  return { code, reason, timeout, spread }
}

/**
 * Ends `server`; settles within `spread` and `timeout`, and a second more where streams do not close when they are destroyed. What a
 * program's own `close` threw is what it is rejected with, when all is done.
 */
export function shutDown(server: ShutdownServer, options: CompleteOptions, time: Time): Promise<ShutdownResult> {
  return new Promise((resolve, reject) => new Shutdown(server, options, time, resolve, reject).start())
}

class Shutdown {
  /** Clients that are not closed yet; the first `begun` of `clients` were asked to. */
  private readonly open: Set<Closable>
  private readonly clients: Closable[]
  private begun = 0
  private terminated = 0
  private isStopped = false
  private isOver = false
  private readonly startedAt: number
  private thrown: { error: unknown } | null = null
  private spreadTimer: unknown = null
  private deadline: unknown = null
  private readonly observers: Observers<Closable> = [{ closed: (client) => this.closed(client) }]

  constructor(
    private readonly server: ShutdownServer,
    private readonly options: CompleteOptions,
    private readonly time: Time,
    private readonly resolve: (result: ShutdownResult) => void,
    private readonly reject: (error: unknown) => void
  ) {
    this.clients = [...(server.clients ?? [])]
    this.open = new Set(this.clients)
    this.startedAt = time.now()
  }

  start(): void {
    const { server, options, time } = this
    this.deadline = time.setTimer(expire, options.spread + options.timeout, this)
    server.stop(() => {
      this.isStopped = true
      this.finishWhenOver()
    })
    for (const client of this.clients) observe(client, this.observers)
    this.closeNext()
    if (this.open.size === 0) this.server.drop()
  }

  /** Closes those whose time has come, without a spread all of them, and sets a timer for the next. */
  closeNext(): void {
    this.spreadTimer = null
    const { clients, options, time } = this
    const step = options.spread / clients.length
    const elapsed = time.now() - this.startedAt
    const due = step > 0 ? Math.min(clients.length, Math.floor(elapsed / step) + 1) : clients.length
    while (this.begun < due) this.close(clients[this.begun++])
    if (this.begun < clients.length && this.open.size > 0) {
      this.spreadTimer = time.setTimer(goOn, Math.max(1, this.begun * step - elapsed), this)
    }
  }

  /** The time is over. */
  expire(): void {
    this.deadline = null
    if (this.spreadTimer !== null) this.time.clearTimer(this.spreadTimer)
    this.spreadTimer = null
    this.terminated = this.open.size
    this.deadline = this.time.setTimer(giveUp, DESTROYED_MS, this)
    for (const client of this.open) this.attempt(() => client.terminate())
    this.server.drop()
    this.finishWhenOver()
  }

  finish(): void {
    if (this.isOver) return
    this.isOver = true
    if (this.deadline !== null) this.time.clearTimer(this.deadline)
    if (this.thrown !== null) this.reject(this.thrown.error)
    else this.resolve({ closed: this.clients.length - this.terminated, terminated: this.terminated })
  }

  private close(client: Closable): void {
    if (this.open.has(client)) this.attempt(() => client.close(this.options.code, this.options.reason))
  }

  /** A method that is the program's own and throws must not keep the others. */
  private attempt(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.thrown ??= { error }
    }
  }

  private closed(client: Closable): void {
    if (!this.open.delete(client) || this.open.size > 0) return
    if (this.spreadTimer !== null) this.time.clearTimer(this.spreadTimer)
    this.spreadTimer = null
    this.server.drop()
    this.finishWhenOver()
  }

  private finishWhenOver(): void {
    if (this.isStopped && this.open.size === 0) this.finish()
  }
}

function goOn(shutdown: Shutdown): void {
  shutdown.closeNext()
}

function expire(shutdown: Shutdown): void {
  shutdown.expire()
}

function giveUp(shutdown: Shutdown): void {
  shutdown.finish()
}
