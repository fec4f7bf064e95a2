// Runs the kernel benchmark in a worker and draws its results as bars.

const byId = (id) => document.getElementById(id)

export function startKernelBenchmark() {
  const button = byId('bench-run')
  const status = byId('bench-status')
  let worker = null

  button.addEventListener('click', () => {
    if (worker) finish('Stopped.')
    else run()
  })

  function run() {
    const results = createResults(byId('bench-results'))
    button.textContent = 'Stop'
    status.textContent = 'Loading the core'
    worker = new Worker('/kernel-worker.js', { type: 'module' })
    worker.onerror = (event) => {
      event.preventDefault()
      finish(`The core could not be loaded${event.message ? `: ${event.message}` : '.'}`)
    }
    worker.onmessage = ({ data }) => {
      if (data.type === 'plan') results.prepare(data)
      else if (data.type === 'measuring')
        status.textContent = `Measuring ${data.step} of ${data.steps}: ${data.title}, ${data.size}`
      else if (data.type === 'result') results.show(data)
      else if (data.type === 'done') finish('Done. All gave the same results for the same octets.')
      else finish(data.text)
    }
  }

  function finish(text) {
    worker.terminate()
    worker = null
    button.textContent = 'Run again'
    status.textContent = text
  }
}

/** Tables of bars, one for each operation. */
function createResults(container) {
  const operations = new Map()
  container.replaceChildren()

  function prepare({ titles, sizes, contenders }) {
    for (const title of titles) {
      const rows = new Map()
      const table = document.createElement('table')
      table.append(head(), ...sizes.map((size) => group(size, contenders, rows)))
      const section = document.createElement('div')
      section.append(textElement('h3', title), table)
      container.append(section)
      operations.set(title, { rows, largest: 0 })
    }
  }

  function show({ title, size, rates }) {
    const operation = operations.get(title)
    rates.forEach((rate, index) => {
      const row = operation.rows.get(size)[index]
      row.rate = rate
      row.number.textContent = rate.toFixed(rate < 10 ? 2 : 1)
      operation.largest = Math.max(operation.largest, rate)
    })
    for (const { rate, bar } of [...operation.rows.values()].flat()) bar.style.width = `${(rate / operation.largest) * 100}%`
  }

  return { prepare, show }
}

function head() {
  const row = document.createElement('tr')
  for (const [text, className] of [
    ['Size', 'size'],
    ['Kernels', 'set'],
    ['', ''],
    ['GB/s', 'rate']
  ]) {
    row.append(textElement('th', text, className))
  }
  const section = document.createElement('thead')
  section.append(row)
  return section
}

/** The rows of one size; their moving parts go into `rows`. */
function group(size, contenders, rows) {
  const body = document.createElement('tbody')
  const parts = contenders.map(({ name, className }, index) => {
    const row = document.createElement('tr')
    if (index === 0) {
      const cell = textElement('th', size, 'size')
      cell.rowSpan = contenders.length
      cell.scope = 'rowgroup'
      row.append(cell)
    }
    const bar = textElement('span', '', `bar ${className}`)
    const barCell = document.createElement('td')
    barCell.append(bar)
    const number = textElement('td', '–', 'rate')
    row.append(textElement('td', name, 'set'), barCell, number)
    body.append(row)
    return { rate: 0, bar, number }
  })
  rows.set(size, parts)
  return body
}

function textElement(name, text, className = '') {
  const node = document.createElement(name)
  node.textContent = text
  node.className = className
  return node
}
