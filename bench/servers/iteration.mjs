// hybi with a loop over the messages in place of a listener.

import adaptListening from './ws.mjs'

/** @param module directory of the package */
export default function adapt(module) {
  return {
    ...adaptListening(module),
    async onMessage(ws, listener) {
      for await (const message of ws) listener(message, typeof message !== 'string')
    }
  }
}
