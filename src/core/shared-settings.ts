// Settings of connections: the many connections of a server, which are alike, share one object for them.

/**
 * Makes a function that returns a copy of its argument, the one it returned last where all members are the same. The argument may be one
 * object that is filled anew for each call: a connection then leaves no settings for the garbage collector.
 */
export function sharing<T extends object>(): (settings: T) => T {
  let last: T | null = null
  return (settings) => (last !== null && isSame(last, settings) ? last : (last = { ...settings }))
}

function isSame<T extends object>(one: T, other: T): boolean {
  for (const name in other) if (one[name] !== other[name]) return false
  return true
}
