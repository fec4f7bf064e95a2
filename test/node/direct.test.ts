// What a program sees of connections that have no socket until one is asked for: the same as of those that have one from the beginning.

import { describe, expect, test } from 'vitest'
import * as implementation from '../../src/index.js'
import { carryOut, cases } from './support/direct-cases.js'

describe.each(cases)('$name', (one) => {
  test('is told as without', async () => {
    const auto = await carryOut(one, implementation.default, 'auto')
    const off = await carryOut(one, implementation.default, 'off')
    expect(off.lines.filter((line) => line.startsWith('failed'))).toEqual([])
    expect(auto.lines).toEqual(off.lines)
    if (one.isDirect === undefined) return
    expect(auto.ways.length).toBeGreaterThan(0)
    expect(new Set(auto.ways)).toEqual(new Set([one.isDirect]))
    expect(new Set(off.ways)).toEqual(new Set([false]))
  })
})
