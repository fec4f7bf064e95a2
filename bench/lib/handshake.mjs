// Opening handshakes by hand, for load and the raw socket (RFC 6455 §4).

import { createHash } from 'node:crypto'

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='

const accept = (key) =>
  createHash('sha1')
    .update(key + GUID)
    .digest('base64')
const ACCEPT = accept(KEY)

/** A client's request; `compress` offers permessage-deflate, 'no-takeover' without context takeover in either direction. */
export function request(path, compress) {
  const offer =
    compress === undefined
      ? ''
      : `Sec-WebSocket-Extensions: permessage-deflate${compress === 'no-takeover' ? '; client_no_context_takeover; server_no_context_takeover' : ''}\r\n`
  return (
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\n${offer}\r\n`
  )
}

/** Throws unless a response head opens a connection as asked. */
export function checkResponse(head, compress) {
  if (!head.startsWith('HTTP/1.1 101 ')) throw new Error(`not upgraded: ${head.split('\r\n', 1)[0]}`)
  if (!head.includes(ACCEPT)) throw new Error('wrong Sec-WebSocket-Accept')
  if (/permessage-deflate/i.test(head) !== (compress !== undefined))
    throw new Error('permessage-deflate was not negotiated as asked')
}

/** A server's answer to a request head, and the path that was asked for. */
export function respond(head) {
  const key = /^sec-websocket-key: *(\S+)/im.exec(head)[1]
  const response = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept(key)}\r\n\r\n`
  return { path: head.split(' ', 2)[1], response }
}
