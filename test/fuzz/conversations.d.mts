import type { DeflateCodec } from '../../src/core/codec.js'

export function fuzzConversations(
  createCodec: (defer: (callback: () => void) => void) => DeflateCodec,
  messages: number,
  seed: number,
  progress?: (done: number) => void
): Promise<void>
