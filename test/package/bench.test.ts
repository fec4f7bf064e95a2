// The benchmark suite runs and reports; how fast anything is, is not tested.

import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
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
    execFile(process.execPath, ['bench/run.mjs', ...args], { cwd: root, timeout: 90_000 }, (error, stdout, stderr) => {
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
    expect(ended.stdout.trim()).toBe(readFileSync(file('all.md'), 'utf8').trim())
    expect(readdirSync(file('svg')).toSorted()).toEqual(['echo.svg', 'overview.svg', 'send.svg'])
    for (const name of readdirSync(file('svg'))) {
      const svg = readFileSync(join(file('svg'), name), 'utf8')
      expect(svg).toMatch(/^<svg [^]*<\/svg>\s*$/)
      expect(svg).toContain('prefers-color-scheme: dark')
      expect(svg).not.toMatch(/NaN|undefined|Infinity/)
    }
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
