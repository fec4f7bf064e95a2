import { describe, expect, test } from 'vitest'
import { createWasmCodec } from '../../src/codecs/wasm.js'
import type { DeflateCodec } from '../../src/core/ports.js'
import { testConformance } from './conformance.js'

const codec = createWasmCodec() as DeflateCodec

describe('at once', () => testConformance(codec))
describe('with pauses', () => testConformance(createWasmCodec({ defer: setImmediate }) as DeflateCodec))
test('x', () => expect(1).toBe(1))
