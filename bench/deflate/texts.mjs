// Messages to compress: what services send, made up from a seed; octets that do not compress; and documents of this package.

import { readFileSync } from 'node:fs'

const SEED = 20260725
let state = SEED

/** Begins the texts anew, so that those of an area do not depend on what was measured before. */
export function restart() {
  state = SEED
}

/** Integers from 0 to below n, the same ones in every run. */
export function random(n) {
  state ^= state << 13
  state ^= state >>> 17
  state ^= state << 5
  return (state >>> 0) % n
}
const pick = (list) => list[random(list.length)]
const WORDS =
  'the of and to in is you that it was for on are with as this have from or had by but what some we can out other were all when up use your how said deploy server meeting tomorrow latency build ticket review merge release'.split(
    ' '
  )
const PRODUCTS = 'BTC-USD ETH-USD SOL-USD ADA-EUR XRP-USD LTC-EUR DOT-USD LINK-USD'.split(' ')

const digits = (n) => Array.from({ length: n }, () => random(10)).join('')
const TEXTS = {
  chat(length) {
    let text = `{"type":"message","id":"${digits(16)}","channel":"C${random(90)}","user":{"id":${random(5000)},"name":"${pick(WORDS)}"},"ts":17180${digits(8)},"text":"`
    while (text.length < length - 2) text += `${pick(WORDS)} `
    return `${text.slice(0, length - 2)}"}`
  },
  market(length) {
    let text = `{"type":"l2update","product_id":"${pick(PRODUCTS)}","sequence":10${digits(5)},"time":17180${digits(8)},"changes":[`
    while (text.length < length)
      text += `["${pick(['buy', 'sell'])}","${64000 + random(900)}.${digits(2)}","${random(9)}.${digits(8)}"],`
    return text.slice(0, length)
  },
  html(length) {
    let text = ''
    while (text.length < length) {
      text += `<article class="post post-${random(20)}">\n  <h2><a href="/${pick(WORDS)}/${random(999)}">${pick(WORDS)} ${pick(WORDS)}</a></h2>\n  <p>`
      for (let i = random(40); i > 0; i--) text += `${pick(WORDS)} `
      text += '</p>\n</article>\n'
    }
    return text.slice(0, length)
  },
  source(length) {
    const names = ['frame', 'length', 'offset', 'octets', 'window', 'state', 'count', 'entry']
    let text = ''
    while (text.length < length) {
      const name = pick(names)
      text += pick([
        `  const ${name} = this.${pick(names)}[${random(64)}]\n`,
        `  if (${name} === ${random(256)}) return ${pick(names)} - ${pick(names)}\n`,
        `  for (let i = 0; i < ${name}.length; i++) ${pick(names)}[i] = ${name}[i] ^ 0x${random(65536).toString(16)}\n`,
        `  // ${pick(WORDS)} ${pick(WORDS)} ${pick(WORDS)} ${pick(WORDS)}\n`
      ])
    }
    return text.slice(0, length)
  },
  noise: (length) => Uint8Array.from({ length }, () => random(256)),
  /** The worst for the search: no end of matches, none of them long. */
  dna: (length) => Uint8Array.from({ length }, () => 'ACGT'.charCodeAt(random(4)))
}

/** Kinds of messages, as they are called in tables. */
export const KINDS = { chat: 'JSON, chat', market: 'JSON, market data', html: 'HTML', source: 'source text', noise: 'noise' }

export const messageOf = (kind, length) => Buffer.from(TEXTS[kind](length))

/** Documents of this package, cut into messages of `length` octets. */
export function documents(length) {
  const cut = (name) => {
    const octets = readFileSync(new URL(`../../${name}`, import.meta.url))
    return Array.from({ length: Math.floor(octets.length / length) }, (_, i) => octets.subarray(i * length, (i + 1) * length))
  }
  return {
    'prose (README.md)': cut('README.md'),
    'source (dist/index.cjs)': cut('dist/index.cjs'),
    'JSON (package-lock.json)': cut('package-lock.json')
  }
}
