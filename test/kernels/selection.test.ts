import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { availableKernels, createWasmKernels, selectKernels } from '../../src/kernels/index.js'
import { natives } from './support.js'

describe('selectKernels', () => {
  it('gives the same set each time it is asked', () => {
    for (const name of ['auto', 'wasm', 'js'] as const) expect(selectKernels(name) === selectKernels(name)).toBe(true)
    for (const name of ['auto', 'wasm', 'js', 'native'] as const) {
      expect(selectKernels(name, natives) === selectKernels(name, natives)).toBe(true)
    }
    expect(selectKernels('auto', natives) === selectKernels('wasm', natives)).toBe(false)
  })

  it('gives the set of that name, and WebAssembly for auto', () => {
    for (const name of ['wasm', 'js', 'native'] as const) expect(selectKernels(name, natives).name).toBe(name)
    expect(selectKernels('auto', natives).name).toBe('wasm')
    expect(selectKernels('auto').name).toBe('wasm')
  })

  it('names the choices at an unknown name', () => {
    for (const name of ['simd', '', undefined, null, 1, Symbol('auto')]) {
      expect(() => selectKernels(name as 'auto')).toThrow(TypeError)
      expect(() => selectKernels(name as 'auto')).toThrow(/'auto', 'wasm', 'js' or 'native'/)
    }
  })

  it('says what to do where there is no native mask', () => {
    for (const lent of [undefined, {}, { isUtf8: natives.isUtf8 }]) {
      expect(() => selectKernels('native', lent)).toThrow(/bufferutil/)
      expect(() => selectKernels('native', lent)).not.toThrow(TypeError)
    }
  })

  it('lists what there is', () => {
    expect(availableKernels(natives)).toEqual(['wasm', 'native', 'js'])
    expect(availableKernels()).toEqual(['wasm', 'js'])
  })

  it('uses no natives for wasm and js', () => {
    const refuse = (): never => {
      throw new Error('a native was called')
    }
    const refusing = { isUtf8: refuse, mask: refuse, unmask: refuse }
    const octets = Buffer.alloc(100_000, 'ä')
    for (const name of ['wasm', 'js'] as const) {
      const kernels = selectKernels(name, refusing)
      kernels.mask(octets, 0, octets.length, octets, 0, 0)
      expect(kernels.validate(octets, 0, octets.length, 0)).toBe(1 << 24)
      expect(kernels.maskValidate(octets, 0, octets.length, octets, 0, 0, 0)).toBe(1 << 24)
    }
    expect(() => selectKernels('auto', refusing).validate(octets, 0, octets.length, 0)).toThrow('a native was called')
  })
})

describe('createWasmKernels', () => {
  it('has one memory of fixed size, with a region that lies inside it', () => {
    const one = createWasmKernels()
    const other = createWasmKernels(natives)
    expect(one?.memory.octets.buffer === other?.memory.octets.buffer).toBe(true)
    const { octets, receiveRegion } = one!.memory
    expect(octets.byteOffset).toBe(0)
    expect(octets.length).toBe(octets.buffer.byteLength)
    expect(receiveRegion.end - receiveRegion.start).toBe(256 * 1024)
    // a vector that is read at its end stays inside
    expect(receiveRegion.end + 64).toBeLessThanOrEqual(octets.length)
  })
})

describe('where WebAssembly cannot be had', () => {
  const source = fileURLToPath(new URL('../../src/', import.meta.url))
  let directory = ''

  beforeAll(() => {
    // modules as they are, types removed: no bundler needed
    directory = mkdtempSync(join(tmpdir(), 'hybi-kernels-'))
    writeFileSync(join(directory, 'package.json'), '{"type":"module"}')
    for (const folder of ['core', 'kernels', 'wasm']) {
      mkdirSync(join(directory, folder))
      for (const name of readdirSync(join(source, folder)).filter((name) => /(?<!\.d)\.ts$/.test(name))) {
        const { outputText } = ts.transpileModule(readFileSync(join(source, folder, name), 'utf8'), {
          compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true }
        })
        writeFileSync(join(directory, folder, name.replace(/ts$/, 'js')), outputText)
      }
    }
    writeFileSync(
      join(directory, 'report.mjs'),
      `import { isUtf8 } from 'node:buffer'
       import { availableKernels, createWasmKernels, selectKernels } from './kernels/index.js'
       const natives = { isUtf8, mask: (source, mask, output, offset, length) => {
         for (let i = 0; i < length; i++) output[offset + i] = source[i] ^ mask[i & 3]
       } }
       let error = null
       try { selectKernels('wasm') } catch (e) { error = e.name + ': ' + e.message }
       const octets = Buffer.from('öffentlich')
       const state = selectKernels('auto').maskValidate(octets, 0, octets.length, octets, 0, 0, 0)
       console.log(JSON.stringify({
         missing: createWasmKernels() === null,
         error,
         auto: selectKernels('auto').name,
         autoWithNatives: selectKernels('auto', natives).name,
         available: availableKernels(),
         state
       }))`
    )
  })
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  function report(command: string, ...parameters: string[]): unknown {
    return JSON.parse(
      execFileSync(command, parameters, { cwd: directory, encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } })
    )
  }

  const fallback = {
    missing: true,
    error: expect.stringMatching(/^Error: .*WebAssembly with SIMD.*'auto' or 'js'/) as unknown,
    auto: 'js',
    autoWithNatives: 'native',
    available: ['js'],
    state: 1 << 24
  }

  it('falls back under --jitless, and says why wasm cannot be had', () => {
    expect(report(process.execPath, '--jitless', 'report.mjs')).toEqual(fallback)
  })

  it('falls back where the memory cannot be reserved', () => {
    expect(report('bash', '-c', `ulimit -v 4000000; exec "${process.execPath}" report.mjs`)).toEqual(fallback)
  })

  it('falls back where compiling is forbidden', () => {
    // as under a Content-Security-Policy: the API is there and throws
    writeFileSync(
      join(directory, 'forbidden.mjs'),
      `WebAssembly.Module = class { constructor() { throw new WebAssembly.CompileError('Wasm code generation disallowed by embedder') } }
       await import('./report.mjs')`
    )
    expect(report(process.execPath, 'forbidden.mjs')).toEqual(fallback)
  })

  it('has WebAssembly with nothing in its way', () => {
    expect(report(process.execPath, 'report.mjs')).toMatchObject({
      missing: false,
      error: null,
      auto: 'wasm',
      available: ['wasm', 'js']
    })
  })
})
