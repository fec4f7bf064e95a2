// How many compression jobs the process gives to the thread pool at a time: more at once fragment the heap badly.

import { Fifo } from '../../core/fifo.js'

/** A job; it calls `release`, once, as soon as the next job may begin. */
export type Job = (release: () => void) => void

/** Runs jobs in the order of `add`, at most `concurrency` of them at a time. */
export class Limiter {
  readonly concurrency: number
  private running: number
  private readonly waiting = new Fifo<Job>()
  private starting: boolean

  /** @param concurrency 0 and undefined stand for no limit */
  constructor(concurrency?: number | null) {
    this.concurrency = concurrency && concurrency > 0 ? concurrency : Infinity
    this.running = 0
    this.starting = false
  }

  /** Runs `job` now, or after enough of those before it have released their places. What a job throws comes out here or of a `release`. */
  add(job: Job): void {
    this.waiting.push(job)
    this.startWaiting()
  }

  private startWaiting(): void {
    // A loop, as jobs that release at once would otherwise call each other to any depth.
    if (this.starting) return
    this.starting = true
    let thrown: { error: unknown } | null = null
    while (this.running < this.concurrency && this.waiting.length > 0) {
      try {
        this.start(this.waiting.shift() as Job)
      } catch (error) {
        thrown ??= { error }
      }
    }
    this.starting = false
    if (thrown !== null) throw thrown.error
  }

  private start(job: Job): void {
    let held = true
    const release = (): void => {
      if (!held) return
      held = false
      this.running--
      this.startWaiting()
    }

    this.running++
    try {
      job(release)
    } catch (error) {
      // A job that throws has not begun: its place must not stay taken for ever.
      release()
      throw error
    }
  }
}

const DEFAULT_CONCURRENCY = 10

let shared: Limiter | null = null

/** The limiter of the whole process, as the thread pool is the whole process's; the first caller fixes its concurrency. */
export function sharedLimiter(concurrencyLimit: number | null | undefined): Limiter {
  shared ??= new Limiter(concurrencyLimit === undefined ? DEFAULT_CONCURRENCY : concurrencyLimit)
  return shared
}
