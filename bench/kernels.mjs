// The kernels by themselves: ns per call (per frame for scans) and GB/s, by set and size.

import { isUtf8 } from 'node:buffer'
import { buildFrame } from '../test/support/frames.mjs'

const SIZES = [16, 64, 125, 256, 512, 1024, 4096, 16384, 65536, 1048576]
const QUICK_SIZES = [16, 125, 1024, 65536]

/** Key of which every octet flips the lowest bit: ASCII masked with it stays ASCII, so that a scan can be repeated. */
const LOW_BITS_KEY = Buffer.alloc(4, 1)

const SCAN_MASKED = 1

/** Median of `rounds` batches of at least `batchMs` each, in ns per call. */
function measure(body, parameters, { rounds, batchMs }) {
  // a function of its own for each cell, so that no cell's call sites have seen another's types
  const batch = new Function(...Object.keys(parameters), 'n', `let sum = 0; for (let i = 0; i < n; i++) sum += ${body}; return sum`)
  const values = Object.values(parameters)
  let n = 16
  const run = () => {
    const start = process.hrtime.bigint()
    batch(...values, n)
    return Number(process.hrtime.bigint() - start)
  }
  while (run() < batchMs * 1e6) n *= 2
  // what was compiled for the first batches may not outlive them
  run()
  run()
  const times = Array.from({ length: rounds }, () => run() / n)
  return times.sort((a, b) => a - b)[rounds >> 1]
}

/** Texts by what they are made of. */
const TEXTS = [
  ['ASCII', 'plain ASCII text '],
  ['mostly ASCII', '{"name":"plain ASCII text with numbers 1234567890 and such","city":"Zürich","n":1} '],
  ['Latin', 'Straße für Fußgänger, déjà vu à la carte. '],
  ['Cyrillic', 'Съешь же ещё этих мягких французских булок. '],
  ['CJK', '日本語の文章は漢字と仮名で書かれる。'],
  ['emoji', '👍🎉😀👩‍👩‍👧 ok ']
]

/** How a string is made of text at `octets[start, end)`; `target` is where UTF-16 may be put for use at once, `own` makes memory for it. */
const STRINGS = {
  utf8Slice: 'octets.utf8Slice(start, end).length',
  latin1Slice: 'octets.latin1Slice(start, end).length',
  toUtf16: 'target.ucs2Slice(targetStart, targetStart + kernels.toUtf16(octets, start, end, target, targetStart)).length',
  'toUtf16, own': 'own(2 * end + 16, (own) => own.ucs2Slice(0, kernels.toUtf16(octets, start, end, own, 0)).length)'
}

/** `length` octets of text, whole sequences only. */
function textOf(sample, length) {
  const text = Buffer.alloc(length, sample)
  let end = length
  while (!isUtf8(text.subarray(0, end))) end--
  return text.fill(0x20, end)
}

async function lentNatives() {
  try {
    const { default: bufferutil } = await import('bufferutil')
    return { isUtf8, mask: bufferutil.mask, unmask: bufferutil.unmask }
  } catch {
    return { isUtf8 }
  }
}

/** Memory of the kernels in WebAssembly; in older builds they were that themselves. */
function memoryOf(wasm) {
  return wasm.memory ?? wasm
}

/**
 * Measures all kernels; takes about a minute, with `quick` 15 s.
 * @param core the module to measure, that of dist by default
 * @returns one row per operation and size: {operation, size, unit, ns: {column: number}}
 */
export async function run({ progress = () => {}, quick = false, core } = {}) {
  const { selectKernels, createJsKernels, createWasmKernels } = core ?? (await import('../dist/core.mjs'))
  const natives = await lentNatives()
  const js = createJsKernels()
  const wasm = createWasmKernels()
  const memory = wasm === null ? null : memoryOf(wasm)
  const auto = wasm === null ? null : selectKernels('auto', natives)
  const native = natives.mask === undefined ? null : selectKernels('native', natives)
  const timer = quick ? { rounds: 3, batchMs: 2 } : { rounds: 7, batchMs: 3 }
  const sizes = quick ? QUICK_SIZES : SIZES
  const rows = []

  /** The columns: a set, and whether the octets lie in the WASM memory. */
  const columns = [
    ['js', js, false],
    ['wasm, in memory', wasm, true],
    ['wasm, outside', wasm, false],
    ['auto, in memory', auto, true],
    ['auto, outside', auto, false],
    ['native', native, false]
  ].filter(([, kernels]) => kernels !== null)

  /** Puts `octets` where a column wants them; undefined where they do not fit. */
  const place = (octets, inMemory) => {
    if (!inMemory) {
      // as far from alignment as payloads are behind headers
      const buffer = Buffer.from(new ArrayBuffer(octets.length + 6), 6)
      buffer.set(octets)
      return { octets: buffer, start: 0, end: octets.length }
    }
    const { start, end } = memory.receiveRegion
    if (octets.length + 6 > end - start) return undefined
    memory.octets.set(octets, start + 6)
    return { octets: memory.octets, start: start + 6, end: start + 6 + octets.length }
  }

  const add = (operation, size, unit, frames, content, body) => {
    const row = { operation, size, unit, ns: {} }
    for (const [name, kernels, inMemory] of columns) {
      const at = place(content, inMemory)
      if (at !== undefined)
        row.ns[name] = measure(body, { kernels, ...at, target: Buffer.alloc(at.end - at.start + 16) }, timer) / frames
    }
    rows.push(row)
    progress(`${operation}, ${size} octets`)
    return row
  }

  for (const size of sizes) {
    const row = add(
      'mask in place',
      size,
      'call',
      1,
      Buffer.alloc(size, 'x'),
      '(kernels.mask(octets, start, end, octets, start, 0x12345678), 0)'
    )
    const from = Buffer.alloc(size)
    const to = Buffer.alloc(size)
    row.ns.memcpy = measure('(to.set(from), 0)', { from, to }, timer)
  }
  for (const size of sizes) {
    add(
      'mask to elsewhere',
      size,
      'call',
      1,
      Buffer.alloc(size, 'x'),
      '(kernels.mask(octets, start, end, target, 10, 0x12345678), 0)'
    )
  }
  for (const [kind, sample] of [
    ['ASCII', 'plain ASCII text '],
    ['mixed', 'Straße für Fußgänger, 日本 ']
  ]) {
    for (const size of sizes) {
      add(`validate ${kind}`, size, 'call', 1, textOf(sample, size), 'kernels.validate(octets, start, end, 0)')
    }
    for (const size of sizes) {
      // a key of zeros is a key like any other here, and leaves text as it is
      add(
        `maskValidate ${kind}`,
        size,
        'call',
        1,
        textOf(sample, size),
        'kernels.maskValidate(octets, start, end, octets, start, 0, 0)'
      )
    }
  }
  for (const size of sizes) {
    const one = buildFrame({ first: 0x81, payload: textOf('plain ASCII text ', size), key: LOW_BITS_KEY })
    add('scan, chunk of one text frame', size, 'frame', 1, one, `kernels.scan(octets, start, end, ${SCAN_MASKED}, 0).count`)
  }
  for (const [kind, first] of [
    ['text', 0x81],
    ['binary', 0x82]
  ]) {
    for (const size of sizes.filter((size) => size <= 4096)) {
      const one = buildFrame({ first, payload: textOf('plain ASCII text ', size), key: LOW_BITS_KEY })
      const count = Math.floor(65536 / one.length)
      const chunk = Buffer.alloc(count * one.length, one)
      add(
        `scan, 64 KiB of ${kind} frames`,
        size,
        'frame',
        count,
        chunk,
        `kernels.scan(octets, start, end, ${SCAN_MASKED}, 0).count`
      )
    }
  }
  for (const [kind, sample] of TEXTS) {
    for (const size of sizes) rows.push(strings(kind, textOf(sample, size), js, wasm, timer))
    progress(`string of text, ${kind}`)
  }
  return rows
}

/** Ways to a string, with the text in the memory of the WASM kernels and outside. */
function strings(kind, text, js, wasm, timer) {
  const row = { operation: `string of text, ${kind}`, size: text.length, unit: 'call', ns: {} }
  const own = (length, use) => use(Buffer.allocUnsafeSlow(length))
  const outside = { octets: text, start: 0, end: text.length }
  row.ns.utf8Slice = measure(STRINGS.utf8Slice, outside, timer)
  if (kind === 'ASCII') row.ns.latin1Slice = measure(STRINGS.latin1Slice, outside, timer)
  const target = Buffer.alloc(2 * text.length + 16)
  row.ns['toUtf16 js'] = measure(STRINGS.toUtf16, { ...outside, kernels: js, target, targetStart: 0 }, timer)
  if (wasm === null) return row
  const { octets, receiveRegion, textRegion } = memoryOf(wasm)
  const memory = Buffer.from(octets.buffer)
  const inText = { kernels: wasm, target: memory, targetStart: textRegion.start }
  if (2 * text.length <= textRegion.end - textRegion.start) {
    row.ns['wasm, outside'] = measure(STRINGS.toUtf16, { ...outside, ...inText }, timer)
    if (text.length <= receiveRegion.end - receiveRegion.start) {
      memory.set(text, receiveRegion.start)
      const inside = { octets: memory, start: receiveRegion.start, end: receiveRegion.start + text.length }
      row.ns['wasm, in memory'] = measure(STRINGS.toUtf16, { ...inside, ...inText }, timer)
    }
  }
  row.ns['wasm, own memory'] = measure(STRINGS['toUtf16, own'], { ...outside, kernels: wasm, own }, timer)
  return row
}

/** The rows as text, with ns per call or frame and GB/s. */
export function format(rows) {
  const columns = [...new Set(rows.flatMap(({ ns }) => Object.keys(ns)))]
  const lines = []
  let operation = ''
  for (const row of rows) {
    if (row.operation !== operation) {
      operation = row.operation
      lines.push(
        '',
        `${operation}: ns per ${row.unit} (GB/s)`,
        ['octets'.padStart(8), ...columns.map((name) => name.padStart(20))].join('')
      )
    }
    const cells = columns.map((name) => {
      const ns = row.ns[name]
      return (ns === undefined ? '–' : `${ns.toFixed(ns < 100 ? 1 : 0)} (${(row.size / ns).toFixed(1)})`).padStart(20)
    })
    lines.push(String(row.size).padStart(8) + cells.join(''))
  }
  return lines.join('\n').trimStart()
}
