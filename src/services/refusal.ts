// What a program throws to refuse a client with a response of its own.

import { refusalResponse } from '../core/opening-handshake.js'

/** What may be said beside the status code. */
export interface RefusalOptions {
  headers?: RefusalFields | undefined
  body?: string | undefined
}

type RefusalFields = Readonly<Record<string, string | number>>

const LEAST_STATUS = 300
const MOST_STATUS = 599

/**
 * Thrown by `authenticate`: the client gets this response, and no WebSocket.
 * @throws {RangeError} for a status code that is no integer from 300 to 599; {TypeError} for a body that is no string, and for header
 * fields that cannot be sent
 */
export class Refusal extends Error {
  readonly status: number
  readonly headers: RefusalFields
  /** Text; '' for what the status code means. */
  readonly body: string

  constructor(status: number, { headers = {}, body = '' }: RefusalOptions = {}) {
    if (!Number.isInteger(status) || status < LEAST_STATUS || status > MOST_STATUS) {
      throw new RangeError(`Invalid status code of a refusal: ${String(status)} (must be an integer from 300 to 599)`)
    }
    if (typeof body !== 'string') throw new TypeError('Invalid body of a refusal: must be a string')
    super(`Refused with status ${status}`)
    this.name = 'Refusal'
    this.status = status
    this.headers = responseFields(headers)
    this.body = body
    // Now, where its author can see it, and not when the response is written
    refusalResponse({ status, headers: this.headers, message: body })
  }
}

/** Names of the fields that every refusal has, as the response spells them: what the program says takes their place. */
const OWN_FIELDS: Readonly<Record<string, string>> = { connection: 'Connection', 'content-type': 'Content-Type' }

function responseFields(headers: RefusalFields): RefusalFields {
  // Not HTML, which a refusal that quotes the request could be made to say anything in
  const fields: Record<string, string | number> = { 'Content-Type': 'text/plain; charset=utf-8' }
  for (const [name, value] of Object.entries(headers)) {
    const lowerCase = name.toLowerCase()
    // Whoever computes it counts characters, as often as not
    if (lowerCase !== 'content-length') fields[OWN_FIELDS[lowerCase] ?? name] = value
  }
  return fields
}
