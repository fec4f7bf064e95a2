// Choice of a kernel set.

import type { Kernels, KernelsName, NativeHelpers } from '../core/kernels.js'
import { createJsKernels } from './js.js'
import { createNativeKernels } from './native.js'
import { createWasmKernels } from './wasm.js'

export { createJsKernels } from './js.js'
export { createNativeKernels } from './native.js'
export { createWasmKernels, type WasmKernels } from './wasm.js'

/** What may be asked for. */
export type KernelsChoice = 'auto' | KernelsName

/** Sets that were asked for, those that cannot be had as null; with natives for those natives. */
interface Sets {
  auto?: Kernels
  wasm?: Kernels | null
  js?: Kernels
  native?: Kernels | null
}

const WITHOUT_NATIVES: NativeHelpers = {}
const sets: Sets = {}
const setsWithNatives = new WeakMap<NativeHelpers, Sets>()

function setsFor(natives: NativeHelpers): Sets {
  let found = setsWithNatives.get(natives)
  if (found === undefined) setsWithNatives.set(natives, (found = {}))
  return found
}

function jsKernels(): Kernels {
  return (sets.js ??= createJsKernels())
}

function wasmKernels(): Kernels | null {
  if (sets.wasm === undefined) sets.wasm = createWasmKernels()
  return sets.wasm
}

function nativeKernels(natives: NativeHelpers): Kernels | null {
  const found = setsFor(natives)
  if (found.native === undefined) found.native = createNativeKernels(natives)
  return found.native
}

/** Names of the sets that can be had, best first. */
export function availableKernels(natives: NativeHelpers = WITHOUT_NATIVES): KernelsName[] {
  const names: KernelsName[] = []
  if (wasmKernels() !== null) names.push('wasm')
  if (nativeKernels(natives) !== null) names.push('native')
  names.push('js')
  return names
}

/**
 * The kernel set of that name, the same object each time; its `name` says what 'auto' came to.
 * @param natives what the runtime lends to 'auto' and 'native'
 * @throws {TypeError} for an unknown name; an Error if the set cannot be had
 */
export function selectKernels(name: KernelsChoice, natives: NativeHelpers = WITHOUT_NATIVES): Kernels {
  switch (name) {
    case 'auto':
      // a set that uses natives only where they are faster, or else what is next best
      return (setsFor(natives).auto ??= createWasmKernels(natives) ?? nativeKernels(natives) ?? jsKernels())
    case 'js':
      return jsKernels()
    case 'wasm': {
      const kernels = wasmKernels()
      if (kernels !== null) return kernels
      throw new Error(
        "The 'wasm' kernels need WebAssembly with SIMD, permission to compile it and address space for its memory, one of which " +
          "is missing here (--jitless, a Content-Security-Policy, ulimit -v); choose 'auto' or 'js'"
      )
    }
    case 'native': {
      const kernels = nativeKernels(natives)
      if (kernels !== null) return kernels
      throw new Error(
        "The 'native' kernels need a native mask, which nothing lends here; install 'bufferutil', or choose 'auto' or 'js'"
      )
    }
    default:
      throw new TypeError(`Unknown kernels '${String(name)}'; choose 'auto', 'wasm', 'js' or 'native'`)
  }
}
