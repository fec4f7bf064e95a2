// A heartbeat in a process of its own, by the real clock.

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { root } from './support/run.js'

/** What a program prints that has `attach(stream, options)`, which makes a server's WebSocket, and streams whose peer says nothing. */
async function run(program: string): Promise<string> {
  const source = `
    const { AsyncLocalStorage } = require('node:async_hooks')
    const { Duplex } = require('node:stream')
    const WebSocket = require('./dist/index.cjs')
    const silent = () => new Duplex({ read() {}, write: (chunk, encoding, done) => done() })
    const attach = (stream, options) => {
      const ws = new WebSocket(null, undefined, options)
      ws.setSocket(stream, Buffer.alloc(0), options)
      return ws
    }
    ${program}`
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', source], { cwd: root, timeout: 60_000 })
  return stdout
}

it('does not keep a process alive', async () => {
  // Nor does anything else here, and nothing is due as long as anybody waits for the program
  expect(
    await run(`attach(silent(), { heartbeat: { interval: 1e9 }, idleTimeout: 1e9, maxLifetime: 1e9 }); console.log('at the end')`)
  ).toBe('at the end\n')
})

it('drops in nobody’s async context', async () => {
  const program = `
    const store = new AsyncLocalStorage()
    const keep = setInterval(() => {}, 1e6)
    const seen = []
    const options = { heartbeat: { interval: 1, timeout: 1 } }
    for (const name of ['first', 'second']) {
      store.run(name, () => attach(silent(), options)).on('close', (code) => {
        seen.push(code + ' ' + store.getStore())
        if (seen.length === 2) console.log(seen.join(', ')), clearInterval(keep)
      })
    }`
  expect(await run(program)).toBe('1006 undefined, 1006 undefined\n')
})

it('goes on by the real clock where timers are fakes', async () => {
  const program = `
    const { setInterval: real } = globalThis
    globalThis.setTimeout = globalThis.setInterval = () => { throw new Error('a fake') }
    performance.now = () => 0
    const keep = real(() => {}, 1e6)
    attach(silent(), { heartbeat: { interval: 1, timeout: 1 } }).on('close', (code) => (console.log(code), clearInterval(keep)))`
  expect(await run(program)).toBe('1006\n')
})

it('serves all copies of the package in a process', async () => {
  const program = `
    const keep = setInterval(() => {}, 1e6)
    const path = require.resolve('./dist/index.cjs')
    delete require.cache[path]
    const Other = require(path)
    const options = { heartbeat: { interval: 1, timeout: 1 } }
    const one = attach(silent(), options)
    const two = new Other(null, undefined, options)
    two.setSocket(silent(), Buffer.alloc(0), {})
    let left = 2
    for (const ws of [one, two]) ws.on('close', () => --left || (console.log('both', Other !== WebSocket), clearInterval(keep)))`
  expect(await run(program)).toBe('both true\n')
})
