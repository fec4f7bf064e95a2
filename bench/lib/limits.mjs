// What every server and client of the suite agrees on, and what the system allows them.

import { spawnSync } from 'node:child_process'

export const HOST = '127.0.0.1'
/** Largest message, in octets: twice the largest that is sent. */
export const MAX_MESSAGE = 32 * 1024 * 1024

/** Open files that a process has beside its connections, at most. */
const OTHER_FILES = 64

let openFiles

/** How many files (and so connections) a process may have open; infinite where the system does not say. */
function openFilesLimit() {
  // asked of a child: Node raises the limit as far as it may when it starts, and hands that on
  openFiles ??= Number.parseInt(spawnSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).stdout ?? '', 10) || Infinity
  return openFiles
}

/** @throws {Error} where a process may not have so many connections */
export function checkConnections(count) {
  const needed = count + OTHER_FILES
  const limit = openFilesLimit()
  if (needed > limit) throw new Error(`it needs ${needed} open files in a process, and ${limit} are allowed: see ulimit -n`)
}
