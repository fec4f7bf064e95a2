// What the listeners of an event are promised, and whether anybody but them sees it.

import type { EventEmitter } from 'node:events'
import { type InternalEmitter, ownEmit } from '../runtime/internals.js'

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

/** Whether text may be emitted as a string: all that get it are listeners that would make one of it. */
export function takesText(emitter: EventEmitter): boolean {
  // Who has an `emit` of their own expects what listeners of 'message' are promised
  if (emitter.emit !== ownEmit) return false
  const listeners = (emitter as InternalEmitter)._events?.message as TextListener | TextListener[] | undefined
  return Array.isArray(listeners) ? listeners.every(isTextListener) : listeners !== undefined && isTextListener(listeners)
}

/** Whether `listener` is all that gets this event, directly. */
export function isOnlyListener(emitter: EventEmitter, name: string, listener: unknown): boolean {
  return emitter.emit === ownEmit && (emitter as InternalEmitter)._events?.[name] === listener
}

function isTextListener(listener: TextListener): boolean {
  return listener[kTakesText] === true
}
