// How a server refuses a request.

import type { EventEmitter } from 'node:events'
import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { type Refusal, refusalResponse } from '../../core/opening-handshake.js'
import { asSocket, type DirectReader, DirectSocket, endStream, failStream, isDirect } from '../links/direct-socket.js'
import { refusedChannel } from '../runtime/channels.js'

/** A refusal that the program may have given: anything may be in it. */
export interface GivenRefusal {
  status: number
  message?: string | undefined
  headers?: Readonly<Record<string, unknown>> | undefined
}

/** Refuses a request that is wrong, or leaves that to listeners of the server's event 'wsClientError'. */
export function reject(server: EventEmitter, request: IncomingMessage, socket: Duplex, refusal: Refusal): void {
  if (server.listenerCount('wsClientError') > 0) {
    publish(socket, refusal, request)
    server.emit('wsClientError', new Error(refusal.message), socket, request)
  } else refuse(socket, refusal, request)
}

/**
 * Answers with a refusal.
 * @param request for those who observe
 * @throws {RangeError} and {TypeError} for one that cannot be sent: the client gets 500 then
 */
export function refuse(socket: Duplex, refusal: GivenRefusal, request?: IncomingMessage): void {
  let response: string
  try {
    response = refusalResponse(refusal, STATUS_CODES[refusal.status])
  } catch (error) {
    fail(socket, request)
    throw error
  }
  publish(socket, refusal, request)
  end(socket, response)
}

/** Answers with 500: the program gave something that cannot be sent. */
export function fail(socket: Duplex, request?: IncomingMessage): void {
  publish(socket, { status: 500 }, request)
  end(socket, refusalResponse({ status: 500 }, STATUS_CODES[500]))
}

function publish(socket: Duplex, { status, message }: GivenRefusal, request: IncomingMessage | undefined): void {
  if (refusedChannel.hasSubscribers) refusedChannel.publish({ request, socket, status, message })
}

function end(socket: Duplex, response: string): void {
  socket.once('finish', socket.destroy)
  socket.end(response)
}

/** Has errors of a socket destroy it as long as the handshake is under way. */
export function watchErrors(socket: Duplex): void {
  // One without a stream has none
  if (isDirect(socket)) DirectSocket.setReader(socket, WATCHED)
  else socket.on('error', destroySocket)
}

export function unwatchErrors(socket: Duplex): void {
  if (isDirect(socket)) DirectSocket.setReader(socket, UNWATCHED)
  else socket.removeListener('error', destroySocket)
}

/** Reads a socket whose request is being answered: whatever comes makes it a stream. */
export const UNWATCHED: DirectReader = {
  receiveDirect(socket, length) {
    const octets = DirectSocket.copyOf(socket, length)
    DirectSocket.realise(socket).push(octets)
  },
  directEnded: endStream,
  directFailed: failStream,
  directClosed() {},
  realised() {}
}

const WATCHED: DirectReader = {
  ...UNWATCHED,
  realised(socket) {
    asSocket(socket).on('error', destroySocket)
  }
}

function destroySocket(this: Duplex): void {
  this.destroy()
}
