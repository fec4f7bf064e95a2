// UTF-8 validation in JavaScript (RFC 3629 §4) by an automaton; states are those of `Kernels` (src/core/kernels.ts).

import { SEEN_NON_ASCII } from '../core/scan-flags.js'

/*
 * States of the automaton, which are places in the words of TRANSITIONS: the word of an octet has the state that follows on state s in the
 * five bits from s on, so that a step is a load and a shift, whatever the text: 0.9 ns an octet (`npm run bench -- kernels`). The places
 * overlap where the octets' words allow it; they were found by search.
 */
const STATE_BITS = 31
const INVALID = 0
/** Between sequences. */
const COMPLETE = 21
/** One, two and three continuations are to come. */
const ONE_MORE = 16
const TWO_MORE = 1
const THREE_MORE = 5
/** Behind these first octets the second one's range keeps out overlong forms, surrogates, and what lies above U+10FFFF. */
const AFTER_E0 = 6
const AFTER_ED = 27
const AFTER_F0 = 11
const AFTER_F4 = 26

function stateAfterFirst(octet: number): number {
  if (octet < 0x80) return COMPLETE
  if (octet < 0xc2 || octet > 0xf4) return INVALID
  if (octet < 0xe0) return ONE_MORE
  if (octet < 0xf0) return octet === 0xe0 ? AFTER_E0 : octet === 0xed ? AFTER_ED : TWO_MORE
  return octet === 0xf0 ? AFTER_F0 : octet === 0xf4 ? AFTER_F4 : THREE_MORE
}

function transitionsOf(octet: number): number {
  const word = stateAfterFirst(octet) << COMPLETE
  if ((octet & 0xc0) !== 0x80) return word
  return (
    word |
    (COMPLETE << ONE_MORE) |
    (ONE_MORE << TWO_MORE) |
    (TWO_MORE << THREE_MORE) |
    (ONE_MORE << (octet < 0xa0 ? AFTER_ED : AFTER_E0)) |
    (TWO_MORE << (octet < 0x90 ? AFTER_F4 : AFTER_F0))
  )
}

const TRANSITIONS = new Int32Array(256)
for (let octet = 0; octet < 256; octet++) TRANSITIONS[octet] = transitionsOf(octet)

/** Place of a state of the ports. */
function placeOf(state: number): number {
  let place = COMPLETE
  // The octets of the sequence that is under way, the first one highest
  if (state > 0xffff) place = TRANSITIONS[state >>> 16] >>> place
  if (state > 0xff) place = TRANSITIONS[(state >>> 8) & 0xff] >>> place
  if (state > 0) place = TRANSITIONS[state & 0xff] >>> place
  return place & STATE_BITS
}

/** The octets of the sequence that is under way at the end of `octets[start, end)`; it began there or in `state`. */
function stateAtEnd(octets: Uint8Array, start: number, end: number, state: number): number {
  let at = end - 1
  while (at >= start && (octets[at] & 0xc0) === 0x80) at--
  let result = at < start ? state : 0
  for (at = Math.max(at, start); at < end; at++) result = (result << 8) | octets[at]
  return result
}

/** `Kernels.validate`. */
export function validateOctets(octets: Uint8Array, start: number, end: number, state: number): number {
  let place = placeOf(state)
  let seen = 0
  let at = start
  for (const last = end - 8; at <= last; at += 8) {
    const a = octets[at]
    const b = octets[at + 1]
    const c = octets[at + 2]
    const d = octets[at + 3]
    const e = octets[at + 4]
    const f = octets[at + 5]
    const g = octets[at + 6]
    const h = octets[at + 7]
    const all = a | b | c | d | e | f | g | h
    if (all < 0x80 && place === COMPLETE) continue
    seen |= all
    place = TRANSITIONS[a] >>> place
    place = TRANSITIONS[b] >>> place
    place = TRANSITIONS[c] >>> place
    place = TRANSITIONS[d] >>> place
    place = TRANSITIONS[e] >>> place
    place = TRANSITIONS[f] >>> place
    place = TRANSITIONS[g] >>> place
    place = (TRANSITIONS[h] >>> place) & STATE_BITS
    if (place === INVALID) return -1
  }
  for (; at < end; at++) {
    seen |= octets[at]
    place = TRANSITIONS[octets[at]] >>> place
  }
  place &= STATE_BITS
  if (place === INVALID) return -1
  return (place === COMPLETE ? 0 : stateAtEnd(octets, start, end, state)) | (seen > 0x7f ? SEEN_NON_ASCII : 0)
}

/** Length of the sequence at the end of `octets[start, end)` that may not be complete, 0 to 3. */
export function incompleteLength(octets: Uint8Array, start: number, end: number): number {
  for (let length = 1; length <= 3 && end - length >= start; length++) {
    const octet = octets[end - length]
    if (octet < 0x80) return 0
    if (octet >= 0xc0) return octet >= 0xf0 || (octet >= 0xe0 && length < 3) || length < 2 ? length : 0
  }
  return 0
}
