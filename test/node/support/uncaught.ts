// Exceptions that nobody catches, kept from the test runner for as long as a test expects them.

/** Runs `action`; resolves with what was thrown outside of any call meanwhile. */
export async function uncaughtDuring(action: () => Promise<void>): Promise<Error[]> {
  const others = process.listeners('uncaughtException')
  const errors: Error[] = []
  const collect = (error: Error): void => {
    errors.push(error)
  }
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', collect)
  try {
    await action()
    await new Promise((resolve) => setImmediate(resolve))
  } finally {
    process.removeListener('uncaughtException', collect)
    for (const other of others) process.on('uncaughtException', other)
  }
  return errors
}
