// Processes of the suite: started on a CPU of their own, asked over IPC, never left behind.

import { execFile, spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'

const children = new Set()
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

let cpus

/** The CPUs processes may be pinned to, by number; none where they cannot be. */
function pinnable() {
  if (cpus !== undefined) return cpus
  cpus = []
  if (process.platform === 'linux' && availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0) {
    const allowed = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? ''
    for (const range of allowed.split(',')) {
      const [from, to = from] = range.split('-').map(Number)
      for (let cpu = from; cpu <= to; cpu++) cpus.push(cpu)
    }
  }
  return cpus
}

function commandFor(file, { runtime = process.execPath, args, execArgv, cpu, pin }) {
  const command = [runtime, ...execArgv, fileURLToPath(file), ...args]
  return pin && pinnable().length > 1 ? ['taskset', '-c', String(pinnable()[cpu]), ...command] : command
}

/** What the program `file` prints. */
export function output(file, { args, execArgv, pin, withinMs }) {
  const [command, ...rest] = commandFor(file, { args, execArgv, cpu: 0, pin })
  return new Promise((resolve, reject) => {
    const child = execFile(command, rest, { timeout: withinMs, killSignal: 'SIGKILL' }, (error, stdout) => {
      children.delete(child)
      if (error) reject(error)
      else resolve(stdout.trim())
    })
    children.add(child)
  })
}

/** A process that runs `file` and answers what `serve` offers there. */
export class Child {
  #process
  #calls = new Map()
  #nextId = 0
  #ready
  #exited
  #failure = null

  /**
   * @param file what to run, a URL
   * @param options.runtime what runs it, this Node by default
   * @param options.cpu 0 for what is measured, 1 for the load: they never share a CPU where there are two
   */
  constructor(file, { runtime, args = [], env = {}, execArgv = [], cpu = 0, pin = true, onProgress = () => {} } = {}) {
    const command = commandFor(file, { runtime, args, execArgv, cpu, pin })
    this.#process = spawn(command[0], command.slice(1), {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'inherit', 'pipe', 'ipc']
    })
    children.add(this.#process)
    let complaint = ''
    this.#process.stderr.setEncoding('utf8').on('data', (text) => (complaint = (complaint + text).slice(-2000)))
    this.#exited = new Promise((resolve) => {
      this.#process.once('close', (code, signal) => {
        children.delete(this.#process)
        const error = new Error(`a process ended (${signal ?? code})${complaint && `: ${complaint.trim()}`}`)
        this.#failure = error
        for (const { reject } of this.#calls.values()) reject(error)
        this.#calls.clear()
        resolve()
      })
    })
    this.#process.on('error', () => {})
    this.#ready = this.#expect('ready', 20_000)
    this.#ready.catch(() => {})
    this.#process.on('message', ({ id, result, error, progress }) => {
      if (progress !== undefined) return onProgress(progress)
      const call = this.#calls.get(id)
      if (call === undefined) return
      this.#calls.delete(id)
      if (error === undefined) call.resolve(result)
      else call.reject(new Error(error))
    })
  }

  #expect(id, withinMs) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#calls.delete(id)
        reject(new Error(`no answer within ${withinMs / 1000} s`))
      }, withinMs)
      const settle = (how) => (value) => {
        clearTimeout(timer)
        how(value)
      }
      this.#calls.set(id, { resolve: settle(resolve), reject: settle(reject) })
    })
  }

  /** Asks for `name` and gives the answer; fails where none comes in time or the process ends. */
  async call(name, args = {}, withinMs = 30_000) {
    await this.#ready
    if (this.#failure !== null) throw this.#failure
    const id = this.#nextId++
    const answer = this.#expect(id, withinMs)
    this.#process.send({ id, name, args }, () => {})
    return answer
  }

  /** Ends the process; resolves when it is gone. */
  stop() {
    this.#process.kill('SIGKILL')
    return this.#exited
  }
}

/** Answers a parent's calls with `commands`; the process ends with its parent. */
export function serve(commands) {
  process.on('message', async ({ id, name, args }) => {
    try {
      const result = await commands[name](args)
      process.send({ id, result })
    } catch (error) {
      process.send({ id, error: error.stack ?? String(error) })
    }
  })
  process.on('disconnect', () => process.exit())
  process.send({ id: 'ready' })
}

/** Tells the parent how far its call has come. */
export const tellProgress = (progress) => process.send({ progress })
