// The grammar of Sec-WebSocket-Extensions (RFC 6455 §9.1).

import { isTokenCode, tokenEnd, unexpected, whitespaceEnd } from './header-token.js'

/** Parameters of one offer by name; a name may repeat, and `true` stands for a parameter without a value. */
export type ExtensionParameters = Record<string, Array<string | true>>

/** Offers by the extension's name, each name's in the order of the header. */
export type ExtensionOffers = Record<string, ExtensionParameters[]>

/** What `format` takes and `parse` gives lists: one value, or one set of parameters, may stand for a list of one. */
export type FormattableExtensions = Record<string, object | object[]>

/**
 * Parses the value of a Sec-WebSocket-Extensions header.
 * @returns objects without prototype, so that a name such as `__proto__` is a name like any other
 * @throws {SyntaxError} with the index of the first character that the grammar does not allow
 */
export function parse(header: string): ExtensionOffers {
  const offers: ExtensionOffers = Object.create(null)
  let at = 0

  for (;;) {
    const nameStart = at === 0 ? 0 : whitespaceEnd(header, at)
    at = requireToken(header, nameStart)
    const name = header.slice(nameStart, at)
    const params: ExtensionParameters = Object.create(null)
    at = delimiter(header, at)

    while (header[at] === ';') {
      const paramStart = whitespaceEnd(header, at + 1)
      at = requireToken(header, paramStart)
      const param = header.slice(paramStart, at)
      let value: string | true = true

      if (header[at] === '=') {
        const valueStart = at + 1
        if (header[valueStart] === '"') {
          at = quotedStringEnd(header, valueStart)
          value = header.slice(valueStart + 1, at - 1).replaceAll('\\', '')
        } else {
          at = requireToken(header, valueStart)
          value = header.slice(valueStart, at)
        }
      }
      append(params, param, value)
      at = delimiter(header, at)
    }

    append(offers, name, params)
    if (at === header.length) return offers
    at++ // the comma before the next offer
  }
}

/**
 * Builds the value of a Sec-WebSocket-Extensions header: what `parse` gave, or a shorter form with single values and objects in place of
 * lists of one. Values are taken as they are: they must be tokens (§9.1).
 */
export function format(extensions: FormattableExtensions): string {
  const elements: string[] = []
  for (const name of Object.keys(extensions)) {
    for (const params of listOf(extensions[name])) elements.push(formatOne(name, params as Record<string, unknown>))
  }
  return elements.join(', ')
}

function formatOne(name: string, params: Record<string, unknown>): string {
  let text = name
  for (const param of Object.keys(params)) {
    for (const value of listOf(params[param])) text += value === true ? `; ${param}` : `; ${param}=${String(value)}`
  }
  return text
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value]
}

function append<T>(lists: Record<string, T[]>, name: string, value: T): void {
  const list = lists[name]
  if (list === undefined) lists[name] = [value]
  else list.push(value)
}

/** Index behind the token at `start`, which must not be empty. */
function requireToken(header: string, start: number): number {
  const end = tokenEnd(header, start)
  if (end === start) throw unexpected(header, start)
  return end
}

/** Index of the `;` or `,` that follows at `start` behind optional white space, or of the end; white space before the end is an error. */
function delimiter(header: string, start: number): number {
  const at = whitespaceEnd(header, start)
  if (at === header.length ? at !== start : header[at] !== ';' && header[at] !== ',') throw unexpected(header, at)
  return at
}

/** Index behind the quoted string that opens at `start`; §9.1: its value, unescaped, must be a token. */
function quotedStringEnd(header: string, start: number): number {
  let at = start + 1
  let empty = true
  for (;;) {
    if (header[at] === '"' && !empty) return at + 1
    if (header[at] === '\\') at++
    if (!isTokenCode(header.charCodeAt(at))) throw unexpected(header, at)
    empty = false
    at++
  }
}
