// The request of a client's opening handshake: the options that `http.request` gets, and the ways to connect (RFC 6455 §4.1).

import * as http from 'node:http'
import * as https from 'node:https'
import * as net from 'node:net'
import * as querystring from 'node:querystring'
import * as tls from 'node:tls'
import { requestHeaders } from '../../core/opening-handshake.js'
import type { PerMessageDeflate } from '../compat/permessage-deflate.js'
import type { CompleteClientOptions } from '../options.js'
import type { Address } from './address.js'

/** Request options that the address decides, whatever the user gave. */
const DECIDED = {
  socketPath: undefined,
  hostname: undefined,
  protocol: undefined,
  protocols: undefined,
  timeout: undefined,
  // That of what is sent, and not of the socket's stream
  highWaterMark: undefined,
  method: 'GET',
  host: undefined,
  path: undefined,
  port: undefined
}

/** User's options with the defaults, as they become those of the request. */
export type RequestSettings<Owner> = Omit<CompleteClientOptions<Owner>, keyof typeof DECIDED> & Omit<http.RequestOptions, 'headers'>

/**
 * The options of a request.
 * @param deflate what is offered; null if it is not
 */
export function requestSettings<Owner>(
  options: CompleteClientOptions<Owner>,
  target: Address,
  key: string,
  subprotocols: ReadonlySet<string>,
  deflate: PerMessageDeflate | null
): RequestSettings<Owner> {
  const settings = { ...options, ...DECIDED } as unknown as RequestSettings<Owner>
  settings.headers = requestHeaders({
    key,
    version: settings.protocolVersion,
    headers: settings.headers,
    deflate: deflate?.offer(),
    subprotocols,
    origin: settings.origin
  })
  settings.timeout = settings.handshakeTimeout
  applyAddress(settings, target)
  return settings
}

/** Host, port, path, credentials and the way to connect, from the address. */
function applyAddress(settings: RequestSettings<never>, { url, isSecure, isIpc }: Address): void {
  const defaultPort = isSecure ? 443 : 80
  settings.createConnection ||= (isSecure ? connectTls : connectNet) as never
  settings.defaultPort ||= defaultPort
  settings.port = url.port || defaultPort
  settings.host = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname
  settings.path = url.pathname + url.search
  if (url.username || url.password) {
    settings.auth = `${querystring.unescape(url.username)}:${querystring.unescape(url.password)}`
  }
  if (!isIpc) return
  // The path of the socket ends at the first colon, that of the request begins there
  const colon = settings.path.indexOf(':')
  settings.socketPath = colon < 0 ? settings.path : settings.path.slice(0, colon)
  settings.path = colon < 0 ? '' : settings.path.slice(colon + 1)
}

/** Makes the request; it is sent when it is ended. */
export function createRequest(settings: RequestSettings<never>, { isSecure }: Address): http.ClientRequest {
  const create = (isSecure ? https.request : http.request) as (options: object) => http.ClientRequest
  return create(settings)
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
