// A request to upgrade, as a server reads it (RFC 6455 §4.2.1): the verdict on it, and what it offers.

import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { types } from 'node:util'
import {
  acceptExtensionOffers,
  checkRequest,
  type HeaderFields,
  parseSubprotocolOffers,
  type Refusal
} from '../../core/opening-handshake.js'
import { PerMessageDeflate, type PerMessageDeflateOptions } from '../compat/permessage-deflate.js'
import type { Extensions } from '../compat/sender.js'
import type { ServerOptions } from '../options.js'
import { DirectRequest } from './direct-request.js'

/** Offers of most requests. */
const NO_SUBPROTOCOLS: Set<string> = new Set()

export class UpgradeRequest {
  readonly method: string
  readonly headers: HeaderFields
  /** Subprotocols that are offered, the client's first choice first. */
  subprotocols = NO_SUBPROTOCOLS
  /** Extensions that were agreed on. */
  readonly extensions: Extensions = {}

  constructor(request: IncomingMessage) {
    this.method = request.method!
    this.headers = DirectRequest.fieldsOf(request) ?? fieldsOf(request.headers)
  }

  /** Value of Sec-WebSocket-Key, once the request was checked. */
  get key(): string {
    return this.headers['sec-websocket-key'] as string
  }

  /** Why this is no opening handshake of a version that we speak; null if it is. */
  check(): Refusal | null {
    return checkRequest(this)
  }

  /**
   * Reads what the client offers, and agrees on extensions.
   * @param mayShare whether nobody will change the set of subprotocols: if it is empty, it may be one object for all requests
   * @returns why its offers are refused; null if they are not
   */
  readOffers(options: ServerOptions, mayShare: boolean): Refusal | null {
    const { headers } = this
    if (!mayShare || headers['sec-websocket-protocol'] !== undefined) {
      const offers = parseSubprotocolOffers(headers)
      if ('status' in offers) return offers
      this.subprotocols = offers
    }
    if (!options.perMessageDeflate || headers['sec-websocket-extensions'] === undefined) return null
    const deflate = new PerMessageDeflate({
      ...(options.perMessageDeflate as PerMessageDeflateOptions),
      isServer: true,
      maxPayload: options.maxPayload
    })
    const accepted = acceptExtensionOffers(headers, (offers) => deflate.accept(offers))
    if (typeof accepted === 'object') return accepted
    if (accepted) this.extensions['permessage-deflate'] = deflate
    return null
  }
}

/**
 * The header fields as the core takes them. A request that was made by hand (to test an HTTP framework's routes, say) may have numbers,
 * lists or null, which count for what they do in ws; a parser of HTTP gives strings.
 */
function fieldsOf(headers: IncomingHttpHeaders | undefined): HeaderFields {
  if (headers === undefined || headers === null) return {}
  const { upgrade } = headers
  const key = headers['sec-websocket-key']
  const version = headers['sec-websocket-version']
  const protocol = headers['sec-websocket-protocol']
  const extensions = headers['sec-websocket-extensions']
  if (isField(upgrade) && isField(key) && isField(version) && isField(protocol) && isField(extensions))
    return headers as HeaderFields
  return {
    upgrade: textOr(undefined, upgrade),
    'sec-websocket-key': key === undefined ? undefined : converted(String, key, ''),
    'sec-websocket-version': String(converted(Number, version, NaN)),
    // What is no text breaks the grammar, like text that is empty
    'sec-websocket-protocol': protocol === undefined ? undefined : textOr('', protocol),
    'sec-websocket-extensions': extensions === undefined ? undefined : textOr('', extensions)
  }
}

function isField(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string'
}

/** `value` if it is text, a String object included. */
function textOr<T>(otherwise: T, value: unknown): string | T {
  return typeof value === 'string' || types.isStringObject(value) ? String(value) : otherwise
}

function converted<T>(convert: (value: unknown) => T, value: unknown, otherwise: T): T {
  try {
    return convert(value)
  } catch {
    return otherwise
  }
}
