// Keys under which our objects hang on objects that others see, out of the way of anybody's property names.

/**
 * On a socket and on a WebSocket: the transport between them. The same for all copies of this package, since they share the callbacks by
 * which sockets are read (`readers` in receive-buffer.ts): a number that goes up here goes up there.
 */
export const kTransport: unique symbol = Symbol.for('hybi.transport.1')

/** Methods of a WebSocket that do what a program made of the public ones. */
export const kPong = Symbol('hybi.pong')
export const kClose = Symbol('hybi.close')
