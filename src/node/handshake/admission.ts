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

/** Value of Origin, as it is, whatever that is; it had this other name in the drafts of version 8 (RFC 6455 §10.2). */
export function originOf(request: IncomingMessage, { headers }: UpgradeRequest): unknown {
  return request.headers[versionOf(headers) === 8 ? 'sec-websocket-origin' : 'origin']
}

/** Asks the program, which may answer later. */
export function verify(verifyClient: VerifyClient, request: IncomingMessage, asked: UpgradeRequest, done: AdmissionCallback): void {
  const { authorized, encrypted } = (request.socket ?? {}) as { authorized?: boolean; encrypted?: boolean }
  const origin = originOf(request, asked) as string | undefined
  const info: ClientInfo = { origin, secure: Boolean(authorized || encrypted), req: request }
  if (verifyClient.length === 2) {
    verifyClient(info, (verified, status, message, extraHeaders) => {
      done(verified ? null : { status: status || 401, message, headers: extraHeaders })
    })
  } else {
    done((verifyClient as (info: ClientInfo) => boolean)(info) ? null : { status: 401 })
  }
}
