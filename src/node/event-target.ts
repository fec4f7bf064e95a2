// The EventTarget side of a WebSocket: addEventListener, the on… attributes and the event objects, over its EventEmitter.

import { EventEmitter } from 'node:events'

/** What is common to the events; made for the listeners, not exported. */
export class Event {
  readonly #type: string
  readonly #target: unknown

  constructor(type: string, target: unknown) {
    this.#type = type
    this.#target = target
  }

  get type(): string {
    return this.#type
  }

  get target(): unknown {
    return this.#target
  }
}

export class CloseEvent extends Event {
  readonly #code: number
  readonly #reason: string
  readonly #wasClean: boolean

  constructor(target: unknown, code: number, reason: string, wasClean: boolean) {
    super('close', target)
    this.#code = code
    this.#reason = reason
    this.#wasClean = wasClean
  }

  get code(): number {
    return this.#code
  }

  get reason(): string {
    return this.#reason
  }

  /** Whether both close frames went through (RFC 6455 §7.1.4). */
  get wasClean(): boolean {
    return this.#wasClean
  }
}

export class ErrorEvent extends Event {
  readonly #error: unknown
  readonly #message: string

  constructor(target: unknown, error: Error) {
    super('error', target)
    this.#error = error
    this.#message = error.message
  }

  get error(): unknown {
    return this.#error
  }

  get message(): string {
    return this.#message
  }
}

export class MessageEvent extends Event {
  readonly #data: unknown

  constructor(target: unknown, data: unknown) {
    super('message', target)
    this.#data = data
  }

  /** A string for text, else what `binaryType` says. */
  get data(): unknown {
    return this.#data
  }
}

for (const [type, names] of [
  [Event, ['type', 'target']],
  [CloseEvent, ['code', 'reason', 'wasClean']],
  [ErrorEvent, ['error', 'message']],
  [MessageEvent, ['data']]
] as const) {
  for (const name of names) Object.defineProperty(type.prototype, name, { enumerable: true })
}

type Handler = ((event: Event) => void) | { handleEvent(event: Event): void }

/** Our listener on the emitter, and the handler that it stands for. */
interface Wrapper {
  (...args: any[]): void
  [kHandler]: Handler
  /** Whether it is that of an on… attribute, which is kept apart from those added by addEventListener. */
  [kAttribute]: boolean
}

const kHandler = Symbol('hybi.handler')
const kAttribute = Symbol('hybi.attribute')
const kTakesText = Symbol('hybi.takesText')

/** A listener for 'message' that makes a string of text, and so takes one as well. */
interface TextListener {
  [kTakesText]?: true
}

/** `listener`, a function for 'message' that takes text as a Buffer and as a string. */
export function takingText<Listener extends (data: any, isBinary: boolean) => void>(listener: Listener): Listener {
  ;(listener as TextListener)[kTakesText] = true
  return listener
}

const { emit } = EventEmitter.prototype

/** Whether text may be emitted as a string: all that get it are listeners that would make one of it. */
export function takesText(emitter: EventEmitter): boolean {
  // Who has an `emit` of their own expects what listeners of 'message' are promised
  if (emitter.emit !== emit) return false
  const listeners = (emitter as { _events?: { message?: TextListener | TextListener[] } })._events?.message
  return Array.isArray(listeners) ? listeners.every(isTextListener) : listeners !== undefined && isTextListener(listeners)
}

function isTextListener(listener: TextListener): boolean {
  return listener[kTakesText] === true
}

/** What an event needs to know of its target. */
interface ClosableTarget {
  _closeFrameSent: boolean
  _closeFrameReceived: boolean
}

function call(handler: Handler, target: unknown, event: Event): void {
  if (typeof handler === 'object' && handler.handleEvent) handler.handleEvent(event)
  else (handler as (this: unknown, event: Event) => void).call(target, event)
}

function wrap(type: string, handler: Handler): Wrapper | null {
  let wrapper: unknown
  switch (type) {
    case 'open':
      wrapper = function (this: unknown) {
        call(handler, this, new Event('open', this))
      }
      break
    case 'message':
      wrapper = takingText(function (this: unknown, data: { toString(): string }, isBinary: boolean) {
        call(handler, this, new MessageEvent(this, isBinary ? data : data.toString()))
      })
      break
    case 'close':
      wrapper = function (this: ClosableTarget, code: number, reason: Buffer) {
        const wasClean = this._closeFrameReceived && this._closeFrameSent
        call(handler, this, new CloseEvent(this, code, reason.toString(), wasClean))
      }
      break
    case 'error':
      wrapper = function (this: unknown, error: Error) {
        call(handler, this, new ErrorEvent(this, error))
      }
      break
    default:
      return null
  }
  return wrapper as Wrapper
}

function find(emitter: EventEmitter, type: string, matches: (wrapper: Wrapper) => boolean): Wrapper | undefined {
  return (emitter.listeners(type) as unknown as Wrapper[]).find(matches)
}

/**
 * Adds a handler for 'open', 'message', 'close' or 'error'; other types, and a handler that is there already, are ignored.
 * @param options `once`: the handler is removed before it is called
 */
export function addEventListener(this: EventEmitter, type: string, handler: Handler, options: { once?: boolean } = {}): void {
  if (find(this, type, (wrapper) => wrapper[kHandler] === handler && !wrapper[kAttribute])) return
  const wrapper = wrap(type, handler)
  if (wrapper === null) return
  wrapper[kHandler] = handler
  wrapper[kAttribute] = false
  if (options.once) this.once(type, wrapper)
  else this.on(type, wrapper)
}

/** Removes a handler that `addEventListener` added. */
export function removeEventListener(this: EventEmitter, type: string, handler: Handler): void {
  const wrapper = find(this, type, (candidate) => candidate[kHandler] === handler && !candidate[kAttribute])
  if (wrapper !== undefined) this.removeListener(type, wrapper)
}

/** The handler of an on… attribute, or null. */
export function getAttribute(emitter: EventEmitter, type: string): Handler | null {
  return find(emitter, type, (wrapper) => wrapper[kAttribute])?.[kHandler] ?? null
}

/** Sets an on… attribute; anything but a function removes the handler that is there. */
export function setAttribute(emitter: EventEmitter, type: string, handler: unknown): void {
  const old = find(emitter, type, (wrapper) => wrapper[kAttribute])
  if (old !== undefined) emitter.removeListener(type, old)
  if (typeof handler !== 'function') return
  const wrapper = wrap(type, handler as Handler)!
  wrapper[kHandler] = handler as Handler
  wrapper[kAttribute] = true
  emitter.on(type, wrapper)
}
