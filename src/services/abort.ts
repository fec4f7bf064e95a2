// Waiting that an AbortSignal can end.

export interface Abortable {
  signal?: AbortSignal | undefined
}

/**
 * The signal in `options`; undefined if there is none.
 * @throws {TypeError} if it is something else
 */
export function signalOf(options: Abortable | undefined): AbortSignal | undefined {
  const signal: unknown = options?.signal
  if (signal === undefined) return undefined
  if (signal instanceof AbortSignal) return signal
  throw new TypeError('The "signal" option must be an AbortSignal')
}

/** `promise`, or the reason of `signal` if that comes first. */
export function untilAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.reject(signal.reason as Error)
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error)
    const leave = (): void => signal.removeEventListener('abort', abort)
    signal.addEventListener('abort', abort, { once: true })
    promise.finally(leave).then(resolve, reject)
  })
}
