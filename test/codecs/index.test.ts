import { constants } from 'node:zlib'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { chooseCodec } from '../../src/node/codecs/choice.js'
import { deflate, WITH_TAKEOVER } from './conformance.js'

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

describe('in an environment of its own', () => {
  afterEach(() => {
    vi.unstubAllGlobals()
    vi.useRealTimers()
    vi.resetModules()
  })

  async function roundTrip(name: 'wasm' | 'pako', choose: typeof chooseCodec): Promise<void> {
    const message = Buffer.alloc(2 << 20, 'a message of some length')
    const codec = choose({ codec: name })
    const compressed = await deflate(codec.createDeflater(WITH_TAKEOVER), message)
    const inflater = codec.createInflater(WITH_TAKEOVER)
    const inflated = await new Promise((resolve, reject) => {
      const result = inflater.inflate(compressed, true, Infinity, (error, octets) => resolve(error ?? octets))
      if (result !== null) reject(new Error('without a pause'))
    })
    expect(message.equals(inflated as Uint8Array)).toBe(true)
  }

  test.each(['wasm', 'pako'] as const)('%s pauses where there is no global setImmediate, as in jsdom', async (name) => {
    vi.stubGlobal('setImmediate', undefined)
    vi.resetModules()
    const fresh = await import('../../src/node/codecs/choice.js')
    await roundTrip(name, fresh.chooseCodec)
  })

  test.each(['wasm', 'pako'] as const)('%s pauses also while the timers of the program are fakes', async (name) => {
    vi.resetModules()
    const fresh = await import('../../src/node/codecs/choice.js')
    vi.useFakeTimers()
    await roundTrip(name, fresh.chooseCodec)
  })

  test('there is no WebAssembly codec where numbers begin with their highest octet, as the module has them the other way', async () => {
    const Native = Uint32Array
    class BigEndian extends Native {
      constructor(...parameters: [number[]]) {
        super(...parameters)
        if (Array.isArray(parameters[0])) new Uint8Array(this.buffer).reverse()
      }
    }
    vi.stubGlobal('Uint32Array', BigEndian)
    vi.resetModules()
    const fresh = await import('../../src/node/codecs/choice.js')
    expect(fresh.chooseCodec({}).name).toBe('zlib')
    expect(() => fresh.chooseCodec({ codec: 'wasm' })).toThrow(/^The "wasm" codec needs/)
  })
})
