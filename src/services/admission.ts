// Whom a server lets in, and for how long that may be decided: origins, limits, then the program, in this order. Nothing is answered here;
// who asks is told once what to do.

import type { Buffer } from 'node:buffer'
import type { Duplex } from 'node:stream'
import type { Clock } from '../core/clock.js'
import { ConnectionLimits, type LimitedRequest, type LimitOptions, TOO_MANY, TOO_MANY_OF_ADDRESS } from './connection-limits.js'
import { functionOption, MOST_MS, numberOption } from './option-checks.js'
import { isOriginAllowed, type OriginOptions, type OriginPolicy, originPolicy, type OriginRequest } from './origins.js'
import { EARLY_LIMIT, PendingHandshake, type Verdict } from './pending-handshake.js'
import { Refusal } from './refusal.js'

/** Who a client is; false, null and undefined refuse it. */
export type Authenticate<Request> = (request: Request, options: { signal: AbortSignal }) => unknown

export interface AdmissionOptions<Request> extends OriginOptions<Request>, LimitOptions<Request> {
  authenticate?: Authenticate<Request> | null | undefined
  handshakeTimeout?: number | null | undefined
}

/** The names of the options that make a server ask here. */
export const ADMISSION_OPTIONS = [
  'addressOf',
  'authenticate',
  'handshakeTimeout',
  'maxConnections',
  'maxConnectionsPerAddress',
  'origins',
  'requireOrigin'
] as const

/** A response without a WebSocket; without a message its body is what the status code means. */
export interface RefusalResponse {
  status: number
  message?: string | undefined
  headers?: Readonly<Record<string, unknown>> | undefined
  /** What was thrown. */
  cause?: unknown
}

/** A request of a client that asks to be let in. */
export interface Applicant<Request> {
  request: Request
  socket: Duplex
  /** What came behind the request. */
  head: Buffer
  /** Value of Origin, by the name it has in the request's version of the protocol (RFC 6455 §10.2). */
  origin: unknown
}

/** What happens to it: one of these is called, once. */
export interface Answer {
  /** `head` is what came until now; `context` is what `authenticate` gave, undefined without it. */
  accept(head: Buffer, context: unknown): void
  refuse(refusal: RefusalResponse): void
}

/** Asks the program's `verifyClient`, which may answer later; null lets the client go on. */
export type Verify = (done: (refusal: RefusalResponse | null) => void) => void

const DEFAULT_TIMEOUT_MS = 10_000

/** When who was refused for want of room may come again, in seconds. */
const RETRY_AFTER = '10'

const REFUSALS = {
  tooMany: { status: 503, headers: { 'Retry-After': RETRY_AFTER } },
  tooManyOfAddress: { status: 429 },
  origin: { status: 403 },
  unknown: { status: 401 },
  closing: { status: 503 },
  late: { status: 408 },
  'too much': { status: 413, message: `More than ${EARLY_LIMIT} octets came before the connection was accepted` }
} satisfies Record<string, RefusalResponse>

export class Admission<Request extends OriginRequest & LimitedRequest> {
  private readonly origins: OriginPolicy<Request> | null
  private readonly limits: ConnectionLimits<Request>
  private readonly authenticate: Authenticate<Request> | null
  private readonly timeoutMs: number
  /** What is being decided: each has a socket, and a time if the program set none. */
  private readonly pending = new Map<PendingHandshake, Answer>()

  /** @throws {TypeError} or {RangeError} for an option that is none */
  constructor(
    options: AdmissionOptions<Request>,
    private readonly clock: Clock
  ) {
    this.origins = originPolicy(options)
    this.limits = new ConnectionLimits(options)
    this.authenticate = functionOption('authenticate', options.authenticate)
    const otherwise = this.authenticate === null ? 0 : DEFAULT_TIMEOUT_MS
    this.timeoutMs = numberOption('handshakeTimeout', options.handshakeTimeout, otherwise, 0, MOST_MS)
  }

  /** @param verify asked before `authenticate`; null if there is nobody to ask */
  admit(applicant: Applicant<Request>, verify: Verify | null, answer: Answer): void {
    const { request, socket, origin } = applicant
    if (this.origins !== null && !isOriginAllowed(this.origins, origin, request)) return answer.refuse(REFUSALS.origin)
    if (!this.limits.isNone) {
      const refusal = this.takePlace(request, socket)
      if (refusal !== null) return answer.refuse(refusal)
    }
    if (verify === null && this.authenticate === null) answer.accept(applicant.head, undefined)
    else this.decide(applicant, verify, answer)
  }

  /** Refuses all that are waiting, as the server closes. */
  close(): void {
    const reason = new Error('The server is closing')
    for (const [pending, answer] of this.pending) {
      this.pending.delete(pending)
      pending.abort(reason)
      answer.refuse(REFUSALS.closing)
    }
  }

  private takePlace(request: Request, socket: Duplex): RefusalResponse | null {
    // Its 'close' may be over: nobody would say that the place is free
    if (socket.destroyed) return REFUSALS.closing
    let place: ReturnType<ConnectionLimits<Request>['take']>
    try {
      place = this.limits.take(request)
    } catch (cause) {
      return { status: 500, cause }
    }
    if (place === TOO_MANY) return REFUSALS.tooMany
    if (place === TOO_MANY_OF_ADDRESS) return REFUSALS.tooManyOfAddress
    socket.once('close', () => this.limits.release(place))
    return null
  }

  private decide({ request, socket, head }: Applicant<Request>, verify: Verify | null, answer: Answer): void {
    const pending = new PendingHandshake(socket, head, this.clock, this.timeoutMs, (verdict) => {
      this.pending.delete(pending)
      this.end(verdict, socket, answer)
    })
    this.pending.set(pending, answer)
    pending.start()
    if (!this.pending.has(pending)) return
    const accept = (context: unknown): void => {
      if (!this.pending.delete(pending)) return
      answer.accept(pending.settle()!, context)
    }
    const refuse = (refusal: RefusalResponse): void => {
      if (!this.pending.delete(pending)) return
      pending.settle()
      answer.refuse(refusal)
    }
    const next = (): void => {
      if (this.authenticate === null) accept(undefined)
      else this.ask(this.authenticate, request, pending, accept, refuse)
    }
    if (verify === null) return next()
    let isAnswered = false
    verify((refusal) => {
      if (isAnswered || !this.pending.has(pending)) return
      isAnswered = true
      if (refusal === null) next()
      else refuse(refusal)
    })
  }

  private ask(
    authenticate: Authenticate<Request>,
    request: Request,
    pending: PendingHandshake,
    accept: (context: unknown) => void,
    refuse: (refusal: RefusalResponse) => void
  ): void {
    const { signal } = pending
    // Listeners of 'connection' are entered outside of the promise: what they throw is an ordinary exception
    const settle = (context: unknown): void =>
      this.clock.defer(() => {
        if (context === undefined || context === null || context === false) refuse(REFUSALS.unknown)
        else accept(context)
      }, undefined)
    const fail = (error: unknown): void => this.clock.defer(() => refuse(refusalFor(error)), undefined)
    new Promise((resolve) => resolve(authenticate(request, { signal }))).then(settle, fail)
  }

  private end(verdict: Verdict, socket: Duplex, answer: Answer): void {
    if (verdict === 'gone') socket.destroy()
    else answer.refuse(REFUSALS[verdict])
  }
}

/** What a client is told of what `authenticate` threw: of anything but a Refusal, nothing. */
function refusalFor(error: unknown): RefusalResponse {
  if (!(error instanceof Refusal)) return { status: 500, cause: error }
  const { status, headers, body } = error
  return { status, headers, message: body, cause: error }
}
