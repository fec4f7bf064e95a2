// Keys under which our objects hang on objects that others see, out of the way of anybody's property names.

/**
 * On a socket: its link. The same for all copies of this package, since they share the callbacks by which sockets are read (`regions` in
 * receive-buffer.ts): a number that goes up here goes up there.
 */
export const kLink: unique symbol = Symbol.for('hybi.link.1')

/** On a WebSocket: what delivers to it. */
export const kDelivery = Symbol('hybi.delivery')

// What services add to a WebSocket; see src/services

/** Called when more waits to be sent than before, and the system did not take it at once. */
export const kBuffered = Symbol('hybi.buffered')
/** Called when our close frame is sent. */
export const kClosing = Symbol('hybi.closing')
/** 'string' if text is to be given to listeners as strings. */
export const kTextType = Symbol('hybi.textType')

// Own state of a WebSocket, where no subclass can have a property of the same name

/** Its state before there is a delivery, and whether it is a server's. */
export const kReadyState = Symbol('hybi.readyState')
export const kIsServer = Symbol('hybi.isServer')
/** What was negotiated, by name. */
export const kExtensions = Symbol('hybi.extensions')
/** Options that hold for its life. */
export const kSettings = Symbol('hybi.settings')

/** Methods of a WebSocket that do what a program made of the public ones. */
export const kPong = Symbol('hybi.pong')
export const kClose = Symbol('hybi.close')
