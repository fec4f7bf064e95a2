// Reading sockets straight into one region that all connections share, in the kernels' own memory if they have one.
//
// It saves a 64 KiB allocation for each read and the way through the readable stream. Node has this for `net.connect({ onread })` only;
// here it is set on sockets that are there already, which is internal API: every piece is looked for, and if one is missing
// sockets are read by their 'data' events.

import { Buffer } from 'node:buffer'
import { Socket } from 'node:net'
import process from 'node:process'
import type { Kernels, KernelsMemory } from '../../core/kernels.js'
import { findReceiveKeys, handleOf, isHandle } from '../runtime/internals.js'
import { processWide } from '../runtime/process-wide.js'

/** `'auto'`: if it is known to work; `'shared'`: the same, but an Error if it is not; `'off'`: 'data' events always. */
export type ReceiveBufferChoice = 'auto' | 'shared' | 'off'

const CHOICES: readonly unknown[] = ['auto', 'shared', 'off']

/** What holds if the option is not given: HYBI_RECEIVE_BUFFER as it was when the program started. */
const DEFAULT_CHOICE = (process.env.HYBI_RECEIVE_BUFFER || 'auto') as ReceiveBufferChoice

const REGION_SIZE = 256 * 1024
/** What TLS gives at once, in octets: the content of one record (RFC 8446 §5.1). */
const RECORD_SIZE = 16 * 1024

/** Handles that give as much at once as there is room for. */
const DIRECT_HANDLES: readonly string[] = ['TCP', 'Pipe']

/** Octets that sockets read into: `view`, which is `octets[start, ...)`. */
export interface ReceiveRegion {
  readonly view: Uint8Array
  readonly octets: Uint8Array
  readonly start: number
  /** Most octets of one read: if there were as many, there may be more. */
  readonly readSize: number
}

/** Called with the number of octets that were read, which are in the region until it calls others; false stops reading. */
type ReadCallback = (this: Socket, length: number) => boolean

/** @throws {TypeError} for a value that is no choice */
export function checkReceiveBuffer(option: ReceiveBufferChoice | null | undefined): void {
  const choice = option ?? DEFAULT_CHOICE
  if (!CHOICES.includes(choice)) {
    throw new TypeError(`Invalid value for option "receiveBuffer": ${String(choice)} (must be one of "auto", "shared", "off")`)
  }
  if (choice === 'shared' && findReceiveKeys() === null) {
    throw new Error('This runtime cannot read into a shared buffer: set the option "receiveBuffer" to "auto" or "off"')
  }
}

/** The region of these kernels, for both kinds of handles. */
interface Regions {
  direct: ReceiveRegion
  records: ReceiveRegion
}

/** Of all copies of this package that share kernels. */
const regions = processWide('regions.1', () => new WeakMap<Kernels, Regions>())

function regionsFor(kernels: Kernels): Regions {
  let found = regions.get(kernels)
  if (found === undefined) {
    const direct = createRegion(kernels.memory)
    found = { direct, records: { ...direct, readSize: RECORD_SIZE } }
    regions.set(kernels, found)
  }
  return found
}

function createRegion(memory: KernelsMemory | undefined): ReceiveRegion {
  if (memory === undefined) {
    const view = Buffer.alloc(REGION_SIZE)
    return { view, octets: view, start: 0, readSize: view.length }
  }
  const { octets } = memory
  const { start, end } = memory.receiveRegion
  const view = Buffer.from(octets.buffer as ArrayBuffer, octets.byteOffset + start, end - start)
  return { view, octets, start, readSize: view.length }
}

/**
 * Lets `socket` read into the shared region from here on, for its life: `onRead`, the same function for all sockets, is called with what
 * came, in place of 'data'; also from within whatever it calls. To be called when nothing is buffered in the stream.
 * @returns the region, or null if this socket cannot
 */
export function shareReceiveBuffer(
  socket: unknown,
  choice: ReceiveBufferChoice | undefined,
  kernels: Kernels,
  onRead: ReadCallback
): ReceiveRegion | null {
  const keys = (choice ?? DEFAULT_CHOICE) === 'off' ? null : findReceiveKeys()
  if (keys === null || !(socket instanceof Socket)) return null
  const target = socket as Socket & Record<symbol, unknown>
  const handle = handleOf(socket)
  if (
    !handle ||
    typeof handle.useUserBuffer !== 'function' ||
    target.readableLength > 0 ||
    target.destroyed ||
    target.readableEnded
  )
    return null
  const { direct, records } = regionsFor(kernels)
  if (target[keys.buffer] === direct.view && target[keys.callback] === pushCopy) {
    // It began without a stream
    target[keys.callback] = onRead
    return direct
  }
  // Set by somebody else, or a Node that has other keys on its sockets
  if (target[keys.buffer] !== null || target[keys.callback] !== null) return null
  target[keys.buffer] = direct.view
  target[keys.callback] = onRead
  handle.useUserBuffer(direct.view)
  return isHandle(handle, DIRECT_HANDLES) ? direct : records
}

/** The region for handles that are read without a stream; null if they shall not be. */
export function directRegion(choice: ReceiveBufferChoice | undefined, kernels: Kernels): ReceiveRegion | null {
  return (choice ?? DEFAULT_CHOICE) === 'off' || findReceiveKeys() === null ? null : regionsFor(kernels).direct
}

/** Has `socket`, whose handle reads into `region`, push what comes. */
export function pushWhatComes(socket: Socket, region: ReceiveRegion): void {
  const keys = findReceiveKeys()!
  Object.assign(socket, { [keys.buffer]: region.view, [keys.callback]: pushCopy })
}

function pushCopy(this: Socket, length: number, view: Uint8Array): boolean {
  return this.push(Buffer.from(view.subarray(0, length)))
}
