// The rules of who may import whom, held against files that break them and files that do not.

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root } from './support/run.js'

/** What a file of each folder must not import, and what it may. */
const RULES: Record<string, { forbidden: string[]; allowed: string[] }> = {
  'src/core/': {
    forbidden: ['../kernels/js.js', '../codecs/pako.js', '../node/data.js', '../browser/index.js', '../wasm/kernels.js'].concat(
      ['node:buffer', 'buffer', 'pako', '../index.js', './folder/file.js', './../node/data.js'] // no way around it either
    ),
    allowed: ['./kernels.js', './header-token.js']
  },
  'src/kernels/': {
    forbidden: ['../core/receiver.js', '../core/codec.js', '../codecs/pako.js', '../node/data.js', '../browser/index.js'].concat([
      'node:buffer',
      'pako'
    ]),
    allowed: [
      '../core/kernels.js',
      '../core/scan-flags.js',
      '../core/constants.js',
      '../core/errors.js',
      '../core/base64.js',
      '../wasm/kernels.js',
      './scan.js'
    ]
  },
  'src/codecs/': {
    forbidden: ['../core/sender.js', '../core/kernels.js', '../kernels/js.js', '../node/data.js', '../browser/index.js'].concat([
      'node:zlib',
      'node:buffer'
    ]),
    allowed: ['../core/codec.js', '../core/constants.js', '../core/errors.js', '../core/base64.js', '../wasm/codec.js', 'pako']
  },
  'src/node/': {
    forbidden: [
      '../browser/index.js',
      '../index.js',
      '../isomorphic.js',
      '../wasm/kernels.js',
      'pako',
      'bufferutil',
      'http'
    ].concat(['../kernels/index.js', '../codecs/wasm.js']),
    allowed: [
      '../core/receiver.js',
      './links/output.js',
      './compat/sender.js',
      'node:http',
      'node:fs/promises',
      './server.js'
    ].concat(['../services/watch.js'])
  },
  'src/node/runtime/': {
    forbidden: ['../delivery/data.js', '../links/output.js', '../compat/sender.js', '../codecs/zlib.js', '../server.js', 'http'],
    allowed: ['../../core/kernels.js', '../../kernels/index.js', 'node:process', './ticks.js']
  },
  'src/node/codecs/': {
    forbidden: ['../../core/sender.js', '../../kernels/js.js', '../delivery/data.js', '../links/output.js', 'pako', 'node:buffer'],
    allowed: ['../../core/codec.js', '../../codecs/pako.js', 'node:zlib', './limiter.js', '../runtime/ticks.js']
  },
  'src/node/delivery/': {
    forbidden: ['../compat/sender.js', '../handshake/address.js', '../codecs/zlib.js', '../websocket.js'],
    allowed: [
      '../../core/runtime.js',
      '../../kernels/index.js',
      '../runtime/ticks.js',
      '../links/link.js',
      'node:buffer',
      './data.js'
    ]
  },
  'src/node/links/': {
    forbidden: [
      '../../kernels/index.js',
      '../delivery/data.js',
      '../compat/sender.js',
      '../handshake/address.js',
      '../websocket.js'
    ],
    allowed: ['../../core/output.js', '../runtime/ticks.js', 'node:net', './slab.js']
  },
  'src/node/compat/': {
    forbidden: ['../../kernels/index.js', '../../codecs/wasm.js', '../handshake/address.js', '../websocket.js', '../server.js'],
    allowed: ['../../core/sender.js', '../runtime/ticks.js', '../delivery/data.js', '../links/output.js', '../codecs/choice.js']
  },
  'src/node/handshake/': {
    forbidden: ['../../kernels/index.js', '../../codecs/wasm.js', '../codecs/choice.js', '../duplex.js', 'http'].concat([
      '../websocket.js',
      '../server.js'
    ]),
    allowed: ['../../core/opening-handshake.js', '../links/output.js', '../compat/sender.js', '../options.js', 'node:http']
  },
  'src/services/': {
    forbidden: ['../node/websocket.js', '../node/delivery/delivery.js', '../node/links/output.js', '../node/options.js'].concat([
      '../kernels/js.js',
      'node:timers',
      'pako'
    ]),
    allowed: [
      '../core/clock.js',
      '../node/delivery/observer.js',
      '../node/links/link.js',
      '../node/runtime/symbols.js',
      './watch.js'
    ]
  },
  'src/browser/': {
    forbidden: ['../core/receiver.js', '../kernels/js.js', '../codecs/pako.js', '../node/data.js', 'node:buffer', 'pako'],
    allowed: ['../core/constants.js', '../core/errors.js']
  },
  'src/wasm/': { forbidden: ['../core/kernels.js', 'node:buffer'], allowed: [] },
  'src/index.ts': {
    forbidden: ['./browser/index.js', './isomorphic.js', './wasm/kernels.js', 'node:http', 'pako'],
    allowed: ['./core/extension.js', './node/websocket.js', './node/runtime/kernels.js', './kernels/index.js']
  },
  'src/isomorphic.ts': {
    forbidden: ['./node/data.js', './browser/index.js', './node/codecs/zlib.js', './codecs/pako.ts', 'node:zlib'],
    allowed: ['./core/receiver.js', './kernels/index.js', './codecs/pako.js', './codecs/wasm.js', 'pako']
  },
  'examples/': { forbidden: ['../src/index.js'], allowed: ['hybi', 'hybi/core', 'node:http', './demo/echo.mjs'] },
  'bench/': { forbidden: ['../src/kernels/js.js'], allowed: ['../dist/core.mjs', 'node:buffer'] }
}

/** The ways to import: all are seen. */
const FORMS: Record<string, (from: string) => string> = {
  import: (from) => `import name from '${from}'\nexport const value = name`,
  'import type': (from) => `import type { Name } from '${from}'\nexport type Value = Name`,
  export: (from) => `export * from '${from}'`,
  'import()': (from) => `export const load = () => import('${from}')`
}

const folder = mkdtempSync(join(tmpdir(), 'hybi-import-rules-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function write(file: string, text: string): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true })
  writeFileSync(join(folder, file), text)
}

/** Name of the file that breaks or keeps a rule by importing `from`; it lies where the rule says, or takes the entry's own place. */
function fileFor(place: string, index: number): string {
  if (!place.endsWith('/')) return join(`case-${index}`, place)
  return join(place, `case-${index}.${place.startsWith('src/') ? 'ts' : 'mjs'}`)
}

interface Case {
  place: string
  from: string
  form: string
  file: string
}

const cases: Case[] = []
for (const [place, { forbidden, allowed }] of Object.entries(RULES)) {
  for (const form of Object.keys(FORMS)) {
    if (form === 'import type' && !place.startsWith('src/')) continue
    for (const from of [...forbidden, ...allowed]) {
      cases.push({ place, from, form, file: fileFor(place, cases.length) })
    }
  }
}

/** Rules broken in each file of the folder. */
let broken: Map<string, string[]>

interface Diagnostic {
  code: string
  filename: string
}

beforeAll(() => {
  const settings = readFileSync(join(root, '.oxlintrc.json'), 'utf8')
  write('.oxlintrc.json', settings)
  for (const { place, file, form, from } of cases) {
    write(file, FORMS[form](from))
    // An entry has one place only: each of its cases is a tree of its own
    if (!place.endsWith('/')) write(file.replace(place, '.oxlintrc.json'), settings)
  }
  // Values in a circle, and types in a circle
  write('src/core/chicken.ts', `import { egg } from './egg.js'\nexport const chicken = () => egg`)
  write('src/core/egg.ts', `import { chicken } from './chicken.js'\nexport const egg = () => chicken`)
  write('src/core/shell.ts', `import type { Yolk } from './yolk.js'\nexport interface Shell { yolk: Yolk }`)
  write('src/core/yolk.ts', `import type { Shell } from './shell.js'\nexport interface Yolk { shell: Shell }`)

  const { stdout } = spawnSync(process.execPath, [join(root, 'node_modules/oxlint/bin/oxlint'), '-f', 'json'], {
    cwd: folder,
    encoding: 'utf8'
  })
  broken = new Map()
  for (const { code, filename } of (JSON.parse(stdout) as { diagnostics: Diagnostic[] }).diagnostics) {
    broken.set(filename, [...(broken.get(filename) ?? []), code])
  }
})

describe.each(Object.keys(RULES))('%s', (place) => {
  const { forbidden, allowed } = RULES[place]
  const own = (from: string) => cases.filter((one) => one.place === place && one.from === from)
  const restricted = (from: string) =>
    own(from)
      .filter(({ file }) => broken.get(file)?.includes('eslint(no-restricted-imports)'))
      .map(({ form }) => form)

  it.each(forbidden)('may not import %s, in any form', (from) => {
    expect(restricted(from)).toEqual(own(from).map(({ form }) => form))
  })

  it('may import what it is made of', () => {
    expect(allowed.filter((from) => restricted(from).length > 0)).toEqual([])
  })
})

describe('a circle of imports', () => {
  it('of values is an error', () => {
    expect(broken.get('src/core/chicken.ts')).toContain('import(no-cycle)')
    expect(broken.get('src/core/egg.ts')).toContain('import(no-cycle)')
  })

  it('of types is one, too', () => {
    expect(broken.get('src/core/shell.ts')).toContain('import(no-cycle)')
    expect(broken.get('src/core/yolk.ts')).toContain('import(no-cycle)')
  })
})
