// The EventTarget side of a WebSocket: addEventListener, the on… attributes and the event objects, over its EventEmitter.

import type { EventEmitter } from 'node:events'
import { takingText } from '../delivery/listeners.js'

// What an event says stands under symbols of its own, named as in ws: `console.log` shows it, a Proxy and an object that inherits from
// the event have it, and a copy made by spreading takes it along. Private fields would do none of that.
const kTarget = Symbol('kTarget')
const kType = Symbol('kType')
const kCode = Symbol('kCode')
const kReason = Symbol('kReason')
const kWasClean = Symbol('kWasClean')
const kError = Symbol('kError')
const kMessage = Symbol('kMessage')
const kData = Symbol('kData')

/** What is common to the events; made for the listeners, not exported. */
export class Event {
  [kTarget]: unknown;
  [kType]: string

  constructor(type: string) {
    this[kTarget] = null
    this[kType] = type
  }

  get target(): unknown {
    return this[kTarget]
  }

  get type(): string {
    return this[kType]
  }
}

export class CloseEvent extends Event {
  [kCode]: number;
  [kReason]: string;
  [kWasClean]: boolean

  constructor(
    type: string,
    { code = 0, reason = '', wasClean = false }: { code?: number; reason?: string; wasClean?: boolean } = {}
  ) {
    super(type)
    this[kCode] = code
    this[kReason] = reason
    this[kWasClean] = wasClean
  }

  get code(): number {
    return this[kCode]
  }

  get reason(): string {
    return this[kReason]
  }

  /** Whether both close frames went through (RFC 6455 §7.1.4). */
  get wasClean(): boolean {
    return this[kWasClean]
  }
}

export class ErrorEvent extends Event {
  [kError]: unknown;
  [kMessage]: string

  constructor(type: string, { error = null, message = '' }: { error?: unknown; message?: string } = {}) {
    super(type)
    this[kError] = error
    this[kMessage] = message
  }

  get error(): unknown {
    return this[kError]
  }

  get message(): string {
    return this[kMessage]
  }
}

export class MessageEvent extends Event {
  [kData]: unknown

  constructor(type: string, { data = null }: { data?: unknown } = {}) {
    super(type)
    this[kData] = data
  }

  /** A string for text, else what `binaryType` says. */
  get data(): unknown {
    return this[kData]
  }
}

for (const [type, names] of [
  [Event, ['target', 'type']],
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

/** What an event needs to know of its target. */
interface ClosableTarget {
  _closeFrameSent: boolean
  _closeFrameReceived: boolean
}

function call(handler: Handler, target: unknown, event: Event): void {
  event[kTarget] = target
  if (typeof handler === 'object' && handler.handleEvent) handler.handleEvent(event)
  else (handler as (this: unknown, event: Event) => void).call(target, event)
}

function wrap(type: string, handler: Handler): Wrapper | null {
  let wrapper: unknown
  switch (type) {
    case 'open':
      wrapper = function (this: unknown) {
        call(handler, this, new Event('open'))
      }
      break
    case 'message':
      wrapper = takingText(function (this: unknown, data: { toString(): string }, isBinary: boolean) {
        call(handler, this, new MessageEvent('message', { data: isBinary ? data : data.toString() }))
      })
      break
    case 'close':
      wrapper = function (this: ClosableTarget, code: number, reason: Buffer) {
        const wasClean = this._closeFrameReceived && this._closeFrameSent
        call(handler, this, new CloseEvent('close', { code, reason: reason.toString(), wasClean }))
      }
      break
    case 'error':
      wrapper = function (this: unknown, error: Error) {
        call(handler, this, new ErrorEvent('error', { error, message: error.message }))
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
export function addEventListener(
  this: EventEmitter,
  type: string,
  handler: Handler,
  options: { once?: boolean; [kAttribute]?: boolean } = {}
): void {
  const isAttribute = options[kAttribute] === true
  if (!isAttribute && find(this, type, (wrapper) => wrapper[kHandler] === handler && !wrapper[kAttribute])) return
  const wrapper = wrap(type, handler)
  if (wrapper === null) return
  wrapper[kHandler] = handler
  wrapper[kAttribute] = isAttribute
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
  // By the method that is there, which a program may have patched
  ;(emitter as EventEmitter & { addEventListener: typeof addEventListener }).addEventListener(type, handler as Handler, {
    [kAttribute]: true
  })
}
