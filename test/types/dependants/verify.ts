// The manner of a gateway: who may connect is decided during the opening handshake.
import type { IncomingMessage } from 'http'
import {
  WebSocketServer,
  type PerMessageDeflateOptions,
  type ServerOptions,
  type VerifyClientCallbackAsync,
  type VerifyClientCallbackSync
} from 'ws'

const origins = ['https://example.com']
const sync: VerifyClientCallbackSync = ({ origin, secure }) => secure && origins.includes(origin)
const async: VerifyClientCallbackAsync<IncomingMessage> = (info, callback) => {
  if (info.req.headers.authorization === undefined) callback(false, 401, 'Unauthorized', { 'WWW-Authenticate': 'Bearer' })
  else callback(true)
}

const perMessageDeflate: PerMessageDeflateOptions = {
  zlibDeflateOptions: { chunkSize: 1024, memLevel: 7, level: 3 },
  zlibInflateOptions: { chunkSize: 10 * 1024 },
  clientNoContextTakeover: true,
  serverNoContextTakeover: true,
  serverMaxWindowBits: 10,
  concurrencyLimit: 10,
  threshold: 1024
}

const options: ServerOptions = { port: 0, host: '127.0.0.1', backlog: 100, verifyClient: sync, perMessageDeflate }
new WebSocketServer(options, () => console.log('listening'))
new WebSocketServer({ ...options, verifyClient: async })
new WebSocketServer({
  noServer: true,
  verifyClient: (
    info: { origin: string; secure: boolean; req: IncomingMessage },
    done: (res: boolean, code?: number, message?: string) => void
  ) => done(info.secure, 403, 'Forbidden'),
  handleProtocols: (protocols, request) => {
    const wanted = request.headers['x-protocol']
    return typeof wanted === 'string' && protocols.has(wanted) ? wanted : false
  }
})
