// What services know of a WebSocket: the seams by which they hang on it, and how they give it members.

import type { Connection } from '../core/connection.js'
import { READY_STATES } from '../core/constants.js'
import type { Observed } from '../node/delivery/observer.js'
import type { Link } from '../node/links/link.js'
import { kDelivery, kReadyState } from '../node/runtime/symbols.js'

/** What delivers to a WebSocket. */
export interface ServedDelivery {
  readonly link: Link
  readonly connection: Connection
  /** What waits to be written or compressed, in octets. */
  readonly bufferedLength: number
  /** The same, but looking at it writes nothing that was gathered. */
  readonly heldLength: number
  settle(): void
}

type Listener = (...args: any[]) => void

/** A WebSocket. */
export interface Served extends Observed {
  [kDelivery]: ServedDelivery | null
  /** As long as there is none. */
  [kReadyState]: number
  on(event: string, listener: Listener): unknown
  removeListener(event: string, listener: Listener): unknown
  listenerCount(event: string): number
  emit(event: string, ...args: unknown[]): boolean
}

/** CONNECTING, OPEN, CLOSING or CLOSED. */
export function stateOf(ws: Served): number {
  return ws[kDelivery] === null ? ws[kReadyState] : ws[kDelivery].connection.readyState
}

/**
 * Gives a prototype the members of `source`. Programs have members of their own by such names: methods can be replaced, and an accessor
 * becomes a property of whoever sets it, unless it has a setter.
 */
export function defineMembers(prototype: object, source: object): void {
  const members = Object.getOwnPropertyDescriptors(source) as Record<string | symbol, PropertyDescriptor>
  for (const name of Reflect.ownKeys(members)) {
    const member = members[name]
    if (member.get !== undefined && member.set === undefined) {
      member.set = function (this: object, value: unknown) {
        defineOwn(this, name, value)
      }
    }
    Object.defineProperty(prototype, name, { ...member, enumerable: false })
  }
}

/** Gives `object` a property of its own, as an assignment does. */
export function defineOwn(object: object, name: string | symbol, value: unknown): void {
  Object.defineProperty(object, name, { configurable: true, enumerable: true, writable: true, value })
}

/** As `send` says it. */
export function notOpen(readyState: number): Error {
  return new Error(`WebSocket is not open: readyState ${readyState} (${READY_STATES[readyState]})`)
}
