// The kernel micro-benchmark: the isomorphic core's WASM kernels against its JS ones, off the page's thread.

import { createJsKernels, createWasmKernels } from '/core.mjs'

const SIZES = [
  ['64 B', 64],
  ['1 KiB', 1024],
  ['16 KiB', 16 * 1024],
  ['64 KiB', 64 * 1024]
]
const BATCH_MS = 3
/** Batches of each contender, for each operation and size: a quarter of a second or so together. */
const BATCHES = 27
const KEY = 0x37fa213d

const MIXED = 'Grüße, κόσμε, привет, 世界, こんにちは, नमस्ते, 🌍 — '
const ASCII = 'The quick brown fox jumps over the lazy dog. '

/** What is measured: `work` does it once to octets that `fill` made. */
const OPERATIONS = [
  {
    title: 'Mask',
    fill: (octets) => octets.set(octets.map((_, index) => index * 31)),
    work: ({ kernels, octets, start }, length) => kernels.mask(octets, start, start + length, octets, start, KEY)
  },
  { title: 'UTF-8 check, ASCII text', fill: (octets) => fillWithText(octets, ASCII), work: validate },
  { title: 'UTF-8 check, mixed scripts', fill: (octets) => fillWithText(octets, MIXED), work: validate }
]

function validate({ kernels, octets, start }, length) {
  return kernels.validate(octets, start, start + length, 0)
}

function fillWithText(octets, text) {
  // encodeInto stops before a character that would not fit; spaces fill the rest.
  octets.fill(0x20)
  new TextEncoder().encodeInto(text.repeat(Math.ceil(octets.length / text.length)), octets)
}

try {
  run()
} catch (error) {
  postMessage({ type: 'failed', text: `The benchmark failed: ${error.message}` })
}

/** The kernel sets, each with the place in memory where its octets lie. */
function createContenders() {
  const wasm = createWasmKernels()
  if (wasm === null) throw new Error('WebAssembly with SIMD is not available here.')
  const largest = Math.max(...SIZES.map(([, length]) => length))
  const ordinary = { octets: new Uint8Array(largest), start: 0 }
  return [
    { name: 'WASM', className: 'wasm', kernels: wasm, octets: wasm.memory.octets, start: wasm.memory.receiveRegion.start },
    { name: 'WASM, copied', className: 'copied', kernels: wasm, ...ordinary },
    { name: 'JS', className: 'js', kernels: createJsKernels(), ...ordinary }
  ]
}

function run() {
  const contenders = createContenders()
  const steps = OPERATIONS.length * SIZES.length
  let step = 0
  postMessage({
    type: 'plan',
    titles: OPERATIONS.map(({ title }) => title),
    sizes: SIZES.map(([size]) => size),
    contenders: contenders.map(({ name, className }) => ({ name, className }))
  })
  for (const operation of OPERATIONS) {
    for (const [size, length] of SIZES) {
      const { title } = operation
      postMessage({ type: 'measuring', title, size, step: ++step, steps })
      const outcomes = contenders.map((contender) => outcome(contender, operation, length))
      if (new Set(outcomes).size !== 1) throw new Error(`the kernels disagree on ${title}, ${size}`)
      postMessage({ type: 'result', title, size, rates: measure(contenders, operation, length) })
    }
  }
  postMessage({ type: 'done' })
}

/** What the work returns and leaves in memory. */
function outcome(contender, { fill, work }, length) {
  const octets = contender.octets.subarray(contender.start, contender.start + length)
  fill(octets)
  return `${work(contender, length)} ${octets.join()}`
}

/** Median throughput of each contender, in GB/s. They take turns, so that a change of the clock rate meets all. */
function measure(contenders, { work }, length) {
  const runs = contenders.map((contender) => ({ contender, repeats: calibrate(contender, work, length), times: [] }))
  for (let batch = 0; batch < BATCHES; batch++) {
    for (const { contender, repeats, times } of runs) times.push(time(contender, work, length, repeats) / repeats)
  }
  return runs.map(({ times }) => length / (median(times) * 1e6))
}

/** How many times the work fits into one batch; warms the code up on the way. */
function calibrate(contender, work, length) {
  for (let repeats = 1; ; repeats *= 2) {
    // Other work may get in between: what took long once may take no time that the clock shows
    const elapsed = Math.min(...[1, 2, 3].map(() => time(contender, work, length, repeats)))
    if (elapsed >= BATCH_MS) return Math.max(1, Math.round((repeats * BATCH_MS) / elapsed))
  }
}

/** Milliseconds for `repeats` times the work. */
function time(contender, work, length, repeats) {
  const began = performance.now()
  for (let i = 0; i < repeats; i++) work(contender, length)
  return performance.now() - began
}

function median(values) {
  return values.sort((a, b) => a - b)[values.length >> 1]
}
