// What hostile clients send: much work for few octets.

import { constants, deflateRawSync } from 'node:zlib'
import { clientFrame } from './frames.mjs'

const FIN = 0x80
const RSV1 = 0x40
const BINARY = 2
const PING = 9

const ENOUGH = 256 * 1024

const deflated = (octets) => deflateRawSync(octets, { level: 9, finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4)
const repeated = (frame) => Buffer.concat(Array.from({ length: Math.ceil(ENOUGH / frame.length) }, () => frame))

/** A message in fragments, each of the `size` octets that are next. */
function fragments(first, octets, size) {
  const frames = []
  for (let at = 0; at < octets.length; at += size) {
    const fin = at + size >= octets.length ? FIN : 0
    frames.push(clientFrame((at === 0 ? first : 0) | fin, octets.subarray(at, at + size)))
  }
  return Buffer.concat(frames)
}

/** Text that does not repeat itself, so that its window is full and its codes are long. */
function noise(length) {
  const octets = Buffer.alloc(length)
  for (let i = 0, x = 1; i < length; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0
    octets[i] = 65 + ((x >>> 16) % 23)
  }
  return octets
}

const floods = {
  pings: () => repeated(clientFrame(FIN | PING, Buffer.alloc(0))),
  fragments: () => fragments(BINARY, Buffer.alloc(15_000), 1),
  bombs: () => repeated(clientFrame(FIN | RSV1 | BINARY, deflated(Buffer.alloc(256 * 1024)))),
  'tiny-compressed': () => repeated(clientFrame(FIN | RSV1 | BINARY, deflated(Buffer.from('ab')))),
  'compressed-fragments': () => {
    const message = noise(20_000)
    const whole = clientFrame(FIN | RSV1 | BINARY, deflated(noise(40_000)))
    return Buffer.concat([whole, fragments(RSV1 | BINARY, deflated(message), 1)])
  }
}

/** Frames of the flood of that name, to be sent over and over. */
export const flood = (name) => floods[name]()
