// Tells a message that is deflated for many connections in a row.

import { KEPT } from './codec-memory'

let keptLength: usize = 0

/** Whether the `length` octets at `from`, at most KEPT_SIZE, are those of the call before; they are kept for the next. */
export function isRepeated(from: usize, length: usize): bool {
  if (length == keptLength) {
    let i: usize = 0
    while (i + 16 <= length && !v128.any_true(v128.xor(v128.load(from + i), v128.load(KEPT + i)))) i += 16
    if (i + 16 > length) {
      while (i < length && load<u8>(from + i) == load<u8>(KEPT + i)) i++
      if (i == length) return true
    }
  }
  memory.copy(KEPT, from, length)
  keptLength = length
  return false
}
