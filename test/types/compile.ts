// Compiles fixtures in memory against this package as it is published: its package.json, with src/types as dist.

import { dirname, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const here = dirname(fileURLToPath(import.meta.url))
const root = resolve(here, '../..')

/** One way to compile: `esm` says what a `.ts` file is where the nearest package.json decides. */
export interface Mode {
  name: string
  esm: boolean
  options: ts.CompilerOptions
}

const strict: ts.CompilerOptions = {
  strict: true,
  noEmit: true,
  noImplicitOverride: true,
  skipLibCheck: false,
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2023.d.ts'],
  types: ['node'],
  ignoreDeprecations: '6.0'
}
const { CommonJS, ESNext, Node16, NodeNext } = ts.ModuleKind

export const modes: Mode[] = [
  { name: 'node16, ES modules', esm: true, options: { ...strict, module: Node16 } },
  { name: 'nodenext, CommonJS', esm: false, options: { ...strict, module: NodeNext } },
  {
    name: 'bundler, with the DOM',
    esm: true,
    options: {
      ...strict,
      module: ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      exactOptionalPropertyTypes: true,
      lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts']
    }
  },
  {
    name: 'commonjs, node10',
    esm: false,
    options: { ...strict, module: CommonJS, moduleResolution: ts.ModuleResolutionKind.Node10, esModuleInterop: true }
  },
  {
    name: 'commonjs, node10, without esModuleInterop',
    esm: false,
    options: { ...strict, module: CommonJS, moduleResolution: ts.ModuleResolutionKind.Node10, esModuleInterop: false }
  }
]

/** As the project itself is compiled. */
export const sourceMode: Mode = {
  name: 'bundler',
  esm: false,
  options: { ...strict, module: ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler, verbatimModuleSyntax: true }
}

/** As a bundler compiles for browsers: without Node's types. */
export const browserMode: Mode = {
  name: 'bundler, for browsers',
  esm: true,
  options: {
    ...strict,
    module: ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    customConditions: ['browser'],
    lib: ['lib.es2023.d.ts', 'lib.dom.d.ts'],
    types: []
  }
}

/** The same for code that requires. */
export const browserCommonJsMode: Mode = {
  name: 'browser condition, CommonJS',
  esm: false,
  options: { ...browserMode.options, module: NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext }
}

/** Changes a declaration file before it is read, so that tests can see it matter. */
export type Edit = (fileName: string, text: string) => string

// Files of TypeScript's library and of packages are the same in every program: parsed once.
const parsed = new Map<string, ts.SourceFile>()

/**
 * Compiles fixtures with this package under the names `names` ('ws' in place of @types/ws, say).
 * @returns errors in the fixtures and in this package's declarations, one line each
 */
export function compile(fixtures: string[], mode: Mode, names: string[], edit: Edit = (_fileName, text) => text): string[] {
  const published = new Map<string, string>()
  const own: string[] = []
  for (const name of names) {
    const directory = resolve(here, 'node_modules', name)
    published.set(`${directory}/package.json`, resolve(root, 'package.json'))
    for (const file of ['index.d.cts', 'index.d.mts', 'browser.d.cts', 'browser.d.mts']) {
      published.set(`${directory}/dist/${file}`, resolve(root, 'src/types', file))
      own.push(`${directory}/dist/${file}`)
    }
  }
  const manifest = resolve(here, 'package.json')
  const directories = new Set([resolve(here, 'node_modules')])
  for (const file of published.keys()) {
    for (let directory = dirname(file); !directories.has(directory); directory = dirname(directory)) directories.add(directory)
  }

  const host = ts.createCompilerHost(mode.options)
  const { fileExists, readFile, directoryExists, realpath, getSourceFile } = host
  host.fileExists = (file) => file === manifest || published.has(file) || fileExists(file)
  host.readFile = (file) => {
    if (file === manifest) return JSON.stringify({ type: mode.esm ? 'module' : 'commonjs' })
    const origin = published.get(file)
    return origin === undefined ? readFile(file) : edit(file, readFile(origin) ?? '')
  }
  host.directoryExists = (directory) => directories.has(directory) || directoryExists!(directory)
  host.realpath = (path) => (published.has(path) || directories.has(path) ? path : realpath!(path))
  host.getSourceFile = (file, options, onError) => {
    const shared = file.includes('/node_modules/') && !published.has(file)
    if (!shared) {
      const text = host.readFile(file)
      return text === undefined ? undefined : ts.createSourceFile(file, text, options)
    }
    const { languageVersion, impliedNodeFormat } = options as ts.CreateSourceFileOptions
    const key = `${file} ${languageVersion} ${impliedNodeFormat}`
    const source = parsed.get(key) ?? getSourceFile(file, options, onError)
    if (source) parsed.set(key, source)
    return source
  }

  const program = ts.createProgram({ rootNames: fixtures.map((file) => resolve(here, file)), options: mode.options, host })
  const diagnostics = [...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics()]
  for (const source of program.getSourceFiles()) {
    const checked =
      own.includes(source.fileName) || (source.fileName.startsWith(here) && !source.fileName.includes('/node_modules/'))
    if (checked) diagnostics.push(...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source))
  }
  return diagnostics.map(({ file, start, messageText }) => {
    const text = ts.flattenDiagnosticMessageText(messageText, '\n')
    if (!file) return text
    return `${relative(here, file.fileName)}:${file.getLineAndCharacterOfPosition(start!).line + 1} ${text}`
  })
}
