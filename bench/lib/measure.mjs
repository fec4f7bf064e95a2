// Runs one workload on all its peers: each in a process of its own, rounds interleaved, cost read from the process under test.

import { Child, output } from './child.mjs'
import { checkConnections } from './limits.mjs'
import { flagsFor } from './peers.mjs'
import { percentile } from './statistics.mjs'

const SUBJECT = new URL('../servers/subject.mjs', import.meta.url)
const LOAD = new URL('../servers/load.mjs', import.meta.url)
const MICRO = new URL('../servers/micro.mjs', import.meta.url)

/** Fewest messages a sample should have; where one has fewer, it takes up to this many times as long. */
const FEWEST = 8
const LONGEST = 8

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** A peer's process and the process that loads it. */
class Pair {
  #options
  constructor(peer, options) {
    this.peer = peer
    this.#options = options
    this.subject = new Child(SUBJECT, {
      runtime: peer.runtime,
      args: peer.module === undefined ? [peer.adapter] : [peer.adapter, peer.module],
      env: peer.env,
      execArgv: flagsFor(peer),
      cpu: 0,
      pin: options.pin
    })
    this.load = this.addLoad()
  }

  addLoad() {
    const load = new Child(LOAD, { cpu: 1, pin: this.#options.pin })
    this.loads = [...(this.loads ?? []), load]
    return load
  }

  usage() {
    return this.subject.call('usage')
  }

  /** Waits until the subject has dealt with all that was sent. */
  async quiesce() {
    const late = performance.now() + 10_000
    let before = await this.usage()
    while (performance.now() < late) {
      await sleep(15)
      const now = await this.usage()
      if (now.messages === before.messages) return
      before = now
    }
  }

  /** Waits until at most `count` connections are left. */
  async untilConnections(count) {
    const late = performance.now() + 10_000
    while ((await this.usage()).connections > count && performance.now() < late) await sleep(20)
  }

  async stop() {
    await Promise.all([this.subject, ...this.loads].map((child) => child.stop()))
  }
}

const listen = (pair, workload) =>
  pair.subject.call('listen', { ...workload.listen, secure: workload.secure, codec: pair.peer.codec, loops: pair.peer.loops })

/** What every connection of a load needs to know. */
const addressed = (groups, port, workload) => ({ groups: groups.map((group) => ({ ...group, port, secure: workload.secure })) })

/** Starts a pair and connects both; the first message's echo is compared with what was sent. */
async function connect(pair, workload) {
  const { peer, subject, load } = pair
  if (workload.serve !== undefined) {
    const serve = typeof workload.serve === 'function' ? workload.serve(peer) : workload.serve
    const port = await load.call('listen', serve)
    await subject.call('connect', { port, ...workload.connect })
    return {}
  }
  const port = await listen(pair, workload)
  if (!workload.withConnectionCost) {
    await load.call('open', addressed(workload.groups(peer), port, workload))
    if (workload.verify !== undefined) await load.call('once', { verify: peer.raw ? undefined : workload.verify })
    return {}
  }
  const groups = addressed(workload.groups(peer), port, workload)
  const few = addressed([{ ...workload.groups(peer)[0], count: 100 }], port, workload)
  await load.call('open', few)
  await load.call('once', {})
  await load.call('close')
  await pair.untilConnections(0)
  const memory = await subject.call('memory')
  const before = await pair.usage()
  await load.call('open', groups)
  const after = await pair.usage()
  await load.call('once', {})
  const grown = (await subject.call('memory')) - memory
  const { count } = groups.groups[0]
  return {
    // of fewer it is what a process costs, not a connection
    connectionCpu: count >= 10 ? (after.cpu - before.cpu) / count : Number.NaN,
    connectionOctets: count >= 1000 ? grown / count : Number.NaN
  }
}

/** Lets a load run until the subject has had most of `warmUpMs` on a CPU, or three times as long has passed. */
async function warmUp(pair, warmUpMs) {
  const begin = await pair.usage()
  const late = performance.now() + 3 * warmUpMs
  await sleep(warmUpMs)
  while ((await pair.usage()).cpu - begin.cpu < warmUpMs * 800 && performance.now() < late) await sleep(20)
}

/** One sample: messages a second, and CPU µs of the subject for each. */
async function sample(pair, { measureMs, settleMs, warmUpMs }) {
  await pair.load.call('start')
  if (warmUpMs > 0) await warmUp(pair, warmUpMs)
  else await sleep(settleMs)
  const before = await pair.usage()
  let after = before
  let slices = 0
  do {
    await sleep(measureMs)
    after = await pair.usage()
    slices++
  } while (after.messages - before.messages < FEWEST && slices < LONGEST)
  await pair.load.call('stop')
  await pair.quiesce()
  const done = after.messages - before.messages
  if (done === 0) throw new Error('no message came through')
  const time = after.time - before.time
  const cpu = after.cpu - before.cpu
  return { rate: (done / time) * 1e6, cpu: cpu / done, busy: cpu / time }
}

/**
 * Runs `body(result)` for each peer, round after round, until the rounds are done or the time is up. A peer that fails keeps its error and
 * takes no further part; `onFailure(result)` ends what it may have left running.
 */
async function inRounds(results, { rounds, until, onRound }, body, onFailure = () => {}) {
  for (let round = 0; round < rounds; round++) {
    const started = performance.now()
    onRound(round)
    // every other round goes backwards, so that nobody always follows the same peer
    const order = round % 2 === 0 ? results : results.toReversed()
    for (const result of order) {
      if (result.error !== undefined) continue
      try {
        result.samples.push(await body(result, round))
      } catch (error) {
        result.error = error.message
        await onFailure(result)
      }
    }
    const took = performance.now() - started
    if (performance.now() + took > until) return
  }
}

async function throughput(workload, results, options) {
  const pairs = new Map()
  try {
    await Promise.all(
      results.map(async (result) => {
        const pair = new Pair(result.peer, options)
        pairs.set(result, pair)
        // processes start at once, but connect one by one
        await pair.usage().catch((error) => (result.error = error.message))
      })
    )
    for (const result of results) {
      if (result.error !== undefined) continue
      try {
        Object.assign(result, await connect(pairs.get(result), workload))
      } catch (error) {
        result.error = error.message
      }
    }
    const { settleMs } = options
    const measureMs = options.measureMs * (workload.longer ?? 1)
    const warmUpMs = options.warmUpMs * (workload.warmUp ?? 1)
    await inRounds(
      results,
      options,
      (result, round) => sample(pairs.get(result), { measureMs, settleMs, warmUpMs: round === 0 ? warmUpMs : 0 }),
      (result) => pairs.get(result).stop()
    )
    if (workload.listen?.compress === undefined) return
    for (const result of results) {
      if (result.error === undefined) result.replyLength = await pairs.get(result).load.call('replyLength')
    }
  } finally {
    await Promise.all([...pairs.values()].map((pair) => pair.stop()))
  }
}

/** Resident set per idle connection, and what is left of it when all are gone; a fresh process each time. */
async function memory(workload, results, options) {
  await inRounds(results, options, async ({ peer }) => {
    const pair = new Pair(peer, options)
    try {
      const port = await listen(pair, workload)
      const open = async (count) => {
        await pair.load.call('open', addressed(workload.groups(peer, count), port, workload), 120_000)
        await pair.load.call('once', {})
      }
      const close = async () => {
        await pair.load.call('close')
        await pair.untilConnections(0)
      }
      await open(200)
      await close()
      const before = await pair.subject.call('memory')
      await open(workload.clients)
      const during = await pair.subject.call('memory')
      await close()
      const after = await pair.subject.call('memory')
      return { octets: (during - before) / workload.clients, during, left: after - before }
    } finally {
      await pair.stop()
    }
  })
}

/** Round trips of a quiet connection, in µs: alone, then beside a busy one. */
async function latency(workload, results, options) {
  const pairs = new Map()
  try {
    for (const result of results) {
      const { peer } = result
      const pair = new Pair(peer, options)
      pair.busy = pair.addLoad()
      pairs.set(result, pair)
      try {
        const port = await listen(pair, workload)
        await pair.load.call('open', addressed(workload.groups(peer), port, workload))
        await pair.busy.call('open', addressed(workload.besides(peer), port, workload))
      } catch (error) {
        result.error = error.message
      }
    }
    const measureMs = options.measureMs * 3
    const body = async (result) => {
      const pair = pairs.get(result)
      const { load, busy } = pair
      const latencies = async () => {
        await load.call('start')
        await sleep(measureMs)
        const all = await load.call('stop')
        return { p50: percentile(all, 0.5), p99: percentile(all, 0.99) }
      }
      const alone = await latencies()
      await busy.call('start')
      await sleep(options.warmUpMs)
      const before = await pair.usage()
      const beside = await latencies()
      const after = await pair.usage()
      await busy.call('stop')
      await pair.quiesce()
      return { alone, beside, rate: ((after.messages - before.messages) / (after.time - before.time)) * 1e6 }
    }
    await inRounds(results, options, body, (result) => pairs.get(result).stop())
  } finally {
    await Promise.all([...pairs.values()].map((pair) => pair.stop()))
  }
}

/** Runs a module's `run` and `format` in a process of its own. */
async function micro(workload, result, { quick, pin, onProgress }) {
  const file = new URL(`../${workload.file}`, import.meta.url).href
  const child = new Child(MICRO, { cpu: 0, pin, onProgress, execArgv: ['--expose-gc'] })
  try {
    Object.assign(result, await child.call('run', { file, quick }, 300_000))
  } finally {
    await child.stop()
  }
}

/** Runs a program of its own and keeps what it prints. */
async function program(workload, result, { quick, pin }) {
  result.text = await output(new URL(`../${workload.file}`, import.meta.url), {
    args: quick ? ['--quick'] : [],
    execArgv: ['--expose-gc'],
    pin,
    withinMs: workload.withinMs ?? 600_000
  })
}

const ALONE = { micro, program }
const KINDS = { throughput, memory, latency }

/** How many connections a process has at once. */
const connectionsOf = (workload) =>
  workload.clients ?? workload.groups?.({}).reduce((sum, { count }) => sum + count, 0) ?? workload.connect.count

/** Whether a peer can do what a workload needs; long workloads leave some out, unless the peers were `named`. */
const takesPart = (peer, { needs, onlyPeers }, named) =>
  needs.every((need) => peer.can.includes(need)) && (named || onlyPeers === undefined || onlyPeers.includes(peer.name))

/**
 * Runs one workload.
 * @param options rounds, measureMs, settleMs, warmUpMs, pin, quick; peersNamed: whether the peers were asked for by name; until: time (performance.now()) after which no round begins;
 * onRound(index), onProgress(text)
 * @returns {id, area, title, kind, unit, peers: [{name, samples, error}]}; of what runs alone {text, rows}
 */
export async function measure(workload, peers, options) {
  const { id, area, title, kind = 'throughput', unit = 'message', curve, x, cases } = workload
  const result = { id, area, title, kind, unit, curve, x, cases }
  if (ALONE[kind] !== undefined) {
    await ALONE[kind](workload, result, options)
    return result
  }
  checkConnections(connectionsOf(workload))
  const results = peers.filter((peer) => takesPart(peer, workload, options.peersNamed)).map((peer) => ({ peer, samples: [] }))
  const rounds = Math.min(options.rounds, workload.rounds ?? Infinity)
  await KINDS[kind](workload, results, { ...options, rounds })
  result.peers = results.map(({ peer, ...rest }) => ({ name: peer.name, ...rest }))
  return result
}
