// Load of messages that are answered: each reply, or each message that has reached everybody, makes room for a new one.

import { openAll } from './connections.mjs'
import { clientFrames } from './frames.mjs'

/** Octets to send, `count` frames at a time, over and over. */
export class Ring {
  constructor(frames, atOnce) {
    const list = []
    while (list.length < atOnce || list.length % frames.length !== 0) list.push(...frames)
    this.octets = list.length === 1 ? list[0] : Buffer.concat(list)
    this.ends = [0]
    for (const frame of list) this.ends.push(this.ends.at(-1) + frame.length)
    this.size = list.length
    // frames that are all the same may be taken from the front each time
    this.uniform = frames.length === 1
  }
}

/** Counts whole replies in octets that come in any pieces. */
export class FixedLengthCounter {
  #length
  #partial = 0
  constructor(length) {
    this.#length = length
  }
  count(octets, start, end) {
    const total = this.#partial + end - start
    const replies = Math.floor(total / this.#length)
    this.#partial = total - replies * this.#length
    return replies
  }
}

/** The same where replies differ in length: reads the frame headers of a server. */
class FrameCounter {
  octets = 0
  replies = 0
  #left = 0
  #header = Buffer.alloc(10)
  #have = 0
  count(octets, start, end) {
    this.octets += end - start
    let replies = 0
    while (start < end) {
      if (this.#left > 0) {
        const step = Math.min(this.#left, end - start)
        this.#left -= step
        start += step
        if (this.#left === 0) replies++
        continue
      }
      this.#header[this.#have++] = octets[start++]
      if (this.#have < 2) continue
      if (this.#header[0] < 0x80) throw new Error('a reply came in fragments')
      const short = this.#header[1] & 0x7f
      if (this.#have < (short < 126 ? 2 : short === 126 ? 4 : 10)) continue
      this.#left = short < 126 ? short : short === 126 ? this.#header.readUInt16BE(2) : this.#header.readUIntBE(4, 6)
      this.#have = 0
      if (this.#left === 0) replies++
    }
    this.replies += replies
    return replies
  }
}

/** Connections on which replies are counted, until none is due. */
class CountedLoad {
  connections = []
  running = false
  #failed = null
  #settle = () => {}

  /** Opens `count` of them; calls `onReplies(connection, replies)` for whole replies, as counted by what `makeCounter()` gives. */
  async connect(target, count, makeCounter, onReplies) {
    this.connections = await openAll(target, count)
    this.sockets = this.connections.map(({ socket }) => socket)
    for (const connection of this.connections) {
      const counter = makeCounter()
      connection.counter = counter
      connection.onOctets = (octets, start, end) => {
        const replies = counter.count(octets, start, end)
        if (replies > 0) onReplies(connection, replies)
      }
      connection.socket.on('close', () => {
        this.#failed ??= connection.error ?? new Error('the server closed a connection')
        this.#settle()
      })
    }
  }

  /** No reply is due any more. */
  settle() {
    this.#settle()
  }

  #untilSettled() {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('replies did not come')), 20_000)
      this.#settle = () => {
        clearTimeout(timer)
        if (this.#failed === null) resolve()
        else reject(this.#failed)
      }
    })
  }

  /** Sends what `sendOne` sends and waits for the replies; that to the first connection is compared with `expected`. */
  async once(expected) {
    const [first] = this.connections
    const received = []
    const { onOctets } = first
    if (expected !== undefined) {
      first.onOctets = (octets, start, end) => {
        received.push(Buffer.from(octets.subarray(start, end)))
        onOctets(octets, start, end)
      }
    }
    const settled = this.#untilSettled()
    this.sendOne()
    await settled
    first.onOctets = onOctets
    if (expected !== undefined && !Buffer.concat(received).equals(expected))
      throw new Error('the reply is not the message that was sent')
  }

  async stop() {
    if (this.#failed !== null) throw this.#failed
    const settled = this.#untilSettled()
    this.running = false
    this.stopped()
    await settled
  }

  stopped() {}
}

/** Connections that keep `depth` messages under way each and write a new one for each reply. */
export class EchoLoad extends CountedLoad {
  #ring
  #depth
  #outstanding = 0

  static async open({ count, depth, message, replyLength, ...target }) {
    const frames = message.octets === undefined ? await clientFrames(message) : [Buffer.from(message.octets)]
    const load = new EchoLoad()
    load.#ring = new Ring(frames, depth)
    load.#depth = depth
    const makeCounter = () => (replyLength === undefined ? new FrameCounter() : new FixedLengthCounter(replyLength))
    await load.connect({ ...target, compress: message.compress }, count, makeCounter, (connection, replies) => {
      if (load.running) return load.#write(connection, replies)
      load.#outstanding -= replies
      if (load.#outstanding === 0) load.settle()
    })
    for (const connection of load.connections) connection.position = 0
    return load
  }

  /** Mean length of a reply's frame, in octets, where replies differ. */
  get replyLength() {
    const sum = (key) => this.connections.reduce((total, { counter }) => total + counter[key], 0)
    return sum('octets') / sum('replies')
  }

  #write(connection, count) {
    const { octets, ends, size, uniform } = this.#ring
    let from = uniform ? 0 : connection.position
    while (count > 0) {
      const to = Math.min(from + count, size)
      connection.socket.write(octets.subarray(ends[from], ends[to]))
      count -= to - from
      from = to === size ? 0 : to
    }
    connection.position = from
  }

  #send(depth) {
    this.#outstanding = depth * this.connections.length
    for (const connection of this.connections) this.#write(connection, depth)
  }

  sendOne() {
    this.#send(1)
  }

  start() {
    this.running = true
    this.#send(this.#depth)
  }
}

/** Connections that all get what the last of them sends; `depth` messages are under way until all have them. */
export class BroadcastLoad extends CountedLoad {
  #octets
  #length
  #depth
  #published = 0
  #delivered = 0
  #due = false

  static async open({ count, depth, message, replyLength, ...target }) {
    const load = new BroadcastLoad()
    const frames = new Ring(await clientFrames(message), depth)
    load.#octets = frames.octets
    load.#length = frames.ends[1]
    load.#depth = depth
    const makeCounter = () => new FixedLengthCounter(replyLength)
    await load.connect(target, count, makeCounter, (_connection, replies) => {
      load.#delivered += replies
      if (load.#due) return
      load.#due = true
      setImmediate(load.#publish)
    })
    return load
  }

  #publish = () => {
    this.#due = false
    const complete = Math.floor(this.#delivered / this.connections.length)
    if (this.running) this.#write(complete + this.#depth - this.#published)
    else if (complete === this.#published) this.settle()
  }

  #write(count) {
    if (count === 0) return
    this.#published += count
    this.connections.at(-1).socket.write(this.#octets.subarray(0, count * this.#length))
  }

  sendOne() {
    this.#write(1)
  }

  start() {
    this.running = true
    this.#write(this.#depth)
  }

  stopped() {
    setImmediate(this.#publish)
  }
}
