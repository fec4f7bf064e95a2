// `for await (const message of ws)`: messages one by one, and no more of them read than the loop takes.
//
// A connection has one queue, whoever takes from it: what a loop that was left did not take, the next one does. Without a loop the queue
// goes on as before, up to its bound, unless somebody listens to 'message' instead.

import { Buffer } from 'node:buffer'
import { Fifo } from '../core/fifo.js'
import { CLOSED } from '../core/constants.js'
import { takingText } from '../node/delivery/listeners.js'
import { observe } from '../node/delivery/observer.js'
import { takeUnheard } from '../node/delivery/unheard.js'
import { HELD_FOR_LOOP } from '../node/links/link.js'
import { kClosing, kDelivery } from '../node/runtime/symbols.js'
import { kHighWaterMark, type ServiceSettings } from './connection-options.js'
import { type Served, stateOf } from './served.js'

/** Messages that may wait before nothing more is read. */
const MOST_WAITING = 64

const kIncoming = Symbol('hybi.incoming')

export interface IteratedSocket extends Served, ServiceSettings {
  [kIncoming]?: Incoming
}

/** A Blob has its octets later. */
type Waiting = string | Buffer | Blob
type Result = IteratorResult<string | Buffer, undefined>

/** A call of `next` that waits. */
interface Next {
  loop: Loop
  resolve(result: Result | Promise<Result>): void
  reject(error: Error): void
}

const DONE: Result = { value: undefined, done: true }

/** What came and was not taken. */
class Incoming {
  readonly nexts = new Fifo<Next>()
  error: Error | null = null
  isOver: boolean
  private readonly ws: IteratedSocket
  /** In octets. */
  private readonly mark: number
  private readonly messages = new Fifo<Waiting>()
  /** Of the messages that wait; of text its length. */
  private octets = 0
  private isHeld = false
  private isListening = false
  private loops = 0

  constructor(ws: IteratedSocket) {
    this.ws = ws
    this.mark = ws[kHighWaterMark]
    this.isOver = stateOf(ws) === CLOSED
    if (this.isOver) return
    observe(ws, [{ closed: () => this.end() }])
    const delivery = ws[kDelivery]
    if (delivery === null) return
    for (const { data, isBinary } of takeUnheard(delivery)) this.onMessage(data, isBinary)
  }

  /** A loop begins. */
  enter(): void {
    if (this.isOver || this.loops++ > 0) return
    this.ws.removeListener('newListener', this.onListener)
    this.ws.on('error', this.onError)
    if (this.isListening) return
    this.isListening = true
    this.ws.on('message', this.onMessage)
  }

  /** A loop ends. */
  leave(): void {
    if (this.isOver || --this.loops > 0) return
    this.ws.removeListener('error', this.onError)
    if (this.ws.listenerCount('message') > 1) this.stop()
    else this.ws.on('newListener', this.onListener)
  }

  /** Our close frame is sent: without a loop nobody reads what comes before the peer's, which has to be read. */
  closing(): void {
    if (this.loops === 0) this.stop()
  }

  /** The message that is next; undefined if there is none. */
  take(): Result | Promise<Result> | undefined {
    const message = this.messages.shift()
    if (message === undefined) return undefined
    this.octets -= lengthOf(message)
    if (this.isHeld && this.messages.length < MOST_WAITING / 4 && this.octets < this.mark / 4) this.release()
    return resultOf(message)
  }

  /** Others listen, or nobody is to. */
  private stop(): void {
    if (!this.isListening) return
    this.isListening = false
    this.ws.removeListener('message', this.onMessage)
    this.ws.removeListener('newListener', this.onListener)
    this.release()
  }

  private release(): void {
    if (!this.isHeld) return
    this.isHeld = false
    this.ws[kDelivery]!.link.release(HELD_FOR_LOOP)
  }

  /** Nothing more will come. */
  private end(): void {
    this.isOver = true
    this.ws.removeListener('error', this.onError)
    this.stop()
    while (this.nexts.length > 0) {
      const { loop, resolve, reject } = this.nexts.shift()!
      loop.end().then(resolve, reject)
    }
  }

  private readonly onMessage = takingText((data: unknown, isBinary: boolean): void => {
    const message = isBinary ? octetsOf(data) : typeof data === 'string' ? data : (data as Buffer).toString()
    if (this.nexts.length > 0) {
      this.nexts.shift()!.resolve(resultOf(message))
      return
    }
    this.messages.push(message)
    this.octets += lengthOf(message)
    if (this.isHeld || (this.octets < this.mark && this.messages.length < MOST_WAITING)) return
    this.isHeld = true
    this.ws[kDelivery]!.link.hold(HELD_FOR_LOOP)
  })

  private readonly onError = (error: Error): void => {
    this.error = error
  }

  private readonly onListener = (name: string): void => {
    if (name === 'message') this.stop()
  }
}

/** What a loop takes from. */
class Loop implements AsyncIterableIterator<string | Buffer, undefined> {
  private readonly incoming: Incoming
  private isDone = false

  constructor(incoming: Incoming) {
    this.incoming = incoming
    incoming.enter()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<Result> {
    if (this.isDone) return Promise.resolve(DONE)
    const { incoming } = this
    const result = incoming.take()
    if (result !== undefined) return Promise.resolve(result)
    if (incoming.isOver) return this.end()
    return new Promise((resolve, reject) => incoming.nexts.push({ loop: this, resolve, reject }))
  }

  /** The loop was left. */
  return(): Promise<Result> {
    this.leave()
    return Promise.resolve(DONE)
  }

  throw(error: Error): Promise<Result> {
    this.leave()
    return Promise.reject(error)
  }

  /** The connection is over, and all messages were taken: the first to ask is told why. */
  end(): Promise<Result> {
    const { error } = this.incoming
    const isFirst = !this.isDone
    this.isDone = true
    return isFirst && error !== null ? Promise.reject(error) : Promise.resolve(DONE)
  }

  private leave(): void {
    if (this.isDone) return
    this.isDone = true
    const { incoming } = this
    for (let left = incoming.nexts.length; left > 0; left--) {
      const next = incoming.nexts.shift()!
      if (next.loop === this) next.resolve(DONE)
      else incoming.nexts.push(next)
    }
    incoming.leave()
  }
}

function isThere(message: Waiting): message is string | Buffer {
  return (message as string).length !== undefined
}

function lengthOf(message: Waiting): number {
  return isThere(message) ? message.length : message.size
}

function resultOf(message: Waiting): Result | Promise<Result> {
  if (isThere(message)) return { value: message, done: false }
  return message.arrayBuffer().then((octets) => ({ value: Buffer.from(octets), done: false }))
}

/** A binary message, whatever `binaryType` made of it. */
function octetsOf(data: unknown): Buffer | Blob {
  if (Buffer.isBuffer(data)) return data
  if (Array.isArray(data)) return Buffer.concat(data as Buffer[])
  return data instanceof ArrayBuffer ? Buffer.from(data) : (data as Blob)
}

/** Members of WebSockets. */
export const iterationMembers: object & ThisType<IteratedSocket> = {
  [Symbol.asyncIterator](): AsyncIterableIterator<string | Buffer, undefined> {
    return new Loop((this[kIncoming] ??= new Incoming(this)))
  },

  [kClosing](): void {
    this[kIncoming]?.closing()
  }
}
