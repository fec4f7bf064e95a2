// What there is once in a process, however often the package is loaded: twice in a tree of dependencies, anew at each hot reload, or for
// each test file.

import process from 'node:process'

/**
 * The thing of this name, which the first to ask makes; whoever loaded the package again finds it. A worker has things of its own.
 * @param name ends in a number that goes up whenever what copies of different versions expect of the thing changes: `'kernels.1'`
 */
export function processWide<T>(name: string, make: () => T): T {
  const key = Symbol.for(`hybi.${name}`)
  const things = process as unknown as Record<symbol, { value: T } | undefined>
  const known = things[key]
  if (known !== undefined) return known.value
  const value = make()
  // Not by assignment: nobody who lists what `process` has should see it. A frozen `process` does not take it, and each copy has its own
  Reflect.defineProperty(process, key, { value: { value }, configurable: true })
  return value
}
