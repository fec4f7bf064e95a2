import { constants } from 'node:zlib'
import { expect, test } from 'vitest'
import { chooseCodec } from '../../src/codecs/index.js'

test('gives the codec that is named, the same each time', () => {
  for (const codec of ['zlib', 'pako'] as const) {
    expect(chooseCodec({ codec }).name).toBe(codec)
    expect(chooseCodec({ codec })).toBe(chooseCodec({ codec }))
  }
})

test('gives zlib where an option is set that zlib alone honours', () => {
  for (const name of ['strategy', 'dictionary', 'flush', 'finishFlush', 'info']) {
    expect(chooseCodec({ zlibDeflateOptions: { [name]: constants.Z_FIXED } }).name).toBe('zlib')
    expect(chooseCodec({ codec: 'auto', zlibInflateOptions: { [name]: 1 }, zlibDeflateOptions: {} }).name).toBe('zlib')
  }
})

test('has a codec for options that name none', () => {
  expect(chooseCodec({}).name).toMatch(/^(wasm|zlib)$/)
  expect(chooseCodec({ codec: undefined })).toBe(chooseCodec({ codec: 'auto' }))
})

test('refuses a name that is none, and says which there are', () => {
  for (const codec of ['', 'Zlib', 1]) {
    expect(() => chooseCodec({ codec: codec as unknown as 'zlib' })).toThrow(/^Invalid value .* "auto", "wasm", "zlib", "pako"\)$/)
    expect(() => chooseCodec({ codec: codec as unknown as 'zlib' })).toThrow(TypeError)
  }
})
