// `node test/majors/run.mjs [--install] [--only=words]`: suite.mjs on every supported major of Node, over TCP and TLS, through their
// streams or past them, with both kernel sets, and with connections that have sockets from the beginning. Majors other than the one that
// runs this come from npm (a package whose content is the binary): `--install` fetches what is missing into node_modules/.cache, without
// it a missing major is named and left out. With `--outputFile.json=path` the count is also written there, as a test runner writes it.

import { execFile, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const MAJORS = ['20', '22', '24', '26']
const TRANSPORTS = ['tcp', 'tls']
const WAYS = ['shared', 'off']
const KERNELS = ['wasm', 'js']
/** A run takes a few seconds, or minutes beside others that keep the processors busy. */
const LIMIT_MS = 300_000

const here = dirname(fileURLToPath(import.meta.url))
const root = join(here, '../..')
const cache = join(root, 'node_modules/.cache/node-majors')
const [ownMajor] = process.versions.node.split('.')

/** Not below node_modules, where the package could not import itself. */
const suite = join(root, '.tmp/majors/suite.mjs')

const binaryOf = (major) => (major === ownMajor ? process.execPath : join(cache, `node_modules/node${major}/bin/node`))

function install(majors) {
  mkdirSync(cache, { recursive: true })
  // one command for all, as npm removes what it is not told of
  const wanted = majors.map((major) => `node${major}@npm:node-${process.platform}-${process.arch}@${major}`)
  const flags = ['--no-save', '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  const { status, error } = spawnSync('npm', ['install', '--prefix', cache, ...flags, ...wanted], { stdio: 'inherit' })
  if (error ?? status !== 0) console.log(`npm could not install Node ${majors.join(', ')}`, error ?? '')
}

/** What a run says: its version of Node and its cases. */
function runSuite({ major, transport, way, kernels, direct }) {
  const env = {
    ...process.env,
    HYBI_RECEIVE_BUFFER: way,
    HYBI_HANDLE_WRITES: way === 'off' ? 'off' : 'auto',
    HYBI_KERNELS: kernels,
    HYBI_DIRECT: direct
  }
  const args = [suite, ...(transport === 'tls' ? ['--tls'] : []), ...process.argv.filter((one) => one.startsWith('--only='))]
  return new Promise((resolve) => {
    execFile(
      binaryOf(major),
      args,
      { env, timeout: LIMIT_MS, killSignal: 'SIGKILL', maxBuffer: 1 << 24 },
      (error, stdout, stderr) => {
        const [, passed, failed] = /^(\d+) passed, (\d+) failed$/m.exec(stdout) ?? [null, 0, 0]
        const result = { passed: Number(passed), failed: Number(failed), faults: [] }
        let fault = null
        for (const line of stdout.split('\n')) {
          if (line.startsWith('not ok')) result.faults.push((fault = [line]))
          else if (fault !== null && line.startsWith('  #')) fault.push(line)
        }
        // It crashed, had to be ended, or never came to its count
        if ((error !== null && result.failed === 0) || result.passed + result.failed === 0) {
          result.failed++
          result.faults.push([String(error ?? 'no count'), ...stdout.trim().split('\n').slice(-3), stderr])
        }
        result.faults = result.faults.map((lines) => lines.join('\n'))
        resolve(result)
      }
    )
  })
}

const started = Date.now()
const others = MAJORS.filter((major) => major !== ownMajor)
if (process.argv.includes('--install') && !others.every((major) => existsSync(binaryOf(major)))) install(others)

const majors = MAJORS.filter((major) => existsSync(binaryOf(major)))
const versions = new Map(
  majors.map((major) => [major, spawnSync(binaryOf(major), ['--version'], { encoding: 'utf8' }).stdout?.trim()])
)
const columns = TRANSPORTS.flatMap((transport) =>
  WAYS.flatMap((way) => KERNELS.map((kernels) => ({ transport, way, kernels, direct: 'auto' })))
)
columns.push({ transport: 'tcp', way: 'shared', kernels: 'wasm', direct: 'off' })
const runs = majors.flatMap((major) => columns.map((column) => ({ major, ...column })))

await build({
  entryPoints: [join(here, 'suite.mjs')],
  outfile: suite,
  bundle: true,
  platform: 'node',
  format: 'esm',
  external: ['hybi']
})
const pending = runs.values()
async function work() {
  for (const run of pending) run.result = await runSuite(run)
}
await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, work))

const nameOf = ({ transport, way, kernels, direct }) => `${transport} ${way} ${direct === 'off' ? 'sockets' : kernels}`
const row = (cells) => console.log(cells.map((cell, i) => (i === 0 ? cell.padEnd(10) : cell.padStart(16))).join(''))
let passed = 0
let failed = 0
row(['', ...columns.map(nameOf)])
for (const major of majors) {
  const results = runs.filter((run) => run.major === major).map(({ result }) => result)
  row([versions.get(major) ?? major, ...results.map((one) => (one.failed > 0 ? `${one.failed} FAILED` : `${one.passed}`))])
  for (const result of results) {
    passed += result.passed
    failed += result.failed
  }
}
// what fails in the same way in many runs is told once
const faults = new Map()
for (const run of runs) {
  for (const fault of run.result.faults) {
    const text = fault.split('\n').slice(0, 20).join('\n')
    const title = text
      .split('\n')
      .slice(0, 2)
      .join('\n')
      .replace(/^not ok \d+/, '')
    if (!faults.has(title)) faults.set(title, { text, where: [] })
    faults.get(title).where.push(`Node ${run.major} ${nameOf(run)}`)
  }
}
for (const { text, where } of faults.values()) console.log(`\n${where.join(', ')}:\n${text}`)
if (faults.size > 0) console.log()
for (const major of MAJORS) {
  if (majors.includes(major)) continue
  console.log(`Node ${major} is not there${process.argv.includes('--install') ? '' : ': --install fetches it'}`)
  if (process.argv.includes('--install')) failed++
}
console.log(`${Math.round((Date.now() - started) / 1000)} s`)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 && passed > 0 ? 0 : 1

const report = process.argv.find((argument) => argument.startsWith('--outputFile.json='))
if (report !== undefined) {
  const path = report.slice(report.indexOf('=') + 1)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, JSON.stringify({ numPassedTests: passed, numFailedTests: failed, testResults: [] }))
}
