// Builds dist: the Node entry once as CommonJS with an ESM wrapper, so that both module systems share its classes; hybi/core in both
// formats, self-contained; the files for browsers; and the declarations.

import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import resolve from '@rollup/plugin-node-resolve'
import typescript from '@rollup/plugin-typescript'

const builtin = new Set([...builtinModules, ...builtinModules.map((name) => `node:${name}`)])

/** Names that `import { … } from 'hybi'` gives: those of ws, and ours. */
const NAMES = [
  'createWebSocketStream',
  'extension',
  'kernels',
  'PerMessageDeflate',
  'Receiver',
  'Refusal',
  'Sender',
  'subprotocol',
  'WebSocket',
  'WebSocketServer'
]

const compile = (compilerOptions = {}) =>
  typescript({
    tsconfig: './tsconfig.json',
    include: ['src/**/*.ts'],
    noEmitOnError: true,
    compilerOptions: { noEmit: false, ...compilerOptions }
  })

/** What bundlers of some age can parse, and so what is promised of the files for browsers. */
const FOR_BROWSERS = { target: 'ES2018', useDefineForClassFields: false }

/** Files that are not compiled: the wrapper and the declarations around it. */
const finish = {
  name: 'finish',
  writeBundle() {
    mkdirSync('dist', { recursive: true })
    writeFileSync(
      'dist/index.mjs',
      `import hybi from './index.cjs'\n\nexport default hybi\nexport const { ${NAMES.join(', ')} } = hybi\n`
    )
    for (const file of ['index.d.cts', 'index.d.mts', 'browser.d.cts', 'browser.d.mts'])
      copyFileSync(`src/types/${file}`, `dist/${file}`)
  }
}

/** hybi/core for Node: ESM over CommonJS, as above; elsewhere core.mjs is loaded as it is. */
const finishCore = {
  name: 'finish-core',
  writeBundle({ format }, bundle) {
    if (format !== 'cjs') return
    const { exports } = Object.values(bundle).find(({ isEntry }) => isEntry)
    writeFileSync('dist/core.node.mjs', `import core from './core.cjs'\n\nexport const {\n  ${exports.join(',\n  ')}\n} = core\n`)
    for (const extension of ['d.mts', 'd.cts']) writeFileSync(`dist/core.${extension}`, `export * from './types/isomorphic.js'\n`)
  }
}

export default [
  {
    input: 'src/index.ts',
    external: (id) => builtin.has(id) || id === 'pako' || id === 'bufferutil',
    output: {
      file: 'dist/index.cjs',
      format: 'cjs',
      exports: 'default',
      esModule: false,
      generatedCode: 'es2015',
      interop: 'default'
    },
    plugins: [compile(), finish]
  },
  {
    input: 'src/isomorphic.ts',
    output: [
      { file: 'dist/core.cjs', format: 'cjs', exports: 'named', esModule: false, generatedCode: 'es2015' },
      { file: 'dist/core.mjs', format: 'es' }
    ],
    plugins: [resolve(), compile(), finishCore]
  },
  {
    input: 'src/browser/index.ts',
    output: { file: 'dist/browser.mjs', format: 'es' },
    plugins: [compile(FOR_BROWSERS)]
  },
  {
    input: 'src/browser/commonjs.ts',
    output: { file: 'dist/browser.cjs', format: 'cjs', exports: 'default', esModule: false, generatedCode: 'es2015' },
    plugins: [compile(FOR_BROWSERS)]
  }
]
