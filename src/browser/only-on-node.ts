// What the package has on Node alone, under the same names, so that code for both sides can be bundled: using it is an error that says so.

/** @throws Error always, with what to do about it */
export function onlyOnNode(name: string): never {
  throw new Error(
    `${name} needs Node.js: a browser does not let a page do that. Where this is Node.js all the same, as in Jest with jsdom, ` +
      `the package was loaded with the condition "browser": use "node" (in Jest, testEnvironmentOptions.customExportConditions)`
  )
}

export class WebSocketServer {
  constructor() {
    onlyOnNode('WebSocketServer')
  }
}

export class Receiver {
  constructor() {
    onlyOnNode('Receiver')
  }
}

export class Refusal {
  constructor() {
    onlyOnNode('Refusal')
  }
}

export class Sender {
  constructor() {
    onlyOnNode('Sender')
  }

  static frame(): never {
    return onlyOnNode('Sender.frame')
  }
}

export class PerMessageDeflate {
  static readonly extensionName = 'permessage-deflate'

  constructor() {
    onlyOnNode('PerMessageDeflate')
  }
}

export function createWebSocketStream(): never {
  return onlyOnNode('createWebSocketStream')
}

export const extension = {
  format: (): never => onlyOnNode('extension.format'),
  parse: (): never => onlyOnNode('extension.parse')
}

export const subprotocol = {
  parse: (): never => onlyOnNode('subprotocol.parse')
}

/** A browser masks and validates by itself: there is nothing to choose. */
export const kernels = { default: 'auto', available: Object.freeze([]) as readonly never[] }
