// Checks of option values: what is wrong is said in the constructor, with what is allowed.

/** Longest time that timers know, in ms. */
export const MOST_MS = 2 ** 31 - 1

function invalid(Kind: new (message: string) => Error, name: string, value: unknown, allowed: string): never {
  let shown: string
  try {
    shown = typeof value === 'string' ? JSON.stringify(value) : String(value)
  } catch {
    shown = typeof value
  }
  throw new Kind(`Invalid value for option "${name}": ${shown} (must be ${allowed})`)
}

/** @throws {TypeError} that says what the option must be */
export function wrongType(name: string, value: unknown, allowed: string): never {
  return invalid(TypeError, name, value, allowed)
}

/** @throws {RangeError} that says what the option must be */
export function outOfRange(name: string, value: unknown, allowed: string): never {
  return invalid(RangeError, name, value, allowed)
}

/** A number from `least` to `most`; `otherwise` if the option is not given. */
export function numberOption<Otherwise>(
  name: string,
  value: unknown,
  otherwise: Otherwise,
  least: number,
  most = Infinity
): number | Otherwise {
  if (value == null) return otherwise
  if (typeof value !== 'number') return wrongType(name, value, 'a number')
  const range = most === Infinity ? `a number of at least ${least}` : `a number from ${least} to ${most}`
  // NaN is neither
  if (!(value >= least && value <= most)) return outOfRange(name, value, range)
  return value
}

/** The same for what is counted. */
export function countOption<Otherwise>(name: string, value: unknown, otherwise: Otherwise, least = 1): number | Otherwise {
  if (value == null) return otherwise
  if (typeof value !== 'number') return wrongType(name, value, 'a number')
  // 'Infinity' is a way to say that there is none
  if (value !== Infinity && !(Number.isInteger(value) && value >= least)) {
    return outOfRange(name, value, `an integer of at least ${least}`)
  }
  return value
}

export function functionOption<Value>(name: string, value: Value): NonNullable<Value> | null {
  if (value == null) return null
  if (typeof value !== 'function') return wrongType(name, value, 'a function')
  return value
}

export function booleanOption(name: string, value: unknown): boolean {
  if (value == null) return false
  if (typeof value !== 'boolean') return wrongType(name, value, 'true or false')
  return value
}
