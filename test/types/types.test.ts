import { readdirSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { compile, modes, type Mode } from './compile.js'

const here = dirname(fileURLToPath(import.meta.url))

/** The fixtures of a directory that can be compiled this way: `export =` and `import = require` are CommonJS only. */
function fixtures(directory: string, mode: Mode): string[] {
  return readdirSync(resolve(here, directory))
    .filter((file) => {
      if (file.endsWith('.cts')) return !mode.esm || mode.name.startsWith('node')
      if (file.endsWith('.mts')) return mode.esm
      return !file.startsWith('default') || mode.options.esModuleInterop !== false
    })
    .map((file) => `${directory}/${file}`)
}

describe.each(modes)('the declarations under $name', (mode) => {
  test('programs in the manner of dependants compile against @types/ws', () => {
    expect(compile(fixtures('dependants', mode), mode, [])).toEqual([])
  })
  test('an augmentation compiles against @types/ws', () => {
    expect(compile(fixtures('augmentation', mode), mode, [])).toEqual([])
  })
  test('an augmentation unchanged', () => {
    expect(compile(fixtures('augmentation', mode), mode, ['ws'])).toEqual([])
  })
  test('and unchanged against these', () => {
    expect(compile(fixtures('dependants', mode), mode, ['ws'])).toEqual([])
  })
})
