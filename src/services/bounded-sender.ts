// A bound on what waits to be sent on one connection: it drops the messages that would pass it, or the connection.

import type { Output, WriteCallback } from '../core/output.js'
import type { SenderPlatform } from '../core/platform.js'
import { SEND_MORE } from '../core/send-flags.js'
import { type Payload, Sender } from '../core/sender.js'
import { noteCause, tellMessageDropped } from '../node/delivery/observer.js'
import { kDelivery } from '../node/runtime/symbols.js'
import { kDrops, kMaxBufferedAmount, type ServiceSettings } from './connection-options.js'
import type { Served, ServedDelivery } from './served.js'

/** Octets that a unit of UTF-16 becomes at most. */
const OCTETS_PER_UNIT = 3

/** Where it stands in a message of several fragments: outside, in one that is sent, in one that is not. */
const OUTSIDE = 0
const SENDING = 1
const DROPPING = 2

class BoundedSender extends Sender {
  /** Messages that were dropped. */
  dropped = 0
  private within = OUTSIDE
  private readonly ws: Served
  private readonly delivery: ServedDelivery
  private readonly limit: number
  private readonly drops: boolean
  private readonly out: Output

  /** @param limit in octets */
  constructor(platform: SenderPlatform, ws: Served, delivery: ServedDelivery, limit: number, drops: boolean) {
    super(platform, delivery.link.output)
    this.ws = ws
    this.out = delivery.link.output
    this.delivery = delivery
    this.limit = limit
    this.drops = drops
  }

  /** Pings, pongs and close frames go by `sendControl`, which has no bound: there are few of them, and the connection needs them. */
  override sendMessage(payload: Payload, flags: number, callback: WriteCallback | undefined): void {
    const within = this.within
    const isLast = (flags & SEND_MORE) === 0
    // A message that has begun is sent to its end
    const isDropped = within === DROPPING || (!(within === SENDING && this.drops) && this.overflows(payload))
    if (!isDropped) {
      super.sendMessage(payload, flags, callback)
      this.within = isLast ? OUTSIDE : SENDING
      return
    }
    this.within = isLast ? OUTSIDE : DROPPING
    if (within !== DROPPING) {
      this.dropped++
      tellMessageDropped(this.ws)
    }
    const error = callback !== undefined || !this.drops ? this.error() : null
    // Not behind those of messages that wait: these would be without bound, too
    if (callback !== undefined) this.out.later(() => callback(error!))
    if (this.drops) return
    noteCause(this.ws, 'overflow')
    this.delivery.connection.abortWith(error!)
  }

  /** Whether more would wait than may; first without writing what was gathered, and without counting the octets of text. */
  private overflows(payload: Payload): boolean {
    const room = this.limit - this.delivery.heldLength
    if (typeof payload === 'string' ? payload.length * OCTETS_PER_UNIT <= room : this.lengthOf(payload) <= room) return false
    return this.lengthOf(payload) > this.limit - this.delivery.bufferedLength
  }

  private error(): Error {
    const error = new Error(`The message would make more than ${this.limit} octets wait`)
    return Object.assign(error, { code: 'WS_ERR_BUFFER_OVERFLOW' })
  }
}

/** Bounds what waits on a connection that is about to open, if its options say so. */
export function boundSending(ws: Served, platform: SenderPlatform): void {
  const { [kMaxBufferedAmount]: limit, [kDrops]: drops } = ws as Served & ServiceSettings
  if (limit === 0) return
  const delivery = ws[kDelivery]!
  delivery.connection.useSender(new BoundedSender(platform, ws, delivery, limit, drops))
}

/** Members of WebSockets. */
export const boundMembers: object & ThisType<Served> = {
  /** Messages that were not sent because too much waited. */
  get droppedMessages(): number {
    const sender = this[kDelivery]?.connection.sender
    return sender instanceof BoundedSender ? sender.dropped : 0
  }
}
