// Requests that no parser of HTTP made: test injectors of web frameworks build them by hand, with what they have at hand.

import { PassThrough } from 'node:stream'
import { describeValue } from '../../support/describe-value.js'
import { TEST_WEBSOCKET_KEY } from '../../support/raw-peer.js'
import { server } from '../harness.js'
import type { Context, Scenario } from '../harness.js'
import type { Any } from '../implementations.js'

const valid = {
  connection: 'upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': TEST_WEBSOCKET_KEY
}

const values: unknown[] = [
  undefined,
  null,
  13,
  8,
  0,
  NaN,
  true,
  '',
  [],
  ['websocket'],
  ['13'],
  [13],
  [TEST_WEBSOCKET_KEY],
  ['chat', 'superchat'],
  ['permessage-deflate'],
  {},
  { toString: () => TEST_WEBSOCKET_KEY },
  { valueOf: () => 13 },
  new Date(0),
  Object('websocket'),
  Object('13'),
  Object('chat'),
  Object(TEST_WEBSOCKET_KEY),
  Object('permessage-deflate'),
  () => 13,
  13n,
  Symbol('13'),
  Object.create(null)
]

/** Values on which ws fails with a TypeError instead of a verdict; test/node/handmade-requests.test.ts has these. */
function failsInWs(name: string, value: unknown): boolean {
  if (name === 'upgrade')
    return value !== undefined && typeof value !== 'string' && Object.prototype.toString.call(value) !== '[object String]'
  if (name !== 'sec-websocket-version' && name !== 'sec-websocket-key') return false
  const isNumber = name === 'sec-websocket-version'
  return (
    typeof value === 'symbol' ||
    (isNumber && typeof value === 'bigint') ||
    (value instanceof Object === false && typeof value === 'object' && value !== null)
  )
}

const names = [
  'upgrade',
  'sec-websocket-version',
  'sec-websocket-key',
  'sec-websocket-protocol',
  'sec-websocket-extensions',
  'origin'
]

/** Has `wss` judge the request and records what comes of it: an open WebSocket, a refusal, or an exception. */
async function judge(ctx: Context, wss: Any, lane: string, label: string, request: Any): Promise<void> {
  const socket = new PassThrough()
  let answer = ''
  // What is written is the answer, which nobody reads back
  socket.write = (chunk: Any): boolean => Boolean((answer += String(chunk)))
  socket.end = (chunk: Any): Any => {
    answer += String(chunk)
    return socket.destroy()
  }
  let outcome = 'nothing'
  try {
    wss.handleUpgrade(request, socket, Buffer.alloc(0), (ws: Any) => {
      outcome = `open, protocol ${describeValue(ws.protocol)}, extensions ${describeValue(ws.extensions)}`
      ws.on('error', () => {})
      ws.terminate()
    })
  } catch (error) {
    outcome = describeValue(error)
  }
  await ctx.turns(3)
  const [status] = answer.split('\r\n')
  const accept = /^Sec-WebSocket-Accept: .*$/m.exec(answer)?.[0] ?? ''
  const body = status.includes(' 101 ') ? '' : answer.slice(answer.indexOf('\r\n\r\n') + 4)
  ctx.log(lane, label, outcome, status, accept, body)
  socket.destroy()
}

export const scenarios: Scenario[] = [
  ...names.flatMap((name) =>
    [13, 8].map((version) =>
      server('4.2', `a request made by hand: values of ${name}, version ${version}`, async (ctx) => {
        const wss = new ctx.subject.WebSocketServer({
          noServer: true,
          perMessageDeflate: true,
          verifyClient: ({ origin, secure }: Any) => {
            ctx.log('origin', describeValue(origin), secure)
            return true
          }
        })
        ctx.deferServer(wss)
        for (const value of values) {
          if (failsInWs(name, value)) continue
          const headers = { ...valid, 'sec-websocket-version': String(version), [name]: value }
          const request = { method: 'GET', url: '/', headers, socket: {} }
          await judge(ctx, wss, 'verdicts', describeValue(value), request)
        }
      })
    )
  ),

  server('4.2', 'a request made by hand: without each of the headers, and without extensions', async (ctx) => {
    const wss = new ctx.subject.WebSocketServer({ noServer: true, perMessageDeflate: false })
    ctx.deferServer(wss)
    for (const name of names) {
      const headers: Record<string, unknown> = { ...valid, 'sec-websocket-extensions': 5 }
      delete headers[name]
      await judge(ctx, wss, 'verdicts', `without ${name}`, { method: 'GET', url: '/', headers })
    }
    await judge(ctx, wss, 'verdicts', 'no prototype', {
      method: 'GET',
      url: '/',
      headers: Object.assign(Object.create(null), valid)
    })
    await judge(ctx, wss, 'verdicts', 'inherited', { method: 'GET', url: '/', headers: Object.create(valid) })
  }),

  server('4.2', 'a request made by hand: methods', async (ctx) => {
    const wss = new ctx.subject.WebSocketServer({ noServer: true })
    ctx.deferServer(wss)
    for (const method of ['get', 'POST', '', undefined, null, 5, ['GET']]) {
      await judge(ctx, wss, 'verdicts', describeValue(method), { method, url: '/', headers: valid })
    }
  }),

  server('4.2', 'a request made by hand: wsClientError gets the verdict', async (ctx) => {
    const wss = new ctx.subject.WebSocketServer({ noServer: true, perMessageDeflate: true })
    ctx.deferServer(wss)
    wss.on('wsClientError', (error: Error, socket: Any, request: Any) => {
      ctx.log('errors', error, request.label)
      socket.destroy()
    })
    for (const name of names) {
      const request = { method: 'GET', url: '/', headers: { ...valid, [name]: 5 }, label: name }
      if (name !== 'upgrade') await judge(ctx, wss, 'verdicts', name, request)
    }
  })
]
