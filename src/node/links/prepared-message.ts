// One message to many connections: whoever is sent the same refers to the same octets. The slab that they lie in is in use as long as the
// prepared message is, though all of its writes may be done.

import { headerSize } from '../../core/frame-header.js'
import type { Output, PreparedMessage, Repeats } from '../../core/output.js'
import type { Gathering } from './gathering.js'
import type { Slab } from './slab.js'

/** Up to this length a loop is faster than a native comparison. */
const LOOP_LIMIT = 32

/** What frames are gathered in. */
export interface Gatherer extends Output {
  readonly gathered: Gathering
}

/** An unmasked frame: `slab.octets[start, end)`, its header only if `appended` is the rest. */
interface Frame {
  /** FIN bit, RSV bits and opcode. */
  first: number
  slab: Slab
  start: number
  end: number
  /** Nobody changes it. */
  appended: Uint8Array | null
}

/** A message that is sent to many, with a frame for each first octet. */
export class SlabMessage implements PreparedMessage {
  private readonly payload: string | Uint8Array
  private readonly frames: Frame[] = []

  constructor(payload: string | Uint8Array) {
    this.payload = payload
  }

  repeat({ gathered }: Gatherer, first: number): boolean {
    const frame = this.find(first)
    if (frame === undefined || !this.isUnchanged(frame) || !gathered.adopt(frame.slab, frame.start, frame.end)) return false
    if (frame.appended !== null) gathered.append(frame.appended)
    return true
  }

  keep({ gathered }: Gatherer, first: number, length: number, appended: Uint8Array | null): void {
    const { region: slab, end } = gathered
    const old = this.find(first)
    // An output that could not refer to the frame wrote it once more, to a slab of its own maybe: others can still refer to ours
    if (old !== undefined && old.slab.octets.length >= slab!.octets.length && this.isUnchanged(old)) return
    slab!.users++
    const frame = { first, slab: slab!, start: end - length, end, appended }
    if (old === undefined) {
      this.frames.push(frame)
    } else {
      // The octets are others by now, or in a better place
      this.frames[this.frames.indexOf(old)] = frame
      old.slab.release()
    }
  }

  /** Lets go of the memory. */
  release(): void {
    for (const { slab } of this.frames) slab.release()
    this.frames.length = 0
  }

  private find(first: number): Frame | undefined {
    for (const frame of this.frames) if (frame.first === first) return frame
    return undefined
  }

  /** Whether the payload is still what was framed: a string is, octets are the caller's, who may have changed them. */
  private isUnchanged({ slab, start, end }: Frame): boolean {
    const { payload } = this
    if (typeof payload === 'string') return true
    const { length } = payload
    const written = slab.octets
    const at = start + headerSize(length, false)
    if (at + length !== end) return false
    if (length > LOOP_LIMIT) return written.compare(payload, 0, length, at, end) === 0
    for (let i = 0; i < length; i++) if (payload[i] !== written[at + i]) return false
    return true
  }
}

let lastPayload: string | Uint8Array | null = null
/** The message of `lastPayload`, once it was sent twice. */
let lastMessage: SlabMessage | null = null

/** The payload that was sent last in this turn, by whatever connection. */
export const repeats: Repeats = {
  find(payload) {
    if (payload === lastPayload) return (lastMessage ??= new SlabMessage(payload))
    lastPayload = payload
    if (lastMessage !== null) {
      lastMessage.release()
      lastMessage = null
    }
    return null
  }
}

/** Ends the turn: nothing is held that was sent in it. */
export function forgetMessage(): void {
  lastPayload = null
  if (lastMessage === null) return
  lastMessage.release()
  lastMessage = null
}
