// Raw DEFLATE (RFC 1951): finds matches lazily, in hash chains or in sets, and hands tokens to the block writer.
//
// Positions are numbered modulo 2^16 and go on from message to message, so that tables need no clearing: an entry is a hint at most.
// It is taken if the octets are equal, its distance is within the history, and distances rise along the chain.

import { TOKENS, TOKENS_CAPACITY } from './codec-memory'
import { closeOutput, openOutput, syncFlush, writeBlock } from './deflate-block'
import { Chains } from './deflate-chains'
import { HASHED, Sets } from './deflate-sets'
import { addLiteral, addMatch } from './deflate-tokens'

/**
 * Deflates the octets from `start` to `end`, to OUTPUT.
 * @param heads positions by hash, 2^`hashBits` of them as u16
 * @param previous links of the chains as u16; `mask` + 1 of them, a power of two and not below `window`
 * @param history where the octets begin that matches may refer to
 * @param unhashed first octet that is not in the tables yet
 * @param position number of the octet at address 0
 * @param window largest distance, in octets
 * @param shortest length of the shortest match and of what is hashed, 4 or 5 octets
 * @param chain how many earlier positions are looked at
 * @param lazy a match of so many octets is taken without looking for a better one at the next
 * @param nice a match of so many octets ends the search
 * @param flush whether to end with an empty stored block; else up to 7 bits stay in PENDING_BITS for the next call
 * @returns number of octets at OUTPUT
 */
export function deflate(
  heads: usize,
  hashBits: u32,
  previous: usize,
  mask: u32,
  history: usize,
  unhashed: usize,
  start: usize,
  end: usize,
  position: u32,
  window: u32,
  shortest: usize,
  chain: u32,
  lazy: usize,
  nice: usize,
  flush: bool
): i32 {
  return deflateLazily<Chains>(
    heads,
    64 - (shortest << 3),
    64 - hashBits,
    previous,
    mask,
    history,
    unhashed,
    start,
    end,
    position,
    window,
    shortest,
    chain,
    lazy,
    nice,
    flush
  )
}

/**
 * The same for at most ROOM octets, with matches from a table of sets, and with an empty stored block at the end.
 * @param table SET_COUNT sets of 64 octets
 * @returns number of octets at OUTPUT
 */
export function deflateSets(
  table: usize,
  history: usize,
  unhashed: usize,
  start: usize,
  end: usize,
  position: u32,
  window: u32,
  chain: u32,
  lazy: usize,
  nice: usize
): i32 {
  return deflateLazily<Sets>(table, 0, 0, 0, 0, history, unhashed, start, end, position, window, HASHED, chain, lazy, nice, true)
}

/**
 * Both of them, with `T` for the table: the compiler makes a function of each. A match waits until it is known which one there is at the next octet, and gives way to that if it is longer.
 * @param table heads of the chains, or sets
 * @param shift how far the octets that are hashed are moved up in eight
 * @param down how far their hash is moved down
 */
function deflateLazily<T>(
  table: usize,
  shift: u64,
  down: u64,
  previous: usize,
  mask: u32,
  history: usize,
  unhashed: usize,
  start: usize,
  end: usize,
  position: u32,
  window: u32,
  shortest: usize,
  chain: u32,
  lazy: usize,
  nice: usize,
  flush: bool
): i32 {
  // behind this one, too few octets are left to be hashed; the next call comes back to them
  const hashEnd = end + 1 > history + shortest ? end + 1 - shortest : history
  for (let p = unhashed; p < hashEnd && p < start; p++) {
    if (idof<T>() == idof<Sets>()) Sets.enter(table, p, <u32>p + position)
    else Chains.enter(table, shift, down, previous, mask, p, <u32>p + position)
  }

  openOutput()
  let p = start
  let blockStart = start
  let token = TOKENS
  const tokensEnd = TOKENS + ((<usize>TOKENS_CAPACITY) << 2)
  /** Match at the octet before `p`: 0 if there is none; `waiting` tells whether that octet is still to be written. */
  let heldLength: usize = 0
  let heldDistance: u32 = 0
  let waiting = false

  while (p < hashEnd) {
    const at = <u32>p + position
    const limit = min(<u32>(p - history), window)
    const found =
      idof<T>() == idof<Sets>()
        ? Sets.search(table, p, at, end, limit, heldLength, chain, lazy, nice)
        : Chains.search(table, shift, down, previous, mask, p, at, end, limit, shortest, heldLength, chain, lazy, nice)

    if (found == 0 && heldLength != 0) {
      // the match held is the better one: it began at the octet before
      addMatch(token, <u32>heldLength - 3, heldDistance - 1)
      token += 4
      const stop = p + heldLength - 1
      const hashStop = min(stop, hashEnd)
      for (p++; p < hashStop; p++) {
        if (idof<T>() == idof<Sets>()) Sets.enter(table, p, <u32>p + position)
        else Chains.enter(table, shift, down, previous, mask, p, <u32>p + position)
      }
      p = stop
      heldLength = 0
      waiting = false
    } else {
      if (waiting) {
        addLiteral(token, load<u8>(p - 1))
        token += 4
      }
      waiting = true
      heldLength = found & 0xffff
      heldDistance = found >> 16
      p++
    }

    // what goes to sets never fills a block
    if (idof<T>() == idof<Chains>() && token >= tokensEnd) {
      const written = waiting ? p - 1 : p
      writeBlock(blockStart, written, token)
      blockStart = written
      token = TOKENS
    }
  }

  // The last octets: no search begins there, but a match held may reach over them
  if (heldLength != 0) {
    addMatch(token, <u32>heldLength - 3, heldDistance - 1)
    token += 4
    p += heldLength - 1
  } else if (waiting) p--
  for (; p < end; p++) {
    addLiteral(token, load<u8>(p))
    token += 4
  }
  if (token > TOKENS) writeBlock(blockStart, end, token)
  if (flush) syncFlush()
  return closeOutput()
}
