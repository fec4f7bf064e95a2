// What the listeners of an event are promised, and whether anybody but them sees it.

import { EventEmitter } from 'node:events'

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

/** What the source of Node's own `emit` has, on 20 to 26: its head, and names that are known inside Node only. */
const INTERNALS = ['function emit(type, ...args) {', 'kErrorMonitor', 'addCatch(this, result, type, args)']

/**
 * Node's own `emit`, which shows nobody what it is given but the listeners; null if somebody put another one in its place before this
 * package was loaded (to trace, say), or where it cannot be told.
 */
const ownEmit = ((): EventEmitter['emit'] | null => {
  const { emit } = EventEmitter.prototype
  const source = Function.prototype.toString.call(emit)
  return INTERNALS.every((name) => source.includes(name)) ? emit : null
})()

/** Whether text may be emitted as a string: all that get it are listeners that would make one of it. */
export function takesText(emitter: EventEmitter): boolean {
  // Who has an `emit` of their own expects what listeners of 'message' are promised
  if (emitter.emit !== ownEmit) return false
  const listeners = (emitter as { _events?: { message?: TextListener | TextListener[] } })._events?.message
  return Array.isArray(listeners) ? listeners.every(isTextListener) : listeners !== undefined && isTextListener(listeners)
}

/** Whether `listener` is all that gets this event, directly. */
export function isOnlyListener(emitter: EventEmitter, name: string, listener: unknown): boolean {
  return emitter.emit === ownEmit && (emitter as { _events?: Record<string, unknown> })._events?.[name] === listener
}

function isTextListener(listener: TextListener): boolean {
  return listener[kTakesText] === true
}
