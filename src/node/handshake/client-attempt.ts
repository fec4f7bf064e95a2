// A client's attempt to connect: the opening handshake over Node's http and https (RFC 6455 §4.1), with the redirects on its way.

import type { EventEmitter } from 'node:events'
import type * as http from 'node:http'
import process from 'node:process'
import type { Duplex } from 'node:stream'
import { CONNECTING } from '../../core/constants.js'
import { checkResponse, checkSubprotocols, createKey } from '../../core/opening-handshake.js'
import { PerMessageDeflate, type PerMessageDeflateOptions } from '../compat/permessage-deflate.js'
import { nodeRuntime } from '../delivery/node-runtime.js'
import type { CompleteClientOptions, SocketOptions } from '../options.js'
import { errorChannel } from '../runtime/channels.js'
import { acceptKey } from './accept-key.js'
import { type Address, checkAddress, parseAddress } from './address.js'
import { createRequest, requestSettings } from './client-request.js'
import { type Destination, destinationOf, dropCredentials, keepCredentials, lowerCaseNames } from './redirect.js'

export const kFailing = Symbol('hybi.failing')
export const kUpgraded = Symbol('hybi.upgraded')

/** Whose attempt it is: a WebSocket, which emits 'upgrade', 'redirect', 'unexpected-response' and 'error'. */
export interface AttemptOwner extends EventEmitter {
  readonly readyState: number
  /** The handshake is over without success; 'error' and the call of `emitClose` follow. */
  [kFailing](): void
  emitClose(): void
  /**
   * The handshake is done.
   * @param subprotocol '' if there is none
   * @param deflate what was agreed on; null if nothing was
   */
  [kUpgraded](socket: Duplex, head: Buffer, options: SocketOptions, subprotocol: string, deflate: PerMessageDeflate | null): void
}

const kAborted = Symbol('hybi.aborted')
type Request = http.ClientRequest & { [kAborted]?: boolean }

const CLOSED_EARLY = 'WebSocket was closed before the connection was established'

/** What is needed for the requests themselves is kept by their listeners only: it goes with them. */
export class ClientAttempt<Owner extends AttemptOwner> {
  /** The address of the request that was made last. */
  url: string | undefined = undefined
  /** The request that is under way. */
  request: Request | null = null
  /** How many redirects it followed. */
  redirects = 0
  private readonly owner: Owner
  /** Where the first of several requests went. */
  private first: Destination | null = null

  constructor(owner: Owner) {
    this.owner = owner
  }

  /**
   * Sends the request.
   * @throws {SyntaxError} for an address or subprotocols that cannot be; what `http.request` throws
   */
  start(address: string | URL, options: CompleteClientOptions<Owner>): void {
    const { owner } = this
    const target = parseAddress(address)
    this.url = target.url.href
    const refused = checkAddress(target)
    if (refused !== null) return this.refuse(refused)

    const subprotocols = checkSubprotocols(options.protocols)
    const deflate = options.perMessageDeflate ? createDeflate(options) : null
    const key = createKey(nodeRuntime)
    const settings = requestSettings(options, target, key, subprotocols, deflate)
    if (options.followRedirects) {
      const destination = destinationOf(target, settings)
      if (this.first === null) {
        this.first = destination
        options = { ...options, headers: lowerCaseNames(options.headers) }
      } else if (owner.listenerCount('redirect') === 0) {
        // Else that is the listener's business
        dropCredentials(settings, this.first, destination)
      }
      keepCredentials(settings, options.headers!)
    }

    let request: Request
    try {
      request = createRequest(settings, target)
    } catch (error) {
      // An agent for the other scheme, say
      return this.refuse(error as Error)
    }
    this.request = request
    if (options.followRedirects && this.redirects > 0) owner.emit('redirect', this.url, request)

    if (settings.timeout) request.on('timeout', () => this.drop(request, 'Opening handshake has timed out'))
    request.on('error', (error) => {
      // Once it is aborted or upgraded, its errors are reported otherwise
      if (request[kAborted] || this.request !== request) return
      this.request = null
      this.fail(error)
    })
    request.on('response', (response) => this.receiveResponse(request, response, target, options))
    request.on('upgrade', (response, socket, head) => {
      owner.emit('upgrade', response)
      // A listener may have closed the connection
      if (owner.readyState !== CONNECTING) return
      this.request = null
      const {
        error,
        subprotocol,
        deflate: isCompressed
      } = checkResponse(response.headers, {
        accept: acceptKey(key),
        subprotocols,
        acceptDeflate: deflate === null ? null : (configurations) => deflate.accept(configurations)
      })
      if (error !== null) this.dropSocket(socket, error)
      else owner[kUpgraded](socket, head, settings, subprotocol, isCompressed ? deflate : null)
    })

    if (settings.finishRequest) settings.finishRequest(request, owner)
    else request.end()
  }

  /** Ends the attempt: 'error' and 'close' follow. */
  abort(): void {
    this.drop(this.request as Request, CLOSED_EARLY)
  }

  /** An answer that is not 101: a redirect to be followed, or the end. */
  private receiveResponse(
    request: Request,
    response: http.IncomingMessage,
    { url }: Address,
    options: CompleteClientOptions<Owner>
  ): void {
    const { location } = response.headers
    const status = response.statusCode!
    if (location && options.followRedirects && status >= 300 && status < 400) {
      if (++this.redirects > options.maxRedirects) return this.drop(request, 'Maximum redirects exceeded')
      request.abort()
      let next: URL
      try {
        next = new URL(location, url)
      } catch {
        return this.fail(new SyntaxError(`Invalid URL: ${location}`))
      }
      this.start(next, options)
    } else if (!this.owner.emit('unexpected-response', request, response)) {
      this.drop(request, `Unexpected server response: ${status}`)
    }
  }

  /** It cannot be tried: the caller of the constructor is told, but a redirect is no call of the user's that could throw. */
  private refuse(error: Error): void {
    if (this.redirects === 0) throw error
    this.fail(error)
  }

  fail(error: Error): void {
    this.owner[kFailing]()
    this.report(error)
    this.owner.emitClose()
  }

  private report(error: Error): void {
    if (errorChannel.hasSubscribers) errorChannel.publish({ websocket: this.owner, error })
    this.owner.emit('error', error)
  }

  private drop(request: Request, message: string): void {
    const { owner } = this
    owner[kFailing]()
    const error = new Error(message)
    request[kAborted] = true
    request.abort()
    // An abort after the response leaves the socket open
    if (request.socket && !request.socket.destroyed) request.socket.destroy()
    process.nextTick(fail, this, error)
  }

  /** The same for a socket that was upgraded already. */
  private dropSocket(socket: Duplex, message: string): void {
    const { owner } = this
    owner[kFailing]()
    socket.destroy(new Error(message))
    socket.once('error', (reason) => this.report(reason))
    socket.once('close', () => owner.emitClose())
  }
}

function fail(attempt: ClientAttempt<never>, error: Error): void {
  attempt.fail(error)
}

function createDeflate({ perMessageDeflate, maxPayload }: CompleteClientOptions<never>): PerMessageDeflate {
  const options = perMessageDeflate === true ? {} : (perMessageDeflate as PerMessageDeflateOptions)
  return new PerMessageDeflate({ ...options, isServer: false, maxPayload })
}
