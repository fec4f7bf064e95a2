// Messages that came when nobody listened yet. A program that awaits 'connection' or 'open' goes on behind the ticks of that turn, in which
// the first messages may have come already: until the turn is over they are kept for whoever takes messages one by one.

import { setImmediate } from '../runtime/ticks.js'

export interface Unheard {
  data: unknown
  isBinary: boolean
}

/** To whom messages came that nobody heard: a delivery. */
export interface Unlistened {
  /** The turn is over: nothing more is kept. */
  settle(): void
}

/** At most what one turn of the event loop reads; a connection is in it for one turn of its life. */
const kept = new Map<Unlistened, Unheard[]>()

/** Keeps a message until the turn is over. */
export function keepUnheard(delivery: Unlistened, data: unknown, isBinary: boolean): void {
  if (kept.size === 0) setImmediate(settle)
  const messages = kept.get(delivery)
  if (messages === undefined) kept.set(delivery, [{ data, isBinary }])
  else messages.push({ data, isBinary })
}

/** What was kept; from here on it is the caller's. */
export function takeUnheard(delivery: Unlistened): Unheard[] {
  const messages = kept.get(delivery)
  if (messages === undefined) return []
  // Not deleted, as the next would have the end of the turn announced once more
  kept.set(delivery, [])
  return messages
}

function settle(): void {
  for (const delivery of kept.keys()) delivery.settle()
  kept.clear()
}
