// What the terminal shows: plain lines, and below them connections and message rates.

const INTERVAL_MS = 1_000

/**
 * On a terminal the status is one line that is written over; elsewhere (a pipe, a log) it is a new line,
 * only where something changed and at most once a second.
 */
export function createTerminal(output) {
  let timer
  let shown = ''

  function line(text) {
    output.write(`${text}\n`)
  }

  /** Shows what `sample` returns, `{connections, received, sent}` with the messages since the start, until `end`. */
  function watch(sample) {
    let last = sample()
    let lastTime = performance.now()
    timer = setInterval(() => {
      const now = performance.now()
      const current = sample()
      const perSecond = (total, before) => Math.round(((total - before) / (now - lastTime)) * 1_000)
      const text =
        `${count(current.connections, 'connection')}, ` +
        `${count(perSecond(current.received, last.received), 'message')}/s in, ` +
        `${count(perSecond(current.sent, last.sent), 'message')}/s out`
      last = current
      lastTime = now
      show(text)
    }, INTERVAL_MS)
  }

  function show(text) {
    if (text === shown) return
    shown = text
    // One column stays free: a line as wide as the terminal would wrap and could not be written over.
    if (output.isTTY) output.write(`\r\x1b[2K${text.slice(0, (output.columns || 80) - 1)}`)
    else line(text)
  }

  function end() {
    clearInterval(timer)
    if (output.isTTY && shown !== '') output.write('\n')
  }

  return { line, watch, end }
}

function count(number, noun) {
  return `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`
}
