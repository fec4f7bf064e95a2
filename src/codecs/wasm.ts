// Our own raw DEFLATE and INFLATE (RFC 1951) in WebAssembly, as a codec for permessage-deflate (RFC 7692 §7.2).
//
// One module with a memory of fixed size serves all connections. Between calls a connection has nothing there but a slot with its window
// (and match tables), which it loses to others when it is not active: the window then moves to an ordinary array.
//
// Of zlib's options `level` and `dictionary` are honoured; `memLevel` and `chunkSize` have no effect; `strategy` is for codecs on zlib.

import type { DeflateCodec } from '../core/codec.js'
import type { CodecHelpers } from './output.js'
import { WasmDeflater } from './wasm-deflater.js'
import { instantiate } from './wasm-engine.js'
import { WasmInflater } from './wasm-inflater.js'

/** What a runtime may lend the codec. */
export interface WasmCodecOptions {
  /**
   * Calls back after other events had their turn. With it, input over 64 KiB is deflated, and input over 64 KiB or output over 256 KiB
   * inflated, in slices with pauses between; without it all is done at once.
   */
  defer?: ((callback: () => void) => void) | undefined
  /** A new array for `length` octets, all of which will be written. */
  allocate?: ((length: number) => Uint8Array) | undefined
  /** A copy of `octets[start, end)`. It should not keep much more than itself alive: small ones may share some KiB. */
  copy?: ((octets: Uint8Array, start: number, end: number) => Uint8Array) | undefined
}

/** The codec; null if there is no WebAssembly with SIMD, or its memory cannot be reserved. */
export function createWasmCodec(options: WasmCodecOptions = {}): DeflateCodec | null {
  const engine = instantiate()
  if (engine === null) return null
  const helpers: CodecHelpers = {
    defer: options.defer,
    allocate: options.allocate ?? ((length) => new Uint8Array(length)),
    copy: options.copy ?? ((octets, start, end) => Uint8Array.prototype.slice.call(octets, start, end))
  }
  return {
    name: 'wasm',
    createDeflater: (deflaterOptions) => new WasmDeflater(engine, helpers, deflaterOptions),
    createInflater: (inflaterOptions) => new WasmInflater(engine, helpers, inflaterOptions)
  }
}
