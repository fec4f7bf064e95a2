// The client's opening handshake over Node's http and https (RFC 6455 §4.1), redirects included.

import { Buffer } from 'node:buffer'
import * as http from 'node:http'
import * as https from 'node:https'
import * as net from 'node:net'
import process from 'node:process'
import * as querystring from 'node:querystring'
import type { Duplex } from 'node:stream'
import * as tls from 'node:tls'
import { CLOSING, CONNECTING } from '../../core/constants.js'
import { checkResponse, checkSubprotocols, createKey, requestHeaders } from '../../core/opening-handshake.js'
import { acceptKey } from './accept-key.js'
import { type Address, checkAddress, parseAddress } from './address.js'
import type { CompleteClientOptions } from '../options.js'
import { PerMessageDeflate, type PerMessageDeflateOptions } from '../compat/permessage-deflate.js'
import { nodeRuntime } from '../delivery/node-runtime.js'
import type { WebSocket } from '../websocket.js'

/** Request options that the address decides, whatever the user gave. */
const DECIDED = {
  socketPath: undefined,
  hostname: undefined,
  protocol: undefined,
  protocols: undefined,
  timeout: undefined,
  method: 'GET',
  host: undefined,
  path: undefined,
  port: undefined
}

type Options = CompleteClientOptions<WebSocket>

/** User's options with the defaults, as they become those of the request. */
type Settings = Omit<Options, keyof typeof DECIDED> & Omit<http.RequestOptions, 'headers'>

const kAborted = Symbol('hybi.aborted')
type Request = http.ClientRequest & { [kAborted]?: boolean }

/** Where the first request of a chain of redirects went: what it may know must not reach others. */
interface Origin {
  isIpc: boolean
  isSecure: boolean
  hostOrSocketPath: string | undefined
}
const origins = new WeakMap<WebSocket, Origin>()

const CLOSED_EARLY = 'WebSocket was closed before the connection was established'

/**
 * Starts connecting, as the constructor is asked to.
 * @throws {SyntaxError} for an address or subprotocols that cannot be
 */
export function connect(websocket: WebSocket, address: string | URL, options: Options): void {
  websocket._redirects = 0
  request(websocket, address, options)
}

/** Ends an opening handshake that is under way: 'error' and 'close' follow. */
export function abortConnecting(websocket: WebSocket): void {
  abort(websocket, websocket._req as Request, CLOSED_EARLY)
}

/** Sends the request of the opening handshake, the first one or that of a redirect. */
function request(websocket: WebSocket, address: string | URL, options: Options): void {
  const settings = { ...options, ...DECIDED } as unknown as Settings
  const target = parseAddress(address)
  websocket._url = target.url.href
  const refused = checkAddress(target)
  if (refused !== null) {
    // A redirect is no call of the user's that could throw
    if (websocket._redirects === 0) throw refused
    return emitErrorAndClose(websocket, refused)
  }

  const subprotocols = checkSubprotocols(options.protocols)
  const deflate = settings.perMessageDeflate ? createDeflate(settings) : null
  const key = createKey(nodeRuntime)
  settings.headers = requestHeaders({
    key,
    version: settings.protocolVersion,
    headers: settings.headers,
    deflate: deflate?.offer(),
    subprotocols,
    origin: settings.origin
  })
  applyAddress(settings, target)
  if (settings.followRedirects) options = guardRedirect(websocket, target, settings, options)

  const send = (target.isSecure ? https.request : http.request) as (options: object) => http.ClientRequest
  let req: Request
  try {
    req = send(settings)
  } catch (error) {
    // An agent for the other scheme, say; a redirect is no call of the user's that could throw
    if (websocket._redirects === 0) throw error
    return emitErrorAndClose(websocket, error as Error)
  }
  websocket._req = req
  if (settings.followRedirects && websocket._redirects > 0) websocket.emit('redirect', websocket.url, req)

  if (settings.timeout) req.on('timeout', () => abort(websocket, req, 'Opening handshake has timed out'))
  req.on('error', (error) => {
    // Once it is aborted or upgraded, its errors are reported otherwise
    if (req[kAborted] || websocket._req !== req) return
    websocket._req = null
    emitErrorAndClose(websocket, error)
  })
  req.on('response', (response) => onResponse(websocket, req, response, target, options))
  req.on('upgrade', (response, socket, head) => {
    websocket.emit('upgrade', response)
    // A listener may have closed the connection
    if (websocket.readyState !== CONNECTING) return
    websocket._req = null
    const verdict = checkResponse(response.headers, {
      accept: acceptKey(key),
      subprotocols,
      acceptDeflate: deflate === null ? null : (configurations) => deflate.accept(configurations)
    })
    if (verdict.error !== null) return abort(websocket, socket, verdict.error)
    if (verdict.subprotocol) websocket._protocol = verdict.subprotocol
    if (verdict.deflate) websocket._extensions['permessage-deflate'] = deflate!
    websocket.setSocket(socket, head, settings)
  })

  if (settings.finishRequest) settings.finishRequest(req, websocket)
  else req.end()
}

function createDeflate(settings: Settings): PerMessageDeflate {
  const options = settings.perMessageDeflate as boolean | PerMessageDeflateOptions
  return new PerMessageDeflate({
    ...(options === true ? {} : (options as object)),
    isServer: false,
    maxPayload: settings.maxPayload
  })
}

/** Host, port, path, credentials and the way to connect, from the address. */
function applyAddress(settings: Settings, { url, isSecure, isIpc }: Address): void {
  const defaultPort = isSecure ? 443 : 80
  settings.createConnection ||= (isSecure ? connectTls : connectNet) as never
  settings.defaultPort ||= defaultPort
  settings.port = url.port || defaultPort
  settings.host = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname
  settings.path = url.pathname + url.search
  settings.timeout = settings.handshakeTimeout
  if (url.username || url.password) {
    settings.auth = `${querystring.unescape(url.username)}:${querystring.unescape(url.password)}`
  }
  if (!isIpc) return
  // The path of the socket ends at the first colon, that of the request begins there
  const colon = settings.path.indexOf(':')
  settings.socketPath = colon < 0 ? settings.path : settings.path.slice(0, colon)
  settings.path = colon < 0 ? '' : settings.path.slice(colon + 1)
}

/**
 * Keeps credentials from going where they do not belong: to another host, or from a secure to an insecure one.
 * With a 'redirect' listener that is the listener's business.
 * @returns the options for the next redirect
 */
function guardRedirect(websocket: WebSocket, target: Address, settings: Settings, options: Options): Options {
  const hostOrSocketPath = target.isIpc ? settings.socketPath : target.url.host
  let next = options
  if (websocket._redirects === 0) {
    origins.set(websocket, { isIpc: target.isIpc, isSecure: target.isSecure, hostOrSocketPath })
    const headers: NonNullable<Options['headers']> = {}
    for (const [name, value] of Object.entries(options.headers ?? {})) headers[name.toLowerCase()] = value
    next = { ...options, headers }
  } else if (websocket.listenerCount('redirect') === 0) {
    const origin = origins.get(websocket)!
    const isSameHost = origin.isIpc === target.isIpc && origin.hostOrSocketPath === hostOrSocketPath
    if (!isSameHost || (origin.isSecure && !target.isSecure)) {
      delete settings.headers!.authorization
      delete settings.headers!.cookie
      if (!isSameHost) delete settings.headers!.host
      settings.auth = undefined
    }
  }
  // The first request's credentials hold for all that follow; a header of the user's wins over those of the address
  if (settings.auth && !next.headers!.authorization) {
    next.headers!.authorization = `Basic ${Buffer.from(settings.auth).toString('base64')}`
  }
  return next
}

/** An answer that is not 101: a redirect to be followed, or the end. */
function onResponse(websocket: WebSocket, req: Request, response: http.IncomingMessage, address: Address, options: Options): void {
  const { location } = response.headers
  const status = response.statusCode!
  if (location && options.followRedirects && status >= 300 && status < 400) {
    if (++websocket._redirects > options.maxRedirects) return abort(websocket, req, 'Maximum redirects exceeded')
    req.abort()
    let next: URL
    try {
      next = new URL(location, address.url)
    } catch {
      return emitErrorAndClose(websocket, new SyntaxError(`Invalid URL: ${location}`))
    }
    request(websocket, next, options)
  } else if (!websocket.emit('unexpected-response', req, response)) {
    abort(websocket, req, `Unexpected server response: ${status}`)
  }
}

function emitErrorAndClose(websocket: WebSocket, error: Error): void {
  websocket._readyState = CLOSING
  websocket.emit('error', error)
  websocket.emitClose()
}

/** Ends the handshake with an error: that of a request, or of a socket that was upgraded already. */
function abort(websocket: WebSocket, stream: Request | Duplex, message: string): void {
  websocket._readyState = CLOSING
  const error = new Error(message)
  if ('setHeader' in stream) {
    const req = stream as Request
    req[kAborted] = true
    req.abort()
    // An abort after the response leaves the socket open
    if (req.socket && !req.socket.destroyed) req.socket.destroy()
    process.nextTick(emitErrorAndClose, websocket, error)
  } else {
    stream.destroy(error)
    stream.once('error', (reason) => websocket.emit('error', reason))
    stream.once('close', () => websocket.emitClose())
  }
}

function connectNet(options: net.NetConnectOpts & { socketPath?: string }): net.Socket {
  ;(options as { path: string | undefined }).path = options.socketPath
  return net.connect(options)
}

function connectTls(options: tls.ConnectionOptions): tls.TLSSocket {
  options.path = undefined
  if (!options.servername && options.servername !== '') {
    // RFC 6066 §3: a server name is no address
    options.servername = net.isIP(options.host!) ? '' : options.host!
  }
  return tls.connect(options)
}
