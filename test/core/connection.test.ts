import { describe, expect, test } from 'vitest'
import { serializeClosePayload } from '../../src/core/close.js'
import { Connection } from '../../src/core/connection.js'
import type { ConnectionHandler, ConnectionOptions } from '../../src/core/connection-handler.js'
import type { MessageTransform } from '../../src/core/message-codec.js'
import { CLOSED, CLOSING, OPEN } from '../../src/core/constants.js'
import { protocolError, withCloseCode } from '../../src/core/errors.js'
import { userMaskingKeys } from '../../src/core/masking-key.js'
import { OctetQueue } from '../../src/core/octet-queue.js'
import {
  BINARY,
  buildFrame,
  CLOSE,
  closePayload,
  describeFrame,
  FrameParser,
  PING,
  PONG,
  TEST_KEY,
  type FrameFields
} from '../support/frames.js'
import {
  binary,
  describeError,
  js,
  Recorder,
  roleOf,
  ROLES,
  runtime,
  text,
  turn,
  UNLIMITED,
  VIOLATIONS,
  wasm,
  sendMessage,
  sendControl,
  TestClock
} from './support.js'

/** One side: what happens on it, in order, and what it sends. */
class Peer {
  readonly queue = new OctetQueue(runtime)
  readonly events: string[] = []
  readonly clock = new TestClock(() => this.events.push('closing'))
  readonly connection: Connection
  readonly isServer: boolean
  private readonly parser = new FrameParser()

  constructor(
    isServer: boolean,
    options: Partial<ConnectionOptions> = {},
    kernels = js,
    answers: Pick<ConnectionHandler, 'answerPing' | 'answerClose' | 'answerFlood' | 'onOver' | 'onClosed'> = {}
  ) {
    this.isServer = isServer
    const { events } = this
    const recorder = new Recorder()
    recorder.onEvent = (event) => void events.push(event)
    const tell = (name: string) => () => void events.push(name)
    const handler: ConnectionHandler = {
      onMessage: recorder.onMessage.bind(recorder),
      onFragments: recorder.onFragments.bind(recorder),
      onPing: recorder.onPing.bind(recorder),
      onPong: recorder.onPong.bind(recorder),
      onError: (error) => void events.push(describeError(error).replace('violation', 'error')),
      onDrain: tell('drain'),
      onOver: tell('over'),
      onClosed: tell('closed'),
      discard: tell('discard'),
      end: tell('end'),
      drop: tell('drop'),
      ...answers
    }
    const keys = userMaskingKeys((target) => target.set(TEST_KEY), new Uint8Array(4))
    const all = { ...UNLIMITED, isServer, autoPong: true, maxPendingAutoPongs: 0, closeTimeoutMs: 1234, ...options }
    this.connection = new Connection(all, { kernels, runtime, maskingKeys: keys, clock: this.clock }, this.queue, handler)
  }

  /** Takes octets of a peer that is no `Connection`. */
  receive(...frames: FrameFields[]): void {
    const octets = Buffer.concat(frames.map((fields) => buildFrame({ key: this.isServer ? TEST_KEY : null, ...fields })))
    this.connection.receive(new Uint8Array(octets), 0, octets.length, false)
  }

  /** Frames sent since the last call, which are then written. */
  sent(): string[] {
    return this.parser.push(Buffer.concat(this.queue.take())).map((frame) => describeFrame(frame))
  }

  send(payload: string | Buffer): void {
    const isBinary = typeof payload !== 'string'
    sendMessage(this.connection.sender, payload, isBinary, true, true, !this.isServer, false, undefined)
  }

  control(opcode: number, payload: string): void {
    sendControl(this.connection.sender, opcode, payload, !this.isServer, true, undefined)
  }

  close(code?: number, reason = ''): void {
    this.connection.close(serializeClosePayload(code, Buffer.from(reason)))
  }

  /** Events since the last call. */
  told(): string[] {
    return this.events.splice(0)
  }

  /** Close code and reason of the other side, and whether both close frames are through. */
  ending(): string {
    const { closeCode, closeReason, closeFrameSent, closeFrameReceived } = this.connection
    return `${closeCode} ${Buffer.from(closeReason).toString()} ${closeFrameSent} ${closeFrameReceived}`
  }
}

/** Automatic pongs that are not written. */
function pendingPongs({ connection }: Peer): number {
  return (connection as unknown as { pendingAutoPongs: number }).pendingAutoPongs
}

/** Both sides, joined in memory. */
class Pair {
  readonly server: Peer
  readonly client: Peer
  private readonly step: number

  constructor(options: Partial<ConnectionOptions> = {}, kernels = js, step = Infinity) {
    this.server = new Peer(true, options, kernels)
    this.client = new Peer(false, options, kernels)
    this.step = step
  }

  of(isServer: boolean): { self: Peer; other: Peer } {
    return isServer ? { self: this.server, other: this.client } : { self: this.client, other: this.server }
  }

  /** Carries octets both ways until there are none. */
  carry(): void {
    for (let isQuiet = false; !isQuiet;) {
      isQuiet = true
      for (const isServer of ROLES) {
        const { self, other } = this.of(isServer)
        for (const chunk of self.queue.take()) {
          isQuiet = false
          for (let at = 0; at < chunk.length; at += this.step) {
            const octets = chunk.slice(at, at + this.step)
            other.connection.receive(octets, 0, octets.length, true)
            octets.fill(0)
          }
        }
      }
    }
  }
}

const sides = ROLES.map((isServer) => ({ side: roleOf(isServer), isServer }))

describe.each([
  { name: 'js', kernels: js, step: Infinity },
  { name: 'wasm', kernels: wasm, step: Infinity },
  { name: 'wasm, octet by octet', kernels: wasm, step: 1 }
])('two connections ($name)', ({ kernels, step }) => {
  test('are open from the start', () => {
    const { server, client } = new Pair({}, kernels, step)
    for (const { connection, isServer } of [server, client]) {
      expect(connection.readyState).toBe(OPEN)
      expect(connection.isServer).toBe(isServer)
      expect(connection.closeCode).toBe(1006)
      expect(connection.closeReason).toHaveLength(0)
    }
  })

  test('exchange messages, pings and pongs, both ways (§5.5.2, §5.5.3)', () => {
    const pair = new Pair({}, kernels, step)
    const { server, client } = pair
    client.send('from the client é')
    client.control(PING, 'c')
    client.send(Buffer.alloc(5000, 7))
    server.send('from the server')
    server.control(PING, 's')
    server.control(PONG, 'unasked')
    pair.carry()
    expect(server.told()).toEqual([text('from the client é'), 'ping (1) 63', binary(Buffer.alloc(5000, 7)), 'pong (1) 73'])
    expect(client.told()).toEqual([text('from the server'), 'ping (1) 73', 'pong (7) 756e61736b6564', 'pong (1) 63'])
  })

  test.each(sides)('close when the $side begins it: both end, with its code and reason (§7.1.2)', ({ isServer }) => {
    const pair = new Pair({}, kernels, step)
    const { self, other } = pair.of(isServer)
    self.send('last words')
    self.close(4321, 'grüße')
    expect(self.connection.readyState).toBe(CLOSING)
    expect(self.told()).toEqual(['closing'])
    pair.carry()
    expect(other.told()).toEqual([text('last words'), 'discard', 'closing', 'end'])
    expect(self.told()).toEqual(['discard', 'end'])
    expect([self.ending(), other.ending()]).toEqual(['4321 grüße true true', '4321 grüße true true'])
    expect([self.connection.readyState, other.connection.readyState]).toEqual([CLOSING, CLOSING])
  })

  test.each(sides)('close without a code when the $side gives none, which is 1005 on both (§7.1.5)', ({ isServer }) => {
    const pair = new Pair({}, kernels, step)
    const { self, other } = pair.of(isServer)
    self.close()
    pair.carry()
    expect([self.ending(), other.ending()]).toEqual(['1005  true true', '1005  true true'])
  })

  test('close at the same time: each keeps what the other said, and nobody answers (§7.1.2)', () => {
    const pair = new Pair({}, kernels, step)
    const { server, client } = pair
    server.close(1001, 'server')
    client.close(4000, 'client')
    pair.carry()
    expect([server.ending(), client.ending()]).toEqual(['4000 client true true', '1001 server true true'])
    for (const { connection, events } of [server, client]) {
      expect(connection.readyState).toBe(CLOSING)
      expect(events.filter((event) => event === 'closing')).toHaveLength(1)
      expect(events.filter((event) => event === 'end').length).toBeGreaterThan(0)
      expect(events.some((event) => event.startsWith('error'))).toBe(false)
    }
    expect([server.sent(), client.sent()]).toEqual([[], []])
  })

  test('what a side sends behind the close frame of the other still arrives, up to its own (§5.5.1)', () => {
    const pair = new Pair({}, kernels, step)
    pair.server.close(1000)
    pair.client.send('was on its way')
    pair.client.control(PING, 'p')
    pair.carry()
    // §5.5.1: no more data frames, pongs among them, behind a close frame
    expect(pair.server.told()).toEqual(['closing', text('was on its way'), 'ping (1) 70', 'discard', 'end'])
    expect(pair.client.told()).toEqual(['discard', 'closing', 'end'])
  })
})

describe('the close frame', () => {
  test.each(sides)('of the $side goes out once, however often it closes (§5.5.1)', ({ isServer }) => {
    const { self, other } = new Pair().of(isServer)
    self.close(1000, 'a')
    self.close(1001, 'b')
    const mask = isServer ? 'unmasked' : 'masked'
    expect(self.sent()).toEqual([`close ${mask} 1000 "a"`])
    self.close(1002, 'c')
    expect(self.sent()).toEqual([])
    expect(self.told()).toEqual(['closing'])
    self.connection.setReadyState(CLOSED)
    self.close(1000)
    expect([self.sent(), self.told()]).toEqual([[], []])
    expect(other.told()).toEqual([])
  })

  test.each(sides)('that the $side receives is answered with its code and reason, or an empty one (§5.5.1)', ({ isServer }) => {
    const mask = isServer ? 'unmasked' : 'masked'
    for (const [payload, answer] of [
      [closePayload(1000, 'x'), '1000 "x"'],
      [closePayload(1011), '1011 ""'],
      [closePayload(4999, 'r'.repeat(123)), `4999 "${'r'.repeat(123)}"`],
      [closePayload(), '""']
    ] as const) {
      const peer = new Peer(isServer)
      peer.receive({ opcode: CLOSE, payload })
      expect(peer.told()).toEqual(['discard', 'closing'])
      expect(peer.connection.closeFrameReceived).toBe(true)
      expect(peer.connection.closeFrameSent).toBe(false)
      expect(peer.sent()).toEqual([`close ${mask} ${answer}`])
      expect(peer.connection.closeFrameSent).toBe(true)
      expect(peer.told()).toEqual(['end'])
    }
  })

  test('ends nothing before it is written (§7.1.1)', () => {
    const peer = new Peer(true)
    peer.close(1000)
    peer.receive({ opcode: CLOSE, payload: closePayload(1000) })
    expect(peer.told()).toEqual(['closing', 'discard'])
    peer.sent()
    expect(peer.told()).toEqual(['end'])
  })

  test('waits for messages that are still compressed before it', () => {
    const peer = new Peer(true)
    let finish = (): void => {}
    const transform: MessageTransform = {
      worthDeflating: () => true,
      deflate: (octets, _, done) => {
        const copy = octets.slice()
        finish = () => done(null, copy)
        return null
      },
      inflate: () => new Error('not asked for')
    }
    peer.connection.useDeflate(transform)
    peer.send('slow')
    peer.close(1000)
    expect(peer.connection.readyState).toBe(CLOSING)
    expect(peer.sent()).toEqual([])
    finish()
    expect(peer.sent()).toEqual(['text rsv=4 unmasked "slow"', 'close unmasked 1000 ""'])
  })

  test('behind which octets come is the last thing that is received', () => {
    const peer = new Peer(false)
    peer.receive(
      { opcode: CLOSE, payload: closePayload(1000) },
      { payload: 'late' },
      { opcode: CLOSE, payload: closePayload(1001) }
    )
    peer.receive({ opcode: 3 })
    expect(peer.told()).toEqual(['discard', 'closing'])
    expect(peer.ending()).toBe('1000  false true')
  })

  test('is not answered where the byte stream is gone', () => {
    const peer = new Peer(false)
    const octets = buildFrame({ opcode: CLOSE, payload: closePayload(1000, 'x') })
    peer.connection.disconnected({ takeRest: () => octets })
    // The last octets count, but an answer would reach nobody
    expect([peer.sent(), peer.told()]).toEqual([[], ['discard', 'over', 'closed']])
    expect(peer.ending()).toBe('1000 x false true')
  })
})

describe('pongs (§5.5.2)', () => {
  test.each(sides)('of the $side carry the application data of each ping, in order', ({ isServer }) => {
    const peer = new Peer(isServer)
    const mask = isServer ? 'unmasked' : 'masked'
    peer.receive(
      { opcode: PING, payload: 'a' },
      { payload: 'text' },
      { opcode: PING },
      { opcode: PING, payload: Buffer.alloc(125, 'z') }
    )
    expect(peer.sent()).toEqual([`pong ${mask} "a"`, `pong ${mask} ""`, `pong ${mask} "${'z'.repeat(125)}"`])
  })

  test('answer pings between fragments at once (§5.4)', () => {
    const peer = new Peer(true)
    peer.receive({ fin: false, payload: 'a' }, { opcode: PING, payload: 'p' })
    expect(peer.sent()).toEqual(['pong unmasked "p"'])
    peer.receive({ opcode: 0, payload: 'b' })
    expect(peer.told()).toEqual(['ping (1) 70', text('ab')])
  })

  test('may be left to the handler, one by one (§5.5.3)', () => {
    const written: (() => void)[] = []
    const peer = new Peer(true, {}, js, {
      answerPing(octets, start, end, done) {
        if (end - start > 1) return false
        peer.control(PONG, 'mine')
        written.push(done)
        return true
      }
    })
    peer.receive({ opcode: PING, payload: 'a' }, { opcode: PING, payload: 'bc' })
    expect(peer.sent()).toEqual(['pong unmasked "mine"', 'pong unmasked "bc"'])
    expect(peer.told()).toEqual(['ping (1) 61', 'ping (2) 6263'])
    expect(pendingPongs(peer)).toBe(1)
    written[0]()
    expect(pendingPongs(peer)).toBe(0)
  })

  test('are not sent where autoPong is off, nor once the connection is closing', () => {
    const silent = new Peer(true, { autoPong: false })
    silent.receive({ opcode: PING, payload: 'a' })
    expect([silent.sent(), silent.told()]).toEqual([[], ['ping (1) 61']])
    const closing = new Peer(false)
    closing.close(1000)
    closing.sent()
    closing.receive({ opcode: PING, payload: 'a' })
    expect([closing.sent(), closing.told()]).toEqual([[], ['closing', 'ping (1) 61']])
  })

  test('that are not written count up to the limit; the ping beyond drops the byte stream', () => {
    const peer = new Peer(true, { maxPendingAutoPongs: 3 })
    const pings = (count: number): FrameFields[] => Array.from({ length: count }, () => ({ opcode: PING }))
    peer.receive(...pings(3))
    expect(pendingPongs(peer)).toBe(3)
    expect(peer.sent()).toHaveLength(3)
    expect(pendingPongs(peer)).toBe(0)
    peer.receive(...pings(3))
    expect(peer.told()).not.toContain('drop')
    peer.receive(...pings(1))
    expect(peer.told().filter((event) => event === 'drop')).toHaveLength(1)
    expect(peer.sent()).toHaveLength(3)
  })

  test('have no limit where that is 0', () => {
    const peer = new Peer(true, { maxPendingAutoPongs: 0 })
    for (let i = 0; i < 500; i++) peer.receive({ opcode: PING })
    expect(peer.told()).not.toContain('drop')
    expect(peer.sent()).toHaveLength(500)
  })

  test('that the application sends are not counted', () => {
    const peer = new Peer(true, { maxPendingAutoPongs: 1 })
    for (let i = 0; i < 5; i++) peer.control(PONG, 'mine')
    peer.receive({ opcode: PING })
    expect(peer.told()).toEqual(['ping (0) '])
  })
})

describe('failing (§7.1.7)', () => {
  const wrong: [string, FrameFields, number, string][] = [
    ['a reserved opcode', { opcode: 3 }, 1002, VIOLATIONS.opcode(3)],
    ['text that is not UTF-8', { payload: Buffer.from([0xff]) }, 1007, VIOLATIONS.utf8],
    ['a message too big', { opcode: BINARY, payload: Buffer.alloc(2000) }, 1009, VIOLATIONS.maxPayload],
    ['a close code that must not be', { opcode: CLOSE, payload: closePayload(1005) }, 1002, VIOLATIONS.closeCode(1005)],
    ['RSV1', { rsv: 4 }, 1002, VIOLATIONS.rsv1]
  ]
  test.each(wrong)('at %s tells the peer the close code, reports the error, and ends', (_, frame, code, violation) => {
    for (const isServer of ROLES) {
      const peer = new Peer(isServer, { maxPayload: 1000 })
      peer.receive({ payload: 'before' }, frame, { payload: 'late' })
      const told = peer.told()
      expect(told.filter((event) => event !== 'discard' && event !== 'closing')).toEqual([
        text('before'),
        violation.replace('violation', 'error')
      ])
      expect(told).toContain('discard')
      expect(told).toContain('closing')
      expect(peer.connection.readyState).toBe(CLOSING)
      expect(peer.sent()).toEqual([`close ${isServer ? 'unmasked' : 'masked'} ${code} ""`])
      expect(peer.told()).toEqual(['end'])
      // §7.1.5: no close frame was received
      expect(peer.ending()).toBe('1006  true false')
      peer.receive({ opcode: CLOSE, payload: closePayload(1000) })
      expect(peer.ending()).toBe('1006  true false')
    }
  })

  test('leaves what was sent before', () => {
    const peer = new Peer(true)
    peer.send('sent')
    peer.receive({ opcode: PING }, { rsv: 1 })
    expect(peer.sent()).toEqual(['text unmasked "sent"', 'pong unmasked ""', 'close unmasked 1002 ""'])
  })

  test('with the close frame sent already sends no other', () => {
    const peer = new Peer(true)
    peer.close(1000)
    expect(peer.sent()).toEqual(['close unmasked 1000 ""'])
    peer.receive({ rsv: 1 })
    expect(peer.sent()).toEqual([])
    expect(peer.told().filter((event) => event !== 'discard')).toEqual([
      'closing',
      'end',
      VIOLATIONS.rsv23.replace('violation', 'error')
    ])
  })

  test('reports one error, the first', () => {
    const peer = new Peer(true)
    peer.connection.fail(protocolError('EXPECTED_FIN'))
    peer.connection.fail(protocolError('INVALID_UTF8'))
    expect(peer.told().filter((event) => event.startsWith('error'))).toEqual([VIOLATIONS.fin.replace('violation', 'error')])
    expect(peer.sent()).toEqual(['close unmasked 1002 ""'])
  })

  test('where the byte stream is gone only reports', () => {
    const peer = new Peer(true)
    peer.connection.disconnected(null)
    expect(peer.told()).toEqual(['over', 'closed'])
    peer.connection.fail(protocolError('EXPECTED_FIN'))
    expect(peer.told()).toEqual([VIOLATIONS.fin.replace('violation', 'error')])
    expect(peer.sent()).toEqual([])
  })

  test('of the inflater closes with the code it gives (RFC 7692 §7.2.2)', () => {
    const peer = new Peer(true)
    const error = withCloseCode(new Error('invalid stored block lengths'), 1007)
    peer.connection.useDeflate({ worthDeflating: () => false, deflate: () => null, inflate: () => error })
    peer.receive({ rsv: 4, payload: 'x' })
    expect(peer.sent()).toEqual(['close unmasked 1007 ""'])
    expect(peer.told()).toContain('error undefined Error 1007 invalid stored block lengths')
  })

  test('between two connections: the other side learns the code (§7.4.1)', () => {
    for (const isServer of ROLES) {
      const pair = new Pair({ maxPayload: 100 })
      const { self, other } = pair.of(isServer)
      self.send('x'.repeat(101))
      pair.carry()
      expect(other.ending()).toBe('1006  true false')
      expect(self.ending()).toBe('1009  true true')
      expect(self.told()).toEqual(['discard', 'closing', 'end'])
      expect(other.told().at(-1)).toBe('end')
    }
  })
})

describe('failing to send', () => {
  test('of octets that cannot be read ends the stream without a close frame, and reports why', async () => {
    const peer = new Peer(true)
    const error = new Error('unreadable')
    peer.send('before')
    const blob = { size: 3, arrayBuffer: () => Promise.reject(error) }
    sendMessage(peer.connection.sender, blob, true, true, true, false, false, undefined)
    peer.send('behind')
    await turn()
    await turn()
    expect(peer.sent()).toEqual(['text unmasked "before"'])
    expect(peer.told()).toEqual(['closing', 'end', 'error undefined Error 1002 unreadable'])
    expect(peer.connection.readyState).toBe(CLOSING)
  })

  test('when closing already only ends; when closed does nothing', () => {
    const peer = new Peer(true)
    peer.close(1000)
    peer.told()
    peer.connection.failSending(new Error('x'))
    expect(peer.told()).toEqual(['end', 'error undefined Error 1002 x'])
    const closed = new Peer(true)
    closed.connection.setReadyState(CLOSED)
    closed.connection.failSending(new Error('x'))
    expect([closed.told(), closed.sent()]).toEqual([[], []])
  })
})

test.each([
  ['a close frame (§5.5.1)', { opcode: CLOSE, payload: closePayload(4000, 'why') }, [4000, 'why']],
  ['an empty close frame', { opcode: CLOSE }, [undefined, '']],
  ['a violation (§7.1.7)', { opcode: 3 }, [1002, undefined]]
] as [string, FrameFields, unknown[]][])('the handler may answer %s itself', (_name, frame, expected) => {
  for (const answers of [false, true]) {
    const asked: unknown[] = []
    const peer = new Peer(true, {}, js, {
      answerClose(code, reason) {
        asked.push(code, reason && Buffer.from(reason).toString())
        return answers
      }
    })
    peer.receive(frame)
    expect(asked).toEqual(expected)
    expect(peer.sent().length).toBe(answers ? 0 : 1)
    expect(peer.connection.readyState).toBe(answers ? OPEN : CLOSING)
  }
})

test('deferred events, results that come later and drains reach the handler', () => {
  const peer = new Peer(true, { deferEvents: true })
  peer.receive({ payload: 'a' }, { payload: 'b' })
  const { turns } = peer.clock
  expect([peer.told(), turns.length]).toEqual([[], 1])
  turns.shift()!()
  expect([peer.told(), turns.length]).toEqual([[text('a')], 1])
  turns.shift()!()
  expect([peer.told(), turns.length]).toEqual([[text('b'), 'drain'], 0])

  const late = new Peer(true)
  let finish = (): void => {}
  late.connection.useDeflate({
    worthDeflating: () => false,
    deflate: () => null,
    inflate: (octets, _fin, _maxLength, done) => {
      const copy = octets.slice()
      finish = () => done(null, copy)
      return null
    }
  })
  late.receive({ rsv: 4, payload: 'late' }, { payload: 'next' })
  expect(late.told()).toEqual([])
  finish()
  expect(late.told()).toEqual([text('late'), text('next'), 'drain'])
})

describe('the life of a connection (§7.1)', () => {
  const NOTHING_LEFT = { takeRest: () => null }

  test.each(sides)('of a $side ends CLOSED when the byte stream is gone, and not before', ({ isServer }) => {
    const { self } = new Pair().of(isServer)
    const { connection } = self
    self.close(1000)
    expect(connection.readyState).toBe(CLOSING)
    self.receive({ opcode: CLOSE, payload: closePayload(1000) })
    self.sent()
    expect(connection.readyState).toBe(CLOSING)
    self.told()
    connection.disconnected(NOTHING_LEFT)
    expect(self.told()).toEqual(['over', 'closed'])
    expect(connection.readyState).toBe(CLOSED)
  })

  test('is CLOSING while its handler is told that it is over, and CLOSED when it is told so', () => {
    const states: number[] = []
    const peer = new Peer(true, {}, js, {
      onOver: () => void states.push(peer.connection.readyState),
      onClosed: () => void states.push(peer.connection.readyState)
    })
    peer.connection.disconnected(NOTHING_LEFT)
    expect(states).toEqual([CLOSING, CLOSED])
  })

  test('the peer ends its side: so do we, and the code is 1006 (§7.1.5)', () => {
    const peer = new Peer(false)
    peer.connection.peerEnded()
    expect([peer.told(), peer.connection.readyState, peer.connection.closeCode]).toEqual([['end'], CLOSING, 1006])
    peer.connection.disconnected(NOTHING_LEFT)
    expect([peer.told(), peer.connection.readyState]).toEqual([['over', 'closed'], CLOSED])
  })

  test('abort drops the byte stream, once there is one', () => {
    const peer = new Peer(true)
    peer.connection.abort()
    expect([peer.told(), peer.connection.readyState]).toEqual([['drop'], CLOSING])
    peer.connection.disconnected(NOTHING_LEFT)
    peer.told()
    peer.connection.abort()
    expect([peer.told(), peer.connection.readyState]).toEqual([[], CLOSED])
  })

  test('a closing handshake has so much time, and then the byte stream is dropped (§7.1.1)', () => {
    const late = new Peer(true)
    late.close(1000)
    expect(late.clock.timers.map(({ ms }) => ms)).toEqual([1234])
    late.told()
    late.clock.timers[0].run()
    expect(late.told()).toEqual(['drop'])
    const early = new Peer(true)
    early.connection.setCloseTimeout(50)
    early.close(1000)
    expect(early.clock.timers.map(({ ms }) => ms)).toEqual([50])
    early.connection.disconnected(NOTHING_LEFT)
    expect(early.clock.timers).toEqual([])
  })

  test('what the byte stream kept is received before the end, and a violation in it is reported before', () => {
    const { told, connection } = ((peer: Peer) => ({ told: () => peer.told(), connection: peer.connection }))(new Peer(false))
    connection.disconnected({ takeRest: () => Buffer.concat([buildFrame({ payload: 'last' }), buildFrame({ opcode: 3 })]) })
    const error = VIOLATIONS.opcode(3).replace('violation', 'error')
    expect(told().filter((event) => event !== 'discard')).toEqual([text('last'), error, 'over', 'closed'])
  })

  test('a violation that is reported later is so before the end, even if the peer has announced that', () => {
    const due: (() => void)[] = []
    const peer = new Peer(false)
    peer.clock.defer = (callback, argument) => void due.push(() => callback(argument))
    peer.connection.peerEnded()
    peer.connection.disconnected({ takeRest: () => buildFrame({ opcode: 3 }) })
    expect(peer.told()).toEqual(['end'])
    while (due.length > 0) due.shift()!()
    expect(peer.told()).toEqual([VIOLATIONS.opcode(3).replace('violation', 'error'), 'over', 'closed'])
  })

  test('what is held back is delivered before the end, in turns of their own', () => {
    const peer = new Peer(false, { deferEvents: true })
    peer.receive({ payload: 'a' }, { payload: 'b' }, { payload: 'c' })
    peer.connection.disconnected(NOTHING_LEFT)
    expect([peer.told(), peer.connection.readyState]).toEqual([[], CLOSING])
    while (peer.clock.turns.length > 0) peer.clock.turns.shift()!()
    expect(peer.told()).toEqual([text('a'), text('b'), text('c'), 'drain', 'over', 'closed'])
  })

  test('what a handler throws surfaces later, and stops nothing', () => {
    const thrown: (() => void)[] = []
    const peer = new Peer(false)
    peer.clock.defer = (callback, argument) => void thrown.push(() => callback(argument))
    const { connection } = peer
    const received: string[] = []
    const handler = (connection as unknown as { handler: ConnectionHandler }).handler
    handler.onMessage = (octets, start, end) => {
      received.push(Buffer.from(octets.slice(start, end)).toString())
      throw new Error(`at ${received.length}`)
    }
    peer.receive({ payload: 'a' }, { payload: 'b' })
    expect(received).toEqual(['a', 'b'])
    expect(thrown.map((run) => expect(run).toThrow(/^at /))).toHaveLength(2)
  })
})
