import { beforeEach, expect, test } from 'vitest'
import { Ticker, type Ticking } from '../../src/services/ticker.js'
import { VirtualTime } from './support.js'

let time: VirtualTime
let ticker: Ticker
let ran: string[]

beforeEach(() => {
  time = new VirtualTime(0)
  ticker = new Ticker(time)
  ran = []
})

const every = (name: string, ms: number): Ticking => ({
  run(now) {
    ran.push(`${name} ${now}`)
    return now + ms
  }
})

test('there is one timer for all, and none without any', () => {
  const [a, b] = [every('a', 30), every('b', 20)]
  expect(time.timers.size).toBe(0)
  ticker.add(a, 30)
  ticker.add(b, 20)
  expect(time.timers.size).toBe(1)
  time.pass(65)
  expect(time.timers.size).toBe(1)
  expect(ran).toEqual(['b 20', 'a 30', 'b 40', 'a 60', 'b 60'])
  ticker.remove(a)
  expect(time.timers.size).toBe(1)
  ticker.remove(b)
  expect(time.timers.size).toBe(0)
})

test('one that is added for an earlier time does not wait for the others', () => {
  ticker.add(every('late', 1000), 1000)
  time.pass(10)
  ticker.add(every('soon', 1000), 15)
  time.pass(10)
  expect(ran).toEqual(['soon 15'])
})

test('one may go, and another come, while they run', () => {
  const once: Ticking = {
    run(now) {
      ran.push(`once ${now}`)
      ticker.remove(once)
      ticker.add(every('next', 10), now + 5)
      return now + 1
    }
  }
  ticker.add(once, 10)
  time.pass(26)
  expect(ran).toEqual(['once 10', 'next 15', 'next 25'])
  expect(time.timers.size).toBe(1)
})

test('the last may go while it runs', () => {
  const once: Ticking = {
    run(now) {
      ticker.remove(once)
      return now + 1
    }
  }
  ticker.add(once, 10)
  time.pass(100)
  expect(time.runs).toBe(1)
  expect(time.timers.size).toBe(0)
})
