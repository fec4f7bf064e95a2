// Where and with what the figures were taken: without that they mean nothing.

import os from 'node:os'
import { fileURLToPath } from 'node:url'
import { versions } from './peers.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Processor, system, Node and the versions of the peers. */
export function describeMachine(peers) {
  const cpus = os.cpus()
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cpus: cpus.length,
    memoryGiB: Math.round(os.totalmem() / 1024 ** 3),
    system: `${os.type()} ${os.release().replace(/[-+].*/, '')} ${os.arch()}`,
    node: process.versions.node,
    versions: versions(peers)
  }
}

/** The same in one line. */
export function machineLine({ date, cpu, cpus, memoryGiB, system, node, versions: packages }) {
  const list = Object.entries(packages).map(([name, version]) => `${name} ${version}`)
  return `${cpu}, ${cpus} CPUs, ${memoryGiB} GiB, ${system}; Node.js ${node}; ${list.join(', ')}; ${date}`
}

/** A text without what tells directories of this machine, so that it can be published. */
export const withoutDirectories = (text) => text.replaceAll(root, '').replace(/(file:\/\/)?(?<![\w.])(\/[\w.@+-]+){2,}/g, '…')
