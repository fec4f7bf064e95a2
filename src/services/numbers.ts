// Arrays of numbers with an element for each place of a wheel.

export type Numbers = Int32Array<ArrayBuffer>

/** A copy with room for half as many more. */
export function grown(numbers: Numbers): Numbers {
  return resized(numbers, Math.ceil(numbers.length * 1.5))
}

/** What is in `numbers`, as far as `length` elements have room for it. */
export function resized(numbers: Numbers, length: number): Numbers {
  if (numbers.length === length) return numbers
  const others = new Int32Array(length)
  others.set(length < numbers.length ? numbers.subarray(0, length) : numbers)
  return others
}
