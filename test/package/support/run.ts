// Programs that tests start and wait for.

import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

/** The package's own folder. */
export const root = fileURLToPath(new URL('../../../', import.meta.url))

export interface Settings {
  cwd?: string
  env?: Record<string, string | undefined>
}

export interface Ending {
  /** Exit code; null where a signal ended it. */
  code: number | null
  stdout: string
  stderr: string
}

/** Runs a program to its end; what the environment of the tests says of kernels and natives does not reach it. */
export function run(file: string, args: string[], { cwd = root, env = {} }: Settings = {}): Promise<Ending> {
  const inherited = { ...process.env }
  for (const name of [
    'HYBI_KERNELS',
    'HYBI_RECEIVE_BUFFER',
    'HYBI_HANDLE_WRITES',
    'HYBI_COALESCE',
    'WS_NO_BUFFER_UTIL',
    'NODE_OPTIONS',
    'NODE_ENV',
    'VITEST'
  ])
    delete inherited[name]
  return new Promise((resolve) => {
    const child = execFile(
      file,
      args,
      { cwd, env: { ...inherited, FORCE_COLOR: '0', ...env }, timeout: 300_000 },
      (error, stdout, stderr) => {
        resolve({ code: child.exitCode, stdout, stderr: child.exitCode === null ? `${String(error)}\n${stderr}` : stderr })
      }
    )
  })
}

/** What a program prints that is expected to end well. */
export async function output(file: string, args: string[], settings?: Settings): Promise<string> {
  const { code, stdout, stderr } = await run(file, args, settings)
  if (code !== 0) throw new Error(`${file} ${args.join(' ')} ended with ${code}\n${stdout}\n${stderr}`)
  return stdout
}

/** What a Node program prints, which is JSON. `import` statements make it an ES module. */
export async function evaluate(source: string, settings: Settings & { flags?: string[] } = {}): Promise<unknown> {
  const type = /^\s*import /m.test(source) ? 'module' : 'commonjs'
  const stdout = await output(process.execPath, [...(settings.flags ?? []), `--input-type=${type}`, '-e', source], settings)
  return JSON.parse(stdout)
}

/** npm without what it does besides: it asks nobody about fundings, audits and newer versions of itself. */
export function npm(args: string[], settings?: Settings): Promise<Ending> {
  return run('npm', [...args, '--no-fund', '--no-audit', '--no-update-notifier', '--loglevel=error'], settings)
}

/** A new folder outside the package; it is removed when the test is over. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hybi-package-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
