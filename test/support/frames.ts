// Frames for tests (frames.mjs), and lines that say what they hold.

import { CLOSE } from './frames.mjs'
import type { ParsedFrame } from './frames.mjs'

export * from './frames.mjs'

const NAMES: Record<number, string> = { 0: 'continuation', 1: 'text', 2: 'binary', 8: 'close', 9: 'ping', 10: 'pong' }

/** One line that says all a frame holds but its masking key. */
export function describeFrame(frame: ParsedFrame): string {
  const parts = [NAMES[frame.opcode] ?? `opcode ${frame.opcode}`]
  if (!frame.fin) parts.push('no-fin')
  if (frame.rsv) parts.push(`rsv=${frame.rsv}`)
  parts.push(frame.key ? 'masked' : 'unmasked')
  if (frame.lengthOctets) parts.push(`length-octets=${frame.lengthOctets}`)
  if (frame.opcode === CLOSE && frame.payload.length >= 2) {
    parts.push(String(frame.payload.readUInt16BE(0)), describeOctets(frame.payload.subarray(2)))
  } else parts.push(describeOctets(frame.payload))
  return parts.join(' ')
}

/** Octets as quoted text where all are printable ASCII, else in hexadecimal; long ones by length and a checksum. */
export function describeOctets(octets: Uint8Array): string {
  const buffer = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength)
  if (buffer.length > 200) {
    let sum = 0
    for (let i = 0; i < buffer.length; i++) sum = (Math.imul(sum, 31) + buffer[i]) >>> 0
    return `<${buffer.length} octets, sum ${sum.toString(16)}, begin ${describeOctets(buffer.subarray(0, 16))}>`
  }
  return /^[\x20-\x7e]*$/.test(buffer.toString('latin1'))
    ? JSON.stringify(buffer.toString('latin1'))
    : `0x${buffer.toString('hex')}`
}
