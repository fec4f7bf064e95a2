// A TCP proxy that hands on every octet, in order and unchanged, but when and in which pieces it likes: it delays, splits anywhere, merges
// and stalls, each direction by a seed of its own. Where its plan says so, it ends or resets both connections behind a given octet.
// It runs in the process of who opens it, or in a worker thread (`openInWorker`), which keeps its own time.

import net from 'node:net'
import { parentPort, Worker, workerData } from 'node:worker_threads'

/** Octets that are held before reading stops: more than the buffers of sockets, so that senders meet both kinds of waiting. */
const MOST_HELD = 1 << 18
/** Small pieces a direction: enough to cut every header somewhere, few enough for 300 KiB to pass. */
const SMALL_PIECES = 300

/** Integers from 0 to below n, from a seed (xorshift). */
export function randomFrom(seed) {
  let state = seed | 0 || 1
  const random = (n) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % n
  }
  for (let i = 0; i < 8; i++) random(2)
  return random
}

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Of a hundred pieces so many are stalled, wait for some milliseconds, or wait for a turn; and how long a stall is at most. */
const STYLES = {
  quick: { stalls: 0, waits: 2, turns: 30, stallMs: 0 },
  uneven: { stalls: 1, waits: 20, turns: 50, stallMs: 60 },
  slow: { stalls: 3, waits: 50, turns: 80, stallMs: 250 }
}

/** Moves octets from one socket to the other. */
class Direction {
  constructor(link, from, to, { seed, style }) {
    this.link = link
    this.from = from
    this.to = to
    this.random = randomFrom(seed)
    this.style = STYLES[style]
    this.held = []
    this.length = 0
    this.ended = false
    this.smallPieces = SMALL_PIECES
    this.wake = () => {}
    from.on('data', (chunk) => {
      if (link.torn) return
      this.held.push(chunk)
      this.length += chunk.length
      if (this.length > MOST_HELD) from.pause()
      this.wake()
    })
    from.on('end', () => {
      this.ended = true
      this.wake()
    })
    for (const event of ['drain', 'close']) to.on(event, () => this.wake())
  }

  async run() {
    while (!this.link.torn && !this.to.destroyed) {
      if (this.length > 0) {
        await this.wait()
        if (!this.link.torn) await this.forward(this.take(this.pieceLength()))
      } else if (this.ended) {
        this.to.end()
        return
      } else {
        await this.woken()
      }
    }
  }

  woken() {
    return new Promise((resolve) => {
      this.wake = resolve
    })
  }

  async wait() {
    const { stalls, waits, turns, stallMs } = this.style
    const chance = this.random(100)
    if (chance < stalls) await sleep(20 + this.random(stallMs))
    else if (chance < waits) await sleep(1 + this.random(6))
    else if (chance < turns) await turn()
  }

  pieceLength() {
    let most = [this.length, this.length, 64 * 1024, 1500, 16][this.random(5)]
    if (most <= 1500 && this.smallPieces-- <= 0) most = this.length
    return most === this.length ? most : Math.min(this.length, 1 + this.random(most))
  }

  take(length) {
    const all = this.held.length === 1 ? this.held[0] : Buffer.concat(this.held)
    this.length -= length
    this.held = this.length === 0 ? [] : [all.subarray(length)]
    if (this.length < MOST_HELD) this.from.resume()
    return all.subarray(0, length)
  }

  async forward(piece) {
    const { link } = this
    const rest = link.tearBehind - link.forwarded
    if (piece.length >= rest) piece = piece.subarray(0, rest)
    link.forwarded += piece.length
    if (!this.to.write(piece) && !this.to.destroyed) await this.woken()
    if (link.forwarded >= link.tearBehind) link.tear()
  }
}

/** What belongs to one connection of a client. */
class Link {
  torn = false
  /** Octets, in both directions. */
  forwarded = 0

  constructor(plan) {
    this.plan = plan
    this.tearBehind = plan.tearBehind ?? Infinity
    this.sockets = []
  }

  start(near, targetPort) {
    const far = net.connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    this.sockets.push(near, far)
    near.setNoDelay(true)
    // a connection that an end resets, as none does in a session without faults, is reset for the other end, too
    for (const [socket, other] of [
      [near, far],
      [far, near]
    ]) {
      socket.on('error', () => other.resetAndDestroy())
    }
    const [up, down] = this.plan.directions
    void new Direction(this, near, far, up).run()
    void new Direction(this, far, near, down).run()
  }

  tear() {
    this.torn = true
    for (const socket of this.sockets) {
      if (this.plan.tearBy === 'reset') socket.resetAndDestroy()
      else socket.end()
      socket.resume()
    }
  }
}

/**
 * Opens a port of 127.0.0.1 for one connection, which is led to `targetPort`.
 * @param plan `directions`: seed and style of both, from the client first; `tearBehind`, in octets of both, and `tearBy`: 'end' or 'reset'
 */
export function openProxy(plan, targetPort) {
  return new Promise((resolve) => {
    const server = net.createServer({ allowHalfOpen: true })
    server.once('connection', (near) => {
      server.close()
      new Link(plan).start(near, targetPort)
    })
    server.listen(0, '127.0.0.1', () => resolve(server.address().port))
  })
}

/** Like `openProxy`, in a thread; `close` ends it. */
export function openInWorker() {
  const worker = new Worker(new URL(import.meta.url), { workerData: 'chaos proxy' })
  const opened = []
  worker.on('message', (port) => opened.shift()(port))
  return {
    open: (plan, targetPort) =>
      new Promise((resolve) => {
        opened.push(resolve)
        worker.postMessage({ plan, targetPort })
      }),
    close: () => worker.terminate()
  }
}

if (workerData === 'chaos proxy') {
  // in order, for who asked for each
  let last = Promise.resolve()
  parentPort.on('message', ({ plan, targetPort }) => {
    last = last.then(async () => parentPort.postMessage(await openProxy(plan, targetPort)))
  })
}
