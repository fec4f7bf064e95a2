// Differential fuzz of what a peer may say in permessage-deflate: whole conversations, as this library's inflaters read them and as ws
// does with zlib. `npm run fuzz:conversations -- --messages 1000000 --seed 1 --codec wasm`.
//
// A conversation is a number of messages in fragments cut anywhere, of a compressor that flushes and ends its blocks in every way there
// is, some of them changed or cut. What comes of each fragment has to be the same, octets or error, whatever came before.

import { pathToFileURL } from 'node:url'
import * as pako from 'pako'
import { PerMessageDeflate } from 'ws'
import { plainOctets, randomFrom, strangeBlocks } from './deflate.mjs'

const NOTHING = Buffer.alloc(0)
/** Conversations that are under way at a time: they take turns at random, so that they use the codec's shared memory in between. */
const AT_ONCE = 24

/** Ends of a message behind octets that were flushed to the last: cut, or with a final block of some kind. */
const ENDINGS = [
  // The trailer is left in place, which makes one more empty block
  Buffer.from([0x00, 0x00, 0xff, 0xff]),
  // An empty stored block with BFINAL set, cut (RFC 7692 §7.2.3.4), and not
  Buffer.from([0x00, 0x00, 0xff, 0xff, 0x01]),
  Buffer.from([0x00, 0x00, 0xff, 0xff, 0x01, 0x00, 0x00, 0xff, 0xff]),
  // The same with a fixed code
  Buffer.from([0x00, 0x00, 0xff, 0xff, 0x03, 0x00]),
  // Something behind it
  Buffer.from([0x00, 0x00, 0xff, 0xff, 0x03, 0x00, 0x00]),
  Buffer.from([0x00, 0x00, 0xff, 0xff, 0x01, 0x00, 0x00, 0xff, 0xff, 0x00])
]

/** A peer's compressor, which keeps its history between messages, or not. */
class Compressor {
  constructor(random, windowBits) {
    this.random = random
    this.stream = new pako.ZStream()
    this.recent = NOTHING
    pako.zlibDeflateInit2(this.stream, random(10), 8, -Math.max(9, windowBits), 1 + random(9), random(5))
  }

  /** One message, mostly as RFC 7692 §7.2.1 has it. */
  message(noContextTakeover) {
    const { random } = this
    if (random(25) === 0) return random(3) ? Buffer.of(0) : Buffer.alloc(random(2) * random(4))
    const parts = []
    for (let more = random(4) ? 0 : random(4); more > 0; more--) {
      parts.push(this.write([pako.Z_NO_FLUSH, pako.Z_PARTIAL_FLUSH, pako.Z_SYNC_FLUSH, pako.Z_FULL_FLUSH, pako.Z_BLOCK][random(5)]))
    }
    if (random(8) === 0) {
      parts.push(this.write(pako.Z_FINISH))
      this.begin(random(4) !== 0)
      if (random(2)) parts.push(Buffer.alloc(1))
    } else {
      parts.push(this.write(random(3) ? pako.Z_SYNC_FLUSH : pako.Z_FULL_FLUSH).subarray(0, -4))
      if (random(12) === 0) {
        parts.push(ENDINGS[random(ENDINGS.length)])
        if (random(2)) this.begin(random(4) !== 0)
      }
    }
    if (noContextTakeover && random(30)) this.begin(true)
    return Buffer.concat(parts)
  }

  /** Starts a stream anew; the peer's inflater may or may not have done the same. */
  begin(forgets) {
    pako.zlibDeflateReset(this.stream)
    if (!forgets) pako.zlibDeflateSetDictionary(this.stream, this.recent)
  }

  write(flush) {
    const { random, stream } = this
    const length = [20, 20, 300, 300, 300, 2000, 2000, 10_000, 60_000, 600_000][random(random(12) ? 6 : random(12) ? 9 : 10)]
    const fresh = plainOctets(random, random(length))
    const octets = random(3) ? Buffer.concat([this.recent.subarray(random(this.recent.length + 1)), fresh]) : fresh
    this.recent = Buffer.concat([this.recent, octets]).subarray(-600)
    stream.input = octets
    stream.next_in = 0
    stream.avail_in = octets.length
    const chunks = []
    do {
      stream.output = new Uint8Array(octets.length + 100)
      stream.next_out = 0
      stream.avail_out = stream.output.length
      pako.zlibDeflate(stream, flush)
      chunks.push(stream.output.subarray(0, stream.next_out))
    } while (stream.avail_out === 0)
    return Buffer.concat(chunks)
  }
}

/** Changes or cuts a message in a place. */
function corrupted(random, octets) {
  if (octets.length === 0) return octets
  const at = random(2) ? random(octets.length) : octets.length - 1 - random(Math.min(octets.length, 6))
  const kind = random(4)
  if (kind === 0) return octets.subarray(0, at)
  if (kind === 1) return Buffer.concat([octets.subarray(0, at), Buffer.from([random(256)]), octets.subarray(at)])
  const changed = Buffer.from(octets)
  changed[at] = kind === 2 ? changed[at] ^ (1 << random(8)) : random(256)
  return changed
}

/** The fragments of a message, the empty ones included. */
function cut(random, octets) {
  if (random(3) === 0) return [{ octets, fin: true }]
  const most = [1, 3, 20, 300, octets.length][random(5)]
  const ends = [random(2) ? random(most + 1) : random(octets.length + 1)]
  while (ends[0] < octets.length && ends.length < 40) ends.unshift(ends[0] + random(most + 1))
  ends[0] = octets.length
  return ends.reverse().map((end, i) => ({ octets: octets.subarray(ends[i - 1] ?? 0, end), fin: i === ends.length - 1 }))
}

/** All of a conversation: what was agreed on, and the fragments that come. */
function conversation(random) {
  const windowBits = random(2) ? 15 : 8 + random(8)
  const noContextTakeover = random(2) === 0
  const maxLength = random(5) ? 0 : 1 + random([50, 500, 5000, 20_000][random(4)])
  const compressor = new Compressor(random, windowBits)
  const corruption = [0, 0, 3, 20][random(4)]
  const messages = []
  for (let count = 1 + random(12); count > 0; count--) {
    let octets = random(20) === 0 ? strangeBlocks(random) : compressor.message(noContextTakeover)
    if (corruption > 0 && random(corruption) === 0) octets = corrupted(random, octets)
    messages.push(cut(random, octets))
  }
  return { isServer: random(2) === 0, windowBits, noContextTakeover, maxLength, messages }
}

/** Adds to each fragment what ws makes of it; after an error the message is over, and the next is read by new streams. */
async function inflateByWs({ isServer, windowBits, noContextTakeover, maxLength, messages }) {
  const transform = new PerMessageDeflate({ isServer, maxPayload: maxLength })
  const side = isServer ? 'client' : 'server'
  transform.params = { [`${side}_max_window_bits`]: windowBits, [`${side}_no_context_takeover`]: noContextTakeover }
  for (const message of messages) {
    for (const fragment of message) {
      fragment.expected = await new Promise((resolve) =>
        transform.decompress(fragment.octets, fragment.fin, (error, octets) => resolve(error ?? octets))
      )
      if (fragment.expected instanceof Error) break
    }
  }
  transform.cleanup()
}

/**
 * Says in words how `actual` differs from what ws made; null where it does not, or may:
 * - a message with two faults, the length being one of them: which is found first depends on the size of zlib's chunks;
 * - a distance beyond a window that is not the largest, which zlib refuses only where it crosses chunks: `isFar` is set then.
 */
function difference(expected, actual, { maxLength, windowBits }) {
  if (!(expected instanceof Error) && !(actual instanceof Error)) {
    return expected.equals(actual) ? null : `${actual.length} octets that are not the ${expected.length} of ws`
  }
  const [theirs, ours] = [expected, actual].map((result) =>
    result instanceof Error ? `${result.code}: ${result.message}` : `${result.length} octets`
  )
  if (theirs === ours || (maxLength > 0 && expected instanceof Error && actual instanceof Error)) return null
  if (windowBits < 15 && [theirs, ours].some((text) => text.endsWith('too far back'))) return 'far'
  return `"${ours}" instead of "${theirs}"`
}

/** Reads a conversation fragment by fragment, whenever `next` is called. */
class Reader {
  constructor(codec, conversation) {
    const { windowBits, noContextTakeover, maxLength, messages } = conversation
    this.conversation = conversation
    this.inflater = codec.createInflater({ windowBits, noContextTakeover, zlib: undefined })
    this.maxLength = maxLength > 0 ? maxLength : Infinity
    this.messages = messages
    this.message = 0
    this.fragment = 0
    this.isDone = false
    /** Whether the codec is at work on a fragment; what came of it. */
    this.isWaiting = false
    this.result = null
  }

  /** Whether there is something to do for `next`. */
  get isReady() {
    return !this.isDone && (!this.isWaiting || this.result !== null)
  }

  /** Inflates the next fragment, and compares what came of it if it is there. */
  next() {
    if (!this.isWaiting) {
      const { octets, fin } = this.messages[this.message][this.fragment]
      const given = Buffer.from(octets)
      this.isWaiting = true
      this.result = this.inflater.inflate(given, fin, this.maxLength, (error, output) => (this.result = error ?? output))
      // It is the caller's again
      given.fill(0x55)
    }
    const { result } = this
    if (result === null) return
    this.result = null
    this.isWaiting = false
    this.check(result)
  }

  check(actual) {
    const message = this.messages[this.message]
    const { expected } = message[this.fragment]
    const found = difference(expected, actual, this.conversation)
    if (found === 'far') return this.end()
    if (found !== null) {
      const { isServer, windowBits, noContextTakeover, maxLength } = this.conversation
      const said = this.messages
        .slice(0, this.message + 1)
        .map((fragments) => fragments.map(({ octets }) => octets.toString('base64')).join(' '))
      throw new Error(
        `${found}, in message ${this.message}, fragment ${this.fragment}, of ${JSON.stringify({ isServer, windowBits, noContextTakeover, maxLength })}: ` +
          said.join('\n').slice(-3000)
      )
    }
    this.fragment++
    if (actual instanceof Error || this.fragment === message.length) {
      this.message++
      this.fragment = 0
      if (this.message === this.messages.length) this.end()
    }
  }

  end() {
    this.isDone = true
    this.inflater.close()
  }
}

/** Lets readers take turns at random, and what the codec put off. */
async function readAll(random, readers, deferred) {
  for (let open = readers; open.length > 0; open = open.filter(({ isDone }) => !isDone)) {
    if (deferred.length > 0 && random(2)) deferred.splice(random(deferred.length), 1)[0]()
    const ready = open.filter(({ isReady }) => isReady)
    if (ready.length > 0) {
      const reader = ready[random(ready.length)]
      for (let turns = 1 + random(8); turns > 0 && reader.isReady; turns--) reader.next()
    } else if (deferred.length === 0) await new Promise((resolve) => setImmediate(resolve))
  }
}

/**
 * Runs conversations of `messages` messages altogether; rejects at the first difference, naming the seed that begins with it.
 * @param createCodec gives a codec that may use the function it is given to call back later
 */
export async function fuzzConversations(createCodec, messages, seed, progress = () => {}) {
  const deferred = []
  const codec = createCodec((callback) => deferred.push(callback))
  let done = 0
  let told = 0
  for (let round = seed; done < messages; round = (round + 1) & 0x7fffffff) {
    // Its neighbours' first numbers would resemble it
    const random = randomFrom(Math.imul(round, 0x9e3779b1))
    const conversations = Array.from({ length: AT_ONCE }, () => conversation(random))
    await Promise.all(conversations.map(inflateByWs))
    try {
      await readAll(
        random,
        conversations.map((one) => new Reader(codec, one)),
        deferred
      )
    } catch (error) {
      throw new Error(`seed ${round}: ${error.message}`, { cause: error })
    }
    done += conversations.reduce((sum, one) => sum + one.messages.length, 0)
    if (done >= told + 5000 || done >= messages) progress((told = done))
  }
}

/** The codec on zlib, as far as the package gives it away. */
function zlibCodec({ PerMessageDeflate: Built }) {
  return {
    createInflater({ windowBits, noContextTakeover }) {
      const extension = new Built({ codec: 'zlib' })
      extension.params = { server_max_window_bits: windowBits, server_no_context_takeover: noContextTakeover }
      return extension.transform
    }
  }
}

async function main() {
  const argument = (name, otherwise) => {
    const index = process.argv.indexOf(name)
    return index < 0 ? otherwise : process.argv[index + 1]
  }
  const messages = Number(argument('--messages', 1_000_000))
  const seed = Number(argument('--seed', Date.now() & 0x7fffffff))
  const name = argument('--codec', 'wasm')
  const { createPakoCodec, createWasmCodec } = await import('../../dist/core.node.mjs')
  const { default: hybi } = await import('../../dist/index.mjs')
  const create = {
    wasm: (defer) => createWasmCodec({ defer }),
    pako: (defer) => createPakoCodec({ defer }),
    zlib: () => zlibCodec(hybi)
  }[name]
  if (create === undefined) throw new TypeError(`--codec must be wasm, pako or zlib, not ${name}`)
  const started = performance.now()
  await fuzzConversations(create, messages, seed, (done) => {
    const seconds = (performance.now() - started) / 1000
    process.stdout.write(`\r${name}, seed ${seed}: ${done} of ${messages} messages, ${Math.round(done / seconds)} per second `)
  })
  process.stdout.write('\nno difference\n')
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await main()
