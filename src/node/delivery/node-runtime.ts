// What Node lends the core: Buffers, UTF-8, SHA-1 and random octets.

import { Buffer } from 'node:buffer'
import { hash, randomFillSync } from 'node:crypto'
import type { Runtime } from '../../core/runtime.js'
import { utf8Write } from '../runtime/internals.js'
import { copyToBuffer, keepFrames } from './message-memory.js'

export const nodeRuntime: Runtime = {
  allocate: (length) => Buffer.allocUnsafe(length),
  copy: copyToBuffer,
  keepFrames,
  utf8Length: (text) => Buffer.byteLength(text),
  utf8Write: (text, target, offset) => utf8Write.call(target, text, offset),
  sha1: (octets) => hash('sha1', octets, 'buffer'),
  fillRandom: (target) => {
    randomFillSync(target)
  }
}
