// What `wss.stats()` counts. It is an observer: connections of servers that were not asked have none.

import type { Observer } from '../node/delivery/observer.js'
import type { CloseCause } from './close-cause.js'

/** How connections ended: see `hybi:close`. */
export type CloseCounts = Partial<Record<CloseCause, number>>

/** Sums since counting began. */
export interface ServerStats {
  /** Open connections, and how many there have been. */
  connections: number
  opened: number
  /** Those that were closed, by cause. */
  closed: CloseCounts
  messagesReceived: number
  messagesSent: number
  /** Messages that were not sent because too much waited. */
  messagesDropped: number
  /** Octets of messages, as programs see them. */
  payloadReceived: number
  payloadSent: number
  /** Octets on the wire: compressed, in frames, with control frames. */
  octetsReceived: number
  octetsSent: number
}

/** What counters need to know of connections. */
export interface Meter<Connection> {
  /** Why a connection is closed. */
  causeOf(connection: Connection): CloseCause
  /** Adds to `counter.octetsSent` whatever a connection writes from here on. */
  countSent(connection: Connection, counter: { octetsSent: number }): void
}

export class Counters<Connection> implements Observer<Connection> {
  octetsSent = 0
  private opens = 0
  private readonly closes = new Map<CloseCause, number>()
  private messagesReceived = 0
  private messagesSent = 0
  private messagesDropped = 0
  private payloadReceived = 0
  private payloadSent = 0
  private octetsReceived = 0
  private readonly meter: Meter<Connection>

  constructor(meter: Meter<Connection>) {
    this.meter = meter
  }

  /** The sums, as they are now. */
  read(): ServerStats {
    const closed = Object.fromEntries(this.closes)
    const count = Object.values(closed).reduce((sum, one) => sum + one, 0)
    const { opens, messagesReceived, messagesSent, messagesDropped, payloadReceived, payloadSent, octetsReceived, octetsSent } =
      this
    return {
      connections: opens - count,
      opened: opens,
      closed,
      messagesReceived,
      messagesSent,
      messagesDropped,
      payloadReceived,
      payloadSent,
      octetsReceived,
      octetsSent
    }
  }

  opened(connection: Connection): void {
    this.opens++
    this.meter.countSent(connection, this)
  }

  closed(connection: Connection): void {
    const cause = this.meter.causeOf(connection)
    this.closes.set(cause, (this.closes.get(cause) ?? 0) + 1)
  }

  received(_connection: Connection, length: number): void {
    this.octetsReceived += length
  }

  messageReceived(_connection: Connection, length: number): void {
    this.messagesReceived++
    this.payloadReceived += length
  }

  messageSent(_connection: Connection, length: number, isLast: boolean): void {
    if (isLast) this.messagesSent++
    this.payloadSent += length
  }

  messageDropped(): void {
    this.messagesDropped++
  }
}
