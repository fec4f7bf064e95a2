// One message to many connections: the frame that was written twice is remembered until the turn ends, and whoever is sent the same refers
// to the same octets. The slab that they lie in is in use until then, though all of its writes may be done.

import { headerSize } from '../../core/frame-header.js'
import type { Gathering } from './gathering.js'
import type { Slab } from './slab.js'

/** Up to this length a loop is faster than a native comparison. */
const LOOP_LIMIT = 32

let lastPayload: string | Uint8Array | null = null
/** What was sent twice. */
let payload: string | Uint8Array | null = null
let first = 0
/** The frame, or its header where `appended` is the rest: `slab.octets[start, end)`. */
let slab: Slab | null = null
let start = 0
let end = 0
let appended: Uint8Array | null = null

/** Whether the last one asked about was the same: few messages are sent twice, so a frame is noted when that happens. */
export function isLastPayload(sent: string | Uint8Array): boolean {
  if (sent === lastPayload) return true
  lastPayload = sent
  return false
}

/**
 * Notes a frame.
 * @param sent what the user gave, as it is in the frame now
 * @param firstOctet FIN bit, RSV bits and opcode
 * @param rest what follows on the octets in the slab; nobody changes it
 */
export function rememberFrame(
  sent: string | Uint8Array,
  firstOctet: number,
  inSlab: Slab,
  from: number,
  to: number,
  rest: Uint8Array | null
): void {
  // One who could not refer to it wrote a copy: those who come after still can
  if (sent === payload && slab!.octets.length >= inSlab.octets.length && isRemembered(sent, firstOctet)) return
  inSlab.users++
  if (slab !== null) slab.release()
  payload = sent
  first = firstOctet
  slab = inSlab
  start = from
  end = to
  appended = rest
}

export function forgetFrame(): void {
  if (slab !== null) slab.release()
  lastPayload = payload = slab = appended = null
}

/** Gives `gathering` the frame for `sent` once more; false if that is another one, or it has to be written in another place. */
export function repeatFrame(sent: string | Uint8Array, firstOctet: number, gathering: Gathering): boolean {
  if (sent !== payload || !isRemembered(sent, firstOctet) || !gathering.adopt(slab!, start, end)) return false
  if (appended !== null) gathering.append(appended)
  return true
}

function isRemembered(sent: string | Uint8Array, firstOctet: number): boolean {
  if (firstOctet !== first) return false
  // A string stays what it is; octets are the caller's, who may have changed them
  return typeof sent === 'string' || isUnchanged(sent, slab!.octets)
}

function isUnchanged(octets: Uint8Array, written: Buffer): boolean {
  const { length } = octets
  const at = start + headerSize(length, false)
  if (at + length !== end) return false
  if (length > LOOP_LIMIT) return written.compare(octets, 0, length, at, end) === 0
  for (let i = 0; i < length; i++) if (octets[i] !== written[at + i]) return false
  return true
}
