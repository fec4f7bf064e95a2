// Differential fuzz of the WASM codec against node:zlib, both ways: `npm run fuzz:deflate -- --runs 1000000 --seed 1`.
// Each run is one stream: valid, mutated, or made of blocks that no compressor would write. Verdicts and octets have to be the same.

import { constants, deflateRawSync, inflateRawSync } from 'node:zlib'
import { pathToFileURL } from 'node:url'

const TRAILER = Buffer.from([0x00, 0x00, 0xff, 0xff])
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

/** Integers from 0 to below n, from a seed (xorshift). */
export function randomFrom(seed) {
  let state = seed | 0 || 1
  return (n) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % n
  }
}

/** Octets of `length`, of one of several natures. */
export function plainOctets(random, length) {
  const octets = Buffer.alloc(length)
  const kind = random(6)
  if (kind === 0) return octets.fill(random(256))
  if (kind === 1) {
    for (let i = 0; i < length; i++) octets[i] = random(256)
    return octets
  }
  if (kind === 2) {
    for (let i = 0; i < length; i++) octets[i] = random(3) * random(40)
    return octets
  }
  // a few words, over and over
  const words = Array.from({ length: 1 + random(30) }, () =>
    Buffer.from(Array.from({ length: 1 + random(kind * 8) }, () => 32 + random(95)))
  )
  for (let at = 0; at < length;) at += words[random(words.length)].copy(octets, at) || 1
  return octets
}

function someLength(random) {
  const kind = random(20)
  return kind < 10 ? random(200) : kind < 18 ? random(3000) : kind < 19 ? random(20_000) : random(140_000)
}

/** Writes bits, the lowest first. */
class BitWriter {
  octets = []
  bits = 0
  count = 0

  put(value, count) {
    for (let i = 0; i < count; i++) {
      this.bits |= ((value >> i) & 1) << this.count
      if (++this.count === 8) {
        this.octets.push(this.bits)
        this.bits = 0
        this.count = 0
      }
    }
  }

  end() {
    if (this.count > 0) this.octets.push(this.bits)
    return Buffer.from(this.octets)
  }
}

/** Lengths of a complete code for some of `n` symbols; now and then one too many or too few. */
function codeLengths(random, n, longest) {
  const lengths = new Array(n).fill(0)
  const leaves = [0]
  const wanted = 1 + random(Math.min(n, random(3) ? 12 : n))
  while (leaves.length < wanted) {
    const index = random(leaves.length)
    if (leaves[index] >= longest) break
    const length = leaves.splice(index, 1)[0] + 1
    leaves.push(length, length)
  }
  if (leaves.length === 1) leaves[0] = random(8) ? 1 : 0
  for (const length of leaves) lengths[random(n)] = length
  if (random(12) === 0) lengths[random(n)] = random(longest + 1)
  return lengths
}

/** Blocks of every type with contents that are mostly, but not always, allowed. */
export function strangeBlocks(random) {
  const writer = new BitWriter()
  for (let blocks = 1 + random(4); blocks > 0; blocks--) {
    writer.put(random(8) === 0 ? 1 : 0, 1)
    const type = random(40) === 0 ? 3 : random(3)
    writer.put(type, 2)
    if (type === 0) {
      while (writer.count > 0) writer.put(random(2), 1)
      const length = random(5) ? random(40) : random(70_000) & 0xffff
      writer.put(length, 16)
      writer.put(random(20) ? ~length & 0xffff : random(65536), 16)
      for (let i = random(20) ? Math.min(length, 5000) : random(length + 1); i > 0; i--) writer.put(random(256), 8)
    } else {
      if (type === 2) strangeHeader(writer, random)
      // whatever these bits mean in the code
      for (let i = random(200); i > 0; i--) writer.put(random(random(2) ? 256 : 4), 8)
      if (type === 1) writer.put(0, 7)
    }
  }
  return writer.end()
}

function strangeHeader(writer, random) {
  const litlens = random(15) ? 257 + random(30) : 257 + random(32)
  const distances = random(15) ? 1 + random(30) : 1 + random(32)
  const lengths = codeLengths(random, litlens, 15)
  if (random(15)) {
    // an end of the block, in place of another symbol with the same length
    const index = lengths.findIndex((length) => length > 0)
    if (index >= 0 && lengths[256] === 0) {
      lengths[256] = lengths[index]
      lengths[index] = 0
    }
  }
  lengths.push(...codeLengths(random, distances, 15))
  writer.put(litlens - 257, 5)
  writer.put(distances - 1, 5)
  writer.put(15, 4)
  // 0 to 15 in 4 bits each, and sometimes repetitions: 5 bits for the last of them
  const repeats = random(2)
  const precode = new Array(19).fill(4)
  if (repeats) precode[13] = precode[14] = precode[15] = precode[16] = precode[17] = precode[18] = 5
  else precode[16] = precode[17] = precode[18] = 0
  if (repeats) precode[12] = 5
  if (repeats) precode[11] = 5
  if (repeats) precode[10] = 5
  if (random(25) === 0) precode[random(19)] = random(8)
  for (const symbol of ORDER) writer.put(precode[symbol], 3)
  // canonical codes
  const codes = []
  let code = 0
  for (let length = 1; length <= 7; length++) {
    for (let symbol = 0; symbol < 19; symbol++) if (precode[symbol] === length) codes[symbol] = code++
    code <<= 1
  }
  const putSymbol = (symbol) => {
    for (let bit = precode[symbol] - 1; bit >= 0; bit--) writer.put((codes[symbol] >> bit) & 1, 1)
  }
  for (let i = 0; i < lengths.length;) {
    let run = 1
    while (i + run < lengths.length && lengths[i + run] === lengths[i]) run++
    if (repeats && lengths[i] === 0 && run >= 3) {
      const taken = Math.min(run, 138)
      putSymbol(taken < 11 ? 17 : 18)
      if (taken < 11) writer.put(taken - 3, 3)
      else writer.put(taken - 11, 7)
      i += taken
    } else if (repeats && i > 0 && lengths[i] === lengths[i - 1] && run >= 3) {
      const taken = Math.min(run, 6)
      putSymbol(16)
      writer.put(taken - 3, 2)
      i += taken
    } else putSymbol(lengths[i++])
    if (random(3000) === 0) {
      putSymbol(repeats ? 16 : 1)
      writer.put(3, 2)
    }
  }
}

/** A stream to inflate: of zlib or the codec, or blocks of our own; changed or cut in places. */
function stream(random, codec) {
  let octets
  const kind = random(10)
  if (kind === 0) octets = Buffer.from(Array.from({ length: random(200) }, () => random(256)))
  else if (kind < 4) octets = strangeBlocks(random)
  else if (kind < 5) {
    const deflater = codec.createDeflater({ windowBits: 8 + random(8), noContextTakeover: false, zlib: { level: random(10) } })
    octets = Buffer.from(deflater.deflate(plainOctets(random, someLength(random)), true))
    deflater.close()
  } else {
    octets = deflateRawSync(plainOctets(random, someLength(random)), {
      level: random(10),
      memLevel: 1 + random(9),
      strategy: random(5),
      windowBits: 9 + random(7),
      finishFlush: random(4) ? constants.Z_SYNC_FLUSH : constants.Z_FINISH
    })
    if (random(2) && octets.length > 4) octets = octets.subarray(0, -4)
  }
  const changes = random(4)
  for (let i = 0; i < changes && octets.length > 0; i++) {
    const at = random(3) ? random(Math.min(octets.length, 100)) : random(octets.length)
    const change = random(3)
    if (change === 0) octets[at] ^= 1 << random(8)
    else if (change === 1) octets[at] = random(256)
    else octets = octets.subarray(0, at)
  }
  return octets
}

/** zlib's verdict on a message: octets or error, and whether a final block ended it. */
function zlibInflate(octets, dictionary) {
  try {
    const input = Buffer.concat([octets, TRAILER])
    const { buffer, engine } = inflateRawSync(input, {
      finishFlush: constants.Z_SYNC_FLUSH,
      info: true,
      ...(dictionary.length > 0 && { dictionary })
    })
    return { octets: buffer, ended: engine.bytesWritten < input.length }
  } catch (error) {
    return { error }
  }
}

function fail(what, octets) {
  throw new Error(`${what}, with ${octets.length > 3000 ? `${octets.length} octets` : octets.toString('base64')}`)
}

function checkVerdict(random, codec) {
  const input = stream(random, codec)
  const dictionary = random(4) ? Buffer.alloc(0) : plainOctets(random, 1 + random(40_000))
  const expected = zlibInflate(input, dictionary)
  const options = { windowBits: 15, noContextTakeover: random(2) === 0, zlib: { dictionary } }
  const inflater = codec.createInflater(options)
  const actual = inflater.inflate(input, true, Infinity)
  inflater.close()
  if (expected.error !== undefined) {
    if (!(actual instanceof Error)) fail(`inflated what zlib refuses (${expected.error.message})`, input)
    if (actual.message !== expected.error.message) fail(`"${actual.message}" instead of "${expected.error.message}"`, input)
  } else if (actual instanceof Error) fail(`refused ("${actual.message}") what zlib inflates`, input)
  else if (!expected.octets.equals(actual)) fail('inflated otherwise than zlib', input)

  // the same in fragments; after a final block these differ, as the next one begins anew
  if (expected.ended || random(3) === 0) return
  const fragments = codec.createInflater(options)
  const parts = []
  let error = null
  for (let at = 0; error === null && at < input.length;) {
    const next = Math.min(input.length, at + 1 + random(random(2) ? 20 : 3000))
    const part = fragments.inflate(input.subarray(at, next), next === input.length, Infinity)
    if (part instanceof Error) error = part
    else parts.push(part)
    at = next
  }
  fragments.close()
  if (input.length > 0 && (error === null) !== (expected.error === undefined)) fail('another verdict in fragments', input)
  if (error === null && input.length > 0 && !expected.octets.equals(Buffer.concat(parts))) fail('other octets in fragments', input)
}

function checkRoundTrip(random, codec) {
  const windowBits = 8 + random(8)
  const noContextTakeover = random(3) === 0
  const deflater = codec.createDeflater({ windowBits, noContextTakeover, zlib: { level: random(10) } })
  const inflater = codec.createInflater({ windowBits, noContextTakeover, zlib: undefined })
  let history = Buffer.alloc(0)
  for (let messages = 1 + random(4); messages > 0; messages--) {
    const fin = random(4) !== 0
    const fresh = plainOctets(random, someLength(random))
    const message = random(3) ? fresh : Buffer.concat([history.subarray(random(history.length + 1)), fresh])
    const compressed = Buffer.from(deflater.deflate(message, fin))
    if (compressed.length > message.length + 16 + (message.length >> 10)) fail('grew', message)
    const whole = fin ? compressed : compressed.subarray(0, -4)
    const expected = zlibInflate(whole, history.subarray(-(1 << windowBits)))
    if (expected.error !== undefined) fail(`made what zlib refuses ("${expected.error.message}")`, message)
    if (!expected.octets.equals(message)) fail('made what zlib inflates to something else', message)
    const back = inflater.inflate(compressed, fin, message.length)
    if (back instanceof Error) fail(`refused its own ("${back.message}")`, message)
    if (!message.equals(back)) fail('inflated its own to something else', message)
    history = fin && noContextTakeover ? Buffer.alloc(0) : Buffer.concat([history, message]).subarray(-40_000)
  }
  deflater.close()
  inflater.close()
}

/** Runs `runs` cases; throws at the first difference, naming seed and run. */
export function fuzzDeflate(codec, runs, seed, progress = () => {}) {
  const random = randomFrom(seed)
  for (let run = 0; run < runs; run++) {
    try {
      if (random(4) === 0) checkRoundTrip(random, codec)
      else checkVerdict(random, codec)
    } catch (error) {
      throw new Error(`seed ${seed}, run ${run}: ${error.message}`, { cause: error })
    }
    progress(run + 1)
  }
}

async function main() {
  const argument = (name, otherwise) => {
    const index = process.argv.indexOf(name)
    return index < 0 ? otherwise : Number(process.argv[index + 1])
  }
  const runs = argument('--runs', 1_000_000)
  const seed = argument('--seed', Date.now() & 0x7fffffff || 1)
  const { createWasmCodec } = await import('../../dist/core.mjs')
  const codec = createWasmCodec()
  if (codec === null) throw new Error('There is no WebAssembly with SIMD here')
  const started = Date.now()
  fuzzDeflate(codec, runs, seed, (done) => {
    if (done % 10_000 === 0 || done === runs) {
      const seconds = (Date.now() - started) / 1000
      process.stdout.write(`\rseed ${seed}: ${done} of ${runs} streams, ${Math.round(done / seconds)} per second `)
    }
  })
  process.stdout.write('\nno difference\n')
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await main()
