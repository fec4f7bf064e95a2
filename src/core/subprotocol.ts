// The grammar of Sec-WebSocket-Protocol in a request (RFC 6455 §4.1, §11.3.4).

import { tokenEnd, unexpected, whitespaceEnd } from './header-token.js'

/**
 * Parses the value of a Sec-WebSocket-Protocol request header into the offered names, in the client's order of preference.
 * @throws {SyntaxError} with the index of the first character that the grammar does not allow, or naming a subprotocol that is there twice
 */
export function parse(header: string): Set<string> {
  const names = new Set<string>()
  let at = 0

  for (;;) {
    const start = at === 0 ? 0 : whitespaceEnd(header, at)
    const end = tokenEnd(header, start)
    if (end === start) throw unexpected(header, start)

    at = whitespaceEnd(header, end)
    const last = at === header.length
    if (last ? at !== end : header[at] !== ',') throw unexpected(header, at)

    const name = header.slice(start, end)
    // §4.1 item 10: the names MUST all be unique
    if (names.has(name)) throw new SyntaxError(`The "${name}" subprotocol is duplicated`)
    names.add(name)
    if (last) return names
    at++ // the comma
  }
}
