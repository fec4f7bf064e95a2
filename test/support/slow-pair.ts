import { Duplex } from 'node:stream'

/** Two streams, each of which reads what is written to the other; a write is done when it was read. */
export function slowPair(): [Duplex, Duplex] {
  class Side extends Duplex {
    other!: Side
    /** Of the write that waits to be read. */
    done: (() => void) | null = null

    override _read(): void {
      const { done } = this
      this.done = null
      done?.()
    }

    override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
      if (this.other.push(Buffer.from(chunk))) setImmediate(done)
      else this.other.done = done
    }

    override _final(done: () => void): void {
      this.other.push(null)
      done()
    }

    override _destroy(error: Error | null, done: (error: Error | null) => void): void {
      setImmediate(() => this.other.destroy())
      done(error)
    }
  }
  const one = new Side()
  const two = new Side()
  one.other = two
  two.other = one
  return [one, two]
}
