export interface Ends {
  client: unknown
  server: unknown
}

export interface ChaosOptions {
  sessions?: number
  milliseconds?: number
  seed?: number
  codec?: 'wasm' | 'zlib' | 'pako' | 'none'
  /** Of a hundred sessions. */
  torn?: number
  tls?: { key: string | Uint8Array; cert: string | Uint8Array }
  /** Whether the proxy runs in a thread of its own. */
  apart?: boolean
  progress?: (counts: Counts) => void
  onFault?: (text: string) => void
}

export interface Counts {
  sessions: number
  torn: number
  sent: number
  received: number
  lost: number
  successes: number
  failures: number
}

export function chaos(ends: Ends, options: ChaosOptions): Promise<Counts>
