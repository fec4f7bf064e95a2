import { Duplex } from 'node:stream'

/** Two streams, each of which reads what is written to the other, within the write. */
export function streamPair(): [Duplex, Duplex] {
  const make = (other: () => Duplex): Duplex =>
    new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        if (!other().destroyed && !other().readableEnded) other().push(Buffer.from(chunk))
        done()
      },
      final(done) {
        if (!other().destroyed) other().push(null)
        done()
      },
      destroy(error, done) {
        setImmediate(() => other().destroy())
        done(error)
      }
    })
  const one: Duplex = make(() => two)
  const two: Duplex = make(() => one)
  return [one, two]
}
