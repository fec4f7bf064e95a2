// What `npm ci` needs of the lock file, whichever registry it asks.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { root } from './support/run.js'

interface Entry {
  version?: string
  resolved?: string
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}

const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, Entry> }

/** Whether a package installed at `place` would find `name` there, or in a folder above. */
function finds(place: string, name: string): boolean {
  const folders = place.split(/\/?node_modules\//).slice(1)
  return [...folders.keys(), folders.length].some(
    (depth) =>
      [...folders.slice(0, depth), name].reduce((path, folder) => `${path}${path && '/'}node_modules/${folder}`, '') in packages
  )
}

it('names every package that another needs, also for systems that this one is not', () => {
  const missing = Object.entries(packages).flatMap(([place, { dependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies }).filter((name) => !finds(place, name))
  )
  expect(missing).toEqual([])
})

it('says of each package its version, and of none where it was downloaded', () => {
  for (const [place, { version, resolved }] of Object.entries(packages)) {
    expect({ place, version, resolved }).toEqual({ place, version: expect.stringMatching(/^\d/) as unknown, resolved: undefined })
  }
})
