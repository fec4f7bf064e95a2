// Masking (RFC 6455 §5.3).

/** `v` XOR key at `target`, kept within `length` octets, fewer than 16. */
function storeHead(target: usize, v: v128, length: usize): void {
  let octets = i64x2.extract_lane(v, 0)
  if (length & 8) {
    store<u64>(target, octets)
    octets = i64x2.extract_lane(v, 1)
    target += 8
  }
  if (length & 4) {
    store<u32>(target, <u32>octets)
    octets >>= 32
    target += 4
  }
  if (length & 2) {
    store<u16>(target, <u16>octets)
    octets >>= 16
    target += 2
  }
  if (length & 1) store<u8>(target, <u8>octets)
}

/** 0xff in the first `length` lanes, fewer than 16. */
export function headLanes(length: usize): v128 {
  return i8x16.lt_u(i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), i8x16.splat(<i8>length))
}

/**
 * `target[0, length) = source[0, length) XOR key`, in place or to a place that does not overlap. Nothing else is written.
 * @returns whether an octet of the result is above 0x7f (costs nothing measurable, and saves text a pass)
 */
export function mask(source: usize, target: usize, length: usize, key: u32): bool {
  const keys = i32x4.splat(key)
  if (length < 16) {
    const v = v128.xor(v128.load(source), keys)
    storeHead(target, v, length)
    return i8x16.bitmask(v128.and(v, headLanes(length))) != 0
  }
  // The last 16 octets overlap with those before them: they are read before those are written, and written after.
  const lastKeys = i32x4.splat(rotr<u32>(key, (<u32>(length & 3)) << 3))
  const last = v128.xor(v128.load(source + length - 16), lastKeys)
  const lastTarget = target + length - 16
  let seen = last
  let end = source + (length & ~63)
  while (source < end) {
    const a = v128.xor(v128.load(source), keys)
    const b = v128.xor(v128.load(source, 16), keys)
    const c = v128.xor(v128.load(source, 32), keys)
    const d = v128.xor(v128.load(source, 48), keys)
    v128.store(target, a)
    v128.store(target, b, 16)
    v128.store(target, c, 32)
    v128.store(target, d, 48)
    seen = v128.or(seen, v128.or(v128.or(a, b), v128.or(c, d)))
    source += 64
    target += 64
  }
  while (target < lastTarget) {
    const v = v128.xor(v128.load(source), keys)
    v128.store(target, v)
    seen = v128.or(seen, v)
    source += 16
    target += 16
  }
  v128.store(lastTarget, last)
  return i8x16.bitmask(seen) != 0
}
