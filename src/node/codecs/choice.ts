// Which DEFLATE codec a Node process uses for `perMessageDeflate`.

import { createRequire } from 'node:module'
import { setImmediate } from 'node:timers'
import type { CodecName, DeflateCodec } from '../../core/codec.js'
import { sharedLimiter } from './limiter.js'
import { createPakoCodec } from '../../codecs/pako.js'
import type { PakoModule } from '../../codecs/pako.js'
import { createWasmCodec } from '../../codecs/wasm.js'
import { createZlibCodec } from './zlib.js'

/** Value of `perMessageDeflate.codec`. */
export type CodecChoice = 'auto' | CodecName

const CHOICES: readonly CodecChoice[] = ['auto', 'wasm', 'zlib', 'pako']

/** Options of node:zlib that only node:zlib honours: setting one chooses it. */
const ZLIB_ONLY: readonly string[] = ['strategy', 'dictionary', 'flush', 'finishFlush', 'info']

export interface CodecOptions {
  codec?: CodecChoice | undefined
  concurrencyLimit?: number | null | undefined
  zlibDeflateOptions?: object | undefined
  zlibInflateOptions?: object | undefined
}

/** As it was when the module was loaded: there are environments without the global one, and fake timers that never fire. */
const defer = setImmediate

const codecs: Partial<Record<CodecName, DeflateCodec | null>> = {}

/**
 * The codec for these options: the one they name, or the best for them. Each is made once and serves every connection.
 * @throws {TypeError} if they name one that does not exist
 * @throws {Error} if they name one that this process does not have
 */
export function chooseCodec(options: CodecOptions): DeflateCodec {
  const choice = options.codec ?? 'auto'
  if (!CHOICES.includes(choice)) {
    const names = CHOICES.map((name) => `"${name}"`).join(', ')
    throw new TypeError(`Invalid value for option "perMessageDeflate.codec": ${String(choice)} (must be one of ${names})`)
  }

  // The first call fixes the limit, whichever codec it is for.
  sharedLimiter(options.concurrencyLimit)

  if (choice === 'auto') return (wantsZlib(options) ? null : codecNamed('wasm')) ?? codecNamed('zlib')!
  const codec = codecNamed(choice)
  if (codec === null) {
    throw new Error(
      'The "wasm" codec needs WebAssembly with SIMD, permission to compile it and address space for its memory, one of which is missing ' +
        'here (--jitless, ulimit -v): choose "auto", "zlib" or "pako"'
    )
  }
  return codec
}

/** Throws what `chooseCodec` throws, without making a codec that "auto" may never need. */
export function checkCodec(options: CodecOptions): void {
  if ((options.codec ?? 'auto') !== 'auto') chooseCodec(options)
  else sharedLimiter(options.concurrencyLimit)
}

/** Null if it cannot be had here; it is tried once. */
function codecNamed(name: CodecName): DeflateCodec | null {
  const known = codecs[name]
  if (known !== undefined) return known
  const made = createCodec(name)
  codecs[name] = made
  return made
}

function createCodec(name: CodecName): DeflateCodec | null {
  switch (name) {
    case 'pako':
      // Not a static import: few programs need it, and those that do not should not wait for it.
      return createPakoCodec(() => createRequire(import.meta.url)('pako') as PakoModule, {
        defer,
        allocate: Buffer.allocUnsafe
      })
    case 'zlib':
      return createZlibCodec(sharedLimiter(undefined))
    case 'wasm':
      return createWasmCodec({ defer, allocate: Buffer.allocUnsafe, copy })
  }
}

function copy(octets: Uint8Array, start: number, end: number): Uint8Array {
  const target = Buffer.allocUnsafe(end - start)
  target.set(octets.subarray(start, end))
  return target
}

function wantsZlib(options: CodecOptions): boolean {
  const { zlibDeflateOptions, zlibInflateOptions } = options
  const given: Record<string, unknown>[] = [{ ...zlibDeflateOptions }, { ...zlibInflateOptions }]
  return given.some((zlibOptions) => ZLIB_ONLY.some((name) => zlibOptions[name] !== undefined))
}
