// What is sent to peers of other makes, which give everything back.

import { once } from 'node:events'

export const MAX_PAYLOAD = 2 ** 24

/** Messages of many sizes that refer to each other, text and binary. */
function* messages() {
  const words = (length) =>
    Array.from({ length: Math.ceil(length / 12) + 1 }, (_, i) => `word ${i % 97} of ${length}, é中😀`)
      .join(' ')
      .slice(0, length)
      .toWellFormed?.() ?? ' '.repeat(length)
  for (const length of [0, 1, 5, 125, 126, 1000, 1024, 8192, 8193, 20_000, 65_536, 70_000, 300_000]) {
    yield words(length)
    yield Buffer.from(words(length))
  }
  for (let i = 0; i < 200; i++) yield `{"type":"message","id":${i * 7919},"text":"the same words over and over ${i % 10}"}`
  yield Buffer.from(Uint8Array.from({ length: 50_000 }, (_, i) => ((i * i * 31) ^ (i >> 3)) & 255))
}

/** Sends all messages, some of them in a row, and compares what comes back. */
export async function exchange(ws) {
  if (ws.extensions !== 'permessage-deflate') throw new Error('permessage-deflate was not negotiated')
  const answers = []
  let wanted = () => {}
  ws.on('message', (data, isBinary) => {
    answers.push({ data, isBinary })
    wanted()
  })
  const closed = once(ws, 'close').then(([code, reason]) => {
    throw new Error(`the connection was closed with ${code} ${reason}`)
  })
  closed.catch(() => {})
  let number = 0
  const expected = []
  const compare = async () => {
    while (answers.length < expected.length) await Promise.race([closed, new Promise((resolve) => (wanted = resolve))])
    for (const message of expected.splice(0)) {
      const { data, isBinary } = answers.shift()
      if (isBinary !== (typeof message !== 'string') || !Buffer.from(message).equals(data)) {
        throw new Error(`message ${number} of ${message.length} came back as ${data.length} octets`)
      }
      number++
    }
  }
  for (const message of messages()) {
    ws.send(message)
    expected.push(message)
    if (number < 26 || expected.length === 20) await compare()
  }
  await compare()
  ws.close(1000)
}

/** What hybi's side asks for, in either role. */
export function optionsFor(codec, bits, noTakeover) {
  return {
    maxPayload: MAX_PAYLOAD,
    perMessageDeflate: {
      threshold: 0,
      codec,
      serverMaxWindowBits: bits,
      clientMaxWindowBits: bits,
      // false would refuse a peer that forgets of its own accord
      serverNoContextTakeover: noTakeover || undefined,
      clientNoContextTakeover: noTakeover || undefined
    }
  }
}

/** Every codec with every window of these, and takeover or not. */
export function* variants(windows) {
  for (const codec of ['wasm', 'zlib', 'pako']) {
    for (const bits of windows) {
      for (const noTakeover of [false, true]) yield { codec, bits, noTakeover }
    }
  }
}
