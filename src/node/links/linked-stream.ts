// A stream that is somebody's link.

import type { Duplex } from 'node:stream'
import type { kLink } from '../runtime/symbols.js'

/** Any Duplex, with what sockets have beside. */
export interface LinkedStream extends Duplex {
  /** Its link: what was gathered is written first if somebody uses the stream, and it hears of writes that are done, or have to wait. */
  [kLink]?: { readonly output: { flush(): void }; written(): void; buffered?(): void } | undefined
  setTimeout?: (ms: number) => void
  setNoDelay?: () => void
}
