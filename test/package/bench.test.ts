// The benchmark suite runs and reports; how fast anything is, is not tested.

import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'hybi-bench-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

interface Ended {
  code: number
  stdout: string
  stderr: string
}

function bench(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    // no Bun, whatever is installed here
    const env = { ...process.env, BUN: join(directory, 'bun') }
    execFile(process.execPath, ['bench/run.mjs', ...args], { cwd: root, env, timeout: 90_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr })
    })
  })
}

/** Cells of the table below the heading that begins with `heading`, row by row; the rule below the head left out. */
function tableBelow(text: string, heading: string): string[][] {
  const lines = text
    .slice(text.indexOf(`\n${heading}`))
    .split('\n')
    .slice(2)
  const first = lines.findIndex((line) => line.startsWith('|'))
  const end = lines.findIndex((line, index) => index > first && !line.startsWith('|'))
  const rows = lines.slice(first, end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim())
  )
  return rows.filter((_, index) => index !== 1)
}

const NUMBER = /^\d+(\.\d+)?[kM]?$/
const RANGE = /^\d+(\.\d+)?[kM]?(\.\.\d+(\.\d+)?[kM]?)?$/

describe('npm run bench', () => {
  const file = (name: string) => join(directory, name)
  let ended: Ended

  beforeAll(async () => {
    const brief = ['--rounds', '2', '--measure', '20', '--warm-up', '20', '--limit', '60']
    const outputs = ['--json', file('all.json'), '--markdown', file('all.md'), '--svg', file('svg')]
    ended = await bench('w3', 'client-send-64', '--peers', 'ws,hybi', ...brief, ...outputs)
  }, 100_000)

  it('ends well, with its progress on stderr', () => {
    expect(ended.code).toBe(0)
    expect(ended.stderr).toMatch(/\[1\/2\] send: .*\n\[2\/2\] echo: /)
  })

  for (const workload of ['w3', 'client-send-64']) {
    it(`prints a table of ${workload} with rate, cost and ratios for each peer`, () => {
      const [head, ...rows] = tableBelow(ended.stdout, `### ${workload}: `)
      expect(head).toEqual(['peer', 'messages/s', 'min..max', '× ws', 'CPU µs/message', 'min..max', '× ws by CPU'])
      expect(rows.map(([peer]) => peer)).toEqual(['ws', 'hybi'])
      for (const [, rate, rates, byRate, cost, costs, byCost] of rows) {
        for (const cell of [rate, byRate, cost, byCost]) expect(cell).toMatch(NUMBER)
        for (const cell of [rates, costs]) expect(cell).toMatch(RANGE)
      }
      expect(rows[0][3]).toBe('1.00')
      expect(rows[0][6]).toBe('1.00')
    })
  }

  it('sums up by workload and peer, and states machine and versions', () => {
    const [head, ...rows] = tableBelow(ended.stdout, '## Summary')
    expect(head).toEqual(['workload', 'ws', 'hybi'])
    expect(rows.map(([workload]) => workload.split(':')[0])).toEqual(['client-send-64', 'w3'])
    const versionOf = (path: string) =>
      (JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8')) as { version: string }).version
    const versions = `ws ${versionOf('node_modules/ws')}, hybi ${versionOf('.')}`
    expect(ended.stdout).toContain(`Node.js ${process.versions.node}; ${versions};`)
  })

  it('writes JSON, Markdown and charts', () => {
    const { results } = JSON.parse(readFileSync(file('all.json'), 'utf8')) as {
      results: { id: string; peers: { name: string; samples: { rate: number; cpu: number }[] }[] }[]
    }
    expect(results.map(({ id }) => id)).toEqual(['client-send-64', 'w3'])
    for (const { samples } of results.flatMap(({ peers }) => peers)) {
      expect(samples.length).toBeGreaterThan(0)
      for (const { rate, cpu } of samples) expect(rate > 0 && cpu > 0).toBe(true)
    }
    const text = readFileSync(file('all.md'), 'utf8')
    const images = [...text.matchAll(/^!\[.+\]\((.+)\)\n\n/gm)]
    expect(images.map(([, source]) => source)).toEqual(['svg/overview.svg', 'svg/send.svg', 'svg/echo.svg'])
    expect(images.reduce((rest, [image]) => rest.replace(image, ''), text).trim()).toBe(ended.stdout.trim())
    expect(readdirSync(file('svg')).toSorted()).toEqual(['echo.svg', 'overview.svg', 'send.svg'])
    for (const name of readdirSync(file('svg'))) {
      const svg = readFileSync(join(file('svg'), name), 'utf8')
      expect(svg).toMatch(/^<svg [^]*<\/svg>\s*$/)
      expect(svg).toContain('prefers-color-scheme: dark')
      expect(svg).not.toMatch(/NaN|undefined|Infinity/)
    }
  })

  it('goes on where a peer fails or is not there, and says so', async () => {
    const broken = file('broken')
    mkdirSync(broken)
    writeFileSync(join(broken, 'package.json'), '{ "version": "0.0.1" }')
    writeFileSync(
      join(broken, 'index.js'),
      // a server that ends its process after a while
      `const WebSocket = require(${JSON.stringify(join(root, 'node_modules/ws'))})
       let count = 0
       module.exports = class extends WebSocket {}
       module.exports.WebSocketServer = class extends WebSocket.WebSocketServer {
         emit(event, ws, ...rest) {
           if (event === 'connection') ws.on('message', () => ++count > 5000 && process.exit(3))
           return super.emit(event, ws, ...rest)
         }
       }`
    )
    const json = file('broken.json')
    const peers = `ws,bun,broken=${broken},hybi`
    const { code, stdout } = await bench(
      'w3',
      '--peers',
      peers,
      '--rounds',
      '2',
      '--measure',
      '50',
      '--warm-up',
      '300',
      '--json',
      json
    )
    expect(code).toBe(0)
    const [, ...rows] = tableBelow(stdout, '### w3: ')
    expect(rows.map(([peer, rate]) => [peer, NUMBER.test(rate)])).toEqual([
      ['ws', true],
      ['broken', false],
      ['hybi', true]
    ])
    expect(stdout).toContain('\nbroken failed: a process ended (3)\n')
    expect(stdout).toContain('\nbun takes no part: there is no executable of Bun ')
    expect(readFileSync(json, 'utf8')).not.toContain(directory)
  })

  it.runIf(process.platform === 'linux')('says what is missing where too few files may be open', async () => {
    const command = 'ulimit -n 1000 && exec "$0" bench/run.mjs w10 --peers ws'
    const { stdout } = await new Promise<Ended>((resolve) => {
      execFile('sh', ['-c', command, process.execPath], { cwd: root }, (_, stdout, stderr) => resolve({ code: 0, stdout, stderr }))
    })
    expect(stdout).toContain('Not measured: it needs 5064 open files in a process, and 1000 are allowed: see ulimit -n.\n')
  })

  it('says which areas and peers there are where one is not known', async () => {
    const unknown = await bench('echos')
    expect(unknown).toMatchObject({ code: 1, stdout: '' })
    expect(unknown.stderr).toMatch(/there is no area or workload echos; areas: kernels, .*echo/)
    const stranger = await bench('echo', '--peers', 'ws,socket')
    expect(stranger).toMatchObject({ code: 1, stdout: '' })
    expect(stranger.stderr).toMatch(/there is no peer socket; there are ws, /)
  })
})
