// A request to upgrade without a stream, made of the head that a connection sent; it becomes one of Node's requests, in the same object, as
// soon as somebody touches more of it than its address.

import { IncomingMessage } from 'node:http'
import { inspect } from 'node:util'
import type { HeaderFields } from '../../core/opening-handshake.js'
import { FIELD_EXTENSIONS, FIELD_KEY, FIELD_PROTOCOL, FIELD_VERSION, type UpgradeHead } from '../../core/upgrade-head.js'
import { DirectSocket } from '../links/direct-socket.js'
import type { HandleInternals } from '../runtime/handle-internals.js'

/** Length of ` HTTP/1.1` and the end of its line, and of the end of the head. */
const VERSION_LENGTH = 11
const END_LENGTH = 4

export class DirectRequest {
  declare url: string
  declare method: string
  readonly socket: DirectSocket
  readonly #head: string
  /** Where the first header field begins. */
  readonly #fields: number
  /** What an opening handshake looks at; null as soon as a program may have changed it. */
  #headers: HeaderFields | null

  /** @param text the head; `found` says where things stand in it */
  constructor(text: string, found: UpgradeHead, socket: DirectSocket) {
    this.url = text.slice(4, found.targetEnd)
    this.socket = socket
    this.#head = text
    this.#fields = found.targetEnd + VERSION_LENGTH
    this.#headers = {
      upgrade: 'websocket',
      'sec-websocket-key': valueOf(text, found, FIELD_KEY),
      'sec-websocket-version': valueOf(text, found, FIELD_VERSION),
      'sec-websocket-protocol': valueOf(text, found, FIELD_PROTOCOL),
      'sec-websocket-extensions': valueOf(text, found, FIELD_EXTENSIONS)
    }
  }

  /** The header fields of a request that nobody has touched; null for any other. */
  static fieldsOf(request: object): HeaderFields | null {
    return #headers in request ? request.#headers : null
  }

  /** Makes it one of Node's requests. */
  static realise(request: DirectRequest): IncomingMessage {
    const real = request as unknown as IncomingMessage
    if (request.#headers === null) return real
    request.#headers = null
    const { url, method } = real
    const { socket } = request
    Object.setPrototypeOf(request, IncomingMessage.prototype)
    const { highWaterMark } = DirectSocket.originOf(socket).server
    // All that it looks at in a socket, which need not have a stream for that
    const shown = { readableHighWaterMark: highWaterMark }
    ;(IncomingMessage as unknown as (this: IncomingMessage, socket: unknown) => void).call(real, shown)
    const fields = request.#rawFields()
    Object.assign(real, {
      httpVersionMajor: 1,
      httpVersionMinor: 1,
      httpVersion: '1.1',
      joinDuplicateHeaders: null,
      url,
      method,
      socket,
      client: socket,
      upgrade: true
    })
    ;(real as unknown as { _addHeaderLines(fields: string[], length: number): void })._addHeaderLines(fields, fields.length)
    // As behind the parser, which has found no body
    Object.assign(real, { complete: true, parser: null })
    real.push(null)
    return real
  }

  /** Names and values as they were sent, in turn. */
  #rawFields(): string[] {
    const fields: string[] = []
    for (const line of this.#head.slice(this.#fields, -END_LENGTH).split('\r\n')) {
      const colon = line.indexOf(':')
      fields.push(line.slice(0, colon), line.slice(colon + 1).trim())
    }
    return fields
  }
}

function valueOf(text: string, { position }: UpgradeHead, field: number): string | undefined {
  const end = position[2 * field + 1]
  return end === 0 ? undefined : text.slice(position[2 * field], end)
}

/** What of Node's request needs no stream. */
const PLAIN: readonly PropertyKey[] = ['url', 'method', 'socket']
/** What is looked for in the prototype of Node's requests. */
const ACCESSORS: readonly PropertyKey[] = ['headers', 'headersDistinct', 'trailers', 'trailersDistinct']

/** To be called before the first is made: has whatever touches the state of the stream find it. */
export function prepareDirectRequests({ requestKeys }: HandleInternals): void {
  const { prototype } = DirectRequest
  if (Object.getPrototypeOf(prototype) === IncomingMessage.prototype) return
  Object.setPrototypeOf(prototype, IncomingMessage.prototype)
  for (const key of [...requestKeys, 'parser', ...ACCESSORS]) {
    if (PLAIN.includes(key)) continue
    Object.defineProperty(prototype, key, {
      configurable: true,
      get(this: DirectRequest) {
        return Reflect.get(DirectRequest.realise(this), key, this)
      },
      set(this: DirectRequest, value: unknown) {
        Reflect.set(DirectRequest.realise(this), key, value, this)
      }
    })
  }
  prototype.method = 'GET'
  Object.defineProperty(prototype, 'constructor', { configurable: true, writable: true, value: IncomingMessage })
  Object.defineProperty(prototype, inspect.custom, {
    configurable: true,
    value(this: DirectRequest) {
      return DirectRequest.realise(this)
    }
  })
}
