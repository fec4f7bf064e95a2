// Keys under which our objects hang on objects that others see, out of the way of anybody's property names.

/** On a socket and on a WebSocket: the transport between them. */
export const kTransport = Symbol('hybi.transport')
