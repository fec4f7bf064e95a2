export function headOf(seed: number): string

export interface Counts {
  connections: number
  /** Of those at the server that is direct: how many came to be a WebSocket, and how many of these had no stream then. */
  upgraded: number
  direct: number
  /** The reference has more than one result. */
  unsteady: number
  /** The result is the one that Node has where its parser gets octets by way of 'data' events. */
  asData: number
}

export function fuzzDirect(
  implementation: unknown,
  options: { connections: number; seed: number; from?: number; concurrency?: number; progress?: (counts: Counts) => void }
): Promise<Counts>
