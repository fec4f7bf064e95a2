// The head of an HTTP/1.1 request or response (RFC 7230 §3), as much of it as an opening handshake has, for runtimes without HTTP.

import { isToken, tokenEnd, whitespaceEnd } from './header-token.js'
import type { OutgoingHeaderFields, Refusal } from './opening-handshake.js'

/** Longest head that is parsed, in octets. */
export const MAX_HEAD = 16 * 1024

/** Header fields by lower-case name, without prototype; the values of a field that came several times are joined by `, `. */
export type ParsedHeaderFields = Record<string, string>

export interface ParsedRequest {
  method: string
  /** The request target as it was sent (RFC 7230 §5.3). */
  target: string
  headers: ParsedHeaderFields
  /** Length of the head in octets: what is behind it are frames. */
  length: number
}

export interface ParsedResponse {
  /** Status code. */
  status: number
  reason: string
  headers: ParsedHeaderFields
  /** Length of the head in octets: what is behind it is the body, or frames. */
  length: number
}

/** A head that cannot be parsed; `refusal` is the answer to it, if it is a request. */
export interface InvalidHead {
  refusal: Refusal
}

const INVALID_REQUEST: InvalidHead = { refusal: { status: 400, message: 'Invalid HTTP request' } }
const INVALID_RESPONSE: InvalidHead = { refusal: { status: 400, message: 'Invalid HTTP response' } }
const HEAD_TOO_LONG: InvalidHead = { refusal: { status: 431, message: 'HTTP header fields too large' } }
const UNKNOWN_VERSION: InvalidHead = { refusal: { status: 505, message: 'Invalid HTTP version' } }

/** Visible ASCII, obs-text, space and tab: a field value, without line folding (RFC 7230 §3.2). */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** Visible ASCII: a request target has no white space (RFC 7230 §5.3). */
const TARGET = /^[\x21-\x7e]+$/

/**
 * Text of a request's head (RFC 6455 §4.1 items 2 to 4).
 * @param target path and query
 * @param host value of Host, behind `headers` if those have none
 * @throws {TypeError} for a target, a field name or a value that the grammar of HTTP does not allow
 */
export function serializeRequest(target: string, host: string, headers: OutgoingHeaderFields): string {
  if (!TARGET.test(target)) throw new TypeError('Invalid request target')
  const lines = new Map<string, string>()
  for (const name of Object.keys(headers)) {
    const value = headers[name]
    if (value === undefined) continue
    if (!isToken(name)) throw new TypeError(`Invalid name of a header field: ${JSON.stringify(name)}`)
    // A later name that differs in case only is the same field, and wins in its first place.
    const values = Array.isArray(value) ? value : [value]
    lines.set(name.toLowerCase(), values.map((one) => fieldLine(name, String(one))).join(''))
  }
  if (!lines.has('host')) lines.set('host', fieldLine('Host', host))
  return `GET ${target} HTTP/1.1\r\n${[...lines.values()].join('')}\r\n`
}

function fieldLine(name: string, value: string): string {
  if (!FIELD_VALUE.test(value)) throw new TypeError(`Invalid value of the header field "${name}"`)
  return `${name}: ${value}\r\n`
}

/** Parses the head of a request (RFC 6455 §4.2.1); null if its end is not there yet. */
export function parseRequest(input: Uint8Array | string): ParsedRequest | InvalidHead | null {
  const text = headOf(input)
  if (typeof text !== 'string') return text
  const lines = text.split('\r\n')
  const [method, target, version, ...rest] = lines[0].split(' ')
  if (rest.length !== 0 || version === undefined || !isToken(method) || !TARGET.test(target)) return INVALID_REQUEST
  // §4.1 item 2: the HTTP version MUST be at least 1.1; there is no other 1.x
  if (version !== 'HTTP/1.1') return /^HTTP\/\d\.\d$/.test(version) ? UNKNOWN_VERSION : INVALID_REQUEST

  const headers = parseFields(lines)
  // §4.2.1 item 2, and RFC 7230 §5.4: one Host, not several
  if (headers === null || !('host' in headers) || headers.host.includes(',')) return INVALID_REQUEST
  // A body would stand where the first frame does.
  if ('transfer-encoding' in headers || (headers['content-length'] ?? '0') !== '0') return INVALID_REQUEST
  return { method, target, headers, length: text.length + 4 }
}

/** Parses the head of a response (RFC 6455 §4.2.2 item 5); null if its end is not there yet. */
export function parseResponse(input: Uint8Array | string): ParsedResponse | InvalidHead | null {
  const text = headOf(input)
  if (typeof text !== 'string') return text
  const lines = text.split('\r\n')
  const match = /^HTTP\/1\.1 ([1-5]\d\d)(?: (.*))?$/.exec(lines[0])
  if (match === null || !FIELD_VALUE.test(lines[0])) return INVALID_RESPONSE

  const headers = parseFields(lines)
  if (headers === null) return INVALID_RESPONSE
  return { status: Number(match[1]), reason: match[2] ?? '', headers, length: text.length + 4 }
}

/** Text of the head in `input` without the empty line that ends it; null if that is not there yet. */
function headOf(input: Uint8Array | string): string | InvalidHead | null {
  const text = typeof input === 'string' ? input.slice(0, MAX_HEAD) : latin1(input, Math.min(input.length, MAX_HEAD))
  const end = text.indexOf('\r\n\r\n')
  if (end !== -1) return text.slice(0, end)
  return input.length < MAX_HEAD ? null : HEAD_TOO_LONG
}

function latin1(octets: Uint8Array, length: number): string {
  let text = ''
  for (let i = 0; i < length; i++) text += String.fromCharCode(octets[i])
  return text
}

/** Fields of all lines but the first; null if one is malformed (RFC 7230 §3.2). */
function parseFields(lines: readonly string[]): ParsedHeaderFields | null {
  const headers: ParsedHeaderFields = Object.create(null)
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i]
    const colon = tokenEnd(line, 0)
    // RFC 7230 §3.2.4: no white space before the colon, and none before the name, which was once a continuation
    if (colon === 0 || line[colon] !== ':') return null
    const value = line.slice(whitespaceEnd(line, colon + 1), valueEnd(line))
    if (!FIELD_VALUE.test(value)) return null
    const name = line.slice(0, colon).toLowerCase()
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value
  }
  return headers
}

/** Index behind the last character of `line` that is neither space nor tab. */
function valueEnd(line: string): number {
  let end = line.length
  while (line[end - 1] === ' ' || line[end - 1] === '\t') end--
  return end
}
