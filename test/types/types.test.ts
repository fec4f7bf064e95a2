import { readdirSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test, vi } from 'vitest'
import { browserCommonJsMode, browserMode, compile, modes, sourceMode, type Mode } from './compile.js'

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

// Entries of these libraries are found by resolvers that read `exports` only
describe.each(modes.filter(({ name }) => !name.includes('node10')))(
  'libraries whose declarations import ws, with $name',
  (mode) => {
    const all = fixtures('libraries', mode)

    test('take the classes of this package for those of @types/ws, and give theirs', () => {
      expect(compile(all, mode, ['hybi'])).toEqual([])
    })

    test('take them where ws is another name of this package, too', () => {
      expect(compile(all, mode, ['hybi', '../../../node_modules/ws'])).toEqual([])
    })
  }
)

test('the browser condition gives a WebSocket with the events of ws, to import and to require', () => {
  expect(compile(['browser/client.ts'], browserMode, ['hybi'])).toEqual([])
  expect(compile(['browser/client.ts'], browserCommonJsMode, ['hybi'])).toEqual([])
})

test('code for both sides compiles under the browser condition as without it', () => {
  for (const mode of [browserMode, browserCommonJsMode, ...modes.filter(({ name }) => name.includes('DOM'))]) {
    expect(compile(['browser/both-sides.ts'], mode, ['hybi'])).toEqual([])
    expect(compile(fixtures('augmentation', mode), mode, ['ws'])).toEqual([])
  }
})

test('the browser condition gives every name that there is without it', () => {
  const exported = (file: string) =>
    [...readFileSync(resolve(here, '../../src/types', file), 'utf8').matchAll(/^ *export (?:import|const|interface) (\w+)/gm)]
      .map(([, name]) => name)
      .sort()
  expect(exported('index.d.mts')).toContain('ClientOptions')
  expect(exported('browser.d.mts')).toEqual(exported('index.d.mts'))
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
      'Base.ChosenClass<T, typeof WebSocket>',
      'Base.ChosenClass<T, typeof Base>'
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
