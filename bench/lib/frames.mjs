// Payloads and prebuilt frames: the load writes them as they are, so that it costs little beside what it measures.

import { deflateRawSync, createDeflateRaw, constants } from 'node:zlib'

const MASKING_KEY = [0x37, 0xfa, 0x21, 0x3d]
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

/** One JSON message of about `length` octets, the `index`-th of a chat. */
function json(length, index) {
  const record = {
    type: 'message',
    id: 100_000 + index * 7,
    user: `user-${(index * 13) % 40}`,
    room: 'general',
    at: 1.7e12 + index * 977
  }
  const words = ASCII.split(' ')
  let text = ''
  for (let i = index * 31; text.length < length - JSON.stringify(record).length - 12; i++)
    text += `${words[(i * i + index) % words.length]} `
  return Buffer.from(JSON.stringify({ ...record, text }))
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

function header(first, length, masked) {
  const extended = length < 126 ? 0 : length < 65536 ? 2 : 8
  const octets = Buffer.alloc(2 + extended + (masked ? 4 : 0))
  octets[0] = first
  octets[1] = (masked ? 0x80 : 0) | (extended === 0 ? length : extended === 2 ? 126 : 127)
  if (extended === 2) octets.writeUInt16BE(length, 2)
  else if (extended === 8) octets.writeUIntBE(length, 4, 6)
  if (masked) octets.set(MASKING_KEY, 2 + extended)
  return octets
}

/** A frame as a server sends it (RFC 6455 §5.2). */
export function serverFrame(first, content) {
  return Buffer.concat([header(first, content.length, false), content])
}

/** A frame as a client sends it (RFC 6455 §5.3). */
export function clientFrame(first, content) {
  const masked = Buffer.alloc(content.length)
  for (let i = 0; i < content.length; i++) masked[i] = content[i] ^ MASKING_KEY[i & 3]
  return Buffer.concat([header(first, content.length, true), masked])
}

/** Length of a frame with a payload of `size` octets. */
export const frameLength = (size, masked) => header(0, size, masked).length + size

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
