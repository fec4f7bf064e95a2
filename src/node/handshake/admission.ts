// Whom a server lets in among those whose requests are right: what its options say about that.

import type { IncomingMessage } from 'node:http'
import { versionOf } from '../../core/opening-handshake.js'
import type { ClientInfo, VerifyClient } from '../options.js'
import type { GivenRefusal } from './refusal.js'
import type { UpgradeRequest } from './request.js'

/** Called with the answer of the program: null lets the client in. */
export type AdmissionCallback = (refusal: GivenRefusal | null) => void

/** Whether the path of `request`, without its query, is that of the option `path`. */
export function isPathOf(path: string | null | undefined, request: IncomingMessage): boolean {
  if (!path) return true
  const url = String(request.url)
  const query = url.indexOf('?')
  return (query < 0 ? url : url.slice(0, query)) === path
}

/** Asks the program, which may answer later. */
export function verify(
  verifyClient: VerifyClient,
  request: IncomingMessage,
  { headers }: UpgradeRequest,
  done: AdmissionCallback
): void {
  const { authorized, encrypted } = (request.socket ?? {}) as { authorized?: boolean; encrypted?: boolean }
  // As it is, whatever that is
  const origin = request.headers[versionOf(headers) === 8 ? 'sec-websocket-origin' : 'origin'] as string | undefined
  const info: ClientInfo = { origin, secure: Boolean(authorized || encrypted), req: request }
  if (verifyClient.length === 2) {
    verifyClient(info, (verified, status, message, extraHeaders) => {
      done(verified ? null : { status: status || 401, message, headers: extraHeaders })
    })
  } else {
    done((verifyClient as (info: ClientInfo) => boolean)(info) ? null : { status: 401 })
  }
}
