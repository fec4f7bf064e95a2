import { expect, test } from 'vitest'
import { isToken, isTokenCode } from '../../src/core/header-token.js'

test('takes exactly the 77 tchar among all code units (RFC 7230 §3.2.6)', () => {
  const tchar = /^[-!#$%&'*+.^_`|~0-9A-Za-z]$/
  let count = 0
  for (let code = 0; code <= 0xffff; code++) {
    expect(isTokenCode(code)).toBe(tchar.test(String.fromCharCode(code)))
    if (isTokenCode(code)) count++
  }
  expect(count).toBe(77)
})

test('takes a run of tchar for a token, and nothing else (RFC 7230 §3.2.6)', () => {
  expect(isToken('permessage-deflate')).toBe(true)
  expect(isToken('x')).toBe(true)
  for (const text of ['', ' x', 'x ', 'a b', 'a,b', 'a;b', 'a="b"', 'é', 'a\u0141']) expect(isToken(text)).toBe(false)
})
