// What the built package loads and when, and which kernels it works with in which process.

import { describe, expect, it } from 'vitest'
import { evaluate, run } from './support/run.js'

/** Notes every use of WebAssembly and every module that is loaded; `loaded()` gives what is new since it was last asked. */
const WATCH = `
  const seen = []
  for (const name of Object.getOwnPropertyNames(WebAssembly)) {
    if (typeof WebAssembly[name] !== 'function' || /Error$/.test(name)) continue
    WebAssembly[name] = new Proxy(WebAssembly[name], {
      apply(target, self, args) { seen.push('WebAssembly'); return Reflect.apply(target, self, args) },
      construct(target, args) { seen.push('WebAssembly'); return Reflect.construct(target, args) }
    })
  }
  const Module = require('node:module')
  const load = Module._load
  Module._load = function (request) { seen.push(request); return load.apply(this, arguments) }
  const loaded = () => [...new Set(seen.splice(0))].filter((name) => !name.startsWith('node:') && !Module.isBuiltin(name))
`

describe('loading', () => {
  it('of the package alone takes no WebAssembly, no pako and no bufferutil', async () => {
    const seen = await evaluate(`${WATCH}
      require('hybi')
      console.log(JSON.stringify(loaded()))`)
    expect(seen).toEqual(['hybi'])
  })

  it('of hybi/core alone takes no WebAssembly and no other module', async () => {
    const seen = await evaluate(`${WATCH}
      require('hybi/core')
      console.log(JSON.stringify(loaded()))`)
    expect(seen).toEqual(['hybi/core'])
  })

  it('of each happens on first use, and once', async () => {
    const seen = await evaluate(`${WATCH}
      const { WebSocketServer, PerMessageDeflate, kernels } = require('hybi')
      const steps = [loaded()]
      const step = (action) => { action(); steps.push(loaded()) }
      const compress = (codec) => {
        const deflate = new PerMessageDeflate({ codec, threshold: 0, isServer: true })
        deflate.accept([{}])
        deflate.compress(Buffer.from('x'), true, () => {})
      }
      step(() => kernels.available)
      step(() => kernels.available)
      step(() => compress('zlib'))
      step(() => compress('pako'))
      step(() => compress('pako'))
      step(() => compress('wasm'))
      console.log(JSON.stringify(steps))`)
    const steps = (seen as string[][]).map((names) => names.filter((name) => /^(hybi|WebAssembly|bufferutil|pako)$/.test(name)))
    expect(steps).toEqual([['hybi'], ['WebAssembly', 'bufferutil'], [], [], ['pako'], [], ['WebAssembly']])
  })
})

describe('loading the package again', () => {
  /** A conversation of each copy, copies side by side: each of two texts back, compressed. */
  const COPIES = `
    const { once } = require('node:events')
    let memories = 0
    WebAssembly.Memory = new Proxy(WebAssembly.Memory, { construct(target, args) { memories++; return Reflect.construct(target, args) } })
    const load = () => {
      for (const name of Object.keys(require.cache)) delete require.cache[name]
      return require('hybi')
    }
    const converse = async ({ WebSocket, WebSocketServer }, text) => {
      const perMessageDeflate = { threshold: 0 }
      const wss = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate })
      await once(wss, 'listening')
      wss.on('connection', (peer) => peer.on('message', (data, isBinary) => peer.send(data, { binary: isBinary })))
      const ws = new WebSocket('ws://127.0.0.1:' + wss.address().port, { perMessageDeflate })
      await once(ws, 'open')
      const texts = []
      for (const sent of [text, text + text]) {
        ws.send(sent)
        const [received] = await once(ws, 'message')
        texts.push(received.toString() === sent)
      }
      ws.close()
      wss.close()
      await once(wss, 'close')
      return texts
    }`

  it('finds the memories and the codec that are there', async () => {
    const seen = await evaluate(`${COPIES}
      void (async () => {
        const copies = [load(), load(), load()]
        const texts = await Promise.all(copies.map((copy, i) => converse(copy, 'grüße '.repeat(500 * (i + 1)))))
        const available = copies.map((copy) => copy.kernels.available.length)
        console.log(JSON.stringify({ differ: copies[0] !== copies[1], texts, memories, same: new Set(available).size }))
      })()`)
    const copies = [1, 2, 3].map(() => [true, true])
    expect(seen).toEqual({ differ: true, texts: copies, memories: 2, same: 1 })
  })

  it('finds nothing of the program that started a worker', async () => {
    const inWorker = `${COPIES}
      void converse(load(), 'text').then((texts) => require('node:worker_threads').parentPort.postMessage([texts, memories]))`
    const seen = await evaluate(`${COPIES}
      const { Worker } = require('node:worker_threads')
      void (async () => {
        await converse(load(), 'text')
        const worker = new Worker(${JSON.stringify(inWorker)}, { eval: true })
        console.log(JSON.stringify([memories, ...(await once(worker, 'message'))[0]]))
      })()`)
    expect(seen).toEqual([2, [true, true], 2])
  })

  it('shows nothing to who lists what is global or on process', async () => {
    const seen = await evaluate(`${COPIES}
      const names = () => [process, globalThis].flatMap((object) => Reflect.ownKeys({ ...object }).map(String))
      const before = names()
      void converse(load(), 'text').then(() => console.log(JSON.stringify([before, names()])))`)
    const [before, after] = seen as unknown[]
    expect(after).toEqual(before)
  })
})

/** A conversation over loopback with both roles in one process; prints what it came to. */
const CONVERSATION = `
  const { WebSocket, WebSocketServer, kernels } = require('hybi')
  const options = JSON.parse(process.env.OPTIONS || '{}')
  const text = 'grüße 👋 '.repeat(500)
  const octets = Buffer.from(Array.from({ length: 70_000 }, (_, i) => (i * 31) & 255))
  const wss = new WebSocketServer({ port: 0, host: '127.0.0.1', ...options }, () => {
    const ws = new WebSocket('ws://127.0.0.1:' + wss.address().port, options)
    const report = { default: kernels.default, available: kernels.available }
    let received = 0
    wss.on('connection', (peer) => {
      report.server = peer.kernels
      peer.on('message', (data, isBinary) => peer.send(data, { binary: isBinary }))
    })
    ws.on('open', () => { report.client = ws.kernels; ws.send(text); ws.send(octets); ws.send('') })
    ws.on('message', (data, isBinary) => {
      received++
      if (received === 1) report.text = !isBinary && data.toString() === text
      else if (received === 2) report.octets = isBinary && octets.equals(data)
      else ws.close(1000)
    })
    ws.on('close', (code) => {
      report.closed = code
      wss.close(() => console.log(JSON.stringify(report)))
    })
  })
`
const WORKED = { text: true, octets: true, closed: 1000 }

interface Report {
  default: string
  available: string[]
  server: string
  client: string
}

const converse = (env: Record<string, string> = {}, flags: string[] = []) =>
  evaluate(CONVERSATION, { env, flags }) as Promise<Report>

describe('kernels', () => {
  it('are auto by default, and wasm, native and js can be had', async () => {
    const report = await converse()
    expect(report).toMatchObject({ ...WORKED, default: 'auto', available: ['wasm', 'native', 'js'] })
    expect(report.available).toContain(report.server)
    expect(report.client).toBe(report.server)
  })

  it.each(['wasm', 'js', 'native'])('are those that HYBI_KERNELS names: %s', async (name) => {
    const report = await converse({ HYBI_KERNELS: name })
    expect(report).toMatchObject({ ...WORKED, default: name, server: name, client: name })
  })

  it.each(['wasm', 'js', 'native'])('are those that the option names, whatever HYBI_KERNELS says: %s', async (name) => {
    const report = await converse({ HYBI_KERNELS: name === 'js' ? 'wasm' : 'js', OPTIONS: JSON.stringify({ kernels: name }) })
    expect(report).toMatchObject({ ...WORKED, server: name, client: name })
  })

  it('work with compression too', async () => {
    for (const name of ['wasm', 'js']) {
      expect(await converse({ HYBI_KERNELS: name, OPTIONS: '{"perMessageDeflate":true}' })).toMatchObject({
        ...WORKED,
        server: name
      })
    }
  })

  it('are not guessed where the name is unknown: both roles throw a TypeError with the choices', async () => {
    const attempt = `
      const { WebSocket, WebSocketServer } = require('hybi')
      const errors = []
      for (const make of [() => new WebSocketServer({ noServer: true }), () => new WebSocket('ws://127.0.0.1:9')]) {
        try { make() } catch ({ name, message }) { errors.push(name + ': ' + message) }
      }
      console.log(JSON.stringify(errors))`
    const message = expect.stringMatching(/^TypeError: .*asm.*'auto', 'wasm', 'js' or 'native'/) as unknown
    expect(await evaluate(attempt, { env: { HYBI_KERNELS: 'asm' } })).toEqual([message, message])
  })
})

describe('without WebAssembly', () => {
  const compressed = JSON.stringify({ perMessageDeflate: true })

  it('a conversation works (--jitless)', async () => {
    const report = await converse({}, ['--jitless'])
    expect(report).toMatchObject({ ...WORKED, default: 'auto', available: ['native', 'js'] })
    expect(await converse({ WS_NO_BUFFER_UTIL: '1', OPTIONS: compressed }, ['--jitless'])).toMatchObject({
      ...WORKED,
      available: ['js'],
      server: 'js',
      client: 'js'
    })
  })

  it.each([{}, { OPTIONS: compressed }, { WS_NO_BUFFER_UTIL: '1' }])(
    'a conversation works where its memory cannot be reserved (ulimit -v), with %o',
    async (env) => {
      const script = `ulimit -v 4000000; exec "${process.execPath}" -e "$PROGRAM"`
      const { code, stdout, stderr } = await run('bash', ['-c', script], { env: { ...env, PROGRAM: CONVERSATION } })
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      const report = JSON.parse(stdout) as Report
      expect(report).toMatchObject(WORKED)
      expect(report.available).not.toContain('wasm')
    }
  )

  it('asking for wasm is an error that says why it cannot be had', async () => {
    const { code, stderr } = await run(process.execPath, [
      '--jitless',
      '-e',
      `new (require('hybi').WebSocketServer)({ noServer: true, kernels: 'wasm' })`
    ])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^Error: The 'wasm' kernels need WebAssembly with SIMD/m)
  })
})

describe('WS_NO_BUFFER_UTIL', () => {
  it('keeps bufferutil from being loaded, which native then needs', async () => {
    const seen = await evaluate(
      `${WATCH}
      const { WebSocketServer, kernels } = require('hybi')
      const { available } = kernels
      let error = ''
      try { new WebSocketServer({ noServer: true, kernels: 'native' }) } catch ({ message }) { error = message }
      console.log(JSON.stringify({ available, error, loaded: loaded() }))`,
      { env: { WS_NO_BUFFER_UTIL: '1' } }
    )
    expect(seen).toEqual({
      available: ['wasm', 'js'],
      error: expect.stringMatching(/^The 'native' kernels need a native mask/) as unknown,
      loaded: ['hybi', 'WebAssembly']
    })
  })
})
