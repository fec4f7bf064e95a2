// What `npm test` runs. Suites that hold conversations over sockets run once for each set of kernels, and none beside those that keep
// both processors busy.

import { defineConfig } from 'vitest/config'

/** One project: the suites of these folders of test/, after those of projects whose `groupOrder` is lower. */
const project = (name, folders, groupOrder, kernels = '', receiveBuffer = '', handleWrites = '', coalesce = '') => ({
  test: {
    name,
    include: folders.map((folder) => `test/${folder}/**/*.test.ts`),
    // empty: whatever the environment of the run says, the default
    env: { HYBI_KERNELS: kernels, HYBI_RECEIVE_BUFFER: receiveBuffer, HYBI_HANDLE_WRITES: handleWrites, HYBI_COALESCE: coalesce },
    sequence: { groupOrder },
    // a bound for what hangs; what is slow on a busy machine passes
    testTimeout: 30_000,
    hookTimeout: 60_000
  }
})

const SOCKETS = ['node', 'differential']

export default defineConfig({
  test: {
    projects: [
      project('pure', ['core', 'kernels', 'codecs', 'rfc', 'fuzz', 'types'], 0),
      project('wasm', SOCKETS, 1, 'wasm'),
      project('js', SOCKETS, 1, 'js'),
      // through the streams of sockets in both directions, each frame in a write of its own, with whatever kernels there are
      project('data', ['differential'], 1, '', 'off', 'off', 'off'),
      project('package', ['package', 'examples'], 2)
    ]
  }
})
