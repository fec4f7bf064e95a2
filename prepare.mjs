// Builds dist where that is called for: npm runs it before it packs, `npm test` before the tests, some of which run on dist, and `npm ci`
// and `npm install` run it in a clone, that of a git dependency included. That script is called `preprepare`, not `prepare`: npm runs both
// there, but takes a `prepare` in the manifest of a tarball for one that wants to run where the package is installed, and warns of it.

import { spawnSync } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(fileURLToPath(import.meta.url))

/** What `npm run build` reads, and the last that each of its steps writes. */
const SOURCES = ['src', 'wasm', 'package.json', 'rollup.config.mjs', 'tsconfig.json']
const BUILT = [
  'index.cjs',
  'index.mjs',
  'core.cjs',
  'core.mjs',
  'core.node.mjs',
  'browser.mjs',
  'browser.cjs',
  'types/isomorphic.d.ts'
]

/** When `path` was last changed, in ms; a folder was when the latest of its files was. 0 where there is none. */
function changed(path) {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return 0
  return stats.isDirectory() ? Math.max(...readdirSync(path).map((name) => changed(join(path, name)))) : stats.mtimeMs
}

/** Whether package `name` can be imported from here. */
function isInstalled(name) {
  try {
    return changed(fileURLToPath(import.meta.resolve(name))) > 0
  } catch {
    return false
  }
}

const built = Math.min(...BUILT.map((name) => changed(join(root, 'dist', name))))
const isFresh = built > Math.max(...SOURCES.map((name) => changed(join(root, name))))
const builders = ['assemblyscript/asc', 'rollup', 'typescript', '@rollup/plugin-typescript']

if (built > 0 && !builders.every(isInstalled)) {
  console.log('hybi: dist is there and devDependencies are not, so nothing is built')
} else if (!isFresh) {
  const { status, error } = spawnSync('npm', ['run', 'build'], { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' })
  if (error) throw error
  process.exitCode = status ?? 1
}
