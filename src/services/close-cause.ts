// Why connections end.

import type { ConnectionCloseCause } from '../core/connection-handler.js'

/**
 * What ended a connection: what the core knows of it, or what the library did by itself because of a heartbeat that was not answered, an
 * idle timeout, a maximum lifetime, pings whose pongs nobody reads, too much that waits to be sent, or too much that came.
 */
export type CloseCause = ConnectionCloseCause | 'heartbeat' | 'idle' | 'lifetime' | 'flood' | 'overflow' | 'rate'
