// Counts what a connection writes, for those of which somebody wants to know.

import { isWriting } from './handle-write.js'
import { SocketOutput } from './output.js'

const kCounter = Symbol('hybi.counter')

interface Counted extends SocketOutput {
  [kCounter]?: { octetsSent: number }
}

const { flush } = SocketOutput.prototype

/** Adds to `counter.octetsSent` what leaves from here on. An output has one counter, the last. */
export function countOctets(output: SocketOutput, counter: { octetsSent: number }): void {
  const counted = output as Counted
  counted[kCounter] = counter
  counted.flush = flushAndCount
}

/** Everything leaves through `flush`, which leaves it there for later while a hook of the program's is in the middle of a write. */
function flushAndCount(this: Counted): void {
  const length = this.gatheredLength
  if (length > 0 && !isWriting(this.socket)) this[kCounter]!.octetsSent += length
  flush.call(this)
}
