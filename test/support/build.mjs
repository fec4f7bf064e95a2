// Builds dist, unless it is newer than everything it is built from: tests of the package and of the examples run on it.

import { spawnSync } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** What `npm run build` reads; src/wasm is among what it writes. */
const SOURCES = ['src', 'wasm', 'package.json', 'rollup.config.mjs', 'tsconfig.json']
const BUILT = [
  'dist/index.cjs',
  'dist/index.mjs',
  'dist/core.cjs',
  'dist/core.mjs',
  'dist/browser.mjs',
  'dist/types/isomorphic.d.ts'
]

/** When `path` was last changed, or 0 where there is none; a folder was changed when the latest of its files was. */
function changed(path) {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return 0
  if (!stats.isDirectory()) return stats.mtimeMs
  return Math.max(...readdirSync(path).map((name) => changed(join(path, name))))
}

const sources = Math.max(...SOURCES.map((path) => changed(join(root, path))))
const built = Math.min(...BUILT.map((path) => changed(join(root, path))))

if (built <= sources) {
  console.log('dist is older than its sources: building it')
  const { status, error } = spawnSync('npm', ['run', 'build'], { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' })
  if (error) throw error
  process.exitCode = status ?? 1
}
