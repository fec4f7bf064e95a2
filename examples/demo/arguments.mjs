// Command line of the demo server.

import { parseArgs } from 'node:util'

const KERNELS = ['auto', 'wasm', 'js', 'native']

export const USAGE = `Usage: npm start -- [--port N] [--host H] [--kernels ${KERNELS.join('|')}]

  --port N      port to listen on, 0 to 65535 (8080); 0 takes any free one, and one in use gives way to the next
  --host H      address to listen on (127.0.0.1: this machine only)
  --kernels K   kernels that serve the connections (auto)
  --help        show this and exit
`

/** What the user typed cannot be carried out; the message says why. */
export class UsageError extends Error {}

/** Parses the arguments; `kernels` is undefined where none was named. Throws a `UsageError`. */
export function readArguments(args) {
  const { port = '8080', host = '127.0.0.1', kernels, help = false } = parse(args)
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    throw new UsageError(`--port takes a number from 0 to 65535, not "${port}".`)
  }
  if (host.trim() === '') throw new UsageError('--host takes an address or a host name.')
  if (kernels !== undefined && !KERNELS.includes(kernels)) {
    throw new UsageError(`--kernels takes ${KERNELS.join(', ')}; not "${kernels}".`)
  }
  return { port: Number(port), host, kernels, help }
}

function parse(args) {
  try {
    return parseArgs({
      args,
      options: {
        port: { type: 'string', short: 'p' },
        host: { type: 'string' },
        kernels: { type: 'string' },
        help: { type: 'boolean', short: 'h' }
      }
    }).values
  } catch (error) {
    // Where a message advises on quoting, its first sentence says what is wrong.
    throw new UsageError(`${error.message.split(/\.\s/)[0].replace(/\.$/, '')}.`)
  }
}
