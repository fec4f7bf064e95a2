// Values as one line of text each, with what differs from run to run (ports, random keys) taken out.

import { EventEmitter } from 'node:events'
import { describeOctets } from './frames.js'

/** A comparable line for any value an event or callback may carry. */
export function describeValue(value: unknown, depth = 0): string {
  if (typeof value === 'string') return JSON.stringify(withoutPorts(value))
  if (typeof value === 'function') return `function ${value.name || '(anonymous)'}/${value.length}`
  if (typeof value === 'symbol') return String(value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value !== 'object' || value === null) return String(value)
  if (value instanceof Error) return describeError(value)
  if (Buffer.isBuffer(value)) return `Buffer ${describeOctets(value)}`
  if (value instanceof ArrayBuffer) return `ArrayBuffer ${describeOctets(new Uint8Array(value))}`
  if (ArrayBuffer.isView(value)) {
    return `${value.constructor.name} ${describeOctets(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))}`
  }
  if (typeof Blob !== 'undefined' && value instanceof Blob) return `Blob(size ${value.size}, type ${JSON.stringify(value.type)})`
  if (depth > 4) return '…'
  if (Array.isArray(value)) return `[${value.map((one) => describeValue(one, depth + 1)).join(', ')}]`
  if (value instanceof Set) return `Set ${describeValue([...value], depth)}`
  const name = Object.getPrototypeOf(value)?.constructor?.name
  if (value instanceof EventEmitter || (name !== undefined && name !== 'Object')) return name
  return `{${Object.entries(value)
    .map(([key, one]) => `${key}: ${describeValue(one, depth + 1)}`)
    .join(', ')}}`
}

/** Class, code and message: what a program can tell one error from another by. */
export function describeError(error: Error): string {
  const { code } = error as Error & { code?: unknown }
  const name = error.constructor.name === error.name ? error.name : `${error.constructor.name} (${error.name})`
  return `${name}${code === undefined ? '' : ` [${String(code)}]`}: ${withoutPorts(error.message)}`
}

/** Ports of the loopback addresses, which the system chooses, replaced by a word. */
export function withoutPorts(text: string): string {
  return text
    .replace(/(127\.0\.0\.1|localhost|::1\]?|\bother\.localhost):\d+/g, '$1:<port>')
    .replace(/\/tmp\/[^\s:]*\.sock/g, '<socket path>')
}

/** Header lines with random keys (checked for their form) and dates replaced. */
export function describeHeaderLine(line: string): string {
  return withoutPorts(line)
    .replace(
      /^(Sec-WebSocket-Key: )(.*)$/i,
      (_, name: string, key: string) => `${name}${/^[+/0-9A-Za-z]{22}==$/.test(key) ? '<key>' : key}`
    )
    .replace(/^(Date: ).*$/i, '$1<date>')
}
