// Which link a stream gets.

import { Socket } from 'node:net'
import { DirectLink } from './direct-link.js'
import { DirectSocket, isDirect } from './direct-socket.js'
import type { Link } from './link.js'
import { directRegion } from './receive-buffer.js'
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
  if (isDirect(stream)) {
    const { region } = DirectSocket.originOf(stream)
    if (directRegion(options.receiveBuffer, options.kernels) === region) return new DirectLink(stream, options.coalesces, options)
    DirectSocket.realise(stream)
  }
  return stream instanceof Socket ? new SocketLink(stream, options.coalesces, options) : new StreamLink(stream, options.coalesces)
}
