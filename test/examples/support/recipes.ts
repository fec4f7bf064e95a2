// The programs that stand in the documents.

import { copyFileSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { certificate, certificateKey, codeBlocks, freePort, root, start, writeProgram } from './program.js'
import type { CodeBlock, Program, Settings } from './program.js'

export const documents = [
  'README.md',
  'CHANGELOG.md',
  'examples/README.md',
  // doc/bench/README.md is there once figures are published
  ...readdirSync(join(root, 'doc'), { recursive: true, encoding: 'utf8' }).map((name) => `doc/${name.replaceAll('\\', '/')}`)
]
  .filter((name) => name.endsWith('.md'))
  .map((name) => ({ name, text: readFileSync(join(root, name), 'utf8') }))

export interface Recipe {
  title: string
  source: string
  /** What the document says that the program prints, if it says so. */
  output?: string
}

/** The programs of a document, each with the output that stands below it. */
function recipesOf(name: string, blocks: CodeBlock[]): Recipe[] {
  return blocks.flatMap(({ heading, language, line, text: source }, index) => {
    const next = blocks[index + 1]
    const output = next?.language === 'text' && next.heading === heading ? next.text : undefined
    return language === 'js' ? [{ title: `${name}:${line}, ${heading}`, source, output }] : []
  })
}

export const recipes = documents.flatMap(({ name, text }) => recipesOf(name, codeBlocks(text)))

/** Starts a program with the ports that are in its text replaced by free ones, reachable from this machine alone. */
export async function startRecipe({ source }: Recipe, port: number, settings: Settings = {}): Promise<Program> {
  const text = source
    .replace(/port: \d+/g, `$&, host: '127.0.0.1'`)
    .replace(/listen\(\d+/g, `$&, '127.0.0.1'`)
    .replaceAll('8080', String(port))
    .replaceAll('3128', String(await freePort()))
  const file = writeProgram(text)
  copyFileSync(certificate, join(dirname(file), 'cert.pem'))
  copyFileSync(certificateKey, join(dirname(file), 'key.pem'))
  return start(file, { ...settings, cwd: dirname(file) })
}
