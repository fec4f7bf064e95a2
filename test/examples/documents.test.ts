// What the documents say holds: each program in them runs and prints what stands below it, and each link leads somewhere.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { additions } from '../differential/differences.js'
import { codeBlocks, freePort, root, start, writeProgram } from './support/program.js'
import { documents, recipes, startRecipe, type Recipe } from './support/recipes.js'

vi.setConfig({ testTimeout: 30_000 })

function recipe(heading: string): Recipe {
  return recipes.find(({ title }) => title.endsWith(`, ${heading}`))!
}

describe('programs whose output the document shows', () => {
  it.each(recipes.filter(({ output }) => output !== undefined).map((example) => [example.title, example] as const))(
    '%s',
    async (_, example) => {
      const program = await startRecipe(example, await freePort())
      expect(await program.ended).toEqual({ code: 0, signal: null, stdout: example.output, stderr: '' })
    }
  )
})

describe('programs whose output the document does not show', () => {
  it('are those that the tests below run', () => {
    expect(recipes.filter(({ output }) => output === undefined).map(({ title }) => title.replace(/:\d+/, ''))).toEqual([
      'README.md, A simple server',
      'README.md, A client for the terminal',
      'README.md, Measure the round-trip time'
    ])
  })

  it('are a server and a client for the terminal, which work together until Ctrl-C', async () => {
    const port = await freePort()
    const server = await startRecipe(recipe('A simple server'), port)
    await server.printed(/^listening on ws:\/\/localhost:\d+$/m)
    const client = await startRecipe(recipe('A client for the terminal'), port)
    client.type('typed\n')
    await client.printed(/^< typed$/m)
    server.interrupt()
    expect(await server.ended).toMatchObject({ code: 0, signal: null, stderr: '' })
    expect(await client.ended).toMatchObject({ code: 0, signal: null, stderr: '' })
  })

  it('measure the round-trip time', async () => {
    const program = await startRecipe(recipe('Measure the round-trip time'), await freePort())
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

  it('describes every file of src/ in the architecture page, and no other', () => {
    const { text } = documents.find(({ name }) => name === 'doc/architecture.md')!
    const named = [...text.matchAll(/`((?:[\w-]+\/)*[\w-]+\.ts)`/g)]
      .map(([, name]) => name)
      .filter((name) => !name.startsWith('test/'))
    const there = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
      .map((name) => name.replaceAll('\\', '/'))
      .filter((name) => /(?<!\.d)\.ts$/.test(name) && !name.startsWith('wasm/'))
    expect(there).toContain('core/receiver.ts')
    expect([...new Set(named)].sort()).toEqual(there.sort())
  })

  it('has each option in the reference', () => {
    const declarations = readFileSync(join(root, 'src/types/index.d.cts'), 'utf8')
    const names = ['ServerSideOptions', 'SocketOptions', 'CommonOptions', 'ServerOptions', 'PerMessageDeflateOptions'].flatMap(
      (name) => {
        const [body] = new RegExp(`^  interface ${name}\\b[^]*?^  }`, 'm').exec(declarations)!
        return [...body.matchAll(/^    (\w+)\??[:(]/gm)].map(([, option]) => option)
      }
    )
    for (const option of ['closeTimeout', 'generateMask', 'perMessageDeflate', 'verifyClient', 'codec'])
      expect(names).toContain(option)
    const { text } = documents.find(({ name }) => name === 'doc/api.md')!
    const rows = [...text.matchAll(/^\| (`[^|]*) \|/gm)].map(([, cell]) => cell).join()
    expect(names.filter((option) => !rows.includes(`\`${option}\``))).toEqual([])
  })

  it('has each environment variable in the reference', () => {
    const names = [...sources().matchAll(/\bprocess\.env\.(\w+)/g)].map(([, name]) => name)
    expect(names).toContain('HYBI_KERNELS')
    const section = sectionOf('doc/api.md', 'Environment variables')
    expect(names.filter((name) => !section.includes(`| \`${name}\``))).toEqual([])
  })

  it('quotes only messages of errors that there are', () => {
    // Literals that go on in the next line are one; what the reference writes as N or … is filled in, as lists are
    const text = sources()
      .replace(/['"`] \+\n\s*['"`]/g, '')
      .replaceAll("\\'", "'")
    const quoted = ['Refusals', 'Errors of the opening handshake', 'Errors of the caller']
      .flatMap((heading) => [...sectionOf('doc/api.md', heading).matchAll(/`([^`]+)`/g)])
      .map(([, message]) => message)
      .filter((message) => message.includes(' ') && !message.startsWith('new '))
    expect(quoted).toContain('The server is not running')
    const parts = quoted.flatMap((message) => message.split(/…|\bN\b|\d+|\([A-Z]+\)|"[a-z]+"/)).map((part) => part.trim())
    expect(parts.filter((part) => /\w{3}/.test(part) && !text.includes(part))).toEqual([])
  })

  it('says up to which size `send` copies', () => {
    const [, limit] = /^export const CALLERS_COPY_LIMIT = (\d+) \* 1024$/m.exec(
      readFileSync(join(root, 'src/core/frame-writer.ts'), 'utf8')
    )!
    const paragraphs = [
      /^\*\*Sending\*\*[^]*?\n\n/m.exec(sectionOf('doc/architecture.md', 'Architecture')),
      /^- `data`:[^]*?(?=^- `)/m.exec(sectionOf('doc/api.md', 'Methods')),
      /^.*Memory of what is sent.*$/m.exec(sectionOf('doc/differences.md', 'In the program'))
    ]
    for (const paragraph of paragraphs) expect(paragraph?.[0]).toContain(` ${limit} KiB`)
  })

  it('lists what hybi adds under "Only in hybi"', () => {
    const section = sectionOf('doc/differences.md', 'Only in hybi')
    expect(additions.filter((name) => !section.includes(`\`${name}\``))).toEqual([])
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

describe('measurements', () => {
  const MARKERS = /(<!-- measurements: .* -->\n)([^]*)(\n<!-- \/measurements -->)/
  const results = join(root, 'doc/bench/results.json')

  /** The README as `npm run bench` writes it from a file of results. */
  async function written(from: string): Promise<string> {
    const file = writeProgram(readFileSync(join(root, 'README.md'), 'utf8').replace(MARKERS, '$1$3'))
    const { code, stderr } = await start(join(root, 'bench/run.mjs'), { args: ['--from', from, '--readme', file] }).ended
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    return readFileSync(file, 'utf8')
  }

  /** One round of a workload, each peer with what a message cost it in µs. */
  const workload = (title: string, cost: Record<string, number>) => ({
    id: title,
    area: 'echo',
    title,
    kind: 'throughput',
    unit: 'message',
    peers: Object.entries(cost).map(([name, cpu]) => ({ name, samples: [{ rate: 1e6 / cpu, cpu, busy: 1 }] }))
  })

  it('in the README are those of doc/bench/results.json, or none where there is no such file', async () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8')
    if (existsSync(results)) expect(readme).toBe(await written(results))
    else expect(MARKERS.exec(readme)![2]).toMatch(/^\nNo figures are published yet\.[^|]*$/)
  })

  it('of compression in the README are those of doc/bench/deflate.json', async () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8')
    const file = writeProgram(readme.replace(/(<!-- compression: .* -->\n)[^]*(\n<!-- \/compression -->)/, '$1$2'))
    const args = ['--from', join(root, 'doc/bench/deflate.json'), '--readme', file]
    const { code, stderr } = await start(join(root, 'bench/deflate.mjs'), { args }).ended
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(readme).toBe(readFileSync(file, 'utf8'))
  })

  it('are written between the markers: ratios in a table, where others lead, and how they were taken', async () => {
    const machine = {
      date: '2020-02-02',
      cpu: 'CPU',
      cpus: 2,
      memoryGiB: 8,
      system: 'Linux',
      node: '20.0.0',
      versions: { ws: '8' }
    }
    const report = {
      machine,
      absent: { bun: 'it is not there' },
      command: 'npm run bench -- --full',
      results: [workload('first', { ws: 10, hybi: 1, net: 0.5 }), workload('second', { ws: 10, websocket: 2, hybi: 8 })]
    }
    const text = MARKERS.exec(await written(writeProgram(JSON.stringify(report))))![2]
    const cells = [...text.matchAll(/^\| (first|second) +\|(.*)\|$/gim)].map(([, , row]) =>
      row.split('|').map((cell) => cell.trim())
    )
    expect(cells).toEqual([
      ['1.0', '–', '–', '–', '–', '**10**', '–', '20'],
      ['1.0', '–', '5.0', '–', '–', '**1.3**', '–', '–']
    ])
    expect(text).toContain('- websocket: second (4.0 times less).')
    expect(text).not.toMatch(/^- .*first/m)
    expect(text).toContain('Bun took no part: it is not there.')
    expect(text).toContain('`npm run bench -- --full` on: CPU, 2 CPUs, 8 GiB, Linux; Node.js 20.0.0; ws 8; 2020-02-02.')
  })
})

/** What stands below a heading of a document, up to the next of its level or above. */
function sectionOf(document: string, heading: string): string {
  const { text } = documents.find(({ name }) => name === document)!
  const [, level, body] = new RegExp(`^(#+) ${heading}\\n([^]*)`, 'm').exec(text)!
  return body.split(new RegExp(`^#{1,${level.length}} `, 'm'))[0]
}

/** All that is written in src/, in one text. */
function sources(): string {
  return readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.startsWith('wasm'))
    .map((name) => readFileSync(join(root, 'src', name), 'utf8'))
    .join('\n')
}

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
