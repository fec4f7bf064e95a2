// Preloaded into a program: its servers tell their ports, and stay open whatever the program does. With STORE=down no session can be read.

import http from 'node:http'
import https from 'node:https'
import { createRequire } from 'node:module'
import net from 'node:net'

const { WebSocketServer } = createRequire(import.meta.url)('hybi')

const { listen } = net.Server.prototype
net.Server.prototype.listen = function (...args) {
  this.once('listening', () => console.log(`[port ${this.address().port}]`))
  return listen.apply(this, args)
}

for (const { prototype } of [net.Server, http.Server, https.Server, WebSocketServer]) {
  prototype.close = prototype.closeAllConnections = function () {
    return this
  }
}

if (process.env.STORE === 'down') {
  const { MemoryStore } = createRequire(import.meta.url)('express-session')
  MemoryStore.prototype.get = (_id, done) => done(new Error('the store is down'))
}
