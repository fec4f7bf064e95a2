// The few statistics the suite needs, and numbers as people read them.

/** The middle value, or the mean of the middle two; NaN of nothing. */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2
}

/** The value that `share` (0 to 1) of all values do not exceed; NaN of nothing. */
export function percentile(values, share) {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** Three significant digits, with k or M where that is shorter; a dash where there is no number. */
export function short(value) {
  if (!Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  if (size >= 999.5e3) return `${digits(value / 1e6)}M`
  if (size >= 9995) return `${digits(value / 1e3)}k`
  return digits(value)
}

function digits(value) {
  const size = Math.abs(value)
  return value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : size >= 0.9995 || size === 0 ? 2 : 3)
}

/** `least..most` of the values; one number where they read the same. */
export function spread(values, format = short) {
  if (values.length === 0) return '–'
  const [least, most] = [format(Math.min(...values)), format(Math.max(...values))]
  return least === most ? least : `${least}..${most}`
}

/** A number of octets with its binary unit. */
export function octets(value) {
  if (!Number.isFinite(value)) return '–'
  for (const [unit, size] of [
    ['MiB', 1024 ** 2],
    ['KiB', 1024]
  ]) {
    if (Math.abs(value) >= size) return `${Number((value / size).toFixed(1))} ${unit}`
  }
  return `${Math.round(value)} B`
}
