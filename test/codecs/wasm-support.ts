// Texts and oracles for the tests of the WASM codec.

import { constants, inflateRawSync } from 'node:zlib'
import * as pako from 'pako'
import { createWasmCodec } from '../../src/codecs/wasm.js'
import type { DeflateCodec, DeflaterOptions } from '../../src/core/codec.js'

export const codec = createWasmCodec() as DeflateCodec

export const TRAILER = Buffer.from([0x00, 0x00, 0xff, 0xff])

export function unused(): void {
  throw new Error('called back')
}

export function options(windowBits = 15, noContextTakeover = false, level = 6): DeflaterOptions {
  return { windowBits, noContextTakeover, zlib: { level } }
}

/** Integers from 0 to below n, the same ones in every run. */
export function randomFrom(seed: number): (n: number) => number {
  let state = seed
  return (n) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % n
  }
}

export function noise(length: number, seed = 1): Buffer {
  const random = randomFrom(seed)
  return Buffer.from(Uint8Array.from({ length }, () => random(256)))
}

/** A chat message in JSON. */
export function chat(random: (n: number) => number, length: number): Buffer {
  const words = 'the deploy server meeting tomorrow latency build ticket review merge release of and to in is you that'.split(' ')
  let text = `{"type":"message","id":${random(1e9)},"user":{"id":${random(5000)},"name":"hana"},"ts":${1.7e12 + random(1e9)},"text":"`
  while (text.length < length - 2) text += `${words[random(words.length)]} `
  return Buffer.from(`${text.slice(0, length - 2)}"}`)
}

/** Market data in JSON. */
export function market(random: (n: number) => number, length: number): Buffer {
  let text = `{"type":"l2update","product_id":"BTC-USD","sequence":${random(1e9)},"changes":[`
  while (text.length < length)
    text += `["${random(2) ? 'buy' : 'sell'}","${64000 + random(900)}.${random(100)}","${random(9)}.${random(1e8)}"],`
  return Buffer.from(text.slice(0, length))
}

function html(random: (n: number) => number, length: number): Buffer {
  let text = '<!doctype html>\n<html lang="en">\n'
  while (text.length < length)
    text += `<li class="item item-${random(9)}"><a href="/page/${random(1000)}">Page ${random(1000)}</a></li>\n`
  return Buffer.from(text.slice(0, length))
}

function source(random: (n: number) => number, length: number): Buffer {
  const names = ['frame', 'length', 'offset', 'octets', 'window', 'state']
  let text = ''
  while (text.length < length) {
    text += `  const ${names[random(6)]} = this.${names[random(6)]}[${random(64)}]\n  if (${names[random(6)]} === ${random(16)}) return null\n`
  }
  return Buffer.from(text.slice(0, length))
}

/** Messages of every nature at `length` octets. */
export function corpus(length: number, seed = 1): Buffer[] {
  const random = randomFrom(seed)
  return [chat, market, html, source]
    .map((make) => make(random, length).subarray(0, length))
    .concat(noise(length, seed), Buffer.alloc(length), Buffer.alloc(length, 'abcdefg'))
}

/** What zlib makes of a message without its trailer, with this history. */
export function byZlib(compressed: Uint8Array, history: Uint8Array = TRAILER.subarray(4)): Buffer {
  const dictionary = history.length > 0 ? { dictionary: history.subarray(Math.max(0, history.length - 32768)) } : {}
  return inflateRawSync(Buffer.concat([compressed, TRAILER]), { finishFlush: constants.Z_SYNC_FLUSH, ...dictionary })
}

/** What pako makes of it. */
export function byPako(compressed: Uint8Array, history: Uint8Array = TRAILER.subarray(4)): Uint8Array {
  const inflate = new pako.Inflate({
    raw: true,
    ...(history.length > 0 && { dictionary: history.subarray(Math.max(0, history.length - 32768)) })
  })
  const chunks: Uint8Array[] = []
  inflate.onData = (chunk) => chunks.push(chunk as Uint8Array)
  inflate.push(Buffer.concat([compressed, TRAILER]), 2)
  if (inflate.err) throw new Error(inflate.msg)
  return Buffer.concat(chunks)
}
