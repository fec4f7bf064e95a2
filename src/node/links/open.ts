// Which link a stream gets.

import { Socket } from 'node:net'
import type { Link } from './link.js'
import { type ReadingOptions, SocketLink } from './socket-link.js'
import type { LinkedStream } from './linked-stream.js'
import { StreamLink } from './stream-link.js'

/** How links read and write; many share one object. */
export interface LinkOptions extends ReadingOptions {
  /** Whether frames of a burst may leave in one write. */
  coalesces: boolean
}

/** A link over `stream`, which is upgraded. */
export function openLink(stream: LinkedStream, options: LinkOptions): Link {
  return stream instanceof Socket ? new SocketLink(stream, options.coalesces, options) : new StreamLink(stream, options.coalesces)
}
