// What is declared by hand holds for the source: each line names the members where the two differ, and nothing else may.
import type { EventEmitter } from 'node:events'
import type { RequestOptions } from 'node:https'
import type { Duplex, DuplexOptions } from 'node:stream'
import type { ConnectionOptions } from 'node:tls'
import type { CodecChoice } from '../../../src/node/codecs/choice.js'
import type { Violation } from '../../../src/core/errors.js'
import type { NegotiationOptions } from '../../../src/core/permessage-deflate.js'
import type { KernelsName } from '../../../src/core/kernels.js'
import Source from '../../../src/index.js'
import type { PerMessageDeflateOptions } from '../../../src/node/compat/permessage-deflate.js'
import type { ReceiverOptions } from '../../../src/node/compat/receiver.js'
import type { FrameOptions, SendOptions } from '../../../src/node/compat/sender.js'
import type { ClientOptions, CommonOptions, ServerOptions, SocketOptions } from '../../../src/node/options.js'
import Declared from '../../../src/types/index.cjs'
import type { ConnectionServiceOptions } from '../../../src/services/connection-options.js'
import type { ConnectionServices } from '../../../src/services/connection-services.js'
import { equal, type Differing, type Same, type Undeclared } from '../equal.cjs'

equal<Same<Declared.ErrorCode, `WS_ERR_${Violation}` | 'WS_ERR_BUFFER_OVERFLOW'>>(true)
equal<Same<Declared.KernelsName, KernelsName>>(true)
equal<Same<Declared.KernelsOption, typeof Source.kernels.default>>(true)
equal<Same<NonNullable<Declared.PerMessageDeflateOptions['codec']>, CodecChoice>>(true)

type Socket = Omit<InstanceType<typeof Source>, keyof EventEmitter>
equal<Same<Undeclared<Socket, Declared>, 'emitClose'>>(true)
equal<Same<Differing<Socket, Omit<Declared, keyof EventEmitter>>, 'binaryType' | 'readyState' | 'url' | TypedListeners>>(true)
/** The source is not told which event object comes with which name. */
type TypedListeners = 'addEventListener' | 'removeEventListener' | 'onopen' | 'onmessage' | 'onclose' | 'onerror'

equal<Same<Undeclared<typeof Source, typeof Declared>, never>>(true)
equal<Same<Differing<typeof Source, Omit<typeof Declared, Checked>>, never>>(true)
type Checked = 'prototype' | 'WebSocket' | 'WebSocketServer' | 'Server' | 'PerMessageDeflate' | 'Sender' | 'createWebSocketStream'
export const detached: new (address: null, protocols?: undefined, options?: Declared.ServerSideOptions) => object = Source
export const frame: typeof Declared.Sender.frame = Source.Sender.frame
export const extensionName: string = Source.PerMessageDeflate.extensionName
export const stream: Duplex = Source.createWebSocketStream({} as InstanceType<typeof Source>, {} as DuplexOptions)

type Server = Omit<InstanceType<typeof Source.Server>, keyof EventEmitter>
equal<Same<Undeclared<Server, Declared.Server>, 'completeUpgrade' | 'broadcast' | 'shutdown'>>(true)
equal<Same<Undeclared<Pick<Server, 'broadcast' | 'shutdown'>, Declared.ServerServices>, never>>(true)
equal<Same<Differing<InstanceType<typeof Source.Server>, Declared.ServerServices>, 'broadcast'>>(true)
equal<Same<Differing<Server, Omit<Declared.Server, keyof EventEmitter>>, 'path' | 'options' | 'clients' | 'handleUpgrade'>>(true)

type Receiver = InstanceType<typeof Source.Receiver>
equal<Same<Undeclared<Receiver, Declared.Receiver>, never>>(true)
equal<Same<Differing<Receiver, Declared.Receiver>, never>>(true)

type Sender = InstanceType<typeof Source.Sender>
equal<Same<Undeclared<Sender, Declared.Sender>, 'onerror' | 'sendFrame'>>(true)
equal<Same<Differing<Sender, Declared.Sender>, never>>(true)

type PerMessageDeflate = InstanceType<typeof Source.PerMessageDeflate>
type Steps = 'acceptAsClient' | 'acceptAsServer' | 'normalizeParams' | 'transform'
equal<Same<Undeclared<PerMessageDeflate, Declared.PerMessageDeflate>, Steps>>(true)
equal<Same<Differing<PerMessageDeflate, Declared.PerMessageDeflate>, never>>(true)

type OwnClientOptions = Omit<ClientOptions<InstanceType<typeof Source>>, Exclude<keyof RequestOptions, 'headers'>>
equal<Same<Undeclared<OwnClientOptions, Declared.ClientOptions>, never>>(true)
equal<Same<Differing<Declared.ClientOptions, OwnClientOptions>, 'finishRequest'>>(true)
equal<Same<Undeclared<ServerOptions, Declared.ServerOptions>, never>>(true)
equal<Same<Differing<Declared.ServerOptions, ServerOptions<typeof Source>>, 'WebSocket' | 'verifyClient'>>(true)
equal<Same<Exclude<keyof Declared.ServerOptions, keyof ServerOptions>, never>>(true)
equal<Same<Exclude<keyof Declared.ClientOptions, keyof ClientOptions | keyof ConnectionOptions | 'protocol'>, never>>(true)
equal<Same<keyof Declared.ServerSideOptions, keyof CommonOptions | keyof ConnectionServiceOptions>>(true)
equal<Same<Differing<ConnectionServices, Declared.Connection>, Exclude<keyof Declared, keyof ConnectionServices>>>(true)
equal<Same<keyof Declared.SocketOptions, keyof SocketOptions>>(true)
equal<Same<keyof Declared.PerMessageDeflateOptions, Exclude<keyof PerMessageDeflateOptions, Inner>>>(true)
type Inner = 'isServer' | 'maxPayload'
equal<Same<keyof Declared.ReceiverOptions, keyof ReceiverOptions>>(true)
equal<Same<keyof Declared.FrameOptions, keyof FrameOptions>>(true)
equal<Same<keyof Declared.SendOptions, keyof SendOptions>>(true)
export const negotiation: NegotiationOptions = {} as Declared.PerMessageDeflateOptions
