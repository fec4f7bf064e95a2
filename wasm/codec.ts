// Entry of the codec module.

import { initializeDeflate } from './deflate-block'
import { initializeInflate } from './inflate-table'

export * from './codec-memory'
export { deflate } from './deflate'
export { deflateSets } from './deflate-sets'
export { inflate } from './inflate'
export { isRepeated } from './repeat'

/** Writes the constant tables; to be called once, before anything else. */
export function initialize(): void {
  initializeInflate()
  initializeDeflate()
}
