// What options of both roles are where they are not given.

import {
  DEFAULT_CLOSE_TIMEOUT_MS,
  DEFAULT_MAX_BUFFERED_CHUNKS,
  DEFAULT_MAX_FRAGMENTS,
  DEFAULT_MAX_PAYLOAD,
  DEFAULT_MAX_PENDING_AUTO_PONGS
} from '../core/constants.js'

export const DEFAULT_OPTIONS = {
  allowSynchronousEvents: true,
  autoPong: true,
  closeTimeout: DEFAULT_CLOSE_TIMEOUT_MS,
  maxBufferedChunks: DEFAULT_MAX_BUFFERED_CHUNKS,
  maxFragments: DEFAULT_MAX_FRAGMENTS,
  maxPayload: DEFAULT_MAX_PAYLOAD,
  maxPendingAutoPongs: DEFAULT_MAX_PENDING_AUTO_PONGS,
  skipUTF8Validation: false
}
