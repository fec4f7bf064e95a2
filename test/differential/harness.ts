// Runs one scenario on ws and on hybi, in every pairing of client and server, and compares what was recorded.

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { EventEmitter } from 'node:events'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { describe, expect, inject, test } from 'vitest'
import { describeHeaderLine, describeValue, withoutPorts } from '../support/describe-value.js'
import { describeFrame } from '../support/frames.js'
import type { ParsedFrame } from '../support/frames.js'
import { connectRaw, listenRaw, RawPeer, requestOctets, responseOctets, turn } from '../support/raw-peer.js'
import { differences } from './differences.js'
import type { Difference } from './differences.js'
import { reference, standIn, subject } from './implementations.js'
import type { Any, Implementation } from './implementations.js'

/** What a scenario recorded, by lane: order counts inside a lane, not between lanes. */
export type Transcript = Record<string, string[]>

/** Which of the two parts a scenario exercises; with a part that is not exercised the other side is a bare socket, or nothing. */
export type Part = 'client' | 'server' | 'both' | 'module'

export interface Scenario {
  name: string
  /** Section of ws's API that it covers. */
  section: string
  part: Part
  run: (ctx: Context) => Promise<void> | void
  /** Runs alone, because it watches something that the whole process shares. */
  alone?: boolean
}

/** Longest a scenario may take before it counts as stuck; what it waited for is then in the transcript. */
const STUCK_MS = Number(process.env.HYBI_DIFF_STUCK_MS || 20_000)

export class Context {
  readonly client: Implementation
  readonly server: Implementation
  /** The one exercised, where a scenario exercises only one; the client's where it exercises both. */
  readonly subject: Implementation
  readonly transcript: Transcript = Object.create(null)
  #cleanups: (() => unknown)[] = []
  #waiting = new Set<string>()
  #sealed = false

  constructor(client: Implementation, server: Implementation, part: Part) {
    this.client = client
    this.server = server
    this.subject = part === 'server' ? server : client
  }

  /** Records a line: strings as they are, all else described. */
  log(lane: string, ...values: unknown[]): void {
    if (this.#sealed) return
    const line = values.map((value) => (typeof value === 'string' ? value : describeValue(value))).join(' ')
    ;(this.transcript[lane] ??= []).push(withoutPorts(line))
  }

  /** Records what `run` returns or throws. */
  attempt(lane: string, label: string, run: () => unknown): unknown {
    try {
      const result = run()
      this.log(lane, label, '->', describeValue(result))
      return result
    } catch (error) {
      this.log(lane, label, 'throws', describeValue(error))
      return undefined
    }
  }

  /** Records the class of what `run` throws, where the message quotes the source or comes from the engine. */
  attemptClass(lane: string, label: string, run: () => unknown): void {
    try {
      run()
      this.log(lane, label, 'does not throw')
    } catch (error) {
      this.log(lane, label, 'throws', (error as Error).name)
    }
  }

  /** A callback that records the arguments it is called with. */
  callback(lane: string, label: string): (...args: unknown[]) => void {
    return (...args) => this.log(lane, `${label}(${args.map((one) => describeValue(one)).join(', ')})`)
  }

  defer(cleanup: () => unknown): void {
    this.#cleanups.push(cleanup)
  }

  /** Waits for `promise`; when the scenario gets stuck, the transcript says that it was for this. */
  async wait<T>(label: string, promise: Promise<T>): Promise<T> {
    this.#waiting.add(label)
    const result = await promise
    this.#waiting.delete(label)
    return result
  }

  /** Arguments of the next event `name`. */
  until(emitter: EventEmitter, name: string): Promise<Any[]> {
    return this.wait(`event ${name}`, new Promise((resolve) => emitter.once(name, (...args) => resolve(args))))
  }

  /** Waits until `ws` is CLOSED and its 'close' event is over. */
  async closed(...all: Any[]): Promise<void> {
    for (const ws of all) if (ws.readyState !== 3) await this.until(ws, 'close')
    await turn()
  }

  /** A few turns of the event loop, for what may still be under way inside this process. */
  async turns(count = 10): Promise<void> {
    for (let i = 0; i < count; i++) await turn()
  }

  /** Records the events of a WebSocket with their arguments and the state in which they fire. */
  record(ws: Any, lane: string, names = ['upgrade', 'open', 'message', 'ping', 'pong', 'error', 'close']): void {
    for (const name of names) {
      ws.on(name, (...args: unknown[]) => {
        this.log(lane, `${name}(${args.map((one) => describeValue(one)).join(', ')}) in state ${ws.readyState}`)
      })
    }
  }

  /** Records every frame a bare peer gets, and how the stream ends. */
  recordPeer(peer: RawPeer, lane = 'wire'): void {
    peer.on('frame', (frame: ParsedFrame) => this.log(lane, describeFrame(frame)))
    peer.on('ended', () => this.log(lane, 'end of stream'))
  }

  recordHead(peer: RawPeer, lane = 'wire'): void {
    for (const line of peer.head ?? []) this.log(lane, describeHeaderLine(line))
  }

  /** A WebSocketServer on a port of its own, ended with the scenario. */
  async listen(options: Any = {}, implementation = this.server): Promise<{ wss: Any; port: number; url: string }> {
    const wss = new implementation.WebSocketServer({ port: 0, host: '127.0.0.1', ...options })
    this.deferServer(wss)
    await this.until(wss, 'listening')
    const { port } = wss.address() as AddressInfo
    return { wss, port, url: `ws://127.0.0.1:${port}` }
  }

  deferServer(wss: Any): void {
    this.defer(() => {
      for (const ws of wss.clients ?? []) ws.terminate()
      wss.on('error', () => {})
      wss.close()
    })
  }

  /** A WebSocket that is recorded from the start and ended with the scenario. */
  connect(url: Any, protocols?: Any, options?: Any, lane = 'client', implementation = this.client): Any {
    const ws = new implementation.WebSocket(url, protocols, options)
    if (lane !== '') this.record(ws, lane)
    this.defer(() => {
      ws.on('error', () => {})
      ws.terminate()
    })
    return ws
  }

  /** A client and a server of the pairing, connected and recorded. */
  async pair(
    options: { client?: Any; server?: Any; protocols?: Any; record?: boolean } = {}
  ): Promise<{ wss: Any; ws: Any; peer: Any; request: Any; url: string }> {
    const { wss, url } = await this.listen(options.server)
    const connection = this.until(wss, 'connection')
    const ws = this.connect(url, options.protocols, options.client, options.record === false ? '' : 'client')
    wss.on('connection', (peer: Any) => {
      if (options.record !== false) this.record(peer, 'server')
    })
    const [, [peer, request]] = await Promise.all([this.until(ws, 'open'), connection])
    return { wss, ws, peer, request, url }
  }

  /** A bare server; `onRequest` gets each connection when its request is there. */
  async rawServer(onRequest: (peer: RawPeer, key: string) => void, options: Any = {}): Promise<{ port: number; url: string }> {
    const raw = await listenRaw(onRequest, options)
    this.defer(() => raw.close())
    return { port: raw.port, url: `ws://127.0.0.1:${raw.port}` }
  }

  /** A bare client, connected; nothing sent yet. */
  async rawClient(port: number, options: Any = {}): Promise<RawPeer> {
    const peer = await this.wait('connection', connectRaw(port, options))
    this.defer(() => peer.socket.destroy())
    return peer
  }

  /** A bare client that sends a request and records all of the answer but frames. */
  async ask(
    port: number,
    path = '/',
    headers: Record<string, string | string[] | null> = {},
    method = 'GET',
    lane = 'wire'
  ): Promise<RawPeer> {
    const peer = await this.rawClient(port)
    peer.write(requestOctets(path, headers, method))
    await this.wait('answer', peer.untilHead())
    if (!peer.framed) await this.wait('end of the answer', peer.untilAnswered())
    this.recordHead(peer, lane)
    if (!peer.framed) this.log(lane, `body ${JSON.stringify(peer.body.toString())}`)
    return peer
  }

  /**
   * A WebSocket under test with a bare peer at the other end, both recorded (lanes `ws` and `wire`).
   * `socket` is the side under test's, known from Node and not from the WebSocket.
   */
  async endpoint(
    role: 'client' | 'server',
    options: Any = {},
    extra: {
      headers?: Record<string, string | null>
      first?: (peer: RawPeer) => Buffer
      events?: string[]
      /** The class, where it is not that of the package. */
      WebSocket?: Any
    } = {}
  ): Promise<{ ws: Any; peer: RawPeer; socket: net.Socket; wss?: Any }> {
    if (role === 'client') {
      let arrived: (peer: RawPeer) => void
      const arrival = new Promise<RawPeer>((resolve) => (arrived = resolve))
      const { url } = await this.rawServer((peer, key) => {
        this.recordPeer(peer)
        peer.write(responseOctets(key, extra.headers), extra.first?.(peer) ?? Buffer.alloc(0))
        arrived(peer)
      })
      const ws = new (extra.WebSocket ?? this.client.WebSocket)(url, { perMessageDeflate: false, ...options })
      this.defer(() => {
        ws.on('error', () => {})
        ws.terminate()
      })
      let socket: net.Socket | undefined
      ws.once('upgrade', (response: Any) => (socket = response.socket))
      this.record(ws, 'ws', extra.events)
      const [peer] = await Promise.all([arrival, this.until(ws, 'open')])
      return { ws, peer, socket: socket as net.Socket }
    }
    const { wss, port } = await this.listen(extra.WebSocket ? { ...options, WebSocket: extra.WebSocket } : options)
    let socket: net.Socket | undefined
    // Who listens to 'connection' of the server has a hand on the sockets: hybi's are as if nobody had
    if (this.server === reference) wss._server?.on('connection', (one: net.Socket) => (socket = one))
    const connection = new Promise<Any>((resolve) => {
      wss.on('connection', (ws: Any) => {
        this.record(ws, 'ws', extra.events)
        resolve(ws)
      })
    })
    const peer = await this.rawClient(port)
    this.recordPeer(peer)
    const headers: Record<string, string | null> = { ...extra.headers }
    peer.write(requestOctets('/', headers), extra.first?.(peer) ?? Buffer.alloc(0))
    const [ws] = await Promise.all([this.wait('connection', connection), this.wait('answer', peer.untilHead())])
    return { ws, peer, wss, socket: (socket ?? ws._socket) as net.Socket }
  }

  /** Waits until both a WebSocket and the bare peer at its other end are closed. */
  async finish(ws: Any, peer: RawPeer): Promise<void> {
    await this.closed(ws)
    await this.wait('end of the connection', peer.untilClosed())
  }

  /** A relay that records the frames of both directions (lanes `to server`, `to client`) and, if told so, the heads. */
  async relay(port: number, options: { heads?: boolean } = {}): Promise<{ port: number; url: string }> {
    const server = net.createServer((socket) => {
      const target = net.connect(port, '127.0.0.1')
      const fromClient = new RawPeer(socket, 'server')
      const fromServer = new RawPeer(target, 'client')
      fromClient.echoClose = fromServer.echoClose = false
      this.recordPeer(fromClient, 'to server')
      this.recordPeer(fromServer, 'to client')
      if (options.heads) {
        fromClient.once('head', () => this.recordHead(fromClient, 'to server'))
        fromServer.once('head', () => this.recordHead(fromServer, 'to client'))
      }
      socket.pipe(target).pipe(socket)
      this.defer(() => (socket.destroy(), target.destroy()))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    this.defer(() => server.close())
    const own = (server.address() as AddressInfo).port
    return { port: own, url: `ws://127.0.0.1:${own}` }
  }

  /** Ends recording, then all that the scenario has left open. */
  async end(): Promise<void> {
    this.#sealed = true
    for (const cleanup of this.#cleanups.reverse()) {
      try {
        await cleanup()
      } catch {
        // What is closed already cannot be closed: of no interest here.
      }
    }
  }

  stuck(): void {
    this.log('stuck', `still waiting for ${[...this.#waiting].join(', ') || 'the end of the scenario'}`)
  }
}

async function recordTranscript(scenario: Scenario, client: Implementation, server: Implementation): Promise<Transcript> {
  const ctx = new Context(client, server, scenario.part)
  let timer: NodeJS.Timeout | undefined
  const stuck = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      ctx.stuck()
      resolve()
    }, STUCK_MS)
  })
  try {
    await Promise.race([
      stuck,
      Promise.resolve(scenario.run(ctx)).catch((error: unknown) => ctx.log('scenario', 'throws', describeValue(error)))
    ])
  } catch (error) {
    ctx.log('scenario', 'throws', describeValue(error))
  } finally {
    clearTimeout(timer)
    await ctx.end()
  }
  return ctx.transcript
}

/** A file that is there once the transcript of ws is known; the runs with other kernels and other ways to sockets read it. */
function referenceFile(title: string, scenario: Scenario): string {
  const hash = createHash('sha1').update(`${title}\n${scenario.name}`).digest('hex')
  return path.join(inject('runFolder'), `${hash}.json`)
}

const references = new Map<Scenario, Promise<Transcript>>()

/** What ws on both sides does, recorded once in each run of the suite. */
function referenceTranscript(title: string, scenario: Scenario): Promise<Transcript> {
  let transcript = references.get(scenario)
  if (transcript === undefined) {
    transcript = recordReference(referenceFile(title, scenario), scenario)
    references.set(scenario, transcript)
  }
  return transcript
}

async function recordReference(file: string, scenario: Scenario): Promise<Transcript> {
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Transcript
  const transcript = await recordTranscript(scenario, reference, reference)
  if ('stuck' in transcript) return transcript
  // Another file may be written for the same at the same time
  writeFileSync(`${file}-${process.pid}`, JSON.stringify(transcript))
  renameSync(`${file}-${process.pid}`, file)
  return transcript
}

function pairings(part: Part): [string, Implementation, Implementation][] {
  switch (part) {
    case 'client':
      return [['hybi client', subject, reference]]
    case 'server':
      return [['hybi server', reference, subject]]
    case 'module':
      return [['hybi', subject, subject]]
    case 'both':
      return [
        ['hybi client, ws server', subject, reference],
        ['ws client, hybi server', reference, subject],
        ['hybi client, hybi server', subject, subject]
      ]
  }
}

/** `lines` with each run of `from` replaced by `to`, or null where there is none. */
function replaceLines(lines: string[], from: string[], to: string[]): string[] | null {
  const result: string[] = []
  let found = false
  for (let i = 0; i < lines.length;) {
    if (from.every((line, j) => lines[i + j] === line)) {
      result.push(...to)
      i += from.length
      found = true
    } else result.push(lines[i++])
  }
  return found ? result : null
}

/** What is expected of hybi: ws's transcript with the listed differences in it. */
function withDifferences(transcript: Transcript, listed: Difference[]): Transcript {
  const expected: Transcript = { ...transcript }
  for (const { id, lane, ws, hybi } of listed) {
    const lines = replaceLines(expected[lane] ?? [], ws, hybi)
    expect(
      lines,
      `difference "${id}" names lines that ws does not give in lane "${lane}": ${JSON.stringify(expected[lane])}`
    ).not.toBeNull()
    expected[lane] = lines as string[]
  }
  return expected
}

/** Defines a test for each scenario and pairing. */
export function runScenarios(title: string, scenarios: Scenario[]): void {
  const names = scenarios.map((one) => one.name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new Error(`two scenarios are called "${twice}"`)

  const define = (scenario: Scenario): void => {
    for (const [label, client, server] of pairings(scenario.part)) {
      test(`${scenario.name} (ws ${scenario.section}; ${label})`, { timeout: 3 * STUCK_MS }, async () => {
        const theirs = await referenceTranscript(title, scenario)
        expect(theirs, 'ws itself got stuck: the scenario is wrong').not.toHaveProperty('stuck')
        expect(theirs, 'the scenario threw on ws itself').not.toHaveProperty('scenario')
        expect(Object.keys(theirs).length, 'the scenario records nothing').toBeGreaterThan(0)
        const ours = await recordTranscript(scenario, client, server)
        if (process.env.HYBI_DIFF_PRINT)
          console.log(JSON.stringify({ scenario: scenario.name, pairing: label, ws: theirs, hybi: ours }, null, 2))
        const listed = differences.filter(
          (one) => standIn === undefined && one.scenario === scenario.name && showsIn(one, client, server)
        )
        expect(ours).toEqual(withDifferences(theirs, listed))
      })
    }
  }
  describe.concurrent(title, () => scenarios.filter((one) => !one.alone).forEach(define))
  const alone = scenarios.filter((one) => one.alone)
  if (alone.length > 0) describe.sequential(`${title}, one at a time`, () => alone.forEach(define))
}

function showsIn(difference: Difference, client: Implementation, server: Implementation): boolean {
  if (difference.where === 'client') return client === subject
  if (difference.where === 'server') return server === subject
  return client === subject || server === subject
}

type Run = (ctx: Context) => Promise<void> | void

/** A scenario with both parts: all pairings. */
export const both = (section: string, name: string, run: Run): Scenario => ({ name, section, part: 'both', run })
/** A scenario of the client against a bare server. */
export const client = (section: string, name: string, run: Run): Scenario => ({ name, section, part: 'client', run })
/** A scenario of the server against a bare client. */
export const server = (section: string, name: string, run: Run): Scenario => ({ name, section, part: 'server', run })
/** A scenario of exports alone. */
export const module = (section: string, name: string, run: Run): Scenario => ({ name, section, part: 'module', run })
/** The same scenario for a client and for a server, each against a bare peer. */
export const roles = (
  section: string,
  name: string,
  run: (ctx: Context, role: 'client' | 'server') => Promise<void> | void
): Scenario[] =>
  (['client', 'server'] as const).map((role) => ({
    name: `${name}, as ${role}`,
    section,
    part: role,
    run: (ctx) => run(ctx, role)
  }))
/** The same scenario, not at the same time as any other of its file. */
export const alone = (scenario: Scenario): Scenario => ({ ...scenario, alone: true })
