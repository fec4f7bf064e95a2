import { readdirSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test, vi } from 'vitest'
import { browserMode, compile, modes, sourceMode, type Mode } from './compile.js'

const here = dirname(fileURLToPath(import.meta.url))

// The first program of a mode parses all of Node's types
vi.setConfig({ testTimeout: 60_000 })

/** The fixtures of a directory that can be compiled this way. */
function fixtures(directory: string, mode: Mode): string[] {
  return readdirSync(resolve(here, directory))
    .filter((file) => {
      if (file.endsWith('.mts')) return mode.esm
      // `import = require` is CommonJS, which node16 and nodenext know by the file's name and others by the option
      if (file.endsWith('.cts')) return !mode.esm || mode.name.startsWith('node')
      // A default import of `export =` needs esModuleInterop
      return mode.options.esModuleInterop !== false || !['default-import.ts', 'devtools-transport.ts'].includes(file)
    })
    .map((file) => `${directory}/${file}`)
}

describe.each(modes)('with $name', (mode) => {
  test('programs written against @types/ws compile against it', () => {
    expect(compile(fixtures('dependants', mode), mode, [])).toEqual([])
    expect(compile(fixtures('augmentation', mode), mode, [])).toEqual([])
  })

  test('the same programs compile against this package in place of ws', () => {
    expect(compile(fixtures('dependants', mode), mode, ['ws'])).toEqual([])
  })

  test('a program that adds properties to WebSocket does too', () => {
    expect(compile(fixtures('augmentation', mode), mode, ['ws'])).toEqual([])
  })

  test('programs use what @types/ws lacks, and mistakes in that are errors', () => {
    expect(compile(fixtures('own', mode), mode, ['hybi'])).toEqual([])
  })
})

test('the browser condition gives a WebSocket with the events of ws and without what browsers lack', () => {
  expect(compile(['browser/client.ts'], browserMode, ['hybi'])).toEqual([])
})

test('the declarations for browsers agree with the source, apart from the members named', () => {
  expect(compile(['browser/source.ts'], browserMode, [])).toEqual([])
})

test('the declarations agree with the source, apart from the members named', () => {
  expect(compile(['source/entry.ts'], sourceMode, [])).toEqual([])
})

describe('a mistake is found', () => {
  const [esm, cjs] = modes
  const broken = (fixture: string, mode: Mode, names: string[], from: string, to: string): string[] =>
    compile([fixture], mode, names, (_fileName, text) => text.replaceAll(from, to))

  test('in what a listener is given', () => {
    const errors = broken('dependants/default-import.ts', cjs, ['ws'], 'isBinary: boolean', 'isBinary: string')
    expect(errors.join()).toContain('dependants/default-import.ts')
  })

  test('in the declarations for import', () => {
    const errors = broken(
      'augmentation/augmented.mts',
      esm,
      ['ws'],
      'T extends typeof WebSocket = typeof WebSocket',
      'T extends typeof Base = typeof Base'
    )
    expect(errors.join()).toContain('augmentation/augmented.mts')
  })

  test('inside the declarations themselves', () => {
    const errors = broken('own/additions.ts', esm, ['hybi'], "from 'zlib'", "from 'no-such-module'")
    expect(errors.join()).toContain('dist/index.d.cts')
  })

  test('in a value that ought to be refused', () => {
    const errors = broken('own/additions.ts', cjs, ['hybi'], 'kernels?: KernelsOption', 'kernels?: string')
    expect(errors.join()).toContain("Unused '@ts-expect-error' directive")
  })

  test('in the declarations for browsers', () => {
    const errors = broken('browser/client.ts', browserMode, ['hybi'], 'readonly readyState', 'readonly state')
    expect(errors.join()).toContain('browser/client.ts')
  })
})
