import { expect, test } from 'vitest'
import { closeCodeOf, protocolError, withCloseCode, type Violation } from '../../src/core/errors.js'
import { describeError, VIOLATIONS } from './support.js'

const TABLE: [Violation, string | number | undefined, string][] = [
  ['EXPECTED_FIN', undefined, VIOLATIONS.fin],
  ['EXPECTED_MASK', undefined, VIOLATIONS.noMask],
  ['UNEXPECTED_MASK', undefined, VIOLATIONS.mask],
  ['INVALID_CLOSE_CODE', 1006, VIOLATIONS.closeCode(1006)],
  ['INVALID_CLOSE_CODE', 0, VIOLATIONS.closeCode(0)],
  ['INVALID_CONTROL_PAYLOAD_LENGTH', 126, VIOLATIONS.controlLength(126)],
  ['INVALID_OPCODE', 0, VIOLATIONS.opcode(0)],
  ['INVALID_UTF8', undefined, VIOLATIONS.utf8],
  ['UNEXPECTED_RSV_1', undefined, VIOLATIONS.rsv1],
  ['UNEXPECTED_RSV_2_3', undefined, VIOLATIONS.rsv23],
  ['TOO_MANY_BUFFERED_PARTS', 'message fragments', VIOLATIONS.fragments],
  ['TOO_MANY_BUFFERED_PARTS', 'buffered chunks', VIOLATIONS.chunks],
  ['UNSUPPORTED_DATA_PAYLOAD_LENGTH', undefined, VIOLATIONS.length],
  ['UNSUPPORTED_MESSAGE_LENGTH', undefined, VIOLATIONS.maxPayload]
]

test.each(TABLE)('%s (%s) has class, code, close code and message (§7.4.1)', (violation, value, expected) => {
  expect(describeError(protocolError(violation, value))).toBe(expected)
})

test('the close code is no property that a user sees', () => {
  const error = protocolError('INVALID_UTF8')
  expect(Object.keys(error)).toEqual(['code'])
  expect(JSON.stringify(error)).not.toContain('1007')
})

test('an error of an inflater is answered with the close code it is marked with, any other with 1002', () => {
  const error = new Error('invalid distance')
  expect(closeCodeOf(error)).toBe(1002)
  expect(withCloseCode(error, 1007)).toBe(error)
  expect(closeCodeOf(error)).toBe(1007)
  expect(closeCodeOf(new Error('another'))).toBe(1002)
})

test('each violation is an error of its own', () => {
  expect(protocolError('EXPECTED_FIN')).not.toBe(protocolError('EXPECTED_FIN'))
})
