// Receivers fed in every way there is, and what they tell, as text that can be compared.

import { randomFillSync } from 'node:crypto'
import { assert, expect } from 'vitest'
import type { CloseStatus } from '../../src/core/close.js'
import { closeCodeOf } from '../../src/core/errors.js'
import type { Kernels } from '../../src/core/kernels.js'
import { createPortableRuntime } from '../../src/core/portable-runtime.js'
import type { Clock } from '../../src/core/clock.js'
import type { ReceiverOptions } from '../../src/core/intake.js'
import type { MessageInflater } from '../../src/core/message-codec.js'
import type { ReceiverHandler } from '../../src/core/message-events.js'
import type { WriteCallback } from '../../src/core/output.js'
import { Receiver } from '../../src/core/receiver.js'
import { SEND_BINARY, SEND_COMPRESS, SEND_MASK, SEND_MORE, SEND_OWNED } from '../../src/core/send-flags.js'
import type { Payload, Sender } from '../../src/core/sender.js'
import { createJsKernels, createWasmKernels, type WasmKernels } from '../../src/kernels/index.js'
import { buildFrame, TEST_KEY, type FrameFields } from '../support/frames.js'

export const runtime = createPortableRuntime((target) => void randomFillSync(target))

function existing<T>(value: T | null): T {
  if (value === null) throw new Error('these tests need a runtime with WebAssembly')
  return value
}

export const js = createJsKernels()
export const wasm: WasmKernels = existing(createWasmKernels())

/** A clock on which what is deferred happens at once; timers are noted. */
export class TestClock implements Clock {
  readonly timers: { run: () => void; ms: number }[] = []
  /** Asks for a later turn that were not answered yet. */
  readonly turns: (() => void)[] = []
  private readonly onTimer: () => void

  /** @param onTimer called when a timer is set */
  constructor(onTimer: () => void = () => {}) {
    this.onTimer = onTimer
  }

  defer<T>(callback: (argument: T) => void, argument: T): void {
    callback(argument)
  }

  deferTurn<T>(callback: (argument: T) => void, argument: T): void {
    this.turns.push(() => callback(argument))
  }

  setTimer<T>(callback: (argument: T) => void, ms: number, argument: T): unknown {
    const timer = { run: () => callback(argument), ms }
    this.timers.push(timer)
    this.onTimer()
    return timer
  }

  clearTimer(timer: unknown): void {
    this.timers.splice(this.timers.indexOf(timer as { run: () => void; ms: number }), 1)
  }
}

/** Sends as `Sender` does, with each flag by itself. */
export function sendMessage(
  sender: Pick<Sender, 'sendMessage'>,
  payload: Payload,
  isBinary: boolean,
  fin: boolean,
  compress: boolean,
  mask: boolean,
  owned: boolean,
  callback: WriteCallback | undefined
): void {
  const flags = (isBinary ? SEND_BINARY : 0) | (fin ? 0 : SEND_MORE) | (compress ? SEND_COMPRESS : 0)
  sender.sendMessage(payload, flags | (mask ? SEND_MASK : 0) | (owned ? SEND_OWNED : 0), callback)
}

/** The same for control frames. */
export function sendControl(
  sender: Pick<Sender, 'sendControl'>,
  opcode: number,
  payload: Payload,
  mask: boolean,
  owned: boolean,
  callback: WriteCallback | undefined
): void {
  sender.sendControl(opcode, payload, (mask ? SEND_MASK : 0) | (owned ? SEND_OWNED : 0), callback)
}

/** What a reused chunk is overwritten with after the call. */
const OVERWRITTEN = 0xee

/** Where a chunk lies when it is handed over, and whether it is reused afterwards. */
export interface Feed {
  title: string
  kernels: Kernels
  transient: boolean
  /** Calls `take` with a chunk of these octets; what it throws passes through. */
  lend(octets: Uint8Array, take: (chunk: Uint8Array, start: number, end: number) => void): void
}

/** Chunks that are the receiver's to keep, as views that begin behind and end before other octets. */
function kept(title: string, kernels: Kernels): Feed {
  return {
    title,
    kernels,
    transient: false,
    lend(octets, take) {
      const chunk = new Uint8Array(octets.length + 8).fill(OVERWRITTEN)
      chunk.set(octets, 3)
      take(chunk, 3, 3 + octets.length)
    }
  }
}

/** Chunks at one place of a memory that is overwritten after each call. */
function reused(title: string, kernels: Kernels, memory: Uint8Array, at: number): Feed {
  return {
    title,
    kernels,
    transient: true,
    lend(octets, take) {
      memory.set(octets, at)
      try {
        take(memory, at, at + octets.length)
      } finally {
        memory.fill(OVERWRITTEN, at, at + octets.length)
      }
    }
  }
}

export const feeds: Feed[] = [
  kept('js', js),
  reused('js, reused chunk', js, new Uint8Array(1 << 20), 5),
  kept('wasm', wasm),
  reused('wasm, reused chunk', wasm, new Uint8Array(1 << 20), 5),
  reused('wasm, chunk in its memory', wasm, wasm.memory.octets, wasm.memory.receiveRegion.start),
  reused('wasm, chunk in its memory, unaligned', wasm, wasm.memory.octets, wasm.memory.receiveRegion.start + 7)
]

export const UNLIMITED: Omit<ReceiverOptions, 'isServer'> = {
  maxPayload: 0,
  maxFragments: 0,
  maxBufferedChunks: 0,
  skipUtf8Validation: false,
  deferEvents: false
}

export function text(octets: string | Uint8Array): string {
  return describe('text', octets)
}
export function binary(octets: string | Uint8Array): string {
  return describe('binary', octets)
}
export function ping(octets: string | Uint8Array = ''): string {
  return describe('ping', octets)
}
export function pong(octets: string | Uint8Array = ''): string {
  return describe('pong', octets)
}
export function closed(code: number, reason: string | Uint8Array = ''): string {
  return describe(`close ${code}`, reason)
}
function describe(name: string, payload: string | Uint8Array): string {
  const octets = Buffer.from(payload as Uint8Array)
  return `${name} (${octets.length}) ${octets.toString('hex')}`
}

/** Violations by name: class, close code and message, as compatibility with ws and RFC 6455 §7.4.1 demand them. */
export const VIOLATIONS = {
  fin: 'violation WS_ERR_EXPECTED_FIN RangeError 1002 Invalid WebSocket frame: FIN must be set',
  noMask: 'violation WS_ERR_EXPECTED_MASK RangeError 1002 Invalid WebSocket frame: MASK must be set',
  mask: 'violation WS_ERR_UNEXPECTED_MASK RangeError 1002 Invalid WebSocket frame: MASK must be clear',
  closeCode: (code: number) =>
    `violation WS_ERR_INVALID_CLOSE_CODE RangeError 1002 Invalid WebSocket frame: invalid status code ${code}`,
  controlLength: (length: number) =>
    `violation WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH RangeError 1002 Invalid WebSocket frame: invalid payload length ${length}`,
  opcode: (opcode: number) => `violation WS_ERR_INVALID_OPCODE RangeError 1002 Invalid WebSocket frame: invalid opcode ${opcode}`,
  utf8: 'violation WS_ERR_INVALID_UTF8 Error 1007 Invalid WebSocket frame: invalid UTF-8 sequence',
  rsv1: 'violation WS_ERR_UNEXPECTED_RSV_1 RangeError 1002 Invalid WebSocket frame: RSV1 must be clear',
  rsv23: 'violation WS_ERR_UNEXPECTED_RSV_2_3 RangeError 1002 Invalid WebSocket frame: RSV2 and RSV3 must be clear',
  fragments: 'violation WS_ERR_TOO_MANY_BUFFERED_PARTS RangeError 1008 Too many message fragments',
  chunks: 'violation WS_ERR_TOO_MANY_BUFFERED_PARTS RangeError 1008 Too many buffered chunks',
  length: 'violation WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH RangeError 1009 Unsupported WebSocket frame: payload length > 2^53 - 1',
  maxPayload: 'violation WS_ERR_UNSUPPORTED_MESSAGE_LENGTH RangeError 1009 Max payload size exceeded'
} as const

export function describeError(error: Error): string {
  const { code } = error as Error & { code?: string }
  return `violation ${code} ${error.constructor.name} ${closeCodeOf(error)} ${error.message}`
}

/** A handler that writes down what it is told, keeps what is its to keep, and may be made to do something else first. */
export class Recorder implements ReceiverHandler {
  readonly events: string[] = []
  /** Asks for `proceed` that were not answered yet. */
  deferred = 0
  ready = 0
  drains = 0
  /** Called inside each event, after it was written down. */
  onEvent: (event: string) => void = () => {}
  private readonly keepsakes: { octets: Uint8Array; copy: Buffer }[] = []

  onMessage(octets: Uint8Array, start: number, end: number, isBinary: boolean, nonAscii: boolean): void {
    const payload = octets.slice(start, end)
    if (!isBinary && !nonAscii)
      assert(
        payload.every((octet) => octet < 0x80),
        'text that is not ASCII is said to be'
      )
    this.tell((isBinary ? binary : text)(payload))
  }

  onFragments(fragments: Uint8Array[], length: number, isBinary: boolean, nonAscii: boolean): void {
    const payload = Buffer.concat(fragments)
    const isAscii = payload.every((octet) => octet < 0x80)
    if (!isBinary) assert(isAscii || nonAscii, 'text that is not ASCII is said to be')
    assert.equal(payload.length, length)
    for (const octets of fragments) {
      assert.isAbove(octets.length, 0)
      this.keep(octets)
    }
    this.tell((isBinary ? binary : text)(payload))
  }

  onPing(octets: Uint8Array, start: number, end: number): void {
    this.tell(ping(octets.slice(start, end)))
  }

  onPong(octets: Uint8Array, start: number, end: number): void {
    this.tell(pong(octets.slice(start, end)))
  }

  onCloseFrame(status: CloseStatus): void {
    this.keep(status.reason)
    this.tell(closed(status.code, status.reason))
  }

  onViolation(error: Error): void {
    this.tell(describeError(error))
  }

  onDefer(): void {
    this.deferred++
  }

  onReady(): void {
    this.ready++
  }

  onDrain(): void {
    this.drains++
  }

  /** Whether what the handler may keep still holds what it held when it was given. */
  keepsakesAreUnchanged(): boolean {
    return this.keepsakes.every(({ octets, copy }) => copy.equals(octets))
  }

  private keep(octets: Uint8Array): void {
    this.keepsakes.push({ octets, copy: Buffer.from(octets) })
  }

  private tell(event: string): void {
    this.events.push(event)
    this.onEvent(event)
  }
}

export type Options = Partial<Omit<ReceiverOptions, 'isServer'>>

export interface Setup extends Options {
  isServer: boolean
  /** A new one for each receiver. */
  inflater?: () => MessageInflater
}

export class Fixture {
  readonly recorder = new Recorder()
  readonly receiver: Receiver
  readonly feed: Feed

  constructor(feed: Feed, setup: Setup) {
    const { inflater, ...options } = setup
    this.feed = feed
    this.receiver = new Receiver({ ...UNLIMITED, ...options }, { kernels: feed.kernels, runtime }, this.recorder)
    if (inflater) this.receiver.inflater = inflater()
  }

  receive(octets: Uint8Array): void {
    this.feed.lend(octets, (chunk, start, end) => this.receiver.receive(chunk, start, end, this.feed.transient))
  }
}

/** Frames as a peer of that role's opposite sends them: masked where a server receives them (§5.3). */
export function streamFor(isServer: boolean, frames: readonly FrameFields[]): Buffer {
  return Buffer.concat(frames.map((frame) => buildFrame({ key: isServer ? TEST_KEY : null, ...frame })))
}

/** Whole, in two at each octet, and octet by octet; long streams in two only at the places given, and by 61 octets. */
export function chunkings(stream: Uint8Array, places?: readonly number[]): { title: string; chunks: Uint8Array[] }[] {
  const step = stream.length > 3000 ? 61 : 1
  const ways = [
    { title: 'whole', chunks: [stream] },
    { title: `by ${step}`, chunks: cut(stream, step) }
  ]
  const at = places ?? Array.from({ length: Math.max(0, stream.length - 1) }, (_, i) => i + 1)
  for (const place of at) {
    if (place <= 0 || place >= stream.length) continue
    ways.push({ title: `split at ${place}`, chunks: [stream.subarray(0, place), stream.subarray(place)] })
  }
  return ways
}

/** Chunks of `step` octets. */
export function cut(stream: Uint8Array, step: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(stream.length / step) }, (_, i) => stream.subarray(i * step, (i + 1) * step))
}

export const ROLES = [true, false]

export function roleOf(isServer: boolean): string {
  return isServer ? 'server' : 'client'
}

interface Expectation extends Options {
  inflater?: () => MessageInflater
  /** Where to split a long stream in two; everywhere unless given. */
  places?: (isServer: boolean) => number[]
  /** Does what the receiver waits for, until it waits no more. */
  pump?: (fixture: Fixture) => void
}

/**
 * Checks that frames cause these events on each side, with each kernel set, in each place, however their octets are cut;
 * and that nothing the handler may keep changes afterwards.
 */
export function expectEvents(frames: readonly FrameFields[], expected: readonly string[], expectation: Expectation = {}): void {
  for (const isServer of ROLES) expectEventsOf(isServer, streamFor(isServer, frames), expected, expectation)
}

/** The same for octets as they are, of one role. */
export function expectEventsOf(
  isServer: boolean,
  stream: Uint8Array,
  expected: readonly string[],
  expectation: Expectation = {}
): void {
  const { places, pump, ...options } = expectation
  const wanted = expected.join('\n')
  const isOver = /^(violation|close) /m.test(expected.at(-1) ?? '')
  for (const { title, chunks } of chunkings(stream, places?.(isServer))) {
    for (const feed of feeds) {
      const fixture = new Fixture(feed, { ...options, isServer })
      for (const chunk of chunks) {
        fixture.receive(chunk)
        pump?.(fixture)
      }
      const where = `${roleOf(isServer)}, ${feed.title}, ${title}`
      const { recorder, receiver } = fixture
      if (recorder.events.join('\n') !== wanted) expect({ where, events: recorder.events }).toEqual({ where, events: expected })
      if (!recorder.keepsakesAreUnchanged()) expect.fail(`${where}: what was delivered has changed`)
      if (receiver.isDone !== isOver) expect.fail(`${where}: isDone is ${receiver.isDone}`)
    }
  }
}

/** A valid frame of text that must not be delivered behind the end. */
export const LATE: FrameFields = { payload: 'late' }
/** Valid frames that must be delivered before what is wrong. */
export const EARLY: FrameFields[] = [{ payload: 'first' }, { opcode: 9, payload: 'ping' }, { opcode: 2, payload: 'second' }]
export const EARLY_EVENTS = [text('first'), ping('ping'), binary('second')]

/** Checks that a frame (the last of several) breaks that rule: what is before it is delivered, it and what is behind it is not. */
export function expectViolation(
  wrong: readonly FrameFields[],
  violation: string,
  expectation: Expectation & { before?: readonly string[] } = {}
): void {
  const { before = [], ...rest } = expectation
  expectEvents([...EARLY, ...wrong, LATE, { opcode: 9 }], [...EARLY_EVENTS, ...before, violation], rest)
}

/** Waits until what was settled by now has been dealt with. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
