// What happens on the way of messages to the application: the events that receivers and connections have in common.

import type { CloseStatus } from './close.js'

/** Who is told what came in. */
export interface MessageEvents {
  /**
   * A message of one frame: `octets[start, end)`, valid until the handler calls others, and with `kept` as long as it likes;
   * `nonAscii`: text with an octet above 0x7f.
   */
  onMessage(octets: Uint8Array, start: number, end: number, isBinary: boolean, nonAscii: boolean, kept: boolean): void
  /** A message of any number of non-empty fragments, `length` octets together; the handler's to keep. Text that was not validated counts as not ASCII. */
  onFragments(fragments: Uint8Array[], length: number, isBinary: boolean, nonAscii: boolean): void
  /** A ping's or pong's application data, valid during the call only. */
  onPing(octets: Uint8Array, start: number, end: number): void
  onPong(octets: Uint8Array, start: number, end: number): void
  /**
   * Asked now and then while there is more to be delivered: how much may be done before it is asked again, an event or fragment counting
   * as one or a few. 0: enough for now; `proceed` is called in a later turn of the event loop. Without it there is no end to what one call does.
   */
  onWork?(): number
}

/** Who is told what a receiver takes in. A handler may throw: the receiver goes on where it was with the next `recover` or `proceed`. */
export interface ReceiverHandler extends MessageEvents {
  /** The peer's close frame; nothing is received after it. */
  onCloseFrame(status: CloseStatus): void
  /** The peer broke a rule; nothing is received after it. A connection waits for `fail(error)`, at once or when this turn's events are through. */
  onViolation(error: Error): void
  /** With `deferEvents`: call `proceed` in a later turn of the event loop. */
  onDefer(): void
  /** Something that was waited for is there: call `proceed`. */
  onReady(): void
  /** All that came has been dealt with, after it had to wait. */
  onDrain(): void
}
