// Data in and out of the API: what `send` takes as octets, and the shapes that messages have for listeners.

import { Buffer } from 'node:buffer'
import { types } from 'node:util'
import type { DeferredOctets } from '../../core/sender.js'
import { FastBuffer } from '../runtime/internals.js'
import { copyToBuffer, keptBuffer } from './message-memory.js'

/** How binary messages are given to listeners. */
export type BinaryType = 'nodebuffer' | 'arraybuffer' | 'fragments' | 'blob'

/** Those this Node has; Blob may be missing. */
export const BINARY_TYPES: readonly string[] = [
  'nodebuffer',
  'arraybuffer',
  'fragments',
  ...(typeof Blob === 'undefined' ? [] : ['blob'])
]

export const EMPTY_BUFFER = Buffer.alloc(0)

/** Whether `value` is a Blob or File, of whatever make. */
export function isBlob(value: unknown): value is DeferredOctets {
  if (typeof value !== 'object' || value === null) return false
  const tag = (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag]
  if (tag !== 'Blob' && tag !== 'File') return false
  const { arrayBuffer, stream, type } = value as Record<string, unknown>
  return typeof arrayBuffer === 'function' && typeof stream === 'function' && typeof type === 'string'
}

/** A Blob as something that gives octets: whatever its `arrayBuffer()` comes to is what `toBuffer` makes of it, or its TypeError. */
export function deferredOctets(blob: DeferredOctets): DeferredOctets {
  const { size } = blob
  return {
    size,
    arrayBuffer: () => blob.arrayBuffer().then((result) => (types.isArrayBuffer(result) ? result : toBuffer(result)))
  }
}

/** What a view really is, whatever properties somebody gave it. */
interface Truth {
  buffer(this: unknown): ArrayBufferLike
  byteOffset(this: unknown): number
  byteLength(this: unknown): number
}

function truthOf(prototype: object): Truth {
  const getter = (name: keyof Truth) => Object.getOwnPropertyDescriptor(prototype, name)!.get
  return { buffer: getter('buffer'), byteOffset: getter('byteOffset'), byteLength: getter('byteLength') } as Truth
}

const { prototype: typedArray } = Object.getPrototypeOf(Uint8Array) as { prototype: object }
const typedArrayTruth = truthOf(typedArray)
const dataViewTruth = truthOf(DataView.prototype)
const lengthOf = Object.getOwnPropertyDescriptor(typedArray, 'length')!.get as (this: unknown) => number
const { subarray } = Buffer.prototype

/**
 * Whether `data` is a Buffer as Node makes them, and not empty: some of those are views of memory that is gone, which cannot be copied.
 * One that says of itself what is not so (`Object.assign(buffer, json)` is enough for that) would have its neighbours in a slab sent.
 */
export function isPlainBuffer(data: unknown): data is Buffer {
  // What has this method of Buffer's is one
  return types.isUint8Array(data) && data.subarray === subarray && data.length === lengthOf.call(data) && data.length > 0
}

/** A Buffer over exactly the memory of this view. */
function viewOf(view: ArrayBufferView, { buffer, byteOffset, byteLength }: Truth): Buffer {
  return new FastBuffer(buffer.call(view), byteOffset.call(view), byteLength.call(view))
}

/** `octets`, or what they really are, if their length is not true. */
export function honest(octets: Uint8Array): Uint8Array {
  return types.isUint8Array(octets) && octets.length !== lengthOf.call(octets) ? viewOf(octets, typedArrayTruth) : octets
}

/** Whether what `toBuffer` makes of `data` is ours: it copies arrays. What it copies beside (String objects, say) counts as the caller's. */
export function isCopied(data: unknown): boolean {
  return Array.isArray(data)
}

/** `data` as a Buffer: over the same memory if it is an ArrayBuffer or a view of one, else whatever Buffer.from makes of it, or its TypeError. */
export function toBuffer(data: unknown): Buffer {
  if (isPlainBuffer(data)) return data
  if (types.isUint8Array(data) && Buffer.isBuffer(data) && lengthOf.call(data) === 0) return EMPTY_BUFFER
  // By its nature, not its prototype, which may lie
  if (types.isAnyArrayBuffer(data)) return new FastBuffer(data)
  if (ArrayBuffer.isView(data)) return viewOf(data, types.isDataView(data) ? dataViewTruth : typedArrayTruth)
  return Buffer.from(data as string)
}

/**
 * The message at `octets[start, end)` in its own memory; text is always a Buffer.
 * @param kept whether the memory is one that messages may be views of
 */
export function messageOf(
  octets: Uint8Array,
  start: number,
  end: number,
  isBinary: boolean,
  binaryType: BinaryType,
  kept: boolean
): unknown {
  if (isBinary && binaryType === 'arraybuffer') {
    if (kept && end - start === octets.length) return toArrayBuffer(octets as Buffer)
    const copy = new Uint8Array(end - start)
    copy.set(octets.subarray(start, end))
    return copy.buffer
  }
  const message = kept ? keptBuffer(octets, start, end) : copyToBuffer(octets, start, end)
  if (!isBinary || binaryType === 'nodebuffer') return message
  return assemble(start === end ? [] : [message], end - start, isBinary, binaryType)
}

/** A message of several fragments of `length` octets together; text is always a Buffer. */
export function assemble(fragments: Uint8Array[], length: number, isBinary: boolean, binaryType: BinaryType): unknown {
  if (isBinary && binaryType === 'fragments') return fragments.map(asBuffer)
  if (isBinary && binaryType === 'blob') return new Blob(fragments as Uint8Array<ArrayBuffer>[])
  const octets = join(fragments, length)
  return isBinary && binaryType === 'arraybuffer' ? toArrayBuffer(octets) : octets
}

function join(fragments: Uint8Array[], length: number): Buffer {
  if (fragments.length === 0) return EMPTY_BUFFER
  return fragments.length === 1 ? asBuffer(fragments[0]) : Buffer.concat(fragments, length)
}

function asBuffer(octets: Uint8Array): Buffer {
  return Buffer.isBuffer(octets) ? octets : Buffer.from(octets.buffer as ArrayBuffer, octets.byteOffset, octets.length)
}

/** The memory of `octets` itself if it has it alone. */
function toArrayBuffer(octets: Buffer): ArrayBuffer {
  const { buffer, byteOffset, length } = octets
  return (length === buffer.byteLength ? buffer : buffer.slice(byteOffset, byteOffset + length)) as ArrayBuffer
}
