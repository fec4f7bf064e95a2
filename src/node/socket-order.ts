// Keeping the order on a socket that others use beside us: what was sent through the WebSocket leaves before they write, end or destroy.

import type { Duplex } from 'node:stream'
import { kTransport } from './symbols.js'
import type { TransportSocket } from './transport.js'

type Method = 'write' | 'end' | 'destroy' | 'destroySoon'

/** One function for all sockets, in front of the method of the socket's class. */
function wrapper(name: Method) {
  return function (this: TransportSocket, first?: unknown, second?: unknown, third?: unknown): unknown {
    const transport = this[kTransport]
    if (transport !== undefined && this.writable) transport.output.flush()
    const method = (Object.getPrototypeOf(this) as Record<Method, (...args: unknown[]) => unknown>)[name]
    return method.call(this, first, second, third)
  }
}

const write = wrapper('write')
const end = wrapper('end')
const destroy = wrapper('destroy')
const destroySoon = wrapper('destroySoon')

/** Sees to it that sends of the same turn come first; methods that somebody else has put on the socket itself stay as they are. */
export function writeFirst(socket: TransportSocket): void {
  const target = socket as unknown as Record<Method, unknown>
  // One look for all four: plain assignments cost a tenth of what defining properties does (npm run bench -- handshake)
  if (Object.hasOwn(target, 'write') || Object.hasOwn(target, 'end') || Object.hasOwn(target, 'destroy')) return
  target.write = write
  target.end = end
  target.destroy = destroy
  if (target.destroySoon !== undefined) target.destroySoon = destroySoon
}

/** `socket.write` for the transport itself, which has nothing before it: past our own method, and with whatever else is in front. */
export function writeBehind(socket: Duplex, octets: Uint8Array, callback: () => void): void {
  if ((socket.write as unknown) === write) (Object.getPrototypeOf(socket) as Duplex).write.call(socket, octets, callback as never)
  else socket.write(octets, callback)
}
