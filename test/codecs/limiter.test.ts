import { expect, test } from 'vitest'
import { Limiter, sharedLimiter } from '../../src/node/codecs/limiter.js'

function harness(concurrency: number | undefined, count: number): { started: number[]; releases: Array<() => void> } {
  const limiter = new Limiter(concurrency)
  const started: number[] = []
  const releases: Array<() => void> = []
  for (let i = 0; i < count; i++) {
    limiter.add((release) => {
      started.push(i)
      releases.push(release)
    })
  }
  return { started, releases }
}

test('starts as many jobs as it may at once, and each other when one releases its place, in order', () => {
  const { started, releases } = harness(2, 5)
  expect(started).toEqual([0, 1])
  releases[1]()
  expect(started).toEqual([0, 1, 2])
  releases[0]()
  releases[2]()
  expect(started).toEqual([0, 1, 2, 3, 4])
})

test.each([0, undefined, Number.NaN, Infinity])('takes %s for no limit', (concurrency) => {
  expect(harness(concurrency, 100).started.length).toBe(100)
})

test('counts a place that is released twice once', () => {
  const { started, releases } = harness(1, 4)
  releases[0]()
  releases[0]()
  expect(started).toEqual([0, 1])
})

test('runs many thousands of waiting jobs that release at once, in order', () => {
  const limiter = new Limiter(1)
  const order: number[] = []
  let releaseFirst = (): void => {}
  limiter.add((release) => (releaseFirst = release))
  for (let i = 0; i < 50_000; i++) {
    limiter.add((release) => {
      order.push(i)
      release()
    })
  }
  releaseFirst()
  expect(order.length).toBe(50_000)
  expect(order.every((job, i) => job === i)).toBe(true)
})

test('gives the place of a job that throws to the next', () => {
  const limiter = new Limiter(1)
  const started: number[] = []
  const fail = (): void => {
    throw new Error('of the job')
  }
  expect(() => limiter.add(fail)).toThrow('of the job')
  let releaseFirst = (): void => {}
  limiter.add((release) => (releaseFirst = release))
  limiter.add(fail)
  limiter.add(() => started.push(2))
  limiter.add(() => started.push(3))
  expect(() => releaseFirst()).toThrow('of the job')
  expect(started).toEqual([2])
})

test('is one for the process, with the limit of the first caller', () => {
  const first = sharedLimiter(3)
  expect(first.concurrency).toBe(3)
  expect(sharedLimiter(undefined)).toBe(first)
  expect(sharedLimiter(7).concurrency).toBe(3)
})

test('has a limit of 10 where the first caller names none', async () => {
  const fresh = async (limit: number | undefined): Promise<number> => {
    const { vi } = await import('vitest')
    vi.resetModules()
    return (await import('../../src/node/codecs/limiter.js')).sharedLimiter(limit).concurrency
  }
  expect(await fresh(undefined)).toBe(10)
  expect(await fresh(0)).toBe(Infinity)
})
