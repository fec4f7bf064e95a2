// When a frame leaves: within the call that sends it, or, in a burst, together with others. A burst costs one write for each connection
// then, and who sends one message and blocks, exits or kills the process has sent it.
//
// A frame is gathered if frames of its connection wait already; if it is sent within a read of which more is still to be delivered; if its
// connection wrote a moment ago; or if several connections did. What was gathered leaves at the end of that read (or, if a nested event
// loop keeps it from ending, in the next turn of that), else in the next tick; when it is long; and as soon as a look at the clock shows
// that time has passed since. Outputs write it before anything can tell the difference: a look at the socket, a write beside us, the end of
// the process.

import process from 'node:process'
import { processWide } from '../runtime/process-wide.js'
import { forgetMessage } from './prepared-message.js'
import { clock, nextTick, rethrowLater, setImmediate } from '../runtime/ticks.js'

/** Octets of one connection that are not gathered any further. */
const GATHER_LIMIT = 64 * 1024
/** Frames that leave within their calls in one turn of the event loop, over all connections. */
const WRITES = 8
/**
 * Frames that follow one another faster than this, in ms, are a burst. Whoever blocks until the peer has answered takes longer; and a
 * write takes a tenth of it.
 */
const GAP_MS = 0.1
/** The same between looks at the clock that left frames out. */
const UNTIMED_GAP_MS = 1
/** How long a frame waits at most while its program goes on sending, in ms. */
const AGE_MS = 5
/** Frames between two looks at the clock, at most; a look takes 50 to 90 ns. */
const MOST_UNTIMED = 16

/** Frames wait for others. */
export const GATHERED = 1
/** It is in the list of those that have frames to write. */
const LISTED = 2
/** It wrote more than once in the turn before: it is worth a look at the clock when it begins. */
const BUSY = 4
/** Each frame leaves in its call. */
export const AT_ONCE = 8
/** The system did not take all of its last write at once. */
export const SLOW = 16
/** Looks at the lengths of its socket are noticed. */
export const WATCHED = 32
/** Its link is to be told when a write is done. */
export const TELLING = 64

/** Who writes frames. */
export interface Departing {
  /** GATHERED, LISTED, BUSY, AT_ONCE, SLOW, WATCHED and TELLING. */
  flags: number
  /** The turn in which it wrote last. */
  turn: number
  /** Octets that wait. */
  readonly gatheredLength: number
  flush(): void
}

/** Whose octets are being delivered. */
export interface Reading {
  /** Whether more of what was read is about to be delivered. */
  readonly hasMore: boolean
}

/** Outputs with something to write. */
const listed: (Departing | null)[] = []
/** How many they are; the list keeps its length, as V8 lets go of the memory of one that is emptied: 150 octets of garbage a turn. */
let listedCount = 0
/** The first of them that is not written yet. */
let nextListed = 0
/** A longer list is not kept. */
const LIST_LIMIT = 1024

/** Reads that we are in; more than one in a nested event loop, or if one writes to another within the process. */
let reads = 0
let reading: Reading | null = null

/** A turn begins with its first frame and ends with the read, or with the next tick. */
let hasBegun = false
let turn = 0
let isTickDue = false
let isImmediateDue = false
/** Frames that left within their calls in this turn. */
let writes = 0
/** Frames until the next look at the clock, and how many there were between the last two. */
let untilLook = 0
let untimed = 0
/** When the clock was looked at last, and when the oldest frame that waits was noticed, in ms; NaN: not yet. */
const times = new Float64Array(2)
const LOOKED = 0
const OLDEST = 1

/** What holds if the option is not given: HYBI_COALESCE as it was when the program started. */
const CHOICE = process.env.HYBI_COALESCE || 'auto'
const CHOICES: readonly string[] = ['auto', 'off']

/** @throws {TypeError} if HYBI_COALESCE has another value */
export function checkCoalesce(): void {
  if (CHOICES.includes(CHOICE)) return
  throw new TypeError(`Invalid value of the environment variable HYBI_COALESCE: ${CHOICE} (must be one of "auto", "off")`)
}

/** Whether frames of a burst may leave together, by the option `coalesce`. */
export function coalesces(option: boolean | null | undefined): boolean {
  return option == null ? CHOICE === 'auto' : Boolean(option)
}

/** Functions of all copies of the package that are called when the process ends; one that is not used any more need not be. */
type ExitCalls = Set<WeakRef<() => void>>

let isExiting = false
let isHooked = false

/** Begins the delivery of what `receiver` was given; returns what `leaveRead` is to be told. */
export function enterRead(receiver: Reading): Reading | null {
  const outer = reading
  reading = receiver
  reads++
  return outer
}

/** Ends it: what was gathered leaves. */
export function leaveRead(outer: Reading | null): void {
  reading = outer
  reads--
  if (hasBegun) endTurn()
}

/** To be called behind each frame: whether it leaves now, with all that its output has gathered; else it will be written later. */
export function leavesNow(output: Departing): boolean {
  let isTimed = true
  if (!hasBegun) {
    beginTurn((output.flags & BUSY) !== 0)
  } else if (--untilLook < 0) {
    const limit = untimed === 0 ? GAP_MS : UNTIMED_GAP_MS
    const gap = look()
    if (gap >= limit || isOld()) {
      // Time for what waits, and for this frame with it
      untilLook = untimed = 0
      writes = 1
      turn = (turn + 1) & 0x3fffffff
      output.turn = turn
      flushListed()
      return true
    }
    isTimed = gap === gap
  }
  const { flags } = output
  if ((flags & AT_ONCE) !== 0) return true
  if ((flags & GATHERED) !== 0) return output.gatheredLength >= GATHER_LIMIT || isExiting
  const isRepeated = output.turn === turn
  output.turn = turn
  output.flags = isRepeated ? flags | BUSY : flags & ~BUSY
  if (isExiting) return true
  const isBurst = writes >= WRITES || (isRepeated && isTimed) || (reads > 0 && reading!.hasMore)
  if (isBurst && output.gatheredLength < GATHER_LIMIT) {
    list(output)
    return false
  }
  writes++
  return true
}

/** To be called for a frame that leaves whatever the time: notes that something was sent in this turn. */
export function noteTurn(): void {
  if (!hasBegun) beginTurn(false)
}

function list(output: Departing): void {
  output.flags |= GATHERED
  if (reads > 0) {
    // The end of the read writes it; but in a nested event loop that may not come for long. A tick for each read would cost more (`npm run bench -- w3`)
    if (!isImmediateDue) {
      isImmediateDue = true
      setImmediate(immediate)
    }
  } else if (!isTickDue) {
    isTickDue = true
    nextTick(tick)
  }
  if ((output.flags & LISTED) !== 0) return
  output.flags |= LISTED
  if (listedCount === 0) times[OLDEST] = NaN
  listed[listedCount++] = output
}

function beginTurn(isTimed: boolean): void {
  hasBegun = true
  untilLook = untimed = 0
  times[LOOKED] = isTimed ? clock() : NaN
  if (reads > 0 || isTickDue) return
  isTickDue = true
  nextTick(tick)
}

function tick(): void {
  isTickDue = false
  if (hasBegun) endTurn()
}

function immediate(): void {
  isImmediateDue = false
  if (hasBegun) endTurn()
}

function endTurn(): void {
  if (listedCount > 0) flushListed()
  forgetMessage()
  hasBegun = false
  writes = 0
  turn = (turn + 1) & 0x3fffffff
}

/** Time since the last look, in ms; NaN if that is not known. The faster frames come, the less often the clock is looked at. */
function look(): number {
  const now = clock()
  const gap = now - times[LOOKED]
  times[LOOKED] = now
  if (gap < GAP_MS) untimed = untimed === 0 ? 4 : Math.min(MOST_UNTIMED, untimed * 4)
  else untimed = 0
  untilLook = untimed
  return gap
}

/** Whether the oldest frame has waited long enough, as of the last look. */
function isOld(): boolean {
  if (listedCount === 0) return false
  const now = times[LOOKED]
  if (now - times[OLDEST] >= AGE_MS) return true
  if (Number.isNaN(times[OLDEST])) times[OLDEST] = now
  return false
}

function flushListed(): void {
  // A write may make others gather, and a callback may end a turn and so come here again: both go on with the same list
  while (nextListed < listedCount) {
    const output = listed[nextListed]!
    listed[nextListed++] = null
    output.flags &= ~LISTED
    try {
      output.flush()
    } catch (error) {
      rethrowLater(error)
    }
  }
  if (listedCount > LIST_LIMIT) listed.length = 0
  listedCount = nextListed = 0
}

/** `send(); process.exit()` delivers; what is sent from here on leaves in its call, as no tick follows. */
function onExit(): void {
  isExiting = true
  flushListed()
}

/** Sees to it that nothing waits when the process ends. */
export function watchExit(): void {
  if (isHooked) return
  isHooked = true
  const calls = processWide('exit.1', callAtExit)
  for (const call of calls) if (call.deref() === undefined) calls.delete(call)
  calls.add(new WeakRef(onExit))
}

/** One listener for all copies: each hot reload would add one. */
function callAtExit(): ExitCalls {
  const calls: ExitCalls = new Set()
  process.on('exit', () => {
    for (const call of calls) call.deref()?.()
  })
  return calls
}
