// Octets in general.

/**
 * No octets: an array of none. It is for use within the library only: whoever gets octets to keep may transfer them away,
 * and gets an array of his own.
 */
export const NOTHING = new Uint8Array(0)

/** Whether the first octet of a word in memory is its lowest, as it always is for WebAssembly. */
export const LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1

/** The octets of an ArrayBuffer or a view, not copied; null for anything else. */
export function octetsOf(value: unknown): Uint8Array | null {
  if (value instanceof Uint8Array) return value
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  return value instanceof ArrayBuffer ? new Uint8Array(value) : null
}
