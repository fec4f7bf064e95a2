// Who is told of a connection beside its listeners: whatever a server or the library itself has to do for connections. None of them adds
// a listener of 'message', and a connection that has none pays for none.

/** Told of connections; every method may be left out. */
export interface Observer<Connection> {
  /** It is open; told once, when the observer is there. */
  opened?(connection: Connection): void
  /** Octets came from the peer, `length` of them; what is in them is about to be delivered. */
  received?(connection: Connection, length: number): void
  /** A pong came. */
  ponged?(connection: Connection): void
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

/** Who has observers: a WebSocket. */
export interface Observed {
  [kObservers]: Observers<never>
}

/** Adds observers to a connection that is open. */
export function observe<Connection extends Observed>(connection: Connection, observers: Observers<Connection>): void {
  const before = connection[kObservers]
  const all: Observers<never> = before.length === 0 ? observers : [...before, ...observers]
  connection[kObservers] = all
  for (const observer of observers) observer.opened?.(connection)
}

export function tellReceived(connection: Observed, length: number): void {
  for (const observer of connection[kObservers]) observer.received?.(connection as never, length)
}

export function tellPonged(connection: Observed): void {
  for (const observer of connection[kObservers]) observer.ponged?.(connection as never)
}

export function tellWritable(connection: Observed): void {
  for (const observer of connection[kObservers]) observer.writable?.(connection as never)
}

export function tellClosed(connection: Observed): void {
  for (const observer of connection[kObservers]) observer.closed?.(connection as never)
}
