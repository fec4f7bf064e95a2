/** Runs a program's `main`; what it throws is printed behind `name`. A signal ends it by exit, so that what was started is ended. */
export async function runProgram(name, main) {
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1))
  try {
    await main()
  } catch (error) {
    console.error(`${name}: ${error.message}`)
    process.exitCode = 1
  }
}
