// npm run bench: hybi beside other libraries, and the raw socket as the limit. `npm run bench -- --help` tells the rest.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { help, parse } from './lib/arguments.mjs'
import { describeMachine, machineLine, withoutDirectories } from './lib/machine.mjs'
import { absent } from './lib/peers.mjs'
import { runProgram } from './lib/program.mjs'
import { withMeasurements } from './lib/publication.mjs'
import { markdown } from './lib/report.mjs'
import { progressLine, runSuite } from './lib/suite.mjs'

async function main() {
  const options = parse(process.argv.slice(2))
  if (options.help) return console.log(help)
  const report = options.from === undefined ? published(await run(options)) : merged(options.from)
  console.log(markdown(report))
  if (options.json !== undefined) await writeJson(options.json, report)
  let images = []
  if (options.svg !== undefined) {
    const { charts } = await import('./lib/charts.mjs')
    const drawn = await charts(report)
    for (const { name, svg } of drawn) write(path.join(options.svg, `${name}.svg`), svg)
    const folder = path.relative(path.dirname(options.markdown ?? ''), options.svg).replaceAll('\\', '/')
    images = drawn.map(({ area, name, title }) => ({ area, alt: title, source: path.posix.join(folder, `${name}.svg`) }))
  }
  if (options.markdown !== undefined) write(options.markdown, markdown(report, images))
  if (options.readme !== undefined) write(options.readme, withMeasurements(readFileSync(options.readme, 'utf8'), report))
}

/** A report as it is kept: numbers to six digits, errors in one line without directories of this machine. */
function published(report) {
  const kept = (key, value) => {
    if (typeof value === 'number') return Number.isFinite(value) ? Number(value.toPrecision(6)) : null
    return key === 'error' ? withoutDirectories(value.split('\n')[0]) : value
  }
  return JSON.parse(JSON.stringify(report, kept))
}

async function writeJson(file, report) {
  const { format } = await import('prettier')
  write(file, await format(JSON.stringify(report), { parser: 'json', printWidth: 132 }))
}

async function run({ peers, workloads, command, ...options }) {
  const built = new URL('../dist/index.cjs', import.meta.url)
  if (!existsSync(built)) throw new Error('there is no dist: npm run build makes it')
  const missing = absent(peers)
  const present = peers.filter(({ name }) => !Object.hasOwn(missing, name))
  if (present.length === 0) throw new Error(Object.values(missing).join('; '))
  const machine = describeMachine(present)
  const progress = progressLine(process.stderr)
  progress.show(machineLine(machine))
  for (const [name, reason] of Object.entries(missing)) progress.show(`${name} takes no part: ${reason}`)
  const started = performance.now()
  const results = await runSuite({ peers: present, workloads, ...options }, progress.show)
  progress.clear()
  const seconds = Math.round((performance.now() - started) / 1000)
  return { machine, absent: missing, command, seconds, rounds: options.rounds, results }
}

/** The reports of several files as one; they should come from one machine. */
function merged(files) {
  const reports = files.map((file) => JSON.parse(readFileSync(file, 'utf8')))
  const versions = Object.assign({}, ...reports.map(({ machine }) => machine.versions))
  return {
    ...reports[0],
    machine: { ...reports[0].machine, versions },
    seconds: reports.reduce((sum, { seconds }) => sum + seconds, 0),
    results: reports.flatMap(({ results }) => results)
  }
}

function write(file, text) {
  mkdirSync(path.dirname(path.resolve(file)), { recursive: true })
  writeFileSync(file, text)
}

await runProgram('bench', main)
