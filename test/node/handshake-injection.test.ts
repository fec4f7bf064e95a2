import type { IncomingMessage } from 'node:http'
import { expect, test } from 'vitest'
import { connectRaw, requestOctets } from '../support/raw-peer.js'
import { listen, type Options } from './support/links.js'
import { uncaughtDuring } from './support/uncaught.js'

type Answer = (verified: boolean, status?: unknown, message?: string, headers?: unknown) => void

/** The answer of a server with these options, and the errors that its program gets. */
async function answerOf(
  options: Options,
  prepare: (lines: string[]) => void = () => {}
): Promise<{ head: string[]; errors: string[] }> {
  let head: string[] = []
  const errors = await uncaughtDuring(async () => {
    const { server, port } = await listen(options)
    server.on('headers', prepare)
    const peer = await connectRaw(port)
    peer.write(requestOctets('/', { 'Sec-WebSocket-Protocol': 'a, b' }))
    head = await peer.untilHead()
    if (!head[0].includes('101')) await peer.untilEnded()
    peer.socket.destroy()
  })
  return { head, errors: errors.map(String) }
}

/** A server that refuses in this way. */
function refusing(status: unknown, headers: unknown = {}): Options {
  return { verifyClient: (_info: unknown, answer: Answer) => answer(false, status, undefined, headers) }
}

test.each([
  [
    'a header value with a line break',
    refusing(401, { 'X-Y': 'a\r\nSet-Cookie: b' }),
    'TypeError: Invalid value of the header field "X-Y"'
  ],
  ['a header name with a line break', refusing(401, { 'X\nY': 'a' }), 'TypeError: Invalid name of a header field'],
  ['a status with a line break', refusing('401 x\r\nSet-Cookie: b'), 'RangeError: Invalid HTTP status code'],
  ['a status that is no integer', refusing(401.5), 'RangeError: Invalid HTTP status code: 401.5'],
  ['a subprotocol with a line break', { handleProtocols: () => 'a\r\nSet-Cookie: b' }, 'TypeError: Invalid subprotocol']
])('%s is an error of the program, and a 500 for the client (RFC 9110 §5.5)', async (_what, options, message) => {
  const { head, errors } = await answerOf(options)
  expect(head[0]).toBe('HTTP/1.1 500 Internal Server Error')
  expect(head.join('\n')).not.toContain('Set-Cookie')
  expect(errors).toHaveLength(1)
  expect(errors[0]).toContain(message)
})

test('what programs for ws give is sent as it is', async () => {
  const refused = await answerOf(refusing('403', { 'X-A': 1, 'X-B': ['a', 'b'] }))
  expect(refused.errors).toEqual([])
  expect(refused.head[0]).toBe('HTTP/1.1 403 Forbidden')
  expect(refused.head.slice(-2)).toEqual(['X-A: 1', 'X-B: a,b'])

  // a close code where a status should be
  const closed = await answerOf(refusing(4001))
  expect(closed.errors).toEqual([])
  expect(closed.head[0].trim()).toBe('HTTP/1.1 4001')

  const accepted = await answerOf({ handleProtocols: (_names: Set<string>, request: IncomingMessage) => request.method }, (lines) =>
    lines.push('X-C: 1', 'X-D: 2\r\nX-E: 3')
  )
  expect(accepted.errors).toEqual([])
  expect(accepted.head.slice(-4)).toEqual(['Sec-WebSocket-Protocol: GET', 'X-C: 1', 'X-D: 2', 'X-E: 3'])
})
