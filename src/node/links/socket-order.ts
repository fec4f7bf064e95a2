// Keeping the order on a socket that others use beside us: what was sent through the WebSocket leaves before they write, end or destroy.

import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { nodeWrite, nodeWriteChunk } from '../runtime/internals.js'
import { kLink } from '../runtime/symbols.js'
import type { LinkedStream } from './linked-stream.js'

type Method = 'write' | 'end' | 'destroy' | 'destroySoon'

/** One function for all sockets, in front of the method of the socket's class. */
function wrapper(name: Method) {
  return function own(this: LinkedStream, first?: unknown, second?: unknown, third?: unknown): unknown {
    const link = this[kLink]
    if (link !== undefined && this.writable) link.output.flush()
    let prototype = Object.getPrototypeOf(this) as Record<Method, (...args: unknown[]) => unknown>
    // Of an object made with the socket as its prototype
    while (prototype[name] === own) prototype = Object.getPrototypeOf(prototype) as typeof prototype
    return prototype[name].call(this, first, second, third)
  }
}

const write = wrapper('write')
const end = wrapper('end')
const destroy = wrapper('destroy')
const destroySoon = wrapper('destroySoon')

/** Sees to it that sends of the same turn come first; methods that somebody else has put on the socket itself stay as they are. */
export function writeFirst(socket: LinkedStream): void {
  const target = socket as unknown as Record<Method, unknown>
  // Plain assignments cost a tenth of what defining properties does (npm run bench -- handshake)
  if (!Object.hasOwn(target, 'write')) target.write = write
  if (!Object.hasOwn(target, 'end')) target.end = end
  if (!Object.hasOwn(target, 'destroy')) target.destroy = destroy
  if (target.destroySoon !== undefined && !Object.hasOwn(target, 'destroySoon')) target.destroySoon = destroySoon
}

/** Whether nothing but our own method stands between us and Node's: somebody else's might keep what is written. */
export function writesDirectly(socket: Duplex): boolean {
  const method: unknown = socket.write
  const isNodes = (method === write ? (Object.getPrototypeOf(socket) as Duplex).write : method) === nodeWrite
  return isNodes && socket._write === nodeWriteChunk
}

/** Whether the methods of all sockets are Node's own: who replaces one wants to see what is written. */
export function areWritesNodes(): boolean {
  return (Socket.prototype.write as unknown) === nodeWrite && Socket.prototype._write === nodeWriteChunk
}
