// Who is told of a connection beside its listeners: whatever a server or the library itself has to do for connections. None of them adds
// a listener of 'message', and a connection that has none pays for none.

/** Told of connections; every method may be left out. */
export interface Observer<Connection> {
  /** It is open; told once, when the observer is there. */
  opened?(connection: Connection): void
  /** Octets came from the peer, `length` of them; what is in them is about to be delivered. */
  received?(connection: Connection, length: number): void
  /** A pong came, with `octets[start, end)` as its payload. */
  ponged?(connection: Connection, octets: Uint8Array, start: number, end: number): void
  /** A message of `length` octets is about to be delivered. Told only if messages are watched (see `watchMessages`), as are those below. */
  messageReceived?(connection: Connection, length: number): void
  /** A message of `length` octets was given to be sent, or a fragment of one; `isLast` unless another follows. */
  messageSent?(connection: Connection, length: number, isLast: boolean): void
  /** A message was not sent, because too much waits. Told by who drops it. */
  messageDropped?(connection: Connection): void
  /**
   * Some of what waited to be written was, after its link was asked to tell (see `Link`), or what waited for compression is on its way:
   * whether a mark is crossed is to be looked at.
   */
  writable?(connection: Connection): void
  /** It is CLOSED; 'close' follows. */
  closed?(connection: Connection): void
}

/** Those of one connection. Connections that have the same share one list, which is replaced, not changed. */
export type Observers<Connection> = readonly Observer<Connection>[]

export const NO_OBSERVERS: Observers<never> = []

export const kObservers = Symbol('hybi.observers')

/** Why the library itself ended a connection, on one that it ended. */
export const kCause = Symbol('hybi.cause')

/** Who has observers: a WebSocket. */
export interface Observed {
  [kObservers]: Observers<never>
  [kCause]?: string
}

/** Notes why a connection is about to be ended; the first cause stands. */
export function noteCause(connection: Observed, cause: string): void {
  connection[kCause] ??= cause
}

/** What was put together last: that of most connections is the same. */
let first = NO_OBSERVERS
let second = NO_OBSERVERS
let both = NO_OBSERVERS

/** Adds observers to a connection that is open. */
export function observe<Connection extends Observed>(connection: Connection, observers: Observers<Connection>): void {
  const before = connection[kObservers]
  if (before.length > 0 && (first !== before || second !== observers)) {
    first = before
    second = observers
    both = [...before, ...observers]
  }
  connection[kObservers] = before.length === 0 ? observers : both
  for (const observer of observers) observer.opened?.(connection)
}

export function tellReceived(connection: Observed, length: number): void {
  for (const observer of connection[kObservers]) observer.received?.(connection as never, length)
}

export function tellOpened(connection: Observed): void {
  for (const observer of connection[kObservers]) observer.opened?.(connection as never)
}

export function tellPonged(connection: Observed, octets: Uint8Array, start: number, end: number): void {
  for (const observer of connection[kObservers]) observer.ponged?.(connection as never, octets, start, end)
}

export function tellMessageReceived(connection: Observed, length: number): void {
  for (const observer of connection[kObservers]) observer.messageReceived?.(connection as never, length)
}

export function tellMessageSent(connection: Observed, length: number, isLast: boolean): void {
  for (const observer of connection[kObservers]) observer.messageSent?.(connection as never, length, isLast)
}

export function tellMessageDropped(connection: Observed): void {
  for (const observer of connection[kObservers]) observer.messageDropped?.(connection as never)
}

export function tellWritable(connection: Observed): void {
  for (const observer of connection[kObservers]) observer.writable?.(connection as never)
}

export function tellClosed(connection: Observed): void {
  for (const observer of connection[kObservers]) observer.closed?.(connection as never)
}
