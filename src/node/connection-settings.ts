// Settings of connections: the many connections of a server, which are alike, share one object for them.

import type { ConnectionOptions } from '../core/connection.js'
import type { TransportOptions } from './transport.js'

let lastConnection: ConnectionOptions | null = null
let lastTransport: TransportOptions | null = null

/** `settings`, or the same as an object that is there already. */
export function shareConnectionOptions(settings: ConnectionOptions): ConnectionOptions {
  return (lastConnection = share(lastConnection, settings))
}

/** `settings`, or the same as an object that is there already. */
export function shareTransportOptions(settings: TransportOptions): TransportOptions {
  return (lastTransport = share(lastTransport, settings))
}

function share<T extends object>(last: T | null, settings: T): T {
  if (last === null) return settings
  for (const name in settings) if (last[name] !== settings[name]) return settings
  return last
}
