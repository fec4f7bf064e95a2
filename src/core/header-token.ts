// Tokens and white space of HTTP header fields, as the header grammars of the opening handshake use them.

/** 1 for each ASCII code that is a `tchar` (RFC 7230 §3.2.6). */
const TCHAR = new Uint8Array(128)
for (const char of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") TCHAR[char.charCodeAt(0)] = 1

/** Whether the UTF-16 code unit `code` is a `tchar` (RFC 7230 §3.2.6); false for NaN, which stands for the end of a string. */
export function isTokenCode(code: number): boolean {
  return code < 128 && TCHAR[code] === 1
}

/** Whether `text` is a `token`: one or more `tchar` (RFC 7230 §3.2.6). */
export function isToken(text: string): boolean {
  return text.length !== 0 && tokenEnd(text, 0) === text.length
}

/** Whether `text` would end the line it stands in, or is cut by some parsers: a peer could be made to read lines that nobody wrote (RFC 9110 §5.5). */
export function breaksLine(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x0d || code === 0x0a || code === 0) return true
  }
  return false
}

/** Index behind the longest run of `tchar` in `text` that begins at `start`. */
export function tokenEnd(text: string, start: number): number {
  let end = start
  while (isTokenCode(text.charCodeAt(end))) end++
  return end
}

/** Index behind the optional white space, space and tab, that begins at `start` (RFC 7230 §3.2.3). */
export function whitespaceEnd(text: string, start: number): number {
  let end = start
  while (text[end] === ' ' || text[end] === '\t') end++
  return end
}

/** The error for what stands at `index` of `header`: a character that cannot stand there, or nothing. */
export function unexpected(header: string, index: number): SyntaxError {
  return new SyntaxError(index < header.length ? `Unexpected character at index ${index}` : 'Unexpected end of input')
}
