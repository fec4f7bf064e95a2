/// <reference types="node" />

// The types of `import ... from 'hybi'`. The classes are declared anew, as subclasses that add nothing, because a module augmentation
// (`declare module 'hybi' { interface WebSocket { isAlive: boolean } }`) merges with declarations only, not with what is re-exported.

import { IncomingMessage } from 'http'
import Base = require('./index.cjs')

declare class WebSocket extends Base {}

declare namespace WebSocket {
  export import AbortOptions = Base.AbortOptions
  export import AddressInfo = Base.AddressInfo
  export import BinaryType = Base.BinaryType
  export import BinaryTypeMap = Base.BinaryTypeMap
  export import BroadcastOptions = Base.BroadcastOptions
  export import CertMeta = Base.CertMeta
  export import ClientOptions = Base.ClientOptions
  export import CloseCause = Base.CloseCause
  export import CloseEvent = Base.CloseEvent
  export import CodedError = Base.CodedError
  export import Connection = Base.Connection
  export import Data = Base.Data
  export import DeflateParameters = Base.DeflateParameters
  export import DiagnosticsMessages = Base.DiagnosticsMessages
  export import ErrorCode = Base.ErrorCode
  export import ErrorEvent = Base.ErrorEvent
  export import Event = Base.Event
  export import EventListenerOptions = Base.EventListenerOptions
  export import ExtensionParameters = Base.ExtensionParameters
  export import FinishRequestCallback = Base.FinishRequestCallback
  export import FrameOptions = Base.FrameOptions
  export import HeartbeatExpectation = Base.HeartbeatExpectation
  export import HeartbeatOptions = Base.HeartbeatOptions
  export import Kernels = Base.Kernels
  export import KernelsName = Base.KernelsName
  export import KernelsOption = Base.KernelsOption
  export import LifetimeOptions = Base.LifetimeOptions
  export import MessageEvent = Base.MessageEvent
  export import PerMessageDeflateOptions = Base.PerMessageDeflateOptions
  export import RateLimitOptions = Base.RateLimitOptions
  export import RawData = Base.RawData
  export import ReceiverOptions = Base.ReceiverOptions
  export import SendOptions = Base.SendOptions
  export import ServerServices = Base.ServerServices
  export import ServerSideOptions = Base.ServerSideOptions
  export import ShutdownOptions = Base.ShutdownOptions
  export import ShutdownResult = Base.ShutdownResult
  export import ServerStats = Base.ServerStats
  export import SocketOptions = Base.SocketOptions
  export import TextType = Base.TextType
  export import VerifyClientCallbackAsync = Base.VerifyClientCallbackAsync
  export import VerifyClientCallbackSync = Base.VerifyClientCallbackSync
  export import WebSocketEventMap = Base.WebSocketEventMap

  interface ServerOptions<
    U extends Base.Connections = typeof WebSocket,
    V extends typeof IncomingMessage = typeof IncomingMessage,
    Context = unknown
  > extends Base.ServerOptions<U, V, Context> {}
}

declare class Server<
  T extends Base.Connections = typeof WebSocket,
  U extends typeof IncomingMessage = typeof IncomingMessage,
  Context = undefined
> extends Base.Server<T, U, Context> {}

export import AbortOptions = WebSocket.AbortOptions
export import AddressInfo = WebSocket.AddressInfo
export import BinaryType = WebSocket.BinaryType
export import BinaryTypeMap = WebSocket.BinaryTypeMap
export import BroadcastOptions = WebSocket.BroadcastOptions
export import CertMeta = WebSocket.CertMeta
export import ClientOptions = WebSocket.ClientOptions
export import CloseCause = WebSocket.CloseCause
export import CloseEvent = WebSocket.CloseEvent
export import CodedError = WebSocket.CodedError
export import Connection = WebSocket.Connection
export import Data = WebSocket.Data
export import DeflateParameters = WebSocket.DeflateParameters
export import DiagnosticsMessages = WebSocket.DiagnosticsMessages
export import ErrorCode = WebSocket.ErrorCode
export import ErrorEvent = WebSocket.ErrorEvent
export import Event = WebSocket.Event
export import EventListenerOptions = WebSocket.EventListenerOptions
export import ExtensionParameters = WebSocket.ExtensionParameters
export import FinishRequestCallback = WebSocket.FinishRequestCallback
export import FrameOptions = WebSocket.FrameOptions
export import HeartbeatExpectation = WebSocket.HeartbeatExpectation
export import HeartbeatOptions = WebSocket.HeartbeatOptions
export import Kernels = WebSocket.Kernels
export import KernelsName = WebSocket.KernelsName
export import KernelsOption = WebSocket.KernelsOption
export import LifetimeOptions = WebSocket.LifetimeOptions
export import MessageEvent = WebSocket.MessageEvent
export import PerMessageDeflateOptions = WebSocket.PerMessageDeflateOptions
export import RateLimitOptions = WebSocket.RateLimitOptions
export import RawData = WebSocket.RawData
export import ReceiverOptions = WebSocket.ReceiverOptions
export import SendOptions = WebSocket.SendOptions
export import ServerOptions = WebSocket.ServerOptions
export import ServerServices = WebSocket.ServerServices
export import ServerSideOptions = WebSocket.ServerSideOptions
export import ShutdownOptions = WebSocket.ShutdownOptions
export import ShutdownResult = WebSocket.ShutdownResult
export import ServerStats = WebSocket.ServerStats
export import SocketOptions = WebSocket.SocketOptions
export import TextType = WebSocket.TextType
export import VerifyClientCallbackAsync = WebSocket.VerifyClientCallbackAsync
export import VerifyClientCallbackSync = WebSocket.VerifyClientCallbackSync
export import WebSocketEventMap = WebSocket.WebSocketEventMap

export import PerMessageDeflate = Base.PerMessageDeflate
export import Receiver = Base.Receiver
export import Refusal = Base.Refusal
export import Sender = Base.Sender
export import createWebSocketStream = Base.createWebSocketStream
export import extension = Base.extension
export import kernels = Base.kernels
export import subprotocol = Base.subprotocol

export { type Server }
export interface WebSocketServerConstructor extends Omit<typeof Server, 'prototype'> {
  readonly prototype: Server<any, any>
  new <T extends Base.Connections, U extends typeof IncomingMessage, Context>(
    options?: ServerOptions<T, U, Context>,
    callback?: () => void
  ): Server<Base.ChosenClass<T, typeof WebSocket>, U, Context> &
    Base.ServerServices<InstanceType<Base.ChosenClass<T, typeof WebSocket>>>
  new <T extends Base.Connections = typeof WebSocket, U extends typeof IncomingMessage = typeof IncomingMessage>(
    options?: ServerOptions<T, U>,
    callback?: () => void
  ): Server<T, U>
}
export const WebSocketServer: WebSocketServerConstructor
export interface WebSocketServer<Context = undefined>
  extends Server<typeof WebSocket, typeof IncomingMessage, Context>, Base.ServerServices<WebSocket> {}

export { WebSocket, WebSocket as default }
