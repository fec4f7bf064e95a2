// Whole conversations, as every codec's inflaters read them and as ws does; `npm run fuzz:conversations` has more of them.

import * as pako from 'pako'
import { describe, test } from 'vitest'
import { Limiter } from '../../src/node/codecs/limiter.js'
import { createPakoCodec } from '../../src/codecs/pako.js'
import { createWasmCodec } from '../../src/codecs/wasm.js'
import { createZlibCodec } from '../../src/node/codecs/zlib.js'
import type { DeflateCodec } from '../../src/core/codec.js'
import { fuzzConversations } from '../fuzz/conversations.mjs'

type Defer = (callback: () => void) => void

describe('a peer is understood as by ws, whatever it says, fragment by fragment (RFC 7692 §7.2.2)', () => {
  test.each<[string, number, (defer: Defer) => DeflateCodec]>([
    ['wasm', 1500, () => createWasmCodec() as DeflateCodec],
    ['wasm, with pauses', 1500, (defer) => createWasmCodec({ defer }) as DeflateCodec],
    ['pako', 700, () => createPakoCodec(() => pako)],
    ['pako, with pauses', 700, (defer) => createPakoCodec(() => pako, { defer })],
    ['zlib', 700, () => createZlibCodec(new Limiter(10))]
  ])(
    '%s',
    async (_, messages, createCodec) => {
      await fuzzConversations(createCodec, messages, 20260726)
    },
    120_000
  )
})
