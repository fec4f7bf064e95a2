// Sec-WebSocket-Accept by Node's own hash, in one call.

import { hash } from 'node:crypto'
import { HANDSHAKE_GUID } from '../../core/constants.js'

/** The Sec-WebSocket-Accept that answers `key` (RFC 6455 §4.2.2). */
export function acceptKey(key: string): string {
  return hash('sha1', key + HANDSHAKE_GUID, 'base64')
}
