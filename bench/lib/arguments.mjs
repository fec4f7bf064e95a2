// The command line of `npm run bench`.

import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { LEVEL_PEERS, choosePeers } from './peers.mjs'
import { withoutDirectories } from './machine.mjs'
import { areas, chooseWorkloads } from './workloads.mjs'

/** What each selection comes with; times in ms, the limit in seconds. */
const LEVELS = {
  quick: { rounds: 3, measureMs: 150, settleMs: 50, warmUpMs: 250, limit: 60 },
  default: { rounds: 3, measureMs: 200, settleMs: 50, warmUpMs: 300, limit: 100 },
  full: { rounds: 5, measureMs: 400, settleMs: 100, warmUpMs: 1000, limit: 2700 }
}

const inRoot = (name) => fileURLToPath(new URL(`../../${name}`, import.meta.url))

/** Where --publish writes. */
const PUBLICATION = {
  json: inRoot('doc/bench/results.json'),
  markdown: inRoot('doc/bench/README.md'),
  svg: inRoot('doc/bench'),
  readme: inRoot('README.md')
}

export const help = `npm run bench -- [areas or workloads ...] [options]

Areas: ${areas.join(', ')}

  --quick             fewest workloads and peers; a minute at most
  --full              every workload and peer, five rounds; 38 minutes, 45 at most
                      (with neither: under two minutes)
  --peers a,b,...     of ${LEVEL_PEERS.full.join(', ')}, or name=directory
                      of a package with the API of ws; 'all' for all
  --rounds N          rounds of each workload
  --measure MS        length of a sample
  --warm-up MS        time before the first sample of each peer
  --limit SECONDS     time for everything: rounds are left out where it runs short
  --json FILE         all figures
  --markdown FILE     the tables
  --svg DIR           charts
  --readme FILE       the summary, between the markers that are in it
  --publish           all four: doc/bench/ and README.md
  --from FILE         no measurement: tables and charts of what --json wrote;
                      given again, the results of all files together
  --no-pin            leave it to the system which CPU a process runs on
  --help`

/**
 * @param args what follows the program's name
 * @throws {Error} that tells the user what is wrong
 */
export function parse(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      full: { type: 'boolean', default: false },
      peers: { type: 'string' },
      rounds: { type: 'string' },
      measure: { type: 'string' },
      'warm-up': { type: 'string' },
      limit: { type: 'string' },
      json: { type: 'string' },
      markdown: { type: 'string' },
      svg: { type: 'string' },
      readme: { type: 'string' },
      publish: { type: 'boolean', default: false },
      from: { type: 'string', multiple: true },
      'no-pin': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false }
    }
  })
  if (values.quick && values.full) throw new Error('--quick and --full exclude each other')
  const level = values.quick ? 'quick' : values.full ? 'full' : 'default'
  const number = (name, otherwise) => {
    if (values[name] === undefined) return otherwise
    const value = Number(values[name])
    if (!(value > 0)) throw new Error(`--${name} must be a number above 0`)
    return value
  }
  const { rounds, measureMs, settleMs, warmUpMs, limit } = LEVELS[level]
  const names =
    values.peers === undefined ? LEVEL_PEERS[level] : values.peers === 'all' ? LEVEL_PEERS.full : values.peers.split(',')
  return {
    level,
    help: values.help,
    workloads: chooseWorkloads(level, positionals),
    peers: choosePeers(names),
    peersNamed: values.peers !== undefined,
    rounds: Math.ceil(number('rounds', rounds)),
    measureMs: number('measure', measureMs),
    settleMs,
    warmUpMs: number('warm-up', warmUpMs),
    limit: number('limit', limit),
    pin: !values['no-pin'],
    command: `npm run bench -- ${args.map(withoutDirectories).join(' ')}`,
    from: values.from,
    ...(values.publish ? PUBLICATION : {}),
    ...Object.fromEntries(
      ['json', 'markdown', 'svg', 'readme'].flatMap((name) => (values[name] === undefined ? [] : [[name, values[name]]]))
    )
  }
}
