// permessage-deflate by itself: `npm run bench:deflate`. µs per message and octets on the wire, with context takeover and without, of
// the WASM codec, node:zlib (synchronous, and through its thread pool as ws uses it) and pako; then octets held per connection.

import { constants, createDeflateRaw, createInflateRaw } from 'node:zlib'

const { createPakoCodec, createWasmCodec } = await import('../dist/core.mjs')

const QUICK = process.argv.includes('--quick')
const CONNECTIONS = 16
const HELD_CONNECTIONS = 1000

let state = 20260725
/** Integers from 0 to below n. */
function random(n) {
  state ^= state << 13
  state ^= state >>> 17
  state ^= state << 5
  return (state >>> 0) % n
}
const pick = (list) => list[random(list.length)]
const WORDS =
  'the of and to in is you that it was for on are with as this have from or had by but what some we can out other were all when up use your how said deploy server meeting tomorrow latency build ticket review merge release'.split(
    ' '
  )
const PRODUCTS = 'BTC-USD ETH-USD SOL-USD ADA-EUR XRP-USD LTC-EUR DOT-USD LINK-USD'.split(' ')

const digits = (n) => Array.from({ length: n }, () => random(10)).join('')
const TEXTS = {
  chat(length) {
    let text = `{"type":"message","id":"${digits(16)}","channel":"C${random(90)}","user":{"id":${random(5000)},"name":"${pick(WORDS)}"},"ts":17180${digits(8)},"text":"`
    while (text.length < length - 2) text += `${pick(WORDS)} `
    return `${text.slice(0, length - 2)}"}`
  },
  market(length) {
    let text = `{"type":"l2update","product_id":"${pick(PRODUCTS)}","sequence":10${digits(5)},"time":17180${digits(8)},"changes":[`
    while (text.length < length)
      text += `["${pick(['buy', 'sell'])}","${64000 + random(900)}.${digits(2)}","${random(9)}.${digits(8)}"],`
    return text.slice(0, length)
  },
  html(length) {
    let text = ''
    while (text.length < length) {
      text += `<article class="post post-${random(20)}">\n  <h2><a href="/${pick(WORDS)}/${random(999)}">${pick(WORDS)} ${pick(WORDS)}</a></h2>\n  <p>`
      for (let i = random(40); i > 0; i--) text += `${pick(WORDS)} `
      text += '</p>\n</article>\n'
    }
    return text.slice(0, length)
  },
  source(length) {
    const names = ['frame', 'length', 'offset', 'octets', 'window', 'state', 'count', 'entry']
    let text = ''
    while (text.length < length) {
      const name = pick(names)
      text += pick([
        `  const ${name} = this.${pick(names)}[${random(64)}]\n`,
        `  if (${name} === ${random(256)}) return ${pick(names)} - ${pick(names)}\n`,
        `  for (let i = 0; i < ${name}.length; i++) ${pick(names)}[i] = ${name}[i] ^ 0x${random(65536).toString(16)}\n`,
        `  // ${pick(WORDS)} ${pick(WORDS)} ${pick(WORDS)} ${pick(WORDS)}\n`
      ])
    }
    return text.slice(0, length)
  }
}
const messageOf = (kind, length) =>
  kind === 'noise' ? Buffer.from(Uint8Array.from({ length }, () => random(256))) : Buffer.from(TEXTS[kind](length))

/** zlib without its thread pool, which Node offers for whole streams only: its handle, as the best that could be had of it. */
function syncZlib(create, options) {
  const stream = create(options)
  const output = Buffer.allocUnsafeSlow(1 << 18)
  return (input) => {
    stream._handle.writeSync(constants.Z_SYNC_FLUSH, input, 0, input.length, output, 0, output.length)
    return Buffer.from(output.subarray(0, output.length - stream._writeState[0]))
  }
}

/** zlib as ws uses it: written to, then flushed. */
function asyncZlib(create, options) {
  const stream = create(options)
  let chunks = []
  stream.on('data', (chunk) => chunks.push(chunk))
  return (input) =>
    new Promise((resolve) => {
      stream.write(input)
      stream.flush(constants.Z_SYNC_FLUSH, () => {
        const output = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)
        chunks = []
        resolve(output)
      })
    })
}

const TRAILER = Buffer.from([0, 0, 0xff, 0xff])
const ofCodec = (codec, noContextTakeover) => () => {
  const options = { windowBits: 15, noContextTakeover, zlib: undefined }
  const deflater = codec.createDeflater(options)
  const inflater = codec.createInflater(options)
  return {
    deflate: (input) => deflater.deflate(input, true, () => {}),
    inflate: (input) => inflater.inflate(input, true, Infinity, () => {}),
    close() {
      deflater.close()
      inflater.close()
    }
  }
}
const ofZlib = (wrap) => () => {
  const deflate = wrap(createDeflateRaw, {})
  const inflate = wrap(createInflateRaw, {})
  return {
    deflate: async (input) => (await deflate(input)).subarray(0, -4),
    inflate: (input) => inflate(Buffer.concat([input, TRAILER])),
    close() {}
  }
}

const wasm = createWasmCodec()
const pako = createPakoCodec()
const IMPLEMENTATIONS = {
  wasm: ofCodec(wasm, false),
  'wasm, no takeover': ofCodec(wasm, true),
  'zlib, synchronous': ofZlib(syncZlib),
  'zlib, thread pool': ofZlib(asyncZlib),
  pako: ofCodec(pako, false)
}

const cpu = () => {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** Each message goes over one connection of several in turn, so that no predictor sees the same one again soon. */
async function measure(open, messages, rounds) {
  const connections = Array.from({ length: CONNECTIONS }, open)
  const deflated = []
  const best = { deflate: Infinity, inflate: Infinity }
  let octets = 0
  for (let round = 0; round < rounds; round++) {
    octets = 0
    let start = cpu()
    for (const [i, message] of messages.entries()) {
      const result = connections[i % CONNECTIONS].deflate(message)
      deflated[i] = result instanceof Promise ? await result : result
      octets += deflated[i].length
    }
    best.deflate = Math.min(best.deflate, (cpu() - start) / messages.length)
    start = cpu()
    for (let i = 0; i < messages.length; i++) {
      const result = connections[i % CONNECTIONS].inflate(deflated[i])
      if (result instanceof Promise) await result
    }
    best.inflate = Math.min(best.inflate, (cpu() - start) / messages.length)
  }
  for (const connection of connections) connection.close()
  return { ...best, octets: octets / messages.length }
}

/** Octets of memory that each of many connections holds after a few messages. */
async function held(open) {
  const message = messageOf('chat', 1024)
  globalThis.gc?.()
  const before = process.memoryUsage().rss
  const connections = []
  for (let i = 0; i < HELD_CONNECTIONS; i++) {
    const connection = open()
    connections.push(connection)
    for (let k = 0; k < 10; k++) await connection.inflate(await connection.deflate(message))
  }
  globalThis.gc?.()
  const octets = (process.memoryUsage().rss - before) / HELD_CONNECTIONS
  for (const connection of connections) connection.close()
  return octets
}

console.log('µs of CPU to deflate and to inflate a message, and octets on the wire')
for (const length of QUICK ? [1024] : [256, 1024, 8192, 65536]) {
  for (const kind of QUICK ? ['chat', 'market'] : ['chat', 'market', 'html', 'source', 'noise']) {
    const messages = Array.from({ length: Math.max(32, Math.min(800, 800_000 / length)) }, () => messageOf(kind, length))
    console.log(`\n${kind}, ${length} octets`)
    for (const [name, open] of Object.entries(IMPLEMENTATIONS)) {
      const { deflate, inflate, octets } = await measure(open, messages, QUICK ? 3 : 5)
      console.log(
        `  ${name.padEnd(18)} ${deflate.toFixed(1).padStart(8)} ${inflate.toFixed(1).padStart(8)} ${octets.toFixed(0).padStart(7)}`
      )
    }
  }
}
console.log(
  `\nKiB per connection, ${HELD_CONNECTIONS} live, each after ten messages of 1 KiB${globalThis.gc ? '' : ' (better with --expose-gc)'}`
)
for (const [name, open] of Object.entries(IMPLEMENTATIONS)) {
  console.log(`  ${name.padEnd(18)} ${((await held(open)) / 1024).toFixed(1).padStart(8)}`)
}
