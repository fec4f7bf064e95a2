// A process that makes load: on a server under test (`open`), or on a client under test (`listen`).

import { setPriority } from 'node:os'
import { serve } from '../lib/child.mjs'
import { closeLoad, expectedReply, openLoad } from '../lib/load-client.mjs'
import { listen } from '../lib/load-server.mjs'

let loads = []

/** Lets what measures times run before what only makes load, where that is allowed. */
function hurry() {
  try {
    setPriority(-15)
  } catch {
    // without the right, times have the waiting for a CPU in them
  }
}

serve({
  /** Opens the connections of each group. */
  async open({ groups }) {
    for (const group of groups) {
      if (group.mode === 'pulse') hurry()
      // one after the other: receivers before those who send to them
      loads.push(await openLoad(group))
    }
  },

  /** One message on each connection of the last group, and the replies; with `verify` the first is compared with what was sent. */
  once: ({ verify }) => loads.at(-1).once(verify && expectedReply(verify)),

  replyLength: () => loads.at(-1).replyLength,

  async listen(options) {
    const server = await listen(options)
    loads.push(server)
    return server.port
  },

  start() {
    for (const load of loads) load.start()
  },

  /** Stops and waits until nothing is under way; gives the latencies in µs, where they were measured. */
  async stop() {
    const results = await Promise.all(loads.map((load) => load.stop()))
    return results.flatMap((latencies) => latencies ?? [])
  },

  async close() {
    await Promise.all(loads.map(closeLoad))
    loads = []
  }
})
