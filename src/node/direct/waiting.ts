// Connections that have sent nothing yet. Node.js has the timeouts for those, and the means to close them: it gets them after a moment.

import * as timers from 'node:timers'
import type { DirectSocket } from '../links/direct-socket.js'

/** As it was when the package was loaded: Node's own timeouts for these are not to be faked either. */
const { setTimeout } = timers

/** Who is to give them back. */
export interface Waiting {
  giveBackSilent(socket: DirectSocket): void
}

/** How long one waits here, in ms: between once and twice as long. A client that is not idle sends its request with its first segments. */
const PATIENCE_MS = 50

/** Those that came since the last look, and those that were there then. */
let fresh = new Map<DirectSocket, Waiting>()
let old = new Map<DirectSocket, Waiting>()
let timer: NodeJS.Timeout | null = null

export function startWaiting(socket: DirectSocket, waiting: Waiting): void {
  fresh.set(socket, waiting)
  timer ??= setTimeout(look, PATIENCE_MS).unref()
}

/** Ends the waiting of one connection, or gives back all of them. */
export function stopWaiting(waiting: Waiting, socket?: DirectSocket): void {
  if (socket !== undefined) {
    if (!fresh.delete(socket)) old.delete(socket)
    return
  }
  for (const sockets of [old, fresh]) {
    for (const [one, its] of sockets) if (its === waiting) waiting.giveBackSilent(one)
  }
}

function look(): void {
  timer = null
  const late = old
  old = fresh
  fresh = late
  // First, should it throw: the rest has its turn then
  if (old.size + late.size > 0) timer = setTimeout(look, PATIENCE_MS).unref()
  for (const [socket, waiting] of late) waiting.giveBackSilent(socket)
}
