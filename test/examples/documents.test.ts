// What the documents say holds: each program in them runs and prints what stands below it, and each link leads somewhere.

import { copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import {
  certificate,
  certificateKey,
  codeBlocks,
  freePort,
  root,
  start,
  writeProgram,
  type CodeBlock,
  type Program
} from './support/program.js'

vi.setConfig({ testTimeout: 30_000 })

const documents = [
  'README.md',
  'CHANGELOG.md',
  'examples/README.md',
  ...readdirSync(join(root, 'doc')).map((name) => `doc/${name}`)
]
  .filter((name) => name.endsWith('.md'))
  .map((name) => ({ name, text: readFileSync(join(root, name), 'utf8') }))

interface Example {
  title: string
  source: string
  /** What the document says that the program prints, if it says so. */
  output?: string
}

/** The programs of a document, each with the output that stands below it. */
function examplesOf(name: string, blocks: CodeBlock[]): Example[] {
  return blocks.flatMap(({ heading, language, line, text: source }, index) => {
    const next = blocks[index + 1]
    const output = next?.language === 'text' && next.heading === heading ? next.text : undefined
    return language === 'js' ? [{ title: `${name}:${line}, ${heading}`, source, output }] : []
  })
}

const examples = documents.flatMap(({ name, text }) => examplesOf(name, codeBlocks(text)))

function example(heading: string): Example {
  return examples.find(({ title }) => title.endsWith(`, ${heading}`))!
}

/** Starts an example with the ports that are in its text replaced by free ones, reachable from this machine alone. */
async function startExample({ source }: Example, port: number): Promise<Program> {
  const text = source
    .replace(/port: \d+/g, `$&, host: '127.0.0.1'`)
    .replace(/listen\(\d+/g, `$&, '127.0.0.1'`)
    .replaceAll('8080', String(port))
    .replaceAll('3128', String(await freePort()))
  const file = writeProgram(text)
  copyFileSync(certificate, join(dirname(file), 'cert.pem'))
  copyFileSync(certificateKey, join(dirname(file), 'key.pem'))
  return start(file, { cwd: dirname(file) })
}

describe('programs whose output the document shows', () => {
  it.each(examples.filter(({ output }) => output !== undefined).map((example) => [example.title, example] as const))(
    '%s',
    async (_, example) => {
      const program = await startExample(example, await freePort())
      expect(await program.ended).toEqual({ code: 0, signal: null, stdout: example.output, stderr: '' })
    }
  )
})

describe('programs whose output the document does not show', () => {
  it('are those that the tests below run', () => {
    expect(examples.filter(({ output }) => output === undefined).map(({ title }) => title.replace(/:\d+/, ''))).toEqual([
      'README.md, A simple server',
      'README.md, A client for the terminal',
      'README.md, Measure the round-trip time'
    ])
  })

  it('are a server and a client for the terminal, which work together until Ctrl-C', async () => {
    const port = await freePort()
    const server = await startExample(example('A simple server'), port)
    await server.printed(/^listening on ws:\/\/localhost:\d+$/m)
    const client = await startExample(example('A client for the terminal'), port)
    client.type('typed\n')
    await client.printed(/^< typed$/m)
    server.interrupt()
    expect(await server.ended).toMatchObject({ code: 0, signal: null, stderr: '' })
    expect(await client.ended).toMatchObject({ code: 0, signal: null, stderr: '' })
  })

  it('measure the round-trip time', async () => {
    const program = await startExample(example('Measure the round-trip time'), await freePort())
    expect(await program.ended).toMatchObject({ code: 0, stdout: expect.stringMatching(/^(\d+\.\d\d ms\n){3}$/), stderr: '' })
  })
})

describe('everything else', () => {
  it('is JSON where it says so', () => {
    const blocks = documents.flatMap(({ text }) => codeBlocks(text)).filter(({ language }) => language === 'json')
    expect(blocks).not.toEqual([])
    for (const { text } of blocks) expect(() => JSON.parse(text)).not.toThrow()
  })

  it('names only npm scripts that there are', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object }
    const named = documents.flatMap(({ text }) => [...text.matchAll(/\bnpm run ([\w:-]+)/g)].map(([, name]) => name))
    expect(named).not.toEqual([])
    for (const name of named) expect(scripts).toHaveProperty([name])
  })

  it('names every export of the package in the reference', async () => {
    const program = writeProgram(`import * as hybi from 'hybi'
      import * as core from 'hybi/core'
      console.log(JSON.stringify([...Object.keys(hybi), ...Object.keys(core)]))`)
    const names = JSON.parse((await start(program).ended).stdout) as string[]
    expect(names).toContain('WebSocketServer')
    expect(names).toContain('Connection')
    const { text } = documents.find(({ name }) => name === 'doc/api.md')!
    expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(text))).toEqual([])
  })

  it('links to files and headings that there are', () => {
    const broken = documents.flatMap(({ name, text }) => {
      const prose = text.replace(/^```[^]*?^```$/gm, '')
      return [...prose.matchAll(/\]\(([^)]+)\)/g)]
        .map(([, target]) => target)
        .filter((target) => !/^https?:/.test(target) && !leadsSomewhere(name, target))
        .map((target) => `${name}: ${target}`)
    })
    expect(broken).toEqual([])
  })
})

/** Whether a link in a document leads to a file of the package and, where it names one, to a heading in it. */
function leadsSomewhere(document: string, link: string): boolean {
  const [path, heading] = link.split('#')
  const file = path === '' ? join(root, document) : join(root, dirname(document), path)
  if (!existsSync(file) || relative(root, file).startsWith('..')) return false
  if (heading === undefined) return true
  const prose = readFileSync(file, 'utf8').replace(/^```[^]*?^```$/gm, '')
  return [...prose.matchAll(/^#+ (.*)$/gm)].some(([, text]) => anchor(text) === heading)
}

/** The name that a heading has in links, as the usual Markdown viewers make it. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')
}
