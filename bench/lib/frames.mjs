// Payloads and prebuilt frames: the load writes them as they are, so that it costs little beside what it measures.

import { deflateRawSync, createDeflateRaw, constants } from 'node:zlib'
import { buildFrame, TEST_KEY } from '../../test/support/frames.mjs'

const TEXT = 0x81
const BINARY = 0x82
const CLOSE = 0x88
const RSV1 = 0x40

const ASCII = 'The quick brown fox jumps over the lazy dog, and a client tells the server so. '
const UTF8 = '漢字かな交じり文、これは試験です。Съешь же ещё этих мягких булок. Größe, naïve café. 👋🌍🚀 Plain words too. '

/** `length` octets of the sample, whole UTF-8 sequences only; the rest is spaces. */
function repeated(sample, length) {
  const octets = Buffer.alloc(length, sample)
  const whole = octets.toString('utf8').replace(/\ufffd+$/, '')
  const end = Buffer.byteLength(whole)
  return end < length ? octets.fill(0x20, end) : octets
}

const WORDS = (
  'the of and to in is you that it was for on are with as this have from or had by but what some we can out other were all when up ' +
  'use your how said deploy server meeting tomorrow latency build ticket review merge release'
).split(' ')

/** Numbers from 0 to below `limit`, the same for the same seed. */
function generator(seed) {
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
}

/** The `index`-th message of a chat as JSON of `length` octets. */
function json(length, index) {
  const random = generator(index)
  const digits = (count) => Array.from({ length: count }, () => random(10)).join('')
  const from = { id: random(5000), name: WORDS[random(WORDS.length)] }
  const head = `{"type":"message","id":"${digits(16)}","room":"R${random(90)}","from":${JSON.stringify(from)},"at":17180${digits(8)},"text":"`
  let text = ''
  while (text.length < length) text += `${WORDS[random(WORDS.length)]} `
  return Buffer.from(`${head}${text.slice(0, length - head.length - 2)}"}`)
}

/**
 * A message's payload.
 * @param kind 'text' (ASCII), 'utf8' (Chinese, Japanese, Russian, emoji and Latin mixed), 'binary' or 'json'
 * @param size in octets
 * @param index which of several messages; only JSON and binary ones differ
 */
export function payload(kind, size, index = 0) {
  if (kind === 'json') return json(size, index)
  if (kind === 'text') return repeated(ASCII, size)
  if (kind === 'utf8') return repeated(UTF8, size)
  const octets = Buffer.alloc(size)
  for (let i = 0, x = index + 1; i < size; i++) {
    x = (x * 1664525 + 1013904223) >>> 0
    octets[i] = x >>> 24
  }
  return octets
}

export const opcodeOf = (kind) => (kind === 'binary' ? BINARY : TEXT)

/** A frame as a server sends it (RFC 6455 §5.2). */
export const serverFrame = (first, content) => buildFrame({ first, payload: content })

/** A frame as a client sends it (RFC 6455 §5.3). */
export const clientFrame = (first, content) => buildFrame({ first, payload: content, key: TEST_KEY })

/** Length of a frame with a payload of `size` octets. */
export const frameLength = (size, masked) => 2 + (size < 126 ? 0 : size < 65_536 ? 2 : 8) + (masked ? 4 : 0) + size

/** A client's close frame with code 1000. */
export const closeFrame = clientFrame(CLOSE, Buffer.of(0x03, 0xe8))

/** Messages compressed one after the other with the history kept, from an empty window, so that the whole list can be sent over and over. */
async function deflatedInContext(messages) {
  const stream = createDeflateRaw()
  const deflated = []
  for (const message of messages) {
    const chunks = []
    const collect = (chunk) => chunks.push(chunk)
    stream.on('data', collect)
    stream.write(message)
    // each message needs the history of the one before it
    await new Promise((resolve) => stream.flush(constants.Z_SYNC_FLUSH, resolve))
    stream.off('data', collect)
    deflated.push(Buffer.concat(chunks).subarray(0, -4))
  }
  stream.close()
  return deflated
}

/**
 * What a client sends: one frame, or 64 different ones where the messages are compressed.
 * @param message {kind, size, compress}; compress: undefined, 'takeover' or 'no-takeover' (RFC 7692 §7.1.1)
 */
export async function clientFrames({ kind, size, compress }) {
  if (compress === undefined) return [clientFrame(opcodeOf(kind), payload(kind, size))]
  const messages = Array.from({ length: 64 }, (_, index) => payload(kind, size, index))
  const deflated =
    compress === 'takeover'
      ? await deflatedInContext(messages)
      : messages.map((message) => deflateRawSync(message, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4))
  return deflated.map((octets) => clientFrame(opcodeOf(kind) | RSV1, octets))
}
