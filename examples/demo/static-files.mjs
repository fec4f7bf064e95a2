// The page's files, from a fixed list: a request's path selects an entry and never reaches the file system.

import { readFileSync } from 'node:fs'

const HTML = 'text/html; charset=utf-8'
const CSS = 'text/css; charset=utf-8'
const SCRIPT = 'text/javascript; charset=utf-8'

const FILES = [
  ['/', './page/index.html', HTML],
  ['/style.css', './page/style.css', CSS],
  ['/favicon.svg', './page/favicon.svg', 'image/svg+xml'],
  ['/main.js', './page/main.js', SCRIPT],
  ['/connection.js', './page/connection.js', SCRIPT],
  ['/chat.js', './page/chat.js', SCRIPT],
  ['/round-trips.js', './page/round-trips.js', SCRIPT],
  ['/line-chart.js', './page/line-chart.js', SCRIPT],
  ['/kernel-benchmark.js', './page/kernel-benchmark.js', SCRIPT],
  ['/kernel-worker.js', './page/kernel-worker.js', SCRIPT],
  ['/core.mjs', '../../dist/core.mjs', SCRIPT]
]

const HEADERS = {
  // 'wasm-unsafe-eval': the kernels are WebAssembly. Connections, scripts and workers come from this server alone.
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; img-src 'self'; " +
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  // An isolated page's clock ticks every 5 µs instead of every 100 µs; a round trip over loopback takes a few hundred.
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-cache'
}

/** Reads the files once; returns the listener for HTTP requests. */
export function loadPage() {
  const files = new Map(FILES.map(([path, file, type]) => [path, { type, body: readFileSync(new URL(file, import.meta.url)) }]))
  return (request, response) => {
    const file = files.get(request.url.split('?', 1)[0])
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      answer(response, 405, 'text/plain', 'Method not allowed\n', { Allow: 'GET, HEAD' })
    } else if (file === undefined) {
      answer(response, 404, 'text/plain', 'Not found\n')
    } else {
      answer(response, 200, file.type, file.body)
    }
  }
}

function answer(response, status, type, body, headers = {}) {
  response.writeHead(status, {
    ...HEADERS,
    ...headers,
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body)
  })
  response.end(body) // to HEAD, Node sends the headers alone
}
