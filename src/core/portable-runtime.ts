// A runtime of nothing but JavaScript, for wherever the core is to run.

import type { Runtime } from './runtime.js'
import { sha1 } from './sha1.js'
import { utf8Decode, utf8Length, utf8Write } from './utf8.js'

/** The one thing that JavaScript alone does not have: a secure random generator, such as `(octets) => crypto.getRandomValues(octets)`. */
export type FillRandom = (target: Uint8Array) => void

/** What the core needs, and besides what makes strings of messages. */
export interface PortableRuntime extends Runtime {
  utf8Decode(octets: Uint8Array, start: number, end: number): string
}

export function createPortableRuntime(fillRandom: FillRandom): PortableRuntime {
  return {
    allocate: (length) => new Uint8Array(length),
    copy: (octets, start, end) => {
      // Not `slice`, which a Buffer understands otherwise
      const copy = new Uint8Array(end - start)
      copy.set(octets.subarray(start, end))
      return copy
    },
    utf8Length,
    utf8Write,
    utf8Decode,
    sha1,
    fillRandom
  }
}
