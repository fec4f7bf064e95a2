// All that a connection does by itself, as members of WebSockets.

import type { Buffer } from 'node:buffer'
import type { Abortable } from './abort.js'
import { backpressureMembers } from './backpressure.js'
import { boundMembers } from './bounded-sender.js'
import { closingMembers } from './closing.js'
import { DEFAULT_SERVICE_SETTINGS, type TextType } from './connection-options.js'
import { iterationMembers } from './iteration.js'
import { defineMembers } from './served.js'
import { textTypeMembers } from './text-type.js'

export { applyServiceOptions } from './connection-options.js'
export { notOpen } from './served.js'
export { boundSending } from './bounded-sender.js'
export { closeSignal, dropWhenAborted } from './closing.js'

/** The members. */
export interface ConnectionServices {
  readonly writableNeedDrain: boolean
  drained(options?: Abortable): Promise<void>
  readonly droppedMessages: number
  textType: TextType
  [Symbol.asyncIterator](): AsyncIterableIterator<string | Buffer, undefined>
  [Symbol.asyncDispose](): Promise<void>
}

/** Gives the prototype of WebSockets these members. */
export function defineConnectionServices(prototype: { close(code: number): void }): void {
  const { close } = prototype
  const all = [
    DEFAULT_SERVICE_SETTINGS,
    backpressureMembers,
    boundMembers,
    textTypeMembers,
    iterationMembers,
    closingMembers(close)
  ]
  for (const members of all) defineMembers(prototype, members)
}
