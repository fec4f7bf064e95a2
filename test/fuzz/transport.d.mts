export const SECRET: Buffer

export function fillPoolsWithSecret(): number

export function fuzzTransport(
  implementation: unknown,
  options: { runs?: number; milliseconds?: number; seed?: number; progress?: (done: number) => void }
): Promise<number>
