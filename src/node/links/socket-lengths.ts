// How much a socket has written and how much of it waits, for those who look at a socket that frames are gathered for: what was gathered
// is written first, so that they see what they would see if each frame were a write.

import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { writableLengthOf } from '../runtime/internals.js'
import { kLink } from '../runtime/symbols.js'
import type { LinkedStream } from './linked-stream.js'

/** Looked at to know what waits, or whether to. */
const NAMES = ['writableLength', 'writableNeedDrain', 'bytesWritten'] as const

/** Octets that wait in one of Node's sockets, in its stream and its handle; unlike `writableLength` it is no look from outside. */
export function lengthWaiting(socket: Duplex): number {
  return writableLengthOf.call(socket)
}

/** Octets that a socket of Node's was given so far, not counting those that are gathered. */
export const bytesWritten = Object.getOwnPropertyDescriptor(Socket.prototype, 'bytesWritten')!.get as (this: Duplex) => number

const watched: Record<string, PropertyDescriptor & { get(this: LinkedStream): unknown }> = {}
for (const name of NAMES) {
  function get(this: LinkedStream): unknown {
    this[kLink]?.output.flush()
    // Above the object that has this getter: it may be the prototype of another, or behind a proxy
    let owner = this as object
    while (Object.getOwnPropertyDescriptor(owner, name)?.get !== get) owner = Object.getPrototypeOf(owner) as object
    return Reflect.get(Object.getPrototypeOf(owner) as object, name, this)
  }
  watched[name] = { configurable: true, get }
}

/** Lets what was gathered for `socket` leave before somebody looks at its lengths. To be called when something is gathered. */
export function watchLengths(socket: Duplex): void {
  for (const name of NAMES) {
    if (name in socket && !Object.hasOwn(socket, name)) Object.defineProperty(socket, name, watched[name])
  }
}
