// npm run bench:guard -- [revision] [areas or workloads ...]: the build in dist against that of a git revision (HEAD where none is
// given), which is built in a worktree of its own. For use before a merge.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { machineLine, describeMachine } from './lib/machine.mjs'
import { choosePeers } from './lib/peers.mjs'
import { runProgram } from './lib/program.mjs'
import { table } from './lib/report.mjs'
import { median, octets, short } from './lib/statistics.mjs'
import { progressLine, runSuite } from './lib/suite.mjs'
import { chooseWorkloads } from './lib/workloads.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const AREAS = ['receive', 'send', 'echo', 'broadcast', 'handshake', 'memory']

const help = `npm run bench:guard -- [revision] [areas or workloads ...] [options]

Prints how many times less CPU (or memory) the build in dist takes than that of the revision (default: HEAD).
Areas: ${AREAS.join(', ')} where none are named.

  --kernels NAME   auto, wasm, js or native, for both
  --rounds N       default 5
  --measure MS     length of a sample, default 200
  --limit SECONDS  time for everything, the build excepted, default 240
  --least RATIO    exit with 1 where a ratio is below this in every round`

function git(...args) {
  return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()
}

/** Builds a revision in a worktree; gives its directory and how to remove it. */
function build(revision) {
  const directory = path.join(mkdtempSync(path.join(tmpdir(), 'hybi-guard-')), 'tree')
  const remove = () => {
    rmSync(path.dirname(directory), { recursive: true, force: true })
    git('worktree', 'prune')
  }
  try {
    git('worktree', 'add', '--detach', directory, revision)
    symlinkSync(path.join(root, 'node_modules'), path.join(directory, 'node_modules'), 'junction')
    execFileSync('npm', ['run', 'build'], {
      cwd: directory,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32'
    })
    return { directory, remove }
  } catch (error) {
    remove()
    throw new Error(`${revision} could not be built: ${error.stderr || error.message}`, { cause: error })
  }
}

/** Whether a source is newer than what was built of it. */
function distIsOld() {
  const built = statSync(path.join(root, 'dist/index.cjs')).mtimeMs
  return ['src', 'wasm'].some((directory) =>
    readdirSync(path.join(root, directory), { recursive: true }).some(
      (name) => name.endsWith('.ts') && statSync(path.join(root, directory, name)).mtimeMs > built
    )
  )
}

/** One result as a row: the figures of both, the ratio of their medians, and least and most of the rounds. */
function row({ id, title, kind, peers, error }) {
  const [before, after] = peers ?? []
  const failure = error ?? before?.error ?? after?.error
  if (failure !== undefined) return { cells: [`${id}: ${title}`, 'failed', failure.split('\n')[0], '–', '–'] }
  const [key, format] = kind === 'memory' ? ['octets', octets] : ['cpu', (value) => `${short(value)} µs`]
  const figures = ({ samples }) => samples.map((sample) => sample[key])
  const ratio = median(figures(before)) / median(figures(after))
  const count = Math.min(before.samples.length, after.samples.length)
  const ratios = Array.from({ length: count }, (_, round) => figures(before)[round] / figures(after)[round])
  const range = `${Math.min(...ratios).toFixed(2)}..${Math.max(...ratios).toFixed(2)}`
  const cells = [`${id}: ${title}`, format(median(figures(before))), format(median(figures(after))), ratio.toFixed(2), range]
  return { cells, ratio, most: Math.max(...ratios) }
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      kernels: { type: 'string', default: '' },
      rounds: { type: 'string', default: '5' },
      measure: { type: 'string', default: '200' },
      limit: { type: 'string', default: '240' },
      least: { type: 'string', default: '0' },
      help: { type: 'boolean', default: false }
    }
  })
  if (values.help) return console.log(help)
  const [revision = 'HEAD', ...wanted] = positionals
  const commit = git('rev-parse', '--short', `${revision}^{commit}`)
  const workloads = chooseWorkloads('full', wanted.length > 0 ? wanted : AREAS).filter(
    ({ kind }) => kind === undefined || kind === 'memory'
  )
  if (distIsOld()) console.error('guard: dist is older than src or wasm; npm run build makes it anew')
  const progress = progressLine(process.stderr)
  progress.show(`building ${commit}`)
  const { directory, remove } = build(revision)
  // also where a signal ends it
  process.once('exit', remove)
  try {
    const peers = choosePeers([`${commit}=${directory}`, `this=${root}`]).map((peer) => ({
      ...peer,
      env: { ...peer.env, HYBI_KERNELS: values.kernels === 'auto' ? '' : values.kernels }
    }))
    const options = { workloads, peers, peersNamed: true, level: 'full', pin: true, settleMs: 50, warmUpMs: 500 }
    const numbers = { rounds: Number(values.rounds), measureMs: Number(values.measure), limit: Number(values.limit) }
    const results = await runSuite({ ...options, ...numbers }, progress.show)
    progress.clear()
    const rows = results.map(row)
    console.log(`${machineLine(describeMachine(peers))}\n`)
    console.log(table([['workload', commit, 'this', 'times less', 'rounds'], ...rows.map(({ cells }) => cells)]))
    const ratios = rows.flatMap(({ ratio }) => (ratio === undefined ? [] : [ratio]))
    const mean = Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length)
    console.log(`\nGeometric mean of ${ratios.length}: ${mean.toFixed(2)} (above 1, this build takes less than ${commit})`)
    const worse = rows.filter(({ most }) => most < Number(values.least))
    if (worse.length > 0 || rows.some(({ ratio }) => ratio === undefined)) process.exitCode = 1
  } finally {
    remove()
  }
}

await runProgram('guard', main)
