// What npm runs as `prepare`: builds dist, unless it is there and what builds it is not (`npm ci --omit=dev` in a checkout).

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')

/** Whether package `name` can be imported from here. */
function isInstalled(name) {
  try {
    return existsSync(fileURLToPath(import.meta.resolve(name)))
  } catch {
    return false
  }
}

const builders = ['assemblyscript/asc', 'rollup', 'typescript', '@rollup/plugin-typescript']

if (existsSync(join(root, 'dist', 'index.cjs')) && !builders.every(isInstalled)) {
  console.log('hybi: dist is there and devDependencies are not, so nothing is built')
} else {
  const { status, error } = spawnSync('npm', ['run', 'build'], { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' })
  if (error) throw error
  process.exitCode = status ?? 1
}
