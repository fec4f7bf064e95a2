// The opening handshake of both roles (RFC 6455 §4): what to send, and the verdict on what was received. No I/O, no HTTP library.

import { base64Encode } from './base64.js'
import { HANDSHAKE_GUID, PROTOCOL_VERSIONS } from './constants.js'
import * as extension from './extension.js'
import type { ExtensionParameters } from './extension.js'
import { breaksLine, isToken } from './header-token.js'
import { PERMESSAGE_DEFLATE } from './permessage-deflate.js'
import type { Runtime } from './runtime.js'
import * as subprotocol from './subprotocol.js'
import { utf8Length, utf8Write } from './utf8.js'

/** Header fields by lower-case name, as HTTP parsers give them; a list is the values of a field that came several times. */
export type HeaderFields = Readonly<Record<string, string | readonly string[] | undefined>>

/** Header fields to send, in this order. */
export type OutgoingHeaderFields = Record<string, string | number | readonly string[] | undefined>

/** Why a server refuses a request, and the response that says so. */
export interface Refusal {
  /** HTTP status code. */
  status: number
  /** Body of the response. */
  message: string
  headers?: Record<string, string>
}

/** Length of a `Sec-WebSocket-Key` before encoding, in octets (RFC 6455 §4.1). */
export const KEY_LENGTH = 16

/** §4.1: 16 octets in base64. The bits that the last character has too many are not looked at, as in other servers. */
const KEY = /^[+/0-9A-Za-z]{22}==$/

const INVALID_SUBPROTOCOLS: Refusal = { status: 400, message: 'Invalid Sec-WebSocket-Protocol header' }
const INVALID_EXTENSIONS: Refusal = { status: 400, message: 'Invalid or unacceptable Sec-WebSocket-Extensions header' }

/** A new `Sec-WebSocket-Key` (RFC 6455 §4.1). */
export function createKey(runtime: Pick<Runtime, 'fillRandom'>): string {
  const nonce = new Uint8Array(KEY_LENGTH)
  runtime.fillRandom(nonce)
  return base64Encode(nonce)
}

/** Whether `key` can be the value of Sec-WebSocket-Key (RFC 6455 §4.1). */
export function isValidKey(key: string): boolean {
  return KEY.test(key)
}

/** The Sec-WebSocket-Accept that answers `key` (RFC 6455 §4.2.2 item 5.4). */
export function acceptKey(key: string, runtime: Pick<Runtime, 'sha1'>): string {
  const text = key + HANDSHAKE_GUID
  const octets = new Uint8Array(utf8Length(text))
  utf8Write(text, octets, 0)
  return base64Encode(runtime.sha1(octets))
}

// Server

/** What the checks of a server need of a request. */
export interface RequestHead {
  method: string
  headers: HeaderFields
}

/** A server's verdict on method, Upgrade, key and version, in this order; null: go on (RFC 6455 §4.2.1). */
export function checkRequest(request: RequestHead): Refusal | null {
  const { method, headers } = request
  if (method !== 'GET') return { status: 405, message: 'Invalid HTTP method' }
  if (field(headers, 'upgrade')?.toLowerCase() !== 'websocket') return { status: 400, message: 'Invalid Upgrade header' }
  if (!isValidKey(field(headers, 'sec-websocket-key') ?? '')) {
    return { status: 400, message: 'Missing or invalid Sec-WebSocket-Key header' }
  }
  if (!PROTOCOL_VERSIONS.includes(versionOf(headers))) {
    return {
      status: 400,
      message: 'Missing or invalid Sec-WebSocket-Version header',
      // §4.4: the server MUST name the versions it is willing to use
      headers: { 'Sec-WebSocket-Version': '13, 8' }
    }
  }
  return null
}

/** Value of Sec-WebSocket-Version; NaN if there is none. */
export function versionOf(headers: HeaderFields): number {
  return Number(field(headers, 'sec-websocket-version') ?? NaN)
}

/** Value of Origin, under the name it had up to version 8 if that is the request's (RFC 6455 §10.2). */
export function originOf(headers: HeaderFields): string | undefined {
  return field(headers, versionOf(headers) === 8 ? 'sec-websocket-origin' : 'origin')
}

/** Subprotocols that a request offers, none if it has no such header (RFC 6455 §4.2.1 item 8). */
export function parseSubprotocolOffers(headers: HeaderFields): Set<string> | Refusal {
  const value = field(headers, 'sec-websocket-protocol')
  if (value === undefined) return new Set()
  try {
    return subprotocol.parse(value)
  } catch {
    return INVALID_SUBPROTOCOLS
  }
}

/**
 * Hands a request's offers of permessage-deflate, if there are any, to `accept`, which throws if it can take none (RFC 6455 §4.2.1 item 9).
 * @returns whether there were any; a refusal if the header is malformed or `accept` threw
 */
export function acceptExtensionOffers(
  headers: HeaderFields,
  accept: (offers: ExtensionParameters[]) => unknown
): boolean | Refusal {
  const value = field(headers, 'sec-websocket-extensions')
  if (value === undefined) return false
  try {
    const offers = extension.parse(value)[PERMESSAGE_DEFLATE]
    if (offers === undefined) return false
    accept(offers)
    return true
  } catch {
    return INVALID_EXTENSIONS
  }
}

/** What the response that accepts a request says. */
export interface Acceptance {
  /** Value of Sec-WebSocket-Accept, of `acceptKey`; undefined over HTTP/2, which has no key and upgrades nothing (RFC 8441 §5). */
  accept: string | undefined
  subprotocol?: string | undefined
  /** Parameters of permessage-deflate that were agreed on. */
  deflate?: object | null | undefined
}

/**
 * Header fields of the response that accepts a request, but for those of an upgrade, which HTTP/2 does without (RFC 6455 §4.2.2).
 * @throws {TypeError} for a subprotocol with a line break or NUL; one that is else no token fails in the client (§4.1)
 */
export function acceptanceFields({ accept, subprotocol, deflate }: Acceptance): OutgoingHeaderFields {
  const fields: OutgoingHeaderFields = accept === undefined ? {} : { 'Sec-WebSocket-Accept': accept }
  if (subprotocol) {
    const chosen = String(subprotocol)
    if (breaksLine(chosen)) throw new TypeError('Invalid subprotocol: it has a line break or NUL')
    fields['Sec-WebSocket-Protocol'] = chosen
  }
  if (deflate) fields['Sec-WebSocket-Extensions'] = extension.format({ [PERMESSAGE_DEFLATE]: deflate })
  return fields
}

/** Lines of the response of HTTP/1.1 that accepts a request by `fields`, for `serializeHead`. */
export function upgradeLines(fields: OutgoingHeaderFields): string[] {
  const names = Object.keys(fields)
  // Pushed to, an array makes room for 16 more
  const lines = new Array<string>(3 + names.length)
  lines[0] = 'HTTP/1.1 101 Switching Protocols'
  lines[1] = 'Upgrade: websocket'
  lines[2] = 'Connection: Upgrade'
  for (let i = 0; i < names.length; i++) lines[3 + i] = `${names[i]}: ${String(fields[names[i]])}`
  return lines
}

/** Lines of the response of HTTP/1.1 that accepts a request; throws what `acceptanceFields` throws. */
export function acceptanceLines(acceptance: Acceptance): string[] {
  return upgradeLines(acceptanceFields(acceptance))
}

/** Reason phrases of the status codes that a server of this library chooses itself (RFC 7231 §6.1, RFC 6585 §5). */
const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  426: 'Upgrade Required',
  431: 'Request Header Fields Too Large',
  503: 'Service Unavailable',
  505: 'HTTP Version Not Supported'
}

/**
 * Text of the response that refuses a request. It may have characters outside ASCII: encode it as UTF-8.
 * @param refusal without `message` the reason phrase is the body
 * @param reason reason phrase of the status line
 * @throws {RangeError} for a status that is no integer (one that HTTP does not know, such as a close code, is sent all the same);
 * {TypeError} for a field name that is no token, and a value or a reason with a line break or NUL
 */
export function refusalResponse(
  refusal: { status: number; message?: string | undefined; headers?: Readonly<Record<string, unknown>> | undefined },
  reason: string = REASONS[refusal.status] ?? ''
): string {
  const status = Number(refusal.status)
  if (!Number.isInteger(status)) {
    throw new RangeError(`Invalid HTTP status code: ${JSON.stringify(refusal.status)} (must be an integer)`)
  }
  if (breaksLine(reason)) throw new TypeError('Invalid reason phrase: it has a line break or NUL')
  const body = refusal.message || reason
  const fields: Record<string, unknown> = {
    Connection: 'close',
    'Content-Type': 'text/html',
    'Content-Length': utf8Length(body),
    ...refusal.headers
  }
  const lines = [`HTTP/1.1 ${status} ${reason}`]
  for (const name of Object.keys(fields)) {
    const value = String(fields[name])
    if (!isToken(name)) throw new TypeError(`Invalid name of a header field: ${JSON.stringify(name)}`)
    if (breaksLine(value)) throw new TypeError(`Invalid value of the header field "${name}": it has a line break or NUL`)
    lines.push(`${name}: ${value}`)
  }
  return serializeHead(lines) + body
}

// Client

/**
 * The set of subprotocols to offer.
 * @throws {SyntaxError} if one is not a token or is there twice (RFC 6455 §4.1 item 10)
 */
export function checkSubprotocols(names: readonly unknown[]): Set<string> {
  const offers = new Set<string>()
  for (const name of names) {
    if (typeof name !== 'string' || !isToken(name) || offers.has(name)) {
      throw new SyntaxError('An invalid or duplicated subprotocol was specified')
    }
    offers.add(name)
  }
  return offers
}

/** What a client asks for in the opening handshake. */
export interface RequestOptions {
  /** Of `createKey`. */
  key: string
  /** 8 or 13. */
  version: number
  /** The user's header fields; those of the handshake win over them. */
  headers?: OutgoingHeaderFields | undefined
  /** Offered parameters of permessage-deflate; absent if it is not offered. */
  deflate?: object | null | undefined
  subprotocols?: Iterable<string> | undefined
  origin?: string | undefined
}

/** Header fields of the request, without those that HTTP itself needs, such as Host (RFC 6455 §4.1). */
export function requestHeaders(options: RequestOptions): OutgoingHeaderFields {
  const headers: OutgoingHeaderFields = {
    ...options.headers,
    'Sec-WebSocket-Version': options.version,
    'Sec-WebSocket-Key': options.key,
    Connection: 'Upgrade',
    Upgrade: 'websocket'
  }
  if (options.deflate) headers['Sec-WebSocket-Extensions'] = extension.format({ [PERMESSAGE_DEFLATE]: options.deflate })
  const subprotocols = [...(options.subprotocols ?? [])]
  if (subprotocols.length !== 0) headers['Sec-WebSocket-Protocol'] = subprotocols.join(', ')
  // §10.2: Origin has this other name in the drafts of version 8
  if (options.origin) headers[options.version < 13 ? 'Sec-WebSocket-Origin' : 'Origin'] = options.origin
  return headers
}

/** What a client needs to judge a response. */
export interface Expectation {
  /** `acceptKey` of the key that was sent. */
  accept: string
  /** What was offered. */
  subprotocols: ReadonlySet<string>
  /** Takes the parameters of permessage-deflate and throws if they cannot be; null if it was not offered. */
  acceptDeflate: ((response: ExtensionParameters[]) => unknown) | null
}

/** A client's verdict on a response with status 101. */
export interface ResponseVerdict {
  /** What is wrong with it; null if nothing is. */
  error: string | null
  /** The server's choice, '' for none. */
  subprotocol: string
  /** Whether permessage-deflate was agreed on. */
  deflate: boolean
}

/** Judges the header fields of a response with status 101: Upgrade, accept key, subprotocol, extensions, in this order (RFC 6455 §4.1). */
export function checkResponse(headers: HeaderFields, expectation: Expectation): ResponseVerdict {
  const chosen = field(headers, 'sec-websocket-protocol')
  const extensions = field(headers, 'sec-websocket-extensions')
  const error =
    checkUpgrade(headers, expectation.accept) ??
    checkSubprotocol(chosen, expectation.subprotocols) ??
    (extensions === undefined ? null : checkExtensions(extensions, expectation.acceptDeflate))
  return { error, subprotocol: chosen ?? '', deflate: extensions !== undefined }
}

function checkUpgrade(headers: HeaderFields, accept: string): string | null {
  if (field(headers, 'upgrade')?.toLowerCase() !== 'websocket') return 'Invalid Upgrade header'
  if (field(headers, 'sec-websocket-accept') !== accept) return 'Invalid Sec-WebSocket-Accept header'
  return null
}

function checkSubprotocol(chosen: string | undefined, offers: ReadonlySet<string>): string | null {
  if (chosen === undefined) return offers.size === 0 ? null : 'Server sent no subprotocol'
  if (offers.size === 0) return 'Server sent a subprotocol but none was requested'
  return offers.has(chosen) ? null : 'Server sent an invalid subprotocol'
}

function checkExtensions(header: string, acceptDeflate: Expectation['acceptDeflate']): string | null {
  if (acceptDeflate === null) return 'Server sent a Sec-WebSocket-Extensions header but no extension was requested'
  try {
    const extensions = extension.parse(header)
    const names = Object.keys(extensions)
    if (names.length !== 1 || names[0] !== PERMESSAGE_DEFLATE) return 'Server indicated an extension that was not requested'
    acceptDeflate(extensions[PERMESSAGE_DEFLATE])
    return null
  } catch {
    return 'Invalid Sec-WebSocket-Extensions header'
  }
}

/** Text of a head whose lines these are, the empty one that ends it included. */
export function serializeHead(lines: readonly string[]): string {
  return lines.join('\r\n') + '\r\n\r\n'
}

/** Value of a header field; of one that came several times, the values joined by commas (RFC 7230 §3.2.2). */
function field(headers: HeaderFields, name: string): string | undefined {
  const value = headers[name]
  return value === undefined || typeof value === 'string' ? value : value.join(', ')
}
