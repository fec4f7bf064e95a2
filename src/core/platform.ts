// What connections need from outside. One object serves all that are alike.

import type { Clock } from './clock.js'
import type { MaskingKeySource } from './masking-key.js'
import type { Kernels } from './kernels.js'
import type { Runtime } from './runtime.js'

/** What a receiver needs. */
export interface ReceiverPlatform {
  readonly kernels: Kernels
  readonly runtime: Runtime
}

/** What a sender needs. */
export interface SenderPlatform extends ReceiverPlatform {
  /** Where a client's masking keys come from (RFC 6455 §5.3). */
  readonly maskingKeys: MaskingKeySource
}

/** What a connection needs. */
export interface Platform extends SenderPlatform {
  readonly clock: Clock
}
