import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HORIZON, laterTick, ticksFrom, TimingWheel } from '../../src/services/timing-wheel.js'

/** Takes all that are due, and has them looked at again as late as can be. */
function takeDue(wheel: TimingWheel): number[] {
  const places: number[] = []
  for (let place = wheel.due; place >= 0; place = wheel.due) {
    places.push(place)
    wheel.move(place, HORIZON)
  }
  return places
}

test('places are due in their tick, in which they come all', () => {
  const wheel = new TimingWheel()
  const places = [3, 1, 3, HORIZON, 2].map((ticks) => wheel.add(ticks))
  const due: number[][] = []
  for (let i = 0; i < 3; i++) {
    wheel.advance()
    due.push(takeDue(wheel).sort())
  }
  expect(due).toEqual([[places[1]], [places[4]], [places[0], places[2]]])
  for (let i = 3; i < HORIZON - 1; i++) wheel.advance()
  expect(wheel.due).toBe(-1)
  wheel.advance()
  expect(wheel.due).toBe(places[3])
})

test('what was due and was not looked at stays due, before what comes', () => {
  const wheel = new TimingWheel()
  const [a, b, c] = [1, 2, 2].map((ticks) => wheel.add(ticks))
  wheel.advance()
  wheel.advance()
  expect(takeDue(wheel).sort()).toEqual([a, b, c])
})

test('what is due later than it can wait is looked at and moved', () => {
  const wheel = new TimingWheel()
  wheel.add(1_000_000)
  for (let i = 0; i < HORIZON; i++) wheel.advance()
  expect(takeDue(wheel)).toHaveLength(1)
})

test('places are given again, and what many took is given back with the last', () => {
  const wheel = new TimingWheel()
  const first = wheel.capacity
  const places = Array.from({ length: 1000 }, () => wheel.add(5))
  expect(new Set(places).size).toBe(1000)
  expect(wheel.capacity).toBeGreaterThanOrEqual(1000)
  expect(wheel.capacity).toBeLessThan(1600)
  wheel.remove(places[500])
  expect(wheel.add(5)).toBe(places[500])
  for (const place of places) wheel.remove(place)
  expect(wheel.size).toBe(0)
  expect(wheel.capacity).toBe(first)
})

test('ticks are counted over and over', () => {
  const wheel = new TimingWheel()
  wheel.tick = laterTick(0, -2)
  const before = wheel.tick
  const place = wheel.add(5)
  for (let i = 0; i < 5; i++) {
    expect(wheel.due).toBe(-1)
    wheel.advance()
  }
  expect(wheel.tick).toBe(3)
  expect(wheel.due).toBe(place)
  expect(ticksFrom(before, wheel.tick)).toBe(5)
})

describe('whatever is added, moved and removed', () => {
  const command = fc.oneof(
    fc.record({ type: fc.constant('add' as const), ticks: fc.integer({ min: 1, max: 200 }) }),
    fc.record({ type: fc.constant('move' as const), which: fc.nat(), ticks: fc.integer({ min: 1, max: 200 }) }),
    fc.record({ type: fc.constant('remove' as const), which: fc.nat() }),
    fc.record({ type: fc.constant('advance' as const), by: fc.integer({ min: 1, max: 150 }) })
  )

  test('is due when it should be, as a list of times says', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
        const wheel = new TimingWheel()
        const times = new Map<number, number>()
        let now = 0
        const at = (ticks: number) => now + Math.min(ticks, HORIZON)
        for (const one of commands) {
          const place = 'which' in one ? [...times.keys()][one.which % times.size] : -1
          if (one.type === 'add') {
            times.set(wheel.add(one.ticks), at(one.ticks))
          } else if (one.type === 'advance') {
            for (let i = 0; i < one.by; i++) {
              wheel.advance()
              now++
              const due = [...times].filter(([, time]) => time === now).map(([place]) => place)
              const found = takeDue(wheel)
              expect(found.sort()).toEqual(due.sort())
              for (const place of found) times.set(place, now + HORIZON)
            }
          } else if (place !== undefined) {
            if (one.type === 'move') {
              wheel.move(place, one.ticks)
              times.set(place, at(one.ticks))
            } else {
              wheel.remove(place)
              times.delete(place)
            }
          }
          expect(wheel.size).toBe(times.size)
        }
      })
    )
  })
})
