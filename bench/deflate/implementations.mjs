// Who compresses: the WASM codec, node:zlib in two ways, ws, and pako. Each opens a connection: what one side deflates and another inflates.

import { constants, createDeflateRaw, createInflateRaw } from 'node:zlib'
import { PerMessageDeflate } from 'ws'
import { createPakoCodec, createWasmCodec } from '../../dist/core.mjs'

/** zlib without its thread pool, which Node offers for whole streams only: its handle, as the best that could be had of it. */
function syncZlib(create, options) {
  const stream = create(options)
  const output = Buffer.allocUnsafeSlow(1 << 18)
  return (input) => {
    stream._handle.writeSync(constants.Z_SYNC_FLUSH, input, 0, input.length, output, 0, output.length)
    return Buffer.from(output.subarray(0, output.length - stream._writeState[0]))
  }
}

/** zlib as streams use it: written to, then flushed. */
function asyncZlib(create, options) {
  const stream = create(options)
  let chunks = []
  stream.on('data', (chunk) => chunks.push(chunk))
  return (input) =>
    new Promise((resolve) => {
      stream.write(input)
      stream.flush(constants.Z_SYNC_FLUSH, () => {
        const output = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)
        chunks = []
        resolve(output)
      })
    })
}

const TRAILER = Buffer.from([0, 0, 0xff, 0xff])
const ofZlib = (wrap) => (windowBits) => {
  const deflate = wrap(createDeflateRaw, { windowBits })
  const inflate = wrap(createInflateRaw, { windowBits })
  const cut = (octets) => octets.subarray(0, -4)
  return {
    deflate(input) {
      const result = deflate(input)
      return result instanceof Promise ? result.then(cut) : cut(result)
    },
    inflate: (input) => inflate(Buffer.concat([input, TRAILER])),
    close() {}
  }
}

const ofCodec =
  (codec, noContextTakeover = false) =>
  (windowBits) => {
    const options = { windowBits, noContextTakeover, zlib: undefined }
    const deflater = codec.createDeflater(options)
    const inflater = codec.createInflater(options)
    return {
      deflate: (input) => deflater.deflate(input, true, () => {}),
      inflate: (input) => inflater.inflate(input, true, Infinity, () => {}),
      close() {
        deflater.close()
        inflater.close()
      }
    }
  }

/** As ws does it for each message. */
function ofWs(windowBits) {
  const params = { server_max_window_bits: [String(windowBits)] }
  const server = new PerMessageDeflate({ isServer: true, threshold: 0, serverMaxWindowBits: windowBits })
  server.accept([{ ...params }])
  const client = new PerMessageDeflate({ threshold: 0 })
  client.accept([{ ...params }])
  const run = (method, extension) => (input) =>
    new Promise((resolve, reject) => {
      extension[method](input, true, (error, octets) => (error ? reject(error) : resolve(octets)))
    })
  return {
    deflate: run('compress', server),
    inflate: run('decompress', client),
    close() {
      server.cleanup()
      client.cleanup()
    }
  }
}

/** With pauses only where they are asked for: their time is not the codec's. */
export const wasm = (defer) => createWasmCodec({ defer, allocate: Buffer.allocUnsafe, copy })

function copy(octets, start, end) {
  const target = Buffer.allocUnsafe(end - start)
  target.set(octets.subarray(start, end))
  return target
}

/** By the name in tables: a function that opens a connection with a window of so many bits. */
export const IMPLEMENTATIONS = {
  hybi: ofCodec(wasm()),
  'hybi, no takeover': ofCodec(wasm(), true),
  ws: ofWs,
  'zlib, synchronous': ofZlib(syncZlib),
  'zlib, thread pool': ofZlib(asyncZlib),
  pako: ofCodec(createPakoCodec())
}
