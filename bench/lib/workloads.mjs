// What is measured, by area. Workloads w1 to w12 are those by which goals were set.

import { frameLength } from './frames.mjs'
import { octets } from './statistics.mjs'

/** Octets of a client's smallest useful frame: it asks a server for its next batch. */
const ASK = { kind: 'text', size: 1 }

const count = (n) => n.toLocaleString('en')
const connections = (n) => `${count(n)} connection${n === 1 ? '' : 's'}`

const kinds = { text: 'text', utf8: 'UTF-8 text', binary: 'binary', json: 'JSON' }
const describe = ({ kind, size }) => `${octets(size)} ${kinds[kind]}`

/** Every message comes back. */
function echo(id, message, clients, depth, more = {}) {
  return {
    id,
    area: 'echo',
    title: `echo, ${describe(message)}, ${connections(clients)}, ${depth} in flight`,
    needs: ['server'],
    listen: { incoming: frameLength(message.size, true) },
    verify: message,
    groups: ({ raw }) => [
      {
        mode: 'echo',
        path: '/echo',
        count: clients,
        depth,
        message,
        replyLength: message.compress ? undefined : frameLength(message.size, raw === true)
      }
    ],
    ...more
  }
}

/** Messages come in and nothing goes back. */
const receive = (id, message, clients, more = {}) => ({
  id,
  area: 'receive',
  title: `server receives, ${describe(message)}, ${connections(clients)}`,
  needs: ['server'],
  listen: { incoming: frameLength(message.size, true) },
  groups: () => [{ mode: 'flood', path: '/receive', count: clients, message }],
  ...more
})

/** The server sends a batch whenever a client asks for it; two are under way. */
const send = (id, message, clients, batch, more = {}) => ({
  id,
  area: 'send',
  title: `server sends, ${describe(message)}, ${connections(clients)}`,
  needs: ['server'],
  listen: { ...message, batch, incoming: frameLength(ASK.size, true) },
  groups: () => [
    { mode: 'echo', path: '/send', count: clients, depth: 2, message: ASK, replyLength: batch * frameLength(message.size, false) }
  ],
  ...more
})

/** A client reads what a raw server writes as fast as it can. */
const feed = (id, message, onString, more = {}) => ({
  id,
  area: 'receive',
  title: `client receives a feed, ${describe(message)}${onString ? ' as strings' : ''}, 1 connection`,
  needs: ['client'],
  serve: { mode: 'feed', message },
  connect: { count: 1, onString, incoming: frameLength(message.size, false) },
  ...more
})

/** A client sends, masked, whenever a raw server asks for a batch; two are under way. */
const clientSend = (id, message, clients, batch, more = {}) => ({
  id,
  area: 'send',
  title: `client sends, ${describe(message)}, ${connections(clients)}`,
  needs: ['client'],
  // the raw socket sends unmasked octets: what it stands for is the kernel's part
  serve: ({ raw }) => ({ mode: 'sink', batchLength: batch * frameLength(message.size, raw !== true), unmasked: raw === true }),
  connect: { count: clients, ...message, batch, incoming: frameLength(0, false) },
  ...more
})

const text64 = { kind: 'text', size: 64 }
const text128 = { kind: 'text', size: 128 }
const text1k = { kind: 'text', size: 1024 }
const binary = (size) => ({ kind: 'binary', size })

const broadcast = (id, depth, more = {}) => ({
  id,
  area: 'broadcast',
  title: `broadcast, ${describe(text128)} to 500 receivers, ${depth} in flight`,
  unit: 'delivery',
  needs: ['server'],
  listen: { incoming: frameLength(text128.size, true) },
  groups: ({ raw }) => [
    {
      mode: 'broadcast',
      path: '/broadcast',
      count: 500,
      depth,
      message: text128,
      replyLength: frameLength(text128.size, raw === true)
    }
  ],
  verify: text128,
  ...more
})

/** Broadcast by what the library has for it, beside the loop. */
const publish = (id, clients, depth, more = {}) =>
  broadcast(id, depth, {
    title: `broadcast by the library's own method, ${describe(text128)} to ${count(clients)} receivers, ${depth} in flight`,
    needs: ['publish'],
    onlyPeers: ['ws', 'bun', 'hybi', 'hybi-loop'],
    groups: () => [
      {
        mode: 'broadcast',
        path: '/publish',
        count: clients,
        depth,
        message: text128,
        replyLength: frameLength(text128.size, false)
      }
    ],
    ...more
  })

/** A fresh process for each sample: fewer rounds do, as memory varies little. */
const memory = (id, clients, compress, more = {}) => ({
  id,
  area: 'memory',
  kind: 'memory',
  title: `memory of ${count(clients)} idle connections, each after one message${compress === undefined ? '' : ', with context takeover'}`,
  needs: compress === undefined ? ['server'] : ['server', 'compress'],
  clients,
  rounds: 3,
  listen: { compress, incoming: frameLength(64, true) },
  groups: (peer, n) => [
    {
      mode: 'echo',
      path: '/echo',
      count: n,
      depth: 1,
      message: compress === undefined ? text64 : { kind: 'json', size: 1024, compress },
      replyLength: compress === undefined ? frameLength(64, peer.raw === true) : undefined
    }
  ],
  weight: 2,
  ...more
})

const secure = { area: 'tls', secure: true, needs: ['server', 'secure'] }
const compressed = (compress) => ({
  area: 'compression',
  needs: ['server', 'compress'],
  listen: { compress, incoming: 0 },
  verify: undefined
})

/** A quiet connection, alone and beside busy ones. */
const fairness = (id, text, cases, besides, more = {}) => ({
  id: `fairness-${id}`,
  area: 'fairness',
  kind: 'latency',
  title: `round trip of a quiet connection, alone and beside ${text}`,
  needs: ['server'],
  level: 'full',
  rounds: 3,
  weight: 2,
  listen: { incoming: frameLength(64, true) },
  groups: ({ raw }) => [
    { mode: 'pulse', path: '/echo', count: 1, intervalMs: 3, message: text64, replyLength: frameLength(64, raw === true) }
  ],
  cases,
  besides,
  ...more
})

/** A quiet connection beside hostile ones. */
const besideFlood = (id, flood, compress, count, text) =>
  fairness(
    id,
    text,
    { beside: `Beside ${text}` },
    () => [{ mode: 'flood', path: '/receive', count, message: { flood, compress } }],
    {
      needs: [compress === undefined ? 'server' : 'codec'],
      onlyPeers: ['ws', 'bun', 'hybi', 'hybi-zlib', 'hybi-pako'],
      listen: { compress, incoming: frameLength(64, true) }
    }
  )

const FEW_PEERS = ['ws', 'bun', 'hybi', 'net']

/** One point of a curve. */
const point = (curve, x, more) => ({ area: 'scaling', curve, x, onlyPeers: FEW_PEERS, level: 'full', weight: 0.5, ...more })

const scalingConnections = [1, 10, 100, 1000, 10_000].map((n) =>
  echo(
    `connections-${n}`,
    text64,
    n,
    1,
    point('connections', n, { withConnectionCost: true, title: `echo, 64 B text, ${connections(n)}, 1 in flight` })
  )
)

const scalingSizes = [16, 128, 1024, 8192, 65536, 524288, 4194304, 16777216].map((size) => {
  const [clients, depth] = size <= 8192 ? [16, 8] : size <= 65536 ? [16, 2] : size <= 524288 ? [4, 1] : [2, 1]
  return echo(`size-${size}`, binary(size), clients, depth, point('sizes', size))
})

/** All workloads in the order they run; `level` is the smallest selection that has them. */
export const workloads = [
  {
    id: 'kernels',
    area: 'kernels',
    kind: 'micro',
    title: 'ns per call, or per frame (GB/s)',
    file: 'kernels.mjs',
    level: 'quick',
    weight: 2,
    needs: []
  },
  {
    id: 'deflate',
    area: 'deflate',
    kind: 'program',
    title: 'compression by itself',
    file: 'deflate.mjs',
    level: 'full',
    weight: 3,
    needs: []
  },

  {
    id: 'heartbeat',
    area: 'services',
    kind: 'program',
    title: 'idle connections with a heartbeat, and without',
    file: 'heartbeat.mjs',
    // 100,000 connections of each kind, looked at for longer than a heartbeat takes to come round
    withinMs: 1_200_000,
    level: 'full',
    weight: 10,
    needs: []
  },

  receive('receive-64', text64, 16, { level: 'quick' }),
  receive('receive-1k', text1k, 16, { level: 'full' }),
  receive('receive-64k', binary(65536), 4, { level: 'default' }),
  feed('feed-64', binary(64), false, { level: 'quick' }),
  feed('feed-64-text', text64, true, { level: 'default' }),
  feed('feed-1k', binary(1024), false, { level: 'full' }),

  ...[text64, binary(64)].map((message) =>
    receive(`iterate-${message.kind}`, message, 1, {
      area: 'iteration',
      needs: ['iteration'],
      level: 'default',
      weight: 0.5,
      title: `server receives, ${describe(message)}, 1 connection: by listener, and by loop`
    })
  ),

  send('send-64', text64, 16, 64, { level: 'quick' }),
  send('send-1k', text1k, 16, 64, { level: 'full' }),
  send('send-64k', binary(65536), 4, 4, { level: 'full' }),
  clientSend('client-send-64', text64, 4, 64, { level: 'quick' }),
  clientSend('client-send-1k', binary(1024), 4, 64, { level: 'full' }),
  clientSend('client-send-64k', binary(65536), 2, 4, { level: 'default' }),

  echo('w1', text64, 1, 1, { level: 'full' }),
  echo('w2', text64, 64, 1, { level: 'full' }),
  echo('w3', text64, 64, 32, { level: 'quick' }),
  echo('w4', binary(1024), 64, 8, { level: 'default' }),
  echo('w5', binary(65536), 16, 2, { level: 'quick' }),
  echo('w6', binary(1048576), 4, 1, { level: 'full' }),
  echo('w7', { kind: 'utf8', size: 16384 }, 16, 4, { level: 'default' }),

  broadcast('w8', 1, { level: 'full' }),
  broadcast('w8b', 16, { level: 'quick' }),
  publish('publish-500', 500, 1, { level: 'default' }),
  publish('publish-500-16', 500, 16, { level: 'full' }),
  publish('publish-10000', 10_000, 1, { level: 'full', rounds: 3, weight: 2 }),

  {
    id: 'w9',
    area: 'handshake',
    title: 'connections opened and closed, 64 at once',
    unit: 'connection',
    // few a second, and much code: it takes longer until all is compiled
    warmUp: 3,
    longer: 3,
    weight: 4,
    needs: ['server'],
    level: 'quick',
    listen: { incoming: 1 },
    groups: () => [{ mode: 'handshake', path: '/handshake', count: 64 }]
  },

  memory('w10', 5000, undefined, { level: 'default' }),
  memory('w10z', 5000, 'takeover', { level: 'full', rounds: 2, weight: 3 }),
  memory('memory-10000', 10_000, undefined, { level: 'full', rounds: 2, weight: 3 }),

  echo('tls-64', text64, 16, 32, { ...secure, title: 'echo over TLS, 64 B text, 16 connections, 32 in flight', level: 'default' }),
  echo('tls-64k', binary(65536), 16, 2, {
    ...secure,
    title: 'echo over TLS, 64 KiB binary, 16 connections, 2 in flight',
    level: 'full'
  }),

  echo('w11', { kind: 'json', size: 1024, compress: 'takeover' }, 64, 4, {
    ...compressed('takeover'),
    title: 'compressed echo, 1 KiB JSON, context takeover, 64 connections, 4 in flight',
    level: 'default'
  }),
  echo('w12', { kind: 'json', size: 1024, compress: 'no-takeover' }, 64, 4, {
    ...compressed('no-takeover'),
    title: 'compressed echo, 1 KiB JSON, no context takeover, 64 connections, 4 in flight',
    level: 'full'
  }),

  ...scalingConnections,
  ...scalingSizes,

  fairness(
    'flood',
    'one that floods the server with 64 B messages',
    { alone: 'Alone, before the flood', beside: 'Beside a connection that floods the server with 64 B messages' },
    () => [{ mode: 'flood', path: '/receive', count: 1, message: text64 }]
  ),
  fairness(
    'echo',
    'one that has 1 MiB of messages echoed over and over',
    { alone: 'Alone, before the echo', beside: 'Beside a connection that has 1 MiB of 64 B messages echoed over and over' },
    ({ raw }) => [
      { mode: 'echo', path: '/echo', count: 1, depth: 16384, message: text64, replyLength: frameLength(64, raw === true) }
    ]
  ),
  besideFlood('pings', 'pings', undefined, 1, 'one that floods the server with empty pings'),
  besideFlood('fragments', 'fragments', undefined, 1, 'one that sends messages in fragments of 1 B'),
  besideFlood('bombs', 'bombs', 'no-takeover', 1, 'one that floods the server with messages that inflate from 0.3 to 256 KiB'),
  besideFlood('bombs-8', 'bombs', 'no-takeover', 8, 'eight that flood the server with messages that inflate from 0.3 to 256 KiB'),
  besideFlood('tiny', 'tiny-compressed', 'takeover', 1, 'one that floods the server with compressed messages of 2 B'),
  besideFlood(
    'compressed-fragments',
    'compressed-fragments',
    'takeover',
    1,
    'one that sends compressed messages in fragments of 1 B'
  )
]

/** The areas in order. */
export const areas = [...new Set(workloads.map(({ area }) => area))]

const LEVELS = ['quick', 'default', 'full']

/**
 * The workloads to run.
 * @param level 'quick', 'default' or 'full'
 * @param wanted names of areas or workloads; with none, all that the level has. An area that the level leaves out runs with all it has.
 * @throws {Error} at a name there is none of
 */
export function chooseWorkloads(level, wanted) {
  const rank = LEVELS.indexOf(level)
  const within = (workload) => LEVELS.indexOf(workload.level) <= rank
  if (wanted.length === 0) return workloads.filter(within)
  const chosen = new Set()
  for (const name of wanted) {
    const named = workloads.filter(({ id, area }) => id === name || area === name)
    if (named.length === 0) throw new Error(`there is no area or workload ${name}; areas: ${areas.join(', ')}`)
    const ofLevel = named.filter((workload) => within(workload) || workload.id === name)
    for (const workload of ofLevel.length > 0 ? ofLevel : named) chosen.add(workload)
  }
  return workloads.filter((workload) => chosen.has(workload))
}
