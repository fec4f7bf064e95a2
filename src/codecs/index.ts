// Which DEFLATE codec a Node process uses for `perMessageDeflate`.

import { createRequire } from 'node:module'
import type { CodecName, DeflateCodec } from '../core/ports.js'
import { sharedLimiter } from './limiter.js'
import { createPakoCodec } from './pako.js'
import type { PakoModule } from './pako.js'
import { createZlibCodec } from './zlib.js'

/** Value of `perMessageDeflate.codec`. */
export type CodecChoice = 'auto' | CodecName

const CHOICES: readonly CodecChoice[] = ['auto', 'wasm', 'zlib', 'pako']

/** Options of node:zlib that only node:zlib honours: who sets one gets it. */
const ZLIB_ONLY: readonly string[] = ['strategy', 'dictionary', 'flush', 'finishFlush', 'info']

export interface CodecOptions {
  codec?: CodecChoice | undefined
  concurrencyLimit?: number | null | undefined
  zlibDeflateOptions?: object | undefined
  zlibInflateOptions?: object | undefined
}

const codecs: Partial<Record<CodecName, DeflateCodec>> = {}

/**
 * The codec for these options: the one they name, or the best for them. Each is made once and serves every connection.
 * @throws {TypeError} where they name one that does not exist
 * @throws {Error} where they name one that this process does not have
 */
export function chooseCodec(options: CodecOptions): DeflateCodec {
  const choice = options.codec ?? 'auto'
  if (!CHOICES.includes(choice)) {
    const names = CHOICES.map((name) => `"${name}"`).join(', ')
    throw new TypeError(`Invalid value for option "perMessageDeflate.codec": ${String(choice)} (must be one of ${names})`)
  }

  // The first call fixes the limit, whichever codec it is for.
  sharedLimiter(options.concurrencyLimit)

  if (choice !== 'auto') return codecNamed(choice)
  return hasWasm() && !wantsZlib(options) ? codecNamed('wasm') : codecNamed('zlib')
}

function codecNamed(name: CodecName): DeflateCodec {
  return (codecs[name] ??= createCodec(name))
}

function createCodec(name: CodecName): DeflateCodec {
  switch (name) {
    case 'pako':
      // Not a static import: few programs need it, and those that do not should not wait for it.
      return createPakoCodec(() => createRequire(import.meta.url)('pako') as PakoModule)
    case 'zlib':
      return createZlibCodec(sharedLimiter(undefined))
    case 'wasm':
      throw new Error('The "wasm" codec is not available: choose "auto", "zlib" or "pako"')
  }
}

/** Whether `createCodec('wasm')` gives a codec. */
function hasWasm(): boolean {
  return false
}

function wantsZlib(options: CodecOptions): boolean {
  const { zlibDeflateOptions, zlibInflateOptions } = options
  const given: Record<string, unknown>[] = [{ ...zlibDeflateOptions }, { ...zlibInflateOptions }]
  return given.some((zlibOptions) => ZLIB_ONLY.some((name) => zlibOptions[name] !== undefined))
}
