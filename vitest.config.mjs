// What `npm test` runs. Suites that hold conversations over sockets run once for each set of kernels, and some of them once more, through
// the streams of sockets. Every processor gets a file at a time: no test may count on having the machine to itself.

import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

/** The suites that start a process for each case, in which no kernel has anything to do. */
const PROCESSES = ['children', 'leaving-children']

/**
 * The suites of what ws and hybi do with a connection that is open, as far as it depends on how sockets are read and written: what is
 * read in one go, what leaves in which write and when, what is left of both at the end, and what a program sees of the socket. Handshakes
 * end before either begins, and constructors, events as objects and `Receiver` and `Sender` by themselves have no socket.
 */
const STREAMS = [
  ...PROCESSES,
  'closing',
  'deflate',
  'leaving',
  'overrides',
  'private-surface',
  'receiver-events',
  'receiving',
  'sending',
  'socket',
  'stream',
  'timing',
  'violations'
]

const differential = (names) => names.map((name) => `test/differential/${name}.test.ts`)
const inFolders = (...folders) => folders.map((folder) => `test/${folder}/**/*.test.ts`)

/** A project: files that are run with these values of the environment, after all files of projects with a lower `groupOrder`. */
const project = (name, groupOrder, include, env = {}, exclude = []) => ({
  test: {
    name,
    include,
    exclude,
    // empty: whatever the environment of the run says, the default
    env: { HYBI_KERNELS: '', HYBI_RECEIVE_BUFFER: '', HYBI_HANDLE_WRITES: '', HYBI_COALESCE: '', ...env },
    sequence: { groupOrder },
    // a bound for what hangs; what is slow on a busy machine passes
    testTimeout: 120_000,
    hookTimeout: 240_000
  }
})

export default defineConfig({
  test: {
    // Vitest keeps one processor free, so that a machine with two would run one file at a time
    maxWorkers: availableParallelism(),
    globalSetup: ['test/support/run-folder.ts'],
    projects: [
      project('pure', 0, inFolders('core', 'kernels', 'codecs', 'services', 'rfc', 'types')),
      // records what ws does, for the other two
      project('wasm', 0, inFolders('node', 'differential'), { HYBI_KERNELS: 'wasm' }),
      project('js', 1, inFolders('node', 'differential'), { HYBI_KERNELS: 'js' }, differential(PROCESSES)),
      // each frame in a write of its own, with whatever kernels there are
      project('data', 1, differential(STREAMS), {
        HYBI_RECEIVE_BUFFER: 'off',
        HYBI_HANDLE_WRITES: 'off',
        HYBI_COALESCE: 'off'
      }),
      project('package', 1, inFolders('package', 'examples'))
    ]
  }
})
