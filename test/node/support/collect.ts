// Garbage collection on demand, so that memory can be told from garbage.

import { setFlagsFromString } from 'node:v8'
import vm from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = vm.runInNewContext('gc') as () => void

/** Octets of all ArrayBuffers in use. */
export async function arrayBufferOctets(): Promise<number> {
  // what one collection finds unreachable is freed behind it
  for (let i = 0; i < 3; i++) {
    collect()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return process.memoryUsage().arrayBuffers
}
