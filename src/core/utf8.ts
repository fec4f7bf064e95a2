// UTF-8 (RFC 3629) in plain JavaScript, for runtimes without an encoder of their own.

const REPLACEMENT = 0xfffd

/** Length of `text` in UTF-8, in octets; a lone surrogate counts as U+FFFD, three octets. */
export function utf8Length(text: string): number {
  let length = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    if (unit < 0x800) {
      length++
    } else {
      length += 2
      // Two units make four octets: two are counted above for the first unit, and the second unit stands for itself.
      if (isLeadSurrogate(unit) && isTrailSurrogate(text.charCodeAt(i + 1))) i++
    }
  }
  return length
}

/**
 * Writes `text` in UTF-8 to `target` at `offset`, lone surrogates as U+FFFD; `utf8Length(text)` octets must fit there.
 * @returns the number of octets written
 */
export function utf8Write(text: string, target: Uint8Array, offset: number): number {
  let at = offset
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) {
      target[at++] = unit
    } else if (unit < 0x800) {
      target[at++] = 0xc0 | (unit >> 6)
      target[at++] = 0x80 | (unit & 0x3f)
    } else if (isLeadSurrogate(unit) && isTrailSurrogate(text.charCodeAt(i + 1))) {
      const point = 0x10000 + ((unit - 0xd800) << 10) + (text.charCodeAt(++i) - 0xdc00)
      target[at++] = 0xf0 | (point >> 18)
      target[at++] = 0x80 | ((point >> 12) & 0x3f)
      target[at++] = 0x80 | ((point >> 6) & 0x3f)
      target[at++] = 0x80 | (point & 0x3f)
    } else {
      const point = (unit & 0xf800) === 0xd800 ? REPLACEMENT : unit
      target[at++] = 0xe0 | (point >> 12)
      target[at++] = 0x80 | ((point >> 6) & 0x3f)
      target[at++] = 0x80 | (point & 0x3f)
    }
  }
  return at - offset
}

/** UTF-16 units that go to one `String.fromCharCode` call: few enough for any engine's limit of arguments. */
const UNITS_PER_CALL = 4096

/**
 * Text of the UTF-8 in `octets[start, end)`, a byte order mark included.
 * Octets that are not UTF-8 become U+FFFD, one for each longest prefix of a sequence, as the WHATWG decoder has it.
 */
export function utf8Decode(octets: Uint8Array, start: number, end: number): string {
  const units = new Uint16Array(Math.min(end - start + 2, UNITS_PER_CALL))
  let text = ''
  let count = 0
  let at = start

  while (at < end) {
    if (count + 2 > units.length && count !== 0) {
      text += String.fromCharCode.apply(null, units.subarray(0, count) as unknown as number[])
      count = 0
    }
    const first = octets[at++]
    if (first < 0x80) {
      units[count++] = first
      continue
    }

    let more = first < 0xc2 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : first < 0xf5 ? 3 : 0
    let point = more === 0 ? REPLACEMENT : first & (0x3f >> more)
    // RFC 3629 §4: the second octet's range keeps out overlong forms, surrogates, and what lies above U+10FFFF.
    let least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80
    let most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf
    for (; more > 0; more--) {
      const next = at < end ? octets[at] : 0
      if (next < least || next > most) {
        point = REPLACEMENT
        break
      }
      point = (point << 6) | (next & 0x3f)
      least = 0x80
      most = 0xbf
      at++
    }

    if (point < 0x10000) {
      units[count++] = point
    } else {
      units[count++] = 0xd800 | ((point - 0x10000) >> 10)
      units[count++] = 0xdc00 | (point & 0x3ff)
    }
  }
  return text + String.fromCharCode.apply(null, units.subarray(0, count) as unknown as number[])
}

function isLeadSurrogate(unit: number): boolean {
  return (unit & 0xfc00) === 0xd800
}

function isTrailSurrogate(unit: number): boolean {
  return (unit & 0xfc00) === 0xdc00
}
