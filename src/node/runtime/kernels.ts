// Which kernels serve a connection: the option, else HYBI_KERNELS, else the best there is; and the natives that Node has for them.

import { isUtf8 } from 'node:buffer'
import * as http from 'node:http'
import { createRequire } from 'node:module'
import type { Kernels, KernelsName, NativeHelpers } from '../../core/kernels.js'
import { availableKernels, type KernelsChoice, selectKernels } from '../../kernels/index.js'
import { processWide } from './process-wide.js'

export type { KernelsChoice }

type MaskFunctions = Required<Pick<NativeHelpers, 'mask' | 'unmask'>>

let addon: MaskFunctions | null | undefined

/** Node's own masking (26.12 and later), else the optional addon bufferutil unless WS_NO_BUFFER_UTIL is set; looked for once. */
function maskFunctions(): MaskFunctions | null {
  if (addon !== undefined) return addon
  const { websocketMask, websocketUnmask } = http as unknown as Record<string, unknown>
  if (websocketMask && websocketUnmask) {
    addon = { mask: websocketMask, unmask: websocketUnmask } as MaskFunctions
  } else {
    addon = null
    if (!process.env.WS_NO_BUFFER_UTIL) {
      try {
        addon = createRequire(import.meta.url)('bufferutil') as MaskFunctions
      } catch {
        // It is optional
      }
    }
  }
  return addon
}

/** Each is looked up when it is first needed. */
const natives: NativeHelpers = {
  isUtf8,
  get mask() {
    return maskFunctions()?.mask
  },
  get unmask() {
    return maskFunctions()?.unmask
  }
}

/** Where kernels come from. */
interface KernelsSource {
  select(choice: KernelsChoice): Kernels
  available(): readonly KernelsName[]
}

let source: KernelsSource | null = null

/** That of the copy of this package that came first: its memory serves the others as well. */
function kernelsSource(): KernelsSource {
  return (source ??= processWide('kernels.2', () => ({
    select: (choice) => selectKernels(choice, natives),
    available: () => availableKernels(natives)
  })))
}

/**
 * The kernels for `choice`, one instance for all connections.
 * @throws {TypeError} for an unknown name
 * @throws {Error} for a set that is named but cannot be had here
 */
export function kernelsFor(choice: KernelsChoice | undefined): Kernels {
  return kernelsSource().select(choice ?? kernels.default)
}

/** Throws what `kernelsFor` throws, without making kernels that 'auto' may never need. */
export function checkKernels(choice: KernelsChoice | undefined): void {
  const name = choice ?? kernels.default
  if (name !== 'auto') kernelsFor(name)
}

/** The default choice, and the sets that can be had here. */
export const kernels = {
  /** HYBI_KERNELS as it was when the program started, or 'auto'. */
  default: (process.env.HYBI_KERNELS || 'auto') as KernelsChoice,
  get available(): readonly KernelsName[] {
    return kernelsSource().available()
  }
}
