// A stream that is somebody's link.

import type { Duplex } from 'node:stream'
import type { kLink } from '../runtime/symbols.js'

/** Any Duplex, with what sockets have beside. */
export interface LinkedStream extends Duplex {
  /** Its link, as far as those need to know who see to it that what was gathered is written first. */
  [kLink]?: { readonly output: { flush(): void } } | undefined
  setTimeout?: (ms: number) => void
  setNoDelay?: () => void
}
