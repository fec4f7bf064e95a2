import { describe, expect, test } from 'vitest'
import { isValidCloseCode, parseClosePayload, serializeClosePayload, type CloseStatus } from '../../src/core/close.js'
import { closePayload } from '../support/frames.js'
import { describeError, js, runtime, VIOLATIONS, wasm } from './support.js'

function isValid(code: number): boolean {
  return (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) || (code >= 3000 && code <= 4999)
}

test('takes exactly the close codes that are defined, registered or free for use (§7.4)', () => {
  for (let code = 0; code <= 0xffff; code++) if (isValidCloseCode(code) !== isValid(code)) expect.fail(`close code ${code}`)
  for (const code of [-1, 1000.5, NaN, Infinity, 65536 + 1000]) expect(isValidCloseCode(code)).toBe(false)
})

/** What parsing comes to with each kernel set, which is the same. */
function parse(payload: Uint8Array, skip = false): string {
  const [first, second] = [js, wasm].map((kernels) => {
    const status = parseClosePayload(payload, kernels, runtime, skip)
    return status instanceof Error ? describeError(status) : `${status.code} ${Buffer.from(status.reason).toString('hex')}`
  })
  expect(second).toBe(first)
  return first
}

describe('parseClosePayload', () => {
  test('takes an empty payload as 1005 (§7.1.5)', () => {
    expect(parse(new Uint8Array(0))).toBe('1005 ')
  })

  test('reads the close code in network octet order, and the reason behind it (§5.5.1)', () => {
    expect(parse(closePayload(1000))).toBe('1000 ')
    expect(parse(closePayload(4660, 'bye'))).toBe('4660 627965')
    expect(parse(closePayload(3000, 'é€😀'))).toBe(`3000 ${Buffer.from('é€😀').toString('hex')}`)
    expect(parse(closePayload(1001, 'x'.repeat(123)))).toBe(`1001 ${'78'.repeat(123)}`)
  })

  test('refuses codes that must not stand in a close frame (§7.4)', () => {
    for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]) {
      expect(parse(closePayload(code))).toBe(VIOLATIONS.closeCode(code))
      expect(parse(closePayload(code, Buffer.from([0xff])))).toBe(VIOLATIONS.closeCode(code))
    }
  })

  test('refuses a reason that is not UTF-8, a truncated one too, unless told not to look (§5.5.1, §8.1)', () => {
    for (const reason of [[0xff], [0x61, 0x80], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0xf0]]) {
      const payload = closePayload(1000, Buffer.from(reason))
      expect(parse(payload)).toBe(VIOLATIONS.utf8)
      expect(parse(payload, true)).toBe(`1000 ${Buffer.from(reason).toString('hex')}`)
    }
  })

  test('gives a reason that does not change with the payload, and keeps no larger memory alive', () => {
    for (const kernels of [js, wasm]) {
      const payload = new Uint8Array(1000).subarray(500, 507)
      payload.set(closePayload(1000, 'later'))
      const { reason } = parseClosePayload(payload, kernels, runtime, false) as CloseStatus
      payload.fill(0)
      expect(Buffer.from(reason).toString()).toBe('later')
      expect(reason.buffer.byteLength).toBeLessThan(1000)
    }
  })
})

describe('serializeClosePayload', () => {
  test('is empty without a code, whatever the reason (§5.5.1)', () => {
    expect(serializeClosePayload(undefined).length).toBe(0)
    expect(serializeClosePayload(undefined, Buffer.from('ignored')).length).toBe(0)
  })

  test('writes each valid code in network octet order, and the reason behind it (§5.5.1)', () => {
    for (let code = 1000; code < 5000; code++) {
      if (!isValid(code)) continue
      expect(Buffer.from(serializeClosePayload(code))).toEqual(closePayload(code))
    }
    expect(Buffer.from(serializeClosePayload(4999, Buffer.from('grüß')))).toEqual(closePayload(4999, 'grüß'))
  })

  test('throws a TypeError for a code that must not be sent (§7.4)', () => {
    for (const code of [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, -1, 1000.5, NaN, '1000', null, {}]) {
      expect(() => serializeClosePayload(code as number)).toThrow(new TypeError('First argument must be a valid error code number'))
    }
  })

  test('throws a RangeError for a reason of more than 123 octets (§5.5.1)', () => {
    expect(serializeClosePayload(1000, new Uint8Array(123)).length).toBe(125)
    expect(() => serializeClosePayload(1000, new Uint8Array(124))).toThrow(
      new RangeError('The message must not be greater than 123 bytes')
    )
  })

  test('copies the reason, which stays as it was', () => {
    const reason = Buffer.from('reason')
    const payload = serializeClosePayload(1000, reason)
    reason.fill(0)
    expect(Buffer.from(payload).toString('latin1', 2)).toBe('reason')
    payload.fill(1)
    expect(reason).toEqual(Buffer.alloc(6))
  })
})
