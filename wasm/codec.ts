// Entry of the codec module.

import { initializeDeflate } from './deflate-block'
import { initializeInflate } from './inflate-table'

export * from './codec-memory'
export { deflate, deflateSets } from './deflate'
export { inflate } from './inflate'
export { isRepeated } from './repeat'

/** Writes the constant tables; to be called once, before anything else. */
export function initialize(): void {
  initializeInflate()
  initializeDeflate()
}
