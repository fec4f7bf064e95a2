// The entry hybi/core: the protocol without any I/O, for every JavaScript runtime. It needs nothing but what is in this bundle.

import * as pako from 'pako'
import { createPakoCodec as createCodec, type PakoCodecOptions } from './codecs/pako.js'
import type { DeflateCodec } from './core/codec.js'

export type { PakoCodecOptions } from './codecs/pako.js'
export { createWasmCodec, type WasmCodecOptions } from './codecs/wasm.js'
export { base64Decode, base64Encode } from './core/base64.js'
export { isValidCloseCode, parseClosePayload, serializeClosePayload, type CloseStatus } from './core/close.js'
export type { Clock } from './core/clock.js'
export { Connection } from './core/connection.js'
export type { ConnectionHandler, ConnectionOptions, Rest } from './core/connection-handler.js'
export * as constants from './core/constants.js'
export { closeCodeOf, protocolError, type ProtocolError, type Violation } from './core/errors.js'
export * as extension from './core/extension.js'
export { FrameHeader, headerSize, parseFrameHeader, serializeFrameHeader, type HeaderContext } from './core/frame-header.js'
export { parseRequest, parseResponse, serializeRequest } from './core/http-head.js'
export { rotateKey, secureMaskingKeys, userMaskingKeys, type MaskingKeySource } from './core/masking-key.js'
export { OctetQueue } from './core/octet-queue.js'
export {
  acceptanceFields,
  acceptanceLines,
  acceptExtensionOffers,
  acceptKey,
  checkRequest,
  checkResponse,
  checkSubprotocols,
  createKey,
  parseSubprotocolOffers,
  refusalResponse,
  requestHeaders,
  serializeHead
} from './core/opening-handshake.js'
export {
  accept as negotiateDeflate,
  MessageDeflate,
  offer as offerDeflate,
  type DeflateParameters,
  type NegotiationOptions
} from './core/permessage-deflate.js'
export type * from './core/codec.js'
export type * from './core/kernels.js'
export type * from './core/runtime.js'
export { createPortableRuntime, type PortableRuntime } from './core/portable-runtime.js'
export type { ReceiverOptions } from './core/intake.js'
export type { MessageDeflater, MessageInflater, MessageTransform } from './core/message-codec.js'
export type { ReceiverHandler } from './core/message-events.js'
export type { Output, PreparedMessage, Repeats, WriteCallback } from './core/output.js'
export type { Platform, ReceiverPlatform, SenderPlatform } from './core/platform.js'
export { portableClock } from './core/portable-clock.js'
export { Receiver } from './core/receiver.js'
export {
  ENTRY_NUMBERS,
  NON_ASCII,
  SCAN_FRAGMENTED,
  SCAN_MASKED,
  SCAN_RSV1,
  SCAN_SKIP_UTF8,
  SEEN_NON_ASCII
} from './core/scan-flags.js'
export * from './core/send-flags.js'
export { Sender, type Payload } from './core/sender.js'
export { sha1 } from './core/sha1.js'
export * as subprotocol from './core/subprotocol.js'
export { utf8Decode, utf8Length, utf8Write } from './core/utf8.js'
export { availableKernels, createJsKernels, createWasmKernels, selectKernels } from './kernels/index.js'

/** Raw DEFLATE by pako, which this bundle brings along. */
export function createPakoCodec(options?: PakoCodecOptions): DeflateCodec {
  return createCodec(() => pako, options)
}
