// Why connections end.

import type { ConnectionCloseCause } from '../core/connection-handler.js'

/**
 * What ended a connection: what the core knows of it, or what the library did by itself because of a heartbeat that was not answered, an
 * idle timeout, a maximum lifetime, or pings whose pongs nobody reads.
 */
export type CloseCause = ConnectionCloseCause | 'heartbeat' | 'idle' | 'lifetime' | 'flood'
