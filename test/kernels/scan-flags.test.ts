// The numbers that the kernels in TypeScript and their WebAssembly module have in common.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import * as numbers from '../../src/core/scan-flags.js'
import { assemblyScriptOf } from '../../wasm/shared-numbers.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const read = (file: string): string => readFileSync(join(root, file), 'utf8')

describe('the numbers of the kernels', () => {
  const written = [...read('wasm/scan-flags.ts').matchAll(/^export const (\w+): u32 = (\w+)$/gm)]

  it('are the same in the module as it was built', () => {
    expect(Object.fromEntries(written.map(([, name, value]) => [name, Number(value)]))).toEqual({ ...numbers })
  })

  it('stand nowhere else in its source', () => {
    const names = Object.keys(numbers).join('|')
    for (const file of readdirSync(join(root, 'wasm')).filter((name) => name.endsWith('.ts') && name !== 'scan-flags.ts')) {
      expect(read(join('wasm', file))).not.toMatch(new RegExp(`\\b(const|let) (${names})\\b`))
    }
    expect(read('wasm/scan.ts')).not.toMatch(/\bconst [A-Z_]*(FLAG|SCAN|NON_ASCII)[A-Z_]*: u32 =/)
  })

  it('do not lie upon one another where they are flags', () => {
    const flags = [1, 2, 4, 8, 16]
    const { SCAN_MASKED, SCAN_RSV1, SCAN_FRAGMENTED, SCAN_SKIP_UTF8, SCAN_DEFER_UTF8 } = numbers
    expect([SCAN_MASKED, SCAN_RSV1, SCAN_FRAGMENTED, SCAN_SKIP_UTF8, SCAN_DEFER_UTF8]).toEqual(flags)
    // above what an octet of a header, and a UTF-8 state of three octets, can be
    expect(numbers.NON_ASCII).toBeGreaterThan(0xff)
    expect(numbers.SEEN_NON_ASCII).toBeGreaterThan(0xffffff)
  })
})

describe('assemblyScriptOf', () => {
  it('writes a constant for each exported number', () => {
    const text = '// Comment\n\nexport const A = 1 // why\nconst own = 2\nexport const B_2 = 0x1f\nexport const C = -3\n'
    expect(assemblyScriptOf(text, 'src/some.ts')).toMatch(
      /^\/\/ Generated .* from src\/some\.ts.*\n\nexport const A: u32 = 1\nexport const B_2: u32 = 0x1f\nexport const C: i32 = -3\n$/
    )
  })

  it.each(['export const A = 1 << 4', 'export const a = 1', 'export function f() {}', "export const A = 'a'", 'const A = 1'])(
    'refuses %s',
    (text) => {
      expect(() => assemblyScriptOf(text, 'src/some.ts')).toThrow('src/some.ts')
    }
  )
})
